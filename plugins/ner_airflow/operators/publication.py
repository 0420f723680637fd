"""The steps of `ner_tag_nightly` from tagged shards to published answers."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.observability import metrics
from ner_airflow.observability.lineage import Trace
from ner_airflow.operators.night import MergingOperator, NightOperator, parse_day
from ner_tasks.errors import ArtifactBroken, GateNotPassed, InputMissing
from ner_tasks.evaluation import gates
from ner_tasks.evaluation.policy import NightGateParams
from ner_tasks.files import atomic
from ner_tasks.files.contained import ContainedFile, NotAFile
from ner_tasks.records import (
    ListedInput,
    NightManifest,
    RejectedLine,
    ShardManifest,
    read_file,
    read_record,
    read_records,
)
from ner_tasks.store import keys
from ner_tasks.tagging import merge
from ner_tasks.tagging.answer_index import INDEX
from ner_tasks.tagging.entity_index import ENTITY_INDEX, NEW_MENTIONS
from ner_tasks.tagging.entity_index.novelty import find_new_mentions
from ner_tasks.tagging.journal import REJECTED

if TYPE_CHECKING:
    from airflow.sdk import Context

_REJECTED_AT_ONCE = 1000
_DAYS_COMPARED = 28  # days before, in which a new mention does not occur
_N_NAMED = 20  # lost documents that are named in the log


class NightGateOperator(NightOperator):
    """Check that no document of the night was lost and that few enough were rejected."""

    template_fields = (*NightOperator.template_fields, "day", "shards_done")

    def __init__(self, *, day: str, shards_done: Any, **kwargs: Any) -> None:
        # an empty inbox has no shards, and is checked as well
        super().__init__(**{"trigger_rule": "none_failed", **kwargs})
        self.day, self.shards_done = day, shards_done

    def step(self, context: "Context") -> dict[str, Any]:
        plan = self.planned(context, self.day)
        published = self.published(self.day)
        if published and published.get("night") == plan["night"]:
            self.forget(context, plan)
            raise AirflowSkipException(f"another run has published this night of {self.day}")
        markers = [keys.shard(self.day, plan["night"], index, merge.MANIFEST) for index in range(plan["n_shards"])]
        shards = [read_record(self.store, marker, ShardManifest) for marker in markers]
        night = merge.sum_manifests(shards)
        n_lost = 0
        for name in self._find_lost(plan, shards):
            n_lost += 1
            if n_lost <= _N_NAMED:
                self.log.error("no answer for %s", name)
        policy = self.policy(self.read_config(NightGateParams))
        n_documents = night["n_documents"] + n_lost
        metrics.emit(
            context,
            night_documents=n_documents,
            night_rejected=night["n_rejected"],
            night_rejected_share=night["n_rejected"] / n_documents if n_documents else 0.0,
            night_lost=n_lost,
            night_partly_read=night["n_partly_read"],
            night_partly_read_share=night["n_partly_read"] / night["n_tagged"] if night["n_tagged"] else 0.0,
            night_ignored=sum(night["ignored"].values()),
        )
        record: dict[str, Any] = {"night": plan["night"], "passed": False, "lines": []}
        try:
            counts = (night["n_tagged"], night["n_rejected"], night["n_partly_read"])
            record["lines"] = list(gates.night_gate(n_documents, *counts, policy.night).lines)
            record["passed"] = True
        except GateNotPassed as error:
            record["lines"] = [str(error)]
            raise
        finally:
            self.store.write_json(keys.night_gate(self.day), record)
        for line in record["lines"]:
            self.log.info("passed: %s", line)
        summary = {"day": self.day, "n_documents": n_documents, "n_rejected": night["n_rejected"]}
        return {**summary, "gate": record["lines"]}

    def _find_lost(self, plan: Mapping[str, Any], shards: Sequence[ShardManifest]) -> Iterator[str]:
        """Find the files without an answer; reads only shards that answer other files than planned."""
        day, night = plan["day"], plan["night"]
        for index, (planned, shard) in enumerate(zip_longest(plan.get("shards", ()), shards)):
            if planned and merge.has_answered(planned, shard):
                continue
            files = read_records(self.store.fetch(keys.shard_inputs(day, night, index)), ListedInput)
            key, n_lost = keys.shard(day, night, index), 0
            for name in merge.find_unanswered((file["name"] for file in files), self.store.fetch(key)):
                n_lost += 1
                yield name
            if planned and "files_sha256" in shard and not n_lost:
                where = f"in {self.store.where(key)}"
                raise ArtifactBroken(f"found answers to other files, expected those of the shard, {where}")


class PublishDayOperator(MergingOperator):
    """Publish the day's answers: first the rejected documents, then all tagged ones at once."""

    template_fields = (*MergingOperator.template_fields, "night")

    def __init__(self, *, night: Any, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [TAGGED_DOCUMENTS], **kwargs})
        self.night = night

    def step(self, context: "Context") -> dict[str, Any]:
        day = self.night["day"]
        plan = self.planned(context, day)
        with self.workspace(f"publish-{day}-{plan['night']}") as folder:
            answers = self.merged(plan, folder / "tagged")
            manifest = read_file(answers / merge.MANIFEST, NightManifest)
            self._keep_index(day, manifest)
            self._gather_rejected(answers / REJECTED, day, folder / "rejected")
            self.store.publish(folder / "rejected", keys.rejected_day(day), marker=REJECTED)
            self.store.publish(answers, keys.tagged_day(day), marker=merge.MANIFEST)
            self._keep_new_mentions(day, plan["night"], answers / ENTITY_INDEX, folder)
        self.trace = _trace(plan, manifest)
        metrics.emit_published(context, manifest)
        metrics.emit_queue(context, self.store)
        self.forget(context, plan)
        summary = {name: manifest[name] for name in ("day", "model_version", "n_documents", "n_tagged", "n_rejected")}
        context["outlet_events"][TAGGED_DOCUMENTS].extra = summary
        return {**summary, "n_entities": manifest["n_entities"]}

    def _keep_index(self, day: str, manifest: Mapping[str, Any]) -> None:
        """Keep the index of answers by another model, which these answers replace."""
        replaced = self.published(day)
        if replaced is None or replaced["model_version"] == manifest["model_version"]:
            return
        if self.store.exists(keys.tagged_day(day, INDEX)):
            index = self.store.fetch(keys.tagged_day(day, INDEX))
            self.store.put_file(index, keys.replaced_answers(day, replaced["model_version"], INDEX))

    def _keep_new_mentions(self, day: str, night: str, index: Path, scratch: Path) -> None:
        """Keep which mentions the days before do not have; without it only the list of new ones lacks this day."""
        first, earlier = str(parse_day(day) - timedelta(days=_DAYS_COMPARED)), list[Path]()
        for other in self.store.folders(keys.TAGGED):
            if first <= other < day:
                with suppress(InputMissing):  # published before days had an entity index, or withdrawn
                    earlier.append(self.store.fetch(keys.tagged_day(other, ENTITY_INDEX)))
        try:
            found, damaged = find_new_mentions(index, earlier, scratch)
        except (InputMissing, ArtifactBroken) as error:
            self.log.warning("new mentions of %s are not listed: %s", day, error)
            return
        for line in damaged:
            self.log.warning("not compared for new mentions: %s", line)
        self.store.write_json(keys.tagged_day(day, NEW_MENTIONS), {"night": night, **found})

    def _gather_rejected(self, listing: Path, day: str, target: Path) -> None:
        """Copy the files of rejected documents beside the list of reasons, which has the command for a retry."""
        (target / "documents").mkdir(parents=True, exist_ok=True)
        conf = json.dumps({"day": day, "retry_rejected": True})
        retry = f"airflow dags trigger ner_tag_nightly --conf '{conf}'"
        waiting, copied, n_copied = read_records(listing, RejectedLine), dict[str, str | None](), 0
        with atomic.space_for(target / REJECTED), (target / REJECTED).open("w", encoding="utf-8") as lines:
            while some := list(islice(waiting, _REJECTED_AT_ONCE)):
                # the documents of one file are neighbours: only those of the last file may continue in the next batch
                names = dict.fromkeys(rejected["file"] for rejected in some)
                new = [name for name in names if name not in copied]
                copies = self._copies([keys.inbox_day(day, name) for name in new], target, n_copied)
                copied = {
                    **{name: copied[name] for name in names if name in copied},
                    **dict(zip(new, copies, strict=True)),
                }
                n_copied += len(new)
                for rejected in some:
                    record = {**rejected, "copy": copied[rejected["file"]], "retry": retry}
                    lines.write(json.dumps(record) + "\n")

    def _copies(self, files: list[str], target: Path, first: int) -> list[str | None]:
        """Copy files below `target` and return the names of the copies; None for a file deleted from the inbox."""
        names: list[str | None] = []
        with tempfile.TemporaryDirectory(dir=self.settings.scratch) as folder:
            for number, (key, file) in enumerate(zip(files, self.store.fetch_files(files, Path(folder)), strict=True)):
                # by number: the name of a document may contain anything
                suffix = re.sub(r"[^.a-z0-9]", "", Path(key).suffix.lower())[:16]
                name = f"documents/{first + number:06d}{suffix}"
                names.append(name if file and _copied(file, target / name) else None)
        return names


def _copied(file: ContainedFile, target: Path) -> bool:
    """Copy a file and return True; return False if there is none."""
    try:
        source = file.open()
    except (NotAFile, FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    with source, atomic.space_for(target), target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    return True


def _trace(plan: Mapping[str, Any], manifest: Mapping[str, Any]) -> Trace:
    day, version = plan["day"], plan["model"]["version"]
    tagged, rejected = keys.tagged_day(day), keys.rejected_day(day)
    return Trace(
        inputs={keys.inbox_day(day): None, keys.model(version, plan["model"]["kind"]): version},
        outputs={tagged: plan["night"], rejected: plan["night"]},
        n_rows={tagged: manifest["n_tagged"], rejected: manifest["n_rejected"]},
    )
