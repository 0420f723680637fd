"""A withdrawn day is read by nobody and kept, in either form and on either store, whatever happens meanwhile."""

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_airflow.operators.withdrawal import WithdrawDayOperator
from ner_tasks.errors import StoreUnavailable
from ner_tasks.records import PublishedDay, read_record
from ner_tasks.tagging import part
from tests.published import answer, cut, publish, publish_parts

DAY, RUN = "2026-11-22", {"run_id": "manual__2026-11-23T01:30:00+00:00"}
ANSWERS = [answer(name, "Anna wrote .") for name in ("a.txt", "b.txt", "c.txt")]


def withdraw():
    return WithdrawDayOperator(task_id="withdraw", config={"day": DAY, "reason": "wrong model"}).execute(RUN)["kept"]


def contents(store, key):
    return {file.key: store.read_bytes(file.key, 0, file.n_bytes) for file in store.files(key)}


@pytest.mark.runbook("withdrawing-a-day", "it is skipped")
def test_a_withdrawn_day_of_parts_is_read_by_nobody_and_its_manifest_names_its_parts(any_store, tmp_path):
    named = publish_parts(any_store, tmp_path / "day", DAY, cut(ANSWERS, [2]))
    any_store.write_json(f"tagged/{DAY}/new_mentions.json", {})
    before, parts = any_store.read_json(f"tagged/{DAY}/manifest.json"), contents(any_store, "parts")
    kept = withdraw()
    assert [*any_store.files("tagged")] == [] and not any_store.exists(f"tagged/{DAY}")
    assert any_store.read_json(f"{kept}/manifest.json") == before
    assert any_store.read_json(f"{kept}/reason.json")["reason"] == "wrong model"
    assert contents(any_store, "parts") == parts
    manifest = read_record(any_store, f"{kept}/manifest.json", PublishedDay)
    assert part.list_part_keys(DAY, manifest) == named
    assert [file.name for file in any_store.files(kept)] == ["manifest.json", "reason.json"]
    with pytest.raises(AirflowSkipException, match="nothing to withdraw"):
        withdraw()


def test_a_withdrawn_day_of_an_earlier_release_is_kept_as_a_whole(any_store, tmp_path):
    publish(any_store, tmp_path / "day", DAY, ANSWERS)
    before = {key.split("/")[-1]: text for key, text in contents(any_store, f"tagged/{DAY}").items()}
    kept = withdraw()
    after = {key.split("/")[-1]: text for key, text in contents(any_store, kept).items()}
    assert not any_store.exists(f"tagged/{DAY}")
    assert {name: text for name, text in after.items() if name != "reason.json"} == before


@pytest.mark.runbook("withdrawing-a-day", "it failed half-way")
def test_a_withdrawal_that_failed_half_way_is_run_again(any_store, tmp_path, monkeypatch):
    publish_parts(any_store, tmp_path / "day", DAY, cut(ANSWERS, [2]))
    parts = contents(any_store, "parts")

    def fail(*_arguments, **_options):
        raise StoreUnavailable("found no answer")

    with monkeypatch.context() as broken, pytest.raises(Exception, match="found no answer"):
        broken.setattr(type(any_store), "remove", fail)
        withdraw()
    assert any_store.exists(f"tagged/{DAY}/manifest.json")
    kept = withdraw()
    assert not any_store.exists(f"tagged/{DAY}")
    assert any_store.folders(f"withdrawn/{DAY}") == [kept.split("/")[-1]] and contents(any_store, "parts") == parts


def test_a_night_that_was_published_meanwhile_is_not_withdrawn(any_store, tmp_path, monkeypatch):
    publish_parts(any_store, tmp_path / "day", DAY, cut(ANSWERS, [2]), night="n1")
    write = type(any_store).write_json

    def publish_then_write(self, key, value):
        if key.endswith("/reason.json"):
            publish_parts(any_store, tmp_path / "other", DAY, cut(ANSWERS, [1]), night="n2")
        write(self, key, value)

    monkeypatch.setattr(type(any_store), "write_json", publish_then_write)
    with pytest.raises(Exception, match="^found answers of another night, expected those of n1"):
        withdraw()
    assert any_store.read_json(f"tagged/{DAY}/manifest.json")["night"] == "n2"


def test_a_day_of_a_newer_release_is_not_withdrawn(any_store, tmp_path):
    publish_parts(any_store, tmp_path / "day", DAY, cut(ANSWERS, [2]))
    (tmp_path / "manifest.json").write_text('{"schema_version": 99, "model_version": "v1"}')
    any_store.put_file(tmp_path / "manifest.json", f"tagged/{DAY}/manifest.json")
    with pytest.raises(AirflowFailException, match="SchemaTooNew: found schema version 99"):
        withdraw()
    assert any_store.exists(f"tagged/{DAY}/manifest.json") and not any_store.exists("withdrawn")
