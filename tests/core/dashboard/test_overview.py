"""What the pages show, read from a store."""

import json
from datetime import datetime

import pytest

from ner_tasks.dashboard import benchmarks, documents, nights, quality, versions
from ner_tasks.dashboard.reader import FRESH_S, RecordCache, StoreReader
from ner_tasks.errors import InputMissing
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore
from ner_tasks.store.s3 import S3Store
from ner_tasks.tagging.answer_index import AnswerIndex
from tests.published import answer, publish

NIGHT = {
    "n_documents": 2,
    "n_tagged": 1,
    "n_rejected": 1,
    "n_reused": 0,
    "n_partly_read": 0,
    "n_entities": 3,
    "n_words": 40,
    "n_words_repeated": 10,
    "repeated_share": 0.25,
    "words_per_s": 4.0,
    "elapsed_s": 10.0,
    "model_s": 5.0,
    "rejected": {"empty": 1},
    "ignored": {},
    "entities": {"per": 3},
    "items": {},
}
VERSION = {"at": "2026-01-01", "overall": {"f1": 0.8}, "labels": {"per": {"f1": 0.7}}, "snapshot": "s"}
PROMOTION = {"version": "old", "kind": "int8", "by": "ada", "at": "2026-01-02"}
DRIFT = {"day": "2026-01-31", "model_version": "v1", "alerts": [], "accepted": False}
PLAN = {
    "day": "2026-01-31",
    "night": "n1",
    "model": {"version": "v1", "kind": "int8"},
    "columns": {"text_column": "text", "id_column": "id"},
    "answered": [],
    "n_files": 10,
    "at": "2026-01-31T01:30:00+00:00",
}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    bucket = request.getfixturevalue("s3").bucket
    return S3Store(bucket, "ner/", cache=tmp_path / "cache")


def test_a_file_that_never_changes_is_read_once_and_one_that_may_is_looked_at_again(store):
    clock = Clock()
    memory = RecordCache(clock=clock)

    def read(name, **how):
        return StoreReader(store, memory).record(name, dict[str, int], **how)

    assert read("a.json") is None
    store.write_json("a.json", {"now": 1})
    store.write_json("b.json", {"now": 1})
    assert read("a.json") == read("b.json", changes=False) == {"now": 1}
    store.write_json("a.json", {"now": 23})
    store.write_json("b.json", {"now": 23})
    assert read("a.json") == {"now": 1}, "fresh enough"
    clock.now += FRESH_S
    assert (read("a.json"), read("b.json", changes=False)) == ({"now": 23}, {"now": 1})


def test_published_nights_come_newest_first_and_half_done_ones_not_at_all(store, tmp_path):
    for day in ("2026-01-01", "2026-01-02"):
        publish(store, tmp_path / day, day, [answer("a.txt", "Anna came")])
    store.write_json("tagged/2026-01-03/other.json", {})
    found = nights.list_published(StoreReader(store), most=9)
    assert [night["day"] for night in found] == ["2026-01-02", "2026-01-01"]


def test_a_night_under_way_says_how_much_is_done_and_how_long_the_rest_takes(store):
    plan = {**PLAN, "n_shards": 3}
    for run in ("r1", "r2"):  # a retry of the same night
        store.write_json(f"staging/runs/{run}/2026-01-31/plan.json", plan)
    clock = Clock()
    reader = StoreReader(store, RecordCache(clock=clock))
    (night,) = nights.list_in_progress(reader)
    assert (night.n_done, night.n_shards, night.n_files, night.seconds_left) == (0, 3, 10, None)
    store.write_json("staging/tagged/2026-01-31/n1/shard-01/manifest.json", NIGHT)
    clock.now += FRESH_S
    (night,) = nights.list_in_progress(reader)
    assert (night.n_done, night.n_documents, night.n_words, night.seconds_left) == (1, 2, 40, 20.0)


def noted(store, run, task, state, *, at, took_s, map_index=-1, said=""):
    names = {"dag": "ner_tag_nightly", "run": run, "task": task, "map_index": map_index, "try": 1, "result": {}}
    place = keys.task_note("ner_tag_nightly", keys.run_name(run), task, map_index)
    store.write_json(place, {**names, "state": state, "at": at, "took_s": took_s, "said": said})


