"""The first steps of `ner_tag_nightly`: model and plan; `shards` and `publication` have the later ones."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.observability import metrics
from ner_airflow.operators.base import NerOperator
from ner_airflow.operators.night import NightOperator, parse_day
from ner_airflow.schedule import is_by_hand, is_drop_complete, is_under_way
from ner_tasks import fingerprint
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Version
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.records import (
    PlannedShard,
)
from ner_tasks.registry import leases
from ner_tasks.steps.tagging import ColumnParams, EntityParams
from ner_tasks.store import keys
from ner_tasks.tagging import file_chain, planning
from ner_tasks.tagging.arrivals import QUIET_S, SettledFiles

if TYPE_CHECKING:
    from airflow.sdk import Context


class ModelParams(ConfigModel):
    """Which model tags."""

    model: Version | None = Field(None, title="Model version", description="Empty: the promoted version")


class ShardParams(ConfigModel):
    """How a day's files are divided."""

    shard_mib: int = Field(8, ge=1, le=1024, title="Minimum size of a shard in MiB")


class PlanParams(ColumnParams, ShardParams, EntityParams):
    """How a night is planned."""

    lookback_days: int = Field(
        0,
        ge=0,
        le=366,
        title="Days of reuse",
        description="The answers of so many earlier days are reused for identical texts",
    )
    retry_rejected: bool = Field(
        False, title="Retry rejected documents", description="Read rejected documents again; the other answers are kept"
    )
    force: bool = Field(False, title="Force", description="Tag everything again even if this model has already done so")


class ResolveModelOperator(NerOperator):
    """Pin the model for the whole night, so that a promotion during the night changes nothing."""

    def step(self, context: "Context") -> dict[str, Any]:
        asked_for = self.read_config(ModelParams).model
        if asked_for:  # the promoted version is never deleted
            leases.record_use(self.registry, models=asked_for)
        version, path = self.registry.resolve(asked_for)
        self.log.info("model of this night: %s, at %s", version, path)
        promotion = self.registry.promoted()
        if promotion:
            metrics.emit(context, model_age_s=time.time() - datetime.fromisoformat(promotion.at).timestamp())
        model: dict[str, Any] = {"version": version, "kind": path.name}
        # pinned as well; each worker uses the choice for its kind of machine
        choices = self.registry.runtime_configs(version) if path.name == "int8" else {}
        return model | ({"tuned": {name: asdict(choice) for name, choice in choices.items()}} if choices else {})


