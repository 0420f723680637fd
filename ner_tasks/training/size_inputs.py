"""What right-sizing learns and what it compares with: checks of the full model, depths to try, identity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid
from ner_tasks.model import encoders, model_folder
from ner_tasks.training import loop
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.initialization import Initialization
from ner_tasks.training.soft_labels import read_checksum

_MAX_DEPTHS = 5


@dataclass(frozen=True)
class SizeInputs:
    """What the candidates learn, and what they are compared with.

    Attributes:
        parts: labelled sentences under `train` and `dev`.
        start: encoder or trained model folder that training starts from.
        full: trained model folder with all layers of `start`.
        config: settings of the full model.
        lineage: as for `loop.train_model`.
        soft_labels: soft labels of another teacher; None to compute those of the full model.
    """

    parts: loop.Parts
    start: Path
    full: Path
    config: TrainConfig
    lineage: Mapping[str, Any]
    soft_labels: Path | None = None


def list_depths(n_layers: int, wanted: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the numbers of layers to try, descending: those wanted, or at most five, spread evenly below the full depth.

    Raises:
        ConfigInvalid: a wanted number is not below the full depth, or no depth is below it.
    """
    if n_layers < 2:
        raise ConfigInvalid(f"found an encoder of {n_layers} layer, expected at least 2 to try fewer")
    for depth in wanted:
        if not 0 < depth < n_layers:
            raise ConfigInvalid(f"found {depth} in depths, expected 1 to {n_layers - 1}, fewer than all layers")
    parts = _MAX_DEPTHS + 1
    spread = (n_layers * part // parts if n_layers > parts else part for part in range(1, min(n_layers, parts)))
    return tuple(sorted(set(wanted or spread), reverse=True))


def hash_inputs(parts: loop.Parts, start: Path, config: TrainConfig, soft_labels: Path | None) -> str:
    """Hash data, initial weights, settings and soft labels: what is made from others is not used."""
    checksum = read_checksum(soft_labels) if soft_labels else None
    return loop.hash_inputs(parts, Initialization.find_weights(start), config, checksum)


def check_full_model(inputs: SizeInputs, manifest: model_folder.ModelManifest) -> int:
    """Return the number of layers of the full model, after checking that it has those of the start, and the labels."""
    if inputs.config.layers:
        raise ConfigInvalid(f"found layers = {inputs.config.layers!r}, expected none: right-size chooses them")
    start = Initialization.read_encoder_config(inputs.start)
    n_layers = encoders.parse_config(start, inputs.start).num_hidden_layers
    found = encoders.parse_config(manifest.encoder, inputs.full).num_hidden_layers
    if manifest.kind != "trained" or found != n_layers:
        raise ConfigInvalid(
            f"found a {manifest.kind} model of {found} layers, expected a trained one of the {n_layers} of the start, "
            f"at {inputs.full}"
        )
    labels = loop.read_labels(inputs.parts)
    if manifest.label_set != labels:
        raise ConfigInvalid(
            f"found a full model with labels {', '.join(manifest.labels)}, expected those of the data, "
            f"{', '.join(labels.labels)}, at {inputs.full}"
        )
    return n_layers
