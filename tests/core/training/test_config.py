"""Settings of a training come from flags, files and parameters, and none is taken for another."""

import json
from pathlib import Path

import pytest

from ner_tasks.config.flags import read_config_file
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.training.config import TrainConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": -1}, "found epochs = -1, expected 0 or more"),
        ({"dropout": 1.5}, "found dropout = 1.5, expected 0 to less than 1"),
        ({"crf_weight": -1}, "found crf_weight = -1, expected 0 or more"),
        ({"learning_rate": float("nan")}, "found learning_rate = nan, expected a number"),
        ({"schedule": "steps"}, "found schedule = 'steps', expected one of linear, cosine"),
        ({"epochs": 2.5}, "found epochs = 2.5, expected a whole number, in here"),
        ({"bf16": 2}, "found bf16 = 2, expected 0 or 1, in here"),
        (
            {"layers": "0,2,2"},
            "found layers = '0,2,2', expected ascending layer numbers without duplicates, .*, in here",
        ),
        ({"layers": "2,0"}, "found layers = '2,0', expected ascending layer numbers without duplicates, .*, in here"),
        ({"layers": 0}, "found layers = '0', expected a number of layers, 1 or more, such as '3', in here"),
        ({"layers": "0-3"}, "found layers = '0-3', expected text such as '0,2,5', in here"),
        ({"layers": 2.5}, "found layers = 2.5, expected text, in here"),
        ({"learning_rate": "fast"}, "found learning_rate = 'fast', expected a number, in here"),
        ({"lerning_rate": 1}, "found setting 'lerning_rate', expected one of layers, .*, in here"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(values: dict, message: str) -> None:
    with pytest.raises(ConfigInvalid, match=message):
        TrainConfig.parse(values, "here")


@pytest.mark.parametrize(("n_sentences", "epochs"), [(1, 12), (4_081, 12), (10_000, 5), (34_337, 3), (10**7, 3)])
def test_less_data_is_learnt_more_often(n_sentences: int, epochs: int) -> None:
    assert TrainConfig().for_data(n_sentences).epochs == epochs
    assert TrainConfig(epochs=7).for_data(n_sentences) == TrainConfig(epochs=7)


def test_numbers_may_be_text() -> None:
    assert TrainConfig.parse({"epochs": "4", "learning_rate": "1e-3", "bf16": "1"}, "here") == TrainConfig(
        epochs=4, learning_rate=1e-3, bf16=True
    )


@pytest.mark.parametrize("given", [3, 3.0, "3"])
def test_a_number_of_layers_may_be_text_or_a_number(given: object) -> None:
    assert TrainConfig.parse({"layers": given}, "here").layers == "3"


def test_a_file_of_settings_is_read_and_one_that_is_none_refused(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps({"epochs": 4}))
    assert read_config_file(tmp_path / "good.json") == {"epochs": 4}
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ConfigInvalid, match="expected JSON"):
        read_config_file(tmp_path / "bad.json")
    with pytest.raises(ConfigInvalid, match="found list, expected an object"):
        read_config_file(tmp_path / "list.json")
    with pytest.raises(InputMissing):
        read_config_file(tmp_path / "none.json")