def test_before_its_first_answer_a_night_is_expected_to_go_as_the_last_one_did(store):
    store.write_json("staging/runs/r/2026-01-31/plan.json", {**PLAN, "n_shards": 2})
    last, began_s = {"elapsed_s": 60.0, "n_documents": 5}, datetime.fromisoformat(PLAN["at"]).timestamp()
    (night,) = nights.list_in_progress(StoreReader(store), last, now_s=began_s + 30)
    assert (night.seconds_left, night.n_files, night.words_per_s) == (90.0, 10, None)
    (late,) = nights.list_in_progress(StoreReader(store), last, now_s=began_s + 999)
    assert late.seconds_left == 0


def test_shards_that_are_tagged_at_once_take_no_longer_than_one(store):
    key = keys.run_name("manual")
    store.write_json(f"staging/runs/{key}/2026-01-31/plan.json", {**PLAN, "n_shards": 4})
    for index in (0, 1):
        store.write_json(f"staging/tagged/2026-01-31/n1/shard-0{index}/manifest.json", NIGHT)
        noted(store, "manual", "tag_shard", "success", at="2026-01-31T01:31:00+00:00", took_s=12, map_index=index)
    (night,) = nights.list_in_progress(StoreReader(store))
    assert (night.n_done, night.seconds_left) == (2, 12.0)
    assert (night.n_entities, night.words_per_s, night.stopped) == (6, 4.0, None)
    assert night.run == nights.DagRun("ner_tag_nightly", "manual")


def test_a_night_that_failed_is_not_under_way_but_stopped_until_another_run_takes_it_up(store):
    for run in ("first", "second"):
        store.write_json(f"staging/runs/{keys.run_name(run)}/2026-01-31/plan.json", {**PLAN, "n_shards": 1})
    said = "GateNotPassed: found share of rejected documents"
    for run in ("first", "second"):
        noted(store, run, "check_night", "failed", at="2026-01-31T01:32:00+00:00", took_s=1, said=said)
    (night,) = nights.list_in_progress(StoreReader(store))
    assert (night.stopped.task, night.stopped.messages) == ("check_night", [said])
    noted(store, "second", "check_night", "success", at="2026-01-31T01:40:00+00:00", took_s=1)
    (night,) = nights.list_in_progress(StoreReader(store))
    assert (night.stopped, night.run.run) == (None, "second")


def test_the_gates_are_those_of_the_night_that_is_published_and_of_the_model_that_is_promoted(store):
    last = {"day": "2026-01-31", "night": "n1"}
    store.write_json("reports/nights/2026-01-31.json", {"night": "n0", "passed": True, "lines": ["of before"]})
    store.write_json("reports/drift/2026-01-31.json", {**DRIFT, "night": "n1", "alerts": ["found geo"]})
    store.write_json("models/promoted.json", {**PROMOTION, "version": "v1"})
    store.write_json("models/v1/version.json", {**VERSION, "gate": ["found entity F1 0.9"]})
    drift, trained = nights.read_gates(StoreReader(store), last)
    assert (drift.verdict, drift.lines) == ("not passed", ["found geo"])
    assert (trained.name, trained.verdict) == ("Trained model v1", "passed")
    store.write_json("reports/nights/2026-01-31.json", {"night": "n1", "passed": True, "lines": ["few rejected"]})
    store.write_json("reports/models/v1/gate.json", {"lines": ["found speed of INT8"]})
    assert [gate.lines[0] for gate in nights.read_gates(StoreReader(store), last)] == [
        "few rejected",
        "found geo",
        "found entity F1 0.9",
        "found speed of INT8",
    ]


