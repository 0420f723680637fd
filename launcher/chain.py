"""The whole chain through Airflow's scheduler: retrain, quantize, tag."""

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

RETRAIN, QUANTIZE, TAG = "ner_retrain", "ner_quantize", "ner_tag_nightly"
CHAIN = (RETRAIN, QUANTIZE, TAG)
TRIGGERED = (RETRAIN, TAG)
PARSE_S, EVENT_S = 90.0, 90.0


@dataclass(frozen=True)
class RunRequest:
    """What one `run` is asked to do.

    Attributes:
        dataset: labelled file.
        inbox: folder of documents.
        day: the UTC day that the documents are taken to have arrived on, YYYY-MM-DD.
        encoder: as for `encoder.obtain`.
        params: more parameters for the DAGs that are triggered here, by DAG id.
    """

    dataset: Path
    inbox: Path
    day: str
    encoder: str = ""
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came out; the rest lies in the store under these names."""

    snapshot: str
    version: str
    day: str


def run(layout: Layout, request: RunRequest, view: RunConsole) -> Outcome:
    """Do it all, starting Airflow if it is not up, and stopping it again if it was started here.

    Raises:
        Busy: another `run` is at work, or the port is taken.
        RunFailed: a DAG run failed.
        ConfigInvalid: the store is on S3.
    """
    store = FolderStore(layout.store_folder)
    with atomic.exclusive(layout.run_lock):
        encoder = bootstrap.prepare(layout, request.encoder, view.say)
        batch = inputs.put_dataset(store, request.dataset, datetime.datetime.now(datetime.UTC).date())
        view.say(f"labelled data: {request.dataset} is batch {batch}")
        n_files = inputs.put_inbox(store, request.inbox, request.day)
        view.say(f"documents: {n_files} files of {request.inbox} are in inbox/{request.day}")
        with airflow(layout, view) as api:
            # whoever names a file means that one, however unlike the sample it is
            retrain = {"batch": batch, "accept_drift": True, "encoder": str(encoder), **request.params.get(RETRAIN, {})}
            with _switched_on(api):
                return _through(api, layout, view, retrain, request)


def bring_up(layout: Layout, view: RunConsole) -> Api:
    """Start Airflow and wait until it serves our DAGs."""
    process = services.start(layout)
    try:
        with view.watching():
            services.wait_healthy(layout, process, lambda line: view.update("Airflow", "starting", line))
            view.update("Airflow", "success")
        return connect(layout, view)
    except BaseException as error:
        if isinstance(error, ServicesDown):
            for line in supervisor.last_lines(layout.logs / "keeper.log", supervisor.N_LOG_LINES + 1):
                view.say(f"  | {line}")
        services.stop(layout)
        raise


def connect(layout: Layout, view: RunConsole) -> Api:
    """A session with the Airflow that is up, its pools made and its DAGs parsed."""
    api = Api(layout.port, secrets.USER, secrets.password(layout))
    for name in bootstrap.import_pools(api):
        view.say(f"pool: {name} made")
    follower = Follower(api, layout, view)
    follower.wait_for("DAGs", lambda: "parsed" if set(CHAIN) <= set(api.dags()) else _no_errors(api), PARSE_S)
    return api


@contextmanager
def airflow(layout: Layout, view: RunConsole) -> Iterator[Api]:
    """A session with Airflow, which is up when the block begins and, if it was not before, down when it ends."""
    port = services.running(layout)
    if port is not None:
        view.say(f"Airflow: up already, at {layout.on(port).url}")
        yield connect(layout.on(port), view)
        return
    api = bring_up(layout, view)
    try:
        yield api
    finally:
        view.say("Airflow: stopping")
        services.stop(layout)


def _through(api: Api, layout: Layout, view: RunConsole, retrain: Mapping[str, Any], request: RunRequest) -> Outcome:
    follower = Follower(api, layout.on(api.port), view)
    with _ended_with_us(api, view, RETRAIN, api.trigger(RETRAIN, retrain)) as run_id:
        follower.follow(RETRAIN, run_id)
    registered = api.result(RETRAIN, run_id, "register")
    what = f"{QUANTIZE} run, started by the new model"
    quantize = follower.wait_for(what, lambda: api.started_by(run_id, QUANTIZE), EVENT_S)
    with _ended_with_us(api, view, QUANTIZE, quantize):
        follower.follow(QUANTIZE, quantize)
    # several registrations in a row start one run, for the last of them
    if api.result(QUANTIZE, quantize, "resolve_version")["version"] != registered["version"]:
        raise RunFailed(
            f"found another version quantized, expected {registered['version']}, in {QUANTIZE} run {quantize}"
        )
    conf = {"day": request.day, "model": registered["version"], **request.params.get(TAG, {})}
    with _ended_with_us(api, view, TAG, api.trigger(TAG, conf, partition_key=request.day)) as run_id:
        follower.follow(TAG, run_id)
    return Outcome(snapshot=registered["snapshot"], version=registered["version"], day=request.day)


@contextmanager
def _switched_on(api: Api) -> Iterator[None]:
    """Let the DAGs run while the block does; the schedules are the user's to switch on for good."""
    paused = [dag_id for dag_id, is_paused in api.dags().items() if is_paused and dag_id in CHAIN]
    for dag_id in paused:
        api.pause(dag_id, False)
    try:
        yield
    finally:
        for dag_id in paused:
            api.pause(dag_id, True)


@contextmanager
def _ended_with_us(api: Api, view: RunConsole, dag_id: str, run_id: str) -> Iterator[str]:
    """On Ctrl-C end the run too: left alone it would go on, or go on at the next start."""
    try:
        yield run_id
    except KeyboardInterrupt:
        view.say(f"interrupted: ending {dag_id}")
        api.fail_run(dag_id, run_id)
        raise


def _no_errors(api: Api) -> None:
    errors = api.import_errors()
    if errors:
        raise RunFailed(f"found DAG files that cannot be imported, expected none: {'; '.join(errors)}")
