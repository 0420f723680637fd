"""After a restore each document is answered once, whichever of store and database is older; by the commands of the docs."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from ner_tasks.registry.registry import Registry
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.part import list_part_keys
from tests.plugins.conftest import make_model

ROOT = Path(__file__).resolve().parents[2]
DAYS = FIRST, LAST = "2026-01-05", "2026-01-06"
# `python -m ner_tasks` with a rule in place of the network, and one version of the code: TensorFlow's start, and parsing
# the package for each shard, would take most of the time
PYTHON = """\
#!{python}
import sys

if sys.argv[3] == "tag":
    from types import SimpleNamespace

    from ner_tasks import fingerprint
    from ner_tasks.inference.tagger import Tagger
    from tests.rules import RuleTagger

    RuleTagger.version, RuleTagger.manifest = "v1", SimpleNamespace(labels=("per",))
    fingerprint.code_version = lambda _module: "code"
    Tagger.load = staticmethod(lambda *_args, **_more: RuleTagger())
from ner_tasks.cli import app

del sys.argv[1:3]
sys.exit(app.main())
"""


class Machine:
    """An installation in a folder, with what the commands of the docs expect around it."""

    def __init__(self, folder):
        self.folder, self.var, self.store = folder, folder / "var", FolderStore(folder / "var" / "store")
        (folder / ".venv" / "bin").mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
        program = folder / "python"
        program.write_text(PYTHON.format(python=sys.executable))
        program.chmod(0o755)
        # of this DAG alone: all are parsed for each run
        (folder / "dags").mkdir()
        shutil.copy2(ROOT / "dags" / "ner_tag_nightly.py", folder / "dags")
        for name in ("secrets", "airflow", "store"):
            (self.var / name).mkdir(parents=True)
        (self.var / "secrets" / "airflow.env").write_text("AIRFLOW__CORE__FERNET_KEY=of-this-drill\n")
        (self.var / "airflow" / "passwords.json").write_text("{}\n")
        registry = Registry(self.store)
        for kind in ("trained", "int8"):
            registry.put("v1", kind, make_model(folder / "made" / kind, kind, labels=("per",)))
        registry.register("v1", {})
        registry.promote("v1", "int8", by="test", metrics={})
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "NER_"))},
            "AIRFLOW_HOME": str(self.var / "airflow"),
            "AIRFLOW_CONFIG": str(ROOT / "airflow.cfg"),
            "AIRFLOW__API_AUTH__JWT_SECRET": "x" * 64,
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "NER_HOME": str(ROOT),
            "NER_STORE": str(self.store.root),
            "NER_SCRATCH": str(self.var / "scratch"),
            "NER_PYTHON": str(program),
            "NER_THREADS": "1",
            # an alert of it would need a scheduler
            "NER_DEADLINE": "0",
            "PYTHONPATH": f"{ROOT}:{ROOT}/plugins",
        }

    def arrive(self, day, *names):
        """Put documents into a day's inbox, each with a text of its own."""
        folder = self.var / "store" / "inbox" / day
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_text("" if name.startswith("empty") else f"Maria Chen wrote {name} on {day} .")

    @contextmanager
    def airflow(self):
        """Airflow, to run nights with; from its database it knows `runs`."""
        command = [sys.executable, "-m", "tests.plugins.night_process"]
        with (self.folder / "airflow.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        try:
            yield Nights(process, self.folder / "airflow.log")
        finally:
            process.stdin.close()
            assert process.wait(timeout=60) == 0, (self.folder / "airflow.log").read_text()[-3000:]
            process.stdout.close()

    def follow(self, section, only=""):
        """Run the commands of a section of the docs, those with `only`, as a person would."""
        text = (ROOT / "docs" / "backup.md").read_text().split(f"## {section}\n")[1]
        block = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)[0]
        lines = [line for line in block.splitlines() if only in line]
        assert lines
        subprocess.run(["sh", "-euc", "\n".join(lines)], cwd=self.folder, check=True)

    def destroy(self):
        shutil.rmtree(self.var)

    def check(self):
        """What `check-store` prints, and whether it is content."""
        (line,) = re.findall(
            r"^.*check-store --store var/store$", (ROOT / "docs" / "backup.md").read_text(), re.MULTILINE
        )
        done = subprocess.run(
            line.replace("PYTHONPATH=. ", ""),
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 77), done.stderr
        found = [line for line in done.stdout.splitlines() if "; " in line]
        assert (done.returncode == 0) is (found == [])
        return found

    def answered(self):
        """How often each document of each day is answered or rejected."""
        files = [
            (day, self.store.root / key / name)
            for day in self.store.folders(keys.TAGGED)
            for key in list_part_keys(day, self.manifest(day))
            for name in (DOCUMENTS, REJECTED)
        ]
        return Counter(
            (day, json.loads(line)["document"]) for day, path in files if path.exists() for line in path.open()
        )

    def expected(self):
        inbox = self.store.root / "inbox"
        return Counter((path.parent.name, path.name) for path in inbox.glob("*/*"))

    def manifest(self, day):
        return self.store.read_json(keys.tagged_day(day, "manifest.json"))


