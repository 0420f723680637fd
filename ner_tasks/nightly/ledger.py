"""Which text was tagged by which model under which configuration, and where its answer lies.

A ledger lies beside the `documents.jsonl` that it points into, as one SQLite file: its size costs no memory, and a
kill costs no more than what was not committed.
"""

import heapq
import json
import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import starmap
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from ner_tasks.errors import ArtifactBroken

DOCUMENTS, LEDGER = "documents.jsonl", "ledger.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS answers (
    text_sha256 TEXT, model_version TEXT, config TEXT, offset INTEGER NOT NULL, n_bytes INTEGER NOT NULL,
    PRIMARY KEY (text_sha256, model_version, config)
) WITHOUT ROWID
"""


class Key(NamedTuple):
    """What an answer follows from: the text's SHA-256, the model's version, the configuration's."""

    text_sha256: str
    model_version: str
    config: str


class Ledger:
    """The ledger of one folder of answers.

    Args:
        folder: where `documents.jsonl` lies; the ledger is made if there is none.
        read_only: answers that others published, never written to.

    Raises:
        ArtifactBroken: what lies there is no ledger.
    """

    def __init__(self, folder: Path, *, read_only: bool = False):
        self._documents = folder / DOCUMENTS
        path = folder / LEDGER
        try:
            if read_only:
                # immutable: published files change no more, and their folder may not be writable
                self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
                self._db.execute("SELECT 1 FROM answers LIMIT 1")
            else:
                self._db = sqlite3.connect(path)
                self._db.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            raise ArtifactBroken(f"found {error}, expected a ledger, at {path}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def book(self, key: Key, *, offset: int, n_bytes: int) -> None:
        """Note where the answer to `key` lies; the first one stays."""
        self._db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", (*key, offset, n_bytes))

    def find(self, key: Key) -> dict[str, Any] | None:
        """The answer to `key`, None if it has not been given.

        Raises:
            ArtifactBroken: the ledger points at something else than this answer.
        """
        row = self._db.execute(
            "SELECT offset, n_bytes FROM answers WHERE text_sha256 = ? AND model_version = ? AND config = ?", key
        ).fetchone()
        if row is None:
            return None
        with self._documents.open("rb") as file:
            file.seek(row[0])
            line = file.read(row[1])
        try:
            answer: dict[str, Any] = json.loads(line)
            receipt = answer["receipt"]
            found = Key(answer["text_sha256"], receipt["model_version"], receipt["config"])
        except (ValueError, KeyError, TypeError):
            found = None
        if found != key:
            raise ArtifactBroken(f"found no answer of {key} at byte {row[0]}, expected one, in {self._documents}")
        return answer

    def forget_from(self, offset: int) -> None:
        """Strike out the answers that lie at `offset` and behind it."""
        self._db.execute("DELETE FROM answers WHERE offset >= ?", (offset,))
        self._db.commit()

    def take_over(self, parts: Iterable[tuple[Path, int]]) -> None:
        """Add the ledgers of folders whose `documents.jsonl` lie in this one's, each from a byte on."""
        with ExitStack() as stack:
            ledgers = [(stack.enter_context(Ledger(folder, read_only=True)), base) for folder, base in parts]
            # in the order of the keys: millions of rows by chance would each look for a page of their own. Of two
            # answers to one text the one that lies first comes first, and stays.
            rows = heapq.merge(*starmap(Ledger._rows, ledgers))
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", rows)
        self.commit()

    def _rows(self, base: int) -> Iterable[tuple[str, str, str, int, int]]:
        columns = "text_sha256, model_version, config, offset + ?, n_bytes"
        return self._db.execute(f"SELECT {columns} FROM answers ORDER BY 1, 2, 3", (base,))  # noqa: S608 - a constant

    def commit(self) -> None:
        self._db.commit()
