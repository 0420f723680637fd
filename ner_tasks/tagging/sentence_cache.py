"""Answers to sentences that a run has tagged before: letterheads, disclaimers and forms are computed once.

A cache belongs to one run, and so to one model and one configuration. A repeated sentence gets the answer of its first
occurrence, as a repeated document does. docs/decisions/0022 has the reasons.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ner_tasks.errors import GateNotPassed
from ner_tasks.tagging.receipts import SentenceAnswer

CACHE_MIB = 32
# Memory of an answer with a tag and a score for each word, and of an entity. A test measures it.
_ANSWER_BYTES, _WORD_BYTES, _ENTITY_BYTES = 700, 48, 260
_SEPARATOR = "\n"  # no word of a sentence contains white space


class SentenceTagger(Protocol):
    """Tags every word of a list of sentences, in order; see `inference.tagger.Tagger`."""

    @property
    def version(self) -> str: ...
    def tag(self, sentences: Sequence[Sequence[str]]) -> Sequence[SentenceAnswer]: ...


class CachedAnswer(NamedTuple):
    """The answer to one sentence, and whether it was computed for an earlier one of the same words."""

    answer: SentenceAnswer
    is_repeated: bool


class SentenceCache:
    """Tagger that computes each distinct sentence once, as long as its answer is among the recently used ones.

    Args:
        tagger: the model.
        max_mib: approximate limit of memory in MiB; the answers least recently used are dropped.
    """

    def __init__(self, tagger: SentenceTagger, max_mib: float = CACHE_MIB):
        self._tagger, self._version, self._max_bytes = tagger, tagger.version, int(max_mib * 2**20)
        self._answers: dict[str, SentenceAnswer] = {}  # by the words, the least recently used first
        self._n_bytes = 0

    def tag(self, sentences: Sequence[Sequence[str]]) -> list[CachedAnswer]:
        """Tag sentences; if computing fails, the cache stays as it was.

        Args:
            sentences: words of each sentence.

        Returns:
            Answers in the order of the sentences.

        Raises:
            GateNotPassed: the tagger is no longer of the version whose answers are here.
        """
        if self._tagger.version != self._version:
            raise GateNotPassed(
                f"found model {self._tagger.version!r}, expected {self._version!r}, for the sentence cache of this run"
            )
        keys = [_make_key(words) for words in sentences]
        known = {key: self._answers[key] for key in keys if key in self._answers}
        first: dict[str | None, int] = {}  # of the sentences to compute, by key
        to_compute = []
        for index, key in enumerate(keys):
            if key is None or (key not in known and key not in first):
                to_compute.append(index)
                first[key] = index
        computed = self._tagger.tag([sentences[index] for index in to_compute]) if to_compute else []
        new = dict(zip(to_compute, computed, strict=True))
        tagged = [
            CachedAnswer(new[index], is_repeated=False)
            if index in new
            else CachedAnswer(known[key] if key in known else new[first[key]], is_repeated=True)
            for index, key in enumerate(keys)
        ]
        for key, one in zip(keys, tagged, strict=True):
            if key is not None:
                self._keep(key, one.answer)
        return tagged

    def _keep(self, key: str, answer: SentenceAnswer) -> None:
        """Make an answer the most recently used one, and drop the oldest ones beyond the limit."""
        if self._answers.pop(key, None) is None:
            self._n_bytes += _estimate_bytes(key, answer)
        self._answers[key] = answer
        while self._n_bytes > self._max_bytes:
            oldest = next(iter(self._answers))
            self._n_bytes -= _estimate_bytes(oldest, self._answers.pop(oldest))


def _make_key(words: Sequence[str]) -> str | None:
    """Return a string that only these words have; None if a word contains the separator, or there are no words."""
    key = _SEPARATOR.join(words)
    return key if words and key.count(_SEPARATOR) == len(words) - 1 else None


def _estimate_bytes(key: str, answer: SentenceAnswer) -> int:
    n_characters = len(key) if key.isascii() else 2 * len(key)
    return _ANSWER_BYTES + _WORD_BYTES * len(answer.tags) + _ENTITY_BYTES * len(answer.entities) + n_characters
