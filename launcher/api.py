"""Client of Airflow's REST API: the calls that the launcher needs."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from ner_tasks.errors import NerTasksError

N_TRIES = 5
TRANSIENT = (httpx.TransportError,)


class ApiError(NerTasksError):
    """Airflow answered with an error, or not at all."""

    exit_code = 69


class Api:
    """Session of one user with one Airflow."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.port = port
        # loopback only, so ignore the proxies of the environment
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False)
        self._login = {"username": user, "password": password}
        self._token = ""

    def ensure_pool(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Create a pool if it is missing; keep the slots of an existing one. Returns True if it was created."""
        if self._call("GET", f"/pools/{name}", accept=(200, 404)).status_code == 200:
            return False
        self._call("POST", "/pools", json={"name": name, **settings}, accept=(201, 409))
        return True

    def import_errors(self) -> list[str]:
        """Return `file: last line of the traceback` for each DAG file that fails to import."""
        errors = self._call("GET", "/importErrors").json()["import_errors"]
        return [f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}" for error in errors]

    def dags(self) -> dict[str, bool]:
        """Return whether each DAG is paused, by its id."""
        dags = self._call("GET", "/dags", params={"limit": 100}).json()["dags"]
        return {dag["dag_id"]: bool(dag["is_paused"]) for dag in dags}

    def pause(self, dag_id: str, paused: bool) -> None:
        """Pause or unpause a DAG."""
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def trigger(self, dag_id: str, conf: Mapping[str, Any], partition_key: str | None = None) -> str:
        """Start a run now and return its id."""
        body = {"logical_date": None, "conf": dict(conf), "partition_key": partition_key}
        return str(self._call("POST", f"/dags/{dag_id}/dagRuns", json=body).json()["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run, with its `state` and its `duration` in seconds."""
        return dict(self._call("GET", f"/dags/{dag_id}/dagRuns/{run_id}").json())

    def active_runs(self, dag_id: str) -> list[str]:
        """Return the ids of the runs in state `running`."""
        runs = self._call("GET", f"/dags/{dag_id}/dagRuns", params={"state": "running"}).json()["dag_runs"]
        return [str(run["dag_run_id"]) for run in runs]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run, unordered."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self._call("GET", path, params={"limit": 100}).json()["task_instances"])

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return the XCom `return_value` of a task."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self._call("GET", path, params={"deserialize": False, "stringify": False}).json()["value"]

    def started_by(self, run_id: str, consumer: str) -> str | None:
        """Return the run of `consumer` that an asset event of `run_id` started; None until there is one."""
        events = self._call("GET", "/assets/events", params={"source_run_id": run_id}).json()["asset_events"]
        runs = [run["run_id"] for event in events for run in event["created_dagruns"] if run["dag_id"] == consumer]
        return str(runs[0]) if runs else None

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Set a run to failed, which ends its tasks."""
        self._call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"})

    def _call(self, method: str, path: str, accept: tuple[int, ...] = (200, 201), **request: Any) -> httpx.Response:
        """Send a request; renew an expired token, and retry server errors and lost connections."""
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
        raise ApiError(f"found the token refused {N_TRIES} times, expected it accepted, from {method} {path}")

    def _log_in(self) -> str:
        answer = self._client.post("/auth/token", json=self._login)
        if answer.status_code not in (200, 201):
            raise ApiError(
                f"found {answer.status_code}, expected a token for {self._login['username']}, from /auth/token"
            )
        return str(answer.json()["access_token"])
