"""The few calls to Airflow's REST API that the launcher needs."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from ner_tasks.errors import NerTasksError

N_TRIES = 5
TRANSIENT = (httpx.TransportError,)


class ApiError(NerTasksError):
    """Airflow answers, but not what was asked for."""

    exit_code = 69


class Api:
    """One user's session with one Airflow."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.port = port
        # no proxy of the environment: this never leaves the machine
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False)
        self._login = {"username": user, "password": password}
        self._token = ""

    def ensure_pool(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Make a pool unless it is there: its slots may have been changed by hand. True if it was made."""
        if self._call("GET", f"/pools/{name}", accept=(200, 404)).status_code == 200:
            return False
        self._call("POST", "/pools", json={"name": name, **settings}, accept=(201, 409))
        return True

    def import_errors(self) -> list[str]:
        found = self._call("GET", "/importErrors").json()["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in found]

    def dags(self) -> dict[str, bool]:
        """Whether each DAG is paused, by its id."""
        found = self._call("GET", "/dags", params={"limit": 100}).json()["dags"]
        return {dag["dag_id"]: bool(dag["is_paused"]) for dag in found}

    def pause(self, dag_id: str, paused: bool) -> None:
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def trigger(self, dag_id: str, conf: Mapping[str, Any], partition_key: str | None = None) -> str:
        """Start a run now; its id."""
        body = {"logical_date": None, "conf": dict(conf), "partition_key": partition_key}
        return str(self._call("POST", f"/dags/{dag_id}/dagRuns", json=body).json()["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """A run, with its `state` and its `duration` in seconds."""
        return dict(self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}").json())

    def active_runs(self, dag_id: str) -> list[str]:
        """Runs that have begun and not ended."""
        found = self._call("GET", f"/dags/{dag_id}/dagRuns", params={"state": "running"}).json()["dag_runs"]
        return [str(run["dag_run_id"]) for run in found]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run, in no special order."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self._call("GET", path, params={"limit": 100}).json()["task_instances"])

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._call("GET", path, params={"deserialize": False, "stringify": False}).json()["value"]

    def started_by(self, run_id: str, consumer: str) -> str | None:
        """The run of `consumer` that was started by an asset event of run `run_id`, once there is one."""
        events = self._call("GET", "/assets/events", params={"source_run_id": run_id}).json()["asset_events"]
        runs = [run["run_id"] for event in events for run in event["created_dagruns"] if run["dag_id"] == consumer]
        return str(runs[0]) if runs else None

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """End a run and its tasks."""
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"})

    def _call(self, method: str, path: str, accept: tuple[int, ...] = (200, 201), **request: Any) -> httpx.Response:
        """One call, with a fresh token when the old one is no longer good, and again when nobody answers."""
        for attempt in range(N_TRIES):
            try:
                if not self._token:
                    self._token = self._log_in()
                headers = {"Authorization": f"Bearer {self._token}"}
                answer = self._client.request(method, f"/api/v2{path}", headers=headers, **request)
            except TRANSIENT as error:
                if attempt == N_TRIES - 1:
                    raise ApiError(f"found {error!r}, expected an answer, from Airflow at {path}") from error
                time.sleep(2**attempt)
                continue
            if answer.status_code == 401:
                self._token = ""
            elif answer.status_code in accept:
                return answer
            elif answer.status_code < 500 or attempt == N_TRIES - 1:
                raise ApiError(
                    f"found {answer.status_code} {answer.text[:300]!r}, expected {accept}, from {method} {path}"
                )
            else:
                time.sleep(2**attempt)
        raise ApiError(f"found that Airflow does not accept our token, expected it to, from {method} {path}")

    def _log_in(self) -> str:
        answer = self._client.post("/auth/token", json=self._login)
        if answer.status_code not in (200, 201):
            raise ApiError(
                f"found {answer.status_code}, expected a token for {self._login['username']}, from /auth/token"
            )
        return str(answer.json()["access_token"])
