"""Which layers of an encoder a model keeps: fewer layers are less work for each word."""

import re
from pathlib import Path

from ner_tasks.errors import ConfigInvalid
from ner_tasks.model.weights import Weights


def choose_layers(layers: str, n_layers: int, where: Path | str) -> tuple[int, ...]:
    """Return the numbers of the layers to keep, ascending, from 0.

    A number k of layers is spread evenly: layer i is `i * (n_layers - 1) // (k - 1)`, so that the first and the last are
    kept; a single layer is the first, the only one whose input is what it was trained on. Of six layers, 4 keeps 0, 1,
    3, 5 and 3 keeps 0, 2, 5, see `docs/model-size.md`.

    Args:
        layers: the setting of `TrainConfig`; empty for all layers.
        n_layers: number of layers of the encoder, at least 1.
        where: the encoder, for error messages.

    Raises:
        ConfigInvalid: the encoder has no such layer, or fewer layers.
    """
    numbers = [int(part) for part in layers.split(",") if part]
    if not numbers:
        return tuple(range(n_layers))
    if len(numbers) == 1:
        (n_kept,) = numbers
        if n_kept > n_layers:
            raise ConfigInvalid(f"found layers = {layers!r}, expected at most {n_layers}, for the encoder in {where}")
        return tuple(index * (n_layers - 1) // max(n_kept - 1, 1) for index in range(n_kept))
    if numbers[-1] >= n_layers:
        known = f"0 to {n_layers - 1}"
        raise ConfigInvalid(
            f"found layer {numbers[-1]} in layers = {layers!r}, expected {known}, for the encoder in {where}"
        )
    return tuple(numbers)


def keep_weights(weights: Weights, kept: tuple[int, ...], layers_name: str) -> Weights:
    """Return the weights without those of other layers; the layers are renamed to 0, 1, 2 and so on.

    Args:
        weights: weights by Hugging Face name, with or without the prefix of a task model.
        kept: numbers of the layers to keep, ascending.
        layers_name: name of the list of layers, such as `encoder.layer`.
    """
    layer = re.compile(rf"(?P<before>(?:.*\.)?{re.escape(layers_name)}\.)(?P<number>\d+)(?P<after>\..*)")
    new_number = {number: index for index, number in enumerate(kept)}
    result: Weights = {}
    for name, value in weights.items():
        match = layer.fullmatch(name)
        if not match:
            result[name] = value
        elif (number := new_number.get(int(match["number"]))) is not None:
            result[f"{match['before']}{number}{match['after']}"] = value
    return result
