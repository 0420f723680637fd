"""What the steps of one night share: its place in the staging area, what was planned, its answers as one folder.

staging/tagged/<day>/<night>/inputs-00.jsonl  files of a shard
staging/tagged/<day>/<night>/shard-00/        its answers
staging/tagged/<day>/<night>/joined/          all answers, where they are compared before they are published
staging/runs/<run>/<day>/                     which night a run works on, for its later steps
"""

import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_tasks import fingerprint
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.files.contained import ContainedFile, encode_source
from ner_tasks.records import NightPlan, PublishedDay, read_record
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


def write_inputs(listing: Path, names: Iterable[str], files: Iterable[ContainedFile | None]) -> None:
    """Write what `tag --inputs_file` reads; what has gone since it was listed is answered as missing."""
    with atomic.space_for(listing), listing.open("w", encoding="utf-8") as lines:
        for name, file in zip(names, files, strict=True):
            lines.write(json.dumps({"name": name, **encode_source(file or listing.with_name("gone"))}) + "\n")


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
        return dict(read_record(self.store, key, NightPlan))

    def forget(self, context: "Context", plan: dict[str, Any]) -> None:
        """Remove what the steps handed to each other, once it is published."""
        self.store.remove(self.staging(plan["day"], plan["night"]))
        self.store.remove(self._run(context, plan["day"]))

    def reading_flags(self) -> dict[str, Any]:
        """How this deployment has documents read, as flags of `tag`."""
        names = ("ocr_languages", "min_ocr_confidence", "file_minutes", "file_words", "n_readers")
        switches = {name: int(getattr(self.settings, name)) for name in ("keep_text", "ocr")}
        return switches | {name: getattr(self.settings, name) for name in names}

    def published(self, day: str) -> dict[str, Any] | None:
        """Manifest of the day's answers that others read; None if there are none, or their manifest is damaged."""
        marker = f"tagged/{day}/{merge.MANIFEST}"
        try:
            return dict(read_record(self.store, marker, PublishedDay))
        except InputMissing:
            return None
        except ArtifactBroken as error:
            self.log.warning("the answers of %s are taken for unpublished: %s", day, error)
            return None

    def shards(self, plan: dict[str, Any]) -> list[Path]:
        """The shards' answers, in order."""
        staging = self.staging(plan["day"], plan["night"])
        return [self.store.fetch(f"{staging}/shard-{index:02d}") for index in range(plan["n_shards"])]

    def _pointer(self, context: "Context", day: str) -> str:
        return f"{self._run(context, day)}/plan.json"

    def _run(self, context: "Context", day: str) -> str:
        # a run's id has characters that are no part of a name
        return f"staging/runs/{fingerprint.make_version({'run': context['run_id']})}/{day}"


class MergingOperator(NightOperator, CommandOperator):
    """A step that needs the night's answers as one folder."""

    def merged(self, plan: dict[str, Any], target: Path) -> Path:
        """The night's answers as one folder, `target` unless they were joined before."""
        key = f"{self.staging(plan['day'], plan['night'])}/joined"
        if self.store.exists(f"{key}/{merge.MANIFEST}"):
            return self.store.fetch(key)
        said = {"day": plan["day"], "night": plan["night"], "model_version": plan["model"]["version"]}
        said |= plan["columns"]
        self.run_command("merge-shards", shards=self.shards(plan) or None, output=target, **said)
        return target
