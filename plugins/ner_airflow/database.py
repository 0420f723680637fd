"""How Airflow connects to its own metadata database."""

from typing import Any

from airflow.configuration import conf


def connect_args(url: str) -> dict[str, Any]:
    """Arguments for the database driver.

    Only SQLite gets any: one writer at a time is its nature, so the others wait for up to half a minute.
    """
    return {"timeout": 30} if url.startswith("sqlite") else {}


CONNECT_ARGS = connect_args(conf.get("database", "sql_alchemy_conn"))
