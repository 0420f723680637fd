"""Deletes old runs from Airflow's metadata database, as `airflow db clean` does: `python -m ner_airflow.database_cleanup`.

A program of its own, because a task may not reach the database: Airflow takes the address from it. `CleanDatabaseOperator` starts
this with the address.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid, NerTasksError

_COUNTED = ("dag_run", "task_instance", "xcom", "log")
_BATCH = 5000  # rows of a transaction: others write meanwhile


def main(arguments: list[str] | None = None) -> int:
    """Clean, and leave a report as the verbs of `ner_tasks` do; 0 if it went well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", type=datetime.fromisoformat, required=True, help="moment with its time zone")
    parser.add_argument("--run", required=True, help="a run that has to be there: that it is the right database")
    parser.add_argument("--dry_run", type=int, choices=(0, 1), default=0)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--threads", help="not used: every step is told")
    flags = parser.parse_args(arguments)
    said: dict[str, Any] = {"verb": "clean", "ok": False, "result": {}, "error": None}
    try:
        said |= {"result": delete_old_runs(flags.before, flags.run, dry_run=bool(flags.dry_run)), "ok": True}
    except NerTasksError as error:
        said["error"] = {"type": type(error).__name__, "message": str(error), "retryable": error.retryable}
        print(f"error: {said['error']['type']}: {error}", file=sys.stderr)
    flags.report.write_text(json.dumps(said), encoding="utf-8")
    return 0 if said["ok"] else 1


def delete_old_runs(before: datetime, run: str, *, dry_run: bool) -> dict[str, int]:
    """Delete what is older, of all DAGs; the last scheduled run of each stays, since the next one follows from it.

    Args:
        before: a moment with its time zone.
        run: id of a run that this database has to have.
        dry_run: only say what would go.

    Returns:
        Rows that are there afterwards, by table; those that went as `n_gone`.

    Raises:
        ConfigInvalid: it is another Airflow's database, or none.
    """
    from airflow.sdk.timezone import coerce_datetime
    from airflow.utils.db_cleanup import run_cleanup

    counted = _count(run)
    # skip_archive: an archive in the same database would make it no smaller
    run_cleanup(
        clean_before_timestamp=coerce_datetime(before),
        dry_run=dry_run,
        confirm=False,
        skip_archive=True,
        batch_size=_BATCH,
        error_on_cleanup_failure=True,
    )
    left = _count(run)
    return {**left, "n_gone": sum(counted.values()) - sum(left.values())}


def _count(run: str) -> dict[str, int]:
    from airflow import settings
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with settings.engine.connect() as database:
            if not database.execute(text("SELECT 1 FROM dag_run WHERE run_id = :run"), {"run": run}).first():
                raise ConfigInvalid(f"found no run {run}, expected the one that asks, in {_where()}")
            return {name: database.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in _COUNTED}  # noqa: S608 - our own names
    except SQLAlchemyError as error:
        raise ConfigInvalid(f"found {str(error).splitlines()[0]}, expected Airflow's database, in {_where()}") from None


def _where() -> str:
    from airflow import settings

    return f"{settings.engine.url.render_as_string(hide_password=True)}; NER_AIRFLOW_DATABASE says which one it is"


if __name__ == "__main__":
    sys.exit(main())
