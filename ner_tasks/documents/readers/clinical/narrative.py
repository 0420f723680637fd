"""Check whether a narrative contains the text of a coded entry, so that no text is read twice."""

import re

_WORD = re.compile(r"\w+")
# Maximum characters that all searches in one document scan, about one second; later strings count as not contained.
_MAX_SEARCHED = 2_000_000_000


class NarrativeBudget:
    """Limits the characters scanned by all searches in one document."""

    def __init__(self) -> None:
        self.n_left = _MAX_SEARCHED


class Narrative:
    """The words of one narrative."""

    def __init__(self, text: str, budget: NarrativeBudget):
        self._words = _split_words(text)
        self._budget = budget

    def __bool__(self) -> bool:
        return bool(self._words.strip())

    def contains(self, text: str) -> bool:
        """Whether the narrative contains the words of `text` consecutively and in order."""
        words = _split_words(text)
        if len(words) > len(self._words) or self._budget.n_left < 0:
            return False
        self._budget.n_left -= len(self._words)
        return words in self._words


def _split_words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "
