"""The steps of `ner_tag_nightly` behind the published answers: is this night of the usual kind, and if not, who hears of it?"""

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.observability import metrics
from ner_airflow.operators.base import CommandOperator, NerOperator
from ner_airflow.operators.night import NightOperator, parse_day
from ner_tasks.errors import ArtifactBroken, GateNotPassed, InputMissing
from ner_tasks.records import DriftVerdict, read_record
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

STATISTICS = "statistics.json"
# Nights that are held against a later one; `max_nights` of config/drift.yaml takes the newest of them.
_MOST_NIGHTS, _DAYS_BACK = 31, 62


class DetectDriftOperator(NightOperator, CommandOperator):
    """Hold a published night against those before it by the same model, and report what is unusual.

    Never fails on what it finds: that is for `DriftGateOperator`, behind the retraining that may be wanted. A night that
    raised an alert does not count as usual for later ones, until somebody accepts it.

    Args:
        day: YYYY-MM-DD.
        accept: "True": this night is of a new usual kind; raise no alert, and let it count.
    """

    template_fields = ("day", "accept")

    def __init__(self, *, day: str, accept: str, **kwargs: Any) -> None:
        # a day that was answered before is published, and may be looked at again
        super().__init__(**{"trigger_rule": "none_failed", **kwargs})
        self.day, self.accept = day, accept

    def step(self, context: "Context") -> dict[str, Any]:
        parse_day(self.day)
        published = self.published(self.day)
        if published is None:
            raise AirflowSkipException(f"found no published answers of {self.day}")
        key = keys.tagged_day(self.day, STATISTICS)
        if not self.store.exists(key):
            raise AirflowSkipException(f"found no {key}: published before there was any; `force` makes it")
        before, last = self._before(published["model_version"])
        found = self.run_command(
            "drift",
            night=self.store.fetch(key),
            before=[self.store.fetch(keys.tagged_day(day, STATISTICS)) for day in before] or None,
        )
        report, (_, was_accepted) = keys.drift_report(self.day), self._judged(self.day, published.get("night"))
        accepted = self.accept == "True" or was_accepted
        said = {"day": self.day, "night": published.get("night"), "model_version": published["model_version"]}
        changed = last if last != published["model_version"] else None
        more = {"model_before": changed, "accepted": accepted, "nights": before}
        self.store.write_json(report, {**said, **more, **found})
        metrics.emit(context, drift_alerts=len(found["alerts"]), drift_nights=len(before))
        if changed:
            self.log.info(
                "the model has changed: %s, the night before was tagged by %s", said["model_version"], changed
            )
        alerts = [] if accepted else found["alerts"]
        return {"day": self.day, "night": said["night"], "alerts": alerts[:20], "report": report}

    def _before(self, version: str) -> tuple[list[str], str]:
        """Days that this one is compared with, the newest first, and the model version of the night before."""
        found, last = list[str](), ""
        for day in [day for day in self.store.folders(keys.TAGGED) if day < self.day][: -_DAYS_BACK - 1 : -1]:
            published = self.published(day)
            if published is None:
                continue
            last = last or published["model_version"]
            alerted, accepted = self._judged(day, published.get("night"))
            # an empty night says nothing about the others
            counts = published.get("n_tagged") and (accepted or not alerted)
            is_comparable = published["model_version"] == version and counts
            if is_comparable and self.store.exists(keys.tagged_day(day, STATISTICS)):
                found.append(day)
            if len(found) == _MOST_NIGHTS:
                break
        return found, last or version

    def _judged(self, day: str, night: str | None) -> tuple[bool, bool]:
        """Whether the answers of a day that are published now raised an alert, and whether they were accepted.

        Those whose report is damaged are taken for unusual, as nobody knows that they were not.
        """
        key = keys.drift_report(day)
        try:
            said = read_record(self.store, key, DriftVerdict)
            return (bool(said["alerts"]), said["accepted"]) if said.get("night") == night else (False, False)
        except InputMissing:
            return False, False
        except ArtifactBroken as error:
            self.log.warning("notice: %s is taken for unusual: %s", day, error)
            return True, False


class RetrainOnDriftOperator(TriggerDagRunOperator):
    """Start `ner_retrain` once for a night with an alert, if the run asks for it.

    A trigger and not an asset: events of a partitioned run start no DAG that has no partitions.
    """

    template_fields = ("watched", "wanted", *TriggerDagRunOperator.template_fields)

    def __init__(self, *, watched: Any, wanted: str, **kwargs: Any) -> None:
        given = {"trigger_dag_id": "ner_retrain", "skip_when_already_exists": True, "logical_date": None}
        super().__init__(**{**given, **kwargs})
        self.watched, self.wanted = watched, wanted

    def execute(self, context: "Context") -> None:
        if not self.watched["alerts"]:
            raise AirflowSkipException("found no drift: nothing to retrain for")
        if self.wanted != "True":
            raise AirflowSkipException("found drift; retrain_on_drift is off")
        self.trigger_run_id = f"drift__{self.watched['day']}__{self.watched['night']}"
        super().execute(context)


class DriftGateOperator(NerOperator):
    """Fail where the night is unusual: the one state that the grid, the API and every notifier know.

    The answers are published by then, and the next night does not wait for this one.
    """

    template_fields = ("watched",)

    def __init__(self, *, watched: Any, **kwargs: Any) -> None:
        # behind a retraining that was not wanted, which is skipped
        super().__init__(**{"trigger_rule": "none_failed", **kwargs})
        self.watched = watched

    def step(self, context: "Context") -> dict[str, Any]:
        if self.watched is None:  # nothing was published, nothing was looked at
            raise AirflowSkipException("found no night to look at")
        alerts = self.watched["alerts"]
        if alerts:
            raise GateNotPassed(
                f"{'; '.join(alerts)}, in the answers of {self.watched['day']}: {self.watched['report']}"
            )
        return dict(self.watched)
