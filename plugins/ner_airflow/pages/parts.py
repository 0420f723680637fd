"""Pagination of long documents: selects the entities and text that one page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_tasks import display
from ner_tasks.tagging.answers import Answer

N_ENTITIES = 200  # per page
# longer documents are shown as excerpts around their entities
WHOLE_CHARACTERS = 20_000
_MAX_LABELS = 50


@dataclass(frozen=True)
class DocumentPart:
    """Entities `[first, last)` of a document and the text around them.

    Attributes:
        first, last: numbers of the entities in the document, `[first, last)`.
        n_entities: number of entities in the document.
        entities: the selected entities in text order.
        stretches: `[start, end)` of the excerpts around them, in characters; empty if the text was not kept.
        label_counts: number of entities in the whole document by label, for at most 50 labels.
        n_more_labels: number of labels left out of `label_counts`.
    """

    first: int
    last: int
    n_entities: int
    entities: Sequence[Mapping[str, Any]]
    stretches: Sequence[tuple[int, int]]
    label_counts: Sequence[tuple[str, int]]
    n_more_labels: int


def select_part(answer: Answer, first: int) -> DocumentPart:
    """Select the page of a document that holds entity number `first`.

    Args:
        answer: the document's answer.
        first: number of an entity, from 0; a number past the end selects the last page.
    """
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
