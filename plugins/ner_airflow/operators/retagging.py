"""The steps of `ner_retag` that `ner_tag_nightly` does not have: select the days, compare the predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.observability import metrics
from ner_airflow.operators.base import CommandOperator
from ner_airflow.operators.night import NightOperator, parse_day
from ner_airflow.operators.tagging import PlanParams, PlanShardsOperator
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Day, Version
from ner_tasks.steps.tagging import DiffPredictionsCommand
from ner_tasks.store import keys
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.day_parts import fetch_day, fetch_parts

if TYPE_CHECKING:
    from airflow.sdk import Context


class RetagParams(ConfigModel):
    """Which days are tagged again, and how far."""

    first_day: Day | None = Field(None, title="First day", description="Empty: the oldest published day")
    last_day: Day | None = Field(None, title="Last day", description="Empty: the newest published day")
    tagged_by: Version | None = Field(
        None, title="Tagged by", description="Only days tagged by this version; empty: by any other version"
    )
    stop_after: Literal["plan", "diff", "publish"] = Field(
        "plan", title="Stop after", description="plan: list the days; diff: compare the answers; publish: replace them"
    )


class PlanDaysOperator(NightOperator):
    """List the published days that another model would tag again, and estimate the time.

    Args:
        model: the version to tag with, as `ResolveModelOperator` returns it.
    """

    template_fields = (*NightOperator.template_fields, "model")

    def __init__(self, *, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def execute(self, context: "Context") -> list[str]:  # type: ignore[override]
        return list(super().execute(context)["days"])

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(RetagParams)
        plan = [
            self._day(day, manifest)
            for day in self._days(params)
            if (manifest := self.published(day)) and self._is_wanted(manifest, params.tagged_by)
        ]
        n_documents, n_words, expected_s = (
            sum(day[name] for day in plan) for name in ("n_documents", "n_words", "expected_s")
        )
        for day in plan:
            self.log.info(
                "%(day)s: %(n_documents)d documents, %(n_words)d words, by %(model_version)s, about %(expected_s)d s",
                day,
            )
        self.log.info("%d days, %d documents, %d words: about %d s", len(plan), n_documents, n_words, expected_s)
        total = {"n_documents": n_documents, "n_words": n_words, "expected_s": expected_s}
        record = {"model": self.model, "tagged_by": params.tagged_by, "days": plan, **total}
        self.store.write_json(keys.retag_plan(self.model["version"]), record)
        if not plan:
            raise AirflowSkipException("found no published day to tag again")
        if params.stop_after == "plan":
            raise AirflowSkipException("planned only; run it again with stop_after = diff or publish")
        return {"days": [day["day"] for day in plan]}

    def _days(self, params: RetagParams) -> list[str]:
        first = parse_day(params.first_day) if params.first_day else None
        last = parse_day(params.last_day) if params.last_day else None
        days = [(day, parse_day(day)) for day in self.store.folders(keys.TAGGED)]
        return [day for day, date in days if (not first or date >= first) and (not last or date <= last)]

    def _is_wanted(self, published: dict[str, Any], tagged_by: str | None) -> bool:
        version: str = published["model_version"]
        return version == tagged_by if tagged_by else version != str(self.model["version"])

    def _day(self, day: str, published: dict[str, Any]) -> dict[str, Any]:
        # estimated from the speed at which the day was tagged
        n_words, words_per_s = published.get("n_words", 0), published.get("words_per_s", 0)
        record = {"n_documents": published.get("n_documents", 0), "n_words": n_words}
        record |= {"model_version": published["model_version"]}
        return {"day": day, **record, "expected_s": round(n_words / words_per_s) if words_per_s > 0 else 0}


class PlanRetagShardsOperator(PlanShardsOperator):
    """Divide the files of several days into one list of shards, because Airflow maps over one list only."""

    template_fields = (*PlanShardsOperator.template_fields, "days")

    def __init__(self, *, days: Any, **kwargs: Any) -> None:
        super().__init__(day="", **kwargs)
        self.days = days

    def step(self, context: "Context") -> dict[str, Any]:
        metrics.emit_queue(context, self.store)
        params, shards = self.read_config(PlanParams), list[dict[str, Any]]()
        for day in self.days:
            try:
                shards += self.plan(context, day, params)
            except AirflowSkipException as skipped:
                self.log.info("%s", skipped)
        return {"shards": shards}


class DiffPredictionsOperator(NightOperator, CommandOperator):
    """Compare two models' predictions for a day, part after part, before the new ones are published."""

    template_fields = (*NightOperator.template_fields, "night")

    def __init__(self, *, night: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.night = night

    def step(self, context: "Context") -> dict[str, Any]:
        day = self.night["day"]
        plan = self.planned(context, day)
        published = self.published(day)
        if published is None:
            raise AirflowSkipException(
                f"found no published answers of {day} to compare with: it was withdrawn meanwhile"
            )
        with self.workspace(f"compare-{day}-{plan['night']}") as folder:
            parts = [record["part"] for record in self.shard_records(plan)]
            new = fetch_parts(self.store, day, {"parts": parts}, (DOCUMENTS,)) or [_without_answers(folder / "none")]
            old = fetch_day(self.store, day, folder / "store", (DOCUMENTS,))
            difference = self.run_command(DiffPredictionsCommand(old=(old,), new=tuple(new)))
        report = keys.retag_diff(plan["model"]["version"], day)
        self.store.write_json(report, {"day": day, "old_model": published["model_version"], **difference})
        self.log.info("what changes is in %s", report)
        if self.read_config(RetagParams).stop_after == "diff":
            raise AirflowSkipException("compared only; run it again with stop_after = publish")
        return dict(self.night)


def _without_answers(folder: Path) -> Path:
    """Make the answers of a night without shards, whose inbox was emptied."""
    folder.mkdir(exist_ok=True)
    (folder / DOCUMENTS).touch()
    return folder
