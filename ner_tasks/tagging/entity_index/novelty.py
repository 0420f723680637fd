"""Finds the mentions of a day that earlier days do not have."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.tagging.entity_index import WHAT
from ner_tasks.tagging.entity_index.ranking import Ranking

N_NEW = 50  # mentions that are listed, for each label
_KNOWN = """
DELETE FROM new WHERE EXISTS (
    SELECT 1 FROM today.mentions AS m CROSS JOIN earlier.starts AS s
    ON s.start = m.folded AND s.word = 0 AND s.label = m.label WHERE m.number = new.number
)
"""
_LEFT = "SELECT m.label, m.n_documents, m.number FROM new CROSS JOIN today.mentions AS m ON m.number = new.number"
_LISTED = "SELECT written, n_documents, n_entities FROM today.mentions WHERE number = ?"


def find_new_mentions(index: Path, earlier: Sequence[Path], scratch: Path) -> tuple[dict[str, Any], list[str]]:
    """Find the mentions of a day, with their label, that none of the earlier days has.

    Args:
        index: entity index of the day.
        earlier: entity indexes of earlier days.
        scratch: folder for a table of the day's mentions meanwhile.

    Returns:
        `n_days`, the number of days compared, and for each label `n_new` and its `mentions` in most documents, at most
        50; and the error of each earlier index that is damaged, which is left out.

    Raises:
        InputMissing: the day has no index.
        ArtifactBroken: the day's index is damaged.
        StorageFull: no space left on the device.
    """
    if not index.is_file():
        raise InputMissing(f"found nothing at {index}, expected {WHAT}")
    n_days, damaged = 0, list[str]()
    with atomic.scratch_file(scratch / "new.sqlite") as path, closing(sqlite_files.open_writable(path)) as database:
        database.isolation_level = None  # files cannot be attached within a transaction
        with sqlite_files.translate_errors(index, WHAT), _attached(database, index, "today"):
            database.execute("PRAGMA main.journal_mode=MEMORY")
            database.execute("CREATE TABLE new (number INTEGER PRIMARY KEY)")
            database.execute("INSERT INTO new SELECT number FROM today.mentions")
            for other in earlier:
                try:
                    with sqlite_files.translate_errors(other, WHAT), _attached(database, other, "earlier"):
                        database.execute(_KNOWN)
                    n_days += 1
                except ArtifactBroken as error:
                    damaged.append(str(error))
            labels = _list_new(database) if n_days else {}
    return {"n_days": n_days, "labels": labels}, damaged


@contextmanager
def _attached(database: sqlite3.Connection, path: Path, name: str) -> Iterator[None]:
    sqlite_files.attach_read_only(database, path, name)
    try:
        yield
    finally:
        database.execute(f"DETACH {name}")


def _list_new(database: sqlite3.Connection) -> dict[str, Any]:
    ranking, labels = Ranking(N_NEW), dict[str, Any]()
    for label, n_documents, number in database.execute(_LEFT):
        ranking.add(label, n_documents, number)
        labels.setdefault(label, {"n_new": 0, "mentions": []})["n_new"] += 1
    for label, _, number in ranking:
        ((mention, n_documents, n_entities),) = database.execute(_LISTED, (number,)).fetchall()
        listed = {"mention": mention, "n_documents": n_documents, "n_entities": n_entities}
        labels[label]["mentions"].append(listed)
    return labels
