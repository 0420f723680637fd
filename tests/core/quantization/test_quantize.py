"""INC turns every dense layer of the frozen graph into INT8, as the YAML says, and no further."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ner_tasks.data.parts import CalibrationText
from ner_tasks.errors import ConfigInvalid, DataRejected, InputMissing
from ner_tasks.evaluation import metrics
from ner_tasks.inference.sessions import read_graph
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import model_folder
from ner_tasks.model.graph_outputs import ROUTES
from ner_tasks.quantization import graph_weights, quantize
from tests import tiny
from tests.core.conftest import quantized


def test_every_dense_layer_becomes_int8(int8: Path) -> None:
    graph = read_graph(int8 / model_folder.GRAPH)
    assert sum(node.op == "_QuantizedMatMul" for node in graph.node) == (2 * 4 + 1) * len(ROUTES)
    assert model_folder.read_manifest(int8).metrics["quantize"] == {
        "n_int8_matmul": 9,
        "calibration_sentences": {"file": 400},
    }


def test_incs_own_graph_can_be_had(frozen: Path, tmp_path: Path) -> None:
    folder = quantized(frozen, tmp_path / "int8", "graph: inc")
    assert len(graph_weights.read_ranges(read_graph(folder / model_folder.GRAPH))) == 9
    (tagged,) = Tagger.load(folder, n_threads=2).tag([["Maria", "Chen", "visited", "Boston", "."]])
    assert tagged.tags == ("B-per", "I-per", "O", "B-geo", "O")


SWAPPING = """
import sys
from pathlib import Path
from ner_tasks.data.parts import CalibrationText
from ner_tasks.model import model_folder
from ner_tasks.quantization.quantize import QuantizeConfig, Quantizer
from tests import tiny

folder, target = map(Path, sys.argv[1:])
quantizer = Quantizer(folder, CalibrationText([sentence.words for sentence in tiny.sentences(100, seed=2)]))
(folder / model_folder.GRAPH).write_bytes(b"another graph")
quantizer.write(QuantizeConfig(), target)
"""


def test_the_graph_that_was_checked_is_the_one_that_is_quantized(frozen: Path, tmp_path: Path) -> None:
    folder, target = shutil.copytree(frozen, tmp_path / "frozen"), tmp_path / "int8"
    command = [sys.executable, "-c", SWAPPING, str(folder), str(target)]  # INC reads its ranges from the real stderr
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert model_folder.read_manifest(target).metrics["quantize"]["n_int8_matmul"] == 9


def test_int8_finds_what_fp32_finds(frozen: Path, int8: Path) -> None:
    sentences = tiny.sentences(100, seed=6)
    gold, f1 = [sentence.tags for sentence in sentences], []
    for folder in (frozen, int8):
        tagged = Tagger.load(folder, n_threads=2).tag([sentence.words for sentence in sentences])
        f1.append(metrics.score_tags(gold, [answer.tags for answer in tagged]).overall.f1)
    assert f1[0] - f1[1] < 0.05


def test_the_temperature_goes_with_the_model(trained: Path, frozen: Path, int8: Path) -> None:
    temperatures = {model_folder.read_manifest(folder).temperature for folder in (trained, frozen, int8)}
    assert len(temperatures) == 1
    assert temperatures != {1.0}


def test_what_is_to_stay_fp32_stays(frozen: Path, tmp_path: Path) -> None:
    folder = quantized(frozen, tmp_path / "int8", 'keep_fp32: [".*/classifier.*", ".*/block_1.*"]')
    assert model_folder.read_manifest(folder).metrics["quantize"]["n_int8_matmul"] == 4
    (tagged,) = Tagger.load(folder, n_threads=2).tag([["Maria", "Chen", "visited", "Boston", "."]])
    assert tagged.tags == ("B-per", "I-per", "O", "B-geo", "O")


def test_the_shipped_yaml_says_what_the_defaults_are() -> None:
    assert quantize.QuantizeConfig.read(quantize.DEFAULT_CONFIG) == quantize.QuantizeConfig()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("calibration: {sampling_sise: 5}", "calibration.sampling_sise: Extra inputs are not permitted"),
        ("weights: {dtype: int4}", "weights.dtype: Input should be 'int8' or 'fp32'"),
        ("calibration: {sampling_size: 0}", "greater than 0"),
        ("a: [", "expected YAML"),
        ("smooth_quant: {alpha: 0.5}", "smooth_quant needs graph: inc"),
        ("just words", "expected the keys of quantize.yaml"),
    ],
)
def test_a_wrong_yaml_is_told_by_its_key(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "q.yaml").write_text(text)
    with pytest.raises(ConfigInvalid) as refused:
        quantize.QuantizeConfig.read(tmp_path / "q.yaml")
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="expected a quantization YAML"):
        quantize.QuantizeConfig.read(tmp_path / "none.yaml")


def test_it_needs_a_frozen_model_and_some_text(trained: Path, frozen: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="found a model of kind 'trained', expected 'frozen'"):
        quantize.quantize_model(trained, CalibrationText([["a"]]), tmp_path / "out", quantize.QuantizeConfig())
    with pytest.raises(DataRejected, match="found no sentence"):
        quantize.quantize_model(frozen, CalibrationText([]), tmp_path / "out", quantize.QuantizeConfig())
    assert not (tmp_path / "out").exists()
