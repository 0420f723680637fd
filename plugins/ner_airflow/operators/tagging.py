"""The steps of `ner_tag_nightly` and `ner_retag`: from a day's inbox to its published answers.

staging/tagged/<day>/<night>/inputs-00.jsonl  files of a shard
staging/tagged/<day>/<night>/shard-00/        its answers
staging/runs/<run>/<day>.json                 which night a run works on, for its later steps
"""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.operators.base import NerOperator, VerbOperator
from ner_tasks import atomic, gates, lineage, nights
from ner_tasks.errors import ConfigInvalid
from ner_tasks.journal import REJECTED

if TYPE_CHECKING:
    from airflow.sdk import Context

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def day_of(text: str) -> date:
    """A day as it was given.

    Raises:
        ConfigInvalid: it is none.
    """
    if not _DAY.fullmatch(text):
        raise ConfigInvalid(f"found day {text!r}, expected YYYY-MM-DD; by hand, give the parameter `day`")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigInvalid(f"found day {text!r}, expected one of the calendar: {error}") from None


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


class NightOperator(NerOperator):
    """A step of one night: the answers of one model to one state of one day's inbox."""

    def staging(self, day: str, night: str) -> str:
        return f"staging/tagged/{day}/{night}"

    def remember(self, context: "Context", plan: dict[str, Any]) -> None:
        """Let the later steps of this run know the night."""
        self.store.write_json(self._pointer(context, plan["day"]), plan)

    def planned(self, context: "Context", day: str) -> dict[str, Any]:
        """What this run has planned for the day.

        Raises:
            AirflowSkipException: nothing.
        """
        key = self._pointer(context, day)
        if not self.store.exists(key):
            raise AirflowSkipException(f"nothing was planned for {day}")
        return dict(self.store.read_json(key))

    def forget(self, context: "Context", plan: dict[str, Any]) -> None:
        """Remove what the steps handed to each other, once it is published."""
        self.store.remove(self.staging(plan["day"], plan["night"]))
        self.store.remove(self._pointer(context, plan["day"]))

    def published(self, day: str) -> dict[str, Any] | None:
        """Manifest of the day's answers that others read; None if there are none."""
        marker = f"tagged/{day}/{nights.MANIFEST}"
        return dict(self.store.read_json(marker)) if self.store.exists(marker) else None

    def shards(self, plan: dict[str, Any]) -> list[Path]:
        """The shards' answers, in order."""
        staging = self.staging(plan["day"], plan["night"])
        return [self.store.fetch(f"{staging}/shard-{index:02d}") for index in range(plan["n_shards"])]

    def _pointer(self, context: "Context", day: str) -> str:
        # a run's id has characters that are no part of a name
        run = lineage.version_of({"run": context["run_id"]})
        return f"staging/runs/{run}/{day}.json"


