"""The steps of `ner_quantize`: from a registered FP32 model to a promoted INT8 one."""

from typing import TYPE_CHECKING, Any

from ner_airflow.assets import NER_FP32, NER_INT8
from ner_airflow.operators.base import NerOperator, VerbOperator
from ner_tasks import gates
from ner_tasks.artifacts import Kind
from ner_tasks.errors import InputMissing
from ner_tasks.versions import card, using

if TYPE_CHECKING:
    from airflow.sdk import Context


class FindModel(NerOperator):
    """Which version to quantize: the one asked for, else the one whose registration started this run."""

    template_fields = ("version",)

    def __init__(self, *, version: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version = version

    def step(self, context: "Context") -> dict[str, Any]:
        version = self.version or self._announced(context) or self._newest()
        using.note(self.registry, models=version)
        details = self.registry.details(version)
        return {"version": version, "snapshot": details["snapshot"], "f1": details["overall"]["f1"]}

    def _announced(self, context: "Context") -> str | None:
        """The version in the asset event; of several that came together, the last."""
        events = context["triggering_asset_events"]
        announced = [str(event.extra["version"]) for event in events[NER_FP32]] if NER_FP32 in events else []
        return announced[-1] if announced else None

    def _newest(self) -> str:
        versions = self.registry.versions()
        if not versions:
            raise InputMissing(f"found no registered version, expected one, in {self.store.where('models')}")
        self.log.info("no version asked for: the newest one")
        return versions[-1]


class _MakeModel(VerbOperator):
    """Makes one kind of a version's models from another; what is there and sound is not made again."""

    template_fields = ("model",)
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
            result = self.run_verb(self.verb, save_model_path=folder / "model", **self._flags())
            self.registry.put(version, self.kind, folder / "model")
            self.store.write_json(f"reports/models/{version}/{self.verb}.json", result)
        return dict(self.model)

    def _flags(self) -> dict[str, Any]:
        raise NotImplementedError


class FreezeModel(_MakeModel):
    """Fold a trained model into one FP32 inference graph."""

    verb, kind = "freeze", "frozen"

    def _flags(self) -> dict[str, Any]:
        return {"model_path": self.registry.fetch(self.model["version"], "trained")}


class QuantizeModel(_MakeModel):
    """Quantize the frozen graph to INT8, calibrated on the snapshot's calibration part."""

    verb, kind = "quantize", "int8"

    def _flags(self) -> dict[str, Any]:
        return {
            "model_path": self.registry.fetch(self.model["version"], "frozen"),
            "dataset_file": self.store.fetch(f"snapshots/{self.model['snapshot']}"),
        }


class CompareModels(VerbOperator):
    """Score and time FP32 and INT8 on the same test sentences."""

    template_fields = ("model", "rounds")

    def __init__(self, *, model: Any, rounds: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model, self.rounds = model, rounds

    def step(self, context: "Context") -> dict[str, Any]:
        version, snapshot = self.model["version"], self.model["snapshot"]
        report = f"reports/models/{version}/compare.json"
        # one that was promoted needs no second opinion; one that failed may have had a busy machine
        if self.store.exists(report) and any(past.version == version for past in self.registry.history()):
            self.log.info("version %s has been compared and promoted already", version)
        else:
            result = self.run_verb(
                "compare",
                fp32=self.registry.fetch(version, "frozen"),
                int8=self.registry.fetch(version, "int8"),
                data=self.store.fetch(f"snapshots/{snapshot}/test.csv"),
                rounds=int(self.rounds),
            )
            self.store.write_json(report, result)
        said = self.store.read_json(report)
        return {
            "version": version,
            "snapshot": snapshot,
            **{name: said[name] for name in ("fp32", "int8", "f1_loss", "speed")},
        }


class CheckQuantized(NerOperator):
    """The gate between an INT8 model and the nightly run."""

    template_fields = ("comparison", "max_f1_loss", "min_speed_up")

    def __init__(self, *, comparison: Any, max_f1_loss: str, min_speed_up: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.comparison, self.max_f1_loss, self.min_speed_up = comparison, max_f1_loss, min_speed_up

    def step(self, context: "Context") -> dict[str, Any]:
        limits = self.settings.limits.adjusted(max_f1_loss=self.max_f1_loss, min_speed_up=self.min_speed_up)
        verdict = gates.quantized_model(self.comparison, limits)
        for line in verdict.lines:
            self.log.info("passed: %s", line)
        metrics = {
            "f1": self.comparison["int8"]["overall"]["f1"],
            "f1_loss": self.comparison["f1_loss"],
            "int8_over_stock": self.comparison["speed"]["int8_over_stock"],
        }
        return {"version": self.comparison["version"], "metrics": metrics, "gate": list(verdict.lines)}


class PromoteModel(NerOperator):
    """Point the nightly run at the INT8 model."""

    template_fields = ("checked", "by")

    def __init__(self, *, checked: Any, by: str, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [NER_INT8], **kwargs})
        self.checked, self.by = checked, by

    def step(self, context: "Context") -> dict[str, Any]:
        version, metrics = self.checked["version"], self.checked["metrics"]
        by = self.checked.get("approved_by") or self.by
        promotion = self.registry.promote(version, "int8", by=by, metrics=metrics)
        self.log.info("promoted: %s since %s, after %s", promotion.version, promotion.at, promotion.previous)
        self.log.info("model card: %s.html", self.store.where(card.publish(self.registry, version)))
        context["outlet_events"][NER_INT8].extra = {"version": version, **metrics}
        return {"version": version, "previous": promotion.previous, "metrics": metrics}
