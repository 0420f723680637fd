"""INC's result is checked: exactly the layers that were asked for, each with a range that can be one."""

import math

import pytest

from ner_tasks.errors import ArtifactBroken
from ner_tasks.inference.sessions import read_graph
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import model_folder
from ner_tasks.quantization import inc_result
from tests.core.conftest import quantized


@pytest.fixture(scope="module")
def incs(frozen, tmp_path_factory):
    """INC's own graph of the tiny model, after its SmoothQuant."""
    target = tmp_path_factory.mktemp("inc") / "int8"
    return quantized(frozen, target, "graph: inc\nsmooth_quant: {alpha: 0.5}")


@pytest.fixture
def layers(frozen):
    return inc_result.select_layers(read_graph(frozen / model_folder.GRAPH), ())


def test_the_layers_that_shall_be_int8_are_those_that_no_pattern_names(frozen, layers):
    assert len(layers) == 9
    graph = read_graph(frozen / model_folder.GRAPH)
    assert inc_result.select_layers(graph, [".*/block_1.*", ".*/classifier.*"]) == layers[:4]
    assert inc_result.select_layers(graph, ["block_1.*"]) == layers  # from the beginning of the name, as INC does


def test_a_smoothed_graph_of_inc_is_sound_and_finds_entities(incs, layers):
    assert set(inc_result.verify_ranges(read_graph(incs / model_folder.GRAPH), layers)) == set(layers)
    (tagged,) = Tagger.load(incs, n_threads=2).tag([["Maria", "Chen", "visited", "Boston", "."]])
    assert tagged.tags == ("B-per", "I-per", "O", "B-geo", "O")


@pytest.mark.runbook("quantization", "quantize: ArtifactBroken: found ... INT8 MatMuls or a")
def test_a_layer_that_inc_has_left_out_or_quantized_unasked_is_told(incs, layers):
    graph = read_graph(incs / model_folder.GRAPH)
    with pytest.raises(ArtifactBroken, match=r"missing \['block_9/up'\], unexpected \[\]\), expected the 10"):
        inc_result.verify_ranges(graph, [*layers, "block_9/up"])
    with pytest.raises(ArtifactBroken, match=r"unexpected \['classifier'\]\), expected the 8"):
        inc_result.verify_ranges(graph, layers[:-1])


@pytest.mark.runbook("quantization", "quantize: ArtifactBroken: found ... INT8 MatMuls or a")
@pytest.mark.parametrize("value", [math.nan, math.inf, -1e9], ids=["nan", "endless", "upside down"])
def test_a_range_that_cannot_be_one_is_told_by_its_layer(incs, layers, value):
    import tensorflow as tf

    graph = read_graph(incs / model_folder.GRAPH)
    nodes = {node.name: node for node in graph.node}
    matmul = next(node for node in graph.node if node.op.startswith("QuantizedMatMul"))
    largest = nodes[nodes[matmul.input[0]].input[2]]
    largest.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.float32))
    with pytest.raises(ArtifactBroken, match=r"expected a finite range, at the input of block_"):
        inc_result.verify_ranges(graph, layers)
