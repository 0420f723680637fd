"""Read task messages from Airflow's log files, which hold one JSON object per line."""

import json
import re
from pathlib import Path
from typing import Any

from launcher.layout import Layout

_PROGRESS = re.compile(r"\d+/\d+ [a-z]")
TAIL_BYTES = 64 * 1024


def path_of(layout: Layout, dag_id: str, run_id: str, task: dict[str, Any]) -> Path:
    """Return the log file of a task instance's latest try."""
    folder = layout.airflow_home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task['task_id']}"
    if task["map_index"] >= 0:
        folder /= f"map_index={task['map_index']}"
    return folder / f"attempt={max(1, task['try_number'])}.log"


def last_lines(path: Path, n: int) -> list[str]:
    """Return the last messages of a log, the newest last; none if the file does not exist."""
    events = [str(entry.get("event", "")) for entry in _tail(path)]
    return [event for event in events if event and not event.startswith("::")][-n:]


def progress_line(path: Path) -> str:
    """Return the last progress message, such as `epoch 1/3: 20/40 steps`; empty if there is none."""
    return next((line for line in reversed(last_lines(path, 200)) if _PROGRESS.search(line)), "")


def error_line(path: Path) -> str:
    """Return the error that ended a task, in one line; empty if the log has none."""
    for entry in reversed(_tail(path)):
        details = entry.get("error_detail") or []
        if details:
            raised = details[0]
            return f"{raised['exc_type']}: {raised['exc_value']}".replace("\n", " ")
    return ""


def _tail(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    entries = []
    for line in lines:
        try:
            entries.append(json.loads(line))
        except (ValueError, RecursionError):
            # the first line may be cut, the last incomplete
            continue
    return [entry for entry in entries if isinstance(entry, dict)]
