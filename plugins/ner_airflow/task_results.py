"""Callbacks that record each task's result in the store, where the pages read it.

Callbacks rather than a part of `NerOperator`: Airflow calls them for every task, killed ones included, and an error in
a callback is logged without failing the task.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ner_airflow.observability.notices import format_error
from ner_tasks.dashboard import runs
from ner_tasks.settings import Settings
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

_MAX_CHARACTERS, _MAX_LINES = 1000, 20  # characters of a line, lines of a list


def record_success(context: "Context") -> None:
    """Record a task that succeeded: its `on_success_callback`."""
    _record(context, "success")


def record_skip(context: "Context") -> None:
    """Record a task that was skipped: its `on_skipped_callback`."""
    _record(context, "skipped")


def record_retry(context: "Context") -> None:
    """Record a failed attempt that is retried: a task's `on_retry_callback`."""
    _record(context, runs.RETRIED)


def record_failure(context: "Context") -> None:
    """Record a task that failed: its `on_failure_callback`."""
    _record(context, runs.FAILED)


def _record(context: "Context", state: str) -> None:
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
        "said": format_error(error) if error else "",
        "result": _shorten_result(getattr(context.get("task"), "result", None), store.where()),
    }
    run = keys.run_name(task.run_id)
    store.write_json(keys.task_note(task.dag_id, run, task.task_id, task.map_index), note)


def _shorten_result(result: Mapping[str, Any] | None, store: str) -> dict[str, Any]:
    """Keep the strings, numbers and lists of strings of a result; locations in the store become keys."""
    short: dict[str, Any] = {}
    for name, value in (result or {}).items():
        if isinstance(value, str):
            short[name] = value.removeprefix(f"{store}/")[:_MAX_CHARACTERS]
        elif isinstance(value, bool | int | float):
            short[name] = value
        elif isinstance(value, list) and all(isinstance(line, str) for line in value):
            short[name] = [line[:_MAX_CHARACTERS] for line in value[:_MAX_LINES]]
    return short


CALLBACKS: dict[str, Any] = {
    "on_success_callback": record_success,
    "on_skipped_callback": record_skip,
    "on_retry_callback": record_retry,
    "on_failure_callback": record_failure,
}