class PlanShards(NightOperator):
    """Divide the day's files into shards; a day that this model has answered is left alone.

    Args:
        day: YYYY-MM-DD.
        model: what `ResolveModel` said.
        shard_mib: least size of a shard.
        lookback_days: days before this one whose answers may be given again to the same text.
        retry_rejected: whether an answered day is read again for what was rejected.
        force: whether everything is tagged anew.
    """

    template_fields: tuple[str, ...] = ("day", "model", "shard_mib", "lookback_days", "retry_rejected", "force")

    def __init__(
        self,
        *,
        day: str,
        model: Any,
        shard_mib: str,
        lookback_days: str = "0",
        retry_rejected: str = "False",
        force: str = "False",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.day, self.model, self.shard_mib, self.lookback_days = day, model, shard_mib, lookback_days
        self.retry_rejected, self.force = retry_rejected, force

    def execute(self, context: "Context") -> list[dict[str, Any]]:  # type: ignore[override]
        return list(super().execute(context)["shards"])

    def step(self, context: "Context") -> dict[str, Any]:
        return {"shards": self.plan(context, self.day)}

    def plan(self, context: "Context", day: str) -> list[dict[str, Any]]:
        """The day's shards, each with what its step needs to know."""
        key = f"inbox/{day_of(day)}"
        inbox = nights.survey(self.store.files(key))
        code = [lineage.code_version(name) for name in ("tagging", "inference")]
        salt = context["run_id"] if "True" in (self.force, self.retry_rejected) else ""
        night = lineage.version_of(
            {
                "model": self.model,
                "inbox": inbox.state,
                "code": code,
                "keep_text": self.settings.keep_text,
                "salt": salt,
            }
        )
        published = self.published(day)
        if published and published.get("night") == night:
            raise AirflowSkipException(f"{inbox.n_files} files of {day} are answered by this model already")
        shards = nights.shards_of(self.store.files(key), inbox, shard_bytes=int(self.shard_mib) * 2**20)
        names = []
        with self.workspace(f"plan-{day}-{night}") as folder:
            for index, files in groupby(shards, key=lambda shard: shard[0]):
                with (folder / "inputs.jsonl").open("w", encoding="utf-8") as lines:
                    for _, file in files:
                        lines.write(json.dumps({"name": file.name, "key": file.key}) + "\n")
                names.append(f"{self.staging(day, night)}/inputs-{index:02d}.jsonl")
                self.store.put_file(folder / "inputs.jsonl", names[-1])
        self.remember(context, {"day": day, "night": night, "model": self.model, "n_shards": len(names)})
        answered = [] if self.force == "True" else self._answered(day_of(day))
        self.log.info("%d files of %s in %d shards, night %s", inbox.n_files, day, len(names), night)
        said = {"day": day, "night": night, "model": self.model, "answered": answered}
        return [{**said, "index": index, "inputs": name} for index, name in enumerate(names)]

    def _answered(self, day: date) -> list[str]:
        """Days whose answers by this model may be given again."""
        days = [str(day - timedelta(days=back)) for back in range(int(self.lookback_days) + 1)]
        found = {day: self.published(day) for day in days}
        return [day for day, said in found.items() if said and said["model_version"] == self.model["version"]]


class TagShard(NightOperator, VerbOperator):
    """Tag one shard; one that is done already is not done again, one that was killed goes on where it was."""

    template_fields = ("shard",)

    def __init__(self, *, shard: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    def step(self, context: "Context") -> dict[str, Any]:
        day, night, index, model = (self.shard[name] for name in ("day", "night", "index", "model"))
        key = f"{self.staging(day, night)}/shard-{index:02d}"
        if self.store.exists(f"{key}/{nights.MANIFEST}"):
            self.log.info("shard %d is tagged already, nothing to do", index)
        else:
            with self.workspace(f"tag-{night}-{index:02d}") as folder:
                _, path = self.registry.resolve(model["version"], model["kind"])
                self._fetch_inputs(folder / "inputs.jsonl", folder / "inbox")
                # a shard may be one huge file that is rejected; whether too many are is for the whole night to say
                self.run_verb(
                    "tag",
                    model=path,
                    output=folder / "tagged",
                    inputs_file=folder / "inputs.jsonl",
                    inputs_version=f"{night}-{index}",
                    answered=[self.store.fetch(f"tagged/{day}") for day in self.shard["answered"]] or None,
                    keep_text=int(self.settings.keep_text),
                    tolerate="GateNotPassed",
                )
                self.store.publish(folder / "tagged", key, marker=nights.MANIFEST)
        said = self.store.read_json(f"{key}/{nights.MANIFEST}")
        return {"index": index, "n_documents": said["n_documents"], "n_rejected": said["n_rejected"]}

    def _fetch_inputs(self, listing: Path, folder: Path) -> None:
        """Write the shard's files with the places where they lie on this machine."""
        files = list(_lines_of(self.store.fetch(self.shard["inputs"])))
        paths = self.store.fetch_files([file["key"] for file in files], folder)
        with listing.open("w", encoding="utf-8") as lines:
            for file, path in zip(files, paths, strict=True):
                lines.write(json.dumps({"name": file["name"], "path": str(path)}) + "\n")


class CheckNight(NightOperator):
    """The gate between tagged shards and what others read: nothing lost, and few enough rejected."""

    template_fields = ("day", "shards_done", "max_rejected_share")

    def __init__(self, *, day: str, shards_done: Any, max_rejected_share: str, **kwargs: Any) -> None:
        # without documents there are no shards, and the empty night has to be checked as well
        super().__init__(**{"trigger_rule": "none_failed", **kwargs})
        self.day, self.shards_done, self.max_rejected_share = day, shards_done, max_rejected_share

    def step(self, context: "Context") -> dict[str, Any]:
        plan = self.planned(context, self.day)
        published = self.published(self.day)
        if published and published.get("night") == plan["night"]:
            self.forget(context, plan)
            raise AirflowSkipException(f"another run has published this night of {self.day}")
        shards = self.shards(plan)
        night = nights.add_up(atomic.read_json(shard / nights.MANIFEST) for shard in shards)
        n_lost = 0
        for index, shard in enumerate(shards):
            files = _lines_of(self.store.fetch(f"{self.staging(self.day, plan['night'])}/inputs-{index:02d}.jsonl"))
            for name in nights.unanswered((file["name"] for file in files), shard):
                n_lost += 1
                self.log.error("no answer for %s", name)
        limits = self.settings.limits.adjusted(max_rejected_share=self.max_rejected_share)
        n_documents = night["n_documents"] + n_lost
        for line in gates.night(n_documents, night["n_tagged"], night["n_rejected"], limits).lines:
            self.log.info("passed: %s", line)
        return {"day": self.day, "n_documents": n_documents, "n_rejected": night["n_rejected"]}


class JoiningOperator(NightOperator, VerbOperator):
    """A step that needs the night's answers as one folder."""

    def joined(self, plan: dict[str, Any], target: Path) -> Path:
        """The night's answers as one folder, `target` unless they were joined before."""
        key = f"{self.staging(plan['day'], plan['night'])}/joined"
        if self.store.exists(f"{key}/{nights.MANIFEST}"):
            return self.store.fetch(key)
        said = {"day": plan["day"], "night": plan["night"], "model_version": plan["model"]["version"]}
        self.run_verb("join", shards=self.shards(plan) or None, output=target, **said)
        return target


class PublishDay(JoiningOperator):
    """Make the day's answers visible: the rejected first, the tagged last and whole."""

    template_fields = ("night",)

    def __init__(self, *, night: Any, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [TAGGED_DOCUMENTS], **kwargs})
        self.night = night

    def step(self, context: "Context") -> dict[str, Any]:
        day = self.night["day"]
        plan = self.planned(context, day)
        with self.workspace(f"publish-{day}-{plan['night']}") as folder:
            answers = self.joined(plan, folder / "tagged")
            manifest = atomic.read_json(answers / nights.MANIFEST)
            self._gather_rejected(answers / REJECTED, f"inbox/{day}", folder / "rejected")
            self.store.publish(folder / "rejected", f"rejected/{day}", marker=REJECTED)
            self.store.publish(answers, f"tagged/{day}", marker=nights.MANIFEST)
        self.forget(context, plan)
        summary = {name: manifest[name] for name in ("day", "model_version", "n_documents", "n_tagged", "n_rejected")}
        context["outlet_events"][TAGGED_DOCUMENTS].extra = summary
        return {**summary, "n_entities": manifest["n_entities"]}

    def _gather_rejected(self, listing: Path, inbox: str, target: Path) -> None:
        """Copy the rejected documents' files beside the list of reasons, which says how to try them again."""
        (target / "documents").mkdir(parents=True, exist_ok=True)
        conf = json.dumps({"day": self.night["day"], "retry_rejected": True})
        retry = f"airflow dags trigger ner_tag_nightly --conf '{conf}'"
        copied: dict[str, str] = {}
        with atomic.space_for(target / REJECTED), (target / REJECTED).open("w", encoding="utf-8") as lines:
            for rejected in _lines_of(listing):
                file = rejected["file"]
                if file not in copied:
                    copied[file] = f"documents/{len(copied):06d}{Path(file).suffix[:16]}"
                    self.store.fetch_file(f"{inbox}/{file}", target / copied[file])
                lines.write(json.dumps({**rejected, "copy": copied[file], "retry": retry}) + "\n")


class WithdrawDay(NerOperator):
    """Take back a day's answers: the marker first, so that nobody reads half of them; they are kept as withdrawn."""

    template_fields = ("day", "reason")

    def __init__(self, *, day: str, reason: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day, self.reason = day, reason

    def step(self, context: "Context") -> dict[str, Any]:
        key = f"tagged/{day_of(self.day)}"
        if not self.store.exists(f"{key}/{nights.MANIFEST}"):
            raise AirflowSkipException(f"found no published answers of {self.day}: nothing to withdraw")
        manifest = self.store.read_json(f"{key}/{nights.MANIFEST}")
        kept = f"withdrawn/{self.day}/{manifest['night']}"
        with self.workspace(f"withdraw-{self.day}"):
            self.store.publish(self.store.fetch(key), kept, marker=nights.MANIFEST)
            self.store.write_json(f"{kept}/reason.json", {"reason": self.reason, "run": context["run_id"]})
            self.store.remove(key)
        self.log.info("withdrawn: %s, by model %s; kept as %s", key, manifest["model_version"], kept)
        return {"day": self.day, "kept": kept}


def _lines_of(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
