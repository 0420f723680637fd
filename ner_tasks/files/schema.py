"""Version of the store's records: each JSON file that names or reports something has the number `schema_version`.

It grows when a record of the version before cannot be read as it is; `registry/migration.py` has a step for each number.
The number is no part of any answer, model or snapshot: `fingerprint.code_version` leaves this module out.
"""

from typing import Any

from ner_tasks.errors import SchemaTooNew

KEY = "schema_version"
# 1: releases 0.1.0 and 0.2.0, which wrote no number. 2: the number. 3: a day's manifest may name parts, without which a
# reader of version 2 would take the day for an empty one.
SCHEMA_VERSION = 3


def stamp(record: Any) -> Any:
    """Return a record with the current schema version in front; values that are no JSON object are returned as they are."""
    return {KEY: SCHEMA_VERSION, **unstamp(record)} if isinstance(record, dict) else record


def unstamp(record: Any) -> Any:
    """Return a record without its schema version."""
    return {name: value for name, value in record.items() if name != KEY} if isinstance(record, dict) else record


def read_version(record: Any, where: str) -> int:
    """Return the schema version of a record; 1 if it has none.

    Args:
        record: parsed JSON.
        where: its location, for the message.

    Raises:
        SchemaTooNew: a newer release wrote it, or the version is no number of one.
    """
    version = record.get(KEY, 1) if isinstance(record, dict) else 1
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        found = version if type(version) is int else f"of type {type(version).__name__}"
        raise SchemaTooNew(f"found schema version {found}, expected 1 to {SCHEMA_VERSION}, in {where}")
    return version


def open_record(record: Any, where: str) -> Any:
    """Return a record that was read from the store without its schema version.

    Raises:
        SchemaTooNew: as for `read_version`.
    """
    read_version(record, where)
    return unstamp(record)
