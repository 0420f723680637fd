"""Deletes old runs from Airflow's metadata database, as `airflow db clean` does: `python -m ner_airflow.database_cleanup`.

A separate program, because Airflow hides the database's address from tasks. `CleanDatabaseOperator` starts it with the
address.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from ner_tasks.config.flags import add_flags, read_flags
from ner_tasks.errors import ConfigInvalid, NerTasksError
from ner_tasks.steps.command import Command

_COUNTED = ("dag_run", "task_instance", "xcom", "log")
_BATCH = 5000  # rows per transaction, so that other processes can write in between


class CleanCommand(Command):
    """Delete old runs from Airflow's metadata database."""

    name: ClassVar[str] = "clean"

    before: datetime = Field(description="moment with its time zone; older runs are deleted")
    run: str = Field(description="a run that has to exist, as proof that it is the right database")
    dry_run: bool = Field(False, description="1: only list what would be deleted")


def main(arguments: list[str] | None = None) -> int:
    """Run the command and write a report as those of `ner_tasks` do; return 0 on success."""
    parser = argparse.ArgumentParser(description=CleanCommand.__doc__)
    parser.add_argument("verb", choices=[CleanCommand.name])
    parser.add_argument("--config", type=Path, required=True, metavar="JSON")
    add_flags(parser, CleanCommand)
    args = parser.parse_args(arguments)
    report: dict[str, Any] = {"verb": CleanCommand.name, "ok": False, "result": {}, "error": None}
    try:
        config = CleanCommand.parse(read_flags(CleanCommand, args))
        report |= {"result": delete_old_runs(config.before, config.run, dry_run=config.dry_run), "ok": True}
    except NerTasksError as error:
        report["error"] = {"type": type(error).__name__, "message": str(error), "retryable": error.retryable}
        print(f"error: {report['error']['type']}: {error}", file=sys.stderr)
    args.report.write_text(json.dumps(report), encoding="utf-8")
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
