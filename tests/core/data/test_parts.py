"""A snapshot has its parts; of a file, only dev is held out, and all of it calibrates."""

from pathlib import Path

from ner_tasks.data import corpus
from ner_tasks.data.parts import read_calibration_text, read_training_parts
from tests import tiny


def test_the_parts_of_a_snapshot_are_those_it_was_made_with(tmp_path: Path) -> None:
    for name, n in (("train", 30), ("dev", 5), ("calibration", 7), ("test", 9)):
        corpus.write_kaggle_csv(tmp_path / f"{name}.csv", tiny.sentences(n, seed=n))
    parts = read_training_parts(tmp_path, seed=0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 30, "dev": 5}
    assert len(read_calibration_text(tmp_path)) == 7


def test_of_a_file_everything_but_dev_is_trained_on_and_all_of_it_calibrates(tmp_path: Path, capsys) -> None:
    path = tmp_path / "labelled.csv"
    corpus.write_kaggle_csv(path, tiny.sentences(300, seed=8))
    parts = read_training_parts(path, seed=0)
    assert len(parts["train"]) + len(parts["dev"]) == 300
    assert 0 < len(parts["dev"]) < 60
    assert "no test part" in capsys.readouterr().out
    assert read_training_parts(path, seed=0) == parts
    assert len(read_calibration_text(path)) == 300
