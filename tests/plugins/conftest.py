"""A store, and an interpreter that does as it is told instead of working."""

import json
import os
import stat
import sys
import textwrap

import pytest

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.model import model_folder
from ner_tasks.settings import Settings
from ner_tasks.store.folder import FolderStore

# what `python -m ner_tasks` would do, in miniature; WILL is a list of [verb, what it does] in the order of the calls
CHILD = """\
#!{python}
import json, os, signal, sys, time
from pathlib import Path

verb, arguments = sys.argv[3], sys.argv[4:]
flags = {{}}
for word in arguments:
    if word.startswith("--"):
        name, given, value = word[2:].partition("=")
        flags[name] = [value] if given else []
    elif flags:
        flags[name].append(word)
if "config" in flags:
    for name, value in json.loads(Path(flags["config"][0]).read_text()).items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        if values:
            flags[name] = [str(int(one)) if isinstance(one, bool) else str(one) for one in values]
calls = Path(os.environ["NER_FAKE_CALLS"])
with calls.open("a") as file:
    file.write(json.dumps({{"verb": verb, "flags": flags, "env": dict(os.environ)}}) + "\\n")
will = json.loads(Path(os.environ["NER_FAKE_WILL"]).read_text()).get(verb, {{}})
print(f"{{verb}}: at work", flush=True)
if verb in json.loads(os.environ["NER_FAKE_REAL"]):
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
if will.get("hang"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN if will.get("deaf") else signal.SIG_DFL)
    print("hanging", os.getpid(), flush=True)
    time.sleep(60)
if will.get("signal"):
    os.kill(os.getpid(), will["signal"])
for name, copied in will.get("copies", {{}}).items():
    import shutil
    shutil.copytree(copied, flags[name][0], dirs_exist_ok=True)
error = will.get("error")
if "refuses" in will:
    import shutil
    refused = flags["output"][0] + ".refused"
    shutil.copytree(will["refuses"]["evidence"], refused)
    error["message"] = error["message"].replace("{{refused}}", refused)
if will.get("silent") is None:
    report = {{"verb": verb, "ok": error is None, "elapsed_s": 0.1, "result": will.get("result", {{}}), "error": error}}
    Path(flags["report"][0]).write_text(json.dumps(report))
sys.exit(will.get("code", 1 if error else 0))
"""


class FakeVerbs:
    """Says what each verb will do, and which calls there were."""

    def __init__(self, folder):
        self.will, self.calls_file = folder / "will.json", folder / "calls.jsonl"
        self._will = {}
        self.will.write_text("{}")
        self.python = folder / "python"
        self.python.write_text(textwrap.dedent(CHILD).format(python=sys.executable))
        self.python.chmod(self.python.stat().st_mode | stat.S_IXUSR)

    def set(self, verb, **will):
        self._will[verb] = will
        self.will.write_text(json.dumps(self._will))

    @property
    def calls(self):
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [json.loads(line) for line in lines]

    @property
    def verbs(self):
        return [call["verb"] for call in self.calls]


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """The interpreter of the steps, replaced by one that does as told."""
    folder = tmp_path / "fake"
    folder.mkdir()
    verbs = FakeVerbs(folder)
    for name, value in {
        "NER_STORE": tmp_path / "store",
        "NER_SCRATCH": tmp_path / "scratch",
        "NER_ENCODER": tmp_path / "encoder",
        "NER_THREADS": "1",
        "NER_WARM_MINUTES": "0",  # a server that forks would start the fake interpreter
        "NER_PYTHON": verbs.python,
        "NER_FAKE_WILL": verbs.will,
        "NER_FAKE_CALLS": verbs.calls_file,
        "NER_FAKE_REAL": '["write-part"]',  # light enough to be itself
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    return verbs


def make_model(folder, kind, *, labels=("geo", "per"), text="weights"):
    """A model folder that is sound as far as its checksums go."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = model_folder.ModelManifest(kind=kind, labels=labels, encoder={}, max_pieces=128)
    for name in (model_folder.WEIGHTS if kind == "trained" else model_folder.GRAPH, model_folder.TOKENIZER):
        (folder / name).write_text(text)
    model_folder.write_manifest(folder, manifest)
    return folder


@pytest.fixture
def model(tmp_path):
    """Makes model folders."""
    return lambda kind, **options: make_model(tmp_path / "made" / kind, kind, **options)


@pytest.fixture
def store(fake, tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def stored_snapshot(store, tmp_path):
    """The snapshot `s1` of the store."""
    folder = tmp_path / "made" / "s1"
    folder.mkdir(parents=True)
    (folder / "test.csv").write_text("rows")
    store.publish(folder, "snapshots/s1")


@pytest.fixture(scope="module")
def auth():
    """Airflow's simple auth manager, as airflow.cfg chooses it, with a key to sign sessions."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
    from airflow.api_fastapi.app import init_auth_manager
    from airflow.utils.db import initdb

    initdb()  # sessions that were ended are looked up there
    yield init_auth_manager()
    patch.undo()


@pytest.fixture
def visit(auth, store, monkeypatch):
    """Asks for a page as somebody of a role; nobody in particular has none."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.common import http_access_log
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from ner_airflow.pages import app as pages

    monkeypatch.setattr(pages, "open_reader", lambda: StoreReader(store))
    airflow = FastAPI()
    airflow.mount("/ner-ops", pages.app)
    airflow.add_middleware(http_access_log.HttpAccessLogMiddleware)

    def get(page, role="VIEWER", user="ada"):
        client = TestClient(airflow, raise_server_exceptions=True)
        if role:
            client.cookies.set("_token", auth.generate_jwt(SimpleAuthManagerUser(username=user, role=role)))
        return client.get(f"/ner-ops/{page}")

    return get


@pytest.fixture(params=["folder", "s3"])
def any_store(request, fake, monkeypatch):
    """A store of either kind, which the steps use."""
    if request.param == "s3":
        monkeypatch.setenv("NER_STORE", f"s3://{request.getfixturevalue('s3').bucket}/ner")
    return Settings.from_env().open_store()
