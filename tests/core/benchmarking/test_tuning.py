"""A host is asked what runs a model best, and what it says is done, there and nowhere else."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from ner_tasks import hardware
from ner_tasks.cli.app import main
from ner_tasks.data import corpus
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.inference import runtime_config
from ner_tasks.inference.runtime_config import RuntimeConfig
from ner_tasks.model import model_folder
from ner_tasks.registry.registry import Registry
from ner_tasks.store import open_store
from tests import tiny


@pytest.fixture
def version(frozen: Path, int8: Path, tmp_path: Path) -> Path:
    """A version of the registry: its frozen and its INT8 model."""
    for model in (frozen, int8):
        shutil.copytree(model, tmp_path / "version" / model.name)
    return tmp_path / "version"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    corpus.write_kaggle_csv(tmp_path / "dev.csv", tiny.sentences(60, seed=8))
    return tmp_path / "dev.csv"


def tune(version: Path, data: Path, *more: str) -> int:
    flags = ["--model", str(version), "--data", str(data), "--threads", "2", "--n_sentences", "30"]
    return main(["tune", *flags, "--rounds", "1", *more])


@pytest.mark.slow
def test_the_fastest_that_keeps_its_f1_is_chosen_and_the_evidence_kept(version: Path, data: Path) -> None:
    assert tune(version, data, "--max_f1_loss", "1") == 0
    record = json.loads(runtime_config.runtime_config_path(version, 2).read_text())
    choice = runtime_config.find_runtime_config(version / "int8", 2)
    assert choice == RuntimeConfig(**record["choice"])
    fastest = max(record["measured"]["precision"], key=lambda row: row["words_per_s"])
    assert (choice.kind == "int8") == (fastest["engine"] == "INT8")
    assert {row["max_pieces"] for row in record["measured"]["budget"]} == {1024, 2048, 4096, 8192}
    assert choice.max_pieces == record["measured"]["budget"][0]["max_pieces"]
    assert model_folder.read_manifest(version / "int8")  # the model beside it is untouched


@pytest.mark.slow
def test_a_precision_that_loses_f1_is_measured_and_not_chosen(
    version: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = {"int8": 0.5, "frozen": 0.9}
    monkeypatch.setattr(
        "ner_tasks.benchmarking.tuning._evaluate_engine", lambda engine, *_: worse[Path(engine.model).name]
    )
    assert tune(version, data, "--time_limit_s", "0") == 0
    record = json.loads(runtime_config.runtime_config_path(version, 2).read_text())
    assert record["choice"]["kind"] == "frozen"
    assert "INT8" in {row["engine"] for row in record["measured"]["precision"]}
    assert record["measured"].keys() == {"precision"}  # the time was over
    assert "excluded INT8: found a loss of 0.4000 of entity F1" in capsys.readouterr().out


def tagged_with(version: Path, tmp_path: Path, *more: str) -> dict:
    (tmp_path / "a.txt").write_text("Maria Chen visited Boston.")
    output = tmp_path / "tagged"
    flags = ["tag", "--model", str(version / "int8"), "--output", str(output), "--threads", "2", *more]
    assert main([*flags, str(tmp_path / "a.txt")]) == 0
    return json.loads((output / "documents.jsonl").read_text())


def test_the_tagger_does_as_it_was_tuned(version: Path, tmp_path: Path) -> None:
    untuned = tagged_with(version, tmp_path)
    path = runtime_config.runtime_config_path(version, 2)
    path.parent.mkdir()
    runtime_config.write_runtime_config(path, RuntimeConfig("frozen", max_pieces=1024, n_streams=1), {})
    answer = tagged_with(version, tmp_path)
    assert [entity["mention"] for entity in answer["entities"]] == ["Maria Chen", "Boston"]
    # another precision is another configuration: its answers are not taken for those of INT8
    assert answer["receipt"]["config"] != untuned["receipt"]["config"]
    assert tagged_with(version, tmp_path, "--tuned", "0")["receipt"]["config"] == untuned["receipt"]["config"]


def test_another_host_s_choice_is_not_this_one_s(version: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = runtime_config.runtime_config_path(version, 2)
    path.parent.mkdir()
    runtime_config.write_runtime_config(path, RuntimeConfig(max_pieces=4096), {})
    assert runtime_config.find_runtime_config(version / "int8", 2) == RuntimeConfig(max_pieces=4096)
    was_able = hardware.has_vnni()
    assert runtime_config.find_runtime_config(version / "int8", 8) is None
    monkeypatch.setattr(hardware, "has_vnni", lambda: not was_able)
    assert runtime_config.find_runtime_config(version / "int8", 2) is None


def test_a_choice_that_is_not_ours_is_refused(version: Path) -> None:
    path = runtime_config.runtime_config_path(version, 2)
    path.parent.mkdir()
    path.write_text('{"choice": {"colour": "red"}}')
    with pytest.raises(ArtifactBroken, match="expected the choice that `tune` writes, in .*runtime"):
        runtime_config.find_runtime_config(version / "int8", 2)


@pytest.mark.slow
def test_a_choice_goes_by_the_store_on_s3_to_whoever_fetches_the_model(
    version: Path, trained: Path, data: Path, s3: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NER_SCRATCH", str(tmp_path / "scratch"))
    where = f"s3://{s3.bucket}/ner"
    registry = Registry(open_store(where, cache=tmp_path / "cache"))
    for kind, model in (("trained", trained), ("frozen", version / "frozen"), ("int8", version / "int8")):
        registry.put("v1", kind, model)
    registry.register("v1", {})
    assert tune(version, data, "--time_limit_s", "0", "--max_f1_loss", "1", "--publish", "v1", "--store", where) == 0
    (chosen,) = registry.runtime_configs("v1").values()
    assert chosen == runtime_config.find_runtime_config(version / "int8", 2)
    runtime_config.write_runtime_config(tmp_path / "tuned" / "choice.json", chosen, {})
    (tmp_path / "a.txt").write_text("Maria Chen visited Boston.")
    flags = ["--choice_file", str(tmp_path / "tuned" / "choice.json"), "--output", str(tmp_path / "answers")]
    model = registry.fetch("v1", chosen.kind)
    assert main(["tag", "--model", str(model), *flags, "--threads", "2", str(tmp_path / "a.txt")]) == 0
    answer = json.loads((tmp_path / "answers" / "documents.jsonl").read_text())
    assert [entity["mention"] for entity in answer["entities"]] == ["Maria Chen", "Boston"]


def test_a_choice_for_another_kind_of_model_than_the_one_given_is_refused(version: Path, tmp_path: Path) -> None:
    runtime_config.write_runtime_config(tmp_path / "tuned" / "choice.json", RuntimeConfig("frozen"), {})
    flags = ["--choice_file", str(tmp_path / "tuned" / "choice.json"), "--output", str(tmp_path / "answers")]
    assert main(["tag", "--model", str(version / "int8"), *flags, str(tmp_path)]) == 78


def test_a_version_that_is_not_registered_gets_no_choice(tmp_path: Path) -> None:
    registry = Registry(open_store(str(tmp_path / "store"), cache=tmp_path / "cache"))
    with pytest.raises(InputMissing, match="found no version 'v9'"):
        registry.put_runtime_config("v9", "host", {"choice": {}})
    assert not registry.store.exists("models/v9")
