"""Folds mentions for comparison: case, accents, ligatures and kinds of spaces, quotes and dashes make no difference."""

import re
import unicodedata

from ner_tasks.surrogates import replace_surrogates

MAX_FOLDED = 200  # characters that are compared
MAX_STARTS = 8  # words of a mention by which it is found
# letters that Unicode does not decompose
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "ŧ": "t", "‘": "'", "’": "'"}
    | {"\0": " ", "“": '"', "”": '"', **dict.fromkeys("‐‒–—−", "-")}
)
# combining classes of accents and of vowel points that may be left out; others distinguish letters, as in Hindi or Thai
_ACCENTS = frozenset((1, *range(10, 37), *range(200, 241)))
_WORD = re.compile(r"[^\s/-]+[\s/-]*")


def fold_mention(text: str) -> str:
    """Fold a mention, or what is sought; at most `MAX_FOLDED` characters.

    Folding a folded text does not change it. Half surrogates become U+FFFD, and a NUL counts as a space.

    Source: Unicode Standard, chapter 3.13, compatibility caseless matching (D146), without accents.
    """
    text = text.strip()[: 4 * MAX_FOLDED]
    if not text.isascii():
        text = unicodedata.normalize("NFKD", replace_surrogates(text).casefold())
        text = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(one for one in text if unicodedata.combining(one) not in _ACCENTS)
    folded = " ".join(text.lower().translate(_LETTERS).split())
    return folded[:MAX_FOLDED].rstrip()


def list_starts(folded: str) -> list[str]:
    """List what a folded mention may be sought by: the whole, then the same from each later word on, at most eight."""
    places = [match.start() for match in _WORD.finditer(folded)][1:MAX_STARTS]
    return [folded, *(folded[place:] for place in places)]
