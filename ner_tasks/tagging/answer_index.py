"""Which documents a day has, by name: an SQLite file beside the answers, so that one is found without reading all."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ner_tasks import bounded_names
from ner_tasks.errors import ArtifactBroken, InputMissing, redact_error
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answers import count_unread

INDEX = "index.sqlite"
_TABLES = """
CREATE TABLE documents (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, offset INTEGER NOT NULL, n_bytes INTEGER NOT NULL,
    n_entities INTEGER, n_words INTEGER, n_unread INTEGER, reason TEXT
);
"""


@dataclass(frozen=True)
class IndexedDocument:
    """One document of a day.

    Attributes:
        number: which of the index's it is.
        name: the document's, as `bound_indexed_name` has it.
        offset, n_bytes: where its line lies, in `documents.jsonl`, or in `rejected.jsonl` if there is a `reason`.
        n_entities, n_words: what was found in it; None of a rejected one.
        n_unread: items of it that were not read; None of a rejected one.
        reason: why it was rejected; None of a tagged one.
    """

    number: int
    name: str
    offset: int
    n_bytes: int
    n_entities: int | None
    n_words: int | None
    n_unread: int | None
    reason: str | None

    @property
    def handle(self) -> str:
        """The document's number and a digest of its name, which tells whether the day was replaced since."""
        return f"{self.number}-{bounded_names.hash_name(self.name)[:16]}"


def bound_indexed_name(name: str) -> str:
    """The name as the index has it, of bounded length; of an indexed name, itself."""
    return bounded_names.bound_name(escape_surrogates(name))


def write_index(documents_jsonl: Path, rejected_jsonl: Path, target: Path) -> int:
    """Write the index of a day's answers and rejects, whole or not at all; returns how many documents it has.

    Raises:
        InputMissing, ArtifactBroken: there are no answers, or a line of them is none.
        StorageFull: no room.
    """
    with (
        atomic.staged_file(target) as stage,
        sqlite_files.translate_errors(target, "a day's index"),
        closing(sqlite_files.open_writable(stage)) as database,
    ):
        # on small pages each long name takes a page of its own
        database.executescript(f"PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES}")
        for path in (documents_jsonl, rejected_jsonl):
            database.executemany("INSERT INTO documents VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", _rows(path))
        database.execute("CREATE INDEX by_name ON documents (name)")
        database.commit()
        n_documents: int = database.execute("SELECT count(*) FROM documents").fetchone()[0]
    return n_documents


class AnswerIndex:
    """The index of one day, as it was published.

    Raises:
        InputMissing: there is none, as in days that were published before there was one.
        ArtifactBroken: what lies there is no index, or a damaged one; any method may find that out.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected a day's index")
        self._path = path
        with self._errors():
            self._db = sqlite_files.open_read_only(path)
            self._db.execute("SELECT number FROM documents LIMIT 1")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def find(self, name: str) -> IndexedDocument | None:
        """The document of this very name, the first of several; None if there is none."""
        return next(
            iter(self._documents("name IN (?, ?)", [bound_indexed_name(name), escape_surrogates(name)], 1)), None
        )

    def get(self, handle: str) -> IndexedDocument | None:
        """The document of this handle; None if there is none, or another has its number."""
        number = handle.partition("-")[0]
        if not re.fullmatch(r"[0-9]{1,15}", number):
            return None
        found = self._documents("number = ?", [int(number)], 1)
        return found[0] if found and found[0].handle == handle else None

    def search(
        self, text: str, *, most: int, rejected_only: bool = False, partly_read_only: bool = False
    ) -> list[IndexedDocument]:
        """Documents whose names hold `text`, in the order of the answers; all of them for no text.

        Args:
            text: part of a name, in capitals or not; what stands behind a NUL, which SQLite takes for the end, is not
                looked at.
            most: documents, at most.
            rejected_only: whether those that were tagged are left out.
            partly_read_only: whether those that were read whole, or not at all, are left out.
        """
        text = text.partition("\0")[0]
        wanted, values = ["reason IS NOT NULL"] if rejected_only else [], list[str]()
        if partly_read_only:
            wanted.append("n_unread > 0")
        if text:
            wanted.append(r"name LIKE ? ESCAPE '\'")
            values.append("%" + re.sub(r"([%_\\])", r"\\\1", escape_surrogates(text)) + "%")
        return self._documents(" AND ".join(wanted) or "1", values, most)

    def _documents(self, where: str, sought: Sequence[str | int], most: int) -> list[IndexedDocument]:
        columns = "number, name, offset, n_bytes, n_entities, n_words, n_unread, reason"
        query = f"SELECT {columns} FROM documents WHERE {where} ORDER BY number LIMIT ?"  # noqa: S608 - our own words
        with self._errors():
            rows = self._db.execute(query, (*sought, most)).fetchall()
        if not all(map(_is_entry, rows)):
            raise ArtifactBroken(f"found a row of another shape, expected a document's, in {self._path}")
        # an index of before names were cut may have a name of any length
        return [
            IndexedDocument(number, name[: bounded_names.MAX_CHARACTERS], *values) for number, name, *values in rows
        ]

    def _errors(self) -> AbstractContextManager[None]:
        return sqlite_files.translate_errors(self._path, "a day's index")


def _is_entry(row: Sequence[Any]) -> bool:
    """Whether a row has what an `Entry` has: in a damaged file, a column may hold anything."""
    _, name, offset, n_bytes, *counts, reason = row
    return (
        isinstance(name, str)
        and all(isinstance(place, int) and place >= 0 for place in (offset, n_bytes))
        and all(isinstance(count, int | None) for count in counts)
        and isinstance(reason, str | None)
        and (reason is not None or None not in counts)
    )


def _rows(path: Path) -> Iterator[tuple[str, int, int, int | None, int | None, int | None, str | None]]:
    if not path.is_file():
        raise InputMissing(f"found nothing at {path}, expected the answers that `tag` writes")
    offset = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                said = json.loads(line)
                reason = said.get("reason")
                counts = (None, None, None) if reason else _counts(said)
                yield bound_indexed_name(str(said["document"])), offset, len(line), *counts, reason
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise ArtifactBroken(
                    f"found {redact_error(error)}, expected an answer, in {path}, line {number}"
                ) from None
            offset += len(line)


def _counts(answer: Mapping[str, Any]) -> tuple[int, int, int]:
    receipt = answer["receipt"]
    return len(answer["entities"]), int(receipt["n_words"]), count_unread(receipt)
