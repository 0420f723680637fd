"""Which ways there are to run a model; what cannot run is refused in one line, before anything runs."""

from pathlib import Path

import pytest

from ner_tasks import hardware
from ner_tasks.errors import ConfigInvalid
from ner_tasks.inference import engines
from ner_tasks.inference.engines import Engine, check_runnable, list_engines
from ner_tasks.model import model_folder

ALL = frozenset({"avx512_bf16"})


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    """A frozen and an INT8 model, sound as far as their checksums go."""
    folders = [tmp_path / kind for kind in ("frozen", "int8")]
    for folder in folders:
        folder.mkdir()
        for name in (model_folder.GRAPH, model_folder.TOKENIZER):
            (folder / name).write_text("weights")
        model_folder.write_manifest(
            folder, model_folder.ModelManifest(folder.name, labels=("geo",), encoder={}, max_pieces=8)
        )
    return folders


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "cpu_flags", lambda: ALL)


@pytest.fixture
def old_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "cpu_flags", lambda: frozenset({"avx2"}))


def names(engines: list[Engine]) -> list[str]:
    return [engine.name for engine in engines]


@pytest.mark.runbook("benchmark", "ConfigInvalid: found precision ..., found a CPU without")
def test_all_that_the_host_can_run_is_run_in_the_order_of_the_tables(models: list[Path], cpu: None) -> None:
    assert names(list_engines(models)) == list(engines.PRECISIONS)
    assert names(list_engines(models[::-1])) == list(engines.PRECISIONS)


def test_bf16_is_left_out_on_a_cpu_without_it(models: list[Path], old_cpu: None) -> None:
    assert names(list_engines(models)) == ["stock FP32", "oneDNN FP32", "INT8"]


@pytest.mark.runbook("benchmark", "ConfigInvalid: found precision ..., found a CPU without")
def test_bf16_that_was_asked_for_is_refused_on_a_cpu_without_it(models: list[Path], old_cpu: None) -> None:
    with pytest.raises(ConfigInvalid, match="found a CPU without AVX512_BF16"):
        list_engines(models, ["oneDNN BF16"])


@pytest.mark.runbook("quantization", "ConfigInvalid: found oneDNN off")
def test_only_stock_runs_without_onednn(models: list[Path], cpu: None) -> None:
    assert [engine.name for engine in list_engines(models) if not engine.onednn] == [engines.STOCK]


def test_what_was_asked_for_is_run_in_the_order_of_the_tables(models: list[Path], cpu: None) -> None:
    assert names(list_engines(models, ["INT8", "stock FP32"])) == ["stock FP32", "INT8"]


@pytest.mark.runbook("benchmark", "ConfigInvalid: found precision ..., found a CPU without")
def test_an_unknown_precision_is_refused(models: list[Path]) -> None:
    expected = "found precision 'FP16', expected some of stock FP32, oneDNN FP32, oneDNN BF16, INT8"
    with pytest.raises(ConfigInvalid, match=expected):
        list_engines(models, ["INT8", "FP16"])


def test_a_precision_that_no_model_has_is_refused(models: list[Path]) -> None:
    with pytest.raises(ConfigInvalid, match="found no model for precision INT8, expected one"):
        list_engines(models[:1], ["INT8"])


def test_two_models_for_the_same_way_are_refused(models: list[Path]) -> None:
    with pytest.raises(ConfigInvalid, match="found two models for INT8, expected one"):
        list_engines([models[1], models[0], models[1]])


def test_int8_without_onednn_is_refused_before_anything_runs(models: list[Path]) -> None:
    with pytest.raises(ConfigInvalid, match="found oneDNN off, expected on for an INT8 model"):
        check_runnable(Engine("x", str(models[1]), onednn=False))


def test_bf16_on_a_cpu_without_it_is_refused(models: list[Path], old_cpu: None) -> None:
    with pytest.raises(ConfigInvalid, match="found a CPU without AVX512_BF16"):
        check_runnable(Engine("x", str(models[0]), bf16=True))
