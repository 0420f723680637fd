"""The steps of `ner_retrain`: from an accepted snapshot to a registered FP32 model."""

from typing import TYPE_CHECKING, Any

from ner_airflow.assets import NER_FP32
from ner_airflow.observability import metrics
from ner_airflow.observability.lineage import Trace
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks.evaluation import gates
from ner_tasks.model import model_folder
from ner_tasks.records import ScoresRecord, read_record
from ner_tasks.registry import model_card
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

COUNTS, PAGE = "counts.json", "page.html"  # what `evaluate` leaves in its folder


class EvaluateModelOperator(CommandOperator):
    """Score a trained model on its snapshot's test part, and the promoted model on the same sentences."""

    template_fields = ("model",)

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
        }

    def _scores(self, version: str, snapshot: str) -> dict[str, Any]:
        scores = keys.evaluation_scores(version, snapshot)
        # the counts came later than the figures: an older report is made again
        if not self.store.exists(scores) or not self.store.exists(keys.evaluation(version, snapshot, COUNTS)):
            with self.workspace(f"evaluate-{version}-{snapshot}") as folder:
                model, data = self.registry.fetch(version, "trained"), self.store.fetch(keys.snapshot(snapshot))
                result = self.run_command("evaluate", model=model, data=data, output=folder / "report")
                self.store.publish(folder / "report", keys.evaluation(version, snapshot))
                self.store.write_json(scores, result)
        said = read_record(self.store, scores, ScoresRecord)
        return {"overall": said["overall"], "labels": said["labels"], "n_sentences": said["n_sentences"]}

    def _losses(self, version: str, champion: str, snapshot: str) -> dict[str, Any]:
        """What is lost against the champion, sentence by sentence: by label, with the part that chance plays."""
        theirs, ours = (self.store.fetch(keys.evaluation(of, snapshot, COUNTS)) for of in (champion, version))
        result = self.run_command("compare-models", champion=theirs, challenger=ours)
        self.store.write_json(keys.champion_losses(version, snapshot, champion), result)
        return {name: result[name] for name in ("overall", "labels")}

    def _champion(self, version: str) -> str | None:
        """The promoted version, if it is another one that knows the same labels."""
        promotion = self.registry.promoted()
        if promotion is None or promotion.version == version:
            return None
        manifest = self.registry.find(promotion.version, "trained")
        mine = model_folder.read_manifest(self.registry.fetch(version, "trained"))
        if manifest is None or set(manifest.labels) != set(mine.labels):
            self.log.info("version %s is gone or knows other labels: not compared with", promotion.version)
            return None
        return promotion.version


class ModelGateOperator(NerOperator):
    """The gate between a trained model and the registry."""

    template_fields = ("evaluation", "min_f1", "max_f1_below_champion")

    def __init__(self, *, evaluation: Any, min_f1: str, max_f1_below_champion: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluation, self.min_f1, self.max_f1_below_champion = evaluation, min_f1, max_f1_below_champion

    def step(self, context: "Context") -> dict[str, Any]:
        policy = self.policy(min_f1=self.min_f1, max_f1_below_champion=self.max_f1_below_champion)
        policy.check_labels(self.evaluation["labels"])
        metrics.emit(context, fp32_f1=self.evaluation["overall"]["f1"])
        verdict = gates.model_gate(self.evaluation, policy.model)
        for line in verdict.lines:
            self.log.info("passed: %s", line)
        return {"evaluation": self.evaluation, "gate": list(verdict.lines)}


class RegisterModelOperator(NerOperator):
    """Let the version count, and tell those who wait for a new FP32 model."""

    template_fields = ("checked",)

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [NER_FP32], **kwargs})
        self.checked = checked

    def step(self, context: "Context") -> dict[str, Any]:
        evaluation = self.checked["evaluation"]
        version, f1 = evaluation["version"], evaluation["overall"]["f1"]
        self.registry.register(version, {**evaluation, "gate": self.checked["gate"]})
        model_card.publish_card(self.registry, version)
        self.trace = Trace(
            inputs={keys.snapshot(evaluation["snapshot"]): evaluation["snapshot"]},
            outputs={keys.model(version, "trained"): version},
        )
        context["outlet_events"][NER_FP32].extra = {"version": version, "f1": f1}
        return {"version": version, "snapshot": evaluation["snapshot"], "f1": f1}
