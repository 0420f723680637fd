"""What another model says about a part of a night: the report before a promotion, the queue that people read."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.operators.base import CommandOperator
from ner_airflow.operators.night import NightOperator, parse_day
from ner_tasks.errors import InputMissing
from ner_tasks.records import SampledFile, read_records
from ner_tasks.registry import leases
from ner_tasks.review.impact import GONE, NO_NIGHT, summarize_impact
from ner_tasks.store import keys
from ner_tasks.tagging.inputs import write_inputs

if TYPE_CHECKING:
    from airflow.sdk import Context


class ShadowTaggingOperator(NightOperator, CommandOperator):
    """A step that lets another model answer some of a published night's files."""

    def newest_day(self) -> str | None:
        """The last day with answers; None if there is none."""
        for day in reversed(self.store.folders(keys.TAGGED)):
            published = self.published(day)
            if published and published.get("n_tagged"):
                return day
        return None

    def answer_again(self, day: str, version: str, folder: Path, *, max_words: int) -> dict[str, Any] | None:
        """Answers of a sample of the day's files, as published under `old` and by the other model under `new`.

        Args:
            day: a published one.
            version: the other model's; its INT8 graph is what would run.
            folder: where to.
            max_words: most words in the sample.

        Returns:
            What `sample` says; None if none of these files is in the inbox any more.
        """
        published = self.published(day) or {}
        answers = self.store.fetch(keys.tagged_day(day))
        sampled = self.run_command("sample", answers=answers, output=folder / "old", max_words=max_words)
        names = [line["name"] for line in read_records(folder / "old" / "files.jsonl", SampledFile)]
        paths = self.store.fetch_files([keys.inbox_day(day, name) for name in names], folder / "inbox")
        if not any(paths):
            return None
        write_inputs(folder / "inputs.jsonl", names, paths)
        self.run_command(
            "tag",
            model=self.registry.fetch(version, "int8"),
            output=folder / "new",
            inputs_file=folder / "inputs.jsonl",
            **self.reading_flags(),
            **published.get("columns", {}),
            tolerate="GateNotPassed",  # that it answers nothing is what there is to say
        )
        return sampled


class ReportImpactOperator(ShadowTaggingOperator):
    """Tell what a new model changes in last night's corpus, before it is promoted.

    Refuses nothing: it says what a person wants to know, in `reports/impact/<version>.json` and in a few lines.

    Args:
        checked: what the gate said.
        max_words: most words of the night that are tagged again.
    """

    template_fields = ("checked", "max_words")

    def __init__(self, *, checked: Any, max_words: str = "50000", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.checked, self.max_words = checked, max_words

    def step(self, context: "Context") -> dict[str, Any]:
        version, day = self.checked["version"], self.newest_day()
        key = keys.impact_report(version)
        said: dict[str, Any] = {"version": version, "day": day}
        if day is None:
            said["summary"] = NO_NIGHT
        else:
            with self.workspace(f"impact-{version}") as folder:
                if sampled := self.answer_again(day, version, folder, max_words=int(self.max_words)):
                    said |= {
                        **sampled,
                        "difference": self.run_command("diff-predictions", old=folder / "old", new=folder / "new"),
                    }
            said["summary"] = summarize_impact(said) if sampled else GONE.format(day)
        self.store.write_json(key, said)
        # the report quotes documents; the log, and what Airflow keeps in its database, do not
        figures = summarize_impact(said, quoting=False) if "difference" in said else said["summary"]
        for line in figures.splitlines():
            self.log.info("%s", line)
        return {**self.checked, "impact": {"key": key, "summary": figures}}


class ExportReviewOperator(ShadowTaggingOperator):
    """Write the sentences of a night that are most worth a person's time for Label Studio and doccano.

    Args:
        day: YYYY-MM-DD; empty: the last one published.
        other: another version, whose disagreement is asked about; empty: none.
        n_most: most sentences.
        max_score: a mention that scores less is asked about.
        max_words: most words that the other version tags.
    """

    template_fields = ("day", "other", "n_most", "max_score", "max_words")

    def __init__(
        self, *, day: str, other: str, n_most: str, max_score: str, max_words: str = "50000", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.day, self.other, self.n_most, self.max_score, self.max_words = day, other, n_most, max_score, max_words

    def step(self, context: "Context") -> dict[str, Any]:
        if not self.settings.keep_text:
            raise AirflowSkipException(
                "found NER_KEEP_TEXT=0, expected 1: without texts nothing can be asked of people"
            )
        day = str(parse_day(self.day)) if self.day else self.newest_day()
        published = self.published(day) if day else None
        if day is None or published is None:
            raise AirflowSkipException(f"found no published answers{f' of {day}' if day else ''}: nothing to review")
        with self.workspace(f"review-{day}") as folder:
            answers, other = self.store.fetch(keys.tagged_day(day)), None
            if self.other:
                leases.record_use(self.registry, models=self.other)
                if self.answer_again(day, self.other, folder, max_words=int(self.max_words)) is None:
                    inbox = keys.inbox_day(day)
                    raise InputMissing(f"found none of the files in {inbox}, expected them, for version {self.other}")
                other = folder / "new"
            asked = self.run_command(
                "review",
                answers=answers,
                other=other,
                output=folder / "queue",
                day=day,
                n_most=int(self.n_most),
                max_score=float(self.max_score),
            )
            said = {"day": day, "model_version": published["model_version"], "other": self.other or None, **asked}
            (folder / "queue" / keys.REVIEW_REPORT).write_text(json.dumps(said, indent=1), encoding="utf-8")
            self.store.publish(folder / "queue", keys.review(day), marker=keys.REVIEW_REPORT)
        self.log.info("corrected, they go into %s/", keys.labelled_batch(f"review-{day}"))
        return {"day": day, "n_sentences": asked["n_sentences"], "key": keys.review(day)}
