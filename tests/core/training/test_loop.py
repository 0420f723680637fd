"""Training learns, ends at the best epoch, and goes on after a kill as if there had been none."""

import errno
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from ner_tasks.errors import Busy, ConfigInvalid, StorageFull
from ner_tasks.evaluation import calibration, metrics
from ner_tasks.files import atomic
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import model_folder
from ner_tasks.model.tokenization import WordTokenizer, make_windows, pad_batch
from ner_tasks.training import batches, loop
from ner_tasks.training.config import TrainConfig
from tests import tiny

SHORT = TrainConfig(epochs=2, batch_size=8, checkpoint_steps=3, max_pieces=32, learning_rate=1e-3, ema_decay=0.0)


def train(encoder: Path, folder: Path, config: TrainConfig = SHORT) -> Path:
    parts = {"train": tiny.sentences(64), "dev": tiny.sentences(16, seed=1)}
    loop.train_model(
        parts, encoder=encoder, target=folder / "model", checkpoints=folder / "half", config=config, lineage={}
    )
    return folder / "model"


def test_it_learns_names_that_it_has_seen_in_other_sentences(trained: Path) -> None:
    unseen = tiny.sentences(50, seed=9)
    tagged = Tagger.load(trained, n_threads=2).tag([sentence.words for sentence in unseen])
    scores = metrics.score_tags([sentence.tags for sentence in unseen], [answer.tags for answer in tagged])
    assert scores.overall.f1 > 0.9


