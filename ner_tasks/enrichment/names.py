"""Names and mentions in one spelling, so that they are found whatever their case, accents, white space or hyphens."""

import re
import unicodedata
from typing import NamedTuple

# Latin, Greek and Cyrillic accents. The marks of other scripts are letters or vowels: without them it is another word.
_ACCENTS = re.compile("[\u0300-\u036f]")
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_APOSTROPHES = "\u2018\u2019\u02bc\u00b4`"
# soft hyphens, and characters without a width
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_SPELLING = str.maketrans(
    {**dict.fromkeys(_HYPHENS, "-"), **dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_INVISIBLE, None)}
)
# Between two words. The hyphen of `HER2-` says negative and that of `5-10` is a range: both stay.
_JOINING = re.compile(r"(?<=[^\W\d_]|[*])-(?=[\w*])|(?<=\d)-(?=[^\W\d_]|[*])")
_WORD = re.compile(r"\w+(?:'\w+)*")
_LEAST_SINGULAR = 4  # letters; shorter words are abbreviations: AID is not the singular of AIDS
_HISSING = ("s", "x", "z", "ch", "sh")


class VocabularyRow(NamedTuple):
    """A name of a code.

    Attributes:
        key: the name as `normalize_name` spells it; "" if nothing is looked up by this name.
        name: the name; the first one of a code is shown to people.
        code: the code.
        system: its code system, such as ICD-10-CM.
    """

    key: str
    name: str
    code: str
    system: str


def normalize_name(name: str) -> str:
    """Return the spelling under which a name is looked up.

    Case, accents, the width of characters and white space do not count, nor does whether two words are joined by a
    hyphen or a space. Other punctuation counts.
    """
    if not name.isascii():
        name = unicodedata.normalize("NFKD", name.translate(_SPELLING)).translate(_SPELLING)
        name = _ACCENTS.sub("", unicodedata.normalize("NFKD", name.casefold()))
    else:
        name = name.lower().replace("`", "'")
    if "-" in name:
        name = _JOINING.sub(" ", name)
    return " ".join(name.split())


def vary_number(key: str) -> list[str]:
    """Return the possible singulars and plurals of a normalized name, by the last word's ending; not all are words."""
    head, space, last = key.rpartition(" ")
    if not last.isalpha():
        return []
    words = [word for word in _singulars(last) if len(word) >= _LEAST_SINGULAR]
    if len(last) >= _LEAST_SINGULAR:
        words += _plurals(last)
    return [f"{head}{space}{word}" for word in words]


def split_words(key: str) -> list[str]:
    """Return the words of a normalized name, without punctuation."""
    return _WORD.findall(key)


def sort_words(key: str) -> str:
    """Return the words of a normalized name in alphabetical order, each once."""
    return " ".join(sorted(set(split_words(key))))


def _singulars(word: str) -> list[str]:
    if not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return []
    found = [word[:-1]]
    if word.endswith("ies"):
        found.append(f"{word[:-3]}y")
    if word.endswith("ses"):
        found.append(f"{word[:-2]}is")  # diagnoses
    if word.endswith("es") and word[:-2].endswith(_HISSING):
        found.append(word[:-2])
    return found


def _plurals(word: str) -> list[str]:
    if word.endswith("sis"):
        return [f"{word[:-2]}es"]
    if word.endswith(_HISSING):
        return [f"{word}es"]
    if word.endswith("y") and word[-2] not in "aeiou":
        return [f"{word[:-1]}ies"]
    return [f"{word}s"]
