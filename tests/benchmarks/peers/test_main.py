"""`make bench` names what is missing, and its exit code tells the truth."""

import json

import pytest

from benchmarks.peers.__main__ import find_baseline, find_unsupported, main, select_levels
from benchmarks.peers.engines import RIGHT_SIZED, select_engines
from benchmarks.peers.models import Sources
from ner_tasks import hardware
from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.model.model_folder import ModelManifest
from tests import tiny


@pytest.fixture
def folders(tmp_path):
    """A version's folder and a snapshot's, as far as they are looked at before an engine starts."""
    model, snapshot = tmp_path / "model", tmp_path / "snapshot"
    snapshot.mkdir()
    for part in ("test", "calibration"):
        corpus.write_kaggle_csv(snapshot / f"{part}.csv", tiny.sentences(16))
    for kind, files in (
        ("trained", [model_folder.WEIGHTS]),
        ("frozen", [model_folder.GRAPH]),
        ("int8", [model_folder.GRAPH]),
    ):
        (model / kind).mkdir(parents=True)
        for name in (*files, model_folder.TOKENIZER):
            (model / kind / name).write_bytes(name.encode())
        model_folder.write_manifest(model / kind, ModelManifest(kind, ("geo",), {"vocab_size": 100}, max_pieces=32))
    return model, snapshot


def test_engines_whose_environment_is_missing_are_named_and_the_exit_code_is_not_0(folders, tmp_path, capsys):
    model, snapshot = folders
    options = ["--model", model, "--snapshot", snapshot, "--engines", "onnxruntime-*", "--output", tmp_path / "out"]
    assert main([*map(str, options), "--peers_python", str(tmp_path / "no-python")]) == 1
    (written,) = (tmp_path / "out").glob("*/bench.json")
    failed = json.loads(written.read_text())["failed"]
    assert list(failed) == ["onnxruntime-fp32", "onnxruntime-int8"]
    assert failed["onnxruntime-fp32"].startswith("found no interpreter, expected that of the peers' environment")
    assert "onnxruntime-int8 did not run: found no interpreter" in capsys.readouterr().out
    assert "- `onnxruntime-int8` did not run" in written.with_name("same_weights.md").read_text()
    assert "# Each tool as its documentation has it" in written.with_name("documented.md").read_text()


def test_a_folder_that_is_no_version_is_an_error_of_one_line(tmp_path, capsys):
    assert main(["--model", str(tmp_path), "--snapshot", str(tmp_path)]) == InputMissing.exit_code
    assert "InputMissing: found no model.json, expected one, in" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["text", "documented"])
def test_text_with_random_weights_is_refused(level):
    with pytest.raises(ConfigInvalid, match=f"found LEVEL={level}, expected graph, with SHAPE=base"):
        select_levels(level, "base")
    assert select_levels("all", "base") == ("graph",)
    assert select_levels("all", "minilm") == ("graph", "text", "documented")


@pytest.mark.parametrize("has", [False, True])
def test_bf16_is_left_out_with_its_reason_where_the_cpu_has_none(has, monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "has_bf16", lambda: has)
    left_out = find_unsupported(select_engines(["ours-*", "pytorch-*"]), tmp_path)
    assert list(left_out) == ([] if has else ["ours-bf16", "pytorch-bf16"])


def test_without_a_smaller_version_its_engine_is_left_out_and_nothing_else(monkeypatch):
    monkeypatch.setattr(hardware, "has_bf16", lambda: True)
    left_out = find_unsupported(select_engines([]), None)
    assert list(left_out) == [RIGHT_SIZED]
    assert left_out[RIGHT_SIZED].startswith("found no smaller version of the same data")


def test_the_right_sized_model_is_no_baseline_of_the_same_weights():
    assert find_baseline(select_engines(["ours-right-sized", "ours-fp32"]), {}) == "ours-fp32"
    assert find_baseline(select_engines(["ours-right-sized"]), {}) == "ours"


def test_the_kits_int8_is_its_own_graph_where_there_is_one(folders):
    model, snapshot = folders
    assert Sources.of(model, snapshot).kit_int8 == model / "int8"
    (model / "int8_inc").mkdir()
    (model / "int8_inc" / model_folder.GRAPH).write_bytes(b"")
    assert Sources.of(model, snapshot).kit_int8 == model / "int8_inc"


def test_without_a_tensorflow_graph_there_is_no_int8_of_the_kit(folders, tmp_path):
    model, snapshot = folders
    (model / "int8" / model_folder.GRAPH).unlink()
    sources = Sources.of(model, snapshot)
    with pytest.raises(
        InputMissing, match=r"found no TensorFlow graph, expected the kit's INT8 as int8_inc/graph\.pb, in"
    ):
        sources.model_of(select_engines(["kit-int8"])[0], tmp_path)


def test_other_weights_have_other_models_of_the_peers(folders, tmp_path):
    model, snapshot = folders
    before = Sources.of(model, snapshot).peers_folder(tmp_path)
    manifest = model_folder.read_manifest(model / "trained")
    (model / "trained" / model_folder.WEIGHTS).write_bytes(b"other")
    model_folder.write_manifest(model / "trained", manifest)
    assert Sources.of(model, snapshot).peers_folder(tmp_path) != before


def test_what_a_report_said_is_kept(tmp_path):
    from benchmarks.peers.__main__ import read_reports

    atomic.write_json(tmp_path / "onnx" / "report.json", {"max_difference": 1e-5})
    assert read_reports(tmp_path) == {"onnx": {"max_difference": 1e-5}}
