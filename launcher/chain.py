"""Run the DAGs in order through Airflow's scheduler: retrain, quantize, tag."""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher import bootstrap, inputs, secrets, services, supervisor
from launcher.api import Api
from launcher.console import RunConsole
from launcher.layout import Layout
from launcher.run_monitor import Follower, RunFailed
from launcher.services import ServicesDown
from ner_tasks.files import atomic
from ner_tasks.store.folder import FolderStore
from ner_tasks.worker_process import last_lines

RETRAIN, QUANTIZE, TAG = "ner_retrain", "ner_quantize", "ner_tag_nightly"
CHAIN = (RETRAIN, QUANTIZE, TAG)
TRIGGERED = (RETRAIN, TAG)
PARSE_S, EVENT_S = 90.0, 90.0


@dataclass(frozen=True)
class RunRequest:
    """Inputs of one `run`.

    Attributes:
        dataset: labelled data: a Kaggle CSV, its zip, or CoNLL.
        inbox: folder of documents.
        day: arrival day of the documents in UTC, YYYY-MM-DD.
        encoder: as for `encoder.obtain`.
        params: more parameters of the triggered DAGs, by DAG id.
    """

    dataset: Path
    inbox: Path
    day: str
    encoder: str = ""
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """Names of what a run made in the store."""

    snapshot: str
    version: str
    day: str


def run(layout: Layout, request: RunRequest, view: RunConsole) -> Outcome:
    """Run the DAGs in order. Starts Airflow if it is not running, and then stops it at the end.

    Raises:
        Busy: another `run` is in progress, or the port is taken.
        RunFailed: a DAG run failed.
        ConfigInvalid: the store is on S3.
    """
    store = FolderStore(layout.store_folder)
    with atomic.exclusive(layout.run_lock):
        encoder = bootstrap.prepare(layout, request.encoder, view.print)
        batch = inputs.put_dataset(store, request.dataset, datetime.datetime.now(datetime.UTC).date())
        view.print(f"labelled data: {request.dataset} stored as batch {batch}")
        n_files = inputs.put_inbox(store, request.inbox, request.day)
        view.print(f"documents: {n_files} files of {request.inbox} copied to inbox/{request.day}")
        with airflow(layout, view) as api:
            # the user named this file, so the drift gate does not apply
            retrain = {"batch": batch, "accept_drift": True, "encoder": str(encoder), **request.params.get(RETRAIN, {})}
            with _unpaused(api):
                return _run_dags(api, layout, view, retrain, request)


def bring_up(layout: Layout, view: RunConsole) -> Api:
    """Start Airflow and wait until it has parsed the DAGs."""
    process = services.start(layout)
    try:
        with view.watching():
            services.wait_healthy(layout, process, lambda line: view.update("Airflow", "starting", line, announce=True))
            view.update("Airflow", "success")
        return connect(layout, view)
    except BaseException as error:
        if isinstance(error, ServicesDown):
            for line in last_lines(layout.logs / "supervisor.log", supervisor.N_LOG_LINES + 1):
                view.print(f"  | {line}")
        services.stop(layout)
        raise


def connect(layout: Layout, view: RunConsole) -> Api:
    """Log in to the running Airflow, create missing pools and wait until the DAGs are parsed."""
    api = Api(layout.port, secrets.USER, secrets.password(layout))
    for name in bootstrap.import_pools(api):
        view.print(f"pool: {name} created")
    follower = Follower(api, layout, view)
    follower.wait_for("DAGs", lambda: "parsed" if set(CHAIN) <= set(api.dags()) else _no_errors(api), PARSE_S)
    return api


@contextmanager
def airflow(layout: Layout, view: RunConsole) -> Iterator[Api]:
    """Yield a session with Airflow; start Airflow if it is not running, and stop it again at the end."""
    port = services.running(layout)
    if port is not None:
        view.print(f"Airflow: already running at {layout.on(port).url}")
        yield connect(layout.on(port), view)
        return
    api = bring_up(layout, view)
    try:
        yield api
    finally:
        view.print("Airflow: stopping")
        services.stop(layout)


def _run_dags(api: Api, layout: Layout, view: RunConsole, retrain: Mapping[str, Any], request: RunRequest) -> Outcome:
    follower = Follower(api, layout.on(api.port), view)
    with _stopped_on_interrupt(api, view, RETRAIN, api.trigger(RETRAIN, retrain)) as run_id:
        follower.follow(RETRAIN, run_id)
    registered = api.result(RETRAIN, run_id, "register")
    quantize = follower.wait_for(f"{QUANTIZE} run", lambda: api.started_by(run_id, QUANTIZE), EVENT_S)
    with _stopped_on_interrupt(api, view, QUANTIZE, quantize):
        follower.follow(QUANTIZE, quantize)
    # Airflow starts one run for several registrations in a row, for the last of them
    if api.result(QUANTIZE, quantize, "resolve_version")["version"] != registered["version"]:
        raise RunFailed(
            f"found another version quantized, expected {registered['version']}, in {QUANTIZE} run {quantize}"
        )
    conf = {"day": request.day, "model": registered["version"], **request.params.get(TAG, {})}
    with _stopped_on_interrupt(api, view, TAG, api.trigger(TAG, conf, partition_key=request.day)) as run_id:
        follower.follow(TAG, run_id)
    return Outcome(snapshot=registered["snapshot"], version=registered["version"], day=request.day)


@contextmanager
def _unpaused(api: Api) -> Iterator[None]:
    """Unpause the DAGs while the block runs, and restore their state: the user decides on the schedules."""
    paused = [dag_id for dag_id, is_paused in api.dags().items() if is_paused and dag_id in CHAIN]
    for dag_id in paused:
        api.pause(dag_id, False)
    try:
        yield
    finally:
        for dag_id in paused:
            api.pause(dag_id, True)


@contextmanager
def _stopped_on_interrupt(api: Api, view: RunConsole, dag_id: str, run_id: str) -> Iterator[str]:
    """On Ctrl-C, end the DAG run too; otherwise it would continue, if need be at the next start."""
    try:
        yield run_id
    except KeyboardInterrupt:
        view.print(f"interrupted: stopping {dag_id}")
        api.fail_run(dag_id, run_id)
        raise


def _no_errors(api: Api) -> None:
    errors = api.import_errors()
    if errors:
        raise RunFailed(f"found DAG files that cannot be imported, expected none: {'; '.join(errors)}")
