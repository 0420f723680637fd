"""Writes the entity index of a day's answers.

Rows are sorted in batches and each batch is inserted in order into a table of a second file; the tables of the index are
then copied from it in order. Memory is bounded, and SQLite sorts nothing itself: its sorter would write to the system's
folder for temporary files, which in a container is memory.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from ner_tasks import bounded_names
from ner_tasks.files import atomic, sqlite_files
from ner_tasks.surrogates import escape_surrogates
from ner_tasks.tagging.answers import Answer, read_answers
from ner_tasks.tagging.entity_index import WHAT
from ner_tasks.tagging.entity_index.folding import fold_mention, list_starts
from ner_tasks.tagging.entity_index.ranking import Ranking

N_TOP = 50  # mentions that are ranked, for each label
MAX_WRITTEN = 200  # characters of a mention that are shown
MAX_CONTEXTS = 10_000
_BATCH_ROWS = 250_000
# Larger pages suit long names; the caches hold the pages that a batch touches one after the other.
_PRAGMAS = "PRAGMA {0}.page_size=16384; PRAGMA {0}.journal_mode=OFF; PRAGMA {0}.synchronous=OFF;"
_TABLES = """
CREATE TABLE about (n_documents INTEGER NOT NULL, n_without_text INTEGER NOT NULL);
CREATE TABLE documents (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE contexts (number INTEGER PRIMARY KEY, assertion TEXT, section TEXT);
CREATE TABLE mentions (
    number INTEGER PRIMARY KEY, folded TEXT NOT NULL, label TEXT NOT NULL, written TEXT NOT NULL,
    n_documents INTEGER NOT NULL, n_entities INTEGER NOT NULL
);
CREATE TABLE starts (
    start TEXT NOT NULL, word INTEGER NOT NULL, mention INTEGER NOT NULL, label TEXT NOT NULL,
    PRIMARY KEY (start, word, mention)
) WITHOUT ROWID;
CREATE TABLE occurrences (
    mention INTEGER NOT NULL, document INTEGER NOT NULL, context INTEGER NOT NULL,
    n INTEGER NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (mention, document, context)
) WITHOUT ROWID;
CREATE TABLE top (
    label TEXT NOT NULL, place INTEGER NOT NULL, mention INTEGER NOT NULL, PRIMARY KEY (label, place)
) WITHOUT ROWID;
CREATE TABLE unsorted.found (
    folded TEXT, label TEXT, document INTEGER, context INTEGER, n INTEGER, first INTEGER, is_first INTEGER, written TEXT,
    PRIMARY KEY (folded, label, document, context)
) WITHOUT ROWID;
CREATE TABLE unsorted.starts (
    start TEXT, word INTEGER, mention INTEGER, label TEXT, PRIMARY KEY (start, word, mention)
) WITHOUT ROWID;
"""
# `written` is that of the row with the least document, as SQLite defines for a bare column beside min()
_MENTIONS = """
INSERT INTO mentions SELECT NULL, folded, label, written, n_documents, n_entities FROM (
    SELECT folded, label, written, min(document), sum(is_first) AS n_documents, sum(n) AS n_entities
    FROM unsorted.found GROUP BY folded, label ORDER BY folded, label
)
"""
_OCCURRENCES = """
INSERT INTO occurrences SELECT m.number, f.document, f.context, f.n, f.first
FROM mentions AS m CROSS JOIN unsorted.found AS f ON f.folded = m.folded AND f.label = m.label
"""
_Found = tuple[str, str, int, int, int, int, int, str | None]


def write_entity_index(documents_jsonl: Path, target: Path) -> dict[str, int]:
    """Write the index of the entities in a day's answers, atomically.

    Args:
        documents_jsonl: answers of the day. Entities of documents whose text was not kept are not indexed.
        target: file to write. A second file of about its size lies beside it meanwhile.

    Returns:
        Numbers of documents, of those without a text, and of different mentions: `n_documents`, `n_without_text`,
        `n_mentions`.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is damaged.
        StorageFull: no space left on the device.
    """
    with (
        atomic.staged_file(target) as stage,
        atomic.scratch_file(target) as scratch,
        sqlite_files.translate_errors(target, WHAT),
        closing(sqlite_files.open_writable(stage)) as database,
    ):
        database.execute("ATTACH ? AS unsorted", (str(scratch),))
        database.executescript(_PRAGMAS.format("main") + _PRAGMAS.format("unsorted") + _TABLES)
        database.execute("PRAGMA unsorted.cache_size=-65536")
        counts = _Collector(database).collect(read_answers(documents_jsonl))
        database.execute(_MENTIONS)
        database.execute(_OCCURRENCES)
        n_mentions = _write_starts(database)
        database.commit()
    return {**counts, "n_mentions": n_mentions}


class _Collector:
    """Writes what is found in the answers into the second file, and the documents and contexts into the index."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._contexts: dict[tuple[str | None, str | None], int] = {}

    def collect(self, answers: Iterable[Answer]) -> dict[str, int]:
        counts = {"n_documents": 0, "n_without_text": 0}
        rows, names = list[_Found](), list[tuple[int, str]]()
        for number, answer in enumerate(answers, start=1):
            counts["n_documents"] += 1
            counts["n_without_text"] += answer.text is None
            if answer.text is not None and answer.entities:
                rows += self._rows(number, answer)
                names.append((number, bounded_names.bound_name(escape_surrogates(answer.document))))
            if len(rows) >= _BATCH_ROWS:
                self._write(rows, names)
                rows, names = [], []
        self._write(rows, names)
        self._database.executemany(
            "INSERT INTO contexts VALUES (?, ?, ?)", ((number, *values) for values, number in self._contexts.items())
        )
        self._database.execute("INSERT INTO about VALUES (:n_documents, :n_without_text)", counts)
        return counts

    def _rows(self, document: int, answer: Answer) -> Iterator[_Found]:
        """Yield a row for each mention, label and context in a document."""
        found = dict[tuple[str, str, int], list[Any]]()
        for number, entity in enumerate(answer.entities):
            mention = answer.mention(entity) or ""
            key = fold_mention(mention), escape_surrogates(entity["label"][:MAX_WRITTEN]), self._context(entity)
            if key in found:
                found[key][0] += 1
            elif key[0]:  # nothing but spaces and accents cannot be sought
                found[key] = [1, number, mention]
        seen = set[tuple[str, str]]()
        for (folded, label, context), (n, first, mention) in found.items():
            yield folded, label, document, context, n, first, (folded, label) not in seen, _shorten(mention)
            seen.add((folded, label))

    def _context(self, entity: Any) -> int:
        """Number of the entity's assertion and section; the fields are missing if they were not determined."""
        assertion, section = entity.get("assertion"), entity.get("section")
        values = (
            " ".join(sorted(map(str, assertion)))[:MAX_WRITTEN] if isinstance(assertion, list) else None,
            section[:MAX_WRITTEN] if isinstance(section, str) else None,
        )
        if values not in self._contexts and len(self._contexts) >= MAX_CONTEXTS:
            values = values[0] and "…", values[1] and "…"
        return self._contexts.setdefault(values, len(self._contexts))

    def _write(self, rows: list[_Found], names: list[tuple[int, str]]) -> None:
        rows.sort()
        self._database.executemany("INSERT INTO unsorted.found VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _written_once(rows))
        self._database.executemany("INSERT INTO documents VALUES (?, ?)", names)


def _written_once(rows: list[_Found]) -> Iterator[_Found]:
    """Leave out how a mention is written where the row before has the same one."""
    last: tuple[str, str] | None = None
    for row in rows:
        yield row if row[:2] != last else (*row[:-1], None)
        last = row[:2]


def _write_starts(database: sqlite3.Connection) -> int:
    """Write the starts and the top mentions; return the number of mentions."""
    ranking, n_mentions = Ranking(N_TOP), 0

    def starts() -> Iterator[tuple[str, int, int, str]]:
        nonlocal n_mentions
        for number, folded, label, n in database.execute("SELECT number, folded, label, n_documents FROM mentions"):
            n_mentions += 1
            ranking.add(label, n, number)
            for word, start in enumerate(list_starts(folded)):
                yield start, word, number, label

    waiting = starts()
    while batch := sorted(islice(waiting, _BATCH_ROWS)):
        database.executemany("INSERT INTO unsorted.starts VALUES (?, ?, ?, ?)", batch)
    database.execute("INSERT INTO starts SELECT * FROM unsorted.starts ORDER BY start, word, mention")
    database.executemany("INSERT INTO top VALUES (?, ?, ?)", ranking)
    return n_mentions


def _shorten(mention: str) -> str:
    """Bound a mention for display, on one line and in characters that SQLite stores."""
    line = " ".join(mention[: 4 * MAX_WRITTEN].replace("\0", " ").split())
    return escape_surrogates(line if len(line) <= MAX_WRITTEN else f"{line[: MAX_WRITTEN - 1]}…")
