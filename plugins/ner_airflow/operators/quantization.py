"""The steps of `ner_quantize`: from a registered FP32 model to a promoted INT8 one."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ner_airflow.assets import NER_FP32, NER_INT8
from ner_airflow.observability import metrics
from ner_airflow.observability.lineage import Trace
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Version
from ner_tasks.errors import InputMissing
from ner_tasks.evaluation import gates
from ner_tasks.evaluation.policy import Int8GateParams, Int8LossParams
from ner_tasks.model.model_folder import Kind
from ner_tasks.records import FullComparisonRecord, ScoredVersion, read_record
from ner_tasks.registry import leases, model_card
from ner_tasks.steps.models import (
    CanaryCommand,
    CompareModelsCommand,
    CompareQuantizedCommand,
    ComparisonParams,
    EvaluateCommand,
    FreezeCommand,
    QuantizeCommand,
)
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

CANARY, INT8_COUNTS = "canary.json", "int8-counts.json"  # files of the folder that `compare-quantized` makes
COUNTS = "counts.json"  # a file of the folder that `evaluate` makes


class QuantizeParams(ConfigModel):
    """Which version is quantized."""

    version: Version | None = Field(None, title="Model version", description="Empty: the version just registered")


class ResolveVersionOperator(NerOperator):
    """Return the version to quantize: the parameter, else the one whose registration started this run."""

    def step(self, context: "Context") -> dict[str, Any]:
        version = self.read_config(QuantizeParams).version or self._announced(context) or self._newest()
        leases.record_use(self.registry, models=version)
        details = self.registry.record(version, ScoredVersion)
        return {"version": version, "snapshot": details["snapshot"], "f1": details["overall"]["f1"]}

    def _announced(self, context: "Context") -> str | None:
        """Return the version in the asset event; of several events, the last."""
        events = context["triggering_asset_events"]
        announced = [str(event.extra["version"]) for event in events[NER_FP32]] if NER_FP32 in events else []
        return announced[-1] if announced else None

    def _newest(self) -> str:
        versions = self.registry.versions()
        if not versions:
            raise InputMissing(f"found no registered version, expected one, in {self.store.where(keys.MODELS)}")
        self.log.info("no version asked for: the newest one")
        return versions[-1]


class _MakeModelOperator(CommandOperator):
    """Make one kind of a version's models from another, unless an undamaged one exists."""

    template_fields: Sequence[str] = (*CommandOperator.template_fields, "model")
    command: type[FreezeCommand | QuantizeCommand]
    kind: Kind

    def __init__(self, *, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def step(self, context: "Context") -> dict[str, Any]:
        version = self.model["version"]
        if self.registry.find(version, self.kind):
            self.log.info("the %s model of version %s is there already, nothing to do", self.kind, version)
            return dict(self.model)
        with self.workspace(f"{self.command.name}-{version}") as folder:
            result = self.run_command(self.command(output=folder / "model", **self._inputs()))
            self.registry.put(version, self.kind, folder / "model")
            self.store.write_json(keys.model_report(version, f"{self.command.name}.json"), result)
        return dict(self.model)

    @abstractmethod
    def _inputs(self) -> dict[str, Any]:
        """Return what the command reads, as its settings."""


class FreezeModelOperator(_MakeModelOperator):
    """Convert a trained model into one FP32 inference graph."""

    command, kind = FreezeCommand, "frozen"

    def _inputs(self) -> dict[str, Any]:
        return {"model": self.registry.fetch(self.model["version"], "trained")}


class QuantizeModelOperator(_MakeModelOperator):
    """Quantize the frozen graph to INT8, calibrated on the snapshot's calibration part.

    If that loses too much entity F1 on the dev part, other settings are tried until one is good enough. The limit is that of
    `quantize_accuracy.yaml`, unless the deployment or the run sets `max_f1_loss`.
    """

    command, kind = QuantizeCommand, "int8"

    def _inputs(self) -> dict[str, Any]:
        return {
            "model": self.registry.fetch(self.model["version"], "frozen"),
            "data": self.store.fetch(keys.snapshot(self.model["snapshot"])),
            "accuracy": True,
            "max_f1_loss": self.settings.limits.override(self.read_config(Int8LossParams)).max_f1_loss,
        }


class CompareQuantizedOperator(CommandOperator):
    """Measure F1 and speed of FP32 and INT8 on the same test sentences."""

    template_fields = (*CommandOperator.template_fields, "model")

    def __init__(self, *, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def step(self, context: "Context") -> dict[str, Any]:
        version, snapshot = self.model["version"], self.model["snapshot"]
        comparison = self._compared(version, snapshot)
        champion = self._champion(version)
        losses = self._champion_losses(version, champion, snapshot) if champion else None
        # the files that will run, from where they will be read, in a fresh process
        int8, answers = self.registry.fetch(version, "int8"), self.store.fetch(keys.comparison(version, CANARY))
        canary = self.run_command(CanaryCommand(model=int8, canary=answers))
        names = ("fp32", "int8", "f1_loss", "losses", "agreement", "size_share", "speed")
        return {
            "version": version,
            "snapshot": snapshot,
            **{name: comparison[name] for name in names},
            "champion": champion,
            "champion_losses": losses,
            "canary": canary,
        }

    def _compared(self, version: str, snapshot: str) -> dict[str, Any]:
        scores = keys.comparison_scores(version)
        # a failed comparison may have had a busy machine: only that of a promoted version is reused
        promoted = any(past.version == version for past in self.registry.history())
        if promoted and self.store.exists(scores) and self.store.exists(keys.comparison(version, CANARY)):
            self.log.info("version %s has been compared and promoted already", version)
            return dict(read_record(self.store, scores, FullComparisonRecord))
        with self.workspace(f"compare-{version}") as folder:
            command = CompareQuantizedCommand(
                fp32=self.registry.fetch(version, "frozen"),
                int8=self.registry.fetch(version, "int8"),
                data=self.store.fetch(keys.snapshot(snapshot, "test.csv")),
                output=folder / "compared",
                **self.read_config(ComparisonParams).model_dump(),
            )
            result = self.run_command(command)
            self.store.publish(folder / "compared", keys.comparison(version))
            self.store.write_json(scores, result)
        return result

    def _champion(self, version: str) -> str | None:
        """Return the promoted version, if it is another INT8 model with the same labels."""
        promotion = self.registry.promoted()
        if promotion is None or promotion.version == version:
            return None
        theirs, ours = self.registry.find(promotion.version, "int8"), self.registry.find(version, "int8")
        if theirs is None or ours is None or set(theirs.labels) != set(ours.labels):
            self.log.info("version %s is gone or has other labels: no comparison", promotion.version)
            return None
        return promotion.version

    def _champion_losses(self, version: str, champion: str, snapshot: str) -> dict[str, Any]:
        """Return the F1 lost against the promoted INT8 model on the same sentences."""
        theirs, ours = keys.int8_evaluation(champion, snapshot, COUNTS), keys.comparison(version, INT8_COUNTS)
        if not self.store.exists(theirs):
            with self.workspace(f"evaluate-int8-{champion}-{snapshot}") as folder:
                model, data = self.registry.fetch(champion, "int8"), self.store.fetch(keys.snapshot(snapshot))
                self.run_command(EvaluateCommand(model=model, data=data, output=folder / "report"))
                self.store.publish(folder / "report", keys.int8_evaluation(champion, snapshot))
        result = self.run_command(
            CompareModelsCommand(champion=self.store.fetch(theirs), challenger=self.store.fetch(ours))
        )
        return {name: result[name] for name in ("overall", "labels")}


class Int8GateOperator(NerOperator):
    """Decide whether an INT8 model may be promoted."""

    template_fields = (*NerOperator.template_fields, "comparison")

    def __init__(self, *, comparison: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.comparison = comparison

    def step(self, context: "Context") -> dict[str, Any]:
        policy = self.policy(self.read_config(Int8GateParams))
        figures = {
            "f1": self.comparison["int8"]["overall"]["f1"],
            "f1_loss": self.comparison["f1_loss"],
            "int8_over_stock": self.comparison["speed"]["int8_over_stock"],
        }
        # before the gate: the figures of a refused model matter most
        metrics.emit(
            context,
            int8_f1=figures["f1"],
            int8_f1_loss=figures["f1_loss"],
            int8_speed_up=figures["int8_over_stock"],
        )
        verdict = gates.int8_gate(self.comparison, policy)
        for line in verdict.lines:
            self.log.info("passed: %s", line)
        self.store.write_json(keys.int8_gate(self.comparison["version"]), {"lines": verdict.lines})
        return {"version": self.comparison["version"], "metrics": figures, "gate": list(verdict.lines)}


class PromoteModelOperator(NerOperator):
    """Promote the INT8 model."""

    template_fields = (*NerOperator.template_fields, "checked", "by")

    def __init__(self, *, checked: Any, by: str, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [NER_INT8], **kwargs})
        self.checked, self.by = checked, by

    def step(self, context: "Context") -> dict[str, Any]:
        version, figures = self.checked["version"], self.checked["metrics"]
        by = self.checked.get("approved_by") or self.by
        promotion = self.registry.promote(version, "int8", by=by, metrics=figures)
        self.log.info("promoted: %s since %s, after %s", promotion.version, promotion.at, promotion.previous)
        self.log.info("model card: %s.html", self.store.where(model_card.publish_card(self.registry, version)))
        trained, int8 = keys.model(version, "trained"), keys.model(version, "int8")
        self.trace = Trace(inputs={trained: version}, outputs={int8: version})
        context["outlet_events"][NER_INT8].extra = {"version": version, **figures}
        return {"version": version, "previous": promotion.previous, "metrics": figures}
