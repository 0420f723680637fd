"""The base of the steps of a night: the plan of the run, and the records of its shards."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.operators.base import NerOperator
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Day
from ner_tasks.enrichment.config import EnrichmentConfig
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing, SchemaTooNew
from ner_tasks.records import NightPlan, PublishedDay, TaggedShard, read_record
from ner_tasks.steps.tagging import ReadingConfig, ThresholdConfig
from ner_tasks.store import keys
from ner_tasks.tagging import merge
from ner_tasks.tagging.arrivals import is_superseded

if TYPE_CHECKING:
    from airflow.sdk import Context

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
VOCABULARIES = "vocabularies"  # folder of compiled ones in the scratch folder


class DayParams(ConfigModel):
    """Which day a run is for."""

    day: Day | None = Field(None, title="Day", description="Empty: the day of the schedule")


def parse_day(text: str) -> date:
    """Parse a day.

    Raises:
        ConfigInvalid: it is no day.
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
        """Store the plan for the later steps of this run."""
        self.store.write_json(keys.night_plan(_run_name(context), plan["day"]), plan)

    def planned(self, context: "Context", day: str) -> dict[str, Any]:
        """Return the plan of this run for the day.

        Raises:
            AirflowSkipException: nothing was planned, because the day is answered.
            InputMissing: the plan is gone, as with a store that is older than Airflow's database.
        """
        key = keys.night_plan(_run_name(context), day)
        if not self.store.exists(key):
            if self.published(day) is None:
                raise InputMissing(
                    f"found no plan of this run, expected one, at {self.store.where(key)}; clear its first task"
                )
            raise AirflowSkipException(f"nothing was planned for {day}")
        return dict(read_record(self.store, key, NightPlan))

    def forget(self, context: "Context", plan: Mapping[str, Any]) -> None:
        """Delete the plan and the staging of a published night."""
        self.store.remove(keys.night(plan["day"], plan["night"]))
        self.store.remove(keys.run_day(_run_name(context), plan["day"]))

    def tag_config(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return how documents are read and what entities are given, as settings of `tag`.

        Args:
            given: settings of the run, which take precedence over those of the deployment.
        """
        parts = [self.settings.part(model) for model in (ReadingConfig, ThresholdConfig, EnrichmentConfig)]
        settings = {name: value for part in parts for name, value in part.model_dump().items()}
        return {**settings, "cache": self.settings.scratch / VOCABULARIES, **(given or {})}

    def published(self, day: str) -> dict[str, Any] | None:
        """Return the manifest of the day's published answers; None if there are none or it is damaged.

        Raises:
            SchemaTooNew: a newer release published them; they must not be replaced.
        """
        marker = keys.tagged_day(day, merge.MANIFEST)
        try:
            return dict(read_record(self.store, marker, PublishedDay))
        except InputMissing:
            return None
        except SchemaTooNew:
            raise
        except ArtifactBroken as error:
            self.log.warning("the answers of %s are treated as unpublished: %s", day, error)
            return None

    def fetch_each(self, files: Iterable[str], scratch: Path) -> Iterator[Path]:
        """Yield files of the store, one at a time, each of which is there until the next; leave out those that are missing."""
        for key in files:
            with tempfile.TemporaryDirectory(dir=scratch) as own:
                (file,) = self.store.fetch_files([key], Path(own))
                if file:
                    yield file.path

    @contextmanager
    def staged(self, plan: Mapping[str, Any]) -> Iterator[None]:
        """Work with what the night has in staging, which another run that publishes the same night removes.

        Raises:
            AirflowSkipException: it is gone for that reason.
        """
        try:
            yield
        except InputMissing:
            if answered := _find_answered(plan, self.published(plan["day"])):
                raise AirflowSkipException(answered) from None
            raise

    def skip_answered(self, context: "Context", plan: Mapping[str, Any], published: Mapping[str, Any] | None) -> None:
        """Skip a run whose night another one has published, or whose day one that listed the inbox later.

        Args:
            context: of the task.
            plan: plan of the night.
            published: manifest of the day; None if there is none.

        Raises:
            AirflowSkipException: so it is.
        """
        if answered := _find_answered(plan, published):
            self.forget(context, plan)
            raise AirflowSkipException(answered)

    def shard_records(self, plan: Mapping[str, Any]) -> list[TaggedShard]:
        """Return the records of the night's finished shards, in order, each with the part that it made.

        Raises:
            InputMissing: a shard is not finished.
            ArtifactBroken: a record is damaged, or of a release whose shards made no parts.
        """
        markers = [keys.shard(plan["day"], plan["night"], index, merge.MANIFEST) for index in range(plan["n_shards"])]
        return [read_record(self.store, marker, TaggedShard) for marker in markers]


class PublishedDayOperator(NightOperator):
    """A step on a published day.

    Args:
        day: YYYY-MM-DD.
    """

    template_fields = (*NightOperator.template_fields, "day")

    def __init__(self, *, day: str, **kwargs: Any) -> None:
        # a skipped day has been published before, and the step may not have followed then
        super().__init__(**{"trigger_rule": "none_failed", **kwargs})
        self.day = day


def _run_name(context: "Context") -> str:
    return keys.run_name(str(context["run_id"]))


def _find_answered(plan: Mapping[str, Any], published: Mapping[str, Any] | None) -> str | None:
    """Return which other run has published what this one would; None if none has."""
    day = plan["day"]
    if published and published.get("night") == plan["night"]:
        return f"another run has published this night of {day}"
    if published and is_superseded(plan, published, datetime.now(UTC)):  # it has answered more
        listings = f"listed the inbox at {published['listed_at']}, this run at {plan['listed_at']}"
        return f"another run has published {day}, which {listings}"
    return None
