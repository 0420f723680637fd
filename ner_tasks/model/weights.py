"""Files of a checkpoint: `config.json`, and weights by name as safetensors."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic

Weights = dict[str, NDArray[np.float32]]


def read_config(folder: Path) -> dict[str, Any]:
    """Read the `config.json` of a checkpoint.

    Raises:
        InputMissing: there is no checkpoint.
        ArtifactBroken: not JSON, or not an object.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputMissing(f"found no config.json, expected a Hugging Face checkpoint, in {folder}")
    config = atomic.read_json(path)
    if not isinstance(config, dict):
        raise ArtifactBroken(f"found {type(config).__name__}, expected an object, in {path}")
    return config


def read_weights(path: Path) -> Weights:
    """Read the weights of a safetensors file as float32.

    Raises:
        InputMissing: `path` does not exist.
        ArtifactBroken: truncated, or not safetensors.
    """
    if not path.is_file():
        raise InputMissing(f"found no {path.name}, expected the checkpoint's weights as safetensors, in {path.parent}")
    try:
        weights = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise ArtifactBroken(f"found {error}, expected whole safetensors, in {path}") from None
    return {name: np.asarray(value, np.float32) for name, value in weights.items()}


def write_weights(path: Path, weights: Weights, metadata: dict[str, str] | None = None) -> None:
    """Write weights and metadata as a safetensors file, atomically.

    Raises:
        StorageFull: no space left; nothing is written.
    """
    with atomic.staged_file(path) as part:
        part.write_bytes(save(weights, metadata))
