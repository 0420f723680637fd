"""Limits of the gates: a YAML file, overridden by the settings of a deployment and the params of a run."""

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
    """Limits set by a deployment or a run; None keeps the limit of the YAML file, see `GatePolicy`.

    Attributes:
        min_f1: minimum entity F1 of a trained model on the test part, 0 to 1.
        max_f1_below_champion: maximum loss of entity F1 against the promoted model on the same sentences, 0 to 1.
        max_f1_loss: maximum loss of entity F1 of the INT8 model against its FP32 graph, 0 to 1.
        min_speed_up: minimum ratio of words per second of INT8 to stock FP32 (oneDNN off), at least 0.
        max_rejected_share: maximum share of a night's documents that are rejected, 0 to 1.
        max_partly_read_share: maximum share of a night's tagged documents with unread content, 0 to 1.
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
        """Return a copy with some limits replaced.

        Args:
            texts: limits as text by name; an empty text keeps the limit.

        Raises:
            ConfigInvalid: not a number, or out of bounds.
        """
        given = {name: text for name, text in texts.items() if text}
        try:
            return replace(self, **{name: float(text) for name, text in given.items()})
        except ValueError as error:
            raise ConfigInvalid(f"found {error}, expected numbers, as {', '.join(given)}") from None


class LossLimits(StrictModel):
    """Maximum F1 loss: `max_loss` if the loss is significant, `hard_loss` in any case."""

    max_loss: Share
    hard_loss: Share

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.max_loss > self.hard_loss:
            raise ValueError(f"max_loss {self.max_loss} lies above hard_loss {self.hard_loss}")
        return self


class ChampionPolicy(LossLimits):
    """Limits against the promoted model, all labels together."""

    max_loss: Share = 0.005
    hard_loss: Share = 0.02
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class LabelsPolicy(LossLimits):
    """Limits against the promoted model for each label with at least `min_support` entities."""

    max_loss: Share = 0.03
    hard_loss: Share = 0.25
    min_support: NonNegativeInt = 20
    only: Mapping[str, LossLimits] = {}

    def for_label(self, label: str) -> LossLimits:
        """Return the limits of one label."""
        return self.only.get(label, self)


class ModelPolicy(StrictModel):
    """Limits for a trained model."""

    min_f1: Share = 0.6
    champion: ChampionPolicy = ChampionPolicy()
    labels: LabelsPolicy = LabelsPolicy()


class SizeShare(StrictModel):
    """Bounds for the size of the INT8 graph over that of the FP32 graph."""

    min: Ratio = 0.1
    max: Ratio = 1.0

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min {self.min} lies above max {self.max}")
        return self


class Int8Policy(StrictModel):
    """Limits for an INT8 model."""

    max_f1_loss: Share = 0.005
    max_label_loss: Share = 0.05
    max_f1_below_champion: Share = 0.01
    min_agreement: Share = 0.9
    min_speed_up: Ratio = 1.0
    size_share: SizeShare = SizeShare()
    canary_tolerance: Share = 0.01

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.max_f1_loss > self.max_label_loss:
            raise ValueError(f"max_f1_loss {self.max_f1_loss} lies above max_label_loss {self.max_label_loss}")
        return self


class GatePolicy(StrictModel):
    """Limits of all gates; `config/gates.yaml` documents each key."""

    data: BatchLimits = BatchLimits()
    model: ModelPolicy = ModelPolicy()
    int8: Int8Policy = Int8Policy()

    @classmethod
    def read(cls, path: Path) -> "GatePolicy":
        """Read the limits from a YAML file.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: not YAML, unknown key, value out of bounds, or contradicting values.
        """
        return read_yaml(cls, path, kind="a YAML of gates", expected=f"the keys of {DEFAULT_POLICY.name}")

    def with_overrides(self, limits: GateOverrides) -> "GatePolicy":
        """Return a copy with overridden limits; raising `max_loss` or `max_f1_loss` raises the limits above it too."""
        model, int8 = self.model, self.int8
        champion = model.champion
        below = _coalesce(limits.max_f1_below_champion, champion.max_loss)
        loss = _coalesce(limits.max_f1_loss, int8.max_f1_loss)
        return GatePolicy(
            data=self.data,
            model=_update(
                model,
                min_f1=_coalesce(limits.min_f1, model.min_f1),
                champion=_update(champion, max_loss=below, hard_loss=max(champion.hard_loss, below)),
            ),
            int8=_update(
                int8,
                max_f1_loss=loss,
                max_label_loss=max(int8.max_label_loss, loss),
                min_speed_up=_coalesce(limits.min_speed_up, int8.min_speed_up),
            ),
        )

    def check_labels(self, known: Collection[str]) -> None:
        """Check that every label with its own limits is a label of the model; other limits would never apply.

        Args:
            known: labels of the model.

        Raises:
            ConfigInvalid: unknown label in `model.labels.only`.
        """
        unknown = sorted(set(self.model.labels.only) - set(known))
        if unknown:
            raise ConfigInvalid(f"found label {unknown[0]!r}, expected one of {sorted(known)}, in model.labels.only")


def _coalesce(given: float | None, otherwise: float) -> float:
    return otherwise if given is None else given


def _update(part: Any, **values: Any) -> Any:
    return part.model_copy(update=values)
