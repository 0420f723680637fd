"""Entities of whole texts, from what the tagger answers for their sentences."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ner_tasks.entities import ScoredSpan, TextEntity, place_entities
from ner_tasks.segmentation import AUTO, Word, choose_language, split_sentences


class _Answer(Protocol):
    """Answer for one sentence, see `inference.tagger.TaggedSentence`."""

    @property
    def entities(self) -> Sequence[ScoredSpan]: ...


def find_entities(
    texts: Sequence[str], tag: Callable[[Sequence[Sequence[str]]], Sequence[_Answer]], language: str = AUTO
) -> list[list[TextEntity]]:
    """Split texts into sentences and words, tag all sentences at once, and give each text its entities.

    Args:
        texts: any strings.
        tag: tags sentences of words, in order.
        language: language of the texts, see `segmentation.choose_language`.

    Raises:
        ConfigInvalid: `language` is no such setting.
        TypeError: `texts` is a single string.
    """
    if isinstance(texts, str):
        raise TypeError("found a str, expected a sequence of texts")
    sentences = [split_sentences(text, choose_language(language, text)) for text in texts]
    words = [
        [text[start:end] for start, end in sentence]
        for text, of_text in zip(texts, sentences, strict=True)
        for sentence in of_text
    ]
    answers = iter(tag(words))
    return [list(_entities_of(text, of_text, answers)) for text, of_text in zip(texts, sentences, strict=True)]


def _entities_of(text: str, sentences: Sequence[Sequence[Word]], answers: Iterator[_Answer]) -> Iterator[TextEntity]:
    """Entities of one text; takes one answer for each of its sentences."""
    for sentence in sentences:
        answer = next(answers)
        for start, end, label, score in place_entities(sentence, answer.entities):
            yield TextEntity(text[start:end], label, start, end, score)
