"""Graphs run through TensorFlow's C API as they run through its Python package, which is not imported."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.inference import sessions, tensorflow_c
from ner_tasks.inference.tensorflow_c import GraphSession, TensorFlowError
from ner_tasks.model import model_folder
from ner_tasks.model.graph_outputs import select_inputs
from ner_tasks.model.tensorflow_protos import ConfigProto, GraphDef

BATCH = [np.arange(5, 29, dtype=np.int32).reshape(2, 12), np.ones((2, 12), np.int32)]
# packs all pieces of the batch, and reads three
PACKED = [np.arange(24, dtype=np.int32), np.arange(24, dtype=np.int32).reshape(2, 12), np.int32([1, 2, 13])]
_TAG = (
    "from ner_tasks import Tagger; import sys; from pathlib import Path\n"
    "print(Tagger.load(Path({folder!r}), n_threads=1).tag([['Maria', 'left', '.']])[0].tags)\n"
)
_IMPORT = "import tensorflow; print(int(tensorflow.constant(2) + 3))\n"


@pytest.fixture
def doubling() -> bytes:
    """A graph that doubles floats."""
    with tf.Graph().as_default() as graph:
        tf.matmul(tf.compat.v1.placeholder(tf.float32, [None, 2], name="x"), 2 * tf.eye(2), name="y")
    return graph.as_graph_def().SerializeToString()


@pytest.mark.parametrize("kind", ["frozen", "int8"])
def test_a_graph_computes_the_same_bits_as_in_the_python_package(kind: str, request: pytest.FixtureRequest) -> None:
    used = sessions.extract_used(sessions.load_graph(request.getfixturevalue(kind) / model_folder.GRAPH))
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(tf.compat.v1.GraphDef.FromString(used.SerializeToString()), name="")
    config = tf.compat.v1.ConfigProto.FromString(sessions.make_config(used).SerializeToString())
    for few in (False, True):
        engine = sessions.make_engine(sessions.make_session(used), few=few)
        output = sessions.select_output({node.name for node in used.node}, bf16=sessions.hardware.has_bf16(), few=few)
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            inputs = select_inputs({node.name for node in used.node})
            fed = [*BATCH, *PACKED][: len(inputs)]
            expected = session.run(f"{output}:0", {f"{name}:0": x for name, x in zip(inputs, fed, strict=True)})
        np.testing.assert_array_equal(engine(*fed), expected)


def test_the_configuration_is_one_that_tensorflow_reads() -> None:
    graph = GraphDef()
    graph.node.add(name="logits", op="Const")
    expected = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
    expected.experimental.optimize_for_static_graph = True
    rewrites = expected.graph_options.rewrite_options
    rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON
    read = tf.compat.v1.ConfigProto.FromString(sessions.make_config(graph, bf16=True).SerializeToString())
    assert read == expected


def test_several_threads_share_a_session(doubling: bytes) -> None:
    run = GraphSession(doubling, b"").bind(["x"], "y")
    arrays = [np.full((n, 2), n, np.float32) for n in range(1, 200)]
    with ThreadPoolExecutor(4) as threads:
        for array, result in zip(arrays, threads.map(run, arrays), strict=True):
            np.testing.assert_array_equal(result, 2 * array)


def test_an_array_of_another_shape_is_refused_and_the_next_one_computed(doubling: bytes) -> None:
    run = GraphSession(doubling, b"").bind(["x"], "y")
    with pytest.raises(TensorFlowError, match="[Mm]atrix size-incompatible"):
        run(np.ones((2, 3), np.float32))
    assert run(np.ones((1, 2), np.float32)).tolist() == [[2, 2]]


def test_bytes_that_are_no_graph_or_configuration_are_refused(doubling: bytes) -> None:
    with pytest.raises(TensorFlowError, match="GraphDef"):
        GraphSession(b"\xff", b"")
    with pytest.raises(TensorFlowError, match="ConfigProto"):
        GraphSession(doubling, b"\xff")
    unknown = GraphDef()
    unknown.node.add(name="x", op="NoSuchOperation")
    with pytest.raises(TensorFlowError, match="NoSuchOperation"):
        GraphSession(unknown.SerializeToString(), ConfigProto().SerializeToString())


def test_an_operation_that_the_graph_lacks_is_named(doubling: bytes) -> None:
    with pytest.raises(TensorFlowError, match="found no operation 'z', expected it, in the graph"):
        GraphSession(doubling, b"").bind(["x"], "z")


def test_a_graph_whose_input_is_missing_is_refused(frozen: Path) -> None:
    graph = sessions.load_graph(frozen / model_folder.GRAPH)
    next(node for node in graph.node if node.name == "logits").input[0] = "gone"
    with pytest.raises(ArtifactBroken, match="found no node 'gone', expected it"):
        sessions.make_session(graph)


def test_a_session_that_nobody_uses_is_freed(doubling: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, close = [], tensorflow_c._close
    monkeypatch.setattr(tensorflow_c, "_close", lambda *args: (close(*args), closed.append(args)))
    run = GraphSession(doubling, b"").bind(["x"], "y")
    gc.collect()
    assert run(np.ones((1, 2), np.float32)).tolist() == [[2, 2]]  # the function keeps its session
    assert not closed
    del run
    gc.collect()
    assert len(closed) == 1


@pytest.mark.slow
@pytest.mark.parametrize("first", ["tag", "import"])
def test_the_python_package_works_before_and_after(int8: Path, first: str) -> None:
    parts = [_TAG.format(folder=str(int8)), _IMPORT]
    step = "".join(parts if first == "tag" else parts[::-1])
    done = subprocess.run([sys.executable, "-c", step], capture_output=True, text=True, check=True)
    tags, total = sorted(done.stdout.splitlines())
    assert total == "5" and tags.startswith("('B-per'")


@pytest.mark.parametrize("kind", ["frozen", "int8"])
def test_tagging_does_not_import_the_python_package(kind: str, request: pytest.FixtureRequest) -> None:
    step = _TAG.format(folder=str(request.getfixturevalue(kind))) + "print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", step], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_without_tensorflow_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    load = tensorflow_c.load_library.__wrapped__
    monkeypatch.setattr(tensorflow_c.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigInvalid, match="found no libtensorflow_cc.so.2 or .*, expected it in the package tensorflow"
    ):
        load()


def test_a_library_without_the_c_api_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tensorflow_c._FUNCTIONS, "TF_NoSuchFunction", (None, ()))
    with pytest.raises(
        ConfigInvalid, match="found no function TF_NoSuchFunction, expected TensorFlow's C API, in .*cc"
    ):
        tensorflow_c.load_library.__wrapped__()
