"""The step of `ner_decide`: record what a reviewer decided on the page Review queue."""

from typing import TYPE_CHECKING, Any

from ner_airflow.defaults import WHO
from ner_airflow.operators.base import NerOperator
from ner_tasks.errors import DataRejected
from ner_tasks.review.decisions.recording import record_decisions
from ner_tasks.steps.reviewing import DecideParams
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

# of the run, so that a retry or a cleared task records the same
WHEN = "{{ dag_run.run_after.isoformat() }}"


class RecordDecisionsOperator(NerOperator):
    """Record the decisions of a run under the name of who triggered it, and derive the day's labelled batch anew.

    Args:
        by: the reviewer.
        at: time of the decisions, ISO 8601.
    """

    template_fields = (*NerOperator.template_fields, "by", "at")

    def __init__(self, *, by: str = WHO, at: str = WHEN, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by, self.at = by, at

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(DecideParams)
        run = keys.run_name(str(context["run_id"]))
        recorded = record_decisions(self.store, params.day, params.decisions, by=self.by, at=self.at, run=run)
        self.log.info("%s", recorded.describe())
        if recorded.refused:
            raise DataRejected(recorded.describe_refused())
        return {
            "day": params.day,
            "n_recorded": recorded.n_recorded,
            "batch": recorded.batch,
            **recorded.counts(),
        }
