"""Index from a text, model and configuration to the answer, so that a text is tagged only once.

A ledger is an SQLite file next to the `documents.jsonl` that it points into: it takes little memory, and a killed process
loses only what was not committed.
"""

import hashlib
import heapq
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from itertools import starmap
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from ner_tasks.errors import ArtifactBroken, NerTasksError, redact_error
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.store.keys import PART_MANIFEST

DOCUMENTS, LEDGER = "documents.jsonl", "ledger.sqlite"
# counts that depend only on the text, so that they hold for every document with that text
_COUNTS = ("n_characters", "n_sentences", "n_words", "n_pieces", "n_windows", "n_unknown", "n_characters_tagged")
_COLUMNS = "text_sha256, model_version, config, offset, n_bytes"
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    text_sha256 TEXT, model_version TEXT, config TEXT, offset INTEGER NOT NULL, n_bytes INTEGER NOT NULL,
    PRIMARY KEY (text_sha256, model_version, config)
) WITHOUT ROWID
"""


class AnswerKey(NamedTuple):
    """What an answer depends on: SHA-256 of the text, version of the model, version of the configuration."""

    text_sha256: str
    model_version: str
    config: str


class AnswerLedger:
    """Ledger of one folder of answers.

    Args:
        folder: folder of `documents.jsonl`; the ledger is created if it does not exist.
        read_only: open published answers, which must not be changed.

    Raises:
        ArtifactBroken: the file is not a ledger, or is damaged; raised by any method.
        StorageFull: no space left on the device; raised by any method that writes.
    """

    def __init__(self, folder: Path, *, read_only: bool = False):
        self._documents, self._path = folder / DOCUMENTS, folder / LEDGER
        self.checksum = 0  # of the rows added here, see `compute_checksum`
        self._answers: BinaryIO | None = None
        if read_only:
            # another night may replace the folder: both files must come from the same one
            atomic.read_whole(folder, self._open_published, undo=lambda _: self._close())
        else:
            with self._errors():
                self._db = sqlite_files.open_writable(self._path)
                self._db.execute(_TABLE)

    def _open_published(self) -> None:
        with self._errors():
            self._db = sqlite_files.open_read_only(self._path)
            self._db.execute("PRAGMA cache_size=-128")  # KiB: hundreds of ledgers may be open
            self._db.execute("SELECT 1 FROM answers LIMIT 1")
        # a part is never replaced, and hundreds of them would take as many open files again
        if self._documents.is_file() and not (self._path.parent / PART_MANIFEST).exists():
            self._answers = atomic.open_file(self._documents)

    def _close(self) -> None:
        self._db.close()
        if self._answers:
            self._answers.close()
            self._answers = None

    def _errors(self) -> AbstractContextManager[None]:
        return sqlite_files.translate_errors(self._path, "a ledger")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def add(self, key: AnswerKey, *, offset: int, n_bytes: int) -> None:
        """Record the position of an answer, unless the ledger already has one for `key`.

        Args:
            key: key of the answer.
            offset: offset of its line in `documents.jsonl`, in bytes.
            n_bytes: length of the line.
        """
        row = (*key, offset, n_bytes)
        with self._errors():
            n_added = self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", row).rowcount
        self.checksum += n_added * _checksum_row(row)

    def compute_checksum(self) -> int:
        """Compute the checksum of all rows, which does not depend on their order."""
        with self._errors():
            self.checksum = sum(map(_checksum_row, self._db.execute(f"SELECT {_COLUMNS} FROM answers")))  # noqa: S608 - a constant
        return self.checksum

    def find(self, key: AnswerKey) -> dict[str, Any] | None:
        """Find the answer for `key`; None if there is none.

        Raises:
            ArtifactBroken: the ledger points at something other than this answer.
        """
        with self._errors():
            row = self._db.execute(
                "SELECT offset, n_bytes FROM answers WHERE text_sha256 = ? AND model_version = ? AND config = ?", key
            ).fetchone()
        if row is None:
            return None
        try:
            answer: dict[str, Any] = json.loads(self._read_line(*row))
            receipt = answer["receipt"]
            key_read = AnswerKey(answer["text_sha256"], receipt["model_version"], receipt["config"])
        except (ValueError, KeyError, TypeError, RecursionError):
            key_read = None
        if key_read != key:
            raise ArtifactBroken(f"found no answer of {key} at byte {row[0]!r}, expected one, in {self._documents}")
        return answer

    def _read_line(self, offset: int, n_bytes: int) -> bytes:
        """Read a line of the answers; empty if the range lies outside the file."""
        with ExitStack() as stack:
            try:
                file = self._answers or stack.enter_context(atomic.open_file(self._documents))
            except FileNotFoundError:
                raise ArtifactBroken(f"found no file, expected the ledger's answers, at {self._documents}") from None
            size = os.fstat(file.fileno()).st_size
            if not 0 <= offset <= offset + n_bytes <= size:
                return b""
            file.seek(offset)
            return file.read(n_bytes)

    def delete_from(self, offset: int) -> None:
        """Delete the entries of answers at byte `offset` or after it."""
        with self._errors():
            self._db.execute("DELETE FROM answers WHERE offset >= ?", (offset,))
            self._db.commit()

    def merge(self, parts: Iterable[tuple[Path, int]]) -> None:
        """Add the ledgers of folders whose `documents.jsonl` were concatenated into this one's.

        Args:
            parts: each folder, with the offset of its answers in this `documents.jsonl`, in bytes.
        """
        with ExitStack() as stack:
            ledgers = [(stack.enter_context(AnswerLedger(folder, read_only=True)), base) for folder, base in parts]
            # insert in key order: millions of rows in random order would each touch another page. Among answers to the
            # same text the first one in the file comes first, and is kept.
            rows = heapq.merge(*starmap(AnswerLedger._rows, ledgers))
            stack.enter_context(self._errors())
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", rows)
        self.commit()

    def _rows(self, base: int) -> Iterator[tuple[str, str, str, int, int]]:
        columns = "text_sha256, model_version, config, offset + ?, n_bytes"
        with self._errors():
            yield from self._db.execute(f"SELECT {columns} FROM answers ORDER BY 1, 2, 3", (base,))  # noqa: S608 - a constant

    def commit(self) -> None:
        """Commit what was added or deleted."""
        with self._errors():
            self._db.commit()


def _checksum_row(row: Iterable[object]) -> int:
    return zlib.crc32("\0".join(map(str, row)).encode("utf-8", "surrogatepass"))


class EarlierLedger(AnswerLedger):
    """Ledger of answers of an earlier night; if it is damaged, it prints a notice and finds nothing.

    Raises:
        NerTasksError: it cannot be opened, see `open_earlier`.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, read_only=True)
        self._has_warned = False

    def find(self, key: AnswerKey) -> dict[str, Any] | None:
        """Find the answer for `key`; None if there is none or it cannot be read."""
        try:
            answer = super().find(key)
            if answer is not None and not _is_whole(answer):
                raise ArtifactBroken(f"found an answer of another shape, expected one of {key}, in {self._documents}")
            return answer
        except (NerTasksError, OSError) as error:
            if not self._has_warned:
                warn_damaged(error)
            self._has_warned = True
            return None


