"""The engines that the entity index was compared with, over the same mentions; see `entity_search_speed`."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from ner_tasks.tagging.entity_index.folding import fold_mention
from ner_tasks.tagging.entity_index.reader import EntityIndex

MOST = 101
_OCCURRENCES = """
SELECT m.folded, m.label, d.name, o.n FROM mentions AS m
CROSS JOIN occurrences AS o ON o.mention = m.number CROSS JOIN documents AS d ON d.number = o.document ORDER BY m.number
"""
_SCHEMA = pa.schema({"folded": pa.string(), "label": pa.string(), "document": pa.string(), "n": pa.int32()})

Words = Callable[[], Iterable[tuple[str, str]]]


def compare(indexes: list[Path], scratch: Path, words: Words) -> None:
    """Time a search of the newest 101 documents by the beginning of a mention, over all days, in each engine."""
    parquet, fts = _write_parquet(indexes, scratch), _write_fts(indexes, scratch)
    print("a search of 101 rows without a page:")
    _time("entity index", words, lambda sought: _search_index(indexes, sought))
    _time("SQLite FTS5", words, lambda sought: _search_fts(fts, sought))
    with closing(duckdb.connect()) as database:
        _time("DuckDB over Parquet", words, lambda sought: _search_duckdb(database, parquet, sought))
        _time("DuckDB over Parquet, per day", words, lambda sought: _per_day(database, parquet, sought))
    _time("pyarrow over Parquet", words, lambda sought: _search_pyarrow(parquet, sought))


def _write_parquet(indexes: list[Path], scratch: Path) -> list[Path]:
    began, paths = time.perf_counter(), []
    for number, index in enumerate(indexes):
        paths.append(scratch / f"{number:04d}.parquet")
        with closing(sqlite3.connect(index)) as database, pq.ParquetWriter(paths[-1], _SCHEMA) as writer:
            rows = database.execute(_OCCURRENCES)
            while some := rows.fetchmany(100_000):
                columns = [
                    pa.array(values, kind) for values, kind in zip(zip(*some, strict=True), _SCHEMA.types, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA), row_group_size=100_000)
    size = sum(path.stat().st_size for path in paths) / 2**20
    print(f"sorted Parquet: {time.perf_counter() - began:.0f} s from the indexes, {size:.0f} MiB")
    return paths


def _write_fts(indexes: list[Path], scratch: Path) -> list[Path]:
    """Distinct mentions in FTS5, instead of `starts`; occurrences stay in the index."""
    began, paths = time.perf_counter(), []
    for number, index in enumerate(indexes):
        paths.append(scratch / f"{number:04d}.fts")
        with closing(sqlite3.connect(paths[-1])) as database:
            database.execute("ATTACH ? AS day", (str(index),))
            database.execute("CREATE VIRTUAL TABLE words USING fts5(folded, content='', detail=full, prefix='1 2 3')")
            database.execute("INSERT INTO words (rowid, folded) SELECT number, folded FROM day.mentions")
            database.commit()
    size = sum(path.stat().st_size for path in paths) / 2**20
    print(f"FTS5 instead of `starts`: {time.perf_counter() - began:.0f} s from the indexes, {size:.0f} MiB")
    _INDEXES.update(zip(paths, indexes, strict=True))
    return paths


_INDEXES: dict[Path, Path] = {}


def _search_index(indexes: list[Path], sought: str) -> int:
    n = 0
    for path in reversed(indexes):
        with EntityIndex(path) as index:
            n += len(index.search(sought, most=MOST - n))
        if n >= MOST:
            break
    return n


def _search_fts(paths: list[Path], sought: str) -> int:
    query = " ".join(f'"{word}"' for word in sought.split()) + "*"
    n = 0
    for path in reversed(paths):
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("ATTACH ? AS day", (f"{_INDEXES[path].as_uri()}?mode=ro&immutable=1",))
            found = database.execute(
                "SELECT d.name, m.written, m.label FROM words AS w CROSS JOIN day.occurrences AS o ON o.mention = w.rowid "
                "CROSS JOIN day.mentions AS m ON m.number = w.rowid CROSS JOIN day.documents AS d ON d.number = o.document "
                "WHERE words MATCH ? LIMIT ?",
                (query, MOST - n),
            ).fetchall()
        n += len(found)
        if n >= MOST:
            break
    return n


def _search_duckdb(database: duckdb.DuckDBPyConnection, paths: list[Path], sought: str) -> int:
    return len(
        database.execute(
            "SELECT filename, folded, label, document, n FROM read_parquet(?, filename = true) "
            "WHERE folded >= ? AND folded < ? ORDER BY filename DESC, folded, document LIMIT ?",
            [[str(path) for path in paths], sought, sought + "\U0010ffff", MOST],
        ).fetchall()
    )


def _per_day(database: duckdb.DuckDBPyConnection, paths: list[Path], sought: str) -> int:
    """As the index does: newest day first, until there is enough."""
    n = 0
    for path in reversed(paths):
        n += len(
            database.execute(
                "SELECT folded, label, document, n FROM read_parquet(?) WHERE folded >= ? AND folded < ? LIMIT ?",
                [str(path), sought, sought + "\U0010ffff", MOST - n],
            ).fetchall()
        )
        if n >= MOST:
            break
    return n


def _search_pyarrow(paths: list[Path], sought: str) -> int:
    n = 0
    for path in reversed(paths):
        is_sought = (ds.field("folded") >= sought) & (ds.field("folded") < sought + "\U0010ffff")
        n += ds.dataset(path).scanner(filter=is_sought).head(MOST - n).num_rows
        if n >= MOST:
            break
    return n


def _time(engine: str, words: Words, search: Callable[[str], int]) -> None:
    for kind, cut in _kinds():
        taken = []
        for mention, _ in words():
            sought = cut(fold_mention(mention))
            began, cpu = time.perf_counter(), time.process_time()
            search(sought)
            taken.append((1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu)))
        report(f"{engine}, {kind}", taken)


def report(what: str, taken: list[tuple[float, float]]) -> None:
    """Print the median and 95th percentile of wall and CPU times in milliseconds."""
    wall, cpu = (np.percentile(times, [50, 95]) for times in zip(*taken, strict=True))
    print(f"{what}: median {wall[0]:.0f} ms, p95 {wall[1]:.0f} ms; of the CPU {cpu[0]:.1f} ms, {cpu[1]:.1f} ms")


def _kinds() -> Iterator[tuple[str, Callable[[str], str]]]:
    yield "two letters", lambda mention: mention[:2]
    yield "whole mention", lambda mention: mention
    yield "absent", lambda mention: mention + "xyz"
