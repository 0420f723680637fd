"""A snapshot has its parts; of a file, only dev is held out, and all of it calibrates. Small parts are told."""

from pathlib import Path

import pytest

from ner_tasks.data import corpus, part_sizes
from ner_tasks.data.parts import read_calibration_text, read_training_parts
from tests import tiny


def test_the_parts_of_a_snapshot_are_those_it_was_made_with(tmp_path: Path) -> None:
    for name, n in (("train", 30), ("dev", 5), ("calibration", 64), ("test", 9)):
        corpus.write_kaggle_csv(tmp_path / f"{name}.csv", tiny.sentences(n, seed=n))
    parts = read_training_parts(tmp_path, seed=0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 30, "dev": 5}
    assert read_calibration_text(tmp_path).n_from == {"calibration": 64}


def test_a_small_calibration_part_is_filled_up_from_train_and_told(tmp_path: Path, capsys) -> None:
    made = {name: tiny.sentences(n, seed=n) for name, n in (("train", 200), ("calibration", 5))}
    for name, sentences in made.items():
        corpus.write_kaggle_csv(tmp_path / f"{name}.csv", sentences)
    text = read_calibration_text(tmp_path)
    assert text.n_from == {"calibration": 5, "train": 59}
    train = [sentence.words for sentence in made["train"]]
    assert text.sentences[:5] == [sentence.words for sentence in made["calibration"]]
    places = [train.index(words) for words in text.sentences[5:]]
    assert len(places) == 59
    assert min(places) < 10
    assert max(places) > 190
    assert "TOO SMALL TO DECIDE BY: found 5 sentences in calibration, expected at least 64" in capsys.readouterr().out


def test_a_train_part_smaller_than_what_is_missing_is_used_whole(tmp_path: Path) -> None:
    for name, n in (("train", 30), ("calibration", 5)):
        corpus.write_kaggle_csv(tmp_path / f"{name}.csv", tiny.sentences(n, seed=n))
    assert read_calibration_text(tmp_path).n_from == {"calibration": 5, "train": 30}


@pytest.mark.runbook("retraining", "TOO SMALL TO DECIDE BY in a log, on the evaluation page, on the model card")
@pytest.mark.parametrize(("n_entities", "is_small"), [(99, True), (100, False)])
def test_dev_and_test_with_few_entities_are_told(n_entities: int, is_small: bool) -> None:
    for part, purpose in (("dev", "choose epochs"), ("test", "judge a model")):
        line = part_sizes.describe_small_part(part, n_entities)
        assert (line is not None) == is_small
        assert not line or purpose in line


def test_a_small_dev_part_is_told_when_a_training_reads_it(tmp_path: Path, capsys) -> None:
    for name, n in (("train", 30), ("dev", 5)):
        corpus.write_kaggle_csv(tmp_path / f"{name}.csv", tiny.sentences(n, seed=n))
    read_training_parts(tmp_path, seed=0)
    assert "TOO SMALL TO DECIDE BY: found 10 entities in dev, expected at least 100" in capsys.readouterr().out


def test_of_a_file_everything_but_dev_is_trained_on_and_all_of_it_calibrates(tmp_path: Path, capsys) -> None:
    path = tmp_path / "labelled.csv"
    corpus.write_kaggle_csv(path, tiny.sentences(300, seed=8))
    parts = read_training_parts(path, seed=0)
    assert len(parts["train"]) + len(parts["dev"]) == 300
    assert 0 < len(parts["dev"]) < 60
    assert "no test part" in capsys.readouterr().out
    assert read_training_parts(path, seed=0) == parts
    assert read_calibration_text(path).n_from == {"file": 300}
