"""Tag a sample of a night with another model: for the impact report before a promotion, and for the review queue."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.operators.base import CommandOperator
from ner_airflow.operators.night import VOCABULARIES, NightOperator, parse_day
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Day, Version
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic, schema
from ner_tasks.records import SampledFile, VersionRecord, read_record, read_records
from ner_tasks.registry import leases
from ner_tasks.review.impact import GONE, NO_NIGHT, summarize_impact
from ner_tasks.review.sampling import pick_parts
from ner_tasks.steps.answers import ReviewCommand, ReviewParams, SampleCommand, SampleParams
from ner_tasks.steps.tagging import DiffPredictionsCommand, TagCommand
from ner_tasks.store import keys
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.day_parts import fetch_day, fetch_parts
from ner_tasks.tagging.inputs import write_inputs

if TYPE_CHECKING:
    from airflow.sdk import Context


class ShadowTaggingOperator(NightOperator, CommandOperator):
    """A step that tags a sample of a published night with another model."""

    def newest_day(self) -> str | None:
        """Return the last day with answers; None if there is none."""
        for day in reversed(self.store.folders(keys.TAGGED)):
            published = self.published(day)
            if published and published.get("n_tagged"):
                return day
        return None

    def answer_again(self, day: str, version: str, folder: Path, *, max_words: int) -> dict[str, Any] | None:
        """Tag a sample of the day's files; the published answers go to `old`, those of the other model to `new`.

        Args:
            day: a published one.
            version: the other model's; its INT8 graph is what would run.
            folder: where to.
            max_words: most words in the sample.

        Returns:
            What `sample` says; None if none of these files is in the inbox any more.
        """
        published = self.published(day) or {}
        answers = self._fetch_sampled(day, published, folder, max_words)
        sampled = self.run_command(SampleCommand(answers=answers, output=folder / "old", max_words=max_words))
        if "parts" in published:  # counts of the day, and not of the parts that were picked
            counts = {"n_documents": published.get("n_tagged"), "n_words": published.get("n_words")}
            sampled |= {name: n for name, n in counts.items() if n is not None}
        names = [line["name"] for line in read_records(folder / "old" / "files.jsonl", SampledFile)]
        paths = self.store.fetch_files([keys.inbox_day(day, name) for name in names], folder / "inbox")
        if not any(paths):
            return None
        write_inputs(folder / "inputs.jsonl", names, paths)
        command = TagCommand(
            model=self.registry.fetch(version, "int8"),
            output=folder / "new",
            inputs_file=folder / "inputs.jsonl",
            **self.tag_config(),
            **published.get("columns", {}),
        )
        self.run_command(command, tolerate="GateNotPassed")  # no answer at all is a result as well
        return sampled

    def _fetch_sampled(self, day: str, published: Mapping[str, Any], folder: Path, max_words: int) -> tuple[Path, ...]:
        """Make the parts of a day available that a sample is taken from; of a small day it is all of them."""
        parts = published.get("parts") or []
        picked = pick_parts(parts, min(1.0, max_words / max(1, published.get("n_words", 0))))
        if not picked or len(picked) == len(parts):
            return (fetch_day(self.store, day, folder / "store", (DOCUMENTS,)),)
        return tuple(fetch_parts(self.store, day, {"parts": picked}, (DOCUMENTS,)))


class ReportImpactOperator(ShadowTaggingOperator):
    """Report what a new model changes in last night's documents, before it is promoted.

    This is no gate: it writes `reports/impact/<version>.json` and a summary.

    Args:
        checked: result of the gate.
    """

    template_fields = (*ShadowTaggingOperator.template_fields, "checked")

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.checked = checked

    def step(self, context: "Context") -> dict[str, Any]:
        version, day = self.checked["version"], self.newest_day()
        key = keys.impact_report(version)
        record: dict[str, Any] = {"version": version, "day": day}
        if day is None:
            record["summary"] = NO_NIGHT
        else:
            with self.workspace(f"impact-{version}") as folder:
                max_words = self.read_config(SampleParams).max_words
                if sampled := self.answer_again(day, version, folder, max_words=max_words):
                    command = DiffPredictionsCommand(old=(folder / "old",), new=(folder / "new",))
                    record |= {**sampled, "difference": self.run_command(command)}
            record["summary"] = summarize_impact(record) if sampled else GONE.format(day)
        self.store.write_json(key, record)
        # the report quotes documents; the log and Airflow's database must not
        figures = summarize_impact(record, quoting=False) if "difference" in record else record["summary"]
        for line in figures.splitlines():
            self.log.info("%s", line)
        return {**self.checked, "impact": {"key": key, "summary": figures}}


class ReviewNightParams(ConfigModel):
    """Which night is reviewed."""

    day: Day | None = Field(None, title="Day", description="Empty: the last published day")
    other: Version | None = Field(
        None, title="Second model version", description="Its disagreements are queued as well; empty: none"
    )
    n_reviewers: int = Field(
        1, ge=1, le=5, title="Reviewers per sentence", description="How many must agree before a sentence is settled"
    )


class ExportReviewOperator(ShadowTaggingOperator):
    """Choose the sentences of a night that a reviewer should check first, for the pages, Label Studio and doccano."""

    def step(self, context: "Context") -> dict[str, Any]:
        if not self.settings.keep_text:
            raise AirflowSkipException(
                "found NER_KEEP_TEXT=0, expected 1: without texts nothing can be asked of people"
            )
        params = self.read_config(ReviewNightParams)
        day = str(parse_day(params.day)) if params.day else self.newest_day()
        published = self.published(day) if day else None
        if day is None or published is None:
            raise AirflowSkipException(f"found no published answers{f' of {day}' if day else ''}: nothing to review")
        with self.workspace(f"review-{day}") as folder:
            answers, other = fetch_day(self.store, day, folder / "store", (DOCUMENTS,)), None
            if params.other:
                leases.record_use(self.registry, models=params.other)
                max_words = self.read_config(SampleParams).max_words
                if self.answer_again(day, params.other, folder, max_words=max_words) is None:
                    inbox = keys.inbox_day(day)
                    raise InputMissing(f"found none of the files in {inbox}, expected them, for version {params.other}")
                other = folder / "new"
            command = ReviewCommand(
                answers=(answers,),
                other=other,
                output=folder / "queue",
                day=day,
                labels=self._labels(published["model_version"]),
                **self._codes(),
                **self.read_config(ReviewParams).model_dump(),
            )
            asked = self.run_command(command)
            record = {"day": day, "model_version": published["model_version"], "other": params.other, **asked}
            record["n_reviewers"] = params.n_reviewers
            atomic.write_json(folder / "queue" / keys.REVIEW_REPORT, schema.stamp(record))
            self.store.publish(folder / "queue", keys.review(day), marker=keys.REVIEW_REPORT)
        self.log.info("corrected elsewhere, they go into %s/", keys.labelled_batch(f"review-{day}"))
        return {"day": day, "n_sentences": asked["n_sentences"], "key": keys.review(day)}

    def _labels(self, version: str) -> tuple[str, ...]:
        """Return the labels of a model; none if the version is gone, and then the answers' own are left."""
        try:
            return tuple(read_record(self.store, keys.registration(version), VersionRecord)["labels"])
        except (InputMissing, ArtifactBroken) as error:
            self.log.warning("only labels of the answers can be chosen: %s", error)
            return ()

    def _codes(self) -> dict[str, Any]:
        """Return the settings of `review` by which codes are suggested."""
        config = self.settings.part(EnrichmentConfig)
        cache = self.settings.scratch / VOCABULARIES
        return {"vocabulary": config.vocabulary, "code_labels": config.code_labels, "cache": cache}
