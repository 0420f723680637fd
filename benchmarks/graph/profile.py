"""Profile the INT8 graph, and compare its speed with that of its bare MatMuls.

    python benchmarks/graph/profile.py --model var/store/models/<version>/int8 [--threads 2] [--rounds 9]

For each shape: pieces per second, milliseconds of each kind of operation on one thread (TensorFlow's timeline), and the
share of the roofline. The roofline is the time of the graph's INT8 MatMuls alone, bytes in and bytes out, without GELU,
sums or other operations: oneDNN is no faster on these shapes. The graph and the bare MatMuls are timed in turns.
"""

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ner_tasks import hardware

os.environ.update(hardware.tensorflow_env(n_threads=1, onednn=True))

import numpy as np
import tensorflow as tf

from ner_tasks.inference.int8_without_vnni import adapt_to_host
from ner_tasks.inference.sessions import extract_used, load_graph, make_config, make_engine, make_session
from ner_tasks.model import encoders, model_folder
from ner_tasks.model.encoders.base import EncoderConfig
from ner_tasks.model.graph_outputs import select_inputs, select_output
from ner_tasks.quantization import onednn_ops

SHAPES = ((32, 128), (128, 32), (32, 32), (64, 32))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="an INT8 model folder")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    manifest = model_folder.read_manifest(args.model)
    sizes = encoders.parse_config(manifest.encoder, args.model)
    graph = adapt_to_host(load_graph(args.model / model_folder.GRAPH))
    session = make_session(graph)
    run, n_inputs = make_engine(session), len(select_inputs(session))
    print(f"{hardware.describe_host(args.threads)}, TensorFlow {tf.__version__}")
    print("| shape | pieces/s | bare INT8 MatMuls, pieces/s | share of the roofline | GOP/s of INT8 |")
    print("|---|---:|---:|---:|---:|")
    for n_windows, n_pieces in SHAPES:
        batch = random_batch(n_windows, n_pieces, sizes)[:n_inputs]
        bare = bare_matmuls(sizes, n_windows * n_pieces, len(manifest.label_set.tags))
        whole_s, bare_s = time_in_turns([lambda batch=batch: run(*batch), bare], args.threads, args.rounds)
        rates = [args.threads * n_windows * n_pieces / seconds for seconds in (whole_s, bare_s)]
        operations = 2 * rates[0] * count_macs(sizes, len(manifest.label_set.tags)) / 1e9
        print(
            f"| {n_windows}x{n_pieces} | {rates[0]:,.0f} | {rates[1]:,.0f} | {rates[0] / rates[1]:.3f} | {operations:,.0f} |",
            flush=True,
        )
    traced = traced_session(graph)
    for n_windows, n_pieces in SHAPES[:2]:
        spent = timeline(traced, random_batch(n_windows, n_pieces, sizes), args.rounds)
        print(f"\n{n_windows}x{n_pieces}, one thread, ms: " + ", ".join(f"{op} {ms:.1f}" for op, ms in spent))
    return 0


