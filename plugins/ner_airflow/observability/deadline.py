"""The deadline of a night: whoever is on call hears of it if it is not done by then."""

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from ner_airflow.observability.due import RunDue
from ner_airflow.observability.notices import notify_late, runbook
from ner_tasks.settings import night_deadline


def make_deadline(doc: str) -> DeadlineAlert | None:
    """The deadline that `NER_DEADLINE` sets to a DAG with this page; None if it sets none.

    It counts from the hour of the schedule: a scheduler that was down until noon makes the night late. A night that has
    failed is not done either, so this is heard of a second time, unless it was mended by then.
    """
    after = night_deadline()
    if after is None:
        return None
    hours = after.total_seconds() / 3600
    # in the executor and not in the triggerer, where other coroutines would wait for a slow mail server
    callback = SyncCallback(notify_late, kwargs={"hours": hours, "page": runbook(doc)})
    return DeadlineAlert(RunDue(), after, callback, name="done by the hour")
