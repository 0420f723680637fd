"""The steps of `ner_tag_nightly` up to tagged shards; `publication` has the later ones."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.observability import metrics
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_airflow.operators.night import NightOperator, parse_day
from ner_tasks import fingerprint, hardware
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Version
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.enrichment.rules import hash_files
from ner_tasks.errors import ArtifactBroken, Busy, InputMissing, SchemaTooNew
from ner_tasks.inference import runtime_config
from ner_tasks.records import (
    ListedInput,
    PartRecord,
    PlannedShard,
    PublishedDay,
    ShardManifest,
    TaggedShard,
    read_file,
    read_record,
    read_records,
)
from ner_tasks.registry import leases
from ner_tasks.steps.tagging import ColumnParams, EntityParams, TagCommand, WritePartCommand
from ner_tasks.store import keys
from ner_tasks.tagging import file_chain, merge, planning
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER
from ner_tasks.tagging.day_parts import fetch_parts
from ner_tasks.tagging.inputs import write_inputs
from ner_tasks.tagging.part import PART, name_part

if TYPE_CHECKING:
    from airflow.sdk import Context

_INPUTS = "inputs.jsonl"


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
        files = self.store.files(keys.inbox_day(parse_day(day)))
        with self.workspace(f"plan-{day}-{keys.run_name(str(context['run_id']))}") as folder:
            inbox = planning.write_listing(files, folder / "listing.jsonl")
            metrics.emit(context, queue_files=inbox.n_files, queue_bytes=inbox.n_bytes)
            night = self._night(context, inbox, params)
            published = self.published(day)
            if published and published.get("night") == night:
                raise AirflowSkipException(f"{inbox.n_files} files of {day} are answered by this model already")
            shards = self._write_inputs(folder, inbox, day, night, params)
        self.remember(
            context,
            {
                "day": day,
                "night": night,
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

    def _night(self, context: "Context", inbox: planning.InboxSummary, params: PlanParams) -> str:
        """Return the version of the night: a hash of everything that determines its answers."""
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
                    lines.write(json.dumps({"name": file.name, "key": file.key}) + "\n")
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


class TagShardOperator(NightOperator, CommandOperator):
    """Tag one shard; a finished shard is skipped, a killed one resumes."""

    template_fields = (*CommandOperator.template_fields, "shard")

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def step(self, context: "Context") -> dict[str, Any]:
        day, index = self.shard["day"], self.shard["index"]
        plan = self.planned(context, day)
        marker = keys.shard(day, plan["night"], index, merge.MANIFEST)
        tagged, etag = self._finished(marker)
        if tagged:
            self.log.info("shard %d is tagged already, nothing to do", index)
        else:
            with self.workspace(f"tag-{plan['night']}-{index:02d}") as folder:
                self._tag(plan, index, folder)
                part = self._publish_part(plan, index, folder)
                answers = read_file(folder / "tagged" / merge.MANIFEST, ShardManifest)
                try:
                    self.store.swap_json(marker, {**answers, "part": part}, etag=etag)
                except Busy:
                    self.log.info("another run has tagged shard %d meanwhile, its part counts", index)
            tagged = read_record(self.store, marker, TaggedShard)
        return {"index": index, "n_documents": tagged["n_documents"], "n_rejected": tagged["n_rejected"]}

    def _finished(self, marker: str) -> tuple[TaggedShard | None, str | None]:
        """Return the record of a finished shard, or None and the ETag of what is there instead."""
        etag = self.store.etag(marker)
        if etag is None:
            return None, None
        try:
            return read_record(self.store, marker, TaggedShard), etag
        except SchemaTooNew:
            raise
        except ArtifactBroken as error:  # also one of an earlier release, whose shards made no parts
            self.log.warning("the shard is tagged again: %s", error)
            return None, etag

    def _tag(self, plan: Mapping[str, Any], index: int, folder: Path) -> None:
        night = plan["night"]
        path, choice_file = self._tuned(plan["model"], folder)
        inputs = keys.shard_inputs(plan["day"], night, index)
        self._fetch_inputs(inputs, folder / _INPUTS, folder / "inbox")
        # a shard may be one huge, rejected file; the gate judges the whole night
        command = TagCommand(
            model=path,
            choice_file=choice_file,
            tuned=False,  # only what was pinned
            output=folder / "tagged",
            inputs_file=folder / _INPUTS,
            inputs_version=f"{night}-{index}",
            answered=tuple(self._earlier(plan["answered"])),
            **self.tag_config(plan.get("entities")),
            **plan["columns"],
        )
        self.run_command(command, tolerate="GateNotPassed")

    def _publish_part(self, plan: Mapping[str, Any], index: int, folder: Path) -> PartRecord:
        """Write the part of the shard and publish it, unless it is there already: its name is a hash of its content."""
        command = WritePartCommand(
            answers=folder / "tagged",
            output=folder / "part",
            inputs_file=folder / _INPUTS,
            day=plan["day"],
            night=plan["night"],
            number=index,
            model_version=plan["model"]["version"],
            **plan["columns"],
        )
        self.run_command(command)
        record = name_part(folder / "part")
        self.store.publish(folder / "part", record["key"], marker=PART, once=True)
        return record

    def _earlier(self, days: list[str]) -> list[Path]:
        """Return the parts of earlier days, newest first; those of a day deleted since the plan are not reused."""
        parts = list[Path]()
        for day in days:
            try:
                parts += self.store.read_whole(keys.tagged_day(day), partial(self._parts, day), marker=merge.MANIFEST)
            except (InputMissing, ArtifactBroken) as error:
                self.log.warning("notice: the answers of %s are not reused: %s", day, error)
        return parts

    def _parts(self, day: str) -> list[Path]:
        manifest = read_record(self.store, keys.tagged_day(day, merge.MANIFEST), PublishedDay)
        return fetch_parts(self.store, day, manifest, (LEDGER, DOCUMENTS))

    def _tuned(self, model: Mapping[str, Any], folder: Path) -> tuple[Path, Path | None]:
        """Return the model that this kind of machine runs best and the file of the choice; None if it was not tuned."""
        this = hardware.host_key(hardware.describe_host(self.settings.threads))
        choice = model.get("tuned", {}).get(this)
        _, path = self.registry.resolve(model["version"], choice["kind"] if choice else model["kind"])
        if choice is None:
            return path, None
        self.log.info("as tuned on %s: %s", this, choice)
        runtime_config.write_runtime_config(folder / "choice.json", runtime_config.RuntimeConfig(**choice), {})
        return path, folder / "choice.json"

    def _fetch_inputs(self, inputs: str, listing: Path, folder: Path) -> None:
        """Fetch the shard's files and write their list."""
        files = list(read_records(self.store.fetch(inputs), ListedInput))
        write_inputs(
            listing, [file["name"] for file in files], self.store.fetch_files([file["key"] for file in files], folder)
        )
