"""The steps of `ner_tag_nightly`: from a day's inbox to its published answers."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.operators.base import NerOperator, VerbOperator
from ner_tasks import atomic, gates, lineage, nights
from ner_tasks.errors import ConfigInvalid
from ner_tasks.journal import REJECTED
from ner_tasks.ledger import DOCUMENTS

if TYPE_CHECKING:
    from airflow.sdk import Context

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def inbox(day: str) -> str:
    """Key of a day's inbox, once `day` is known to be one."""
    if not _DAY.fullmatch(day):
        raise ConfigInvalid(f"found day {day!r}, expected YYYY-MM-DD; by hand, give the parameter `day`")
    return f"inbox/{day}"


def staging(day: str) -> str:
    """Key of what the tasks of one day hand to each other."""
    return f"staging/tagged/{day}"


class ResolveModel(NerOperator):
    """Pin the model for the whole night: a promotion in the middle of it changes nothing."""

    template_fields = ("version",)

    def __init__(self, *, version: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version = version

    def step(self, context: "Context") -> dict[str, Any]:
        version, path = self.registry.resolve(self.version or None)
        self.log.info("model of this night: %s, at %s", version, path)
        return {"version": version, "kind": path.name}


class PlanShards(NerOperator):
    """Divide the day's documents into shards; a day that this model has answered is left alone."""

    template_fields = ("day", "model", "shard_mib", "force")

    def __init__(self, *, day: str, model: Any, shard_mib: str, force: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day, self.model, self.shard_mib, self.force = day, model, shard_mib, force

    def execute(self, context: "Context") -> list[dict[str, Any]]:  # type: ignore[override]
        return list(super().execute(context)["shards"])

    def step(self, context: "Context") -> dict[str, Any]:
        files = self.store.files(inbox(self.day))
        night = lineage.version_of(
            {
                "model": self.model,
                "files": [[file.name, atomic.sha256_of(self.store.path_of(file.key))] for file in files],
                "code": [lineage.code_version(name) for name in ("tagging", "inference")],
            }
        )
        marker = f"tagged/{self.day}/{nights.MANIFEST}"
        if self.force != "True" and self.store.exists(marker) and self.store.read_json(marker).get("night") == night:
            self.store.remove(staging(self.day))
            raise AirflowSkipException(f"{len(files)} files of {self.day} are answered by this model already")
        shards = nights.plan_shards(files, shard_bytes=int(self.shard_mib) * 2**20)
        self.log.info("%d files of %s in %d shards, night %s", len(files), self.day, len(shards), night)
        planned = []
        for index, shard in enumerate(shards):
            key = f"{staging(self.day)}/{night}/inputs-{index:02d}.json"
            self.store.write_json(key, [{"name": file.name, "key": file.key} for file in shard])
            planned.append({"day": self.day, "night": night, "index": index, "inputs": key})
        plan = {"night": night, "model": self.model, "files": [file.name for file in files], "n_shards": len(shards)}
        self.store.write_json(f"{staging(self.day)}/plan.json", plan)
        return {"shards": planned}


class TagShard(VerbOperator):
    """Tag one shard; one that is done already is not done again."""

    template_fields = ("shard", "model")

    def __init__(self, *, shard: Any, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard, self.model = shard, model

    def step(self, context: "Context") -> dict[str, Any]:
        day, night, index = self.shard["day"], self.shard["night"], self.shard["index"]
        key = f"{staging(day)}/{night}/shard-{index:02d}"
        if self.store.exists(f"{key}/{nights.MANIFEST}"):
            self.log.info("shard %d is tagged already, nothing to do", index)
        else:
            inputs = self.store.read_json(self.shard["inputs"])
            with self.workspace(f"tag-{night}-{index:02d}") as folder:
                paths = [{"name": file["name"], "path": str(self.store.path_of(file["key"]))} for file in inputs]
                atomic.write_json(folder / "inputs.json", paths)
                model = self.registry.path_of(self.model["version"], self.model["kind"])
                inputs_file, output = folder / "inputs.json", folder / "tagged"
                # a shard may be one huge file that is rejected; whether too many are is for the whole night to say
                self.run_verb("tag", model=model, output=output, inputs_file=inputs_file, tolerate="GateNotPassed")
                self.store.publish(folder / "tagged", key)
        said = self.store.read_json(f"{key}/{nights.MANIFEST}")
        return {"index": index, "n_documents": said["n_documents"], "n_rejected": said["n_rejected"]}


class CheckNight(NerOperator):
    """The gate between tagged shards and what others read: nothing lost, and few enough rejected."""

    template_fields = ("day", "shards", "max_rejected_share")

    def __init__(self, *, day: str, shards: Any, max_rejected_share: str, **kwargs: Any) -> None:
        # without documents there are no shards, and the empty night has to be checked as well
        super().__init__(**{"trigger_rule": "none_failed", **kwargs})
        self.day, self.shards, self.max_rejected_share = day, shards, max_rejected_share

    def step(self, context: "Context") -> dict[str, Any]:
        if not self.store.exists(f"{staging(self.day)}/plan.json"):
            raise AirflowSkipException(f"nothing was planned for {self.day}")
        plan = self.store.read_json(f"{staging(self.day)}/plan.json")
        folders = shard_folders(self.store.path_of(f"{staging(self.day)}/{plan['night']}"), plan["n_shards"])
        night = nights.add_up([atomic.read_json(folder / nights.MANIFEST) for folder in folders])
        answers = [folder / name for folder in folders for name in (DOCUMENTS, REJECTED)]
        files = set(plan["files"])
        lost = sorted(files - {nights.file_of(name, files) for answer in answers for name in nights.names_in(answer)})
        for name in lost[:10]:
            self.log.error("no answer for %s", name)
        limits = self.settings.limits.adjusted(max_rejected_share=self.max_rejected_share)
        n_documents = night["n_documents"] + len(lost)
        for line in gates.night(n_documents, night["n_tagged"], night["n_rejected"], limits).lines:
            self.log.info("passed: %s", line)
        return {"day": self.day, "n_documents": n_documents, "n_rejected": night["n_rejected"]}


class PublishDay(NerOperator):
    """Make the day's answers visible: the rejected first, the tagged last and whole."""

    template_fields = ("day", "night")

    def __init__(self, *, day: str, night: Any, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [TAGGED_DOCUMENTS], **kwargs})
        self.day, self.night = day, night

    def step(self, context: "Context") -> dict[str, Any]:
        plan = self.store.read_json(f"{staging(self.day)}/plan.json")
        folders = shard_folders(self.store.path_of(f"{staging(self.day)}/{plan['night']}"), plan["n_shards"])
        with self.workspace(f"publish-{self.day}") as folder:
            manifest = nights.join_shards(folders, folder / "tagged")
            manifest = {"day": self.day, "night": plan["night"], "model_version": plan["model"]["version"], **manifest}
            atomic.write_json(folder / "tagged" / nights.MANIFEST, manifest)
            self._gather_rejected(folder / "tagged" / REJECTED, set(plan["files"]), folder / "rejected")
            self.store.publish(folder / "rejected", f"rejected/{self.day}")
            self.store.publish(folder / "tagged", f"tagged/{self.day}")
        self.store.remove(staging(self.day))
        summary = {name: manifest[name] for name in ("day", "model_version", "n_documents", "n_tagged", "n_rejected")}
        context["outlet_events"][TAGGED_DOCUMENTS].extra = summary
        return {**summary, "n_entities": manifest["n_entities"]}

    def _gather_rejected(self, listing: Path, files: set[str], target: Path) -> None:
        """Copy the rejected documents' files beside the list of reasons."""
        target.mkdir(exist_ok=True)
        shutil.copyfile(listing, target / REJECTED)
        for name in sorted({nights.file_of(name, files) or "" for name in nights.names_in(listing)} - {""}):
            copy = target / "documents" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            with atomic.space_for(copy):
                shutil.copyfile(self.store.path_of(f"{inbox(self.day)}/{name}"), copy)


def shard_folders(where: Path, n_shards: int) -> list[Path]:
    """The shards' answers, in order."""
    return [where / f"shard-{index:02d}" for index in range(n_shards)]
