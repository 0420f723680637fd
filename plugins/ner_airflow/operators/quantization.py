"""The steps of `ner_quantize`: from a registered FP32 model to a promoted INT8 one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ner_airflow.assets import NER_FP32, NER_INT8
from ner_airflow.observability import metrics
from ner_airflow.observability.lineage import Trace
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks.errors import InputMissing
from ner_tasks.evaluation import gates
from ner_tasks.model.model_folder import Kind
from ner_tasks.records import FullComparisonRecord, ScoredVersion, read_record
from ner_tasks.registry import leases, model_card
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

CANARY, INT8_COUNTS = "canary.json", "int8-counts.json"  # what `compare-quantized` leaves in its folder
COUNTS = "counts.json"  # what `evaluate` leaves in its own


class ResolveVersionOperator(NerOperator):
    """Which version to quantize: the one asked for, else the one whose registration started this run."""

    template_fields = ("version",)

    def __init__(self, *, version: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version = version

    def step(self, context: "Context") -> dict[str, Any]:
        version = self.version or self._announced(context) or self._newest()
        leases.record_use(self.registry, models=version)
        details = self.registry.record(version, ScoredVersion)
        return {"version": version, "snapshot": details["snapshot"], "f1": details["overall"]["f1"]}

    def _announced(self, context: "Context") -> str | None:
        """The version in the asset event; of several that came together, the last."""
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
    """Makes one kind of a version's models from another; what is there and sound is not made again."""

    template_fields: Sequence[str] = ("model",)
    verb: str
    kind: Kind

    def __init__(self, *, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def step(self, context: "Context") -> dict[str, Any]:
        version = self.model["version"]
        if self.registry.find(version, self.kind):
            self.log.info("the %s model of version %s is there already, nothing to do", self.kind, version)
            return dict(self.model)
        with self.workspace(f"{self.verb}-{version}") as folder:
            result = self.run_command(self.verb, save_model_path=folder / "model", **self._flags())
            self.registry.put(version, self.kind, folder / "model")
            self.store.write_json(keys.model_report(version, f"{self.verb}.json"), result)
        return dict(self.model)

    def _flags(self) -> dict[str, Any]:
        raise NotImplementedError


class FreezeModelOperator(_MakeModelOperator):
    """Fold a trained model into one FP32 inference graph."""

    verb, kind = "freeze", "frozen"

    def _flags(self) -> dict[str, Any]:
        return {"model_path": self.registry.fetch(self.model["version"], "trained")}


class QuantizeModelOperator(_MakeModelOperator):
    """Quantize the frozen graph to INT8, calibrated on the snapshot's calibration part.

    If that loses too much entity F1 on the dev part, other ways are tried until one is good enough. How much is too
    much the YAML says, unless the deployment or the run says itself what the gate lets through.
    """

    template_fields = ("model", "max_f1_loss")
    verb, kind = "quantize", "int8"

    def __init__(self, *, max_f1_loss: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_f1_loss = max_f1_loss

    def _flags(self) -> dict[str, Any]:
        return {
            "model_path": self.registry.fetch(self.model["version"], "frozen"),
            "dataset_file": self.store.fetch(keys.snapshot(self.model["snapshot"])),
            "accuracy": 1,
            "max_f1_loss": self.settings.limits.override(max_f1_loss=self.max_f1_loss).max_f1_loss,
        }


class CompareQuantizedOperator(CommandOperator):
    """Score and time FP32 and INT8 on the same test sentences."""

    template_fields = ("model", "rounds")

    def __init__(self, *, model: Any, rounds: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model, self.rounds = model, rounds

    def step(self, context: "Context") -> dict[str, Any]:
        version, snapshot = self.model["version"], self.model["snapshot"]
        said = self._compared(version, snapshot)
        champion = self._champion(version)
        losses = self._champion_losses(version, champion, snapshot) if champion else None
        # what will run, where it will be read from, in a process that has just been started
        int8, answers = self.registry.fetch(version, "int8"), self.store.fetch(keys.comparison(version, CANARY))
        canary = self.run_command("canary", model=int8, canary=answers)
        names = ("fp32", "int8", "f1_loss", "losses", "agreement", "size_share", "speed")
        return {
            "version": version,
            "snapshot": snapshot,
            **{name: said[name] for name in names},
            "champion": champion,
            "champion_losses": losses,
            "canary": canary,
        }

    def _compared(self, version: str, snapshot: str) -> dict[str, Any]:
        scores = keys.comparison_scores(version)
        # one that was promoted needs no second opinion; one that failed may have had a busy machine
        promoted = any(past.version == version for past in self.registry.history())
        if promoted and self.store.exists(scores) and self.store.exists(keys.comparison(version, CANARY)):
            self.log.info("version %s has been compared and promoted already", version)
            return dict(read_record(self.store, scores, FullComparisonRecord))
        with self.workspace(f"compare-{version}") as folder:
            result = self.run_command(
                "compare-quantized",
                fp32=self.registry.fetch(version, "frozen"),
                int8=self.registry.fetch(version, "int8"),
                data=self.store.fetch(keys.snapshot(snapshot, "test.csv")),
                rounds=int(self.rounds),
                output=folder / "compared",
            )
            self.store.publish(folder / "compared", keys.comparison(version))
            self.store.write_json(scores, result)
        return result

    def _champion(self, version: str) -> str | None:
        """The promoted version, if it is another INT8 model that knows the same labels."""
        promotion = self.registry.promoted()
        if promotion is None or promotion.version == version:
            return None
        theirs, ours = self.registry.find(promotion.version, "int8"), self.registry.find(version, "int8")
        if theirs is None or ours is None or set(theirs.labels) != set(ours.labels):
            self.log.info("version %s is gone or knows other labels: not compared with", promotion.version)
            return None
        return promotion.version

    def _champion_losses(self, version: str, champion: str, snapshot: str) -> dict[str, Any]:
        """What is lost against the promoted INT8 model on the same sentences."""
        theirs, ours = keys.int8_evaluation(champion, snapshot, COUNTS), keys.comparison(version, INT8_COUNTS)
        if not self.store.exists(theirs):
            with self.workspace(f"evaluate-int8-{champion}-{snapshot}") as folder:
                model, data = self.registry.fetch(champion, "int8"), self.store.fetch(keys.snapshot(snapshot))
                self.run_command("evaluate", model=model, data=data, output=folder / "report")
                self.store.publish(folder / "report", keys.int8_evaluation(champion, snapshot))
        result = self.run_command(
            "compare-models", champion=self.store.fetch(theirs), challenger=self.store.fetch(ours)
        )
        return {name: result[name] for name in ("overall", "labels")}


class Int8GateOperator(NerOperator):
    """The gate between an INT8 model and the nightly run."""

    template_fields = ("comparison", "max_f1_loss", "min_speed_up")

    def __init__(self, *, comparison: Any, max_f1_loss: str, min_speed_up: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.comparison, self.max_f1_loss, self.min_speed_up = comparison, max_f1_loss, min_speed_up

    def step(self, context: "Context") -> dict[str, Any]:
        policy = self.policy(max_f1_loss=self.max_f1_loss, min_speed_up=self.min_speed_up)
        figures = {
            "f1": self.comparison["int8"]["overall"]["f1"],
            "f1_loss": self.comparison["f1_loss"],
            "int8_over_stock": self.comparison["speed"]["int8_over_stock"],
        }
        # before the gate: what it refuses is what somebody will want to see
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
    """Point the nightly run at the INT8 model."""

    template_fields = ("checked", "by")

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
