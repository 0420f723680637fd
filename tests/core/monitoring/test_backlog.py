from datetime import UTC, datetime

import pytest

from ner_tasks.monitoring.backlog import Backlog, find_backlog, seconds_since
from ner_tasks.store.folder import FolderStore

NOW = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    store = FolderStore(tmp_path)

    def put(*keys):
        for key in keys:
            store.write_json(key, {})

    store.put = put
    return store


@pytest.mark.runbook("notices-and-metrics", "ner.queue.days is not 0")
def test_the_age_is_that_of_the_oldest_closed_day_without_answers(store):
    store.put("inbox/2026-11-22/a", "inbox/2026-11-23/a", "inbox/2026-11-24/a", "tagged/2026-11-23/manifest.json")
    assert find_backlog(store, NOW) == Backlog(n_days=2, age_s=2 * 86400 + 5400)


def test_a_day_that_is_answered_leaves_nothing(store):
    store.put("inbox/2026-11-24/a", "tagged/2026-11-24/manifest.json")
    assert find_backlog(store, NOW) == Backlog(0, 0.0)


def test_an_empty_store_leaves_nothing(store):
    assert find_backlog(store, NOW) == Backlog(0, 0.0)


@pytest.mark.parametrize(
    "key",
    ["inbox/2026-11-25/a", "inbox/2026-10-20/a", "inbox/notes/a", "inbox/2026-11-31/a"],
    ids=["not closed", "long past", "no day", "no day of the calendar"],
)
def test_what_is_no_closed_day_of_late_does_not_wait(store, key):
    store.put(key)
    assert find_backlog(store, NOW) == Backlog(0, 0.0)


def test_a_day_half_published_waits(store):
    store.put("inbox/2026-11-24/a", "tagged/2026-11-24/statistics.json")
    assert find_backlog(store, NOW).n_days == 1


def test_a_withdrawn_day_waits_for_a_person_and_not_for_a_night(store):
    store.put("inbox/2026-11-24/a", "withdrawn/2026-11-24/n1/reason.json")
    assert find_backlog(store, NOW) == Backlog(0, 0.0)


def test_a_day_closes_at_midnight_utc():
    assert seconds_since("2026-11-24", NOW) == 5400
