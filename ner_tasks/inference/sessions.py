"""TensorFlow sessions that run an inference graph."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from ner_tasks import hardware
from ner_tasks.errors import ArtifactBroken
from ner_tasks.inference.tensorflow_c import GraphSession
from ner_tasks.model.graph_operations import check_operations
from ner_tasks.model.graph_outputs import select_inputs, select_output
from ner_tasks.model.tensorflow_protos import ConfigProto, GraphDef

if TYPE_CHECKING:
    import tensorflow as tf

# from one int32 array for each of `select_inputs` to the float32 logits
LogitsFunction = Callable[..., NDArray[np.float32]]
_ON = 1  # `RewriterConfig.Toggle.ON`


def make_session(graph_def: Any, *, bf16: bool = False) -> GraphSession:
    """Create a session for a graph; each run computes on the calling thread only.

    Args:
        graph_def: a `tensorflow_protos.GraphDef` with the inputs of `graph_outputs`.
        bf16: compute an FP32 graph in bfloat16 where oneDNN supports it.
    """
    used = extract_used(graph_def)
    return GraphSession(used.SerializeToString(), make_config(used, bf16=bf16).SerializeToString())


def extract_used(graph_def: Any) -> Any:
    """Return the part of a graph that this host runs.

    Args:
        graph_def: a `tensorflow_protos.GraphDef`.

    Raises:
        ArtifactBroken: a node has an input that the graph lacks.
    """
    nodes = {node.name: node for node in graph_def.node}
    used, todo = set[str](), sorted(_find_outputs(nodes))
    while todo:
        name = todo.pop()
        if name not in nodes:
            raise ArtifactBroken(f"found no node {name[:100]!r}, expected it as an input or output of the graph")
        if name not in used:
            used.add(name)
            todo += [source.removeprefix("^").partition(":")[0] for source in nodes[name].input]
    extracted = GraphDef(library=graph_def.library, versions=graph_def.versions)
    extracted.node.extend(node for node in graph_def.node if node.name in used)
    return extracted


def make_config(used: Any, *, bf16: bool = False) -> Any:
    """Make the configuration of a session, a `tensorflow_protos.ConfigProto`.

    Args:
        used: result of `extract_used`.
        bf16: compute an FP32 graph in bfloat16 where oneDNN supports it.
    """
    # a negative number runs operations on the calling thread, so that each stream uses one core
    config = ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
    config.experimental.optimize_for_static_graph = True  # saves a copy of the graph
    rewrites = config.graph_options.rewrite_options
    # A graph with several routes is fused already; Grappler would take four seconds and change nothing.
    rewrites.disable_meta_optimizer = len(_find_outputs({node.name for node in used.node})) > 1
    if bf16:
        rewrites.auto_mixed_precision_onednn_bfloat16 = _ON
    return config


def _find_outputs(names: Collection[str]) -> set[str]:
    return {select_output(names, bf16=hardware.has_bf16(), few=few) for few in (False, True)}


def make_engine(session: GraphSession, *, few: bool = False) -> LogitsFunction:
    """Create an engine that runs the graph on the fastest route for this host.

    Args:
        session: session from `make_session`.
        few: use the route for single sentences, whose scores may differ in the third digit.
    """
    return session.bind(select_inputs(session), select_output(session, bf16=hardware.has_bf16(), few=few))


def load_graph(path: Path) -> Any:
    """Read a graph to run it, a `tensorflow_protos.GraphDef`.

    Raises:
        ArtifactBroken: not a graph, or a graph with operations that are not allowed, see `check_operations`.
    """
    return _parse_graph(path, GraphDef)


def read_graph(path: Path) -> "tf.compat.v1.GraphDef":
    """Read a graph to edit it with TensorFlow, which is imported.

    Raises:
        ArtifactBroken: as for `load_graph`.
    """
    import tensorflow as tf

    graph_def: tf.compat.v1.GraphDef = _parse_graph(path, tf.compat.v1.GraphDef)
    return graph_def


def _parse_graph(path: Path, message: Any) -> Any:
    try:
        graph_def = message.FromString(path.read_bytes())
    except DecodeError as error:
        raise ArtifactBroken(f"found {error}, expected a TensorFlow graph, in {path}") from None
    check_operations(graph_def, path)
    return graph_def