def _is_whole(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer has every field that is reused, and its text matches its hash."""
    try:
        receipt, text = answer["receipt"], answer.get("text")
        if text is not None and hashlib.sha256(text.encode()).hexdigest() != answer["text_sha256"]:
            return False
        return all(isinstance(receipt[name], int) for name in _COUNTS) and all(
            0 <= entity["start"] < entity["end"] <= receipt["n_characters"]
            and isinstance(entity["label"], str)
            and isinstance(entity["score"], float | int)
            for entity in answer["entities"]
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def open_earlier(folders: Iterable[Path], stack: ExitStack) -> list[AnswerLedger]:
    """Open the ledgers of earlier nights; prints a notice for each one that cannot be opened.

    Args:
        folders: their folders.
        stack: exit stack that closes the ledgers.
    """
    ledgers: list[AnswerLedger] = []
    for folder in folders:
        try:
            ledgers.append(stack.enter_context(EarlierLedger(folder)))
        except (NerTasksError, OSError) as error:
            warn_damaged(error)
    return ledgers


def warn_damaged(error: Exception) -> None:
    """Print a notice that earlier answers cannot be reused."""
    reason = str(error) if isinstance(error, NerTasksError) else redact_error(error)
    print(f"notice: earlier answers are not reused, their texts are tagged again: {reason}", flush=True)
