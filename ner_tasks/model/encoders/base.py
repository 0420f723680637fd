"""What the encoder families have in common: a transformer with post-layer normalization, as in BERT.

Families differ in the names of their settings and weights, and in how a piece is embedded. A `Family` describes one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ner_tasks.errors import EncoderUnsupported

_W = TypeVar("_W")
# Constants that older checkpoints store beside the weights.
_BUFFERS = (".position_ids", ".token_type_ids")
# Windows are padded to a multiple of this.
_STEP = 8
_ACTIVATIONS = {"gelu": False, "gelu_new": True, "gelu_pytorch_tanh": True}
BERT_SETTINGS = {
    name: name
    for name in (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "type_vocab_size",
    )
}


@dataclass(frozen=True)
class LayerNames:
    """Names of the dense layers and normalizations of a transformer layer; the defaults are BERT's."""

    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attended: str = "attention.output.dense"
    attended_norm: str = "attention.output.LayerNorm"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    down_norm: str = "output.LayerNorm"


def _first_row(_: Mapping[str, Any]) -> int:
    return 0


def after_padding(config: Mapping[str, Any]) -> int:
    """Return the row of the position table behind that of padding, whose number is the id of padding."""
    pad_id = config.get("pad_token_id")
    return (pad_id if isinstance(pad_id, int) else 1) + 1


@dataclass(frozen=True)
class Family:
    """An encoder family.

    Attributes:
        name: name for people.
        model_types: values of `model_type` in `config.json`.
        prefix: what checkpoints with a head put before the names of the encoder's weights.
        settings: name in `config.json` of each size of `EncoderConfig` that the family has.
        layer: names of the weights of a transformer layer.
        layers: name of the list of transformer layers.
        activation: name in `config.json` of the activation.
        required: the only supported value of other settings, also their default.
        first_position: returns the row of the position table for the first piece.
        n_buckets: number of rows of the table of relative positions; 0 without.
        find_buckets: returns the rows of that table for each pair of T pieces, [T, T].
    """

    name: str
    model_types: tuple[str, ...]
    prefix: str
    settings: Mapping[str, str]
    layer: LayerNames = LayerNames()
    layers: str = "encoder.layer"
    activation: str = "hidden_act"
    required: Mapping[str, Any] = field(
        default_factory=lambda: {"position_embedding_type": "absolute", "is_decoder": False}
    )
    first_position: Callable[[Mapping[str, Any]], int] = _first_row
    n_buckets: int = 0
    find_buckets: Callable[[int], NDArray[np.int32]] | None = None

    def parse_config(self, config: Mapping[str, Any], where: Path | str) -> "EncoderConfig":
        """Read the settings from a parsed `config.json`; `where` is its source, for error messages.

        Raises:
            EncoderUnsupported: a size is missing, or a variant that is not supported.
        """
        if missing := [name for name in self.settings.values() if not _is_size(config.get(name))]:
            raise EncoderUnsupported(f"found no {', '.join(missing)}, expected the sizes of a {self.name}, in {where}")
        activation = config.get(self.activation, "gelu")
        if activation not in _ACTIVATIONS:
            raise EncoderUnsupported(f"found {self.activation} {activation!r}, expected gelu, in {where}")
        for name, expected in self.required.items():
            if (found := config.get(name, expected)) != expected:
                raise EncoderUnsupported(f"found {name} {found!r}, expected {expected!r}, in {where}")
        sizes = {size: config[name] for size, name in self.settings.items()}
        if sizes["hidden_size"] % sizes["num_attention_heads"]:
            shares = f"{sizes['hidden_size']} / {sizes['num_attention_heads']} heads"
            raise EncoderUnsupported(
                f"found {self.settings['hidden_size']} {shares}, expected a whole number, in {where}"
            )
        return EncoderConfig(
            family=self,
            **{"embedding_size": sizes["hidden_size"], **sizes},
            layer_norm_eps=float(config.get("layer_norm_eps", 1e-12)),
            approximate_gelu=_ACTIVATIONS[activation],
            first_position=self.first_position(config),
        )

    def rename(self, weights: Mapping[str, _W]) -> dict[str, _W]:
        """Return weights under the names of the bare encoder, whatever checkpoint they are from.

        Checkpoints with a head have a prefix, and those converted from TensorFlow call a normalization's weights gamma
        and beta.
        """
        return {_modern(name.removeprefix(self.prefix)): value for name, value in weights.items()}

    def find_extra(self, names: Iterable[str], known: Collection[str]) -> list[str]:
        """Return the names that belong to the encoder, and not to a head, but are not among those known."""
        parts = ("embeddings.", "embeddings_project.", self.layers.partition(".")[0] + ".")
        return [name for name in names if name.startswith(parts) and name not in known and not name.endswith(_BUFFERS)]


def _modern(name: str) -> str:
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@dataclass(frozen=True)
class EncoderConfig:
    """Settings of an encoder, under BERT's names.

    Attributes:
        embedding_size: width of the embeddings; projected to `hidden_size` if it is another.
        type_vocab_size: number of segments; 0 without.
        first_position: row of the position table for the first piece.
    """

    family: Family
    vocab_size: int
    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    layer_norm_eps: float
    approximate_gelu: bool
    first_position: int = 0
    type_vocab_size: int = 0

    @property
    def n_weights(self) -> int:
        """Number of weights, without biases and normalizations."""
        width, hidden = self.embedding_size, self.hidden_size
        tables = width * (self.vocab_size + self.max_position_embeddings + self.type_vocab_size)
        layer = 4 * hidden * hidden + 2 * hidden * self.intermediate_size
        return tables + (width * hidden if width != hidden else 0) + self.num_hidden_layers * layer

    @property
    def max_pieces(self) -> int:
        """Longest window that the position table allows, once padded."""
        return (self.max_position_embeddings - self.first_position) // _STEP * _STEP
