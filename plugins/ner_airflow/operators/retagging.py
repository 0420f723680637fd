"""The steps of `ner_retag` that `ner_tag_nightly` does not have: which days, and what another model changes in them."""

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.observability import metrics
from ner_airflow.operators.night import MergingOperator, NightOperator, parse_day
from ner_airflow.operators.tagging import PlanShardsOperator
from ner_tasks.errors import ConfigInvalid
from ner_tasks.store import keys
from ner_tasks.tagging import merge

if TYPE_CHECKING:
    from airflow.sdk import Context

STOPS = ("plan", "diff", "publish")


class PlanDaysOperator(NightOperator):
    """Say which published days another model would tag again, and how long that will take.

    Args:
        first_day, last_day: YYYY-MM-DD, both included; empty: no bound.
        tagged_by: only days that this version has tagged; empty: all that the new one has not.
        model: the version to tag with, as `ResolveModelOperator` gives it.
        stop_after: one of `STOPS`; after the plan, nothing is run.
    """

    template_fields = ("first_day", "last_day", "tagged_by", "model", "stop_after")

    def __init__(
        self, *, first_day: str, last_day: str, tagged_by: str, model: Any, stop_after: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.first_day, self.last_day, self.tagged_by = first_day, last_day, tagged_by
        self.model, self.stop_after = model, stop_after

    def execute(self, context: "Context") -> list[str]:  # type: ignore[override]
        return list(super().execute(context)["days"])

    def step(self, context: "Context") -> dict[str, Any]:
        if self.stop_after not in STOPS:
            raise ConfigInvalid(f"found stop_after={self.stop_after!r}, expected one of {', '.join(STOPS)}")
        plan = [self._day(day, said) for day in self._days() if (said := self.published(day)) and self._wanted(said)]
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
        said = {"model": self.model, "tagged_by": self.tagged_by or None, "days": plan, **total}
        self.store.write_json(keys.retag_plan(self.model["version"]), said)
        if not plan:
            raise AirflowSkipException("found no published day to tag again")
        if self.stop_after == "plan":
            raise AirflowSkipException("planned only; run it again with stop_after = diff or publish")
        return {"days": [day["day"] for day in plan]}

    def _days(self) -> list[str]:
        first = parse_day(self.first_day) if self.first_day else None
        last = parse_day(self.last_day) if self.last_day else None
        days = [(day, parse_day(day)) for day in self.store.folders(keys.TAGGED)]
        return [day for day, date in days if (not first or date >= first) and (not last or date <= last)]

    def _wanted(self, published: dict[str, Any]) -> bool:
        version: str = published["model_version"]
        return version == self.tagged_by if self.tagged_by else version != str(self.model["version"])

    def _day(self, day: str, published: dict[str, Any]) -> dict[str, Any]:
        # at the speed that the day was tagged with
        n_words, words_per_s = published.get("n_words", 0), published.get("words_per_s", 0)
        said = {"n_documents": published.get("n_documents", 0), "n_words": n_words}
        said |= {"model_version": published["model_version"]}
        return {"day": day, **said, "expected_s": round(n_words / words_per_s) if words_per_s > 0 else 0}


class PlanRetagShardsOperator(PlanShardsOperator):
    """Divide the files of several days into shards, all in one list: Airflow maps over one list only."""

    template_fields: tuple[str, ...] = ("days", *PlanShardsOperator.template_fields)

    def __init__(self, *, days: Any, **kwargs: Any) -> None:
        super().__init__(day="", **kwargs)
        self.days = days

    def step(self, context: "Context") -> dict[str, Any]:
        metrics.emit_queue(context, self.store)
        shards: list[dict[str, Any]] = []
        for day in self.days:
            try:
                shards += self.plan(context, day)
            except AirflowSkipException as skipped:
                self.log.info("%s", skipped)
        return {"shards": shards}


class DiffPredictionsOperator(MergingOperator):
    """Tell what another model changes in a day's entities, before anybody reads its answers."""

    template_fields = ("night", "stop_after")

    def __init__(self, *, night: Any, stop_after: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.night, self.stop_after = night, stop_after

    def step(self, context: "Context") -> dict[str, Any]:
        day = self.night["day"]
        plan = self.planned(context, day)
        published = self.published(day)
        if published is None:
            raise AirflowSkipException(
                f"found no published answers of {day} to compare with: it was withdrawn meanwhile"
            )
        with self.workspace(f"compare-{day}-{plan['night']}") as folder:
            new = self.merged(plan, folder / "joined")
            self.store.publish(new, keys.merged_night(day, plan["night"]), marker=merge.MANIFEST)
            difference = self.run_command("diff-predictions", old=self.store.fetch(keys.tagged_day(day)), new=new)
        report = keys.retag_diff(plan["model"]["version"], day)
        self.store.write_json(report, {"day": day, "old_model": published["model_version"], **difference})
        self.log.info("what changes is in %s", report)
        if self.stop_after == "diff":
            raise AirflowSkipException("compared only; run it again with stop_after = publish")
        return dict(self.night)
