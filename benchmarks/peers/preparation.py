"""What must be there before anything is timed: the peers' models, made once, and random weights of another shape."""

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

# What BERT-base has; the other sizes are those of the model whose vocabulary is taken.
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_STEPS = {"pipeline": (), "pytorch": (), "onnxruntime": (ONNX, ONNX_RUNTIME), "openvino": (ONNX, OPENVINO)}
# How the environment steers arithmetic and threads.
_STEERING = ("OMP_", "GOMP_", "KMP_", "MKL_", "ONEDNN_", "DNNL_", "TF_", "OV_", "ORT_", "TORCH_", "ATEN_", "RAYON_")

Say = Callable[[str], None]


def environment(engine: PeerEngine, n_threads: int) -> dict[str, str]:
    """The environment of an engine's process: its threads, and oneDNN off for the kit's FP32 alone.

    What a shell has set to steer these libraries does not go in: it would steer some and not others.
    """
    onednn = not (engine.family == "kit" and engine.precision == "FP32")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
    env = {**kept, **hardware.tensorflow_env(n_threads=n_threads, onednn=onednn)}
    if not engine.is_peer:
        return env
    peers = {"MKL_NUM_THREADS": str(n_threads), "RAYON_NUM_THREADS": str(n_threads), "TOKENIZERS_PARALLELISM": "true"}
    return {**env, **peers, "HF_HUB_OFFLINE": "1"}


def prepare(
    sources: Sources, engines: Sequence[PeerEngine], root: Path, *, peers_python: Path, say: Say
) -> tuple[Path, dict[str, str]]:
    """Make the models of the peers that are not there yet.

    Returns:
        Their folder, and why a family has none, by family.

    Raises:
        InputMissing, ArtifactBroken: our own model is not there or damaged.
        WorkerFailed: our own FP32 graph, which all are held to, cannot be run.
    """
    folder = sources.peers_folder(root)
    families = list(dict.fromkeys(engine.family for engine in engines if engine.is_peer))
    if not families:
        return folder, {}
    if not peers_python.is_file():
        reason = (
            f"found no interpreter, expected that of the peers' environment (make bench makes it), at {peers_python}"
        )
        return folder, dict.fromkeys(families, reason)
    if not (folder / HUGGING_FACE).is_dir():
        write_checkpoint(sources.trained, folder / HUGGING_FACE)
    if not (folder / REFERENCE).is_file():
        say("models: computing our own logits, which the peers are held to")
        given = (sources.frozen, sources.calibration, folder / REFERENCE)
        env = environment(PeerEngine("ours-fp32", "ours", "FP32"), n_threads=1)
        run_step([sys.executable, "-m", "benchmarks.peers.reference", *map(str, given)], folder / "reference.log", env)
    failed: dict[str, str] = {}
    for family in families:
        for step in _STEPS[family]:
            if (folder / step / REPORT).is_file() or family in failed:
                continue
            say(f"models: making {step} for {family}")
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
    """Run one program to its end; its output goes to the log.

    Raises:
        WorkerFailed: it cannot be started or fails; the message ends with its last lines.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("w", encoding="utf-8") as output:
            code = subprocess.run(command, env=dict(env), stdout=output, stderr=output, check=False).returncode
    except OSError as error:
        raise WorkerFailed(f"found {error.strerror}, expected a program, at {command[0]}") from None
    if code:
        raise WorkerFailed(f"found exit {code} of {command[2]}, expected 0; {describe_end(log)}")


def base_sources(sources: Sources, root: Path, *, say: Say) -> Sources:
    """Models of BERT-base's shape with random weights, frozen and quantized by the product's own commands."""
    trained = root / "base" / "trained"
    if not (trained / model_folder.MANIFEST).is_file():
        say("models: drawing random weights of BERT-base's shape")
        write_random_model(sources.trained, trained)
    frozen, int8 = trained.with_name("frozen"), trained.with_name("int8")
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    data = ["--dataset_file", str(sources.calibration)]
    for verb, made_of, target, given in (("freeze", trained, frozen, []), ("quantize", frozen, int8, data)):
        if not (target / model_folder.MANIFEST).is_file():
            say(f"models: {verb} of BERT-base's shape")
            paths = ["--model_path", str(made_of), "--save_model_path", str(target)]
            run_step([sys.executable, "-m", "ner_tasks", verb, *given, *paths], trained.with_name(f"{verb}.log"), env)
    return replace(
        sources,
        trained=trained,
        frozen=frozen,
        int8=int8,
        kit_int8=int8 if (int8 / model_folder.GRAPH).is_file() else None,
    )


def write_random_model(like: Path, target: Path) -> None:
    """A trained model folder of BERT-base's shape, its vocabulary and labels those of another.

    Raises:
        InputMissing, ArtifactBroken: the other is not a sound model.
    """
    manifest = model_folder.read_manifest(like)
    if manifest.kind != "trained":
        raise InputMissing(f"found a {manifest.kind} model, expected a trained one, at {like}")
    shapes = {name: value.shape for name, value in load_file(like / model_folder.WEIGHTS).items()}
    encoder = {**manifest.encoder, **BASE}
    sizes = {manifest.encoder[name]: encoder[name] for name in ("intermediate_size", "hidden_size")}
    random = np.random.default_rng(0)
    weights = dict(drawn(shapes, sizes, encoder["num_hidden_layers"], random))
    with atomic.staged_folder(target) as stage:
        save_file(weights, stage / model_folder.WEIGHTS)
        shutil.copy(like / model_folder.TOKENIZER, stage / model_folder.TOKENIZER)
        lineage = json.loads('{"version": "random-base"}')
        model_folder.write_manifest(stage, replace(manifest, encoder=encoder, metrics={}, lineage=lineage))


def drawn(
    shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[int, int], n_layers: int, random: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Weights as BERT begins with: normal with a deviation of 0.02, norms that change nothing, no biases.

    Args:
        shapes: of a model's weights; those of its first layer stand for all layers.
        sizes: what each of its sizes becomes.
        n_layers: how many layers.
        random: where the weights come from.
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
