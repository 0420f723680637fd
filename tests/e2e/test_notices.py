"""A real Airflow tells a real web server what failed, what ran too long and what is late, and nobody what it should not."""

import json
import re
import shutil
from pathlib import Path

import pytest

from launcher import secrets
from launcher.api import Api
from launcher.layout import Layout
from tests import receivers, tiny
from tests.e2e.test_approval import wait
from tests.e2e.test_chain import DAY, ROOT, Installation

MARKER = "Zephyrine Quillfeather"

# a library's error that quotes a document; a run that takes too long
MORE_DAGS = f'''\
"""docs/runbook/models.md#benchmark"""

import time
from datetime import timedelta

from airflow.sdk import dag, task

from ner_airflow.defaults import DAG_DEFAULTS


@dag(schedule=None, doc_md=__doc__, **DAG_DEFAULTS)
def quoting():
    @task(retries=0)
    def read():
        raise ValueError("could not read {MARKER}")

    read()


@dag(schedule=None, doc_md=__doc__, dagrun_timeout=timedelta(seconds=5), **DAG_DEFAULTS)
def endless():
    @task
    def work():
        time.sleep(300)

    work()


quoting()
endless()
'''


@pytest.fixture
def hook():
    with receivers.webhook() as hook:
        yield hook


@pytest.fixture
def api(tmp_path, hook):
    dags = shutil.copytree(ROOT / "dags", tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (dags / "more.py").write_text(MORE_DAGS)
    tiny.make_tiny_encoder(tmp_path / "encoder")
    installation = Installation(tmp_path)
    installation.environment |= {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_CONN_NER_ALERTS": json.dumps({"conn_type": "http", "host": f"{hook.url}/alerts"}),
        "NER_RUNBOOK": "https://wiki.example.org/ner",
        "NER_DEADLINE": "0.002",  # 7 s
    }
    try:
        up = installation("up", "--encoder", tmp_path / "encoder")
        assert up.returncode == 0, up.stdout
        layout = Layout(root=Path(ROOT), var=installation.var, port=installation.port)
        api = Api(layout.port, secrets.USER, secrets.password(layout))
        wait(lambda: {"quoting", "endless", "ner_tag_nightly"} <= set(api.dags()))
        yield api
    finally:
        installation("down")


@pytest.mark.runbook("notices-and-metrics", "ner_tag_nightly late")
@pytest.mark.runbook("notices-and-metrics", "the run exceeded its time limit")
@pytest.mark.runbook("notices-and-metrics", "found no Connection")
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_failure_a_missed_deadline_and_an_endless_run_are_told_with_the_way_to_their_runbook(api, hook):
    for name in ("ner_tag_nightly", "quoting", "endless"):
        api.pause(name, False)
    night = api.trigger("ner_tag_nightly", {"day": DAY})
    quoting, endless = api.trigger("quoting", {}), api.trigger("endless", {})

    failed = hook.wait_for(lambda said: (said["dag"], said["event"]) == ("ner_tag_nightly", "failed"))
    assert (failed["task"], failed["day"], failed["run"]) == ("resolve_model", DAY, night)
    assert failed["reason"].startswith("InputMissing: found no promoted model")
    assert failed["log"].startswith("http://localhost:") and "/tasks/resolve_model" in failed["log"]

    late = hook.wait_for(lambda said: (said["dag"], said["event"]) == ("ner_tag_nightly", "late"))
    assert (late["task"], late["day"], late["run"]) == ("", DAY, night)
    # the other tasks of its run are about to be given up, or are
    assert re.match(
        r"found the run (running|failed), expected it to finish within 0\.002 h of its due time, 20", late["reason"]
    )
    assert {failed["runbook"], late["runbook"]} == {"https://wiki.example.org/ner#nightly-tagging"}

    quoted = hook.wait_for(lambda said: said["dag"] == "quoting")
    assert (quoted["run"], quoted["reason"]) == (quoting, "failed with ValueError; see the log")
    assert quoted["runbook"] == "https://wiki.example.org/ner#benchmark"

    ended = hook.wait_for(lambda said: said["dag"] == "endless")
    assert (ended["run"], ended["task"]) == (endless, "")
    assert ended["reason"].startswith("the run exceeded its time limit")

    assert not any(MARKER.encode() in body for body in hook.bodies)
    assert set(hook.paths) == {"/alerts"}
