"""Which days are closed, and have no answers yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ner_tasks.store import Store, keys
from ner_tasks.tagging.merge import MANIFEST

DAYS_BACK = 31


@dataclass(frozen=True)
class Backlog:
    """What waits for an answer.

    Attributes:
        n_days: closed days with an inbox and without answers.
        age_s: seconds since the oldest of them closed; 0 if there is none.
    """

    n_days: int
    age_s: float


def find_backlog(store: Store, now: datetime, *, days_back: int = DAYS_BACK) -> Backlog:
    """The days that wait at `now`.

    Days that were withdrawn wait for nobody: somebody took their answers back and will say when they are wanted again.
    Only so many days are looked at, because each costs a question to the store.
    """
    closed = [_end_of(day) for day in _days(store, now, days_back) if not _is_answered(store, day)]
    return Backlog(len(closed), (now - min(closed)).total_seconds() if closed else 0.0)


def seconds_since(day: str, now: datetime) -> float:
    """Seconds since a day closed."""
    return (now - _end_of(date.fromisoformat(day))).total_seconds()


def _days(store: Store, now: datetime, days_back: int) -> Iterator[date]:
    oldest = (now - timedelta(days=days_back)).date()
    for name in store.folders(keys.INBOX):
        try:
            day = date.fromisoformat(name)
        except ValueError:
            continue  # people keep other things there as well
        if oldest <= day and _end_of(day) <= now:
            yield day


def _is_answered(store: Store, day: date) -> bool:
    return store.exists(keys.tagged_day(day, MANIFEST)) or bool(store.folders(keys.withdrawn_day(day)))


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