class PlanShardsOperator(NightOperator):
    """Divide the day's files into shards; skip a day that this model has already tagged.

    Args:
        day: YYYY-MM-DD.
        model: result of `ResolveModelOperator`.
    """

    template_fields: Sequence[str] = (*NightOperator.template_fields, "day", "model")

    def __init__(self, *, day: str, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day, self.model = day, model

    def execute(self, context: "Context") -> list[dict[str, Any]]:  # type: ignore[override]
        return list(super().execute(context)["shards"])

    def step(self, context: "Context") -> dict[str, Any]:
        metrics.emit_queue(context, self.store)
        return {"shards": self.plan(context, self.day, self.read_config(PlanParams))}

    def plan(self, context: "Context", day: str, params: PlanParams) -> list[dict[str, Any]]:
        """Return the day's shards; what they share goes into the plan, because XComs have to be small."""
        run, listed_at = context.get("dag_run"), datetime.now(UTC)
        quiet_s = 0 if is_drop_complete(run, day) else QUIET_S
        stored = self.store.files(keys.inbox_day(parse_day(day)))
        files = SettledFiles(stored, listed_at.timestamp(), quiet_s)
        name = f"plan-{day}-{keys.run_name(str(context['run_id']))}"
        with self.workspace(name) as folder, planning.frozen_heap():
            inbox = planning.write_listing(files, folder / "listing.jsonl")
            metrics.emit(context, queue_files=inbox.n_files, queue_bytes=inbox.n_bytes)
            if files.n_left_out:
                self.log.info(
                    "%d files that changed in the last %g s are left to the next run", files.n_left_out, quiet_s
                )
            night = self._night(context, inbox, params)
            published = self.published(day)
            if not inbox.n_files and not is_by_hand(run):
                self._check_emptied(run, day, published)
            if published and published.get("night") == night:
                raise AirflowSkipException(f"{inbox.n_files} files of {day} are answered by this model already")
            shards = self._write_inputs(folder, inbox, day, night, params)
        self.remember(
            context,
            {
                "day": day,
                "night": night,
                "inbox_sha256": inbox.state,
                "listed_at": listed_at.isoformat(),
                "model": self.model,
                "n_shards": len(shards),
                "shards": shards,
                "n_files": inbox.n_files,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "columns": params.part(ColumnParams).model_dump(),
                "entities": params.part(EntityParams).given(),
                "answered": [] if params.force else self._answered(parse_day(day), params.lookback_days),
            },
        )
        self.log.info("%d files of %s in %d shards, night %s", inbox.n_files, day, len(shards), night)
        return [{"day": day, "index": index} for index in range(len(shards))]

    def _check_emptied(self, run: Any, day: str, published: Mapping[str, Any] | None) -> None:
        """Skip a scheduled or event-driven run that would publish an empty day over answers, or before the day is over."""
        if published and published.get("n_documents"):
            found = f"found no files in {keys.inbox_day(day)}, but answers to {published['n_documents']:,} documents"
            self.log.warning("%s; trigger the DAG with `day` to publish an empty day", found)
            raise AirflowSkipException(f"{found}: they stay")
        if published is None and is_under_way(run, day):
            raise AirflowSkipException(f"found no files in {keys.inbox_day(day)}: nothing to do")

    def _night(self, context: "Context", inbox: planning.InboxSummary, params: PlanParams) -> str:
        """Return the version of the night: a hash of everything that determines its answers."""
        from ner_tasks.enrichment.rules import hash_files  # the rules' patterns, which only this step needs, are many

        tagging, policy = self.tag_config(params.part(EntityParams).given()), EntityPolicy.load(self.settings.policy)
        return fingerprint.make_version(
            {
                # without the runtime configuration: how a host runs the model does not change which day is done
                "model": {name: self.model[name] for name in ("version", "kind")},
                "inbox": inbox.state,
                "code": [fingerprint.code_version(name) for name in planning.CODE],
                "keep_text": self.settings.keep_text,
                "language": self.settings.language,
                "ocr": self.settings.ocr and [self.settings.ocr_languages, self.settings.min_ocr_confidence],
                "policy": policy.with_scores(tagging["min_score"], tagging["min_label_scores"]).version,
                "rules": hash_files(
                    EnrichmentConfig(**{name: tagging[name] for name in EnrichmentConfig.model_fields})
                ),
                "columns": [params.text_column, params.id_column],
                "salt": context["run_id"] if params.force or params.retry_rejected else "",
            }
        )

    def _write_inputs(
        self, folder: Path, inbox: planning.InboxSummary, day: str, night: str, params: PlanParams
    ) -> list[PlannedShard]:
        """Write the file list of each shard; return how many files each has, and the digest of their names."""
        shards = planning.assign_shards(
            planning.read_listing(folder / "listing.jsonl"), inbox, shard_bytes=params.shard_mib * 2**20
        )
        planned = list[PlannedShard]()
        for index, files in groupby(shards, key=lambda shard: shard[0]):
            n_files, link = 0, file_chain.START
            with (folder / "inputs.jsonl").open("w", encoding="utf-8") as lines:
                for _, file in files:
                    lines.write(planning.format_input(file))
                    n_files, link = n_files + 1, file_chain.extend_chain(link, file.name)
            self.store.put_file(folder / "inputs.jsonl", keys.shard_inputs(day, night, index))
            planned.append({"n_files": n_files, "files_sha256": link})
        return planned

    def _answered(self, day: date, lookback_days: int) -> list[str]:
        """Return the days whose answers by this model may be reused."""
        days = [str(day - timedelta(days=back)) for back in range(lookback_days + 1)]
        published = {day: self.published(day) for day in days}
        return [
            day
            for day, manifest in published.items()
            if manifest and manifest["model_version"] == self.model["version"]
        ]