def test_a_document_is_found_by_name_with_its_answer_and_where_else_it_was(store, tmp_path):
    publish(store, tmp_path / "1", "2026-01-01", [answer("a.txt", "Anna came"), answer("b.txt", "Otto left us")])
    rejected = [{"document": "b.txt", "file": "b.txt", "reason": "empty", "message": "found nothing"}]
    publish(store, tmp_path / "2", "2026-01-02", [answer("a.txt", "Anna came again")], rejected)
    reader = StoreReader(store)
    entries = documents.search_documents(reader, "2026-01-02", "", most=9, rejected_only=False)
    assert [entry.name for entry in entries] == ["a.txt", "b.txt"]
    found = documents.find_document(reader, "2026-01-02", "a.txt")
    assert found.answer.text == "Anna came again" and found.rejection is None
    assert documents.find_document(reader, "2026-01-02", "b.txt").rejection["message"] == "found nothing"
    sightings = documents.list_sightings(reader, "b.txt")
    assert [(one.day, one.entry.reason) for one in sightings] == [("2026-01-02", "empty"), ("2026-01-01", None)]
    with pytest.raises(InputMissing, match="expected one of this name"):
        documents.find_document(reader, "2026-01-01", "c.txt")


def test_a_document_is_known_by_each_model_that_has_read_it(store, tmp_path):
    publish(store, tmp_path / "1", "2026-01-01", [answer("a.txt", "Anna came"), answer("b.txt", "Otto left us")])
    store.put_file(store.fetch("tagged/2026-01-01/index.sqlite"), "reports/replaced/2026-01-01/v0/index.sqlite")
    now, before = documents.list_sightings(StoreReader(store), "a.txt")
    assert (now.day, now.replaced, before.day, before.model_version, before.replaced) == (
        "2026-01-01",
        False,
        "2026-01-01",
        "v0",
        True,
    )
    assert documents.list_sightings(StoreReader(store), "c.txt") == []


def test_a_document_is_never_shown_with_the_model_of_another_night(store, tmp_path, monkeypatch):
    publish(store, tmp_path / "one", "2026-01-01", [answer("a.txt", "Rosa left.")], model_version="v1")
    reader, find = StoreReader(store), AnswerIndex.find
    longer = [answer("a.txt", "Rosa left."), answer("b.txt", "Rosa left.")]

    def find_while_the_day_is_replaced(index, name):
        entry = find(index, name)
        if not (tmp_path / "two").exists():
            publish(store, tmp_path / "two", "2026-01-01", longer[::-1], model_version="v2")
        return entry

    (before,) = documents.list_sightings(reader, "a.txt")
    monkeypatch.setattr(AnswerIndex, "find", find_while_the_day_is_replaced)
    (after,) = documents.list_sightings(reader, "a.txt")
    assert (before.model_version, before.entry.offset) == ("v1", 0)
    assert after.model_version == "v2" and after.entry.offset > 0
    store.remove("tagged/2026-01-01")
    assert documents.list_sightings(reader, "a.txt") == []


def test_versions_come_newest_first_with_what_they_are_worth_and_which_is_promoted(store):
    for at, name in enumerate(("old", "new", "half")):
        details = {**VERSION, "at": f"2026-01-0{at + 1}"}
        store.write_json(f"models/{name}/{'version' if name != 'half' else 'draft'}.json", details)
    store.write_json(
        "reports/models/old/compare.json", {"int8": {"overall": {"f1": 0.79}}, "speed": {"int8_over_stock": 3}}
    )
    store.write_json("models/promoted.json", PROMOTION)
    new, old = versions.list_versions(StoreReader(store))
    assert (new.name, new.int8_f1, new.is_promoted) == ("new", None, False)
    assert (old.name, old.int8_f1, old.int8_over_stock, old.is_promoted) == ("old", 0.79, 3, True)
    assert old.labels == {"per": 0.7}
    assert versions.list_promotions(StoreReader(store)) == [Promotion(**PROMOTION)]


def test_an_empty_store_has_pages_of_nothing(store):
    reader = StoreReader(store)
    assert nights.list_published(reader, most=9) == nights.list_in_progress(reader) == documents.list_days(reader) == []
    assert versions.list_versions(reader) == versions.list_promotions(reader) == []
    assert benchmarks.list_hosts(reader, most=9) == {}
    assert quality.read_promoted(reader) is None
    assert quality.read_drift(reader, most=9) == quality.read_review_queue(reader, most=9) == []