def random_batch(n_windows: int, n_pieces: int, sizes: EncoderConfig) -> tuple[np.ndarray, ...]:
    """Return inputs of either kind of graph: windows without padding, all of whose pieces are read."""
    random = np.random.default_rng(0)
    pieces = random.integers(min(1000, sizes.vocab_size // 2), sizes.vocab_size, (n_windows, n_pieces))
    every = np.arange(pieces.size, dtype=np.int32)
    shapes = random.integers(1, 9, pieces.shape).astype(np.int32)
    return pieces.astype(np.int32), shapes, every, every.reshape(pieces.shape), every


def dense_layer_sizes(sizes: EncoderConfig, n_tags: int) -> list[tuple[int, int]]:
    """Return the numbers of inputs and outputs of each dense layer."""
    hidden, wide = sizes.hidden_size, sizes.intermediate_size
    block = [(hidden, 3 * hidden), (hidden, hidden), (hidden, wide), (wide, hidden)]
    return block * sizes.num_hidden_layers + [(hidden, n_tags)]


def count_macs(sizes: EncoderConfig, n_tags: int) -> int:
    """Return the multiplications of the dense layers for one piece."""
    return sum(n_in * n_out for n_in, n_out in dense_layer_sizes(sizes, n_tags))


def bare_matmuls(sizes: EncoderConfig, n_rows: int, n_tags: int) -> Callable[[], object]:
    """Return a function that runs only the dense layers of the model, on random bytes."""
    random = np.random.default_rng(0)
    graph = tf.Graph()
    with graph.as_default():
        inputs = {}
        for width in (sizes.hidden_size, sizes.intermediate_size):
            held = tf.Variable(random.integers(0, 256, (n_rows, width)).astype(np.uint8), trainable=False)
            inputs[width] = tf.bitcast(held, tf.quint8)
        results = []
        for index, (n_in, n_out) in enumerate(dense_layer_sizes(sizes, n_tags)):
            kernel = onednn_ops.QuantizedKernel.from_floats(
                random.standard_normal((n_in, n_out)).astype(np.float32), per_channel=True
            )
            weights = onednn_ops.DenseConstants.add(kernel, np.zeros(n_out, np.float32), 0.0, f"layer_{index}")
            results.append(onednn_ops.dense_to_bytes(inputs[n_in], weights, 1.0, "", 0.0, 60.0, name=f"dense_{index}"))
        with tf.control_dependencies([tf.identity(result).op for result in results]):
            done = tf.no_op()
        start = tf.compat.v1.global_variables_initializer()
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    session = tf.compat.v1.Session(graph=graph, config=config)
    session.run(start)
    return session.make_callable(done)  # type: ignore[no-any-return]


def time_in_turns(runs: Sequence[Callable[[], object]], n_threads: int, rounds: int) -> list[float]:
    """Return the median seconds of each, run by all threads at once, in turns after a warm-up."""
    seconds: list[list[float]] = [[] for _ in runs]
    with ThreadPoolExecutor(n_threads) as threads:
        for turn in range(rounds + 2):
            for run, taken in zip(runs, seconds, strict=True):
                began = time.perf_counter()
                list(threads.map(lambda _, run=run: run(), range(4 * n_threads)))
                if turn > 1:
                    taken.append((time.perf_counter() - began) / 4)
    return [statistics.median(taken) for taken in seconds]


def traced_session(graph: Any) -> tf.compat.v1.Session:
    """Return a session of TensorFlow's Python package, which reports the time of each operation."""
    used = extract_used(graph)
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(tf.compat.v1.GraphDef.FromString(used.SerializeToString()), name="")
    config = tf.compat.v1.ConfigProto.FromString(make_config(used).SerializeToString())
    return tf.compat.v1.Session(graph=imported, config=config)


def timeline(session: tf.compat.v1.Session, batch: Sequence[np.ndarray], rounds: int) -> list[tuple[str, float]]:
    """Return the median milliseconds of each kind of operation."""
    names = {op.name for op in session.graph.get_operations()}
    output = select_output(names, bf16=hardware.has_bf16(), few=False)
    feed = {f"{name}:0": value for name, value in zip(select_inputs(names), batch, strict=False)}
    spent: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds + 1):
        metadata = tf.compat.v1.RunMetadata()
        options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
        session.run(f"{output}:0", feed, options=options, run_metadata=metadata)
        once: dict[str, float] = defaultdict(float)
        for device in metadata.step_stats.dev_stats:
            for node in device.node_stats:
                name = node.timeline_label.partition(" = ")[2].partition("(")[0] or node.node_name
                once[name] += (node.op_end_rel_micros - node.op_start_rel_micros) / 1000
        for name, value in once.items():
            if turn:
                spent[name].append(value)
    medians = {name: statistics.median(values) for name, values in spent.items()}
    return [(name, ms) for name, ms in sorted(medians.items(), key=lambda item: -item[1]) if ms > 0.05]


if __name__ == "__main__":
    sys.exit(main())
