"""The YAML of section headings: its keys, and how our own and a user's become one."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import StrictModel, read_yaml

DEFAULT_LEXICON = Path(__file__).parent / "lexicons" / "sections.yaml"
MAX_NAME = 100  # characters of a heading's name; what is longer is no heading

_TOKEN = re.compile(r"[^\W_]+|[&+/,]")
_JOINING = {*"&+/,", "and"}
_INSIDE_WORD = re.compile("[.'’`´]")

KindName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
HeadingName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Initial = Annotated[str, StringConstraints(pattern=r"^[A-Z]$")]


class HeadingForm(StrEnum):
    """How a heading is written."""

    MARKDOWN = "markdown"  # ## Name
    UNDERLINED = "underlined"  # a line of dashes or the like follows
    MARKED = "marked"  # **Name**, === Name ===, [Name]
    NUMBERED = "numbered"  # 1. Name
    BULLETED = "bulleted"  # - Name: text
    UPPER_CASE = "upper-case"  # NAME
    ALONE = "alone"  # Name
    COLON = "colon"  # Name:
    INLINE = "inline"  # Name: text
    DASH = "dash"  # Name - text
    WITHIN_LINE = "within-line"  # text. NAME: text


class Standing(StrEnum):
    """How sure a name is to be a heading."""

    NAME = "names"
    AMBIGUOUS = "ambiguous"
    ABBREVIATION = "abbreviations"


class SectionKind(StrictModel):
    """The names of one kind of section; `lexicons/sections.yaml` documents each key."""

    names: tuple[HeadingName, ...] = ()
    ambiguous: tuple[HeadingName, ...] = ()
    abbreviations: tuple[HeadingName, ...] = ()
    unless: tuple[HeadingName, ...] = ()
    parts: Mapping[KindName, tuple[HeadingName, ...]] = {}
    forms: tuple[HeadingForm, ...] | None = None

    def iter_names(self) -> Iterator[tuple[Standing, str]]:
        """Yield each name with its standing."""
        for standing in Standing:
            for name in getattr(self, standing.value):
                yield standing, name


class SectionLexicon(StrictModel):
    """A YAML of headings: ours, or a user's that extends or replaces it."""

    extend: bool = True
    forms: tuple[HeadingForm, ...] | None = None
    ignored: tuple[HeadingName, ...] = ()
    words: Mapping[HeadingName, HeadingName] = {}
    qualifiers: tuple[HeadingName, ...] = ()
    initials: Mapping[Initial, KindName] = {}
    remove: tuple[HeadingName, ...] = ()
    kinds: Annotated[Mapping[KindName, SectionKind], Field(max_length=500)] = {}


@dataclass(frozen=True)
class HeadingSpelling:
    """How names are compared: by their words without case, accents, plurals, and ignored words behind the first."""

    ignored: frozenset[str]
    words: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, lexicons: list[tuple[Path, SectionLexicon]]) -> "HeadingSpelling":
        """Return the spelling of several lexicons together, the last of which decides.

        Raises:
            ConfigInvalid: an entry of `words` is not one word.
        """
        words = {}
        for where, lexicon in lexicons:
            for word, read_as in lexicon.words.items():
                if len(tokens := _tokens(word)) != 1:
                    raise ConfigInvalid(f"found {word!r}, expected one word, in words of {where}")
                words[tokens[0]] = tuple(_tokens(read_as))
        return cls(frozenset(token for _, each in lexicons for name in each.ignored for token in _tokens(name)), words)

    def split(self, name: str) -> Iterator[str]:
        """Yield the words of a name as they are compared; "and" between two of them, never at an end or twice."""
        joined = False
        first = True
        for found in _tokens(name):
            if found in _JOINING:
                joined = not first
                continue
            for word in self.words.get(found, (found,)):
                if word in self.ignored and not first:
                    continue
                if joined:
                    yield "and"
                joined = first = False
                yield _singular(word)

    def key(self, name: str) -> str:
        """Return a name as it is looked up: its words without spaces."""
        return "".join(self.split(name))


def read_lexicons(path: Path | None) -> list[tuple[Path, SectionLexicon]]:
    """Read our lexicon and a user's, in the order in which they decide.

    Args:
        path: the user's YAML; None for ours alone.

    Raises:
        InputMissing: `path` does not exist.
        ConfigInvalid: not YAML, an unknown key, or a wrong value.
    """
    ours = (DEFAULT_LEXICON, _read(DEFAULT_LEXICON))
    if path is None:
        return [ours]
    theirs = _read(path)
    return [ours, (path, theirs)] if theirs.extend else [(path, theirs)]


def _read(path: Path) -> SectionLexicon:
    expected = f"the keys of {DEFAULT_LEXICON.name}"
    return read_yaml(SectionLexicon, path, kind="a YAML of section headings", expected=expected)


def _tokens(text: str) -> list[str]:
    """The words of a text and the marks that join them, without case and accents."""
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return _TOKEN.findall(_INSIDE_WORD.sub("", text.casefold()))


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word[:-1]
