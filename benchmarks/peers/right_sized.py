"""The right-sized version: a model of ours with fewer layers, or narrower ones, trained on the same data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.model import model_folder


def check_smaller(right_sized: Path, *, than: Path) -> None:
    """Check that a model folder has the labels of another one and a smaller encoder.

    Raises:
        InputMissing, ArtifactBroken: a folder is missing or damaged.
        ConfigInvalid: it is not smaller, or has other labels.
    """
    small, full = model_folder.read_manifest(right_sized), model_folder.read_manifest(than)
    if small.labels != full.labels:
        raise ConfigInvalid(
            f"found labels {', '.join(small.labels)}, expected {', '.join(full.labels)} as in {than}, at {right_sized}"
        )
    n_small, n_full = count_encoder_weights(small.encoder), count_encoder_weights(full.encoder)
    if n_small >= n_full:
        raise ConfigInvalid(
            f"found {n_small:,} weights in {small.encoder['num_hidden_layers']} layers, expected fewer than {n_full:,} as in "
            f"{than}, at {right_sized}"
        )


def count_encoder_weights(encoder: Mapping[str, Any]) -> int:
    """Return the number of weights in the matrices of all layers: four of attention and two of the feed-forward."""
    hidden, inner = int(encoder["hidden_size"]), int(encoder["intermediate_size"])
    return int(encoder["num_hidden_layers"]) * (4 * hidden * hidden + 2 * hidden * inner)


def describe(right_sized: Path, full: Path) -> dict[str, Any]:
    """Return what the tables say of a right-sized INT8 model.

    Args:
        right_sized: its model folder.
        full: model folder of the full version.
    """
    small, large = model_folder.read_manifest(right_sized).encoder, model_folder.read_manifest(full).encoder
    return {
        "model": right_sized.parent.name,
        "n_layers": int(small["num_hidden_layers"]),
        "n_layers_full": int(large["num_hidden_layers"]),
        "weights_share": round(count_encoder_weights(small) / count_encoder_weights(large), 4),
    }
