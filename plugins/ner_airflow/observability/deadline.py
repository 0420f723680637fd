"""Deadline of the nightly run: the on-call person is notified if the run has not finished by then."""

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from ner_airflow.observability.due import RunDue
from ner_airflow.observability.notices import notify_late, runbook_url_for
from ner_tasks.settings import night_deadline


def make_deadline(doc: str) -> DeadlineAlert | None:
    """Make the deadline of a DAG from `NER_DEADLINE` (hours).

    It counts from the scheduled time: a night is late even if the scheduler itself was down. A failed night that was not
    repaired in time is reported a second time, as late.

    Args:
        doc: the DAG's `doc_md`, which names its section of the runbook.

    Returns:
        The deadline; None if `NER_DEADLINE` is 0.
    """
    after = night_deadline()
    if after is None:
        return None
    hours = after.total_seconds() / 3600
    # runs in the executor: in the triggerer a slow mail server would block other coroutines
    callback = SyncCallback(notify_late, kwargs={"hours": hours, "page": runbook_url_for(doc)})
    return DeadlineAlert(RunDue(), after, callback, name="done by the hour")
