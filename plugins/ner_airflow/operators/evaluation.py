"""The steps of `ner_retrain`: from an accepted snapshot to a registered FP32 model."""

from typing import TYPE_CHECKING, Any

from ner_airflow.assets import NER_FP32
from ner_airflow.observability import metrics
from ner_airflow.observability.lineage import Trace
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks.evaluation import gates
from ner_tasks.evaluation.policy import ModelGateParams
from ner_tasks.model import model_folder
from ner_tasks.records import ScoresRecord, TrainingRecord, read_record
from ner_tasks.registry import model_card
from ner_tasks.steps.models import CompareModelsCommand, EvaluateCommand
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

COUNTS, PAGE = "counts.json", "page.html"  # files of the folder that `evaluate` makes


class EvaluateModelOperator(CommandOperator):
    """Evaluate a trained model on the test part of its snapshot, and the promoted model on the same sentences."""

    template_fields = (*CommandOperator.template_fields, "model")

    def __init__(self, *, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def step(self, context: "Context") -> dict[str, Any]:
        version, snapshot = self.model["version"], self.model["snapshot"]
        scores = self._scores(version, snapshot)
        champion = self._champion(version)
        champion_f1 = self._scores(champion, snapshot)["overall"]["f1"] if champion else None
        self.log.info("entity F1 %.4f; promoted model %s: %s", scores["overall"]["f1"], champion, champion_f1)
        page = self.store.where(keys.evaluation(version, snapshot, PAGE))
        self.log.info("intervals, slices, confusion, the worst sentences: %s", page)
        return {
            **scores,
            "version": version,
            "snapshot": snapshot,
            "page": page,
            "champion": champion,
            "champion_f1": champion_f1,
            "losses": self._losses(version, champion, snapshot) if champion else None,
            "full_losses": self._full_losses(version),
        }

    def _scores(self, version: str, snapshot: str) -> dict[str, Any]:
        scores = keys.evaluation_scores(version, snapshot)
        # reports of older releases have no counts and are made again
        if not self.store.exists(scores) or not self.store.exists(keys.evaluation(version, snapshot, COUNTS)):
            with self.workspace(f"evaluate-{version}-{snapshot}") as folder:
                model, data = self.registry.fetch(version, "trained"), self.store.fetch(keys.snapshot(snapshot))
                result = self.run_command(EvaluateCommand(model=model, data=data, output=folder / "report"))
                self.store.publish(folder / "report", keys.evaluation(version, snapshot))
                self.store.write_json(scores, result)
        scored = read_record(self.store, scores, ScoresRecord)
        return {"overall": scored["overall"], "labels": scored["labels"], "n_sentences": scored["n_sentences"]}

    def _losses(self, version: str, champion: str, snapshot: str) -> dict[str, Any]:
        """Return the F1 lost against the champion in total and by label, with bootstrap intervals."""
        theirs, ours = (self.store.fetch(keys.evaluation(of, snapshot, COUNTS)) for of in (champion, version))
        result = self.run_command(CompareModelsCommand(champion=theirs, challenger=ours))
        self.store.write_json(keys.champion_losses(version, snapshot, champion), result)
        return {name: result[name] for name in ("overall", "labels")}

    def _full_losses(self, version: str) -> dict[str, Any] | None:
        """Return the F1 that a right-sized model loses on test against the full one; None if it has all layers."""
        report = keys.training_report(version)
        if not self.store.exists(report):
            return None
        sized = read_record(self.store, report, TrainingRecord).get("right_size")
        return sized["test"] if sized else None

    def _champion(self, version: str) -> str | None:
        """Return the promoted version, if it is another one with the same labels."""
        promotion = self.registry.promoted()
        if promotion is None or promotion.version == version:
            return None
        manifest = self.registry.find(promotion.version, "trained")
        mine = model_folder.read_manifest(self.registry.fetch(version, "trained"))
        if manifest is None or set(manifest.labels) != set(mine.labels):
            self.log.info("version %s is gone or has other labels: no comparison", promotion.version)
            return None
        return promotion.version


class ModelGateOperator(NerOperator):
    """Decide whether a trained model may be registered."""

    template_fields = (*NerOperator.template_fields, "evaluation")

    def __init__(self, *, evaluation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluation = evaluation

    def step(self, context: "Context") -> dict[str, Any]:
        policy = self.policy(self.read_config(ModelGateParams))
        policy.check_labels(self.evaluation["labels"])
        metrics.emit(context, fp32_f1=self.evaluation["overall"]["f1"])
        verdict = gates.model_gate(self.evaluation, policy.model)
        for line in verdict.lines:
            self.log.info("passed: %s", line)
        return {"evaluation": self.evaluation, "gate": list(verdict.lines)}


class RegisterModelOperator(NerOperator):
    """Register the version and update the FP32 asset, which starts `ner_quantize`."""

    template_fields = (*NerOperator.template_fields, "checked")

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [NER_FP32], **kwargs})
        self.checked = checked

    def step(self, context: "Context") -> dict[str, Any]:
        evaluation = self.checked["evaluation"]
        version, f1 = evaluation["version"], evaluation["overall"]["f1"]
        layers = model_folder.describe_layers(model_folder.read_manifest(self.registry.fetch(version, "trained")))
        self.registry.register(version, {**evaluation, "gate": self.checked["gate"], "layers": layers})
        model_card.publish_card(self.registry, version)
        self.trace = Trace(
            inputs={keys.snapshot(evaluation["snapshot"]): evaluation["snapshot"]},
            outputs={keys.model(version, "trained"): version},
        )
        context["outlet_events"][NER_FP32].extra = {"version": version, "f1": f1}
        return {"version": version, "snapshot": evaluation["snapshot"], "f1": f1}
