"""Training goes on from a model of ours, other labels included, and what it forgets is measured."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ner_tasks.data import corpus
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.errors import ArtifactBroken
from ner_tasks.labels import LabelSet
from ner_tasks.model import model_folder
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.training import loop
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.forgetting import measure_forgetting
from ner_tasks.training.initialization import Initialization
from tests import tiny
from tests.chaos import kill_training

BRIEF = TrainConfig(epochs=1, batch_size=16, max_pieces=32, learning_rate=3e-3, dropout=0.0)


def relabelled(sentences: list[LabelledSentence], **names: str) -> list[LabelledSentence]:
    """Labels under other names; one that gets none is no entity any more."""

    def tag(old: str) -> str:
        label = names.get(old[2:], old[2:])
        return old[:2] + label if label else "O"

    return [replace(sentence, tags=tuple(tag(old) for old in sentence.tags)) for sentence in sentences]


def go_on(start: Path, folder: Path, sentences: list[LabelledSentence], config: TrainConfig = BRIEF) -> Path:
    parts = {"train": sentences, "dev": sentences[:40]}
    loop.train_model(
        parts, encoder=start, target=folder / "next", checkpoints=folder / "half", config=config, lineage={}
    )
    return folder / "next"


def test_a_model_that_goes_on_begins_with_what_it_knows(trained: Path, encoder: Path, tmp_path: Path) -> None:
    few = tiny.sentences(32, seed=5)
    slow = BRIEF.model_copy(update={"learning_rate": 1e-6})
    warm, cold = (go_on(start, tmp_path / start.name, few, slow) for start in (trained, encoder))
    losses = [model_folder.read_manifest(model).metrics["train"]["history"][0]["loss"] for model in (warm, cold)]
    assert losses[0] < 0.1
    assert losses[1] > 1


def test_the_rows_of_the_head_follow_their_labels(trained: Path) -> None:
    pieces, known = WordTokenizer(trained / "tokenizer.json"), model_folder.read_manifest(trained).label_set
    wanted = LabelSet(("art", *reversed(known.labels)))
    start = Initialization.load(trained)
    head = start.build_model(pieces, wanted, dropout=0.0).export()
    for tag in known.tags:
        np.testing.assert_array_equal(
            head["classifier.weight"][wanted.id_of[tag]], start.weights["classifier.weight"][known.id_of[tag]]
        )
    assert np.abs(head["classifier.weight"][wanted.id_of["B-art"]]).sum() > 0
    assert head["classifier.bias"][wanted.id_of["B-art"]] == 0


def test_only_a_trained_model_can_go_on(frozen: Path) -> None:
    with pytest.raises(ArtifactBroken, match="found a frozen model, expected a trained one"):
        Initialization.load(frozen)


@pytest.mark.runbook("retraining", "lower score on the old test sentences after training on")
def test_what_is_forgotten_shows_and_sentences_that_are_learnt_now_do_not_count(trained: Path, tmp_path: Path) -> None:
    """People are no entities any more and a label is new: half of what was known is lost, half is kept."""
    changed = relabelled(tiny.sentences(300, seed=3), per="", geo="geo")
    after = go_on(trained, tmp_path, changed)
    old = [*tiny.sentences(60, seed=9), *tiny.sentences(300, seed=3)[:10]]
    result = measure_forgetting(trained, after, old, changed, n_threads=2)
    assert result["n_left_out"] >= 10
    assert result["n_sentences"] + result["n_left_out"] == len(old)
    assert result["before"] > 0.9 > result["after"]
    assert result["labels"]["per"]["before"] > 0.9 and result["labels"]["per"]["after"] < 0.2
    assert result["labels"]["geo"]["after"] > 0.8


def test_what_cannot_be_measured_is_none_not_a_figure(trained: Path) -> None:
    old = tiny.sentences(5)
    result = measure_forgetting(trained, trained, old, old, n_threads=1)
    assert (result["before"], result["after"], result["n_left_out"]) == (None, None, 5)


@pytest.mark.slow
def test_from_the_shell_training_goes_on_measures_and_draws(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, n in (("train", 200), ("dev", 40), ("test", 40)):
        corpus.write_kaggle_csv(tmp_path / "data" / f"{name}.csv", tiny.sentences(n, seed=len(name)))
    (tmp_path / "settings.json").write_text(json.dumps({"epochs": 3, "max_pieces": 32, "learning_rate": 1e-3}))
    flags = {
        "dataset_file": tmp_path / "data",
        "start_from": trained,
        "save_model_path": tmp_path / "model",
        "config_file": tmp_path / "settings.json",
        "epochs": 1,
        "remember": tmp_path / "data" / "test.csv",
        "curves": tmp_path / "curves",
        "parent": "tiny-1",
        "report": tmp_path / "report.json",
    }
    command = [sys.executable, "-m", "ner_tasks", "train"]
    command += [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
    subprocess.run(command, check=True, capture_output=True)
    result = json.loads((tmp_path / "report.json").read_text())["result"]
    assert (result["config"]["epochs"], result["config"]["learning_rate"]) == (1, 1e-3)
    assert result["forgotten"]["before"] > 0.9
    assert model_folder.read_manifest(tmp_path / "model").lineage["parent"] == "tiny-1"
    assert {path.name for path in (tmp_path / "curves").iterdir()} == {"learning.png", "learning.svg"}


@pytest.mark.runbook("retraining", "train: ended by signal 9, retried")
@pytest.mark.slow
def test_a_training_killed_twice_by_the_system_ends_with_the_same_bits(tmp_path: Path) -> None:
    result = kill_training.drill(tmp_path, n_kills=2, seed=1, n_sentences=600)
    assert result["same_bits"] and result["same_losses"]
    assert len(result["kills"]) == 2
