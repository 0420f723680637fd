"""Limits of the gates: a YAML file, overridden by the settings of a deployment and the params of a run."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeInt, model_validator

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Share
from ner_tasks.data.validation.limits import BatchLimits
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import StrictModel, read_yaml

DEFAULT_POLICY = Path(__file__).parent.parent / "config" / "gates.yaml"

Ratio = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ModelGateParams(ConfigModel):
    """Limits of the model gate that a deployment or a run sets itself; empty: those of the gates' YAML."""

    min_f1: Share | None = Field(
        None, title="Minimum entity F1", description="Empty: NER_MIN_F1, otherwise the gates' YAML"
    )
    max_f1_below_champion: Share | None = Field(
        None,
        title="Maximum F1 below the promoted model",
        description="Empty: NER_MAX_F1_BELOW_CHAMPION, otherwise the gates' YAML",
    )


class Int8LossParams(ConfigModel):
    """The F1 that a quantized model may lose."""

    max_f1_loss: Share | None = Field(
        None,
        title="Maximum F1 loss of INT8",
        description="Against FP32. Empty: NER_MAX_F1_LOSS, otherwise the gates' YAML",
    )


class Int8GateParams(Int8LossParams):
    """Limits of the INT8 gate that a deployment or a run sets itself."""

    min_speed_up: Annotated[float, Field(ge=0, le=1000)] | None = Field(
        None,
        title="Minimum speed-up of INT8",
        description="Words/s over FP32 without oneDNN. Empty: NER_MIN_SPEED_UP, otherwise the gates' YAML",
    )


class NightGateParams(ConfigModel):
    """Limits of the night gate that a deployment or a run sets itself."""

    max_rejected_share: Share | None = Field(
        None,
        title="Maximum share of rejected documents",
        description="Empty: NER_MAX_REJECTED_SHARE, otherwise the gates' YAML",
    )
    max_partly_read_share: Share | None = Field(
        None,
        title="Maximum share of partly read documents",
        description="Empty: NER_MAX_PARTLY_READ_SHARE, otherwise the gates' YAML",
    )


class GateOverrides(ModelGateParams, Int8GateParams, NightGateParams):
    """All limits that a deployment or a run sets itself; those that are None come from the gates' YAML."""

    def override(self, params: ConfigModel) -> "GateOverrides":
        """Return these limits with those that the parameters of a run set."""
        given = params.model_dump(exclude_none=True)
        return self.model_copy(update={name: given[name] for name in GateOverrides.model_fields if name in given})


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


class RightSizePolicy(StrictModel):
    """Limit of a right-sized model against the full one."""

    max_f1_loss: Share = 0.005
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class ModelPolicy(StrictModel):
    """Limits for a trained model."""

    min_f1: Share = 0.6
    champion: ChampionPolicy = ChampionPolicy()
    labels: LabelsPolicy = LabelsPolicy()
    right_size: RightSizePolicy = RightSizePolicy()


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


class NightPolicy(StrictModel):
    """How many documents of a night may be rejected or read in part."""

    max_rejected_share: Share = 0.2
    max_partly_read_share: Share = 0.5


class GatePolicy(StrictModel):
    """Limits of all gates; `config/gates.yaml` documents each key."""

    data: BatchLimits = BatchLimits()
    model: ModelPolicy = ModelPolicy()
    int8: Int8Policy = Int8Policy()
    night: NightPolicy = NightPolicy()

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
        model, int8, night = self.model, self.int8, self.night
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
            night=_update(
                night,
                max_rejected_share=_coalesce(limits.max_rejected_share, night.max_rejected_share),
                max_partly_read_share=_coalesce(limits.max_partly_read_share, night.max_partly_read_share),
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
