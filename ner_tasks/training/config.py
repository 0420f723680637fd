"""How a model is trained: every setting of a training, its bounds, and how it is read from flags and files.

`train` has a flag for each of them; a JSON file of the same names, as `search` writes one, gives several at once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ner_tasks.errors import ConfigInvalid, InputMissing

SCHEDULES = ("linear", "cosine")
# 34,000 sentences are best learnt three times (Kaggle's GMB), 4,000 twelve times (BC5CDR): see docs/history.md
_LEAST_LEARNT, _FEWEST_EPOCHS, _MOST_EPOCHS = 50_000, 3, 12


def _setting(
    default: Any, says: str, *, above: float | None = None, least: float = 0, below: float | None = None
) -> Any:
    """A field with what it means and its bounds: more than `above`, or at least `least`; less than `below`."""
    return field(default=default, metadata={"says": says, "above": above, "least": least, "below": below})


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults are what `docs/history.md` reports on."""

    epochs: int = _setting(0, "most passes over the train part; 0: 3 to 12, the more the less data there is")
    patience: int = _setting(4, "epochs without a better dev F1 after which training ends", above=0)
    batch_size: int = _setting(32, "windows in a batch", above=0)
    learning_rate: float = _setting(4e-4, "its highest value, that of the last layer", above=0)
    layer_decay: float = _setting(0.9, "a layer's learning rate, as a share of that of the layer above it", above=0)
    head_rate: float = _setting(2.0, "the tagging head's learning rate, as a multiple of the last layer's", above=0)
    schedule: str = _setting("linear", "how the learning rate falls to zero: linear or cosine")
    warmup_share: float = _setting(0.1, "share of the steps in which the learning rate rises", below=1)
    weight_decay: float = _setting(0.01, "pull of the weights towards zero")
    clip_norm: float = _setting(1.0, "longest gradient", above=0)
    dropout: float = _setting(0.1, "share of values dropped inside the model", below=1)
    attention_dropout: float = _setting(0.0, "share of what a piece attends to that is dropped", below=1)
    word_dropout: float = _setting(0.0, "share of words hidden behind [MASK]; their tags are asked for still", below=1)
    label_smoothing: float = _setting(0.0, "share of a tag's probability that is spread over all tags", below=1)
    crf_weight: float = _setting(0.5, "weight of the whole sentence's path (CRF) beside the loss of single words")
    r_drop: float = _setting(0.0, "weight of agreement between two passes with other dropout; doubles the time")
    ema_decay: float = _setting(
        0.999, "decay by step of an average of the weights, which is kept if better; 0: none", below=1
    )
    oversampling: float = _setting(
        0.0, "share of the mentions below which a label's sentences are repeated; 0: none", below=1
    )
    seed: int = _setting(0, "of the order of batches, dropout and first weights")
    checkpoint_steps: int = _setting(250, "steps between two checkpoints", above=0)
    max_pieces: int = _setting(128, "longest window, with [CLS] and [SEP]", above=2)
    bf16: bool = _setting(False, "let oneDNN compute in bfloat16, where the CPU has it")

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, bounds = getattr(self, setting.name), setting.metadata
            found = f"found {setting.name} = {value}, expected "
            if isinstance(value, str):
                if value not in SCHEDULES:
                    raise ConfigInvalid(f"{found}one of {', '.join(SCHEDULES)}")
            elif bounds["above"] is not None and not value > bounds["above"]:
                raise ConfigInvalid(f"{found}more than {bounds['above']}")
            elif not value >= bounds["least"] or (bounds["below"] is not None and not value < bounds["below"]):
                to = "or more" if bounds["below"] is None else f"to less than {bounds['below']}"
                raise ConfigInvalid(f"{found}{bounds['least']} {to}")

    def for_data(self, n_sentences: int) -> "TrainConfig":
        """These settings, with the epochs that so much data needs where they do not say how many.

        Args:
            n_sentences: of the train part, at least one.
        """
        enough = min(max(-(-_LEAST_LEARNT // n_sentences), _FEWEST_EPOCHS), _MOST_EPOCHS)
        return self if self.epochs else replace(self, epochs=enough)

    @classmethod
    def description(cls, name: str) -> str:
        """What a setting means."""
        return str(cls.__dataclass_fields__[name].metadata["says"])

    @classmethod
    def from_values(cls, values: Mapping[str, Any], where: str) -> "TrainConfig":
        """Settings by name; what is not named keeps its default.

        Args:
            values: numbers may come as text, as flags and Airflow's parameters give them.
            where: where they come from, for people.

        Raises:
            ConfigInvalid: an unknown name, or a value of another type or out of bounds.
        """
        types = {setting.name: type(setting.default) for setting in fields(cls)}
        if unknown := sorted(set(values) - set(types)):
            raise ConfigInvalid(f"found setting {unknown[0]!r}, expected one of {', '.join(types)}, in {where}")
        return cls(**{name: _as(types[name], name, value, where) for name, value in values.items()})

    @classmethod
    def read(cls, path: Path) -> dict[str, Any]:
        """The settings of a JSON file, as `of` takes them.

        Raises:
            InputMissing: no such file.
            ConfigInvalid: not JSON, or what `of` refuses.
        """
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected a JSON file of training settings")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ConfigInvalid(f"found {error}, expected JSON, in {path}") from None
        if not isinstance(values, dict):
            raise ConfigInvalid(f"found {type(values).__name__}, expected an object of training settings, in {path}")
        cls.from_values(values, str(path))
        return values


def _as(kind: type, name: str, value: Any, where: str) -> Any:
    """`value` as a setting's type; a whole number is one whether it is written 3, 3.0 or "3"."""
    try:
        if kind is str:
            return str(value)
        number = float(value)
        if kind is float:
            return number
        if number == int(number) and (kind is int or number in (0, 1)):
            return kind(int(number))
    except (TypeError, ValueError, OverflowError):
        pass
    expected = {int: "a whole number", bool: "0 or 1", float: "a number"}[kind]
    raise ConfigInvalid(f"found {name} = {value!r}, expected {expected}, in {where}")
