"""What a published day mentions that the days before it do not."""

import json
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from ner_airflow.operators.new_mentions import ListNewMentionsOperator
from tests.published import answer, cut, publish, publish_parts

DAY = "2026-11-22"
KEY = f"tagged/{DAY}/new_mentions.json"


def before(days):
    return str(date.fromisoformat(DAY) - timedelta(days=days))


def list_new(context=None, day=DAY):
    return ListNewMentionsOperator(task_id="list_new_mentions", day=day).execute(context or {})


@pytest.fixture
def published(any_store, tmp_path):
    publish_parts(
        any_store, tmp_path / "day", DAY, cut([answer("a.txt", "Anna came"), answer("b.txt", "Otto came")], [1])
    )
    return any_store


def test_the_mentions_that_none_of_the_28_days_before_has_are_listed(published, tmp_path):
    publish(published, tmp_path / "1", before(29), [answer("o.txt", "Otto came")])
    publish(published, tmp_path / "2", before(28), [answer("a.txt", "Anna came")])
    (tmp_path / "damaged").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    publish(published, tmp_path / "3", before(1), [answer("a.txt", "Otto came")])
    published.put_file(tmp_path / "damaged", f"tagged/{before(1)}/entities.sqlite")
    assert list_new() == {"day": DAY, "night": "n", "n_days": 1, "n_new": 1}
    new = published.read_json(KEY)
    assert (new["night"], new["n_days"], new["labels"]["per"]["n_new"]) == ("n", 1, 1)
    assert [one["mention"] for one in new["labels"]["per"]["mentions"]] == ["Otto"]


def test_a_night_is_compared_once_and_other_answers_again(published, tmp_path):
    publish(published, tmp_path / "1", before(1), [answer("a.txt", "Anna came")])
    assert list_new()["n_new"] == 1
    with pytest.raises(AirflowSkipException, match="are listed already"):
        list_new()
    publish_parts(published, tmp_path / "again", DAY, cut([answer("a.txt", "Anna came")], []), night="m")
    assert list_new() == {"day": DAY, "night": "m", "n_days": 1, "n_new": 0}
    published.put_file(_write(tmp_path / "half", '{"night": "m", '), KEY)
    assert list_new()["night"] == "m"


def test_a_day_without_earlier_days_says_that_none_was_compared(published):
    assert list_new()["n_days"] == 0
    assert json.loads(published.fetch(KEY).read_text())["labels"] == {}


def test_a_day_under_way_is_left_to_its_last_run(published):
    runs = {
        at: SimpleNamespace(run_type="scheduled", run_after=datetime.fromisoformat(at), conf={})
        for at in ("2026-11-22T12:00:00", "2026-11-23T01:30:00")
    }
    first, last = runs.values()
    with pytest.raises(AirflowSkipException, match="is not over"):
        list_new({"dag_run": first})
    assert not published.exists(KEY)
    assert list_new({"dag_run": last})["day"] == DAY


def test_a_day_that_is_not_published_or_whose_own_index_is_damaged_is_skipped(published, tmp_path):
    with pytest.raises(AirflowSkipException, match="found no published answers"):
        list_new(day=before(1))
    publish(published, tmp_path / "1", before(1), [answer("a.txt", "Anna came")])
    (part, *_) = published.read_json(f"tagged/{DAY}/manifest.json")["parts"]
    published.put_file(_write(tmp_path / "damaged", "x" * 5000), f"{part['key']}/entities.sqlite")
    with pytest.raises(AirflowSkipException, match="are not listed: "):
        list_new()
    assert not published.exists(KEY)


def test_a_day_of_an_early_release_which_names_no_night_is_skipped(any_store):
    any_store.write_json(f"tagged/{DAY}/manifest.json", {"model_version": "v1", "n_documents": 1})
    with pytest.raises(AirflowSkipException, match="name no night"):
        list_new()
    assert not any_store.exists(KEY)


def test_a_day_without_answers_takes_no_task():
    step = ListNewMentionsOperator(task_id="list_new_mentions", day=DAY)
    assert not step.is_needed({"n_tagged": 0})
    assert step.is_needed({"n_tagged": 1})


def _write(path, text):
    path.write_text(text)
    return path
