"""Whether a narrative already says what a coded entry says beside it, so that no text is read twice."""

import re

_WORD = re.compile(r"\w+")
# Characters that all searches in one document may pass over: a second's work. Later strings count as not said.
_MAX_SEARCHED = 2_000_000_000


class NarrativeBudget:
    """How much all narratives of one document may be searched, so that the work stays in proportion."""

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
        """Whether the words of `text` stand in the narrative in the same order, one behind the other."""
        words = _split_words(text)
        if len(words) > len(self._words) or self._budget.n_left < 0:
            return False
        self._budget.n_left -= len(self._words)
        return words in self._words


def _split_words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.casefold()))} "
