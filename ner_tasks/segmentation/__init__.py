"""Split text into sentences and words by the rules of its language, with the characters `[start, end)` of each."""

from ner_tasks.segmentation.detection import AUTO, LANGUAGE_PATTERN, choose_language
from ner_tasks.segmentation.languages import DEFAULT_LANGUAGE
from ner_tasks.segmentation.sentences import MAX_SENTENCE_WORDS, iter_sentences, split_sentences
from ner_tasks.segmentation.words import Word

__all__ = [
    "AUTO",
    "DEFAULT_LANGUAGE",
    "LANGUAGE_PATTERN",
    "MAX_SENTENCE_WORDS",
    "Word",
    "choose_language",
    "iter_sentences",
    "split_sentences",
]
