"""An Airflow cluster of processes: Celery workers that share only S3 and the database.

Real PostgreSQL, Redis, Airflow and Celery; moto's S3 server over HTTP, behind a proxy that fails on request. Each Airflow
program has its own folder for state, logs and scratch, as on a separate machine.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from cryptography.fernet import Fernet

from launcher import secrets, services
from launcher.api import Api, ApiError
from launcher.layout import Layout
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from tests import s3, tiny
from tests.distributed.programs import PATIENCE_S, Keeper, Program, find, give, listens, unprivileged, wait
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
BUCKET, PREFIX = "ner", "store"
POSTGRES, REDIS, API_SERVER, SCHEDULER = "postgres", "redis", "api-server", "scheduler"
TRAIN, TAG = "train-1", ("tag-1", "tag-2")
# The defaults suit hours of work, not a drill: how soon a task is missed whose worker has gone, and one whose scheduler has.
DRILL = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    # the DAGs do not change meanwhile
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}
# what a model of two layers can be asked for; INT8 gains nothing on matrices this small
GATES = "int8: {size_share: {max: 5}, min_agreement: 0.5}"
LIMITS = {"NER_MIN_SPEED_UP": "0", "NER_MAX_F1_LOSS": "0.2", "NER_MIN_F1": "0.05", "NER_MAX_REJECTED_SHARE": "0.5"}


class Cluster:
    """All of it, below one folder; `up` starts and ends it."""

    def __init__(self, folder: Path, s3_server: str, proxy: s3.Proxy, proxy_url: str) -> None:
        self.folder, self.proxy, self.client = folder, proxy, s3.client(s3_server)
        self.ports = {name: free_port() for name in (POSTGRES, REDIS, API_SERVER)}
        self.keeper, self._password = Keeper(), "of-this-drill-alone"
        self.client.create_bucket(Bucket=BUCKET)
        tiny.make_tiny_encoder(folder / "encoder")
        (folder / "gates.yaml").write_text(GATES)
        self._environment = self._make_environment(proxy_url)
        self.api = Api(self.ports[API_SERVER], secrets.USER, self._password)

    def __getitem__(self, name: str) -> Program:
        return self.keeper.programs[name]

    def start(self) -> None:
        """Start everything, and wait until Airflow serves our DAGs."""
        self._start_postgres()
        self._add(REDIS, [find("redis-server"), self._redis_settings()]).start()
        wait(lambda: listens(self.ports[REDIS]), "Redis to listen")
        self._prepare_airflow()
        for name, arguments in {
            API_SERVER: ["api-server"],
            SCHEDULER: ["scheduler", "--skip-serve-logs"],
            "dag-processor": ["dag-processor"],
            "triggerer": ["triggerer", "--skip-serve-logs"],
        }.items():
            self._add_airflow(name, arguments).start()
        # a worker for light tasks beside trainings would be a third machine; here the one that trains does them
        self.add_worker(TRAIN, "train,default", concurrency=2).start()
        for name in TAG:
            self.add_worker(name, "tag").start()
        self.keeper.begin()
        self.wait_healthy()
        wait(lambda: len(self.api.dags()) >= 10 or self.api.import_errors(), "our DAGs")
        assert self.api.import_errors() == []
        for dag_id in ("ner_retrain", "ner_quantize", "ner_tag_nightly"):
            self.api.pause(dag_id, False)

    def add_worker(self, name: str, queues: str, *, concurrency: int = 1, n_threads: int = 1) -> Program:
        """A Celery worker on a machine of its own."""
        arguments = ["celery", "worker", "--queues", queues, "--concurrency", str(concurrency)]
        arguments += ["--celery-hostname", name, "--skip-serve-logs"]
        return self._add_airflow(name, arguments, NER_THREADS=str(n_threads))

    def add_scheduler(self, name: str) -> Program:
        return self._add_airflow(name, ["scheduler", "--skip-serve-logs"])

    def wait_healthy(self) -> None:
        layout = Layout(root=ROOT, var=self.folder, port=self.ports[API_SERVER])

        def healthy() -> bool:
            states = services.health(layout)
            return all(states.get(part) for part in services.PARTS)

        wait(healthy, f"Airflow to be healthy; logs: {self.folder / 'log'}", seconds=services.START_S)

    def wait_for_schedulers(self, n: int) -> None:
        """Wait until so many schedulers say that they are alive."""
        query = {"job_type": "SchedulerJob", "is_alive": True}
        wait(lambda: len(self.api._call("GET", "/jobs", params=query).json()["jobs"]) == n, f"{n} schedulers")

    def let_overlap(self, dag_id: str, n: int) -> None:
        """Let Airflow start so many runs of a DAG at once; it does so until the DAG's file is read again."""
        command = [find("psql"), "-h", "127.0.0.1", "-p", self.ports[POSTGRES], "-U", "airflow", "airflow", "--command"]
        command.append(f"UPDATE dag SET max_active_runs = {n} WHERE dag_id = '{dag_id}'")
        assert subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout == b"UPDATE 1\n"

    def worked_on(self, name: str) -> set[str]:
        """The tasks that one of the machines has worked on, by the logs on its disk."""
        logs = (self.home(name) / "airflow" / "logs").glob("dag_id=*/run_id=*/task_id=*")
        return {path.name.removeprefix("task_id=") for path in logs}

    def home(self, name: str) -> Path:
        """The disk of one of the machines."""
        return self.folder / "machines" / name

    def state(self, dag_id: str, run_id: str) -> str | None:
        """Of a run; None while Airflow cannot say."""
        with suppress(ApiError, httpx.HTTPError):
            return str(self.api.run(dag_id, run_id)["state"])
        return None

    def finish(self, dag_id: str, run_id: str, *, seconds: float = PATIENCE_S) -> None:
        """Wait until a run has ended, and see that it ended well."""
        ended = wait(
            lambda: (state := self.state(dag_id, run_id)) in ("success", "failed") and state,
            f"{dag_id} to end",
            seconds=seconds,
        )
        if ended != "success":
            tasks = {
                f"{task['task_id']}[{task['map_index']}]": task["state"] for task in self.api.tasks(dag_id, run_id)
            }
            raise AssertionError(f"found {dag_id} {ended}, expected success: {tasks}; logs: {self.folder}")

    def mid_shard(self) -> list[str]:
        """The machines that are in the middle of tagging a shard: some answers are written, and it goes on."""
        return [name for name in self.keeper.programs if name.startswith("tag-") and self.shards(name)]

    def shards(self, name: str) -> list[psutil.Process]:
        """The processes that tag a shard on a machine, forked from a warm process or started by the task."""
        program, scratch = self.keeper.programs[name], self.home(name) / "scratch"
        return [one for one in program.processes() if _writes_answers(one, scratch)] if program.is_up() else []

    def _start_postgres(self) -> None:
        data = self.folder / POSTGRES
        data.mkdir()
        give(data)
        user = unprivileged()
        as_user: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if user else {}
        command = [find("initdb"), "-D", data, "--username", "airflow", "--auth", "trust", "--encoding", "UTF8"]
        subprocess.run(
            [*map(str, command), "--locale", "C.UTF-8"], cwd="/", check=True, stdout=subprocess.DEVNULL, **as_user
        )
        port = str(self.ports[POSTGRES])
        command = [find("postgres"), "-D", data, "-c", "listen_addresses=127.0.0.1", "-p", port, "-k", data]
        self._add(POSTGRES, command, user=user).start()
        wait(lambda: listens(self.ports[POSTGRES]), "PostgreSQL to listen")
        create = [str(find("createdb")), "-h", "127.0.0.1", "-p", port, "-U", "airflow", "airflow"]
        wait(lambda: subprocess.run(create, check=False).returncode == 0, "a database", seconds=30)

    def _redis_settings(self) -> Path:
        folder = self.folder / REDIS
        folder.mkdir()
        settings = {"port": self.ports[REDIS], "bind": "127.0.0.1", "dir": folder, "save": '""'}
        # what was queued is there again after a kill
        settings |= {"appendonly": "yes", "daemonize": "no"}
        (folder / "redis.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return folder / "redis.conf"

    def _prepare_airflow(self) -> None:
        home = self.home(API_SERVER) / "airflow"
        home.mkdir(parents=True)
        (home / "passwords.json").write_text(json.dumps({secrets.USER: self._password}))
        pools = self.folder / "pools.json"
        # as many heavy steps at once as there are workers for them
        made = json.loads((ROOT / "plugins" / "ner_airflow" / "pools.json").read_text())
        made["ner_cpu"]["slots"] = 3
        pools.write_text(json.dumps(made))
        for arguments in (["db", "migrate"], ["pools", "import", str(pools)]):
            command = [sys.executable, "-m", "airflow", *arguments]
            done = subprocess.run(
                command, env=self._of(API_SERVER), cwd="/", check=False, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stdout + done.stderr

    def _add(self, name: str, command: list[Any], *, user: str | None = None) -> Program:
        return self.keeper.add(Program(name, command, os.environ, self.folder / "log" / f"{name}.log", user=user))

    def _add_airflow(self, name: str, arguments: list[str], **more: str) -> Program:
        self.home(name).joinpath("airflow").mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "airflow", *arguments]
        return self.keeper.add(Program(name, command, self._of(name) | more, self.folder / "log" / f"{name}.log"))

    def _of(self, name: str) -> dict[str, str]:
        home = self.home(name)
        return self._environment | {"AIRFLOW_HOME": str(home / "airflow"), "NER_SCRATCH": str(home / "scratch")}

    def _make_environment(self, s3_url: str) -> dict[str, str]:
        database = f"postgresql+psycopg2://airflow@127.0.0.1:{self.ports[POSTGRES]}/airflow"
        page = f"http://localhost:{self.ports[API_SERVER]}"
        # the test session's own Airflow home is none of its business
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "NER_", "AWS_"))}
        return {
            **ours,
            **s3.CREDENTIALS,
            **DRILL,
            **LIMITS,
            "PYTHONPATH": f"{ROOT}:{ROOT}/plugins",
            "PYTHONUNBUFFERED": "1",
            "PATH": f"{Path(sys.executable).parent}:{ours.get('PATH', '')}",
            "AIRFLOW_CONFIG": str(ROOT / "airflow.cfg"),
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__API__SECRET_KEY": os.urandom(24).hex(),
            "AIRFLOW__API_AUTH__JWT_SECRET": os.urandom(32).hex(),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{page}/execution/",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self.ports[REDIS]}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
            "AIRFLOW__API__PORT": str(self.ports[API_SERVER]),
            "AIRFLOW__API__BASE_URL": page,
            "AWS_ENDPOINT_URL": s3_url,
            "NER_HOME": str(ROOT),
            "NER_STORE": f"s3://{BUCKET}/{PREFIX}",
            "NER_ENCODER": str(self.folder / "encoder"),
            "NER_GATES": str(self.folder / "gates.yaml"),
            "NER_THREADS": "1",
        }


def _writes_answers(process: psutil.Process, scratch: Path) -> bool:
    with suppress(psutil.Error, FileNotFoundError):  # it has just ended, or its shard has
        for file in process.open_files():
            path = Path(file.path)
            if path.name == DOCUMENTS and path.is_relative_to(scratch) and path.parent.suffix == ".work":
                return path.stat().st_size > 0
    return False


@contextmanager
def up(folder: Path) -> Iterator[Cluster]:
    """A cluster below `folder`, whose way PostgreSQL's user may go; its logs stay there."""
    with s3.running() as server, (proxy := s3.Proxy(server)).running() as proxy_url:
        cluster = Cluster(folder, server, proxy, proxy_url)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.keeper.end()
            shutil.rmtree(folder / POSTGRES, ignore_errors=True)
