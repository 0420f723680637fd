"""Entities as half-open spans: over words for scoring, over characters for answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from ner_tasks.labels import OUTSIDE, label_of


@dataclass(frozen=True, order=True)
class WordSpan:
    """An entity over the words `[start, end)` of one sentence."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Entity:
    """An entity over the characters `[start, end)` of one text; `text[start:end]` is the mention.

    `score` is the lowest probability among the entity's words, 0 to 1.
    """

    start: int
    end: int
    label: str
    mention: str
    score: float


def spans_of(tags: Sequence[str]) -> list[WordSpan]:
    """Entities in a sequence of BIO tags.

    An `I-` that continues nothing opens an entity of its own, as conlleval reads it, so that every
    sequence a model can produce has exactly one reading.

    Source: conlleval.pl of CoNLL-2000; seqeval's default mode gives the same spans.
    """
    spans: list[WordSpan] = []
    start, label = 0, None
    for index, tag in enumerate([*tags, OUTSIDE]):
        inside = tag.startswith("I-") and label == label_of(tag)
        if label is not None and not inside:
            spans.append(WordSpan(start, index, label))
        if not inside:
            start, label = index, label_of(tag)
    return spans
