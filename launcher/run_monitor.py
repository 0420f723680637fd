"""Follow a DAG run until it ends."""

import time
from collections.abc import Callable
from typing import Any

from launcher import services, tasklog
from launcher.api import Api
from launcher.console import RunConsole
from launcher.layout import Layout
from launcher.services import ServicesDown
from ner_tasks.errors import NerTasksError

POLL_S = 1.5
ENDED = ("success", "failed")
NOT_BEGUN = (None, "scheduled", "queued", "removed")
N_LOG_LINES = 15


class RunFailed(NerTasksError):
    """A DAG run did not succeed."""

    exit_code = 1


class Follower:
    """Follows runs through the API, and reads the progress of running tasks from their log files."""

    def __init__(self, api: Api, layout: Layout, view: RunConsole, poll_s: float = POLL_S) -> None:
        self.api, self.layout, self.view, self.poll_s = api, layout, view, poll_s

    def follow(self, dag_id: str, run_id: str) -> None:
        """Show a run until it ends.

        Raises:
            RunFailed: it failed. Names the task and its error, after printing the end of its log.
            ServicesDown: Airflow has ended.
        """
        with self.view.watching():
            while True:
                run = self.api.run(dag_id, run_id)
                tasks = self.api.tasks(dag_id, run_id)
                self._show(dag_id, run_id, run, tasks)
                if run["state"] in ENDED:
                    break
                self._pause()
        if run["state"] == "failed":
            raise self._failure(dag_id, run_id, tasks)

    def wait_for(self, what: str, find: Callable[[], str | None], timeout_s: float) -> str:
        """Call `find` until it returns something, and return that.

        Raises:
            RunFailed: `timeout_s` has passed.
        """
        deadline, is_waiting = time.monotonic() + timeout_s, False
        with self.view.watching():
            while not (result := find()):
                if time.monotonic() > deadline:
                    raise RunFailed(
                        f"found no {what} after {timeout_s:.0f} s, expected one, in Airflow at {self.layout.url}"
                    )
                self.view.update(what, "waiting")
                self._pause()
                is_waiting = True
            if is_waiting:
                self.view.update(what, "success")
        return result

    def _pause(self) -> None:
        time.sleep(self.poll_s)
        if services.running(self.layout) is None:
            raise ServicesDown(f"found Airflow ended, expected it running; logs: {self.layout.logs}")

    def _show(self, dag_id: str, run_id: str, run: dict[str, Any], tasks: list[dict[str, Any]]) -> None:
        begun = [task for task in tasks if task["state"] not in NOT_BEGUN]
        if not begun and run["state"] not in ENDED:
            detail = "for an earlier run of this DAG" if self._is_second(dag_id, run_id) else ""
            self.view.update(dag_id, "waiting", detail, announce=bool(detail))
            return
        # the end of the run is shown after the ends of its tasks
        self.view.update(dag_id, "running", f"{self.layout.url}/dags/{dag_id}/runs/{run_id}", announce=True)
        for task in sorted(begun, key=lambda task: task["start_date"] or "~"):
            log = tasklog.path_of(self.layout, dag_id, run_id, task)
            detail = ""
            if task["state"] == "running":
                detail = tasklog.progress_line(log)
            elif task["state"] in {"up_for_retry", "failed"}:
                detail = tasklog.error_line(log)
            self.view.update(f"  {dag_id}.{_name(task)}", task["state"], detail[:200], task["duration"])
        if run["state"] in ENDED:
            self.view.update(dag_id, run["state"], "", run["duration"])

    def _is_second(self, dag_id: str, run_id: str) -> bool:
        return any(other != run_id for other in self.api.active_runs(dag_id))

    def _failure(self, dag_id: str, run_id: str, tasks: list[dict[str, Any]]) -> RunFailed:
        failed = [task for task in tasks if task["state"] == "failed"]
        if not failed:
            return RunFailed(
                f"found {dag_id} failed without a failed task (timeout, or set to failed by hand), expected success"
            )
        task = min(failed, key=lambda task: task["end_date"] or "~")
        log = tasklog.path_of(self.layout, dag_id, run_id, task)
        self.view.print(f"end of {log}:")
        for line in tasklog.last_lines(log, N_LOG_LINES):
            self.view.print(f"  | {line}")
        return RunFailed(
            f"found {dag_id}.{_name(task)} failed, expected success: {tasklog.error_line(log) or 'see its log'}"
        )


def _name(task: dict[str, Any]) -> str:
    return task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"
