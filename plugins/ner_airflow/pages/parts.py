"""A bounded part of one document, as its page shows it; the others are a page each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_tasks import display
from ner_tasks.tagging.answers import Answer

N_ENTITIES = 200  # on one page
# longer documents are shown as stretches around their entities
WHOLE_CHARACTERS = 20_000
_MAX_LABELS = 50


@dataclass(frozen=True)
class DocumentPart:
    """Entities `[first, last)` of a document and the text around them.

    Attributes:
        first, last, n_entities: which entities, and of how many.
        entities: these, in the order of the text.
        stretches: bounds of the text around them; none where the text was not kept.
        label_counts: entities of the whole document by label, at most `_MAX_LABELS`.
        n_more_labels: labels that are left out.
    """

    first: int
    last: int
    n_entities: int
    entities: Sequence[Mapping[str, Any]]
    stretches: Sequence[tuple[int, int]]
    label_counts: Sequence[tuple[str, int]]
    n_more_labels: int


def select_part(answer: Answer, first: int) -> DocumentPart:
    """The part of a document that begins at entity number `first`, or its last part if there is none."""
    n_entities = len(answer.entities)
    first = min(first, max(n_entities - 1, 0)) // N_ENTITIES * N_ENTITIES
    entities = answer.entities[first : first + N_ENTITIES]
    counts = dict[str, int]()
    for entity in answer.entities:
        counts[entity["label"]] = counts.get(entity["label"], 0) + 1
    stretches = list[tuple[int, int]]()
    if answer.text is not None:
        whole = len(answer.text) <= WHOLE_CHARACTERS and n_entities <= N_ENTITIES
        stretches = [(0, len(answer.text))] if whole else display.find_stretches(answer.text, entities, most=N_ENTITIES)
    labels = sorted(counts.items())
    return DocumentPart(
        first,
        first + len(entities),
        n_entities,
        entities,
        stretches,
        labels[:_MAX_LABELS],
        max(0, len(labels) - _MAX_LABELS),
    )
