"""Deletes old runs from Airflow's metadata database, as `airflow db clean` does: `python -m ner_airflow.database_cleanup`.

A separate program, because Airflow hides the database's address from tasks. `CleanDatabaseOperator` starts it with the
address.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid, NerTasksError

_COUNTED = ("dag_run", "task_instance", "xcom", "log")
_BATCH = 5000  # rows per transaction, so that other processes can write in between


def main(arguments: list[str] | None = None) -> int:
    """Delete old runs and write a report, as the commands of `ner_tasks` do.

    Args:
        arguments: command line; that of the process if None.

    Returns:
        Exit code: 0 on success, 1 on an expected error.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", type=datetime.fromisoformat, required=True, help="ISO 8601 time with time zone")
    parser.add_argument("--run", required=True, help="id of an existing run, which identifies the right database")
    parser.add_argument("--dry_run", type=int, choices=(0, 1), default=0)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--threads", help="ignored: passed to every step")
    flags = parser.parse_args(arguments)
    report: dict[str, Any] = {"verb": "clean", "ok": False, "result": {}, "error": None}
    try:
        report |= {"result": delete_old_runs(flags.before, flags.run, dry_run=bool(flags.dry_run)), "ok": True}
    except NerTasksError as error:
        report["error"] = {"type": type(error).__name__, "message": str(error), "retryable": error.retryable}
        print(f"error: {report['error']['type']}: {error}", file=sys.stderr)
    flags.report.write_text(json.dumps(report), encoding="utf-8")
    return 0 if report["ok"] else 1


def delete_old_runs(before: datetime, run: str, *, dry_run: bool) -> dict[str, int]:
    """Delete old runs of all DAGs; keeps the last scheduled run of each, from which Airflow computes the next.

    Args:
        before: runs older than this time, which has a time zone, are deleted.
        run: id of a run that the database must contain.
        dry_run: log what would be deleted, and delete nothing.

    Returns:
        Number of remaining rows by table, and the number of deleted rows as `n_gone`.

    Raises:
        ConfigInvalid: the database does not contain `run`, or is not a database of Airflow.
    """
    from airflow.sdk.timezone import coerce_datetime
    from airflow.utils.db_cleanup import run_cleanup

    before_cleanup = _count_rows(run)
    # skip_archive: an archive in the same database would not save space
    run_cleanup(
        clean_before_timestamp=coerce_datetime(before),
        dry_run=dry_run,
        confirm=False,
        skip_archive=True,
        batch_size=_BATCH,
        error_on_cleanup_failure=True,
    )
    remaining = _count_rows(run)
    return {**remaining, "n_gone": sum(before_cleanup.values()) - sum(remaining.values())}


def _count_rows(run: str) -> dict[str, int]:
    from airflow import settings
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with settings.engine.connect() as database:
            if not database.execute(text("SELECT 1 FROM dag_run WHERE run_id = :run"), {"run": run}).first():
                raise ConfigInvalid(f"found no run {run}, expected the run of this task, in {_describe_database()}")
            return {name: database.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in _COUNTED}  # noqa: S608 - our own names
    except SQLAlchemyError as error:
        raise ConfigInvalid(
            f"found {str(error).splitlines()[0]}, expected Airflow's database, in {_describe_database()}"
        ) from None


def _describe_database() -> str:
    from airflow import settings

    return f"{settings.engine.url.render_as_string(hide_password=True)}; set NER_AIRFLOW_DATABASE to its URL"


if __name__ == "__main__":
    sys.exit(main())
