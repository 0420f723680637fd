"""What the steps of one night share: what was planned, and its answers as one folder."""

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.records import NightPlan, PublishedDay, read_record
from ner_tasks.store import keys
from ner_tasks.tagging import merge

if TYPE_CHECKING:
    from airflow.sdk import Context

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_day(text: str) -> date:
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


class NightOperator(NerOperator):
    """A step of one night: the answers of one model to one state of one day's inbox."""

    def remember(self, context: "Context", plan: dict[str, Any]) -> None:
        """Let the later steps of this run know the night."""
        self.store.write_json(keys.night_plan(_run_name(context), plan["day"]), plan)

    def planned(self, context: "Context", day: str) -> dict[str, Any]:
        """What this run has planned for the day.

        Raises:
            AirflowSkipException: nothing.
        """
        key = keys.night_plan(_run_name(context), day)
        if not self.store.exists(key):
            raise AirflowSkipException(f"nothing was planned for {day}")
        return dict(read_record(self.store, key, NightPlan))

    def forget(self, context: "Context", plan: dict[str, Any]) -> None:
        """Remove what the steps handed to each other, once it is published."""
        self.store.remove(keys.night(plan["day"], plan["night"]))
        self.store.remove(keys.run_day(_run_name(context), plan["day"]))

    def reading_flags(self) -> dict[str, Any]:
        """How this deployment has documents read, as flags of `tag`."""
        names = ("ocr_languages", "min_ocr_confidence", "file_minutes", "file_words", "n_readers")
        switches = {name: int(getattr(self.settings, name)) for name in ("keep_text", "ocr")}
        return switches | {name: getattr(self.settings, name) for name in names}

    def published(self, day: str) -> dict[str, Any] | None:
        """Manifest of the day's answers that others read; None if there are none, or their manifest is damaged."""
        marker = keys.tagged_day(day, merge.MANIFEST)
        try:
            return dict(read_record(self.store, marker, PublishedDay))
        except InputMissing:
            return None
        except ArtifactBroken as error:
            self.log.warning("the answers of %s are taken for unpublished: %s", day, error)
            return None

    def shards(self, plan: dict[str, Any]) -> list[Path]:
        """The shards' answers, in order."""
        day, night = plan["day"], plan["night"]
        return [self.store.fetch(keys.shard(day, night, index)) for index in range(plan["n_shards"])]


class MergingOperator(NightOperator, CommandOperator):
    """A step that needs the night's answers as one folder."""

    def merged(self, plan: dict[str, Any], target: Path) -> Path:
        """The night's answers as one folder, `target` unless they were joined before."""
        day, night = plan["day"], plan["night"]
        if self.store.exists(keys.merged_night(day, night, merge.MANIFEST)):
            return self.store.fetch(keys.merged_night(day, night))
        said = {"day": day, "night": night, "model_version": plan["model"]["version"]}
        said |= plan["columns"]
        self.run_command("merge-shards", shards=self.shards(plan) or None, output=target, **said)
        return target


def _run_name(context: "Context") -> str:
    return keys.run_name(str(context["run_id"]))
