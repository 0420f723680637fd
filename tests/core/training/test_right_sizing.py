"""Right-sizing chooses the fewest layers that are shown to keep the F1, keeps to its budget, and goes on after a kill."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid
from ner_tasks.model import freezing, model_folder
from ner_tasks.training import loop, right_sizing
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.right_sizing import Tools, search_depth
from ner_tasks.training.size_candidates import Candidate, SizeLimits, judge_loss, make_rows
from ner_tasks.training.size_inputs import SizeInputs, list_depths
from ner_tasks.training.time_budget import OutOfTimeError, TimeBudget
from tests import tiny

CONFIG = TrainConfig(epochs=2, batch_size=16, max_pieces=32, learning_rate=3e-3, dropout=0.0)
PARTS = {"train": tiny.sentences(400), "dev": tiny.sentences(60, seed=1)}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> SizeInputs:
    """A full model of three layers."""
    folder = tmp_path_factory.mktemp("sizes")
    encoder = tiny.make_tiny_encoder(folder / "encoder", n_layers=3)
    loop.train_model(
        PARTS, encoder=encoder, target=folder / "full", checkpoints=folder / "half", config=CONFIG, lineage={}
    )
    return SizeInputs(PARTS, encoder, folder / "full", CONFIG, {"version": "tiny-2"})


def time_by_depth(*models: Path) -> tuple[float, float]:
    """Words/s that fall with the layers, as they do on a machine without noise."""
    depths = [model_folder.read_manifest(model).encoder["num_hidden_layers"] for model in models]
    return 900 / depths[0], 900 / depths[1]


TOOLS = Tools(freezing.freeze_model, time_by_depth, n_threads=2)
LIMITS = SizeLimits(minutes=30, max_f1_loss=0.005)


@pytest.mark.slow
def test_the_fewest_layers_within_the_limit_are_chosen_and_measured_once(
    inputs: SizeInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = search_depth(inputs, folder=tmp_path, limits=LIMITS, tools=TOOLS)
    assert [one.layers for one in result.candidates] == [(0, 1, 2), (0, 2), (0,)]
    assert [one.speed_up for one in result.candidates] == [None, 1.5, 3.0]
    within = [one for one in result.candidates if one.is_within]
    assert within and result.chosen == within[-1]
    manifest = model_folder.read_manifest(result.model)
    assert manifest.encoder["num_hidden_layers"] == len(result.chosen.layers)
    assert manifest.lineage["layers"] == {"kept": list(result.chosen.layers), "of": 3}
    # the full model was the teacher
    assert manifest.lineage["teacher"].startswith("trained-")
    monkeypatch.setattr(loop, "train_model", None)
    again = search_depth(inputs, folder=tmp_path, limits=LIMITS, tools=TOOLS)
    assert again.candidates == result.candidates


@pytest.mark.slow
def test_a_killed_search_goes_on_where_it_was(
    inputs: SizeInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Stands for SIGKILL."""

    trained, train = [], loop.train_model

    def dying(*args: object, **options: object) -> object:
        trained.append(options["config"].layers)
        if trained == ["2", "1"]:
            raise Killed
        return train(*args, **options)

    monkeypatch.setattr(loop, "train_model", dying)
    with pytest.raises(Killed):
        search_depth(inputs, folder=tmp_path, limits=LIMITS, tools=TOOLS)
    result = search_depth(inputs, folder=tmp_path, limits=LIMITS, tools=TOOLS)
    assert trained == ["2", "1", "1"]
    assert all(one.dev_f1 is not None for one in result.candidates)


