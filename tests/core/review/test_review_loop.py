"""The loop closes: what a model has learnt wrongly is asked about, corrected, learnt anew, and gone."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ner_tasks.cli import app
from ner_tasks.data import corpus
from ner_tasks.files import atomic
from ner_tasks.tagging.answers import read_answers
from tests import tiny

WRONG = ("B-per", "I-per", "O", "B-per", "O", "O")


def run(folder: Path, *args: object) -> dict:
    assert app.main([str(arg) for arg in (*args, "--report", folder / "report.json")]) == 0
    return atomic.read_json(folder / "report.json")["result"]


def learn(folder: Path, name: str, encoder: Path, batches: list[Path], previous: Path | None = None) -> Path:
    """A model of a snapshot of these batches, beside its data."""
    flags = ("--data", *batches, "--output", folder / f"{name}-data", "--block_sentences", 4)
    # what a label's words are has changed, on purpose
    run(folder, "dataset", *flags, *(("--previous", previous, "--accept_drift", 1) if previous else ()))
    sizes = ("--epochs", 4, "--learning_rate", 3e-3)
    flags = ("--data", folder / f"{name}-data", "--encoder", encoder, "--output", folder / name)
    run(folder, "train", *flags, *sizes, "--version", name)
    return folder / name


def night(folder: Path, name: str, model: Path, *, seed: int) -> Path:
    """Answers to 1,200 documents of one sentence each, of which no batch has any."""
    inbox = folder / f"{name}-inbox"
    inbox.mkdir()
    for index, sentence in enumerate(tiny.sentences(3200, seed=seed)[2000:]):
        (inbox / f"{index:04d}.txt").write_text(" ".join(sentence.words))
    run(folder, "tag", "--model", model, "--output", folder / f"{name}-tagged", inbox)
    return folder / f"{name}-tagged"


def found(answers: Path, mention: str) -> list[str | None]:
    """The label that the mention has got in each document that has it; None: not found."""
    labels = []
    for answer in read_answers(answers / "documents.jsonl"):
        if mention in answer.text:
            here = [entity["label"] for entity in answer.entities if answer.mention(entity) == mention]
            labels.append(here[0] if here else None)
    return labels


def corrected(line: str) -> str:
    """What a person who knows the pattern of these sentences makes of a line of `doccano.jsonl`: who, and where."""
    exported = json.loads(line)
    words = exported["text"].split(" ")
    starts = [sum(len(word) + 1 for word in words[:index]) for index in range(len(words))]
    person = [starts[0], starts[1] + len(words[1]), "per"]
    return json.dumps({**exported, "label": [person, [starts[3], starts[3] + len(words[3]), "geo"]]})


@pytest.mark.slow
def test_a_planted_error_is_gone_after_one_round(encoder, tmp_path):
    chance = random.Random(0)
    # whoever labelled the first batch took Denver for a person, three times of four
    batch = [
        replace(one, tags=WRONG) if one.words[3] == "Denver" and chance.random() < 0.75 else one
        for one in tiny.sentences(1500)
    ]
    first, review = tmp_path / "2026-11-01", tmp_path / "review-2026-11-22"
    for folder in (first, review):
        folder.mkdir()
    corpus.write_kaggle_csv(first / "ner.csv", batch)
    before = night(tmp_path, "before", learn(tmp_path, "v1", encoder, [first]), seed=1)
    labels = found(before, "Denver")
    assert labels.count("per") / len(labels) > 0.8

    queue, most = tmp_path / "queue", ("--n_most", 400, "--max_score", 0.95, "--n_same", 400)
    run(tmp_path, "review", "--answers", before, "--output", queue, "--day", "2026-11-22", *most)
    asked = (queue / "doccano.jsonl").read_text(encoding="utf-8").splitlines()
    # it is what the model is least sure of
    n_denver = sum("Denver" in line for line in asked)
    assert n_denver >= 0.8 * len(labels)
    assert all("Denver" in line for line in asked[: n_denver // 2])

    (review / "corrected.jsonl").write_text("".join(corrected(line) + "\n" for line in asked), encoding="utf-8")
    learnt = learn(tmp_path, "v2", encoder, [first, review], previous=tmp_path / "v1-data")
    sources = {
        source["batch"]: source for source in atomic.read_json(tmp_path / "v2-data" / "snapshot.json")["sources"]
    }
    assert sources[review.name]["n_sentences"] == len(asked) and sources[review.name]["n_quarantined"] == 0
    after = night(tmp_path, "after", learnt, seed=2)
    for place in ("Denver", "Chicago"):
        labels = found(after, place)
        assert labels.count("geo") / len(labels) > 0.95, place
