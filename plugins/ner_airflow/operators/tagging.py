"""The steps of `ner_tag_nightly` up to tagged shards; `publishing` has the others."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.observability import metrics
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_airflow.operators.night import NightOperator, parse_day
from ner_tasks import fingerprint, hardware
from ner_tasks.errors import InputMissing
from ner_tasks.inference import runtime_config
from ner_tasks.records import ListedInput, ShardManifest, read_record, read_records
from ner_tasks.registry import leases
from ner_tasks.store import keys
from ner_tasks.tagging import merge, planning
from ner_tasks.tagging.inputs import write_inputs

if TYPE_CHECKING:
    from airflow.sdk import Context


class ResolveModelOperator(NerOperator):
    """Pin the model for the whole night: a promotion in the middle of it changes nothing."""

    template_fields = ("version",)

    def __init__(self, *, version: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version = version

    def step(self, context: "Context") -> dict[str, Any]:
        if self.version:  # what is promoted is never cleared away
            leases.record_use(self.registry, models=self.version)
        version, path = self.registry.resolve(self.version or None)
        self.log.info("model of this night: %s, at %s", version, path)
        promotion = self.registry.promoted()
        if promotion:
            metrics.emit(context, model_age_s=time.time() - datetime.fromisoformat(promotion.at).timestamp())
        model: dict[str, Any] = {"version": version, "kind": path.name}
        # pinned as well; which of them holds is for each worker to say, by what kind of machine it is
        choices = self.registry.runtime_configs(version) if path.name == "int8" else {}
        return model | ({"tuned": {name: asdict(choice) for name, choice in choices.items()}} if choices else {})


class PlanShardsOperator(NightOperator):
    """Divide the day's files into shards; a day that this model has answered is left alone.

    Args:
        day: YYYY-MM-DD.
        model: what `ResolveModelOperator` said.
        shard_mib: least size of a shard.
        text_column, id_column: of csv, tsv and xlsx files.
        lookback_days: days before this one whose answers may be given again to the same text.
        retry_rejected: whether an answered day is read again for what was rejected.
        force: whether everything is tagged anew.
    """

    template_fields: tuple[str, ...] = (
        "day",
        "model",
        "shard_mib",
        "text_column",
        "id_column",
        "lookback_days",
        "retry_rejected",
        "force",
    )

    def __init__(
        self,
        *,
        day: str,
        model: Any,
        shard_mib: str,
        text_column: str = "text",
        id_column: str = "id",
        lookback_days: str = "0",
        retry_rejected: str = "False",
        force: str = "False",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.day, self.model, self.shard_mib, self.lookback_days = day, model, shard_mib, lookback_days
        self.retry_rejected, self.force = retry_rejected, force
        self.text_column, self.id_column = text_column, id_column

    def execute(self, context: "Context") -> list[dict[str, Any]]:  # type: ignore[override]
        return list(super().execute(context)["shards"])

    def step(self, context: "Context") -> dict[str, Any]:
        metrics.emit_queue(context, self.store)
        return {"shards": self.plan(context, self.day)}

    def plan(self, context: "Context", day: str) -> list[dict[str, Any]]:
        """The day's shards; what they have in common is in the plan, as every XCom has to be small."""
        files = self.store.files(keys.inbox_day(parse_day(day)))
        with self.workspace(f"plan-{day}-{keys.run_name(str(context['run_id']))}") as folder:
            inbox = planning.write_listing(files, folder / "listing.jsonl")
            metrics.emit(context, queue_files=inbox.n_files, queue_bytes=inbox.n_bytes)
            night = self._night(context, inbox)
            published = self.published(day)
            if published and published.get("night") == night:
                raise AirflowSkipException(f"{inbox.n_files} files of {day} are answered by this model already")
            n_shards = self._write_inputs(folder, inbox, day, night)
        self.remember(
            context,
            {
                "day": day,
                "night": night,
                "model": self.model,
                "n_shards": n_shards,
                "n_files": inbox.n_files,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "columns": {"text_column": self.text_column, "id_column": self.id_column},
                "answered": [] if self.force == "True" else self._answered(parse_day(day)),
            },
        )
        self.log.info("%d files of %s in %d shards, night %s", inbox.n_files, day, n_shards, night)
        return [{"day": day, "index": index} for index in range(n_shards)]

    def _night(self, context: "Context", inbox: planning.InboxSummary) -> str:
        """All that the night's answers follow from, in one word."""
        return fingerprint.make_version(
            {
                # not how hosts run it: a day that it has answered is answered
                "model": {name: self.model[name] for name in ("version", "kind")},
                "inbox": inbox.state,
                "code": [fingerprint.code_version(name) for name in planning.CODE],
                "keep_text": self.settings.keep_text,
                "ocr": self.settings.ocr and [self.settings.ocr_languages, self.settings.min_ocr_confidence],
                "columns": [self.text_column, self.id_column],
                "salt": context["run_id"] if "True" in (self.force, self.retry_rejected) else "",
            }
        )

    def _write_inputs(self, folder: Path, inbox: planning.InboxSummary, day: str, night: str) -> int:
        """Hand each shard the list of its files; how many shards there are."""
        shards = planning.assign_shards(
            planning.read_listing(folder / "listing.jsonl"), inbox, shard_bytes=int(self.shard_mib) * 2**20
        )
        n_shards = 0
        for index, files in groupby(shards, key=lambda shard: shard[0]):
            with (folder / "inputs.jsonl").open("w", encoding="utf-8") as lines:
                for _, file in files:
                    lines.write(json.dumps({"name": file.name, "key": file.key}) + "\n")
            self.store.put_file(folder / "inputs.jsonl", keys.shard_inputs(day, night, index))
            n_shards += 1
        return n_shards

    def _answered(self, day: date) -> list[str]:
        """Days whose answers by this model may be given again."""
        days = [str(day - timedelta(days=back)) for back in range(int(self.lookback_days) + 1)]
        found = {day: self.published(day) for day in days}
        return [day for day, said in found.items() if said and said["model_version"] == self.model["version"]]