def test_the_newest_benchmarks_of_each_host_come_first(store):
    row = {"engine": "INT8", "batch_size": 1, "words_per_s": 9.5, "p50_ms": 1.5, "p95_ms": 2.5, "f1": 0.5}
    run = {"version": "v", "report": "reports/benchmarks/v", "n_sentences": 9, "rounds": 3, "rows": [row]}
    for at in ("2026-01-01", "2026-01-02"):
        store.write_json(f"reports/benchmarks/history/host-a/{at}.json", {**run, "at": at})
    assert benchmarks.list_hosts(StoreReader(store), most=1) == {"host-a": [{**run, "at": "2026-01-02"}]}


def test_the_promoted_model_drift_and_the_review_queue_are_read_from_the_reports(store):
    store.write_json("models/promoted.json", {**PROMOTION, "version": "v1"})
    store.write_json("models/v1/version.json", {**VERSION, "snapshot": "s1"})
    assert quality.read_promoted(StoreReader(store)) is None, "never evaluated"
    score = {"f1": 0.8, "precision": 0.8, "recall": 0.8, "n_gold": 9}
    evaluation = {"overall": score, "labels": {"per": score}, "n_sentences": 9}
    store.write_json("reports/models/v1/evaluate-s1.json", evaluation)
    for day in ("2026-01-01", "2026-01-02"):
        store.write_json(f"reports/drift/{day}.json", {**DRIFT, "day": day})
        store.write_json(f"reports/review/{day}/review.json", {"n_mentions": 3})
    store.write_json("labelled/review-2026-01-01/corrected.json", [])
    reader = StoreReader(store)
    assert quality.read_promoted(reader).evaluation == evaluation
    assert [night["day"] for night in quality.read_drift(reader, most=1)] == ["2026-01-02"]
    assert [(one["day"], one["returned"]) for one in quality.read_review_queue(reader, most=9)] == [
        ("2026-01-02", False),
        ("2026-01-01", True),
    ]


def test_a_night_that_was_not_judged_is_not_said_to_be_usual(store):
    said = {**DRIFT, "night": "n1", "judged": False, "why_not": "found 0 nights"}
    store.write_json("reports/drift/2026-01-31.json", said)
    (drift,) = nights.read_gates(StoreReader(store), {"day": "2026-01-31", "night": "n1"})
    assert (drift.verdict, drift.lines) == ("not judged", ["found 0 nights"])


@pytest.mark.runbook("damaged-files-of-the-store", "tagged/<day>/...")
def test_what_is_damaged_is_left_out_and_said_and_the_rest_is_shown(store, tmp_path):
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        publish(store, tmp_path / day, day, [answer("a.txt", "Anna came")])
        store.write_json(f"reports/drift/{day}.json", {**DRIFT, "day": day})
    store.write_json("tagged/2026-01-02/manifest.json", {"n_documents": "many"})
    store.write_json("reports/drift/2026-01-03.json", [])
    store.write_json("models/v1/version.json", VERSION)
    store.write_json("models/v2/version.json", {**VERSION, "labels": 7})
    for by in ("ada", 7, "otto"):
        store.append_line("models/history.jsonl", json.dumps({**PROMOTION, "by": by}))
    reader = StoreReader(store)
    assert [night["day"] for night in nights.list_published(reader, most=9)] == ["2026-01-03", "2026-01-01"]
    assert [night["day"] for night in quality.read_drift(reader, most=9)] == ["2026-01-02", "2026-01-01"]
    assert [version.name for version in versions.list_versions(reader)] == ["v1"]
    assert [one.by for one in versions.list_promotions(reader)] == ["otto", "ada"]
    keys = ["models/history.jsonl", "models/v2/version.json"]
    assert sorted(reader.unreadable) == [*keys, "reports/drift/2026-01-03.json", "tagged/2026-01-02/manifest.json"]
    assert "found a wrong labels" in reader.unreadable["models/v2/version.json"]


def test_a_damaged_index_of_one_day_costs_that_day_only(store, tmp_path):
    for day in ("2026-01-01", "2026-01-02"):
        publish(store, tmp_path / day, day, [answer("a.txt", "Anna came")])
    (tmp_path / "damaged").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    store.put_file(tmp_path / "damaged", "tagged/2026-01-02/index.sqlite")
    reader = StoreReader(store)
    assert [one.day for one in documents.list_sightings(reader, "a.txt")] == ["2026-01-01"]
    assert list(reader.unreadable) == ["tagged/2026-01-02/index.sqlite"]
