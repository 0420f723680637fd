"""The tables of published days in PostgreSQL: their columns, and whether those that are there are these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ner_tasks.errors import ConfigInvalid
from ner_tasks.tagging.exports.tables import DAY, DOCUMENTS, ENTITIES, SCHEMA_VERSION

VERSIONS_TABLE, DAYS_TABLE, DOCUMENTS_TABLE, ENTITIES_TABLE = "schema_version", "days", "documents", "entities"
JSON_COLUMN = "boxes"
_TYPES = {
    pa.string(): "text",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.date32(): "date",
    pa.list_(pa.string()): "text[]",
}
_FIND_COLUMNS = """
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '{schema}' AND c.relname IN ('{tables}') AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Column:
    """A column: its name, its type as PostgreSQL spells it, and what else its definition says."""

    name: str
    kind: str
    more: str = ""

    @property
    def definition(self) -> str:
        return f'"{self.name}" {self.kind} {self.more}'.rstrip()


def _columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    return tuple(
        Column(
            field.name,
            "jsonb" if field.name == JSON_COLUMN else _TYPES[field.type],
            "" if field.nullable and field.name != DAY else "NOT NULL",
        )
        for field in schema
    )


TABLES: dict[str, tuple[Column, ...]] = {
    VERSIONS_TABLE: (Column("version", "integer", "NOT NULL"),),
    DAYS_TABLE: (
        Column(DAY, "date", "PRIMARY KEY"),
        Column("model_version", "text"),
        Column("night", "text"),
        Column("n_documents", "bigint", "NOT NULL"),
        Column("n_entities", "bigint", "NOT NULL"),
        Column("loaded_at", "timestamp with time zone", "NOT NULL DEFAULT now()"),
    ),
    DOCUMENTS_TABLE: _columns_of(DOCUMENTS),
    ENTITIES_TABLE: _columns_of(ENTITIES),
}


def prepare_tables(cursor: Any, schema: str, where: str) -> None:
    """Make the tables that are absent, add the columns of later versions, and check all others.

    Args:
        cursor: cursor of an open transaction.
        schema: PostgreSQL's schema for the tables, a plain name.
        where: the database, for an error.

    Raises:
        ConfigInvalid: tables of a later version, or other tables of the same names.
    """
    found = _find_columns(cursor, schema)
    if not found:
        _create_tables(cursor, schema)
        return
    if VERSIONS_TABLE not in found:
        name = min(found)
        raise ConfigInvalid(
            f"found table {schema}.{name} without {schema}.{VERSIONS_TABLE}, expected tables that this command made, "
            f"in {where}; give another schema"
        )
    version = _read_version(cursor, schema, where)
    if version > SCHEMA_VERSION:
        raise ConfigInvalid(
            f"found tables of schema version {version}, expected at most {SCHEMA_VERSION}, in schema {schema} of {where}: "
            "a later release made them"
        )
    if version < SCHEMA_VERSION:
        _add_columns(cursor, schema, found)
        found = _find_columns(cursor, schema)
    _check_columns(found, schema, where)


def _find_columns(cursor: Any, schema: str) -> dict[str, dict[str, str]]:
    """Return the type of each column of those of our tables that exist."""
    cursor.execute(_FIND_COLUMNS.format(schema=schema, tables="', '".join(TABLES)))
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in cursor.fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _create_tables(cursor: Any, schema: str) -> None:
    # `IF NOT EXISTS` asks for the right to create even if nothing is to be created
    cursor.execute(f"SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = '{schema}'")  # noqa: S608 - a plain name
    if cursor.fetchall() == [(0,)]:
        cursor.execute(f'CREATE SCHEMA "{schema}"')
    for table, columns in TABLES.items():
        cursor.execute(f'CREATE TABLE "{schema}"."{table}" ({", ".join(column.definition for column in columns)})')
    for table in (DOCUMENTS_TABLE, ENTITIES_TABLE):
        cursor.execute(f'CREATE INDEX ON "{schema}"."{table}" ("{DAY}")')
    cursor.execute(f'INSERT INTO "{schema}"."{VERSIONS_TABLE}" VALUES ({SCHEMA_VERSION})')  # noqa: S608 - as above


def _read_version(cursor: Any, schema: str, where: str) -> int:
    cursor.execute(f'SELECT max(version)::integer, count(*) FROM "{schema}"."{VERSIONS_TABLE}"')  # noqa: S608 - as above
    ((version, n_rows),) = cursor.fetchall()
    if n_rows != 1:
        raise ConfigInvalid(f"found {n_rows} rows, expected one, in {schema}.{VERSIONS_TABLE} of {where}")
    return int(version)


def _add_columns(cursor: Any, schema: str, found: Mapping[str, Mapping[str, str]]) -> None:
    for table, columns in TABLES.items():
        for column in columns:
            if table in found and column.name not in found[table]:
                cursor.execute(f'ALTER TABLE "{schema}"."{table}" ADD COLUMN {column.definition}')
    cursor.execute(f'UPDATE "{schema}"."{VERSIONS_TABLE}" SET version = {SCHEMA_VERSION}')  # noqa: S608 - as above


def _check_columns(found: Mapping[str, Mapping[str, str]], schema: str, where: str) -> None:
    """Check that each column is there with its type; more columns are the user's business."""
    for table, columns in TABLES.items():
        for column in columns:
            kind = found.get(table, {}).get(column.name)
            if kind != column.kind:
                what = f"column {column.name} of type {kind}" if kind else f"no column {column.name}"
                raise ConfigInvalid(f"found {what}, expected {column.kind}, in {schema}.{table} of {where}")
