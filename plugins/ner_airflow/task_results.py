"""What each task comes to, noted in the store: the pages read it there, and never the metadata database.

Callbacks and not a part of `NerOperator`: they hear of every task, of those that were killed as well, and an error in one
of them is logged and changes nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ner_airflow.observability.notices import error_line
from ner_tasks.dashboard import runs
from ner_tasks.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context

_LONGEST, _MOST = 1000, 20  # characters of a line, lines of a list


def record_success(context: "Context") -> None:
    _note(context, "success")


def record_skip(context: "Context") -> None:
    _note(context, "skipped")


def record_retry(context: "Context") -> None:
    _note(context, runs.RETRIED)


def record_failure(context: "Context") -> None:
    _note(context, runs.FAILED)


def _note(context: "Context", state: str) -> None:
    task = context["ti"]
    store = Settings.from_env().open_store()
    began, now = task.start_date, datetime.now(UTC)
    error = context.get("exception")
    note = {
        "dag": task.dag_id,
        "run": task.run_id,
        "task": task.task_id,
        "map_index": task.map_index,
        "try": task.try_number,
        "state": state,
        "at": now.isoformat(timespec="milliseconds"),
        "took_s": round((now - began).total_seconds(), 1) if began else None,
        "said": error_line(error) if error else "",
        "result": _small(getattr(context.get("task"), "result", None), store.where()),
    }
    place = f"{runs.NOTES}/{task.dag_id}/{runs.run_key(task.run_id)}"
    store.write_json(f"{place}/{runs.task_file_name(task.task_id, task.map_index)}", note)


def _small(result: Mapping[str, Any] | None, store: str) -> dict[str, Any]:
    """Of a step's result the names, figures and lines, without what is nested in it; places in the store as keys."""
    found: dict[str, Any] = {}
    for name, value in (result or {}).items():
        if isinstance(value, str):
            found[name] = value.removeprefix(f"{store}/")[:_LONGEST]
        elif isinstance(value, bool | int | float):
            found[name] = value
        elif isinstance(value, list) and all(isinstance(line, str) for line in value):
            found[name] = [line[:_LONGEST] for line in value[:_MOST]]
    return found


CALLBACKS: dict[str, Any] = {
    "on_success_callback": record_success,
    "on_skipped_callback": record_skip,
    "on_retry_callback": record_retry,
    "on_failure_callback": record_failure,
}
