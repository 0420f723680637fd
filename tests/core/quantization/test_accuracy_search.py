"""Default quantization first; what cannot be quantized is found, and stays FP32."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ner_tasks.data import corpus
from ner_tasks.errors import ConfigInvalid
from ner_tasks.inference.sessions import read_graph
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import model_folder
from ner_tasks.quantization.accuracy_search import DEFAULT_CONFIG, AccuracyConfig, layer_pattern
from ner_tasks.quantization.graph_weights import layer_path
from tests import tiny

FRAGILE = "classifier"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshot")
    corpus.write_kaggle_csv(folder / "calibration.csv", tiny.sentences(200, seed=2))
    corpus.write_kaggle_csv(folder / "dev.csv", tiny.sentences(100, seed=3))
    return folder


@pytest.fixture(scope="module")
def fragile(frozen, tmp_path_factory):
    """The frozen model with one channel of what the classifier reads made large, and its kernel as much smaller there.

    FP32 computes the same; in bytes, whose range is that of the large channel, all others are lost.
    """
    folder = tmp_path_factory.mktemp("fragile") / "frozen"
    shutil.copytree(frozen, folder)
    import tensorflow as tf

    graph, factor, channel = read_graph(folder / model_folder.GRAPH), np.float32(2**14), 3
    nodes = {layer_path(node.name): node for node in graph.node if node.op == "Const"}

    def change(name, edit):
        node = nodes[f"{name}/ReadVariableOp/resource"]
        values = np.array(tf.make_ndarray(node.attr["value"].tensor))
        edit(values)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))

    def more(values):
        values[channel] *= factor

    def less(values):
        values[channel] /= factor

    last = f"block_{tiny.CONFIG['num_hidden_layers'] - 1}/down_norm"
    change(f"{last}/mul", more)
    change(f"{last}/add_1", more)
    change(f"{FRAGILE}/Cast", less)
    (folder / model_folder.GRAPH).write_bytes(graph.SerializeToString(deterministic=True))
    model_folder.write_manifest(folder, replace(model_folder.read_manifest(frozen), files={}))
    return folder


def quantize(model: Path, snapshot: Path, target: Path, accuracy: str = "") -> tuple[int, dict, str]:
    """In a process of its own: INC reads its ranges from the process's real stderr."""
    settings, report = target.with_suffix(".yaml"), target.with_suffix(".json")
    settings.write_text(accuracy)
    flags = ["--data", snapshot, "--model", model, "--output", target, "--accuracy", 1]
    flags += ["--accuracy_file", settings, "--report", report]
    command = [sys.executable, "-m", "ner_tasks", "quantize", *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert report.is_file(), done.stderr[-2000:]
    return done.returncode, json.loads(report.read_text()), done.stdout


@pytest.mark.slow
def test_where_the_default_is_good_enough_nothing_else_is_tried(frozen, snapshot, tmp_path):
    code, report, _ = quantize(frozen, snapshot, tmp_path / "int8", "accuracy_criterion: {absolute: 0.05}")
    assert code == 0, report
    (trial,) = report["result"]["trials"]
    assert (trial["name"], trial["passed"], report["result"]["n_int8_matmul"]) == ("default", True, 9)


@pytest.mark.runbook("quantization", "int8_gate: found loss of entity F1 by INT8")
@pytest.mark.runbook("quantization", "int8_gate: found F1 of <label>, of the promoted INT8")
@pytest.mark.slow
def test_a_layer_that_cannot_be_quantized_is_found_and_stays_fp32(fragile, snapshot, tmp_path):
    accuracy = "accuracy_criterion: {relative: 0.02}\napproaches: [fallback]"
    code, report, log = quantize(fragile, snapshot, tmp_path / "int8", accuracy)
    assert code == 0, report
    first, second = report["result"]["trials"]
    assert not first["passed"]
    assert second["name"] == f"FP32 for {FRAGILE}"
    assert second["words_per_s"] > 0
    manifest = model_folder.read_manifest(tmp_path / "int8")
    assert manifest.metrics["quantize"]["n_int8_matmul"] == 8
    assert manifest.metrics["quantize"]["trials"] == [first, second]
    assert manifest.lineage["quantization"]["keep_fp32"] == [layer_pattern(FRAGILE)]
    assert "trial 2 of at most 12" in log
    (tagged,) = Tagger.load(tmp_path / "int8", n_threads=1).tag([["Maria", "Chen", "visited", "Boston", "."]])
    assert tagged.tags == ("B-per", "I-per", "O", "B-geo", "O")


@pytest.mark.runbook("quantization", "quantize: GateNotPassed: found a loss of")
@pytest.mark.slow
def test_where_nothing_is_good_enough_there_is_no_model(fragile, snapshot, tmp_path):
    code, report, _ = quantize(fragile, snapshot, tmp_path / "int8", "approaches: []")
    assert code == 77
    assert "with default as the smallest of 1 trials, expected at most 0.0030" in report["error"]["message"]
    assert list(tmp_path.glob("*int8*/")) == []


@pytest.mark.slow
def test_a_small_dev_part_does_not_decide(fragile, snapshot, tmp_path):
    small = shutil.copytree(snapshot, tmp_path / "snapshot")
    corpus.write_kaggle_csv(small / "dev.csv", tiny.sentences(20, seed=3))
    code, report, log = quantize(fragile, small, tmp_path / "int8")
    assert code == 0, report
    (trial,) = report["result"]["trials"]
    assert (trial["name"], trial["passed"], report["result"]["decided_on_dev"]) == ("default", False, False)
    assert "TOO SMALL TO DECIDE BY: found" in log
    assert "entities in dev, expected at least 100 to search by: the first settings are used" in log


def test_a_file_without_a_dev_part_is_refused(frozen, snapshot, tmp_path):
    code, report, _ = quantize(frozen, snapshot / "dev.csv", tmp_path / "int8")
    assert code == 78
    assert "expected a snapshot with a dev part" in report["error"]["message"]


@pytest.mark.runbook("quantization", "quantize: GateNotPassed: found a loss of")
def test_a_run_may_say_itself_how_much_may_be_lost():
    accuracy = AccuracyConfig().with_max_loss(0.2)
    assert accuracy.accuracy_criterion.max_loss(0.9) == 0.2
    with pytest.raises(ConfigInvalid, match=r"found max_f1_loss=1\.5, expected a number from 0 to 1"):
        AccuracyConfig().with_max_loss(1.5)


def test_the_shipped_yaml_says_what_the_defaults_are():
    assert AccuracyConfig.read(DEFAULT_CONFIG) == AccuracyConfig()


@pytest.mark.runbook("quantization", "quantize: ConfigInvalid")
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("accuracy_criterion: {absolute: 0.1, relative: 0.1}", "expected either absolute or relative"),
        ("accuracy_criterion: {}", "expected either absolute or relative"),
        ("exit_policy: {max_trials: 0}", "exit_policy.max_trials: Input should be greater than 0"),
        ("approaches: [luck]", "approaches.0"),
        ("tuning: {}", "tuning: Extra inputs are not permitted, expected the keys of quantize_accuracy.yaml"),
    ],
)
def test_a_wrong_yaml_is_told_by_its_key(tmp_path, text, complaint):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigInvalid) as refused:
        AccuracyConfig.read(tmp_path / "a.yaml")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)
