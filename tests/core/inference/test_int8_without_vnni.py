"""A CPU without VNNI gets kernels whose sums of bytes fit into 16 bits, and the same answers but for one bit less."""

import numpy as np
import pytest
import tensorflow as tf

from ner_tasks import hardware
from ner_tasks.errors import ArtifactBroken
from ner_tasks.inference import int8_without_vnni
from ner_tasks.model.tensorflow_protos import GraphDef
from ner_tasks.quantization import onednn_ops
from ner_tasks.quantization.onednn_ops import QuantizedKernel

SPAN, SHIFT = 3.0, -1.25


@pytest.fixture
def layer() -> tuple[tf.compat.v1.GraphDef, np.ndarray, np.ndarray]:
    """One dense layer over all bytes, large weights beside each other; its input [32, 384] and its exact output."""
    random = np.random.default_rng(0)
    kernel = random.choice([-1, 1], (384, 64)).astype(np.float32) * random.uniform(0.8, 1, (384, 64)).astype(np.float32)
    shifted = random.integers(0, 256, (32, 384)).astype(np.float32) / 255 * SPAN
    with tf.Graph().as_default() as graph:
        weights = onednn_ops.DenseConstants.add(
            QuantizedKernel.from_floats(kernel, per_channel=True), np.ones(64, np.float32), SHIFT, "layer"
        )
        x = onednn_ops.quantize(tf.constant(shifted), SPAN, few=False, name="bytes")
        tf.identity(onednn_ops.dense(x, weights, SPAN, dtype=tf.float32, name="layer"), name="result")
    return graph.as_graph_def(), (shifted + SHIFT) @ kernel + 1, kernel


def run(graph: tf.compat.v1.GraphDef) -> np.ndarray:
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph, name="")
    with tf.compat.v1.Session(graph=imported) as session:
        return session.run("result:0")


def test_on_this_host_a_layer_of_bytes_computes_what_it_should(layer):
    graph, exact, _ = layer
    assert np.abs(run(int8_without_vnni.adapt_to_host(graph)) - exact).mean() < 0.02 * np.abs(exact).mean()


def test_narrowed_kernels_never_overflow_16_bits_and_lose_half_a_step_of_seven_bits(layer):
    graph, exact, kernel = layer
    nodes = {node.name: node for node in int8_without_vnni.narrow_kernels(graph).node}
    values = np.frombuffer(nodes["layer/kernel"].attr["value"].tensor.tensor_content, np.int8).reshape(kernel.shape)
    unit = tf.make_ndarray(nodes["layer/largest"].attr["value"].tensor) / int8_without_vnni.N_WEIGHT_LEVELS
    assert 2 * 255 * int(np.abs(values).max()) <= np.iinfo(np.int16).max
    assert np.abs(values * unit - kernel).max() <= 0.76 * unit.max()
    # whatever this CPU multiplies by
    assert np.abs(run(graph) - exact).mean() < 0.02 * np.abs(exact).mean()


@pytest.mark.skipif(hardware.has_vnni(), reason="this CPU sums bytes up in 32 bits")
def test_without_it_this_cpu_computes_something_else(layer):
    graph, exact, _ = layer
    assert np.abs(run(graph) - exact).mean() > 0.1 * np.abs(exact).mean()


def test_a_host_with_vnni_takes_the_graph_as_it_is(layer, monkeypatch):
    monkeypatch.setattr(hardware, "has_vnni", lambda: True)
    before = layer[0].SerializeToString(deterministic=True)
    assert int8_without_vnni.adapt_to_host(layer[0]).SerializeToString(deterministic=True) == before


def test_a_graph_that_does_not_say_what_its_input_was_shifted_by_is_refused(layer):
    graph = layer[0]
    for index, node in enumerate(graph.node):
        if node.name == "layer/shift":
            del graph.node[index]
            break
    with pytest.raises(ArtifactBroken, match="found an INT8 graph without layer/shift, .* quantize the model again"):
        int8_without_vnni.narrow_kernels(graph)


def test_the_graph_that_inference_reads_is_narrowed_to_the_same_values(layer):
    read = GraphDef.FromString(layer[0].SerializeToString())
    ours = {node.name: node for node in int8_without_vnni.narrow_kernels(read).node}
    for node in int8_without_vnni.narrow_kernels(layer[0]).node:
        if node.op == "Const":
            written = ours[node.name].attr["value"].SerializeToString()
            assert tf.compat.v1.AttrValue.FromString(written) == node.attr["value"]
