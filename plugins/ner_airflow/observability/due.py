"""Due time of a DAG run, from which its deadline counts."""

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Moment = TypeVar("Moment")


def choose_due_time(run_type: str, run_after: Moment, queued_at: Moment) -> Moment:
    """Return when a run was due: the scheduled time for a scheduled run, the time it was queued for any other.

    A backfill's `run_after` lies in the past, so a deadline that counted from it would always be missed.

    Args:
        run_type: Airflow's type of the run, such as `scheduled` or `manual`.
        run_after: scheduled time.
        queued_at: time at which the run was queued.
    """
    return run_after if run_type == "scheduled" else queued_at


class RunDue(BaseDeadlineReference):
    """Deadline reference for runs of a partition, which have no logical date as Airflow's own references need.

    The plugin registers it; the scheduler and the API server evaluate it when they create a run.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: "Session", dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        query = select(DagRun.run_type, DagRun.run_after, DagRun.queued_at)
        row = session.execute(query.where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
        due_time: datetime | None = choose_due_time(str(row.run_type), row.run_after, row.queued_at)
        return due_time
