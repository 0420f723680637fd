"""Surrogates: plausible values that stand for personal data, the same for one value throughout a document."""

import re
import string
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field

from ner_tasks.enrichment.personal_data.date_shifting import DateShifter
from ner_tasks.enrichment.personal_data.keyed import make_digest, normalize_value
from ner_tasks.enrichment.personal_data.lexicon import LEXICONS, PersonalDataLexicon, read_lexicon
from ner_tasks.enrichment.personal_data.surrogate_makers import invent_word, make_surrogate, vary
from ner_tasks.enrichment.personal_data.words import normalize
from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.fingerprint import make_version

DEFAULT_SURROGATES = LEXICONS / "surrogates.yaml"
_WORD = re.compile(r"[^\W\d_]+")
_FEWEST_WEEKS, _MOST_WEEKS = 53, 260  # more than a year, at most five: so every year changes
_TRIES = 50
_WORD_ROLES = {"family", "name", "place"}
Names = Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Za-z]{2,30}$")], ...], Field(min_length=20)]


class Surrogates(StrictModel):
    """Words of surrogates; `lexicons/surrogates.yaml` lists them."""

    given_names: Names
    family_names: Names
    places: Names

    @classmethod
    def load(cls, path: Path | None = None) -> "Surrogates":
        """Load the words.

        Args:
            path: a user's YAML file, which replaces ours; None: ours.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: it is no YAML of three lists of at least 20 words.
        """
        return _load_ours() if path is None else _read(path)

    @property
    def version(self) -> str:
        """Hash of these words, and of ours that a surrogate keeps or reads as a date."""
        return make_version({"drawn": self.model_dump(mode="json"), "kept": _lexicon().model_dump(mode="json")})

    def draw(self, key: bytes, document: str, values: Sequence[tuple[str, str]]) -> "DrawnSurrogates":
        """Draw the surrogates of one document.

        Args:
            key: secret; without it nobody can draw the same ones.
            document: name of the document.
            values: kind and text of all its spans, in order: none of their words is drawn as a surrogate.
        """
        return DrawnSurrogates(self, key, document, values)


class DrawnSurrogates:
    """Surrogates of one document."""

    def __init__(self, words: Surrogates, key: bytes, document: str, values: Sequence[tuple[str, str]]) -> None:
        self._words = words
        self._key = key
        self._document = document
        self._drawn: dict[tuple[str, str], str] = {}
        self._taken = {
            word.casefold() for kind, value in values if kind in {"name", "place"} for word in _WORD.findall(value)
        }
        self._family_names = _find_family_names([value for kind, value in values if kind == "name"])
        weeks = Random(make_digest(key, document, "weeks")).randint(_FEWEST_WEEKS, _MOST_WEEKS)
        self._shift = timedelta(weeks=-weeks)

    def replace(self, kind: str, value: str) -> str | None:
        """Return the surrogate of a value, None if there is no plausible one.

        Args:
            kind: kind of the value.
            value: its text.
        """
        if kind == "date":
            return _date_shifter().shift(value, self._shift)
        if kind in {"name", "place"}:
            return self._replace_words(kind, value)
        return self._draw(kind, normalize_value(kind, value), lambda random: make_surrogate(random, kind, value))

    def _draw(self, kind: str, value: str, make: Callable[[Random], str]) -> str:
        """Draw once per value, not what the document holds or has drawn for another, unless there is too little."""
        if (kind, value) not in self._drawn:
            random = Random(make_digest(self._key, self._document, kind, value))
            drawn = next((each for _ in range(_TRIES) if self._is_new(kind, value, each := make(random))), "")
            if not drawn:
                drawn = invent_word(random) if kind in _WORD_ROLES else make(random)
            self._taken.add(drawn.casefold())
            self._drawn[kind, value] = drawn
        return self._drawn[kind, value]

    def _is_new(self, kind: str, value: str, drawn: str) -> bool:
        return drawn.casefold() not in self._taken and normalize_value(kind, drawn) != value

    def _replace_words(self, kind: str, value: str) -> str:
        """Replace each word of a name or place, and each digit of a house number; keep titles and types of streets."""
        kept = _kept_words()
        words = list(_WORD.finditer(value))
        parts, at = [], 0
        for index, match in enumerate(words):
            parts.append(self._vary_digits(kind, value[at : match.start()]))
            word = match.group()
            at = match.end()
            if (kind == "place" and word in _state_codes()) or (
                normalize(word) in kept and (kind == "place" or index == 0 < len(words) - 1)
            ):
                parts.append(word)
            else:
                is_family = kind == "name" and (word.casefold() in self._family_names)
                parts.append(self._draw_word("family" if is_family else kind, word))
        parts.append(self._vary_digits(kind, value[at:]))
        return "".join(parts)

    def _draw_word(self, role: str, word: str) -> str:
        lists = {"family": self._words.family_names, "name": self._words.given_names, "place": self._words.places}
        if len(word) == 1:
            return self._draw("initial", word.casefold(), lambda random: random.choice(string.ascii_uppercase))
        drawn = self._draw(role, word.casefold(), lambda random: random.choice(lists[role]))
        return drawn.upper() if word.isupper() else drawn.lower() if word.islower() else drawn

    def _vary_digits(self, kind: str, between: str) -> str:
        if not any(map(str.isdigit, between)):
            return between
        return self._draw(f"{kind} number", between, lambda random: vary(random, between))


def _find_family_names(names: Sequence[str]) -> frozenset[str]:
    """The last words of names of several words; alone, the same word is a family name, too."""
    several = [words for name in names if len(words := _WORD.findall(name)) > 1]
    return frozenset(words[-1].casefold() for words in several)


@cache
def _load_ours() -> Surrogates:
    return _read(DEFAULT_SURROGATES)


@cache
def _lexicon() -> PersonalDataLexicon:
    return read_lexicon()


@cache
def _date_shifter() -> DateShifter:
    return DateShifter(_lexicon())


@cache
def _kept_words() -> frozenset[str]:
    """Titles, particles, and types of streets and units."""
    ours = _lexicon()
    return frozenset(
        map(normalize, (*ours.titles, *ours.particles, *ours.street_types, *ours.unit_types, "box", "po", "unit"))
    )


@cache
def _state_codes() -> frozenset[str]:
    return frozenset(_lexicon().state_codes)


def _read(path: Path) -> Surrogates:
    return read_yaml(Surrogates, path, kind="a YAML of surrogates", expected=f"the keys of {DEFAULT_SURROGATES.name}")
