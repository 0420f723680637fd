"""Backlog: days that are over and have an inbox but no published answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ner_tasks.store import Store, keys
from ner_tasks.tagging.merge import MANIFEST

DAYS_BACK = 31


@dataclass(frozen=True)
class Backlog:
    """Days that wait for answers.

    Attributes:
        n_days: number of closed days with an inbox and without answers.
        age_s: seconds since the oldest of them closed; 0 if there is none.
    """

    n_days: int
    age_s: float


def find_backlog(store: Store, now: datetime, *, days_back: int = DAYS_BACK) -> Backlog:
    """Find the days that wait for answers. Withdrawn days do not count: a person decides when to tag them again.

    Args:
        store: the store.
        now: current time, with a time zone.
        days_back: days before `now` that are checked; each costs a request to the store.
    """
    closed = [_day_end(day) for day in _iter_closed_days(store, now, days_back) if not _is_answered(store, day)]
    return Backlog(len(closed), (now - min(closed)).total_seconds() if closed else 0.0)


def seconds_since(day: str, now: datetime) -> float:
    """Return the seconds since a day closed.

    Args:
        day: YYYY-MM-DD; it closes at the next midnight UTC.
        now: current time, with a time zone.
    """
    return (now - _day_end(date.fromisoformat(day))).total_seconds()


def _iter_closed_days(store: Store, now: datetime, days_back: int) -> Iterator[date]:
    oldest = (now - timedelta(days=days_back)).date()
    for name in store.folders(keys.INBOX):
        try:
            day = date.fromisoformat(name)
        except ValueError:
            continue  # other folders may lie in the inbox as well
        if oldest <= day and _day_end(day) <= now:
            yield day


def _is_answered(store: Store, day: date) -> bool:
    return store.exists(keys.tagged_day(day, MANIFEST)) or bool(store.folders(keys.withdrawn_day(day)))


def _day_end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
