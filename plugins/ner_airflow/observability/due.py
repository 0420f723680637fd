"""When a run was due, which its deadline counts from."""

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Moment = TypeVar("Moment")


def due(run_type: str, run_after: Moment, queued_at: Moment) -> Moment:
    """A scheduled run is due by the clock, however late the scheduler came to it; any other one when it was asked for.

    A backfill's `run_after` is that of the day in the past, which nobody can be late for.
    """
    return run_after if run_type == "scheduled" else queued_at


class RunDue(BaseDeadlineReference):
    """A point of time that Airflow's own references have not: a run of a partition has no logical date.

    The plugin names it; scheduler and API server ask it when they make a run.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: "Session", dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        wanted = select(DagRun.run_type, DagRun.run_after, DagRun.queued_at)
        row = session.execute(wanted.where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
        at: datetime | None = due(str(row.run_type), row.run_after, row.queued_at)
        return at
