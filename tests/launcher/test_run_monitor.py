import io
import json

import httpx
import pytest
from rich.console import Console

from launcher import chain, services, tasklog
from launcher.api import Api, ApiError
from launcher.console import RunConsole
from launcher.run_monitor import Follower, RunFailed
from launcher.services import ServicesDown


def task(name, state, **values):
    fields = {"map_index": -1, "try_number": 1, "start_date": "2026-01-01", "end_date": None, "duration": 2.0}
    return {"task_id": name, "state": state, **fields, **values}


class FakeApi:
    """Plays back answers of Airflow: a list of (state of the run, its tasks)."""

    def __init__(self, story):
        self.story = list(story)
        self.now = self.story[0]

    def run(self, dag_id, run_id):
        self.now = self.story.pop(0) if len(self.story) > 1 else self.story[0]
        return {"state": self.now[0], "duration": 9.0}

    def tasks(self, dag_id, run_id):
        return self.now[1]

    def active_runs(self, dag_id):
        return ["an earlier one"]


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def follow(layout, out, monkeypatch):
    """Follows a story and gives what was shown."""
    monkeypatch.setattr(services, "running", lambda _layout: layout.port)

    def play(story):
        view = RunConsole(Console(file=out, width=200), live=False)
        Follower(FakeApi(story), layout, view, poll_s=0.0).follow("ner_retrain", "r1")
        return out.getvalue()

    return play


@pytest.fixture
def log(layout):
    """Writes a task's log as Airflow does."""

    def write(name, *entries):
        path = tasklog.path_of(layout, "ner_retrain", "r1", task(name, "running"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + '{"event": "half-writ')
        return path

    return write


STORY = [
    ("queued", []),
    ("running", [task("train", "queued")]),
    ("running", [task("train", "running")]),
    ("running", [task("train", "running")]),
    ("success", [task("train", "success")]),
]


def test_a_short_task_is_one_line_at_its_end(follow):
    shown = follow(STORY)
    (line,) = [line for line in shown.splitlines() if ".train" in line]
    assert line.endswith("done  2 s")
    assert "waiting  for an earlier run" in shown
    assert "ner_retrain                        running  http://localhost:" in shown


def test_a_long_task_is_also_shown_while_it_runs(follow, log, monkeypatch):
    monkeypatch.setattr("launcher.console.EVERY_S", 0.0)
    log("train", {"event": "epoch 1/3: 3/54 steps, 1.0 steps/s"})
    lines = [line for line in follow(STORY).splitlines() if ".train" in line]
    assert len(lines) == 2
    assert lines[0].endswith("epoch 1/3: 3/54 steps, 1.0 steps/s")
    assert lines[1].endswith("done  2 s")


def test_a_failed_run_names_its_task_and_its_error_after_the_end_of_its_log(follow, log, out):
    raised = {"exc_type": "AirflowFailException", "exc_value": "DataRejected: found 9 %,\nexpected 2 %"}
    log("snapshot", {"event": "dataset: at work"}, {"event": "Task failed with exception", "error_detail": [raised]})
    with pytest.raises(RunFailed, match=r"snapshot failed.*DataRejected: found 9 %, expected 2 %"):
        follow([("failed", [task("snapshot", "failed", end_date="2026-01-01"), task("train", "upstream_failed")])])
    assert "| dataset: at work" in out.getvalue()


def test_the_first_failed_task_is_the_one_that_is_named(follow):
    late, early = (
        task(name, "failed", end_date=end) for name, end in (("train", "2026-01-02"), ("collect", "2026-01-01"))
    )
    with pytest.raises(RunFailed, match="ner_retrain.collect failed"):
        follow([("failed", [late, early])])


def test_a_run_that_was_ended_by_hand_is_not_taken_for_success(follow):
    with pytest.raises(RunFailed, match="without a failed task"):
        follow([("failed", [])])


def test_an_airflow_that_dies_is_noticed(follow, monkeypatch):
    monkeypatch.setattr(services, "running", lambda _layout: None)
    with pytest.raises(ServicesDown, match="found Airflow ended"):
        follow([("running", [])])


def test_progress_is_the_last_line_that_counts_something(log):
    path = log("train", {"event": "epoch 1/3: 3/54 steps, 1.0 steps/s"}, {"event": "I0000 cuda: no GPU 12/3"})
    assert tasklog.progress_line(path).startswith("epoch 1/3: 3/54 steps")
    assert tasklog.progress_line(path.with_name("nothing.log")) == ""


@pytest.fixture
def api(monkeypatch):
    """An API whose server is a function."""
    monkeypatch.setattr("time.sleep", lambda _s: None)

    def make(answer):
        api = Api(1, "admin", "secret")
        api._client = httpx.Client(base_url="http://test", transport=httpx.MockTransport(answer))
        return api

    return make


def test_a_token_that_has_run_out_is_renewed(api):
    tokens = iter(["old", "new"])

    def answer(request):
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": next(tokens)})
        good = request.headers["Authorization"] == "Bearer new"
        return httpx.Response(200, json={"dags": []}) if good else httpx.Response(401)

    assert api(answer).dags() == {}


def test_a_server_that_stumbles_is_asked_again_and_one_that_refuses_is_not(api):
    answers = [503, 500, 200]

    def stumbles(request):
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        return httpx.Response(answers.pop(0), json={"dags": []})

    assert api(stumbles).dags() == {}

    def refuses(request):
        return (
            httpx.Response(201, json={"access_token": "t"})
            if "auth" in request.url.path
            else httpx.Response(404, text="no such DAG")
        )

    with pytest.raises(ApiError, match="found 404 'no such DAG'"):
        api(refuses).dags()


class Switches:
    """An API with nothing but pause switches."""

    def __init__(self):
        self.state = {"ner_retrain": True, "ner_quantize": False, "ner_tag_nightly": True, "mine": True}

    def dags(self):
        return dict(self.state)

    def pause(self, dag_id, paused):
        self.state[dag_id] = paused


@pytest.mark.runbook("airflow", "a DAG does nothing on its day")
def test_the_dags_are_switched_on_for_a_run_and_left_as_they_were():
    api = Switches()
    before = api.dags()
    with pytest.raises(RunFailed), chain._unpaused(api):
        assert [dag for dag, paused in api.state.items() if paused] == ["mine"]
        raise RunFailed("found a failure")
    assert api.state == before
