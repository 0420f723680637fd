"""The step of `ner_tag_nightly` and `ner_retag` that tags a shard and publishes its part of the day."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_airflow.operators.base import CommandOperator
from ner_airflow.operators.night import NightOperator
from ner_airflow.warm_process import WarmProcess
from ner_tasks import hardware
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
from ner_tasks.steps.tagging import TagCommand, WritePartCommand
from ner_tasks.store import keys
from ner_tasks.tagging import merge
from ner_tasks.tagging.answer_ledger import DOCUMENTS, LEDGER
from ner_tasks.tagging.day_parts import fetch_parts
from ner_tasks.tagging.inputs import write_inputs
from ner_tasks.tagging.part import PART, name_part

if TYPE_CHECKING:
    from airflow.sdk import Context

_INPUTS = "inputs.jsonl"


class TagShardOperator(NightOperator, CommandOperator):
    """Tag one shard; a finished shard is skipped, a killed one resumes."""

    template_fields = (*CommandOperator.template_fields, "shard")

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def step(self, context: "Context") -> dict[str, Any]:
        day, index = self.shard["day"], self.shard["index"]
        plan = self.planned(context, day)
        with self.staged(plan):
            tagged = self._tag_once(plan, index)
        return {"index": index, "n_documents": tagged["n_documents"], "n_rejected": tagged["n_rejected"]}

    def _tag_once(self, plan: Mapping[str, Any], index: int) -> TaggedShard:
        marker = keys.shard(plan["day"], plan["night"], index, merge.MANIFEST)
        tagged, etag = self._finished(marker)
        if tagged and self._is_of_other_files(plan, index, tagged):
            self.log.warning("shard %d is tagged again: it was planned with other files before", index)
            tagged = None
        if tagged:
            self.log.info("shard %d is tagged already, nothing to do", index)
            return tagged
        with self.workspace(f"tag-{plan['night']}-{index:02d}") as folder:
            self._tag(plan, index, folder)
            part = self._publish_part(plan, index, folder)
            answers = read_file(folder / "tagged" / merge.MANIFEST, ShardManifest)
            try:
                self.store.swap_json(marker, {**answers, "part": part}, etag=etag)
            except Busy:
                self.log.info("another run has tagged shard %d meanwhile, its part counts", index)
        return read_record(self.store, marker, TaggedShard)

    def _is_of_other_files(self, plan: Mapping[str, Any], index: int, tagged: TaggedShard) -> bool:
        planned = _planned_shard(plan, index)
        return planned is not None and "files_sha256" in tagged and not merge.has_answered(planned, tagged)

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
        night, planned = plan["night"], _planned_shard(plan, index)
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
            inputs_version=f"{night}-{index}-{planned['files_sha256'][:12] if planned else ''}",
            answered=tuple(self._earlier(plan["answered"])),
            **self.tag_config(plan.get("entities")),
            **plan["columns"],
        )
        self.run_command(command, tolerate="GateNotPassed", warm=self._has_onednn(choice_file))

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
        self.run_command(command, warm=isinstance(self._child, WarmProcess))  # then its server is at hand
        record = name_part(folder / "part")
        planned = _planned_shard(plan, index)
        if planned and "inbox_sha256" in planned:
            record["inbox_sha256"] = planned["inbox_sha256"]
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

    def _has_onednn(self, choice_file: Path | None) -> bool:
        """Whether the model runs with oneDNN, as a warm process has loaded TensorFlow."""
        return choice_file is None or runtime_config.read_runtime_config(choice_file).onednn

    def _fetch_inputs(self, inputs: str, listing: Path, folder: Path) -> None:
        """Fetch the shard's files and write their list."""
        files = list(read_records(self.store.fetch(inputs), ListedInput))
        write_inputs(
            listing, [file["name"] for file in files], self.store.fetch_files([file["key"] for file in files], folder)
        )


def _planned_shard(plan: Mapping[str, Any], index: int) -> PlannedShard | None:
    """Return what files a shard has; None if an earlier release planned the night."""
    return plan["shards"][index] if "shards" in plan else None
