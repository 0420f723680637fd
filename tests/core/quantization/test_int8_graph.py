"""The INT8 graph computes what the FP32 graph does, more closely than INC's own, by each of its routes."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ner_tasks import hardware
from ner_tasks.errors import ArtifactBroken
from ner_tasks.inference.int8_without_vnni import adapt_to_host
from ner_tasks.inference.runners import BatchingConfig
from ner_tasks.inference.sessions import read_graph
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import encoders, model_folder
from ner_tasks.model.graph_outputs import INPUTS, OUTPUT, PACKED_INPUTS, ROUTES, Route, select_inputs, select_output
from ner_tasks.quantization import graph_weights
from ner_tasks.quantization.graph_weights import GraphWeights, Range, layer_path, read_ranges
from ner_tasks.quantization.int8_graph import build_int8_graph
from ner_tasks.quantization.onednn_ops import QuantizedKernel
from tests import tiny
from tests.core.conftest import quantized

FLOATS = st.floats(-100, 100, width=32)


@pytest.fixture(scope="module")
def inc(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized(frozen, tmp_path_factory.mktemp("inc") / "int8", "graph: inc")


def ids(n_windows: int, n_pieces: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random pieces, the last quarter of the first window padding."""
    random = np.random.default_rng(seed)
    pieces = random.integers(5, 50, (n_windows, n_pieces)).astype(np.int32)
    pieces[0, -(n_pieces // 4) :] = 0
    return dict(zip(INPUTS, (pieces, random.integers(1, 9, pieces.shape).astype(np.int32)), strict=True))


def logits_of(graph: tf.compat.v1.GraphDef, inputs: dict[str, np.ndarray], output: str = OUTPUT) -> np.ndarray:
    """Logits of all pieces but padding, by any of a graph's outputs, whichever this host would take."""
    filled = inputs["piece_ids"] != 0
    if select_inputs({node.name for node in graph.node}) == INPUTS:
        return run_graph(graph, inputs, output)[filled]
    return run_graph(graph, {**inputs, **packed_inputs(filled, np.arange(filled.sum()))}, output)


def run_graph(graph: tf.compat.v1.GraphDef, inputs: dict[str, np.ndarray], output: str = OUTPUT) -> np.ndarray:
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(graph, name="")
    with tf.compat.v1.Session(graph=imported) as session:
        return session.run(f"{output}:0", {f"{name}:0": value for name, value in inputs.items()})


def packed_inputs(computed: np.ndarray, read: np.ndarray) -> dict[str, np.ndarray]:
    """Pack the positions [B, T] that are true."""
    rows = np.zeros(computed.shape, np.int32)
    rows[computed] = np.arange(computed.sum())
    return {"positions": np.flatnonzero(computed).astype(np.int32), "rows": rows, "read": read.astype(np.int32)}


def fused(frozen: Path, ranges: dict[str, Range], **options: bool) -> tf.compat.v1.GraphDef:
    sizes = encoders.parse_config(model_folder.read_manifest(frozen).encoder, frozen)
    weights = GraphWeights.from_graph(read_graph(frozen / model_folder.GRAPH), sizes)
    return adapt_to_host(build_int8_graph(weights, ranges, sizes, pad_id=0, **options))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.output)
def test_each_route_is_closer_to_fp32_than_incs_graph(route: Route, frozen: Path, inc: Path) -> None:
    if route.attention == "bfloat16" and not hardware.has_bf16():
        pytest.skip("this CPU has no bfloat16")
    inputs = ids(16, 24)
    exact = logits_of(read_graph(frozen / model_folder.GRAPH), inputs)
    incs = read_graph(inc / model_folder.GRAPH)
    ours = logits_of(fused(frozen, read_ranges(incs)), inputs, route.output) - exact
    assert np.abs(ours).mean() < np.abs(logits_of(incs, inputs) - exact).mean()


def test_a_scale_for_each_column_loses_less_than_one_for_all(frozen: Path, inc: Path) -> None:
    inputs, ranges = ids(16, 24), read_ranges(read_graph(inc / model_folder.GRAPH))
    exact = logits_of(read_graph(frozen / model_folder.GRAPH), inputs)
    by_column, by_tensor = (
        np.abs(logits_of(fused(frozen, ranges, per_channel=each), inputs) - exact).mean() for each in (True, False)
    )
    assert by_column < by_tensor


def test_without_ranges_it_is_the_fp32_graph(frozen: Path) -> None:
    inputs = ids(4, 16)
    exact = logits_of(read_graph(frozen / model_folder.GRAPH), inputs)
    # What float16 rounds off the embeddings is left.
    np.testing.assert_allclose(logits_of(fused(frozen, {}), inputs), exact, atol=3e-3)


@pytest.mark.parametrize("kept", ["block_0/up", "block_0/down", "block_1/attended", "block_1/qkv", "classifier"])
def test_any_layer_may_stay_fp32(kept: str, frozen: Path, inc: Path) -> None:
    inputs, ranges = ids(4, 16), read_ranges(read_graph(inc / model_folder.GRAPH))
    exact = logits_of(read_graph(frozen / model_folder.GRAPH), inputs)
    mixed = fused(frozen, {name: value for name, value in ranges.items() if name != kept})
    assert sum(node.op == "_QuantizedMatMul" for node in mixed.node) == (len(ranges) - 1) * len(ROUTES)
    assert np.abs(logits_of(mixed, inputs) - exact).mean() < 0.1 * np.abs(exact).mean()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.output)
