"""Copies a day into PostgreSQL: the day is replaced in one transaction, so that nobody sees a part of it.

The rows are those of the day's Parquet files. The driver streams them as Arrow batches into COPY; it has libpq inside, which
takes what the address does not say from the variables PGHOST, PGPASSWORD and so on.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing, NerTasksError, redact_error
from ner_tasks.records import PublishedDay, validate_record
from ner_tasks.sinks import SCHEMA_NAME
from ner_tasks.sinks.postgres_errors import translate_postgres_errors
from ner_tasks.sinks.postgres_tables import (
    DAYS_TABLE,
    DOCUMENTS_TABLE,
    ENTITIES_TABLE,
    JSON_COLUMN,
    TABLES,
    prepare_tables,
)
from ner_tasks.tagging.conversion import find_day
from ner_tasks.tagging.day_parts import read_described, read_parts
from ner_tasks.tagging.exports.parquet import DOCUMENTS_FILE, ENTITIES_FILE
from ner_tasks.tagging.exports.tables import DAY, SCHEMA_VERSION, read_schema_version
from ner_tasks.tagging.merge import MANIFEST

_BATCH_ROWS = 20_000
_LOCK = 0x6E6572  # of ours among the advisory locks of the database
_LOCK_WAIT, _CONNECT_WAIT_S = "60s", 30
_JSON = pa.json_(pa.string())
_DAYS = pa.schema(
    [
        (DAY, pa.date32()),
        ("model_version", pa.string()),
        ("night", pa.string()),
        ("n_documents", pa.int64()),
        ("n_entities", pa.int64()),
    ]
)


def load_day(
    answers: Sequence[Path], *, day: str | None = None, database: str = "", schema: str = "nightly_ner"
) -> dict[str, Any]:
    """Replace a day in PostgreSQL by a folder of answers; make the tables if there are none.

    Args:
        answers: a published day, or folders with their manifests and Parquet files, in order.
        day: YYYY-MM-DD; by default that of the manifest.
        database: address of the database without a password; empty: as libpq's variables say.
        schema: PostgreSQL's schema for the tables.

    Returns:
        `{"day": ..., "n_documents": ..., "n_entities": ...}`.

    Raises:
        InputMissing, ArtifactBroken: the day or a file of it is missing or damaged.
        ConfigInvalid: no day is known, tables of another schema, a right is missing.
        DatabaseUnavailable, StorageFull, Busy: of the server; nothing of the day has changed.
    """
    return read_parts(
        answers, lambda parts: _load(answers, parts, day, database, schema), files=(DOCUMENTS_FILE, ENTITIES_FILE)
    )


def remove_day(day: date, *, database: str = "", schema: str = "nightly_ner") -> dict[str, Any]:
    """Delete a day in PostgreSQL; there may be none.

    Args:
        day: the day.
        database, schema: as for `load_day`.

    Returns:
        `{"day": ...}`.

    Raises:
        ConfigInvalid, DatabaseUnavailable, StorageFull, Busy: as for `load_day`.
    """
    with _transaction(database, schema) as cursor:
        _delete(cursor, schema, day)
    return {"day": day.isoformat()}


def list_days(*, database: str = "", schema: str = "nightly_ner") -> dict[str, str | None]:
    """List the days in PostgreSQL, each with the night it was loaded from; changes nothing there.

    Args:
        database, schema: as for `load_day`.

    Raises:
        ConfigInvalid, DatabaseUnavailable: as for `load_day`.
    """
    with _connect(database, schema) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(f'SELECT to_regclass(\'"{schema}"."{DAYS_TABLE}"\')::text')
        if cursor.fetchall() == [(None,)]:
            return {}
        cursor.execute(f'SELECT "{DAY}"::text, night FROM "{schema}"."{DAYS_TABLE}"')  # noqa: S608 - plain names
        return dict(cursor.fetchall())


def _load(
    answers: Sequence[Path], parts: Sequence[Path], given: str | None, database: str, schema: str
) -> dict[str, Any]:
    day = find_day(answers, given)
    if day is None:
        raise ConfigInvalid(f"found no day in {answers[0]}, expected the one to replace; give --day")
    told = [_read_manifest(folder) for folder in answers]
    documents = [DayTable(part / DOCUMENTS_FILE, DOCUMENTS_TABLE, day) for part in parts]
    entities = [DayTable(part / ENTITIES_FILE, ENTITIES_TABLE, day) for part in parts]
    n_documents, n_entities = (sum(table.n_rows for table in tables) for tables in (documents, entities))
    _check_rows(told, n_documents, answers)
    with _transaction(database, schema) as cursor:
        _delete(cursor, schema, day)
        for table in (*documents, *entities):
            table.copy_into(cursor, schema)
        row = (day, told[0]["model_version"], told[0].get("night"), n_documents, n_entities)
        loaded = pa.record_batch([[value] for value in row], schema=_DAYS)
        cursor.adbc_ingest(DAYS_TABLE, loaded, mode="append", db_schema_name=schema)
    return {"day": day.isoformat(), "n_documents": n_documents, "n_entities": n_entities}


def _read_manifest(folder: Path) -> PublishedDay:
    if not (described := read_described(folder)):
        raise InputMissing(f"found nothing at {folder / MANIFEST}, expected a JSON file")
    return validate_record(described, PublishedDay, str(folder))


def _check_rows(told: Sequence[PublishedDay], n_documents: int, answers: Sequence[Path]) -> None:
    """Check the number of rows of all parts against that of the manifests, and that these are of one model.

    Raises:
        ArtifactBroken: it is another one.
        ConfigInvalid: the folders are of several models, of which a day has one.
    """
    versions = {manifest["model_version"] for manifest in told}
    if len(versions) > 1:
        found = " and ".join(sorted(versions)[:2])
        raise ConfigInvalid(f"found answers of the models {found}, expected those of one, in --answers")
    n_told = [manifest["n_tagged"] for manifest in told if "n_tagged" in manifest]
    if len(n_told) == len(told) and sum(n_told) != n_documents:
        where = f"{answers[0]}{f' and {len(answers) - 1} more' if answers[1:] else ''}"
        raise ArtifactBroken(f"found {n_documents} rows, expected {sum(n_told)} as in {MANIFEST}, at {where}")


@contextmanager
def _transaction(database: str, schema: str) -> Iterator[Any]:
    """Yield a cursor on our tables; what the block does is kept if it succeeds, and undone otherwise."""
    where = describe_database(database)
    with _connect(database, schema) as connection:
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
            # one at a time, so that two loads of a day do not both insert it
            cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCK}, hashtext('{schema}'))::text")
            cursor.fetchall()
            prepare_tables(cursor, schema, where)
            yield cursor
        # without it, closing the connection rolls back
        connection.commit()


@contextmanager
def _connect(database: str, schema: str) -> Iterator[Any]:
    """Yield a connection, which rolls back at the end what was not committed."""
    from adbc_driver_postgresql import dbapi

    if not re.match(SCHEMA_NAME, schema):
        raise ConfigInvalid(f"found schema {schema[:100]!r}, expected a name such as 'nightly_ner'")
    with (
        translate_postgres_errors(describe_database(database)),
        closing(dbapi.connect(_make_address(database))) as made,
    ):
        yield made


def _delete(cursor: Any, schema: str, day: date) -> None:
    for table in (ENTITIES_TABLE, DOCUMENTS_TABLE, DAYS_TABLE):
        cursor.execute(f'DELETE FROM "{schema}"."{table}" WHERE "{DAY}" = $1', (day,))  # noqa: S608 - plain names


class DayTable:
    """A table of a day in its Parquet file.

    Args:
        path: the file.
        table: name of the table in the database.
        day: the day that all rows get.

    Raises:
        InputMissing, ArtifactBroken: there is no such file, or it is no table of ours.
    """

    def __init__(self, path: Path, table: str, day: date) -> None:
        self._path, self._table, self._day = path, table, day
        try:
            self._file = pq.ParquetFile(path)
        except FileNotFoundError:
            raise InputMissing(
                f"found nothing at {path}, expected a table of a published day, or of `convert --to parquet`"
            ) from None
        except (pa.ArrowException, OSError) as error:
            raise ArtifactBroken(f"found {redact_error(error)}, expected Parquet, at {path}") from None
        schema = self._file.schema_arrow
        version = read_schema_version(schema)
        if version is None or version > SCHEMA_VERSION:
            raise ArtifactBroken(f"found schema version {version}, expected at most {SCHEMA_VERSION}, at {path}")
        # a file of an earlier version has fewer columns, and the others are null
        self._columns = [column.name for column in TABLES[table] if column.name in schema.names]
        self.n_rows: int = self._file.metadata.num_rows
        self._error: NerTasksError | None = None

    def copy_into(self, cursor: Any, schema: str) -> None:
        """Insert all rows.

        Raises:
            ArtifactBroken: the file is damaged.
        """
        batches = self._batches()
        first = next(batches, None)
        if first is None:
            return

        def rest() -> Iterator[pa.RecordBatch]:
            yield first
            yield from batches

        reader = pa.RecordBatchReader.from_batches(first.schema, rest())
        try:
            cursor.adbc_ingest(self._table, reader, mode="append", db_schema_name=schema)
        except Exception:
            # the driver would report it as its own, with our traceback
            if self._error:
                raise self._error from None
            raise

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._file.iter_batches(_BATCH_ROWS, columns=self._columns):
                columns = {name: _adapt(name, batch.column(name)) for name in self._columns if name != DAY}
                columns[DAY] = pa.repeat(pa.scalar(self._day, pa.date32()), batch.num_rows)
                yield pa.RecordBatch.from_pydict(columns)
        except (pa.ArrowException, OSError, ValueError, TypeError) as error:
            self._error = ArtifactBroken(f"found {redact_error(error)}, expected rows of a day, at {self._path}")
            raise self._error from None


def _adapt(name: str, values: pa.Array) -> pa.Array:
    r"""Return a column as PostgreSQL takes it: boxes as JSON, and each NUL, which its texts cannot hold, as `\x00`."""
    if name == JSON_COLUMN:
        texts = [None if boxes is None else _write_boxes(boxes) for boxes in values.to_pylist()]
        return pa.ExtensionArray.from_storage(_JSON, pa.array(texts, pa.string()))
    kind = values.type
    texts = values.flatten() if pa.types.is_list(kind) else values
    if not pa.types.is_string(texts.type) or b"\0" not in memoryview(texts.buffers()[2] or b"").tobytes():
        return values
    return pa.array([_escape_nul(value) for value in values.to_pylist()], kind)


def _escape_nul(value: Any) -> Any:
    if isinstance(value, list):
        return [_escape_nul(each) for each in value]
    return value.replace("\0", r"\x00") if isinstance(value, str) else value


def _write_boxes(boxes: list[list[float]]) -> str:
    # as in `documents.jsonl`: tenths of a point, which float32 does not hold exactly
    return json.dumps([[round(edge, 1) for edge in box] for box in boxes], allow_nan=False)


def _make_address(database: str) -> str:
    address = database or "postgresql://"
    options = ["fallback_application_name=nightly-ner"]
    if "connect_timeout" not in address and "PGCONNECT_TIMEOUT" not in os.environ:
        options.append(f"connect_timeout={_CONNECT_WAIT_S}")
    return f"{address}{'&' if '?' in address else '?'}{'&'.join(options)}"


def describe_database(database: str, env: Mapping[str, str] = os.environ) -> str:
    """Return host, port and name of a database, as its address or libpq's variables say."""
    try:
        parts = urlsplit(database)
        host, port, name = parts.hostname, parts.port, parts.path.strip("/")
    except ValueError:
        return "the given address"
    place = f"{host or env.get('PGHOST') or 'localhost'}:{port or env.get('PGPORT') or 5432}"
    return f"{place}/{name or env.get('PGDATABASE') or ''}".rstrip("/")