@pytest.mark.runbook("retraining", "train: notice: found ... minutes, expected enough for one candidate")
def test_a_budget_that_ends_before_the_first_candidate_keeps_all_layers_and_says_so(
    inputs: SizeInputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = search_depth(inputs, folder=tmp_path, limits=replace(LIMITS, minutes=1e-4), tools=TOOLS)
    assert result.model == inputs.full
    assert result.chosen.layers == (0, 1, 2)
    assert all("minutes" in one.verdict for one in result.candidates[1:])
    assert "found 0.0001 minutes, expected enough for one candidate" in capsys.readouterr().out


def test_what_does_not_fit_is_refused_before_anything_is_trained(
    inputs: SizeInputs, trained: Path, tmp_path: Path
) -> None:
    with_layers = replace(inputs, config=CONFIG.model_copy(update={"layers": "2"}))
    other_labels = replace(inputs, parts={**PARTS, "train": PARTS["train"], "dev": _with_label("art")})
    for wrong, limits, message in (
        (with_layers, LIMITS, "found layers = '2', expected none: right-size chooses them"),
        (replace(inputs, full=trained), LIMITS, "found a trained model of 2 layers, expected a trained one of the 3"),
        (other_labels, LIMITS, "found a full model with labels geo, per, expected those of the data, art, geo, per"),
        (inputs, replace(LIMITS, depths=(3,)), "found 3 in depths, expected 1 to 2, fewer than all layers"),
    ):
        with pytest.raises(ConfigInvalid, match=message):
            search_depth(wrong, folder=tmp_path, limits=limits, tools=TOOLS)
    with pytest.raises(ConfigInvalid, match="found 0 minutes and a confidence of 0.95, expected more than 0"):
        SizeLimits(minutes=0, max_f1_loss=0.005)


def _with_label(label: str) -> list[corpus.LabelledSentence]:
    return [replace(one, tags=(f"B-{label}", *one.tags[1:])) for one in PARTS["dev"]]


@pytest.mark.parametrize(
    ("n_layers", "wanted", "depths"),
    [
        (2, (), (1,)),
        (6, (), (5, 4, 3, 2, 1)),
        (12, (), (10, 8, 6, 4, 2)),
        (24, (), (20, 16, 12, 8, 4)),
        (6, (3, 4), (4, 3)),
    ],
)
def test_depths_are_spread_evenly_and_tried_from_the_deepest(
    n_layers: int, wanted: tuple[int, ...], depths: tuple[int, ...]
) -> None:
    assert list_depths(n_layers, wanted) == depths


def test_an_encoder_of_one_layer_cannot_be_made_smaller() -> None:
    with pytest.raises(ConfigInvalid, match="found an encoder of 1 layer, expected at least 2"):
        list_depths(1)


@pytest.mark.parametrize(
    ("bounds", "is_within", "is_lost"),
    [((-0.002, 0.005), True, False), ((-0.002, 0.0051), False, False), ((0.0051, 0.02), False, True)],
)
def test_a_loss_is_within_the_limit_if_its_upper_bound_is(
    bounds: tuple[float, float], is_within: bool, is_lost: bool
) -> None:
    judged = judge_loss(Candidate((0, 2), dev_f1=0.8, loss=0.004, loss_bounds=bounds), LIMITS)
    assert (judged.is_within, judged.is_lost) == (is_within, is_lost)
    assert f"at most {bounds[1]:.4f} with 95% confidence" in judged.verdict


def test_a_dev_part_without_entities_shows_nothing() -> None:
    judged = judge_loss(Candidate((0, 2), dev_f1=0.0, loss=0.0, loss_bounds=None), LIMITS)
    assert not judged.is_within and judged.is_lost


def test_words_per_second_of_a_report_are_relative_to_one_figure_of_the_full_model() -> None:
    full = Candidate((0, 1, 2), dev_f1=0.9, verdict="the full model")
    slow = Candidate((0, 2), speed_up=1.5, words_per_s=1500.0, full_words_per_s=1000.0)
    fast = Candidate((0,), speed_up=3.0, words_per_s=6000.0, full_words_per_s=2000.0)
    assert [row["words_per_s"] for row in make_rows([full, slow, fast])] == [1500, 2250, 4500]
    assert [row["words_per_s"] for row in make_rows([full])] == [None]


def test_time_that_was_spent_before_a_kill_stays_spent(tmp_path: Path) -> None:
    now = [0.0]
    budget = TimeBudget(tmp_path / "spent.json", minutes=1, clock=lambda: now[0])
    with pytest.raises(KeyboardInterrupt), budget.spend("a") as note:
        now[0] = 20
        note(None)
        raise KeyboardInterrupt
    again = TimeBudget(tmp_path / "spent.json", minutes=1, clock=lambda: now[0])
    assert again.left_s == 40
    with pytest.raises(OutOfTimeError), again.spend("b") as note:
        now[0] = 61
        note(None)
    assert again.spent == {"a": 20, "b": 41}
    (tmp_path / "spent.json").write_text("[1")
    assert TimeBudget(tmp_path / "spent.json", minutes=1).left_s == 60


@pytest.mark.slow
def test_from_the_shell_the_chosen_model_is_written_compared_on_test_and_drawn(
    inputs: SizeInputs, tmp_path: Path
) -> None:
    """With Intel Neural Compressor and real timing."""
    (tmp_path / "data").mkdir()
    for name, part in {**PARTS, "test": tiny.sentences(60, seed=4), "calibration": tiny.sentences(100, seed=5)}.items():
        corpus.write_kaggle_csv(tmp_path / "data" / f"{name}.csv", part)
    (tmp_path / "settings.json").write_text(json.dumps(CONFIG.model_dump()))
    flags = {
        "data": tmp_path / "data",
        "encoder": inputs.start,
        "full": inputs.full,
        "config": tmp_path / "settings.json",
        "output": tmp_path / "model",
        "work_path": tmp_path / "work",
        "minutes": 30,
        "depths": "2",
        "max_f1_loss": 1,
        "curves": tmp_path / "curves",
        "report": tmp_path / "report.json",
    }
    command = [sys.executable, "-m", "ner_tasks", "right-size"]
    command += [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((tmp_path / "report.json").read_text())["result"]
    assert (result["layers"], result["n_layers"]) == ([0, 2], 3)
    assert [row["chosen"] for row in result["candidates"]] == [False, True]
    assert all(row["words_per_s"] > 0 for row in result["candidates"])
    assert result["test"]["n_sentences"] == 60
    assert model_folder.read_manifest(tmp_path / "model").lineage["layers"] == {"kept": [0, 2], "of": 3}
    assert {path.name for path in (tmp_path / "curves").iterdir()} == {"size.png", "size.svg"}


def test_a_candidate_that_surely_loses_too_much_ends_the_search(
    inputs: SizeInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Candidate((0, 2), dev_f1=0.1, is_lost=True, verdict="a loss of 0.8")
    monkeypatch.setattr(right_sizing._DepthSearch, "_try_depth", lambda *_: lost)
    result = search_depth(inputs, folder=tmp_path, limits=LIMITS, tools=TOOLS)
    assert result.candidates[2].verdict == "not tried: 2 layers already lose too much"
    assert result.model == inputs.full
