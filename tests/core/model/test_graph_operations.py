"""A graph is a program: what a model folder holds may only compute."""

from pathlib import Path

import pytest
import tensorflow as tf

from ner_tasks.data.parts import CalibrationText
from ner_tasks.errors import ArtifactBroken
from ner_tasks.inference.sessions import read_graph
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model import model_folder
from ner_tasks.model.graph_operations import ALLOWED, check_operations
from ner_tasks.quantization import quantize
from tests import tiny


def with_graph(model: Path, folder: Path, graph: tf.compat.v1.GraphDef) -> Path:
    """A copy of a model folder with another graph, signed as its own."""
    manifest = model_folder.read_manifest(model)
    folder.mkdir()
    (folder / model_folder.TOKENIZER).write_bytes((model / model_folder.TOKENIZER).read_bytes())
    (folder / model_folder.GRAPH).write_bytes(graph.SerializeToString())
    model_folder.write_manifest(folder, manifest)
    return folder


def spoilt(model: Path, add) -> tf.compat.v1.GraphDef:
    """The graph of a model, whose output waits for what `add` puts into it."""
    graph_def = read_graph(model / model_folder.GRAPH)
    with tf.Graph().as_default() as graph:
        added = add()
    extra = graph.as_graph_def()
    graph_def.library.CopyFrom(extra.library)
    graph_def.node.extend(extra.node)
    next(node for node in graph_def.node if node.name == "logits").input.append(f"^{added.name}")
    return graph_def


def writes(target: Path) -> tf.Operation:
    return tf.raw_ops.WriteFile(filename=str(target), contents="x")


@pytest.mark.parametrize("in_function", [False, True], ids=["in the graph", "in a function of its library"])
@pytest.mark.parametrize("kind", ["frozen", "int8"])
def test_a_graph_that_would_write_a_file_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, in_function: bool
) -> None:
    target = tmp_path / "written"
    model: Path = request.getfixturevalue(kind)

    def add() -> tf.Operation:
        if not in_function:
            return writes(target)

        @tf.function
        def hidden() -> tf.Tensor:
            with tf.control_dependencies([writes(target)]):
                return tf.constant(1.0)

        return hidden().op

    folder = with_graph(model, tmp_path / "model", spoilt(model, add))
    with pytest.raises(ArtifactBroken, match=r"found operation '(WriteFile|StatefulPartitionedCall)'.*graph\.pb"):
        Tagger.load(folder, n_threads=1).tag([["Maria", "visited", "Boston"]])
    assert not target.exists()


def test_a_function_that_nothing_calls_yet_is_read_as_well(frozen: Path, tmp_path: Path) -> None:
    graph = read_graph(frozen / model_folder.GRAPH)
    function = graph.library.function.add()
    function.signature.name = "Erf"  # as if it were an operation that is allowed
    function.node_def.add(name="read", op="ReadFile")
    with pytest.raises(ArtifactBroken, match=r"found operation 'ReadFile' \('Erf/read'\), expected"):
        check_operations(graph, tmp_path)


@pytest.mark.parametrize(
    "operation", ["ReadFile", "WriteFile", "PyFunc", "EagerPyFunc", "PartitionedCall", "IfV2", "Assert", "Ours>Custom"]
)
def test_operations_that_do_more_than_compute_are_refused(tmp_path: Path, operation: str) -> None:
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="x", op=operation)
    with pytest.raises(ArtifactBroken, match=f"^found operation '{operation}' .'x'., expected those of a tagger's"):
        check_operations(graph, tmp_path)


def test_quantization_reads_no_such_graph_either(frozen: Path, tmp_path: Path) -> None:
    folder = with_graph(frozen, tmp_path / "model", spoilt(frozen, lambda: writes(tmp_path / "written")))
    config = quantize.QuantizeConfig()
    with pytest.raises(ArtifactBroken, match="'WriteFile'"):
        quantize.quantize_model(
            folder, CalibrationText([one.words for one in tiny.sentences(4)]), tmp_path / "int8", config
        )
    assert not (tmp_path / "written").exists()
    assert not (tmp_path / "int8").exists()


def test_what_is_allowed_keeps_no_state(frozen: Path) -> None:
    from tensorflow.python.framework import op_def_registry

    assert [name for name in ALLOWED if (op := op_def_registry.get(name)) and op.is_stateful] == []
