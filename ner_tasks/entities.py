"""Entities as half-open spans: over the words of a sentence, and over the characters of a text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ner_tasks.labels import OUTSIDE, tag_label


@dataclass(frozen=True, order=True)
class WordSpan:
    """An entity over the words `[start, end)` of one sentence."""

    start: int
    end: int
    label: str


class ScoredSpan(NamedTuple):
    """An entity of one sentence with its score: the probability, 0 to 1, that exactly these words are one of this label."""

    span: WordSpan
    score: float


@dataclass(frozen=True)
class TextEntity:
    """An entity in a text.

    Attributes:
        text: its characters, `[start, end)` of the text that it was found in.
        label: such as `per`, without `B-` or `I-`.
        start: first character.
        end: character after the last.
        score: probability, 0 to 1, that the entity is right in bounds and label; see `model.posterior`.
    """

    text: str
    label: str
    start: int
    end: int
    score: float


def bio_to_spans(tags: Sequence[str]) -> list[WordSpan]:
    """Convert BIO tags to entities.

    An `I-` without an entity to continue starts one, as in conlleval, so that every sequence of tags is defined.

    Source: conlleval.pl of CoNLL-2000; seqeval's default mode gives the same spans.
    """
    spans: list[WordSpan] = []
    start, label = 0, None
    for index, tag in enumerate([*tags, OUTSIDE]):
        if tag == OUTSIDE and label is None:
            continue  # most words
        inside = tag.startswith("I-") and label == tag_label(tag)
        if label is not None and not inside:
            spans.append(WordSpan(start, index, label))
        if not inside:
            start, label = index, tag_label(tag)
    return spans


def place_entities(
    words: Sequence[tuple[int, int]], entities: Sequence[ScoredSpan]
) -> Iterator[tuple[int, int, str, float]]:
    """Entities of one sentence as characters of its text.

    Args:
        words: characters `[start, end)` of each word.
        entities: entities of the sentence.

    Returns:
        Start and end in characters, label, and score rounded to four digits.
    """
    for span, score in entities:
        yield words[span.start][0], words[span.end - 1][1], span.label, round(float(score), 4)