def test_what_a_small_dev_part_cannot_decide_is_said_once(
    encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(encoder, tmp_path)
    assert capsys.readouterr().out.count("to calibrate their scores") == 1


class Killed(BaseException):
    """Stands for SIGKILL: nothing but a new process goes on after it."""


EVERYTHING = SHORT.model_copy(
    update={
        "ema_decay": 0.9,
        "crf_weight": 0.5,
        "r_drop": 0.5,
        "oversampling": 0.2,
        "layer_decay": 0.8,
        "head_rate": 2.0,
        "label_smoothing": 0.1,
        "schedule": "cosine",
        "attention_dropout": 0.1,
        "word_dropout": 0.2,
    }
)


@pytest.mark.parametrize(
    "config", [SHORT, pytest.param(EVERYTHING, marks=pytest.mark.slow)], ids=["plain", "all knobs"]
)
def test_a_training_killed_again_and_again_goes_on_to_the_same_bits(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: TrainConfig
) -> None:
    undisturbed = (train(encoder, tmp_path / "undisturbed", config) / model_folder.WEIGHTS).read_bytes()
    rate_at = loop.learning_rate_at
    for step in (4, 8, 11):

        def killing(done: int, n_steps: int, config: TrainConfig, at: int = step) -> float:
            if done == at:
                raise Killed
            return rate_at(done, n_steps, config)

        monkeypatch.setattr(loop, "learning_rate_at", killing)
        with pytest.raises(Killed):
            train(encoder, tmp_path / "killed", config)
    monkeypatch.setattr(loop, "learning_rate_at", rate_at)
    resumed = train(encoder, tmp_path / "killed", config)
    assert (resumed / model_folder.WEIGHTS).read_bytes() == undisturbed
    losses = [
        [line["loss"] for line in model_folder.read_manifest(tmp_path / name / "model").metrics["train"]["history"]]
        for name in ("killed", "undisturbed")
    ]
    assert losses[0] == losses[1]


@pytest.mark.runbook("retraining", "train: ConfigInvalid: found a checkpoint of other data or")
def test_half_done_work_of_other_settings_is_refused(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killing(done: int, n_steps: int, config: TrainConfig) -> float:
        if done == 4:
            raise Killed
        return 1e-3

    monkeypatch.setattr(loop, "learning_rate_at", killing)
    with pytest.raises(Killed):
        train(encoder, tmp_path)
    with pytest.raises(ConfigInvalid, match="found a checkpoint of other data or settings"):
        train(encoder, tmp_path, SHORT.model_copy(update={"dropout": 0.2}))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _of_other_shapes(path: Path) -> None:
    with safe_open(path, "np") as state:
        values = {name: state.get_tensor(name) for name in state.keys()}  # noqa: SIM118 - no dict
        metadata = state.metadata()
    save_file({**values, "3": np.zeros((2, 2), np.float32)}, path, metadata)


def _of_other_progress(path: Path) -> None:
    with safe_open(path, "np") as state:
        values = {name: state.get_tensor(name) for name in state.keys()}  # noqa: SIM118 - no dict
        metadata = state.metadata()
    save_file(values, path, {**metadata, "progress": '{"stepp": 4}'})


@pytest.fixture(scope="module")
def undisturbed(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (train(encoder, tmp_path_factory.mktemp("undisturbed")) / model_folder.WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("state.safetensors", lambda path: path.write_bytes(b"no checkpoint")),
        ("state.safetensors", _cut),
        ("state.safetensors", _of_other_shapes),
        ("state.safetensors", _of_other_progress),
        ("best.safetensors", _cut),
        ("best.safetensors", Path.unlink),
    ],
)
def test_damaged_half_done_work_is_begun_anew(
    encoder: Path, undisturbed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, name: str, damage
) -> None:
    rate_at = loop.learning_rate_at

    def killing(done: int, n_steps: int, config: TrainConfig) -> float:
        if done == 12:  # of 16: the first epoch has ended
            raise Killed
        return rate_at(done, n_steps, config)

    monkeypatch.setattr(loop, "learning_rate_at", killing)
    with pytest.raises(Killed):
        train(encoder, tmp_path / "killed")
    monkeypatch.setattr(loop, "learning_rate_at", rate_at)
    damage(tmp_path / "killed" / "half" / name)
    assert (train(encoder, tmp_path / "killed") / model_folder.WEIGHTS).read_bytes() == undisturbed
    assert capsys.readouterr().out.count("notice: deleted a damaged checkpoint") == 1


def test_early_stopping_keeps_the_best_epoch(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    f1s = iter([0.2, 0.5, 0.4, 0.3, 0.9])
    monkeypatch.setattr(loop.TrainingRun, "dev_f1", lambda self: next(f1s))
    config = TrainConfig(epochs=5, patience=2, batch_size=32, max_pieces=32, ema_decay=0.0)
    folder = train(encoder, tmp_path, config)
    figures = model_folder.read_manifest(folder).metrics["train"]
    assert (figures["epoch"], len(figures["history"])) == (2, 4)


def test_the_temperature_is_that_of_the_best_epoch_on_the_dev_part(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f1s = iter([0.5, 0.1])
    monkeypatch.setattr(loop.TrainingRun, "dev_f1", lambda self: next(f1s))
    folder, dev = train(encoder, tmp_path), tiny.sentences(16, seed=1)
    tagger = Tagger.load(folder, n_threads=2)
    logits = tagger.compute_logits([sentence.words for sentence in dev])
    expected = calibration.fit_on_sentences(logits, [sentence.tags for sentence in dev], tagger.manifest.label_set)
    assert tagger.manifest.metrics["train"]["epoch"] == 1
    assert tagger.manifest.temperature == pytest.approx(expected, rel=1e-3)
    assert tagger.manifest.temperature != 1


def test_only_first_pieces_carry_a_tag_and_padding_weighs_nothing(encoder: Path) -> None:
    pieces = WordTokenizer(encoder / "tokenizer.json")
    windows = list(make_windows([["xyz", "Boston"], ["."]], pieces, max_pieces=32))
    ids, weights = batches.make_targets(pad_batch(windows, pad_id=0), [[3, 1], [2]])
    assert weights.sum() == 3
    assert [ids[0, 1], ids[0, 4], ids[1, 1]] == [3, 1, 2]


def test_a_full_disk_is_told_and_leaves_no_model(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(loop, "write_weights", full)
    with pytest.raises(StorageFull, match="expected room for .*safetensors"):
        train(encoder, tmp_path)
    assert not (tmp_path / "model").exists()


def test_two_trainings_of_one_model_do_not_mix(encoder: Path, tmp_path: Path) -> None:
    with atomic.exclusive(tmp_path / "half" / "lock"), pytest.raises(Busy, match="found another process at work"):
        train(encoder, tmp_path)
