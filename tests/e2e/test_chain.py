"""The main job through a real Airflow scheduler on SQLite, with a model of two layers."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ner_tasks.data import corpus
from ner_tasks.tagging.day_parts import find_parts
from tests import tiny
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-01-31"
# what a model of two layers can be asked for
PARAMS = {
    "ner_retrain": {"epochs": 2, "learning_rate": 0.005, "min_f1": 0.5},
    "ner_tag_nightly": {"max_rejected_share": 0.5},
}


class Installation:
    """One installation, used as a person uses it: by commands."""

    def __init__(self, folder):
        self.var = folder / "var"
        # beside such small matrices the graph's operations weigh something
        (folder / "gates.yaml").write_text("int8: {size_share: {max: 5}, min_agreement: 0.5}")
        self.port = free_port()
        # the test session's own Airflow home is none of its business
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "NER_"))}
        self.environment = {
            **ours,
            "NER_VAR": str(self.var),
            "PORT": str(self.port),
            "PYTHONPATH": f"{ROOT}:{ROOT}/plugins",
            # INT8 gains nothing on matrices this small
            "NER_MIN_SPEED_UP": "0",
            "NER_MAX_F1_LOSS": "0.2",
            "NER_GATES": str(folder / "gates.yaml"),
        }

    def __call__(self, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "launcher", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(done.stdout)
        return done

    def read(self, key):
        return json.loads((self.var / "store" / key).read_text())

    def answers(self, day):
        parts = find_parts(self.var / "store" / "tagged" / day)
        return [json.loads(line) for part in parts for line in (part / "documents.jsonl").open()]


@pytest.fixture
def inputs(tmp_path):
    """An encoder, labelled data, and a day's documents with a bad one among them."""
    tiny.make_tiny_encoder(tmp_path / "encoder")
    corpus.write_kaggle_csv(tmp_path / "ner.csv", tiny.sentences(1500))
    (tmp_path / "inbox" / "letters").mkdir(parents=True)
    for index in range(3):
        (tmp_path / "inbox" / "letters" / f"{index}.txt").write_text("Maria Chen visited Boston . John left Ohio .")
    (tmp_path / "inbox" / "empty.txt").touch()
    return tmp_path


@pytest.fixture
def installation(inputs):
    made = Installation(inputs)
    yield made
    made("down")


@pytest.mark.runbook("retraining", "snapshot: DataRejected: found header")
@pytest.mark.runbook("airflow", "make run was interrupted")
@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_newcomer_s_run_ends_with_tagged_documents_and_a_second_one_changes_nothing(installation, inputs):
    common = ["run", "--encoder", inputs / "encoder", "--inbox", inputs / "inbox", "--day", DAY]
    common += ["--params", json.dumps(PARAMS)]
    assert installation("up", "--encoder", inputs / "encoder").returncode == 0

    first = installation(*common, "--dataset", inputs / "ner.csv")
    assert first.returncode == 0, first.stdout
    for expected in ("Data validated", "Quarantined", "Entity F1", "INT8 speed-up", "Rejected", "|per]"):
        assert expected in first.stdout
    promoted = installation.read("models/promoted.json")
    night = installation.read(f"tagged/{DAY}/manifest.json")
    assert (night["n_tagged"], night["n_rejected"]) == (3, 1)
    assert night["model_version"] == promoted["version"]
    answers = installation.answers(DAY)
    assert len(answers) == 3
    for answer in answers:
        for entity in answer["entities"]:
            assert answer["text"][entity["start"] : entity["end"]] == entity["mention"]
        assert answer["receipt"]["read_share"] == 1.0

    published = installation.var / "store" / "tagged" / DAY / "manifest.json"
    weights = next((installation.var / "store" / "models").glob("*/trained/weights.safetensors"))
    before = published.stat().st_mtime_ns, weights.stat().st_mtime_ns
    second = installation(*common, "--dataset", inputs / "ner.csv")
    assert second.returncode == 0, second.stdout
    assert (published.stat().st_mtime_ns, weights.stat().st_mtime_ns) == before
    assert installation.read("models/promoted.json") == promoted

    (inputs / "wrong.csv").write_text("Sentence,Word\nSentence: 1,x\n")
    began = time.monotonic()
    wrong = installation(*common, "--dataset", inputs / "wrong.csv")
    assert wrong.returncode == 1
    assert (
        "error: RunFailed: found ner_retrain.snapshot failed, expected success: AirflowFailException: DataRejected:"
        in wrong.stdout
    )
    # at once: what is wrong with the data is not tried again
    assert time.monotonic() - began < 120
    assert installation.read("models/promoted.json") == promoted

    assert installation("down").returncode == 0
