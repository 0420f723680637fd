"""The inbox of today is watched; a burst is one event, and nothing that arrives goes without one."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ner_airflow.inbox_trigger import InboxTrigger
from ner_airflow.schedule import find_day, is_drop_complete, is_under_way
from ner_tasks.errors import StoreUnavailable
from ner_tasks.tagging.arrivals import read_inbox_state

TODAY = str(datetime.now(UTC).date())


def watch(seconds, *acts, quiet_s=0.3, **times):
    """Watch for so long while `acts`, (second, function), happen; return the events' payloads."""

    async def watched():
        events = []

        async def collect():
            trigger = InboxTrigger(poll_s=0.05, quiet_s=quiet_s, **times)
            async for event in trigger.run():
                events.append(event.payload)  # noqa: PERF401 - what it has must outlive its cancellation

        task, began = asyncio.create_task(collect()), 0.0
        for at, act in acts:
            await asyncio.sleep(at - began)
            began = at
            await asyncio.to_thread(act)
        await asyncio.sleep(seconds - began)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return events

    return asyncio.run(watched())


@pytest.fixture
def drop(store, tmp_path):
    def put(*names, day=TODAY):
        file = tmp_path / "document"
        for name in names:
            file.write_text(name)
            store.put_file(file, f"inbox/{day}/{name}.txt")

    return put


def test_a_burst_is_one_event(drop):
    events = watch(2.5, (0.2, lambda: drop(*(f"a{number}" for number in range(500)))), (0.4, lambda: drop("b")))
    assert events == [{"day": TODAY, "n_files": 501}]


def test_what_arrives_after_an_event_gets_another(drop):
    events = watch(3, (0.2, lambda: drop("a")), (1.5, lambda: drop("b")))
    assert [event["n_files"] for event in events] == [1, 2]


def test_an_inbox_that_never_gets_quiet_sends_events_all_the_same_and_a_last_one(drop):
    acts = [(0.1 + number * 0.15, lambda number=number: drop(f"a{number}")) for number in range(12)]
    events = watch(4, *acts, max_wait_s=0.6)
    assert len(events) >= 2
    assert events[-1]["n_files"] == 12


def test_an_empty_inbox_and_other_days_send_no_event(drop):
    assert watch(1, (0.1, lambda: drop("a", day="2001-01-01"))) == []


def test_a_file_that_has_gone_before_the_inbox_is_quiet_sends_no_event(drop, store):
    events = watch(2, (0.2, lambda: drop("a")), (0.45, lambda: store.remove(f"inbox/{TODAY}")), quiet_s=0.6)
    assert events == []


def test_an_inbox_that_its_published_day_answers_sends_no_event(drop, store):
    drop("a")
    files = read_inbox_state(store.files(f"inbox/{TODAY}"))
    store.write_json(f"tagged/{TODAY}/manifest.json", {"model_version": "v1", "inbox_sha256": files.digest})
    assert watch(1.5, (0.9, lambda: None)) == []
    assert watch(2.5, (0.9, lambda: drop("b"))) == [{"day": TODAY, "n_files": 2}]


def test_what_remains_unanswered_gets_another_event(drop):
    drop("a")
    assert len(watch(3, quiet_s=0.1, repeat_s=1.0)) == 3
    assert len(watch(1.5, quiet_s=0.1)) == 1


def test_the_watcher_is_stored_with_its_settings():
    path, given = InboxTrigger(poll_s=1.0).serialize()
    assert path == "ner_airflow.inbox_trigger.InboxTrigger"
    assert InboxTrigger(**given).serialize() == (path, given)
    assert given["poll_s"] == 1.0


@pytest.mark.runbook("arrivals", "the inbox of ... is not watched now")
def test_a_store_that_does_not_answer_is_asked_again(drop, monkeypatch, store):
    answers = iter([False] * 3)
    look = type(store).files

    def files(self, key):
        if not next(answers, True):
            raise StoreUnavailable("found no answer")
        return look(self, key)

    monkeypatch.setattr(type(store), "files", files)
    drop("a")
    assert watch(1.5) == [{"day": TODAY, "n_files": 1}]


def event(at, **extra):
    return SimpleNamespace(timestamp=datetime.fromisoformat(at), extra=extra)


def watched(at, day):
    return event(at, from_trigger=True, payload={"day": day, "n_files": 1})


def run(run_type, at, *events):
    return SimpleNamespace(run_type=run_type, run_after=datetime.fromisoformat(at), consumed_asset_events=list(events))


LATE = "2026-11-22T00:00:20+00:00"


@pytest.mark.parametrize(
    ("dag_run", "day"),
    [
        (run("scheduled", "2026-11-22T01:30:00+00:00"), "2026-11-21"),
        (run("asset_triggered", LATE, watched(LATE, "2026-11-21")), "2026-11-21"),
        (run("asset_triggered", LATE, watched(LATE, "2026-11-21"), watched(LATE, "2026-11-22")), "2026-11-22"),
        (run("asset_triggered", LATE, event(LATE)), "2026-11-22"),
        (run("asset_triggered", LATE, event(LATE, from_trigger=True, payload="odd")), "2026-11-22"),
        (run("manual", LATE), ""),
    ],
)
def test_the_day_of_a_run_is_that_of_its_event_or_the_day_before(dag_run, day):
    assert find_day(dag_run) == day


def test_a_day_is_under_way_for_the_schedule_and_events_before_its_end_only():
    noon, next_day = "2026-11-22T12:30:00+00:00", "2026-11-23T01:30:00+00:00"
    assert is_under_way(run("scheduled", noon), "2026-11-22")
    assert is_under_way(run("asset_triggered", noon), "2026-11-22")
    assert not is_under_way(run("scheduled", next_day), "2026-11-22")
    assert not is_under_way(run("manual", noon), "2026-11-22")
    assert not is_under_way(None, "2026-11-22")


def test_only_what_nobody_has_called_complete_may_still_be_written():
    noon, day = "2026-11-22T12:30:00+00:00", "2026-11-22"
    assert not is_drop_complete(run("scheduled", noon), day)
    assert not is_drop_complete(run("asset_triggered", noon, watched(noon, day)), day)
    assert is_drop_complete(run("asset_triggered", noon, watched(noon, day), event(noon)), day)
    assert is_drop_complete(run("manual", noon), day)