def test_a_piece_gets_the_same_bits_whatever_else_is_computed_or_read(route: Route, frozen: Path, inc: Path) -> None:
    if route.attention == "bfloat16" and not hardware.has_bf16():
        pytest.skip("this CPU has no bfloat16")
    graph, inputs = fused(frozen, read_ranges(read_graph(inc / model_folder.GRAPH))), ids(5, 24)
    filled = inputs["piece_ids"] != 0
    with_padding = packed_inputs(np.ones_like(filled), np.arange(filled.size))
    expected = run_graph(graph, {**inputs, **with_padding}, route.output)[filled.ravel()]
    read = np.random.default_rng(1).permutation(filled.sum())[:31]
    found = run_graph(graph, {**inputs, **packed_inputs(filled, read)}, route.output)
    np.testing.assert_array_equal(found, expected[read])


def test_padding_changes_no_answer(int8: Path) -> None:
    tagger = Tagger.load(int8, n_threads=2)
    sentences = [sentence.words for sentence in tiny.sentences(40, seed=9)]
    padded = tagger.compute_logits(sentences, BatchingConfig(length=64))
    for one, other in zip(tagger.compute_logits(sentences), padded, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-4)


def test_a_sentence_alone_gets_the_same_tags(int8: Path) -> None:
    tagger = Tagger.load(int8, n_threads=2)
    sentences = [sentence.words for sentence in tiny.sentences(40, seed=9)]
    together, alone = tagger.tag(sentences), tagger.tag(sentences, BatchingConfig(max_windows=1))
    assert [answer.tags for answer in together] == [answer.tags for answer in alone]


def test_a_host_takes_the_route_that_suits_it_and_a_graph_has() -> None:
    every = [route.output for route in ROUTES]
    assert select_output(every, bf16=True, few=False) == "logits_bf16"
    assert select_output(every, bf16=False, few=True) == "logits_few"
    assert select_output(["piece_ids", OUTPUT], bf16=True, few=True) == OUTPUT


def test_a_graph_of_an_earlier_version_is_fed_its_own_inputs() -> None:
    earlier = [*INPUTS, *(route.output for route in ROUTES)]
    assert select_inputs(earlier) == INPUTS
    assert select_inputs([*earlier, "positions", "rows", "read"]) == tuple(PACKED_INPUTS)


def test_sentences_without_words_with_one_and_of_several_windows_are_tagged(int8: Path) -> None:
    tagger = Tagger.load(int8, n_threads=1)
    lengths = [0, 1, 300, 2, 0]
    found = tagger.compute_logits([["Maria"] * length for length in lengths])
    assert [one.logits.shape for one in found] == [(length, len(tagger.manifest.label_set.tags)) for length in lengths]
    assert found[2].n_windows > 1
    assert all(np.isfinite(one.logits).all() for one in found)
    assert not tagger.compute_logits([])


def test_keras_numbers_are_no_part_of_a_layers_path() -> None:
    assert layer_path("token_classifier_1/block_0_1/qkv_1/Cast/ReadVariableOp/resource") == (
        "block_0/qkv/Cast/ReadVariableOp/resource"
    )
    assert layer_path("token_classifier/block_11/down_norm/add_1/ReadVariableOp/resource") == (
        "block_11/down_norm/add_1/ReadVariableOp/resource"
    )
    assert layer_path("token_classifier_2/norm_3/add_1/ReadVariableOp/resource") == "norm/add_1/ReadVariableOp/resource"


def test_another_graph_is_refused(frozen: Path) -> None:
    config = {**model_folder.read_manifest(frozen).encoder, "num_hidden_layers": 3}
    deeper = encoders.parse_config(config, frozen)
    with pytest.raises(ArtifactBroken, match="found no constant block_2/qkv/Cast/ReadVariableOp, expected one"):
        graph_weights.GraphWeights.from_graph(read_graph(frozen / model_folder.GRAPH), deeper)


@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=FLOATS), st.booleans())
def test_a_kernel_is_rounded_by_no_more_than_half_a_step(kernel: np.ndarray, per_channel: bool) -> None:
    quantized = QuantizedKernel.from_floats(kernel, per_channel=per_channel)
    step = quantized.largest / 127
    assert (np.abs(quantized.values * step - kernel) <= 0.5001 * step + 1e-30).all()
    np.testing.assert_allclose(quantized.column_sums(), (quantized.values * step).sum(axis=0), rtol=1e-3, atol=1e-3)
