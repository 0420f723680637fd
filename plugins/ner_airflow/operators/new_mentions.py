"""The step that lists what the documents of a published day mention for the first time in weeks."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.operators.night import PublishedDayOperator, parse_day
from ner_airflow.schedule import is_under_way
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.records import NewMentions, read_record
from ner_tasks.store import keys
from ner_tasks.tagging.entity_index import ENTITY_INDEX, NEW_MENTIONS
from ner_tasks.tagging.entity_index.novelty import find_new_mentions
from ner_tasks.tagging.part import list_part_keys

if TYPE_CHECKING:
    from airflow.sdk import Context

_DAYS_COMPARED = 28  # days before, in which a new mention does not occur


class ListNewMentionsOperator(PublishedDayOperator):
    """List the mentions of a published day that the 28 days before do not have, for the page Entities.

    It reads the entity indexes of all these days, so nothing waits for it, and a day under way is left to its last run.

    Args:
        day: YYYY-MM-DD.
    """

    def is_needed(self, before: dict[str, Any]) -> bool:
        return bool(before.get("n_tagged", True))

    def step(self, context: "Context") -> dict[str, Any]:
        first = parse_day(self.day) - timedelta(days=_DAYS_COMPARED)
        if is_under_way(context.get("dag_run"), self.day):
            raise AirflowSkipException(f"{self.day} is not over: its last run lists its new mentions")
        manifest = self.published(self.day)
        if manifest is None:
            raise AirflowSkipException(f"found no published answers of {self.day}")
        night = manifest.get("night")
        if night is None:  # an early release published it; the list is found by its night
            raise AirflowSkipException(f"the answers of {self.day} name no night; `force` makes one")
        if self._is_listed(night):
            raise AirflowSkipException(f"the new mentions of this night of {self.day} are listed already")
        with self.workspace(f"mentions-{self.day}-{night}") as folder:
            try:
                found, damaged = self._find(manifest, str(first), folder)
            except (InputMissing, ArtifactBroken) as error:
                raise AirflowSkipException(f"new mentions of {self.day} are not listed: {error}") from None
        for line in damaged:
            self.log.warning("not compared for new mentions: %s", line)
        self.store.write_json(keys.tagged_day(self.day, NEW_MENTIONS), {"night": night, **found})
        n_new = sum(label["n_new"] for label in found["labels"].values())
        return {"day": self.day, "night": night, "n_days": found["n_days"], "n_new": n_new}

    def _is_listed(self, night: str) -> bool:
        try:
            return read_record(self.store, keys.tagged_day(self.day, NEW_MENTIONS), NewMentions)["night"] == night
        except (InputMissing, ArtifactBroken):
            return False

    def _find(self, manifest: dict[str, Any], first: str, folder: Path) -> tuple[dict[str, Any], list[str]]:
        earlier = list[Iterator[Path]]()
        for other in self.store.folders(keys.TAGGED):
            if first <= other < self.day and (compared := self.published(other)):
                indexes = [keys.join(key, ENTITY_INDEX) for key in list_part_keys(other, compared)]
                if self.store.exists(indexes[0]) if indexes else False:  # none of days before 0.3.0
                    earlier.append(self.fetch_each(indexes, folder))
        if not earlier:
            return {"n_days": 0, "labels": {}}, []
        today = [keys.join(key, ENTITY_INDEX) for key in list_part_keys(self.day, manifest)]
        return find_new_mentions(self.fetch_each(today, folder), earlier, folder)
