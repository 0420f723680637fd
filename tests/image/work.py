"""What people do with the stack: deliver documents, start DAGs, read answers and pages."""

import base64
import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launcher import secrets
from launcher.api import Api, ApiError
from tests.distributed.nights import REJECTED, TAGGED, text
from tests.image.deployment import ROOT

# which worker every script below runs in; all have the same right to the store
LIGHT = "worker"
_PUT = """
import base64, json, sys, tempfile
from pathlib import Path
from ner_tasks.settings import Settings
store = Settings.from_env().open_store()
with tempfile.TemporaryDirectory() as folder:
    for key, body in json.load(sys.stdin).items():
        (Path(folder) / "file").write_bytes(base64.b64decode(body))
        store.put_file(Path(folder) / "file", key)
"""
_READ = """
import sys
from ner_tasks.settings import Settings
print("\\n".join(Settings.from_env().open_store().read_lines(sys.argv[1])))
"""
# of each part of a published day, or of the day's folder where it is the only part
_ANSWERS = """
import sys
from ner_tasks.settings import Settings
from ner_tasks.store import keys
from ner_tasks.tagging.part import list_part_keys
store = Settings.from_env().open_store()
day, name = sys.argv[1:]
for part in list_part_keys(day, store.read_json(keys.tagged_day(day, "manifest.json"))):
    for line in store.read_lines(f"{part}/{name}"):
        print(line)
"""
_FETCH = (
    "import sys\nfrom ner_tasks.settings import Settings\nprint(Settings.from_env().open_store().fetch(sys.argv[1]))"
)
DONE_S = 900.0


class Client:
    """A person at the stack: the store from inside, Airflow through its published port."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.api = Api(stack.deployment.port, secrets.USER, stack.deployment.secret("admin_password"))

    def script(self, name: str, code: str, *arguments: str, stdin: bytes = b"") -> str:
        """Run Python in a container; what it prints."""
        done = self.stack.exec(name, ["python", "-c", code, *arguments], stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return str(done.stdout.decode())

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write objects of the store, by key."""
        packed = {key: base64.b64encode(body).decode() for key, body in files.items()}
        self.script(LIGHT, _PUT, stdin=json.dumps(packed).encode())

    def answers(self, day: str, name: str) -> list[Any]:
        """The JSON lines of all files of that name of a published day."""
        return [json.loads(line) for line in self.script(LIGHT, _ANSWERS, day, name).splitlines() if line]

    def document(self, key: str) -> Any:
        return json.loads(self.script(LIGHT, _READ, key))

    def fetch(self, key: str) -> Path:
        """A folder of the store as a folder of this machine."""
        path = self.script(LIGHT, _FETCH, key).strip()
        scratch = next(m for m in self.stack.services[LIGHT].mounts if m.target == "/var/lib/ner/scratch")
        return scratch.source / Path(path).relative_to(scratch.target)

    def hostname(self, name: str) -> str:
        """What a container calls itself, and Airflow's tasks their worker."""
        return self.script(name, "import socket; print(socket.gethostname())").strip()

    def finish(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Wait until a run has ended well; its tasks. A container that ends meanwhile fails it at once."""
        deadline = time.monotonic() + DONE_S
        while (state := self.api.run(dag_id, run_id)["state"]) not in ("success", "failed"):
            assert not (ended := self.stack.ended()), f"found these ended: {ended}; logs: {self.stack.log}"
            assert time.monotonic() < deadline, f"found {dag_id} {state} after {DONE_S:.0f} s, expected its end"
            time.sleep(1)
        tasks = self.api.tasks(dag_id, run_id)
        states = {f"{task['task_id']}[{task['map_index']}]": task["state"] for task in tasks}
        assert state == "success", f"found {dag_id} {state}, expected success: {states}; logs: {self.stack.log}"
        return tasks

    def started_by(self, run_id: str, dag_id: str) -> str:
        """The run that another one starts."""
        deadline = time.monotonic() + DONE_S
        while not (started := self.api.started_by(run_id, dag_id)):
            assert time.monotonic() < deadline, f"found no run of {dag_id}, expected one that {run_id} starts"
            time.sleep(1)
        return started


def wait_for_dags(client: Client) -> None:
    """Wait until Airflow serves our DAGs."""
    deadline = time.monotonic() + DONE_S
    while True:
        try:
            if len(client.api.dags()) >= 10 or client.api.import_errors():
                break
        except (ApiError, OSError):
            pass
        assert not (ended := client.stack.ended()), f"found these ended: {ended}; logs: {client.stack.log}"
        assert time.monotonic() < deadline, f"found no DAGs after {DONE_S:.0f} s; logs: {client.stack.log}"
        time.sleep(1)
    assert client.api.import_errors() == []


def inbox(n_documents: int) -> dict[str, bytes]:
    """A day's files: one of many documents, and those of the sample that are a document each."""
    rng = random.Random(0)
    lines = [json.dumps({"id": str(index), "text": text(rng, index)}) for index in range(n_documents)]
    folder = ROOT / "sample" / "inbox"
    files = {path.name: path.read_bytes() for pattern in (*TAGGED, *REJECTED) for path in folder.glob(pattern)}
    return files | {"calls.jsonl": "\n".join(lines).encode()}


def entities(line: Mapping[str, Any]) -> list[list[Any]]:
    """What an answer says of its document, without scores."""
    return [[entity[name] for name in ("start", "end", "label", "mention")] for entity in line["entities"]]
