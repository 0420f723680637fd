"""Connection arguments of Airflow's metadata database."""

from typing import Any

from airflow.configuration import conf


def make_connect_args(url: str) -> dict[str, Any]:
    """Return the driver arguments for a database.

    SQLite allows one writer at a time, so that the others wait for up to 30 s; other databases need no arguments.

    Args:
        url: SQLAlchemy URL of the database.
    """
    return {"timeout": 30} if url.startswith("sqlite") else {}


CONNECT_ARGS = make_connect_args(conf.get("database", "sql_alchemy_conn"))
