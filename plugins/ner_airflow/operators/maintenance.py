"""The steps of `ner_maintain`: clear away what nobody needs any more, in the store and in Airflow, and report it."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow import scratch
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks import child_environment, fingerprint
from ner_tasks.errors import ConfigInvalid
from ner_tasks.registry.retention import RetentionPolicy, prune
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

# what Airflow puts in place of the database's address before it runs a task
_ADDRESSES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
# What Airflow's own program reads, and the PostgreSQL client below it.
_AIRFLOW = ("AIRFLOW_HOME", "AIRFLOW_CONFIG", "AIRFLOW__*", "PG*")
_LEAST_DAYS = 8.0  # more than the longest run, with its retries


class PruneStoreOperator(NerOperator):
    """Remove versions, snapshots and staging without a reason to be kept, and what killed processes have left in the store
    and in this machine's scratch; with `delete` False only say what would go.
    """

    template_fields = ("days", "n_versions", "staging_days", "delete")

    def __init__(self, *, days: str, n_versions: str, staging_days: str, delete: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.days, self.n_versions, self.staging_days, self.delete = days, n_versions, staging_days, delete

    def step(self, context: "Context") -> dict[str, Any]:
        keep = RetentionPolicy(float(self.days), int(self.n_versions), float(self.staging_days))
        really = self.delete == "True"
        kept, gone = prune(self.registry, keep, time.time(), delete=really)
        for item in kept:
            self.log.info("kept: %s: %s", item.key, item.reason)
        for item in gone:
            self.log.info("%s: %s, %d bytes", "removed" if really else "would remove", item.key, item.n_bytes)
        # no later try goes on from it: what it was handed lies in staging, and is as old
        old_s = time.time() - keep.staging_days * 86400
        scratched = scratch.clear_scratch(self.settings.scratch, old_s, delete=really)
        for name, n_bytes in scratched.items():
            self.log.info("%s from scratch: %s, %d bytes", "removed" if really else "would remove", name, n_bytes)
        report = keys.retention_report(keys.run_name(str(context["run_id"])))
        items = {"kept": [asdict(item) for item in kept], "gone": [asdict(item) for item in gone]}
        self.store.write_json(report, {"run": context["run_id"], "deleted": really, **items, "scratch": scratched})
        n_bytes = sum(item.n_bytes for item in gone)
        return {"deleted": really, "n_kept": len(kept), "n_gone": len(gone), "n_bytes": n_bytes, "report": report}


class CleanDatabaseOperator(CommandOperator):
    """Delete old runs of all DAGs from Airflow's database, and their logs here and notes in the store.

    Tasks do not reach the database: Airflow takes its address from them. Cleaning it is what no API offers; so this one step
    starts a program that gets the address back: what stands in the file `NER_AIRFLOW_DATABASE_FILE`, or
    `NER_AIRFLOW_DATABASE`, else what airflow.cfg says.

    Args:
        db_days: what is younger is kept; empty: nothing is cleaned.
        delete: "False": only say what would go.
    """

    template_fields = ("db_days", "delete")

    def __init__(self, *, db_days: str, delete: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.db_days, self.delete = db_days, delete

    def step(self, context: "Context") -> dict[str, Any]:
        if not self.db_days:
            raise AirflowSkipException("db_days is empty: Airflow's runs and logs are kept")
        days = float(self.db_days)
        if days < _LEAST_DAYS:
            raise ConfigInvalid(f"found db_days = {days:g}, expected at least {_LEAST_DAYS:g}")
        before, really = datetime.now(UTC) - timedelta(days=days), self.delete == "True"
        # the database first: a run without its log is better than a log without its run
        said = self.run_command("clean", before=before.isoformat(), run=context["run_id"], dry_run=int(not really))
        logs = self._old_logs(before.timestamp())
        notes = self._old_notes(before.timestamp())
        if really:
            for path in logs:
                path.unlink(missing_ok=True)
            _remove_empty(_log_folder())
            for key in notes:
                self.store.remove(key)
        # how many rows would go, the program has said above, table by table
        rows = f"{said['n_gone']} rows, " if really else ""
        done = "deleted" if really else "would delete"
        self.log.info("%s: %s%d logs, notes of %d runs", done, rows, len(logs), len(notes))
        return {
            **said,
            "before": before.isoformat(timespec="seconds"),
            "deleted": really,
            "n_logs": len(logs),
            "n_notes": len(notes),
        }

    def _command(self, verb: str, report: Path, flags: Mapping[str, Any]) -> list[str]:
        # Airflow's own interpreter, which has Airflow
        return [sys.executable, "-m", "ner_airflow.database_cleanup", *super()._command(verb, report, flags)[4:]]

    def _environment(self) -> dict[str, str]:
        # its own program, which reads nothing that others have written
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
        """Logs of tasks on this machine; those of Airflow's own processes are none of a run's."""
        return [path for path in _log_folder().glob("dag_id=*/**/*.log") if path.stat().st_mtime < before_s]

    def _old_notes(self, before_s: float) -> list[str]:
        """Folders of the store with notes of runs of which no task has ended since."""
        newest: dict[str, float] = {}
        for file in self.store.files(keys.RUN_NOTES):
            key = keys.join(keys.RUN_NOTES, file.name.rsplit("/", 1)[0])
            newest[key] = max(newest.get(key, 0.0), file.modified_s)
        return [key for key, at_s in newest.items() if at_s < before_s]


def _log_folder() -> Path:
    return Path(conf.get_mandatory_value("logging", "base_log_folder"))


def _remove_empty(folder: Path) -> None:
    """Remove the empty folders of tasks and runs; those that others fill meanwhile stay."""
    for path in sorted(_folders(folder), reverse=True):
        with suppress(OSError):  # not empty
            path.rmdir()


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("dag_id=*/**/") if path.is_dir())
