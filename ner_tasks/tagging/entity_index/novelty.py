"""Finds the mentions of a day that earlier days do not have."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.tagging.entity_index import WHAT
from ner_tasks.tagging.entity_index.ranking import Ranking

N_NEW = 50  # mentions that are listed, for each label
_LISTED = "SELECT written, n_documents, n_entities FROM new WHERE number = ?"
# A mention may occur in several parts of the day.
_NEW = """
CREATE TABLE new (
    number INTEGER PRIMARY KEY, folded TEXT NOT NULL, label TEXT NOT NULL, written TEXT NOT NULL,
    n_documents INTEGER NOT NULL, n_entities INTEGER NOT NULL, UNIQUE (folded, label)
)
"""
_TODAY = """
INSERT INTO new (folded, label, written, n_documents, n_entities)
SELECT folded, label, written, n_documents, n_entities FROM today.mentions WHERE true ORDER BY number
ON CONFLICT (folded, label) DO UPDATE
SET n_documents = n_documents + excluded.n_documents, n_entities = n_entities + excluded.n_entities
"""
_KNOWN = """
DELETE FROM new WHERE EXISTS (
    SELECT 1 FROM earlier.starts AS s WHERE s.start = new.folded AND s.word = 0 AND s.label = new.label
)
"""


def find_new_mentions(
    indexes: Iterable[Path], earlier: Iterable[Iterable[Path]], scratch: Path
) -> tuple[dict[str, Any], list[str]]:
    """Find the mentions of a day, with their label, that none of the earlier days has.

    Indexes are opened one at a time, in order, so that each may be fetched when it is asked for.

    Args:
        indexes: entity indexes of the day's parts.
        earlier: those of the parts of each earlier day.
        scratch: folder for a table of the day's mentions meanwhile.

    Returns:
        `n_days`, the number of days compared, and for each label `n_new` and its `mentions` in most documents, at most
        50; and the error of each earlier index that is damaged, which is left out with its day not counted.

    Raises:
        InputMissing: a part of the day has no index.
        ArtifactBroken: an index of the day is damaged.
        StorageFull: no space left on the device.
    """
    n_days, damaged = 0, list[str]()
    with atomic.scratch_file(scratch / "new.sqlite") as path, closing(sqlite_files.open_writable(path)) as database:
        database.isolation_level = None  # files cannot be attached within a transaction
        with sqlite_files.translate_errors(path, "a table of mentions"):
            # without a journal: a damaged table is discarded, and a journal in memory would hold all of it
            database.execute("PRAGMA main.journal_mode=OFF")
            database.execute(_NEW)
        for index in indexes:
            if not index.is_file():
                raise InputMissing(f"found nothing at {index}, expected {WHAT}")
            with sqlite_files.translate_errors(index, WHAT), _attached(database, index, "today"):
                database.execute(_TODAY)
        for day in earlier:
            wrong = list(_remove_known(database, day))
            damaged += wrong
            n_days += not wrong
        labels = _list_new(database) if n_days else {}
    return {"n_days": n_days, "labels": labels}, damaged


def _remove_known(database: sqlite3.Connection, indexes: Iterable[Path]) -> Iterator[str]:
    """Remove the mentions of an earlier day; yields the error of each index that is damaged."""
    for index in indexes:
        try:
            with sqlite_files.translate_errors(index, WHAT), _attached(database, index, "earlier"):
                database.execute(_KNOWN)
        except ArtifactBroken as error:
            yield str(error)


@contextmanager
def _attached(database: sqlite3.Connection, path: Path, name: str) -> Iterator[None]:
    sqlite_files.attach_read_only(database, path, name)
    try:
        yield
    finally:
        database.execute(f"DETACH {name}")


def _list_new(database: sqlite3.Connection) -> dict[str, Any]:
    ranking, labels = Ranking(N_NEW), dict[str, Any]()
    for label, n_documents, number in database.execute("SELECT label, n_documents, number FROM new"):
        ranking.add(label, n_documents, number)
        labels.setdefault(label, {"n_new": 0, "mentions": []})["n_new"] += 1
    for label, _, number in ranking:
        ((mention, n_documents, n_entities),) = database.execute(_LISTED, (number,)).fetchall()
        listed = {"mention": mention, "n_documents": n_documents, "n_entities": n_entities}
        labels[label]["mentions"].append(listed)
    return labels
