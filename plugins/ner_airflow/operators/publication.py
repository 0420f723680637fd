"""The steps of `ner_tag_nightly` from tagged shards to published answers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.observability import metrics
from ner_airflow.observability.lineage import Trace
from ner_airflow.operators.night import NightOperator
from ner_tasks.errors import ArtifactBroken, Busy, GateNotPassed
from ner_tasks.evaluation import gates
from ner_tasks.evaluation.policy import NightGateParams
from ner_tasks.records import ListedInput, NightManifest, TaggedShard, read_record, read_records
from ner_tasks.store import keys
from ner_tasks.tagging import merge, publication, rejects
from ner_tasks.tagging.answer_index import INDEX
from ner_tasks.tagging.journal import REJECTED
from ner_tasks.tagging.part import list_part_keys
from ner_tasks.tagging.statistics import STATISTICS

if TYPE_CHECKING:
    from airflow.sdk import Context

_PATIENCE_S = 90.0  # the lock of a killed run expires after a minute
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
        self.skip_answered(context, plan, self.published(self.day))
        with self.staged(plan):
            shards = self.shard_records(plan)
            night, n_lost = merge.sum_manifests(shards), 0
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

    def _find_lost(self, plan: Mapping[str, Any], shards: Sequence[TaggedShard]) -> Iterator[str]:
        """Find the files without an answer; reads only shards that answer other files than planned."""
        day, night = plan["day"], plan["night"]
        for index, (planned, shard) in enumerate(zip_longest(plan.get("shards", ()), shards)):
            if planned and merge.has_answered(planned, shard):
                continue
            if planned and planned.get("kept"):
                where = f"in {self.store.where(shard['part']['key'])}"
                raise ArtifactBroken(f"found answers to other files, expected those that were planned, {where}")
            files = read_records(self.store.fetch(keys.shard_inputs(day, night, index)), ListedInput)
            key, n_lost = shard["part"]["key"], 0
            for name in merge.find_unanswered((file["name"] for file in files), self.store.fetch(key)):
                n_lost += 1
                yield name
            if planned and "files_sha256" in shard and not n_lost:
                where = f"in {self.store.where(key)}"
                raise ArtifactBroken(f"found answers to other files, expected those of the shard, {where}")


class PublishDayOperator(NightOperator):
    """Publish a day: check its parts, write what is derived from them, then the manifest that names them, in one step."""

    template_fields = (*NightOperator.template_fields, "night")

    def __init__(self, *, night: Any, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [TAGGED_DOCUMENTS], **kwargs})
        self.night = night

    def step(self, context: "Context") -> dict[str, Any]:
        day, marker = self.night["day"], keys.tagged_day(self.night["day"], merge.MANIFEST)
        plan = self.planned(context, day)
        # one run at a time: what the others would write beside the manifest does not belong to it
        alone = self.store.exclusive(marker, patience_s=_PATIENCE_S)
        with self.workspace(f"publish-{day}-{plan['night']}") as folder, alone:
            etag = self.store.etag(marker)  # before the manifest: another one written in between is noticed
            published = self.published(day)
            if published and published.get("night") == plan["night"]:
                self.log.info("this night of %s is published already, by another run or before a retry", day)
            else:
                self.skip_answered(context, plan, published)
                with self.staged(plan):
                    self._publish(plan, published, etag, folder)
            manifest = read_record(self.store, marker, NightManifest)
            publication.remove_former_files(self.store, day)
        self.trace = _trace(plan, manifest)
        metrics.emit_published(context, manifest)
        metrics.emit_queue(context, self.store)
        self.forget(context, plan)
        summary = {name: manifest[name] for name in ("day", "model_version", "n_documents", "n_tagged", "n_rejected")}
        context["outlet_events"][TAGGED_DOCUMENTS].extra = summary
        return {**summary, "n_entities": manifest["n_entities"]}

    def _publish(
        self, plan: Mapping[str, Any], published: Mapping[str, Any] | None, etag: str | None, folder: Path
    ) -> None:
        day, night = plan["day"], plan["night"]
        parts = publication.check_parts(self.store, self.shard_records(plan), plan)
        manifest = publication.describe_day(parts, plan)
        statistics = publication.sum_part_statistics(self.store, parts, night)
        rejected, page = folder / REJECTED, folder / publication.PAGE
        rejects.write_lines(rejected, self._list_rejected(parts, folder))
        publication.write_page_of_parts(self.store, parts, manifest, rejected, page)
        if published and published["model_version"] != manifest["model_version"]:
            self._keep_indexes(day, published, folder)
        self.store.put_file(rejected, keys.rejected_day(day, REJECTED))
        self.store.put_file(page, keys.tagged_day(day, publication.PAGE))
        self.store.write_json(keys.tagged_day(day, STATISTICS), statistics)
        try:
            self.store.swap_json(keys.tagged_day(day, merge.MANIFEST), manifest, etag=etag)
        except Busy:
            other = self.published(day)
            if other is None or other.get("night") != night:
                raise
            self.log.info("another run has just published this night of %s", day)

    def _list_rejected(self, parts: Sequence[publication.CheckedPart], scratch: Path) -> Iterator[Mapping[str, Any]]:
        for part in parts:
            for path in self.fetch_each([part.key(REJECTED)] if part.record["n_rejected"] else [], scratch):
                publication.check_rejected(path, part)
                yield from rejects.list_rejected(path, part.record["key"])

    def _keep_indexes(self, day: str, replaced: Mapping[str, Any], scratch: Path) -> None:
        """Keep the indexes of answers by another model, which these answers replace."""
        version, has_parts = replaced["model_version"], replaced.get("parts") is not None
        for number, key in enumerate(list_part_keys(day, replaced)):
            name = f"index-{number:02d}.sqlite" if has_parts else INDEX
            for index in self.fetch_each([keys.join(key, INDEX)], scratch):
                self.store.put_file(index, keys.replaced_answers(day, version, name))


def _trace(plan: Mapping[str, Any], manifest: Mapping[str, Any]) -> Trace:
    day, version = plan["day"], plan["model"]["version"]
    tagged, rejected = keys.tagged_day(day), keys.rejected_day(day)
    return Trace(
        inputs={keys.inbox_day(day): None, keys.model(version, plan["model"]["kind"]): version},
        outputs={tagged: plan["night"], rejected: plan["night"]},
        n_rows={tagged: manifest["n_tagged"], rejected: manifest["n_rejected"]},
    )
