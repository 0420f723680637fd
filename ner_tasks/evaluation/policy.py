"""Which limits the gates have: one YAML, over which a deployment's settings and a run's parameters go."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeInt, model_validator

from ner_tasks.data.validation.limits import BatchLimits
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import Share, StrictModel, read_yaml

DEFAULT_POLICY = Path(__file__).parent.parent / "config" / "gates.yaml"

Ratio = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class GateOverrides:
    """What a deployment or a run says itself; what is None the YAML of the gates says, see `GatePolicy`.

    Attributes:
        min_f1: least entity F1 of a trained model on the test part, 0 to 1.
        max_f1_below_champion: how far it may lie below the promoted model, measured on the same sentences.
        max_f1_loss: how much entity F1 the INT8 graph may lose against its own FP32 graph.
        min_speed_up: least words per second of INT8 over stock FP32 (oneDNN off), same sentences and batches.
        max_rejected_share: largest share of a night's documents that may be rejected, 0 to 1.
        max_partly_read_share: largest share of a night's tagged documents that may hold something unread, 0 to 1.
    """

    min_f1: float | None = None
    max_f1_below_champion: float | None = None
    max_f1_loss: float | None = None
    min_speed_up: float | None = None
    max_rejected_share: float = 0.2
    max_partly_read_share: float = 0.5

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            bounded = name != "min_speed_up"
            if value is not None and (not math.isfinite(value) or value < 0 or (bounded and value > 1)):
                raise ConfigInvalid(f"found {name}={value}, expected a number from 0{' to 1' if bounded else ' on'}")

    def override(self, **texts: str) -> "GateOverrides":
        """The same with some limits replaced; an empty text leaves its limit as it is.

        Raises:
            ConfigInvalid: a text is no number, or not one that the limit may have.
        """
        given = {name: text for name, text in texts.items() if text}
        try:
            return replace(self, **{name: float(text) for name, text in given.items()})
        except ValueError as error:
            raise ConfigInvalid(f"found {error}, expected numbers, as {', '.join(given)}") from None


class LossLimits(StrictModel):
    """How much F1 may be lost: up to `max_loss` always, up to `hard_loss` where it may be chance."""

    max_loss: Share
    hard_loss: Share

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.max_loss > self.hard_loss:
            raise ValueError(f"max_loss {self.max_loss} lies above hard_loss {self.hard_loss}")
        return self


class ChampionPolicy(LossLimits):
    max_loss: Share = 0.005
    hard_loss: Share = 0.02
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class LabelsPolicy(LossLimits):
    max_loss: Share = 0.03
    hard_loss: Share = 0.25
    min_support: NonNegativeInt = 20
    only: Mapping[str, LossLimits] = {}

    def for_label(self, label: str) -> LossLimits:
        return self.only.get(label, self)


class ModelPolicy(StrictModel):
    min_f1: Share = 0.6
    champion: ChampionPolicy = ChampionPolicy()
    labels: LabelsPolicy = LabelsPolicy()


class SizeShare(StrictModel):
    min: Ratio = 0.1
    max: Ratio = 1.0

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} lies above max {self.max}")
        return self


class Int8Policy(StrictModel):
    max_f1_loss: Share = 0.005
    max_label_loss: Share = 0.05
    max_f1_below_champion: Share = 0.01
    min_agreement: Share = 0.9
    min_speed_up: Ratio = 1.0
    size_share: SizeShare = SizeShare()
    canary_tolerance: Share = 0.01

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.max_f1_loss > self.max_label_loss:
            raise ValueError(f"max_f1_loss {self.max_f1_loss} lies above max_label_loss {self.max_label_loss}")
        return self


class GatePolicy(StrictModel):
    """What a gates YAML may say; `config/gates.yaml` explains each key."""

    data: BatchLimits = BatchLimits()
    model: ModelPolicy = ModelPolicy()
    int8: Int8Policy = Int8Policy()

    @classmethod
    def read(cls, path: Path) -> "GatePolicy":
        """Limits from a YAML file.

        Raises:
            InputMissing: no such file.
            ConfigInvalid: not YAML, an unknown key, a value out of bounds, or two that contradict each other.
        """
        return read_yaml(cls, path, kind="a YAML of gates", expected=f"what {DEFAULT_POLICY.name} explains")

    def with_overrides(self, limits: GateOverrides) -> "GatePolicy":
        """The same with what a deployment or a run says itself; a limit that it loosens takes those behind it along."""
        model, int8 = self.model, self.int8
        champion = model.champion
        below = _first(limits.max_f1_below_champion, champion.max_loss)
        loss = _first(limits.max_f1_loss, int8.max_f1_loss)
        return GatePolicy(
            data=self.data,
            model=_with(
                model,
                min_f1=_first(limits.min_f1, model.min_f1),
                champion=_with(champion, max_loss=below, hard_loss=max(champion.hard_loss, below)),
            ),
            int8=_with(
                int8,
                max_f1_loss=loss,
                max_label_loss=max(int8.max_label_loss, loss),
                min_speed_up=_first(limits.min_speed_up, int8.min_speed_up),
            ),
        )

    def check_labels(self, known: Collection[str]) -> None:
        """Refuse limits of a label that the model does not have: they would never be looked at.

        Raises:
            ConfigInvalid: there is such a label.
        """
        unknown = sorted(set(self.model.labels.only) - set(known))
        if unknown:
            raise ConfigInvalid(f"found label {unknown[0]!r}, expected one of {sorted(known)}, in model.labels.only")


def _first(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given


def _with(part: Any, **values: Any) -> Any:
    return part.model_copy(update=values)
