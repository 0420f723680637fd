"""The look-up of a heading's name: which kind of section it begins, and how sure that is."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ner_tasks.enrichment.heading_lexicon import HeadingForm, HeadingSpelling, SectionLexicon, Standing, read_lexicons
from ner_tasks.errors import ConfigInvalid

_MAX_WORDS = 16
_MIN_MISSPELT = 12  # letters; one letter more or less makes another word of a short one
_NUMBER = re.compile(r"\d+(?:st|nd|rd|th)?")

_Lexicons = list[tuple[Path, SectionLexicon]]


class Meaning(NamedTuple):
    """What a name means: the kind of section, how sure the name is, and of how many words it is."""

    kind: str
    standing: Standing
    n_words: int


@dataclass(frozen=True)
class HeadingNames:
    """The names of all kinds; look-ups take a name as it stands in a text."""

    spelling: HeadingSpelling
    forms: frozenset[str]
    kind_forms: Mapping[str, frozenset[str]]
    qualifiers: frozenset[tuple[str, ...]]
    initials: Mapping[str, str]
    meanings: Mapping[str, Meaning]
    parts: Mapping[str, Mapping[str, str]]
    unless: Mapping[str, frozenset[str]]
    part_keys: frozenset[str]
    vocabulary: frozenset[
        str
    ]  # words of names and qualifiers; with two others, a name is unknown and not just misspelt
    longest: int  # letters of the longest key
    shortened: Mapping[str, frozenset[str]]  # long names by what is left of them without one letter, and whole

    @classmethod
    def read(cls, path: Path | None) -> "HeadingNames":
        """Read our lexicon and a user's.

        Args:
            path: the user's YAML; None for ours alone.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: not YAML, an unknown key, a wrong value, or one name with two meanings.
        """
        lexicons = read_lexicons(path)
        spelling = HeadingSpelling.of(lexicons)
        meanings, parts = _merge_meanings(lexicons, spelling), _merge_parts(lexicons, spelling)
        kinds = [(kind, lines) for _, lexicon in lexicons for kind, lines in lexicon.kinds.items()]
        known_words = {word for name in _iter_names(lexicons) for word in spelling.split(name)}
        unless: dict[str, frozenset[str]] = defaultdict(frozenset)
        for kind, lines in kinds:
            unless[kind] |= {word.casefold() for word in lines.unless}
        return cls(
            spelling=spelling,
            forms=next(
                (frozenset(each.forms) for _, each in reversed(lexicons) if each.forms is not None),
                frozenset(HeadingForm),
            ),
            kind_forms={kind: frozenset(lines.forms) for kind, lines in kinds if lines.forms is not None},
            qualifiers=frozenset(tuple(spelling.split(name)) for _, each in lexicons for name in each.qualifiers),
            initials={letter: kind for _, each in lexicons for letter, kind in each.initials.items()},
            meanings=meanings,
            parts=parts,
            part_keys=frozenset(key for each in parts.values() for key in each),
            unless=dict(unless),
            vocabulary=frozenset(known_words | {"and"}),
            longest=max(map(len, meanings)),
            shortened=_index_shortened(meanings),
        )

    @property
    def content(self) -> dict[str, Any]:
        """Everything that the answers depend on, as JSON values in one order."""
        return {
            "forms": sorted(self.forms),
            "kind_forms": {kind: sorted(forms) for kind, forms in self.kind_forms.items()},
            "ignored": sorted(self.spelling.ignored),
            "words": {word: list(read_as) for word, read_as in self.spelling.words.items()},
            "qualifiers": sorted(map(list, self.qualifiers)),
            "initials": dict(self.initials),
            "meanings": {key: list(meaning) for key, meaning in self.meanings.items()},
            "parts": {kind: dict(parts) for kind, parts in self.parts.items()},
            "unless": {kind: sorted(words) for kind, words in self.unless.items() if words},
        }

    def allows(self, kind: str, form: HeadingForm) -> bool:
        """Return whether a kind is recognised in a form."""
        return form in self.kind_forms.get(kind, self.forms)

    def split(self, name: str) -> tuple[str, ...]:
        """Return the words of a name as the look-ups take them."""
        return tuple(self.spelling.split(name))

    def look_up(self, words: tuple[str, ...]) -> Meaning | None:
        """Return what a name means, None if it is not known.

        Args:
            words: what `split` returned.
        """
        if not 0 < len(words) <= _MAX_WORDS:
            return None
        meaning = self.meanings.get("".join(words))
        if meaning:
            return meaning
        while words and (words[-1] == "and" or _NUMBER.fullmatch(words[-1])):
            words = words[:-1]
        n_unknown = sum(word not in self.vocabulary for word in words)
        if n_unknown > 1:
            return None
        meaning = self._without_qualifiers(words) if n_unknown == 0 else None
        return meaning or self._misspelt("".join(words))

    def find_part(self, words: tuple[str, ...], parent: str) -> str | None:
        """Return the kind that a short name begins inside a section of kind `parent`, None if it begins none."""
        parts = self.parts.get(parent)
        return parts.get("".join(words)) if parts else None

    def may_be_part(self, words: tuple[str, ...]) -> bool:
        """Return whether a name begins a part of some kind of section."""
        return "".join(words) in self.part_keys

    def _without_qualifiers(self, words: tuple[str, ...]) -> Meaning | None:
        """The meaning of a name without words before and after it that leave it as it is."""
        longest = max(map(len, self.qualifiers), default=0)
        while words:
            if meaning := self.meanings.get("".join(words)) or self._joined(words):
                return meaning
            before = next((n for n in range(longest, 0, -1) if words[:n] in self.qualifiers), 0)
            after = next((n for n in range(longest, 0, -1) if words[-n:] in self.qualifiers), 0)
            if before:
                words = words[before:]
            elif after:
                words = words[:-after]
            else:
                return None
        return None

    def _joined(self, words: tuple[str, ...]) -> Meaning | None:
        """The meaning of known names joined by "and", which the lexicon has not together: that of the first."""
        if "and" not in words:
            return None
        keys = [part.replace(" ", "") for part in " ".join(words).split(" and ")]
        meanings = [self.meanings[key] for key in keys if key in self.meanings]
        if len(meanings) < len(keys):
            return None
        standings = {meaning.standing for key, meaning in zip(keys, meanings, strict=True) if len(key) > 2}
        certain = not standings <= {Standing.AMBIGUOUS}
        return Meaning(meanings[0].kind, Standing.NAME if certain else Standing.AMBIGUOUS, len(words))

    def _misspelt(self, key: str) -> Meaning | None:
        """The meaning of long names from which one letter, or the order of two, sets a key apart."""
        if not _MIN_MISSPELT - 1 <= len(key) <= self.longest + 1:
            return None
        near = {name for form in _shorten(key) for name in self.shortened.get(form, ())}
        found = {self.meanings[name].kind: self.meanings[name] for name in near if _is_one_edit(key, name)}
        return next(iter(found.values())) if len(found) == 1 else None


def _iter_names(lexicons: _Lexicons) -> Iterator[str]:
    """Yield all names and qualifiers."""
    for _, lexicon in lexicons:
        yield from lexicon.qualifiers
        for lines in lexicon.kinds.values():
            for _, name in lines.iter_names():
                yield name


def _merge_meanings(lexicons: _Lexicons, spelling: HeadingSpelling) -> dict[str, Meaning]:
    """The meaning of each key; a later lexicon decides, within one there is no contradiction."""
    merged: dict[str, Meaning] = {}
    for where, lexicon in lexicons:
        own: dict[str, Meaning] = {}
        for kind, lines in lexicon.kinds.items():
            for standing, name in lines.iter_names():
                key = _key(name, spelling, where)
                meaning = Meaning(kind, standing, sum(1 for _ in spelling.split(name)))
                known = own.setdefault(key, meaning)
                if known[:2] != meaning[:2]:
                    places = f"{known.kind}.{known.standing} and {kind}.{standing}"
                    raise ConfigInvalid(f"found {name!r} in {places}, expected one of them, in {where}")
        merged.update(own)
        for name in lexicon.remove:
            if merged.pop(_key(name, spelling, where), None) is None:
                raise ConfigInvalid(f"found {name!r} in remove, expected a name of a kind, in {where}")
    if not merged:
        raise ConfigInvalid(f"found no names, expected some under kinds, in {lexicons[-1][0]}")
    return merged


def _merge_parts(lexicons: _Lexicons, spelling: HeadingSpelling) -> dict[str, dict[str, str]]:
    """The kind of each part's key, by the kind of the section around it."""
    merged: dict[str, dict[str, str]] = defaultdict(dict)
    for where, lexicon in lexicons:
        for parent, lines in lexicon.kinds.items():
            own: dict[str, str] = {}
            for kind, names in lines.parts.items():
                for name in names:
                    if (known := own.setdefault(_key(name, spelling, where), kind)) != kind:
                        places = f"{parent}.parts.{known} and {parent}.parts.{kind}"
                        raise ConfigInvalid(f"found {name!r} in {places}, expected one of them, in {where}")
            merged[parent].update(own)
    return {kind: parts for kind, parts in merged.items() if parts}


