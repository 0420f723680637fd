"""Which text was tagged by which model under which configuration, and where its answer lies.

A ledger lies beside the `documents.jsonl` that it points into, as one SQLite file: its size costs no memory, and a
kill costs no more than what was not committed.
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

DOCUMENTS, LEDGER = "documents.jsonl", "ledger.sqlite"
# of an answer's text, which another document of the same text has as well
_COUNTS = ("n_characters", "n_sentences", "n_words", "n_pieces", "n_windows", "n_unknown", "n_characters_tagged")
_COLUMNS = "text_sha256, model_version, config, offset, n_bytes"
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    text_sha256 TEXT, model_version TEXT, config TEXT, offset INTEGER NOT NULL, n_bytes INTEGER NOT NULL,
    PRIMARY KEY (text_sha256, model_version, config)
) WITHOUT ROWID
"""


class AnswerKey(NamedTuple):
    """What an answer follows from: the text's SHA-256, the model's version, the configuration's."""

    text_sha256: str
    model_version: str
    config: str


class AnswerLedger:
    """The ledger of one folder of answers.

    Args:
        folder: where `documents.jsonl` lies; the ledger is made if there is none.
        read_only: answers that others published, never written to.

    Raises:
        ArtifactBroken: what lies there is no ledger, or a damaged one; any method may find that out.
        StorageFull: no room to write; from any method that does.
    """

    def __init__(self, folder: Path, *, read_only: bool = False):
        self._documents, self._path = folder / DOCUMENTS, folder / LEDGER
        self.checksum = 0  # of what was booked here, see `sum_up`
        self._answers: BinaryIO | None = None
        if read_only:
            # another night may replace the folder: both files are opened before that, or after it
            atomic.read_whole(folder, self._open_published, undo=lambda _: self._close())
        else:
            with self._errors():
                self._db = sqlite_files.open_writable(self._path)
                self._db.execute(_TABLE)

    def _open_published(self) -> None:
        with self._errors():
            self._db = sqlite_files.open_read_only(self._path)
            self._db.execute("SELECT 1 FROM answers LIMIT 1")
        if self._documents.is_file():
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

    def book(self, key: AnswerKey, *, offset: int, n_bytes: int) -> None:
        """Note where the answer to `key` lies; the first one stays."""
        row = (*key, offset, n_bytes)
        with self._errors():
            n_added = self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", row).rowcount
        self.checksum += n_added * _crc32_of(row)

    def sum_up(self) -> int:
        """The checksum of all rows, in whatever order they came."""
        with self._errors():
            self.checksum = sum(map(_crc32_of, self._db.execute(f"SELECT {_COLUMNS} FROM answers")))  # noqa: S608 - a constant
        return self.checksum

    def find(self, key: AnswerKey) -> dict[str, Any] | None:
        """The answer to `key`, None if it has not been given.

        Raises:
            ArtifactBroken: the ledger points at something else than this answer.
        """
        with self._errors():
            row = self._db.execute(
                "SELECT offset, n_bytes FROM answers WHERE text_sha256 = ? AND model_version = ? AND config = ?", key
            ).fetchone()
        if row is None:
            return None
        try:
            answer: dict[str, Any] = json.loads(self._line(*row))
            receipt = answer["receipt"]
            found = AnswerKey(answer["text_sha256"], receipt["model_version"], receipt["config"])
        except (ValueError, KeyError, TypeError, RecursionError):
            found = None
        if found != key:
            raise ArtifactBroken(f"found no answer of {key} at byte {row[0]!r}, expected one, in {self._documents}")
        return answer

    def _line(self, offset: int, n_bytes: int) -> bytes:
        """Bytes of the answers; none for a place where none can be."""
        with ExitStack() as stack:
            try:
                file = self._answers or stack.enter_context(atomic.open_file(self._documents))
            except FileNotFoundError:
                raise ArtifactBroken(f"found nothing, expected the ledger's answers, at {self._documents}") from None
            size = os.fstat(file.fileno()).st_size
            if not 0 <= offset <= offset + n_bytes <= size:
                return b""
            file.seek(offset)
            return file.read(n_bytes)

    def forget_from(self, offset: int) -> None:
        """Strike out the answers that lie at `offset` and behind it."""
        with self._errors():
            self._db.execute("DELETE FROM answers WHERE offset >= ?", (offset,))
            self._db.commit()

    def take_over(self, parts: Iterable[tuple[Path, int]]) -> None:
        """Add the ledgers of folders whose `documents.jsonl` lie in this one's, each from a byte on."""
        with ExitStack() as stack:
            ledgers = [(stack.enter_context(AnswerLedger(folder, read_only=True)), base) for folder, base in parts]
            # in the order of the keys: millions of rows by chance would each look for a page of their own. Of two
            # answers to one text the one that lies first comes first, and stays.
            rows = heapq.merge(*starmap(AnswerLedger._rows, ledgers))
            stack.enter_context(self._errors())
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", rows)
        self.commit()

    def _rows(self, base: int) -> Iterator[tuple[str, str, str, int, int]]:
        columns = "text_sha256, model_version, config, offset + ?, n_bytes"
        with self._errors():
            yield from self._db.execute(f"SELECT {columns} FROM answers ORDER BY 1, 2, 3", (base,))  # noqa: S608 - a constant

    def commit(self) -> None:
        with self._errors():
            self._db.commit()


def _crc32_of(row: Iterable[object]) -> int:
    return zlib.crc32("\0".join(map(str, row)).encode("utf-8", "surrogatepass"))


class EarlierLedger(AnswerLedger):
    """The ledger of answers that others published; one that is damaged costs its reuse and a notice, and no more.

    Raises:
        NerTasksError: it cannot be opened, see `open_earlier`.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, read_only=True)
        self._is_noted = False

    def find(self, key: AnswerKey) -> dict[str, Any] | None:
        """The answer to `key`, None if it has not been given or cannot be read."""
        try:
            answer = super().find(key)
            if answer is not None and not _is_whole(answer):
                raise ArtifactBroken(f"found an answer of another shape, expected one of {key}, in {self._documents}")
            return answer
        except (NerTasksError, OSError) as error:
            if not self._is_noted:
                warn_damaged(error)
            self._is_noted = True
            return None


def _is_whole(answer: Mapping[str, Any]) -> bool:
    """Whether an answer has all that is given again, and its text is the one that it is an answer to."""
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
    """The ledgers of earlier answers, of those that can be opened; a notice is printed for each other one.

    Args:
        folders: where they lie.
        stack: closes them.
    """
    ledgers: list[AnswerLedger] = []
    for folder in folders:
        try:
            ledgers.append(stack.enter_context(EarlierLedger(folder)))
        except (NerTasksError, OSError) as error:
            warn_damaged(error)
    return ledgers


def warn_damaged(error: Exception) -> None:
    """Print that earlier answers cannot be given again, and why."""
    why = str(error) if isinstance(error, NerTasksError) else redact_error(error)
    print(f"notice: earlier answers are not given again, their texts are tagged anew: {why}", flush=True)
