"""Errors of PostgreSQL in one line, without what they may quote: rows, statements, passwords.

Source: PostgreSQL documentation, appendix A, error codes: the first two characters are the class.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ner_tasks.errors import Busy, ConfigInvalid, DatabaseUnavailable, NerTasksError, StorageFull

_DISK_FULL, _LOCKED, _DENIED, _READ_ONLY = "53100", "55P03", "42501", "25006"
# connection, transaction rolled back, resources, operator's intervention, system
_TRANSIENT = ("08", "40", "53", "57P", "58", _READ_ONLY)
_CONNECT = "Failed to connect:"


@contextmanager
def translate_postgres_errors(where: str) -> Iterator[None]:
    """Turn errors of the driver in the block into ours.

    Args:
        where: the database, without a password.

    Raises:
        DatabaseUnavailable: no connection, or none any more; too many of them; the server stops.
        StorageFull: the server has no space left.
        Busy: another process holds the lock.
        ConfigInvalid: a right is missing, or the server refuses the rows.
    """
    import adbc_driver_manager

    try:
        yield
    except adbc_driver_manager.Error as error:
        raise describe_postgres_error(str(error), error.sqlstate, where) from None


def describe_postgres_error(message: str, sqlstate: str | None, where: str) -> NerTasksError:
    """Return our error for one of the driver's.

    Args:
        message: what the driver says; only of a failed connection is it quoted, which knows no rows.
        sqlstate: PostgreSQL's code; None if the server did not answer.
        where: the database, without a password.
    """
    at = f"at {where}"
    if _CONNECT in message:
        return DatabaseUnavailable(f"found {_first_line(message)!r}, expected a connection to PostgreSQL, {at}")
    if not sqlstate:
        return DatabaseUnavailable(f"found the connection lost, expected PostgreSQL to answer, {at}")
    if sqlstate == _DISK_FULL:
        return StorageFull(f"found no space left on the server ({sqlstate}), expected room for the day, {at}")
    if sqlstate == _LOCKED:
        return Busy(f"found another process at work, expected to be alone on these tables, {at}")
    if sqlstate.startswith(_TRANSIENT):
        return DatabaseUnavailable(f"found SQLSTATE {sqlstate}, expected PostgreSQL to be ready, {at}")
    if sqlstate == _DENIED:
        return ConfigInvalid(f"found a right missing ({sqlstate}), expected those to create, delete and insert, {at}")
    return ConfigInvalid(f"found SQLSTATE {sqlstate}, expected PostgreSQL to take the rows, {at}")


def _first_line(message: str) -> str:
    line = message.partition(_CONNECT)[2].strip().partition("\n")[0]
    password = os.environ.get("PGPASSWORD")
    return re.sub(r"\s+", " ", line.replace(password, "***") if password else line)[:300]
