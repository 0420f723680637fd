"""Index of a day's documents by name: an SQLite file next to the answers."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_tasks import bounded_names
from ner_tasks.errors import ArtifactBroken, InputMissing, redact_error
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answers import count_unread

INDEX = "index.sqlite"
_WHAT = "a day's index"
_HANDLE = re.compile(r"(?:([0-9]{1,4})\.)?([0-9]{1,15})-.*", re.DOTALL)
_TABLES = """
CREATE TABLE documents (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, offset INTEGER NOT NULL, n_bytes INTEGER NOT NULL,
    n_entities INTEGER, n_words INTEGER, n_unread INTEGER, reason TEXT
);
"""


@dataclass(frozen=True)
class IndexedDocument:
    """Index entry of a document.

    Attributes:
        number: number of the entry in the index.
        name: name of the document, see `bound_indexed_name`.
        offset, n_bytes: position of its line in `documents.jsonl`, or in `rejected.jsonl` if it has a `reason`, in bytes.
        n_entities, n_words: number of entities and words; None for a rejected document.
        n_unread: number of items that were not read; None for a rejected document.
        reason: reason for its rejection; None for a tagged document.
        part: number of the part of the day that the index belongs to; None if the day has no parts.
    """

    number: int
    name: str
    offset: int
    n_bytes: int
    n_entities: int | None
    n_words: int | None
    n_unread: int | None
    reason: str | None
    part: int | None = None

    @property
    def handle(self) -> str:
        """Handle of the document in its day, see `make_handle`."""
        return make_handle(self.part, self.number, self.name)


def make_handle(part: int | None, number: int, name: str) -> str:
    """Return `<part>.<number>-<digest>`; the digest of the name detects a replaced index.

    Args:
        part: number of the part of the day; None if the day has no parts, and the handle then names none.
        number: number of the document in the index.
        name: name of the document, see `bound_indexed_name`.
    """
    return f"{'' if part is None else f'{part}.'}{number}-{bounded_names.hash_name(name)[:16]}"


def parse_handle(handle: str) -> tuple[int | None, int] | None:
    """Return the part, None if the handle names none, and the number in its index; None if it is no handle."""
    match = _HANDLE.fullmatch(handle)
    return (int(match[1]) if match[1] else None, int(match[2])) if match else None


def bound_indexed_name(name: str) -> str:
    """Shorten a name as the index does; an indexed name is unchanged."""
    return bounded_names.bound_name(escape_surrogates(name))


def write_index(documents_jsonl: Path, rejected_jsonl: Path, target: Path) -> int:
    """Write the index of a day's answers and rejected documents, atomically.

    Args:
        documents_jsonl: answers of the day.
        rejected_jsonl: rejected documents of the day.
        target: file to write.

    Returns:
        Number of documents.

    Raises:
        InputMissing: a file is missing.
        ArtifactBroken: a line is damaged.
        StorageFull: no space left on the device.
    """
    with (
        atomic.staged_file(target) as stage,
        sqlite_files.translate_errors(target, _WHAT),
        closing(sqlite_files.open_writable(stage)) as database,
    ):
        # with small pages, each long name would take a page of its own
        database.executescript(f"PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES}")
        for path in (documents_jsonl, rejected_jsonl):
            database.executemany("INSERT INTO documents VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", _rows(path))
        database.execute("CREATE INDEX by_name ON documents (name)")
        database.commit()
        n_documents: int = database.execute("SELECT count(*) FROM documents").fetchone()[0]
    return n_documents


class AnswerIndex(sqlite_files.ReadOnlyDatabase):
    """Index of one published day, or of a part of it.

    Args:
        path: the SQLite file.
        part: number of the part; None if the day has no parts.

    Raises:
        InputMissing: there is no index; older days have none.
        ArtifactBroken: the file is not an index, or is damaged; raised by any method.
    """

    def __init__(self, path: Path, part: int | None = None) -> None:
        self._part = part
        super().__init__(path, _WHAT)

    def check(self) -> None:
        self.fetch("SELECT number FROM documents LIMIT 1")

    def find(self, name: str) -> IndexedDocument | None:
        """Find a document by its exact name, the first of several; None if there is none."""
        return next(
            iter(self._documents("name IN (?, ?)", [bound_indexed_name(name), escape_surrogates(name)], 1)), None
        )

    def get(self, handle: str) -> IndexedDocument | None:
        """Find a document by its handle, whatever its part; None if there is none, or the index was replaced."""
        parsed = parse_handle(handle)
        documents = self._documents("number = ?", [parsed[1]], 1) if parsed else []
        digest = handle.partition("-")[2]
        return documents[0] if documents and documents[0].handle.partition("-")[2] == digest else None

    def search(
        self, text: str, *, most: int, rejected_only: bool = False, partly_read_only: bool = False
    ) -> list[IndexedDocument]:
        """Find documents whose names contain `text`, in the order of the answers.

        Args:
            text: part of a name, case-insensitive; empty for all documents. Ignored from a NUL on, where SQLite stops.
            most: maximum number of documents.
            rejected_only: return rejected documents only.
            partly_read_only: return partly read documents only.
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
        rows = self.fetch(query, (*sought, most))
        if not all(map(_is_entry, rows)):
            raise ArtifactBroken(f"found a row of another shape, expected a document's, in {self.path}")
        # older indexes may contain names of any length
        return [
            IndexedDocument(
                number, name[: bounded_names.MAX_CHARACTERS], at, n, entities, words, unread, why, self._part
            )
            for number, name, at, n, entities, words, unread, why in rows
        ]


def _is_entry(row: Sequence[Any]) -> bool:
    """Return whether a row has the types of an index entry, which a damaged file may not."""
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
                answer = json.loads(line)
                reason = answer.get("reason")
                counts = (None, None, None) if reason else _counts(answer)
                yield bound_indexed_name(str(answer["document"])), offset, len(line), *counts, reason
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise ArtifactBroken(
                    f"found {redact_error(error)}, expected an answer, in {path}, line {number}"
                ) from None
            offset += len(line)


def _counts(answer: Mapping[str, Any]) -> tuple[int, int, int]:
    receipt = answer["receipt"]
    return len(answer["entities"]), int(receipt["n_words"]), count_unread(receipt)
