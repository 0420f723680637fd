"""A part that a day, a withdrawn day or a night names is never removed; others go when nobody can be reading them."""

import time

import pytest

from ner_tasks.cli.app import main
from ner_tasks.errors import ArtifactBroken
from ner_tasks.registry import retention
from ner_tasks.registry.registry import Registry
from ner_tasks.registry.retention import RetentionPolicy, prune
from ner_tasks.store import open_store
from tests.published import answer, cut, publish, publish_parts

DAY, DAY_S = "2026-01-31", 86400.0
KEEP = RetentionPolicy(days=1, n_versions=1, staging_days=14)
ANSWERS = [answer(name, "Anna wrote .") for name in ("a.txt", "b.txt", "c.txt")]


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    where = str(tmp_path / "store")
    if request.param == "s3":
        where = f"s3://{request.getfixturevalue('s3').bucket}/ner"
    return open_store(where, cache=tmp_path / "cache")


@pytest.fixture
def replaced(store, tmp_path):
    """The parts of a day's former night, and those of the night that has replaced it."""
    former = publish_parts(store, tmp_path / "former", DAY, cut(ANSWERS, [2]), night="n1")
    return former, publish_parts(store, tmp_path / "day", DAY, cut(ANSWERS, [1]), night="n2")


def in_days(days):
    return time.time() + days * DAY_S


def pruned(store, days, **options):
    kept, gone = prune(Registry(store), KEEP, in_days(days), **options)
    return {item.key: item.reason for item in kept}, [item.key for item in gone]


def is_whole(store, keys):
    return all(store.exists(f"{key}/part.json") and store.exists(f"{key}/documents.jsonl") for key in keys)


def test_parts_of_a_published_day_are_kept_for_ever_and_replaced_ones_for_a_while(store, replaced):
    former, named = replaced
    kept, gone = pruned(store, 13)
    assert (kept, gone) == (dict.fromkeys(former, "written not long ago"), [])
    kept, gone = pruned(store, 1000, delete=False)
    assert (gone, is_whole(store, former)) == (former, True)
    kept, gone = pruned(store, 1000)
    assert (kept, gone) == ({}, former)
    assert is_whole(store, named) and not any(store.exists(key) for key in former)
    assert [file.key.rsplit("/", 1)[0] for file in store.files("parts") if file.name.endswith("part.json")] == named


def test_an_old_part_that_was_just_replaced_stays_for_whoever_reads_it(store, replaced, monkeypatch):
    former, _ = replaced
    measure = retention._measure_folders
    old = retention._Size(1, in_days(-100))
    monkeypatch.setattr(retention, "_measure_folders", lambda *given: dict.fromkeys(measure(*given), old))
    kept, gone = pruned(store, 1)
    assert (kept, gone) == (dict.fromkeys(former, "replaced not long ago"), [])


@pytest.mark.parametrize("form", ["parts", "one folder"])
def test_parts_of_a_withdrawn_day_are_kept(store, replaced, tmp_path, form):
    former, named = replaced
    store.write_json(f"withdrawn/{DAY}/n1/manifest.json", {"model_version": "v1", "parts": records(store, former)})
    store.write_json(f"withdrawn/{DAY}/n1/reason.json", {"reason": "a wrong model"})
    if form == "one folder":  # published again by an earlier release
        store.remove(f"tagged/{DAY}")
        publish(store, tmp_path / "old", DAY, ANSWERS)
    _, gone = pruned(store, 1000)
    assert gone == ([] if form == "parts" else named)
    assert is_whole(store, former)


def records(store, keys):
    counts = dict.fromkeys(("n_tagged", "n_rejected", "n_entities"), 1)
    return [{"key": key, "sha256": "0" * 64, "number": number, **counts} for number, key in enumerate(keys)]


def test_parts_of_a_night_in_staging_are_kept_as_long_as_it(store, replaced):
    former, _ = replaced
    shards = [f"staging/tagged/{DAY}/n3/shard-{number:02d}/manifest.json" for number in range(2)]
    for shard, record in zip(shards, records(store, former), strict=True):
        store.write_json(shard, {"n_documents": 1, "part": record})
    store.write_json(f"staging/tagged/{DAY}/n3/shard-02/manifest.json", {"n_documents": 1})  # of an earlier release
    _, gone = pruned(store, 1000)
    assert gone == [f"staging/tagged/{DAY}/n3"] and is_whole(store, former)
    _, gone = pruned(store, 1000)
    assert gone == former


@pytest.mark.runbook("maintenance", "ArtifactBroken")
@pytest.mark.parametrize(
    "key",
    [
        f"tagged/{DAY}/manifest.json",
        f"withdrawn/{DAY}/n0/manifest.json",
        f"staging/tagged/{DAY}/n3/shard-00/manifest.json",
    ],
)
@pytest.mark.parametrize("text", ["{", '{"model_version": "v1", "parts": 1, "part": 1}', '{"schema_version": 99}'])
def test_a_record_that_cannot_be_read_stops_the_removal_of_parts(store, replaced, tmp_path, key, text):
    (tmp_path / "broken").write_text(text)
    store.put_file(tmp_path / "broken", key)
    with pytest.raises(ArtifactBroken, match="manifest.json"):
        pruned(store, 1000)
    assert is_whole(store, [key for keys in replaced for key in keys])


def test_a_part_that_a_night_names_between_the_survey_and_the_removal_stays(store, replaced, monkeypatch):
    former, _ = replaced
    look = retention.survey_store

    def then_a_shard_ends(*arguments):
        found = look(*arguments)
        shard = f"staging/tagged/{DAY}/n1/shard-00/manifest.json"
        store.write_json(shard, {"part": records(store, former)[0]})
        return found

    monkeypatch.setattr(retention, "survey_store", then_a_shard_ends)
    kept, gone = pruned(store, 1000)
    assert (kept, gone) == ({former[0]: "of night n1, which is not published"}, [former[1]])
    assert is_whole(store, former[:1])


def test_a_part_that_lost_its_marker_is_removed_after_a_while(store, replaced):
    former, _ = replaced
    kept = [file.key for file in store.files(former[0]) if file.name != "part.json"]
    store.remove(former[0])
    for key in kept:
        store.write_json(key, {})
    assert pruned(store, 13)[1] == []
    assert pruned(store, 1000)[1] == former


@pytest.mark.runbook("maintenance", "the store stays large")
def test_the_verb_lists_parts_and_removes_them_only_when_told(store, replaced, tmp_path, capsys, monkeypatch):
    former, named = replaced
    monkeypatch.setenv("NER_SCRATCH", str(tmp_path / "scratch"))
    then = in_days(1000)
    monkeypatch.setattr(time, "time", lambda: then)
    flags = ["prune", "--store", store.where().rstrip("/")]
    assert main(flags) == 0
    assert f"would remove: {former[0]}, 0." in capsys.readouterr().out and is_whole(store, former)
    assert main([*flags, "--delete", "1"]) == 0
    said = capsys.readouterr().out
    assert f"removed: {former[0]}, 0." in said and named[0] not in said
    assert is_whole(store, named) and not store.exists(former[0])