class Nights:
    """The process that runs them."""

    def __init__(self, process, log):
        self._process, self._log = process, log
        self.runs = self._read()

    def run(self, conf):
        """Run a night; the states of its tasks."""
        self._process.stdin.write(json.dumps(conf) + "\n")
        self._process.stdin.flush()
        self.runs = self._read()
        assert self.runs[-1]["conf"] == conf
        assert self.runs[-1]["state"] == "success", (self.runs[-1], self._log.read_text()[-3000:])
        return self.runs[-1]["tasks"]

    def days(self):
        """The days of the runs that the database knows."""
        return [run["conf"]["day"] for run in self.runs]

    def _read(self):
        line = self._process.stdout.readline()
        assert line, self._log.read_text()[-3000:]
        return json.loads(line)["runs"]


def runs_of(findings):
    """What the runs are given that the commands in the findings start."""
    return [json.loads(shlex.split(finding.split("; ")[-1])[-1]) for finding in findings]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A machine after two nights, with a backup after each, and with the parts of the last day before it was replaced."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    for day in DAYS:
        machine.arrive(day, "a.txt", "b.txt", "empty.txt")
    with machine.airflow() as airflow:
        airflow.run({"day": FIRST, "max_rejected_share": 0.5})
        machine.follow("Back up")
        (machine.folder / "backup").rename(machine.folder / "night-1")
        airflow.run({"day": LAST, "max_rejected_share": 0.5})
        # as a tool copies that goes by names: the parts before a late document, the manifest after
        shutil.copytree(machine.store.root / "parts" / LAST, machine.folder / "before")
        machine.arrive(LAST, "late.txt")
        airflow.run({"day": LAST, "max_rejected_share": 0.5})
        machine.follow("Back up")
        (machine.folder / "backup").rename(machine.folder / "night-2")
    assert machine.answered() == machine.expected()
    assert machine.check() == []
    return machine


def restore(machine, *, database, store, inbox):
    """Lose everything, and restore each part from the backup of another time."""
    machine.destroy()
    backup = machine.folder / "backup"
    shutil.rmtree(backup, ignore_errors=True)
    shutil.copytree(machine.folder / database, backup)
    shutil.copy2(machine.folder / store / "store.tar", backup)
    shutil.copy2(machine.folder / inbox / "inbox.tar", backup)
    machine.follow("Restore")


@pytest.mark.slow
def test_a_store_older_than_the_database_gets_back_the_nights_that_airflow_holds_for_done(damaged):
    restore(damaged, database="night-2", store="night-1", inbox="night-2")
    found = damaged.check()
    assert [line.split(":")[0] for line in found] == [f"inbox/{LAST}"]
    with damaged.airflow() as airflow:
        assert airflow.days() == [*DAYS, LAST]
        assert {run["state"] for run in airflow.runs} == {"success"}
        for conf in runs_of(found):
            airflow.run({**conf, "max_rejected_share": 0.5})
    assert damaged.answered() == damaged.expected()
    assert damaged.check() == []


@pytest.mark.slow
def test_a_database_older_than_the_store_has_a_night_run_again_that_tags_nothing(damaged):
    restore(damaged, database="night-1", store="night-2", inbox="night-2")
    assert damaged.check() == []
    before = damaged.answered()
    with damaged.airflow() as airflow:
        assert airflow.days() == [FIRST]
        # the last day, which the scheduler holds for missed
        airflow.run({"day": LAST, "max_rejected_share": 0.5})
        again = damaged.manifest(LAST)
        assert (again["n_tagged"], again["n_reused"]) == (3, 3)
        # and once more, now that the inbox is known
        assert airflow.run({"day": LAST, "max_rejected_share": 0.5})["publish_day"] == "skipped"
    assert damaged.answered() == before == damaged.expected()
    assert damaged.check() == []


@pytest.mark.slow
def test_a_store_that_was_copied_while_a_day_was_replaced_gets_that_day_back(damaged):
    restore(damaged, database="night-2", store="night-2", inbox="night-2")
    parts = damaged.store.root / "parts" / LAST
    shutil.rmtree(parts)
    shutil.copytree(damaged.folder / "before", parts)
    assert damaged.answered() != damaged.expected()
    (finding,) = damaged.check()
    assert f"tagged/{LAST}: found nothing, expected " in finding
    with damaged.airflow() as airflow:
        (conf,) = runs_of([finding])
        airflow.run({**conf, "max_rejected_share": 0.5})
    assert damaged.answered() == damaged.expected()
    assert damaged.check() == []


@pytest.mark.slow
def test_an_inbox_older_than_the_answers_is_noticed_before_a_night_deletes_them(damaged):
    restore(damaged, database="night-2", store="night-2", inbox="night-2")
    late = damaged.store.root / "inbox" / LAST / "late.txt"
    kept = late.read_bytes()
    late.unlink()
    (finding,) = damaged.check()
    assert f"inbox/{LAST}: found 1 answered files gone (late.txt), expected them" in finding
    late.write_bytes(kept)
    assert damaged.check() == []
    assert damaged.answered() == damaged.expected()
