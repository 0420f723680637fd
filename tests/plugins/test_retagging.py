"""Past days tagged again: a plan first, then what changes, then the answers."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_airflow.operators.retagging import DiffPredictionsOperator, PlanDaysOperator, PlanRetagShardsOperator
from ner_tasks.settings import Settings
from ner_tasks.store import keys
from tests.published import answer, cut, manifest_of, publish_parts

RUN = {"run_id": "manual__2026-11-23T01:30:00+00:00"}
MODEL = {"version": "v2", "kind": "int8"}
MADE = {"night": "n2", "model_version": "v2"}


@pytest.fixture
def days(store, tmp_path):
    """Three published days, by two models; one day that was never published."""
    for day, version in (("2026-11-19", "v1"), ("2026-11-20", "v1"), ("2026-11-21", "v2")):
        said = {"model_version": version, "n_documents": 10, "n_words": 6000, "words_per_s": 100.0, "night": "n"}
        store.write_json(f"tagged/{day}/manifest.json", said)
    for day in ("2026-11-18", "2026-11-19", "2026-11-20"):
        (tmp_path / "a.txt").write_text("text")
        store.put_file(tmp_path / "a.txt", f"inbox/{day}/a.txt")


def plan(**options):
    given = {"stop_after": "publish", **options}
    return PlanDaysOperator(task_id="plan_days", model=MODEL, config=given).execute(RUN)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        pytest.param({}, ["2026-11-19", "2026-11-20"], id="those of any other model"),
        pytest.param({"first_day": "2026-11-20"}, ["2026-11-20"], id="from a day on"),
        pytest.param({"last_day": "2026-11-19"}, ["2026-11-19"], id="up to a day"),
        pytest.param({"tagged_by": "v2"}, ["2026-11-21"], id="those of one model, after it was rolled back"),
    ],
)
def test_the_days_that_would_change_are_found(days, options, found):
    assert plan(**options) == found


@pytest.mark.runbook("retagging", "everything behind plan_days is skipped")
@pytest.mark.runbook("retagging", "the expected time is far off")
def test_a_plan_says_documents_words_and_time_and_runs_nothing(days, store, fake):
    with pytest.raises(AirflowSkipException, match="planned only"):
        plan(stop_after="plan")
    said = store.read_json("reports/retag/v2/plan.json")
    assert (said["n_documents"], said["n_words"], said["expected_s"]) == (20, 12000, 120)
    assert fake.verbs == []


@pytest.mark.runbook("retagging", "everything behind plan_days is skipped")
def test_nothing_to_tag_again_is_said(days):
    with pytest.raises(AirflowSkipException, match="no published day"):
        plan(tagged_by="v9")


@pytest.mark.parametrize("wrong", [{"first_day": "yesterday"}, {"stop_after": "never"}])
def test_a_wrong_setting_is_refused(days, wrong):
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found"):
        plan(**wrong)


def test_the_shards_of_all_days_are_one_list(days):
    shards = PlanRetagShardsOperator(
        task_id="p", days=["2026-11-19", "2026-11-20"], model=MODEL, config={"shard_minutes": 0.15}
    ).execute(RUN)
    assert shards == [{"day": "2026-11-19", "index": 0}, {"day": "2026-11-20", "index": 0}]


@pytest.mark.runbook("retagging", "everything behind plan_days is skipped")
@pytest.mark.runbook("retagging", "everything behind compare_day is skipped")
def test_what_changes_is_told_and_published_only_if_asked_for(days, store, fake, monkeypatch):
    PlanRetagShardsOperator(task_id="p", days=["2026-11-19"], model=MODEL, config={"shard_minutes": 0.15}).execute(RUN)
    night = {"day": "2026-11-19", "n_documents": 10, "n_rejected": 0}
    monkeypatch.setattr(DiffPredictionsOperator, "shard_records", lambda self, plan: [])
    fake.set("diff-predictions", result={"n_added": 3})
    with pytest.raises(AirflowSkipException, match="compared only"):
        DiffPredictionsOperator(task_id="c", night=night, config={"stop_after": "diff"}).execute(RUN)
    assert store.read_json("reports/retag/v2/2026-11-19.json") == {
        "day": "2026-11-19",
        "old_model": "v1",
        "n_added": 3,
    }
    assert store.read_json("tagged/2026-11-19/manifest.json")["model_version"] == "v1"
    assert DiffPredictionsOperator(task_id="c", night=night, config={"stop_after": "publish"}).execute(RUN) == night
    assert fake.verbs == ["diff-predictions", "diff-predictions"]
    assert json.loads(json.dumps(fake.calls[-1]["flags"]["old"])) == [str(store.fetch("tagged/2026-11-19"))]


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_day_of_parts_is_compared_with_the_parts_of_the_new_night(kind, fake, tmp_path, monkeypatch, request):
    """The parts of both nights begin and end with other documents."""
    if kind == "s3":
        monkeypatch.setenv("NER_STORE", f"s3://{request.getfixturevalue('s3').bucket}/ner")
    monkeypatch.setenv("NER_FAKE_REAL", '["diff-predictions"]')
    store, day = Settings.from_env().open_store(), "2026-11-19"
    lines = [answer(f"{name}.txt", "Anna wrote .") for name in "abcde"]
    publish_parts(store, tmp_path / "new", day, cut([{**line, "entities": []} for line in lines[:4]], [1, 1]), **MADE)
    new = store.read_json(f"tagged/{day}/manifest.json")["parts"]
    publish_parts(store, tmp_path / "old", day, cut(lines, [3]))
    store.write_json(keys.night_plan(keys.run_name(RUN["run_id"]), day), plan_of(day, n_shards=len(new)))
    for number, part in enumerate(new):
        counted = {**manifest_of(day, 1), "part": part}
        store.write_json(keys.shard(day, "n2", number, "manifest.json"), counted)
    night = {"day": day, "n_documents": 4, "n_rejected": 0}
    compare = DiffPredictionsOperator(task_id="c", night=night, config={"stop_after": "publish"})
    assert compare.execute(RUN) == night
    said = store.read_json(f"reports/retag/v2/{day}.json")
    assert said["n_documents"] == {"compared": 4, "changed": 4} and said["labels"]["per"]["removed"] == 4
    assert said["apart"] == {"only_old": {"n": 1, "names": ["e.txt"]}}
    assert fake.verbs == ["diff-predictions"] and len(fake.calls[0]["flags"]["new"]) == 3
    assert {file.name for file in store.files("staging/tagged")} == {
        f"{day}/n2/shard-{number:02d}/manifest.json" for number in range(3)
    }
    store.remove(new[1]["key"])
    monkeypatch.setenv("NER_SCRATCH", str(tmp_path / "another machine"))
    with pytest.raises(AirflowFailException, match=f"InputMissing: found no part, expected one .*{new[1]['key']}"):
        DiffPredictionsOperator(task_id="c", night=night, config={"stop_after": "publish"}).execute(RUN)


def plan_of(day, *, n_shards):
    columns = {"text_column": "text", "id_column": "id"}
    told = {"n_shards": n_shards, "n_files": 4, "at": "2026-11-23T01:30:00+00:00", "columns": columns, "answered": []}
    return {"day": day, "night": "n2", "model": MODEL, **told}
