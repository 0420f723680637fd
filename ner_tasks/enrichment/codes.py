"""Codes of mentions, from a vocabulary: one code for a name that has one, suggestions for people otherwise.

A vocabulary is a CSV file of a user, or ICD-10-CM from a package. It is compiled once into an SQLite file, which any number of
processes read; see `vocabulary.compiling`.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from ner_tasks.enrichment.names import VocabularyRow, normalize_name, vary_number
from ner_tasks.enrichment.vocabulary import icd_10_cm
from ner_tasks.enrichment.vocabulary.compiled_files import get_compiled, hash_code
from ner_tasks.enrichment.vocabulary.compiling import KIND, turn
from ner_tasks.enrichment.vocabulary.near_matches import halve, respell, reword, spell_alike
from ner_tasks.enrichment.vocabulary.rows import MAX_NAME, CsvRows
from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing, NerTasksError
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.fingerprint import make_version
from ner_tasks.surrogates import find_surrogate

MAX_SUGGESTIONS = 10
_N_REMEMBERED = 20_000  # look-ups
_MAX_STEM = 40  # characters of the CSV file's name in that of the compiled one
_MAX_SCANNED = 2000  # words with the same beginning or end
_LAST = "\U0010ffff"  # sorts behind every continuation

Match = Literal["name", "alias", "plural", "ambiguous", "near", "none"]


class Concept(NamedTuple):
    """A code of a vocabulary, with its first name."""

    code: str
    system: str
    name: str


@dataclass(frozen=True)
class LookUp:
    """What a vocabulary knows of a mention.

    Attributes:
        concept: its code; None unless exactly one code has this name.
        match: how it was found. By its `name`, an `alias` or a `plural` (or singular) of one: there is a concept.
            Suggestions only: `ambiguous`, several codes have this name; `near`, names like it exist. Otherwise `none`.
        suggestions: candidates for a person to choose from, the nearest first; ten at most.
    """

    concept: Concept | None
    match: Match
    suggestions: tuple[Concept, ...] = ()


_NOTHING = LookUp(None, "none")


class Vocabulary:
    """An open vocabulary. Each process and each thread opens its own.

    Args:
        path: compiled file.
        content: digest of what was compiled.

    Raises:
        ArtifactBroken: the file is not a compiled vocabulary, or is damaged; raised by any method.
    """

    def __init__(self, path: Path, content: str) -> None:
        self.path = path
        code = hash_code("near_matches")  # and of the names
        self.version = make_version({"content": content, "code": code})
        self.facts = _read_facts(path)
        self.systems: tuple[str, ...] = tuple(self.facts["systems"])
        with self._errors():
            self._db = sqlite_files.open_read_only(path)
        self._remembered = lru_cache(maxsize=_N_REMEMBERED)(self._look_up)

    @classmethod
    def open(cls, path: Path, cache: Path | None = None) -> "Vocabulary":
        """Open a CSV file with the columns `name`, `code` and `system`, compiling it unless that was done before.

        The first row of a code has its name, further ones have aliases. If several processes open it at once, one compiles and
        the others wait. Two codes for one name in the same system are no error: the name is ambiguous, and counted.

        Args:
            path: path of the CSV file, in UTF-8.
            cache: folder for compiled files; None: the folder of the CSV file.

        Raises:
            InputMissing: the file does not exist.
            ConfigInvalid: it cannot be read, is not such a CSV file (see `CsvRows`), or the cache cannot be written.
            Busy: another process still compiles it after half an hour, or the file was changed meanwhile.
            StorageFull: no space left on the device.
        """
        try:
            digest = atomic.sha256_of(path)
        except FileNotFoundError:
            raise InputMissing(f"found nothing at {path}, expected a vocabulary as CSV") from None
        except PermissionError as error:
            raise ConfigInvalid(f"found {error.strerror}, expected a CSV file to read, at {path}") from None
        folder = cache or path.absolute().parent
        return cls._open(folder, path.stem[:_MAX_STEM], digest, lambda: _unchanged(path, digest), source=path)

    @classmethod
    def open_icd_10_cm(cls, cache: Path) -> "Vocabulary":
        """Open ICD-10-CM from the package `simple-icd-10-cm`, compiling it unless that was done before.

        Raises:
            ConfigInvalid: the package is not installed, or the cache cannot be written.
            Busy, StorageFull: see `open`.
        """
        source = icd_10_cm.find_release()
        content = make_version({"release": source, "code": hash_code("icd_10_cm")})
        return cls._open(cache, "icd-10-cm", content, icd_10_cm.read_rows, source=source)

    @classmethod
    def _open(
        cls,
        cache: Path,
        name: str,
        content: str,
        rows: Callable[[], Iterable[VocabularyRow]],
        *,
        source: Path | str,
    ) -> "Vocabulary":
        return cls(get_compiled(cache, name, content, rows, source=source, is_usable=_is_usable), content)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def look_up(self, mention: str, *, system: str | None = None, suggests: bool = True) -> LookUp:
        """Look up a mention: by its normalized name, then by its singular or plural, then names like it.

        Args:
            mention: text of an entity.
            system: look up in this code system only; None: in all of them, so that a name with codes in two systems is ambiguous.
            suggests: whether to search for names like it, which takes longer than the rest.

        Raises:
            ConfigInvalid: the vocabulary has no such system.
        """
        if system is not None and system not in self.systems:
            known = ", ".join(self.systems)
            raise ConfigInvalid(
                f"found code system {system!r}, expected one of {known}, for the vocabulary {self.path}"
            )
        if len(mention) > MAX_NAME or find_surrogate(mention) is not None:
            return _NOTHING
        return self._remembered(normalize_name(mention), system, suggests)

    def _look_up(self, key: str, system: str | None, suggests: bool) -> LookUp:
        with self._errors():
            if concepts := self._find(key, system):
                if len(concepts) > 1:
                    return LookUp(None, "ambiguous", tuple(concepts))
                is_first = normalize_name(concepts[0].name) == key
                return LookUp(concepts[0], "name" if is_first else "alias")
            varied = self._find_all(vary_number(key), system)
            if varied:
                return LookUp(None, "ambiguous", varied) if len(varied) > 1 else LookUp(varied[0], "plural")
            near = self._find_all(self._near_keys(key), system) if suggests and key else ()
            return LookUp(None, "near", near) if near else _NOTHING

    def _find(self, key: str, system: str | None) -> list[Concept]:
        """Return the concepts with this normalized name, ten at most."""
        number = None if system is None else self.systems.index(system)
        rows = self._db.execute(
            "SELECT names.code, names.system, concepts.name FROM names JOIN concepts USING (system, code) "
            "WHERE key = ? AND (? IS NULL OR system = ?) LIMIT ?",
            (key, number, number, MAX_SUGGESTIONS),
        )
        return [Concept(code, self.systems[place], name) for code, place, name in rows]

    def _find_all(self, keys: Iterable[str], system: str | None) -> tuple[Concept, ...]:
        """Return the concepts with any of these names, in their order, each once, ten at most."""
        found: dict[Concept, None] = {}
        for key in keys:
            found.update(dict.fromkeys(self._find(key, system)))
            if len(found) >= MAX_SUGGESTIONS:
                break
        return tuple(found)[:MAX_SUGGESTIONS]

    def _near_keys(self, key: str) -> Iterator[str]:
        yield from respell(key, self._find_spellings)
        for words in reword(key):
            yield words
            yield from self._strings("SELECT key FROM orders WHERE words = ? LIMIT ?", words, MAX_SUGGESTIONS)
        for end in (" ", ","):
            longer = self._range("names", "key", key + end, MAX_SUGGESTIONS + 1)
            if len(longer) <= MAX_SUGGESTIONS:  # a common word begins too many names
                yield from longer

    def _find_spellings(self, word: str) -> list[str] | None:
        if self._strings("SELECT word FROM words WHERE word = ? LIMIT ?", word, 1):
            return None
        head, tail = halve(word)
        ending = self._range("turned", "word", turn(tail), _MAX_SCANNED)
        return spell_alike(word, self._range("words", "word", head, _MAX_SCANNED) + [turn(each) for each in ending])

    def _range(self, table: str, column: str, start: str, most: int) -> list[str]:
        """Return the strings of a column that begin with `start`."""
        query = f"SELECT DISTINCT {column} FROM {table} WHERE {column} >= ? AND {column} < ? LIMIT ?"  # noqa: S608 - constants
        return self._strings(query, start, start + _LAST, most)

    def _strings(self, query: str, *values: str | int) -> list[str]:
        return [text for (text,) in self._db.execute(query, values)]

    def _errors(self) -> AbstractContextManager[None]:
        return sqlite_files.translate_errors(self.path, KIND)


def _read_facts(path: Path) -> dict[str, Any]:
    """Read what a compiled file says of itself.

    Raises:
        ArtifactBroken: it is not a compiled vocabulary.
    """
    try:
        with sqlite_files.translate_errors(path, KIND), closing(sqlite_files.open_read_only(path)) as database:
            facts: dict[str, Any] = json.loads(database.execute("SELECT facts FROM facts").fetchone()[0])
            database.execute("SELECT key FROM names LIMIT 1").fetchone()
            return facts
    except (TypeError, ValueError):
        raise ArtifactBroken(f"found other facts, expected those of {KIND}, at {path}") from None


def _is_usable(path: Path) -> bool:
    try:
        return path.is_file() and "systems" in _read_facts(path)
    except NerTasksError:
        return False


def _unchanged(path: Path, digest: str) -> Iterator[VocabularyRow]:
    """Yield the rows of a file.

    Raises:
        Busy: its content is no longer that of `digest`.
    """
    rows = CsvRows(path)
    yield from rows
    if rows.sha256 != digest:
        raise Busy(f"found that it changes, expected it to stay as it is while it is read, at {path}")
