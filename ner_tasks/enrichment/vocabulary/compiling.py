"""Compile the rows of a vocabulary into an SQLite file, in bounded memory: SQLite sorts on disk.

concepts   name of each code
names      codes of each normalized name
orders     names of each set of words, in alphabetical order, where that is not the name itself
words      words that a mention may misspell, and each of them from its end
facts      what was compiled, and counts
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from ner_tasks.enrichment.names import VocabularyRow, sort_words, split_words
from ner_tasks.enrichment.vocabulary.near_matches import may_be_misspelled
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic, replacement, sqlite_files

KIND = "a compiled vocabulary"
MAX_SYSTEMS = 1000
_N_RECENT = 500_000  # words that are not written again
_SORT_MIB = 64

_TABLES = f"""
PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-{_SORT_MIB * 1024};
CREATE TABLE concepts (system INTEGER, code TEXT, name TEXT, PRIMARY KEY (system, code)) WITHOUT ROWID;
CREATE TABLE names (key TEXT, system INTEGER, code TEXT, PRIMARY KEY (key, system, code)) WITHOUT ROWID;
CREATE TABLE orders (words TEXT, key TEXT, PRIMARY KEY (words, key)) WITHOUT ROWID;
CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE turned (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE facts (facts TEXT);
"""
_STAGED = """
PRAGMA staged.journal_mode=OFF; PRAGMA staged.synchronous=OFF;
CREATE TABLE staged.rows (number INTEGER PRIMARY KEY, key TEXT, name TEXT, code TEXT, system INTEGER);
CREATE TABLE staged.words (word TEXT);
"""
# In the order of their keys: rows in any other order would each touch another page.
_CONCEPTS = """
INSERT INTO concepts SELECT system, code, name FROM (
    SELECT system, code, name, min(number) FROM staged.rows GROUP BY system, code
)
"""
_NAMES = "INSERT INTO names SELECT DISTINCT key, system, code FROM staged.rows WHERE key != '' ORDER BY 1, 2, 3"
_ORDERS = """
INSERT INTO orders SELECT words, key FROM (
    SELECT sort_words(key) AS words, key FROM (SELECT DISTINCT key FROM names)
) WHERE words IS NOT NULL ORDER BY 1, 2
"""
_WORDS = "INSERT INTO words SELECT DISTINCT word FROM staged.words ORDER BY 1"
_TURNED = "INSERT INTO turned SELECT turn(word) FROM words ORDER BY 1"
_AMBIGUOUS = "SELECT count(*) FROM (SELECT 1 FROM names GROUP BY key, system HAVING count(*) > 1)"


def compile_rows(rows: Iterable[VocabularyRow], target: Path, *, source: Path | str) -> dict[str, Any]:
    """Write the compiled file of a vocabulary, atomically.

    Args:
        rows: its rows; the first one of a code has the name that is shown.
        target: file to write; nobody else may write it at the same time.
        source: where the rows come from, for messages.

    Returns:
        Its facts: `n_rows`, `n_names`, `n_codes`, `n_ambiguous` (names with two codes in one system), `systems`.

    Raises:
        ConfigInvalid: there are no rows, or more than `MAX_SYSTEMS` systems; see `CsvRows` too.
        StorageFull: no space left on the device.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in target.parent.iterdir():  # of a compilation that was killed
        if path.name.startswith(f".{target.name}.") and replacement.is_left_behind(path.name):
            replacement.discard(path)
    staged = replacement.staging_path(target)
    try:
        with (
            atomic.staged_file(target) as part,
            sqlite_files.translate_errors(target, KIND),
            closing(sqlite_files.open_writable(part)) as database,
        ):
            database.executescript(_TABLES)
            database.execute("ATTACH ? AS staged", (str(staged),))
            database.executescript(_STAGED)
            return _fill(database, rows, source)
    finally:
        replacement.discard(staged)


def _fill(database: Connection, rows: Iterable[VocabularyRow], source: Path | str) -> dict[str, Any]:
    systems: dict[str, int] = {}
    insert = "INSERT INTO staged.rows VALUES (NULL, ?, ?, ?, ?)"
    n_rows = database.executemany(insert, _number_systems(rows, systems, source)).rowcount
    if n_rows < 1:
        raise ConfigInvalid(f"found no names, expected at least one, in {source}")
    database.create_function("sort_words", 1, _sort_words, deterministic=True)
    database.create_function("turn", 1, turn, deterministic=True)
    n_codes = database.execute(_CONCEPTS).rowcount
    n_names = database.execute(_NAMES).rowcount
    database.execute(_ORDERS)
    database.executemany("INSERT INTO staged.words VALUES (?)", _words(database))
    database.execute(_WORDS)
    database.execute(_TURNED)
    n_ambiguous = database.execute(_AMBIGUOUS).fetchone()[0]
    facts: dict[str, Any] = {"n_rows": n_rows, "n_names": n_names, "n_codes": n_codes, "n_ambiguous": n_ambiguous}
    facts |= {"systems": list(systems)}
    database.execute("INSERT INTO facts VALUES (?)", (json.dumps(facts),))
    database.commit()
    return facts


def _number_systems(
    rows: Iterable[VocabularyRow], systems: dict[str, int], source: Path | str
) -> Iterator[tuple[str, str, str, int]]:
    for row in rows:
        number = systems.setdefault(row.system, len(systems))
        if number >= MAX_SYSTEMS:
            raise ConfigInvalid(
                f"found more than {MAX_SYSTEMS:,} systems, expected a few, in column system of {source}"
            )
        yield row.key, row.name, row.code, number


def _sort_words(key: str) -> str | None:
    words = sort_words(key)
    return None if words == key else words


def turn(word: str) -> str:
    """Return a word from its last letter to its first."""
    return word[::-1]


def _words(database: Connection) -> Iterator[tuple[str]]:
    recent: set[str] = set()
    for (key,) in database.execute("SELECT DISTINCT key FROM names"):
        for word in split_words(key):
            if may_be_misspelled(word) and word not in recent:
                if len(recent) >= _N_RECENT:
                    recent.clear()
                recent.add(word)
                yield (word,)
