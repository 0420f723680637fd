"""Labelled sentences as plain text with the characters of their entities, for engines that are given strings.

Each text is a sentence: the model has learned sentences, and no peer's documentation splits a text into them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers.spans import TextSpan
from benchmarks.prose import PER_PARAGRAPH, prose
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import bio_to_spans
from ner_tasks.errors import ConfigInvalid
from ner_tasks.evaluation.metrics import Score
from ner_tasks.segmentation import split_sentences


@dataclass(frozen=True)
class LabelledText:
    """A text and its entities."""

    text: str
    entities: tuple[TextSpan, ...]


def write_texts(labelled: Sequence[LabelledSentence]) -> list[LabelledText]:
    """Return the sentences as running text; those without words are left out."""
    return [_write_text(sentence) for sentence in labelled if sentence.words]


def count_documented(labelled: Sequence[LabelledSentence], n_sentences: int) -> int:
    """Return the number of sentences that fill the documents of `documents.make_documents`.

    Raises:
        ConfigInvalid: there are fewer than eight sentences.
    """
    n_full = min(n_sentences, len(labelled)) // PER_PARAGRAPH * PER_PARAGRAPH
    if not n_full:
        raise ConfigInvalid("found fewer than 8 sentences, expected at least 8, in the test part")
    return n_full


def count_words(texts: Sequence[str]) -> int:
    """Return the number of words by our rules, the unit of all rates."""
    return sum(len(sentence) for text in texts for sentence in split_sentences(text))


def score_texts(gold: Sequence[LabelledText], found: Sequence[Sequence[TextSpan]]) -> Score:
    """Return the scores of entities over characters; bounds and label must be exactly right.

    Raises:
        ValueError: there are not as many answers as texts.
    """
    n_gold = n_predicted = n_correct = 0
    for one, entities in zip(gold, found, strict=True):
        right, guess = set(one.entities), set(entities)
        n_gold, n_predicted, n_correct = n_gold + len(right), n_predicted + len(guess), n_correct + len(right & guess)
    return Score.from_counts(n_gold, n_predicted, n_correct)


def _write_text(sentence: LabelledSentence) -> LabelledText:
    text = prose(sentence.words)
    starts, at = list[int](), 0
    for word in sentence.words:
        at = text.index(word, at)  # `prose` only removes spaces
        starts.append(at)
        at += len(word)
    entities = [
        (starts[span.start], starts[span.end - 1] + len(sentence.words[span.end - 1]), span.label)
        for span in bio_to_spans(sentence.tags)
    ]
    return LabelledText(text, tuple(entities))
