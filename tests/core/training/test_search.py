"""A search finds settings that are no worse, keeps to its budget, and goes on after a kill."""

import time
from pathlib import Path

import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.training import search
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.search import SearchBudget, search_config
from tests import tiny

# far too slow to learn anything: whatever else is tried is better
BASE = TrainConfig(epochs=1, batch_size=16, max_pieces=32, learning_rate=1e-3)


def parts() -> dict:
    return {"train": tiny.sentences(160), "dev": tiny.sentences(30, seed=1)}


@pytest.mark.runbook("retraining", "train: no trial finished in time in the log")
def test_what_is_found_is_no_worse_than_what_was_given_which_is_tried_first(encoder: Path, tmp_path: Path) -> None:
    result = search_config(
        parts(), encoder=encoder, folder=tmp_path, base=BASE, budget=SearchBudget(5, n_trials=4, train_share=1)
    )
    first, *others = result["trials"]
    assert first["params"] == {name: getattr(BASE, name) for name in first["params"]}
    assert len(result["trials"]) == 4
    assert result["dev_f1"] == max(trial["dev_f1"] or 0.0 for trial in result["trials"]) >= first["dev_f1"]
    assert TrainConfig.parse(result["config"], "the search").max_pieces == BASE.max_pieces
    assert len({str(trial["params"]) for trial in others}) == 3
    assert [path.name for path in tmp_path.glob("trial-*")] == []


@pytest.mark.runbook("retraining", "train: no trial finished in time in the log")
def test_a_search_that_is_over_time_ends_its_trial_and_says_that_nothing_was_found(
    encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    long = TrainConfig(epochs=200, patience=200, batch_size=4, max_pieces=32)
    result = search_config(
        parts(), encoder=encoder, folder=tmp_path, base=long, budget=SearchBudget(0.05, train_share=1)
    )
    assert time.monotonic() - began < 60
    assert (result["dev_f1"], result["config"]["epochs"]) == (None, 200)
    assert "no trial finished in time" in capsys.readouterr().out


class Killed(BaseException):
    """Stands for SIGKILL."""


def test_a_killed_search_goes_on_with_the_trial_that_was_at_work(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies in its second trial; what it leaves behind says that this trial is running."""
    budget = SearchBudget(5, n_trials=3, train_share=1)
    fit, calls = search.TrainingRun.fit, []

    def dying(run: search.TrainingRun, watch: object) -> object:
        calls.append(run.config)
        if len(calls) == 2:
            # as SIGKILL leaves it: Optuna would note an exception, and has no time to
            monkeypatch.setattr("optuna.study._optimize._tell_with_warning", lambda *args, **kwargs: None)
            raise Killed
        return fit(run, watch)

    with monkeypatch.context() as patch:
        patch.setattr(search.TrainingRun, "fit", dying)
        with pytest.raises(Killed):
            search_config(parts(), encoder=encoder, folder=tmp_path, base=BASE, budget=budget)
    monkeypatch.undo()
    result = search_config(parts(), encoder=encoder, folder=tmp_path, base=BASE, budget=budget)
    states = [trial["state"] for trial in result["trials"]]
    assert states.count("fail") == 1
    assert len(states) - 1 == 3
    failed = next(trial for trial in result["trials"] if trial["state"] == "fail")
    assert failed["params"] == result["trials"][failed["number"] + 1]["params"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda study: b"no study\n" + study,
        lambda study: b"\xff\xfe\n" + study,
        lambda study: b'{"op_code": "x"}\n' + study,
        lambda study: b"[1]\n",
    ],
)
def test_a_damaged_search_is_begun_anew(encoder: Path, tmp_path: Path, damage, capsys) -> None:
    def run(n_trials: int) -> dict:
        budget = SearchBudget(5, n_trials=n_trials, train_share=1)
        return search_config(parts(), encoder=encoder, folder=tmp_path, base=BASE, budget=budget)

    run(1)
    study = tmp_path / "study.log"
    study.write_bytes(damage(study.read_bytes()))
    assert [trial["number"] for trial in run(1)["trials"]] == [0]
    assert capsys.readouterr().out.count("notice: deleted a damaged search") == 1


def test_a_line_of_the_search_that_a_kill_cut_off_costs_no_other(encoder: Path, tmp_path: Path, capsys) -> None:
    budget = SearchBudget(5, n_trials=1, train_share=1)
    first = search_config(parts(), encoder=encoder, folder=tmp_path, base=BASE, budget=budget)
    with (tmp_path / "study.log").open("ab") as study:
        study.write(b'{"op_code":4,"worker')
    budget = SearchBudget(5, n_trials=2, train_share=1)
    second = search_config(parts(), encoder=encoder, folder=tmp_path, base=BASE, budget=budget)
    assert second["trials"][0]["dev_f1"] == first["trials"][0]["dev_f1"] and len(second["trials"]) == 2
    assert "notice: deleted" not in capsys.readouterr().out


def test_a_share_is_the_same_each_time_and_in_order() -> None:
    sentences = tiny.sentences(100)
    share = search.sample_share(sentences, 0.25, seed=3)
    assert share == search.sample_share(sentences, 0.25, seed=3)
    assert len(share) == 25
    assert [sentences.index(one) for one in share] == sorted(sentences.index(one) for one in share)


@pytest.mark.parametrize("budget", [{"minutes": 0}, {"minutes": 1, "n_trials": 0}, {"minutes": 1, "train_share": 1.5}])
def test_a_budget_that_makes_no_sense_is_refused(budget: dict) -> None:
    with pytest.raises(ConfigInvalid):
        SearchBudget(**budget)
