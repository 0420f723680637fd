"""The steps of `ner_tag_nightly` after publication: detect prediction drift, and retrain or fail."""

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException
from pydantic import Field

from ner_airflow.observability import metrics
from ner_airflow.operators.base import AfterStep, CommandOperator, NerOperator
from ner_airflow.operators.night import PublishedDayOperator, parse_day
from ner_airflow.params import RUN_PARAMS, read_params
from ner_airflow.schedule import is_under_way
from ner_tasks.config.base import ConfigModel
from ner_tasks.errors import ArtifactBroken, GateNotPassed, InputMissing
from ner_tasks.records import DriftVerdict, read_record
from ner_tasks.steps.answers import DriftCommand
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

STATISTICS = "statistics.json"
# Earlier nights that are fetched; `max_nights` of config/drift.yaml uses the newest of them.
_MOST_NIGHTS, _DAYS_BACK = 31, 62


class DriftParams(ConfigModel):
    """What follows from drift."""

    retrain_on_drift: bool = Field(
        False, title="Retrain on drift", description="Start ner_retrain if this night differs from earlier ones"
    )
    accept_drift: bool = Field(
        False, title="Accept drift", description="Raise no alert, and compare later nights with this one as well"
    )


class DetectDriftOperator(PublishedDayOperator, CommandOperator):
    """Compare a published night with earlier ones of the same model, and report drift.

    Drift does not fail this task: `DriftGateOperator` fails after the retraining, if there is one. A night that raised an
    alert is left out of later comparisons until somebody accepts it.

    Args:
        day: YYYY-MM-DD.
    """

    def step(self, context: "Context") -> dict[str, Any]:
        parse_day(self.day)
        if is_under_way(context.get("dag_run"), self.day):
            raise AirflowSkipException(f"{self.day} is not over: its last run judges it")
        published = self.published(self.day)
        if published is None:
            raise AirflowSkipException(f"found no published answers of {self.day}")
        key = keys.tagged_day(self.day, STATISTICS)
        if not self.store.exists(key):
            raise AirflowSkipException(f"found no {key}: published before there was any; `force` makes it")
        before, last = self._before(published["model_version"])
        earlier = tuple(self.store.fetch(keys.tagged_day(day, STATISTICS)) for day in before)
        command = DriftCommand(night=self.store.fetch(key), before=earlier)
        result = self._judge_empty(command) if published.get("n_tagged") == 0 else self.run_command(command)
        report, (_, was_accepted) = keys.drift_report(self.day), self._judged(self.day, published.get("night"))
        accepted = self.read_config(DriftParams).accept_drift or was_accepted
        record = {"day": self.day, "night": published.get("night"), "model_version": published["model_version"]}
        changed = last if last != published["model_version"] else None
        more = {"model_before": changed, "accepted": accepted, "nights": before}
        self.store.write_json(report, {**record, **more, **result})
        metrics.emit(context, drift_alerts=len(result["alerts"]), drift_nights=len(before))
        if changed:
            self.log.info(
                "the model has changed: %s, the night before was tagged by %s", record["model_version"], changed
            )
        alerts = [] if accepted else result["alerts"]
        return {"day": self.day, "night": record["night"], "alerts": alerts[:20], "report": report}

    def _judge_empty(self, command: DriftCommand) -> dict[str, Any]:
        """Report why a night without documents is not judged, which takes no process with libraries of its own."""
        from ner_tasks.monitoring.drift import DriftConfig, detect_drift

        return detect_drift(command.night, command.before, DriftConfig.read(), self.log.warning)

    def _before(self, version: str) -> tuple[list[str], str]:
        """Return the days to compare with, newest first, and the model version of the night before."""
        found, last = list[str](), ""
        for day in [day for day in self.store.folders(keys.TAGGED) if day < self.day][: -_DAYS_BACK - 1 : -1]:
            published = self.published(day)
            if published is None:
                continue
            last = last or published["model_version"]
            alerted, accepted = self._judged(day, published.get("night"))
            # an empty night is no basis for comparison
            counts = published.get("n_tagged") and (accepted or not alerted)
            is_comparable = published["model_version"] == version and counts
            if is_comparable and self.store.exists(keys.tagged_day(day, STATISTICS)):
                found.append(day)
            if len(found) == _MOST_NIGHTS:
                break
        return found, last or version

    def _judged(self, day: str, night: str | None) -> tuple[bool, bool]:
        """Return whether the published answers of a day raised an alert, and whether they were accepted.

        Answers with a damaged report count as drifted, because nobody knows that they are not.
        """
        key = keys.drift_report(day)
        try:
            record = read_record(self.store, key, DriftVerdict)
            return (bool(record["alerts"]), record["accepted"]) if record.get("night") == night else (False, False)
        except InputMissing:
            return False, False
        except ArtifactBroken as error:
            self.log.warning("notice: %s is treated as a night with drift: %s", day, error)
            return True, False


class RetrainOnDriftOperator(AfterStep, TriggerDagRunOperator):
    """Start `ner_retrain` once for a night with an alert, if the run has `retrain_on_drift`.

    A trigger and not an asset: events of a partitioned run start no DAG that has no partitions.
    """

    template_fields = ("watched", "config", *TriggerDagRunOperator.template_fields)

    def __init__(self, *, watched: Any, config: str | dict[str, Any] = RUN_PARAMS, **kwargs: Any) -> None:
        given = {"trigger_dag_id": "ner_retrain", "skip_when_already_exists": True, "logical_date": None}
        super().__init__(**{**given, **kwargs})
        self.watched, self.config = watched, config

    def is_needed(self, before: dict[str, Any]) -> bool:
        return bool(before["alerts"])

    def execute(self, context: "Context") -> None:
        if not self.watched["alerts"]:
            raise AirflowSkipException("found no drift: nothing to retrain for")
        if not read_params(DriftParams, self.config).retrain_on_drift:
            raise AirflowSkipException("found drift; retrain_on_drift is off")
        self.trigger_run_id = f"drift__{self.watched['day']}__{self.watched['night']}"
        super().execute(context)


class DriftGateOperator(NerOperator):
    """Fail if there is drift: a failed task is what the grid, the API and every notifier show.

    The answers are already published, and the next night does not depend on this task.
    """

    template_fields = (*NerOperator.template_fields, "watched")

    def __init__(self, *, watched: Any, **kwargs: Any) -> None:
        # the retraining before it may be skipped
        super().__init__(**{"trigger_rule": "none_failed_min_one_success", **kwargs})
        self.watched = watched

    def is_needed(self, before: dict[str, Any]) -> bool:
        return bool(before["alerts"])

    def step(self, context: "Context") -> dict[str, Any]:
        if self.watched is None:  # nothing was published
            raise AirflowSkipException("found no night to look at")
        alerts = self.watched["alerts"]
        if alerts:
            raise GateNotPassed(
                f"{'; '.join(alerts)}, in the answers of {self.watched['day']}: {self.watched['report']}"
            )
        return dict(self.watched)
