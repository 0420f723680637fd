"""When `ner_tag_nightly` runs (`NER_SCHEDULE`), and which day a run is for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, AssetWatcher, CronPartitionTimetable, CronTriggerTimetable
from airflow.sdk.definitions.asset import Dataset

from ner_airflow.defaults import NOT_AT_ONCE
from ner_tasks.settings import night_schedule

INBOX_NAME, INBOX_URI = "ner_inbox", "ner://inbox"
# 01:30 for the day before, in each of the three: this run completes the day
_NIGHTLY, _HOURLY = "30 1 * * *", "30 * * * *"
# the day of a scheduled run is its partition; runs of an event have none; `day` is for manual runs
DAY = "{{ params.day or partition_key or find_day(dag_run) }}"
_BY_HAND = ("manual", "backfill", "operator_triggered")


def make_schedule() -> Any:
    """Return the timetable of `NER_SCHEDULE`.

    `hourly`: the run at half past is for the day of two hours before, so that the last run of a day is that of 01:30.
    `arrivals`: runs follow events of the asset `ner_inbox`, from its watcher or from Airflow's API, beside the nightly one.

    Raises:
        ConfigInvalid: the setting has another value.
    """
    given: dict[str, Any] = {"timezone": "UTC", "run_immediately": NOT_AT_ONCE}
    chosen = night_schedule()
    if chosen == "nightly":
        return CronPartitionTimetable(_NIGHTLY, run_offset=-1, key_format="%Y-%m-%d", **given)
    if chosen == "hourly":
        return CronPartitionTimetable(_HOURLY, run_offset=-2, key_format="%Y-%m-%d", **given)
    from ner_airflow.inbox_trigger import InboxTrigger  # Airflow's triggers take long to import

    watcher = AssetWatcher(name="arrivals", trigger=InboxTrigger())
    inbox = Dataset(name=INBOX_NAME, uri=INBOX_URI, watchers=[watcher])
    # without partitions: an event of a watcher has none, and starts no DAG that has
    return AssetOrTimeSchedule(assets=[inbox], timetable=CronTriggerTimetable(_NIGHTLY, **given))


def find_day(dag_run: Any) -> str:
    """Return the day of a run without a partition: of an event its day, of the schedule the day before.

    Args:
        dag_run: Airflow's run.

    Returns:
        YYYY-MM-DD; empty for a run by hand, which has to give its day.
    """
    if dag_run.run_type == "scheduled":
        return str((dag_run.run_after - timedelta(days=1)).date())
    if dag_run.run_type != "asset_triggered":
        return ""
    events = sorted(dag_run.consumed_asset_events, key=lambda event: event.timestamp)
    seen = [event.extra["payload"]["day"] for event in events if _is_watched(event)]
    told = [str(event.timestamp.date()) for event in events if not _is_watched(event)]
    return max([*seen, *told], default=str(dag_run.run_after.date()))


def is_under_way(dag_run: Any, day: str) -> bool:
    """Return whether documents of the day may still arrive: a run of the schedule or an event that began before its end.

    Args:
        dag_run: Airflow's run; None outside Airflow.
        day: YYYY-MM-DD.
    """
    return not is_by_hand(dag_run) and str(dag_run.run_after.date()) <= day


def is_by_hand(dag_run: Any) -> bool:
    """Return whether a person or a program asked for this run, and neither the schedule nor an event."""
    return dag_run is None or dag_run.run_type in _BY_HAND


def is_drop_complete(dag_run: Any, day: str) -> bool:
    """Return whether no file of the day is still being written: the day is over, or a person or sender started the run."""
    if not is_under_way(dag_run, day):
        return True
    return any(not _is_watched(event) for event in dag_run.consumed_asset_events)


def _is_watched(event: Any) -> bool:
    """Return whether the watcher sent an event, and not Airflow's API."""
    payload = event.extra.get("payload")
    return bool(event.extra.get("from_trigger")) and isinstance(payload, Mapping) and "day" in payload
