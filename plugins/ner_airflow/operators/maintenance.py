"""The steps of `ner_maintain`: delete what is no longer needed, in the store and in Airflow, and report it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from airflow.configuration import conf
from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow import scratch
from ner_airflow.database_cleanup import CleanCommand
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks import child_environment, fingerprint
from ner_tasks.config.base import ConfigModel
from ner_tasks.registry.retention import RetentionPolicy, prune
from ner_tasks.steps.registry import PruneParams
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

# variables in which Airflow hides the database's address from a task
_ADDRESSES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
# What Airflow and its PostgreSQL client read.
_AIRFLOW = ("AIRFLOW_HOME", "AIRFLOW_CONFIG", "AIRFLOW__*", "PG*")


class PruneStoreOperator(NerOperator):
    """Delete versions, snapshots and staging that are no longer needed, and leftovers of killed processes.

    Leftovers lie in the store and in the scratch folder of this machine. Without `delete`, it only lists them.
    """

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(PruneParams)
        keep = RetentionPolicy(params.days, params.n_versions, params.staging_days)
        really = params.delete
        kept, gone = prune(self.registry, keep, time.time(), delete=really)
        for item in kept:
            self.log.info("kept: %s: %s", item.key, item.reason)
        for item in gone:
            self.log.info("%s: %s, %d bytes", "removed" if really else "would remove", item.key, item.n_bytes)
        # no retry can use it: its inputs in staging are as old
        old_s = time.time() - keep.staging_days * 86400
        scratched = scratch.clear_scratch(self.settings.scratch, old_s, delete=really)
        for name, n_bytes in scratched.items():
            self.log.info("%s from scratch: %s, %d bytes", "removed" if really else "would remove", name, n_bytes)
        report = keys.retention_report(keys.run_name(str(context["run_id"])))
        items = {"kept": [asdict(item) for item in kept], "gone": [asdict(item) for item in gone]}
        self.store.write_json(report, {"run": context["run_id"], "deleted": really, **items, "scratch": scratched})
        n_bytes = sum(item.n_bytes for item in gone)
        return {"deleted": really, "n_kept": len(kept), "n_gone": len(gone), "n_bytes": n_bytes, "report": report}


class CleanParams(ConfigModel):
    """How long Airflow's own records are kept."""

    # 8 days are longer than any run with its retries
    db_days: Annotated[float, Field(ge=8, le=36_500)] | None = Field(
        90, title="Days to keep runs", description="Runs, logs and notes in Airflow's database; empty: for ever"
    )


class CleanDatabaseOperator(CommandOperator):
    """Delete old runs of all DAGs from Airflow's database, their logs on this machine and their results in the store.

    Tasks do not reach the database: Airflow takes its address from them. Cleaning it is what no API offers; so this one step
    starts a program that gets the address back: what stands in the file `NER_AIRFLOW_DATABASE_FILE`, or
    `NER_AIRFLOW_DATABASE`, else what airflow.cfg says.
    """

    def step(self, context: "Context") -> dict[str, Any]:
        days, really = self.read_config(CleanParams).db_days, self.read_config(PruneParams).delete
        if days is None:
            raise AirflowSkipException("db_days is empty: Airflow's runs and logs are kept")
        before = datetime.now(UTC) - timedelta(days=days)
        # the database first: better a run without a log than a log without a run
        result = self.run_command(CleanCommand(before=before, run=str(context["run_id"]), dry_run=not really))
        logs = self._old_logs(before.timestamp())
        notes = self._old_notes(before.timestamp())
        if really:
            for path in logs:
                path.unlink(missing_ok=True)
            _remove_empty(_log_folder())
            for key in notes:
                self.store.remove(key)
        # in a dry run the command has already listed the rows, table by table
        rows = f"{result['n_gone']} rows, " if really else ""
        done = "deleted" if really else "would delete"
        self.log.info("%s: %s%d logs, notes of %d runs", done, rows, len(logs), len(notes))
        return {
            **result,
            "before": before.isoformat(timespec="seconds"),
            "deleted": really,
            "n_logs": len(logs),
            "n_notes": len(notes),
        }

    def _program(self) -> list[str]:
        # the interpreter of the steps need not have Airflow
        return [sys.executable, "-m", "ner_airflow.database_cleanup"]

    def _environment(self) -> dict[str, str]:
        # this program reads nothing from outside, so it may have the address
        ours = child_environment.step_environment(also=_AIRFLOW)
        for name in _ADDRESSES:
            ours.pop(name, None)
        if file := os.environ.get("NER_AIRFLOW_DATABASE_FILE"):
            ours[_ADDRESSES[0]] = Path(file).read_text(encoding="utf-8").strip()
        elif address := os.environ.get("NER_AIRFLOW_DATABASE"):
            ours[_ADDRESSES[0]] = address
        plugins = str(Path(__file__).parents[2])
        package = str(Path(fingerprint.__file__).parents[1])
        return {
            **ours,
            "PYTHONPATH": os.pathsep.join(filter(None, [package, plugins, os.environ.get("PYTHONPATH", "")])),
        }

    def _old_logs(self, before_s: float) -> list[Path]:
        """Return old logs of tasks on this machine; those of Airflow's own processes belong to no run."""
        return [path for path in _log_folder().glob("dag_id=*/**/*.log") if path.stat().st_mtime < before_s]

    def _old_notes(self, before_s: float) -> list[str]:
        """Return the store's folders with results of runs in which no task has ended since."""
        newest: dict[str, float] = {}
        for file in self.store.files(keys.RUN_NOTES):
            key = keys.join(keys.RUN_NOTES, file.name.rsplit("/", 1)[0])
            newest[key] = max(newest.get(key, 0.0), file.modified_s)
        return [key for key, at_s in newest.items() if at_s < before_s]


def _log_folder() -> Path:
    return Path(conf.get_mandatory_value("logging", "base_log_folder"))


def _remove_empty(folder: Path) -> None:
    """Delete the empty folders of tasks and runs; a folder that is no longer empty stays."""
    for path in sorted(_folders(folder), reverse=True):
        with suppress(OSError):  # not empty
            path.rmdir()


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("dag_id=*/**/") if path.is_dir())
