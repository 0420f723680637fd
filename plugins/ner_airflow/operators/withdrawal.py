"""The withdrawal of a published day."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.operators.base import NerOperator
from ner_airflow.operators.night import parse_day
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Day, Line
from ner_tasks.errors import Busy
from ner_tasks.records import PublishedDay, read_record
from ner_tasks.store import keys
from ner_tasks.tagging.merge import MANIFEST

if TYPE_CHECKING:
    from airflow.sdk import Context


class WithdrawParams(ConfigModel):
    """Which day is withdrawn, and why."""

    day: Day = Field(title="Day", description="The day whose answers are withdrawn")
    reason: Line = Field(min_length=3, title="Reason", description="It is kept with the answers")


class WithdrawDayOperator(NerOperator):
    """Withdraw a day's answers: delete its manifest first, so that nobody reads them; keep them under `withdrawn/`.

    The withdrawn manifest names the parts of the day, which stay where they are. A day of an earlier release, without
    parts, is copied as a whole.
    """

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(WithdrawParams)
        day = params.day
        key, marker = keys.tagged_day(parse_day(day)), keys.tagged_day(day, MANIFEST)
        etag = self.store.etag(marker)
        if etag is None:
            raise AirflowSkipException(f"found no published answers of {day}: nothing to withdraw")
        manifest = read_record(self.store, marker, PublishedDay)
        night = manifest.get("night") or "unnamed"
        kept = keys.withdrawn_day(day, night)
        self._keep(day, night, manifest)
        self.store.write_json(
            keys.withdrawn_day(day, night, "reason.json"), {"reason": params.reason, "run": context["run_id"]}
        )
        if self.store.etag(marker) != etag:
            where = self.store.where(marker)
            raise Busy(f"found answers of another night, expected those of {night}, which were withdrawn, in {where}")
        self.store.remove(key, marker=MANIFEST)
        self.log.info("withdrawn: %s, by model %s; kept as %s", key, manifest["model_version"], kept)
        return {"day": day, "kept": kept}

    def _keep(self, day: str, night: str, manifest: PublishedDay | Mapping[str, Any]) -> None:
        if "parts" in manifest:
            self.store.write_json(keys.withdrawn_day(day, night, MANIFEST), dict(manifest))
            return
        with self.workspace(f"withdraw-{day}"):
            kept = keys.withdrawn_day(day, night)
            self.store.publish(self.store.fetch(keys.tagged_day(day)), kept, marker=MANIFEST)