def _key(name: str, spelling: HeadingSpelling, where: Path) -> str:
    words = list(spelling.split(name))
    if not 0 < len(words) <= _MAX_WORDS:
        raise ConfigInvalid(f"found {name!r}, expected 1 to {_MAX_WORDS} words, in {where}")
    return "".join(words)


def _index_shortened(meanings: Mapping[str, Meaning]) -> dict[str, frozenset[str]]:
    index: dict[str, set[str]] = defaultdict(set)
    for key, meaning in meanings.items():
        if len(key) >= _MIN_MISSPELT and meaning.standing is Standing.NAME:
            for form in _shorten(key):
                index[form].add(key)
    return {form: frozenset(keys) for form, keys in index.items()}


def _shorten(key: str) -> Iterator[str]:
    """Yield a key, and the key without each of its letters."""
    yield key
    for at in range(len(key)):
        yield key[:at] + key[at + 1 :]


def _is_one_edit(one: str, other: str) -> bool:
    """Whether a letter added, left out, replaced, or swapped with its neighbour makes one text the other."""
    short, long = sorted((one, other), key=len)
    at = next((index for index, char in enumerate(short) if char != long[index]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at + 1 : at + 2] + short[at : at + 1] + short[at + 2 :]
    return short[at + 1 :] == long[at + 1 :] or swapped == long[at:]