class TagShardOperator(NightOperator, CommandOperator):
    """Tag one shard; one that is done already is not done again, one that was killed goes on where it was."""

    template_fields = ("shard",)

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def step(self, context: "Context") -> dict[str, Any]:
        day, index = self.shard["day"], self.shard["index"]
        plan = self.planned(context, day)
        night = plan["night"]
        manifest = keys.shard(day, night, index, merge.MANIFEST)
        if self.store.exists(manifest):
            self.log.info("shard %d is tagged already, nothing to do", index)
        else:
            with self.workspace(f"tag-{night}-{index:02d}") as folder:
                path, choice_file = self._tuned(plan["model"], folder)
                inputs = keys.shard_inputs(day, night, index)
                self._fetch_inputs(inputs, folder / "inputs.jsonl", folder / "inbox")
                # a shard may be one huge file that is rejected; whether too many are is for the whole night to say
                self.run_command(
                    "tag",
                    model=path,
                    choice_file=choice_file,
                    tuned=0,  # nothing but what was pinned
                    output=folder / "tagged",
                    inputs_file=folder / "inputs.jsonl",
                    inputs_version=f"{night}-{index}",
                    answered=self._earlier(plan["answered"]) or None,
                    **self.reading_flags(),
                    **plan["columns"],
                    tolerate="GateNotPassed",
                )
                self.store.publish(folder / "tagged", keys.shard(day, night, index), marker=merge.MANIFEST)
        said = read_record(self.store, manifest, ShardManifest)
        return {"index": index, "n_documents": said["n_documents"], "n_rejected": said["n_rejected"]}

    def _earlier(self, days: list[str]) -> list[Path]:
        """The answers of earlier days; one that has gone since the night was planned costs its reuse, and no more."""
        found = []
        for day in days:
            try:
                found.append(self.store.fetch(keys.tagged_day(day)))
            except InputMissing as error:
                self.log.warning("notice: the answers of %s are not given again: %s", day, error)
        return found

    def _tuned(self, model: Mapping[str, Any], folder: Path) -> tuple[Path, Path | None]:
        """The model that machines of this kind run best, and the file of the choice; None if it was not tuned here."""
        this = hardware.host_key(hardware.describe_host(self.settings.n_threads))
        choice = model.get("tuned", {}).get(this)
        _, path = self.registry.resolve(model["version"], choice["kind"] if choice else model["kind"])
        if choice is None:
            return path, None
        self.log.info("as tuned on %s: %s", this, choice)
        runtime_config.write_runtime_config(folder / "choice.json", runtime_config.RuntimeConfig(**choice), {})
        return path, folder / "choice.json"

    def _fetch_inputs(self, inputs: str, listing: Path, folder: Path) -> None:
        """Write the shard's files with the places where they lie on this machine."""
        files = list(read_records(self.store.fetch(inputs), ListedInput))
        write_inputs(
            listing, [file["name"] for file in files], self.store.fetch_files([file["key"] for file in files], folder)
        )
