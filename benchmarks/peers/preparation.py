"""Prepare the benchmark: convert the models of the peers, and draw random weights in the shape of BERT-base."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from benchmarks.peers.checkpoint import write_checkpoint
from benchmarks.peers.engines import PeerEngine
from benchmarks.peers.models import HUGGING_FACE, ONNX, ONNX_RUNTIME, OPENVINO, REFERENCE, REPORT, Sources
from ner_tasks import hardware
from ner_tasks.errors import InputMissing
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.worker_process import WorkerFailed, describe_end

# Sizes of BERT-base; the others are those of our model.
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_STEPS = {"pipeline": (), "pytorch": (), "onnxruntime": (ONNX, ONNX_RUNTIME), "openvino": (ONNX, OPENVINO)}
# Prefixes of variables that affect arithmetic or threads.
_STEERING = ("OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "TF_", "OV_", "ORT_", "TORCH_", "ATEN_", "RAYON_")

Print = Callable[[str], None]


def environment(engine: PeerEngine, n_threads: int) -> dict[str, str]:
    """Return the environment of an engine's process. oneDNN is off for the kit's FP32 only.

    Drops the variables that affect these libraries: they would affect some engines and not others.
    """
    onednn = not (engine.family == "kit" and engine.precision == "FP32")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
    env = {**kept, **hardware.tensorflow_env(n_threads=n_threads, onednn=onednn)}
    if not engine.is_peer:
        return env
    peers = {"MKL_NUM_THREADS": str(n_threads), "RAYON_NUM_THREADS": str(n_threads), "TOKENIZERS_PARALLELISM": "true"}
    return {**env, **peers, "HF_HUB_OFFLINE": "1"}


def prepare(
    sources: Sources, engines: Sequence[PeerEngine], root: Path, *, peers_python: Path, say: Print
) -> tuple[Path, dict[str, str]]:
    """Make the missing models of the peers.

    Returns:
        Their folder, and why a family has no model, by family.

    Raises:
        InputMissing, ArtifactBroken: our model is missing or damaged.
        WorkerFailed: our FP32 graph, the reference of all, cannot be run.
    """
    folder = sources.peers_folder(root)
    families = list(dict.fromkeys(engine.family for engine in engines if engine.is_peer))
    if not families:
        return folder, {}
    if not peers_python.is_file():
        reason = f"found no interpreter, expected that of the peers' environment (run make bench), at {peers_python}"
        return folder, dict.fromkeys(families, reason)
    if not (folder / HUGGING_FACE).is_dir():
        write_checkpoint(sources.trained, folder / HUGGING_FACE)
    if not (folder / REFERENCE).is_file():
        say("models: computing our logits, the reference for the peers")
        given = (sources.frozen, sources.calibration, folder / REFERENCE)
        env = environment(PeerEngine("ours-fp32", "ours", "FP32"), n_threads=1)
        run_step([sys.executable, "-m", "benchmarks.peers.reference", *map(str, given)], folder / "reference.log", env)
    failed: dict[str, str] = {}
    for family in families:
        for step in _STEPS[family]:
            if (folder / step / REPORT).is_file() or family in failed:
                continue
            say(f"models: converting to {step} for {family}")
            command = [
                str(peers_python),
                "-m",
                "benchmarks.peers.conversion",
                step,
                str(folder),
                str(sources.calibration),
            ]
            env = environment(PeerEngine(family, family, "FP32"), n_threads=os.cpu_count() or 1)
            try:
                run_step(command, folder / f"{step}.log", env)
            except WorkerFailed as error:
                failed[family] = str(error)
    return folder, failed


def run_step(command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
    """Run a program and write its output to the log.

    Raises:
        WorkerFailed: it cannot be started or fails; the message has the end of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("w", encoding="utf-8") as output:
            code = subprocess.run(command, env=dict(env), stdout=output, stderr=output, check=False).returncode
    except OSError as error:
        raise WorkerFailed(f"found {error.strerror}, expected a program, at {command[0]}") from None
    if code:
        raise WorkerFailed(f"found exit {code} of {command[2]}, expected 0; {describe_end(log)}")


def base_sources(sources: Sources, root: Path, *, say: Print) -> Sources:
    """Make random weights in the shape of BERT-base; freeze and quantize them with the product's commands."""
    trained = root / "base" / "trained"
    if not (trained / model_folder.MANIFEST).is_file():
        say("models: drawing random weights in the shape of BERT-base")
        write_random_model(sources.trained, trained)
    frozen, int8 = trained.with_name("frozen"), trained.with_name("int8")
    data = ["--data", str(sources.calibration)]
    for verb, made_of, target, given in (("freeze", trained, frozen, []), ("quantize", frozen, int8, data)):
        if not (target / model_folder.MANIFEST).is_file():
            say(f"models: {verb} in the shape of BERT-base")
            paths = ["--model", str(made_of), "--output", str(target)]
            run_step(
                [sys.executable, "-m", "ner_tasks", verb, *given, *paths], trained.with_name(f"{verb}.log"), os.environ
            )
    return replace(
        sources,
        trained=trained,
        frozen=frozen,
        int8=int8,
        kit_int8=int8 if (int8 / model_folder.GRAPH).is_file() else None,
        right_sized=None,
    )


def write_random_model(like: Path, target: Path) -> None:
    """Write a model folder with random weights in the shape of BERT-base, and the vocabulary and labels of `like`.

    Raises:
        InputMissing, ArtifactBroken: `like` is missing or damaged.
    """
    manifest = model_folder.read_manifest(like)
    if manifest.kind != "trained":
        raise InputMissing(f"found a {manifest.kind} model, expected a trained one, at {like}")
    shapes = {name: value.shape for name, value in load_file(like / model_folder.WEIGHTS).items()}
    encoder = {**manifest.encoder, **BASE}
    sizes = {manifest.encoder[name]: encoder[name] for name in ("intermediate_size", "hidden_size")}
    random = np.random.default_rng(0)
    weights = dict(draw_weights(shapes, sizes, encoder["num_hidden_layers"], random))
    with atomic.staged_folder(target) as stage:
        save_file(weights, stage / model_folder.WEIGHTS)
        shutil.copy(like / model_folder.TOKENIZER, stage / model_folder.TOKENIZER)
        lineage = json.loads('{"version": "random-base"}')
        model_folder.write_manifest(stage, replace(manifest, encoder=encoder, metrics={}, lineage=lineage))


def draw_weights(
    shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[int, int], n_layers: int, random: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield weights as BERT initializes them: normal with standard deviation 0.02, norms of one, biases of zero.

    Args:
        shapes: shapes of a model's weights; those of its first layer are used for all layers.
        sizes: new size for each of its sizes.
        n_layers: number of layers.
        random: source of the weights.
    """
    for name, shape in shapes.items():
        head, dot, tail = name.partition("encoder.layer.0.")
        if name.startswith("encoder.layer.") and not dot:
            continue
        names = [f"{head}encoder.layer.{layer}.{tail}" for layer in range(n_layers)] if dot else [name]
        for each in names:
            changed = tuple(sizes.get(length, length) for length in shape)
            if each.endswith(".bias"):
                yield each, np.zeros(changed, np.float32)
            elif "LayerNorm" in each:
                yield each, np.ones(changed, np.float32)
            else:
                yield each, (0.02 * random.standard_normal(changed)).astype(np.float32)
