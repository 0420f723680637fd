"""Training learns, ends at the best epoch, and goes on after a kill as if there had been none."""

import errno
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from ner_tasks import artifacts, atomic, calibration, evaluation, model, training
from ner_tasks.errors import Busy, ConfigInvalid, StorageFull
from ner_tasks.inference import Tagger
from ner_tasks.tokenization import WordPieces, batch_of, windows_of
from tests import tiny

SHORT = training.TrainConfig(epochs=2, batch_size=8, checkpoint_steps=3, max_pieces=32, learning_rate=1e-3)


def train(encoder: Path, folder: Path, config: training.TrainConfig = SHORT) -> Path:
    parts = {"train": tiny.sentences(64), "dev": tiny.sentences(16, seed=1)}
    training.train(
        parts, encoder=encoder, target=folder / "model", checkpoints=folder / "half", config=config, lineage={}
    )
    return folder / "model"


def test_it_learns_names_that_it_has_seen_in_other_sentences(trained: Path) -> None:
    unseen = tiny.sentences(50, seed=9)
    tagged = Tagger.load(trained, n_threads=2).tag([sentence.words for sentence in unseen])
    scores = evaluation.score([sentence.tags for sentence in unseen], [answer.tags for answer in tagged])
    assert scores.overall.f1 > 0.9


class Killed(BaseException):
    """Stands for SIGKILL: nothing but a new process goes on after it."""


@pytest.fixture(scope="module")
def undisturbed(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return load_file(train(encoder, tmp_path_factory.mktemp("undisturbed")) / artifacts.WEIGHTS)


@pytest.mark.parametrize("step", [4, pytest.param(8, marks=pytest.mark.slow), pytest.param(11, marks=pytest.mark.slow)])
def test_a_killed_training_goes_on_to_the_same_weights(
    encoder: Path, undisturbed: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    rate_at = training.rate_at

    def killing(done: int, n_steps: int, config: training.TrainConfig) -> float:
        if done == step:
            raise Killed
        return rate_at(done, n_steps, config)

    monkeypatch.setattr(training, "rate_at", killing)
    with pytest.raises(Killed):
        train(encoder, tmp_path / "killed")
    monkeypatch.setattr(training, "rate_at", rate_at)
    resumed = load_file(train(encoder, tmp_path / "killed") / artifacts.WEIGHTS)
    for name, weights in undisturbed.items():
        np.testing.assert_allclose(resumed[name], weights, atol=1e-6, err_msg=name)


def test_early_stopping_keeps_the_best_epoch(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    f1s = iter([0.2, 0.5, 0.4, 0.3, 0.9])
    monkeypatch.setattr(training._Run, "_dev_f1", lambda self, dev: next(f1s))
    config = training.TrainConfig(epochs=5, patience=2, batch_size=32, max_pieces=32)
    folder = train(encoder, tmp_path, config)
    metrics = artifacts.open_model(folder).metrics["train"]
    assert (metrics["epoch"], len(metrics["history"])) == (2, 4)


def test_the_temperature_is_that_of_the_best_epoch_on_the_dev_part(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f1s = iter([0.5, 0.1])
    monkeypatch.setattr(training._Run, "_dev_f1", lambda self, dev: next(f1s))
    folder, dev = train(encoder, tmp_path), tiny.sentences(16, seed=1)
    tagger = Tagger.load(folder, n_threads=2)
    found = tagger.logits([sentence.words for sentence in dev])
    expected = calibration.fitted_to(found, [sentence.tags for sentence in dev], tagger.manifest.label_set)
    assert tagger.manifest.metrics["train"]["epoch"] == 1
    assert tagger.manifest.temperature == pytest.approx(expected, rel=1e-3)
    assert tagger.manifest.temperature != 1


def test_only_first_pieces_carry_a_tag_and_padding_weighs_nothing(encoder: Path) -> None:
    pieces = WordPieces(encoder / "tokenizer.json")
    windows = list(windows_of([["xyz", "Boston"], ["."]], pieces, max_pieces=32))
    ids, weights = training.targets_of(batch_of(windows, pad_id=0), [[3, 1], [2]])
    assert weights.sum() == 3
    assert [ids[0, 1], ids[0, 4], ids[1, 1]] == [3, 1, 2]


def test_the_rate_rises_then_falls_to_zero() -> None:
    config = training.TrainConfig(learning_rate=1.0, warmup_share=0.1)
    rates = [training.rate_at(step, 100, config) for step in range(101)]
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[0] == pytest.approx(0.1)
    assert rates[100] == 0.0


def test_a_full_disk_is_told_and_leaves_no_model(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(training, "write_weights", full)
    with pytest.raises(StorageFull, match="expected room for .*safetensors"):
        train(encoder, tmp_path)
    assert not (tmp_path / "model").exists()


def test_two_trainings_of_one_model_do_not_mix(encoder: Path, tmp_path: Path) -> None:
    with atomic.exclusive(tmp_path / "half" / "lock"), pytest.raises(Busy, match="found another process at work"):
        train(encoder, tmp_path)


def test_a_setting_out_of_bounds_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="found epochs = 0, expected more than 0"):
        training.TrainConfig(epochs=0)
    with pytest.raises(ConfigInvalid, match="found dropout = 1.5, expected 0 to less than 1"):
        training.TrainConfig(dropout=1.5)


def test_a_tokenizer_with_more_pieces_than_the_encoder_is_refused(encoder: Path) -> None:
    assert WordPieces(encoder / "tokenizer.json").vocabulary_size() <= model.read_config(encoder)["vocab_size"]
