"""TensorFlow sessions that run an inference graph."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from ner_tasks import hardware
from ner_tasks.errors import ArtifactBroken
from ner_tasks.model.graph_operations import check_operations
from ner_tasks.model.graph_outputs import INPUTS, select_output

# int32 piece ids and shape ids [B, T] -> float32 logits [B, T, K]
LogitsFunction = Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]


def make_session(graph_def: tf.compat.v1.GraphDef, *, bf16: bool = False) -> tf.compat.v1.Session:
    """Create a session for a graph; each run computes on the calling thread only.

    Args:
        graph_def: graph with `graph_outputs.INPUTS`.
        bf16: compute an FP32 graph in bfloat16 where oneDNN supports it.
    """
    names = {node.name for node in graph_def.node}
    outputs = {select_output(names, bf16=hardware.has_bf16(), few=few) for few in (False, True)}
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(tf.compat.v1.graph_util.extract_sub_graph(graph_def, sorted(outputs)), name="")
    # a negative number runs operations on the calling thread, so that each stream uses one core
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
    config.experimental.optimize_for_static_graph = True  # saves a copy of the graph
    rewrites = config.graph_options.rewrite_options
    # A graph with several routes is fused already; Grappler would take four seconds and change nothing.
    rewrites.disable_meta_optimizer = len(outputs) > 1
    if bf16:
        rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON
    return tf.compat.v1.Session(graph=graph, config=config)


def make_engine(session: tf.compat.v1.Session, *, few: bool = False) -> LogitsFunction:
    """Create an engine that runs the graph on the fastest route for this host.

    Args:
        session: session from `make_session`.
        few: use the route for single sentences, whose scores may differ in the third digit.
    """
    names = {operation.name for operation in session.graph.get_operations()}
    output = select_output(names, bf16=hardware.has_bf16(), few=few)
    run: LogitsFunction = session.make_callable(f"{output}:0", feed_list=[f"{name}:0" for name in INPUTS])
    return run


def read_graph(path: Path) -> tf.compat.v1.GraphDef:
    """Read a graph from its file.

    Raises:
        ArtifactBroken: not a graph, or a graph with operations that are not allowed, see `check_operations`.
    """
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ArtifactBroken(f"found {error}, expected a TensorFlow graph, in {path}") from None
    check_operations(graph_def, path)
    return graph_def
