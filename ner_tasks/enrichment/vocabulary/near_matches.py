"""Find names of a vocabulary that are like a mention: suggestions for people, never answers.

Two kinds. *HeadingSpelling*: only words that the vocabulary does not know are corrected, so that no known word is ever taken for
another one that is spelled like it; two words may also be joined, or one split. *Words*: the same words in another order,
without one of three or more, or the mention as the beginning of a longer name. Short words and words with digits are neither
changed nor left out, and opposites (hypertension, hypotension) are not offered for each other. The work for one mention is
bounded.
"""

from collections.abc import Callable, Iterator
from itertools import product

from ner_tasks.enrichment.names import sort_words, split_words

MAX_WORDS, MAX_CHARACTERS = 8, 80  # of a mention; longer ones are sentences
LEAST_CORRECTED = 5  # letters of a word that may be misspelled
_MAX_UNKNOWN, _MAX_SPELLINGS = 2, 5
_LEAST_LEFT_OUT = 3  # letters; shorter words tell apart, as in hepatitis B
_TWO_EDITS = 9  # letters from which on a word may have two wrong ones

# Changing one into the other, or leaving the second out, reverses a meaning.
_OPPOSITES = (
    *(("hyper", "hypo"), ("brady", "tachy"), ("pre", "post"), ("ante", "post"), ("intra", "extra"), ("inter", "intra")),
    *(("endo", "exo"), ("endo", "ecto"), ("macro", "micro"), ("poly", "oligo"), ("uni", "bi"), ("mono", "poly")),
    *(("super", "sub"), ("supra", "infra"), ("hetero", "homo"), ("hetero", "homeo"), ("ab", "ad"), ("in", "ex")),
    *(("hemi", "quadri"), ("para", "tetra"), ("proximal", "distal"), ("anterior", "posterior"), ("upper", "lower")),
    *(("increased", "decreased"), ("acute", "chronic"), ("benign", "malignant"), ("left", "right"), ("male", "female")),
)
_PRIVATIVES = ("a", "ab", "an", "anti", "de", "dis", "dys", "il", "im", "in", "ir", "mal", "non", "un")
_NEGATIONS = frozenset({"free", "no", "non", "not", "negative", "never", "without"})

FindKeys = Callable[[str], list[str]]


def are_opposites(word: str, other: str) -> bool:
    """Return whether two words begin with opposite prefixes, or differ only by a prefix such as `a-` or `un-`."""
    for one, two in _OPPOSITES:
        if (word.startswith(one) and other.startswith(two)) or (word.startswith(two) and other.startswith(one)):
            return True
    short, long = sorted((word, other), key=len)
    return long.endswith(short) and long.removesuffix(short) in _PRIVATIVES


def may_be_misspelled(word: str) -> bool:
    """Return whether another spelling of this word is looked for."""
    return len(word) >= LEAST_CORRECTED and word.isalpha()


def count_edits(word: str, other: str, most: int) -> int | None:
    """Count the letters to insert, remove, replace or swap with their neighbour; None if there are more than `most`.

    Each letter is edited once. Meant for words: takes time proportional to the square of their length.
    """
    if abs(len(word) - len(other)) > most:
        return None
    same = next((place for place, (one, two) in enumerate(zip(word, other, strict=False)) if one != two), 0)
    word, other = word[same:], other[same:]
    far = most + 1
    older: list[int] = []
    before = [min(column, far) for column in range(len(other) + 1)]
    for row, letter in enumerate(word, 1):
        line = [far] * (len(other) + 1)
        if row <= most:
            line[0] = row
        for column in range(max(1, row - most), min(len(other), row + most) + 1):
            edits = min(before[column - 1] + (letter != other[column - 1]), before[column] + 1, line[column - 1] + 1)
            if row > 1 < column and letter == other[column - 2] and word[row - 2] == other[column - 1]:
                edits = min(edits, older[column - 2] + 1)
            line[column] = min(edits, far)
        if min(line) > most and min(before) >= most:  # a swap reaches two rows back
            return None
        older, before = before, line
    return before[-1] if before[-1] <= most else None


def halve(word: str) -> tuple[str, str]:
    """Return the beginning and end of a word, one of which a single wrong letter, or two swapped ones, leave unchanged."""
    half = (len(word) - 1) // 2
    return word[:half], word[len(word) - half :]


def spell_alike(word: str, candidates: list[str]) -> list[str]:
    """Return the candidates that are spelled like a word and are not its opposite, the nearest first, five at most."""
    most = 2 if len(word) >= _TWO_EDITS else 1
    found = []
    for other in set(candidates):
        edits = count_edits(word, other, most)
        if edits and not are_opposites(word, other):
            found.append((edits, other))
    return [other for _, other in sorted(found)[:_MAX_SPELLINGS]]


def respell(key: str, find_spellings: Callable[[str], list[str] | None]) -> Iterator[str]:
    """Yield a normalized name with its unknown words corrected, and with two words joined or one split.

    Args:
        key: a normalized name.
        find_spellings: returns the words like one; None if the vocabulary has the word itself.
    """
    words = key.split(" ")
    if len(words) > MAX_WORDS or len(key) > MAX_CHARACTERS:
        return
    choices = [find_spellings(word) if may_be_misspelled(word) else None for word in words]
    if 0 < sum(choice is not None for choice in choices) <= _MAX_UNKNOWN:
        for spelled in product(
            *([word] if choice is None else choice for word, choice in zip(words, choices, strict=True))
        ):
            yield " ".join(spelled)
    for place in range(1, len(words)):
        yield " ".join([*words[: place - 1], words[place - 1] + words[place], *words[place + 1 :]])
    if len(words) == 1:
        for place in range(2, len(key) - 1):
            yield f"{key[:place]} {key[place:]}"


def reword(key: str) -> Iterator[str]:
    """Yield the words of a normalized name in alphabetical order: all of them, then without one of three or more."""
    words = split_words(key)
    if not 1 < len(words) <= MAX_WORDS or len(key) > MAX_CHARACTERS:
        return
    yield sort_words(key)
    for place, word in enumerate(words):
        if len(words) > 2 and len(word) >= _LEAST_LEFT_OUT and word.isalpha() and word not in _NEGATIONS:
            yield sort_words(" ".join(words[:place] + words[place + 1 :]))
