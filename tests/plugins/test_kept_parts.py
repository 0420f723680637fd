"""A day that is published again keeps the parts whose files have not changed; everything else about it is as ever."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_tasks.errors import ArtifactBroken
from ner_tasks.tagging.day_check import check_day
from ner_tasks.tagging.day_parts import fetch_day, find_parts
from ner_tasks.tagging.file_chain import chain_names
from tests.plugins.test_tagging import DAY, answers, arrive, check, night, plan, planned, promoted, publish, tag

__all__ = ["arrive", "promoted"]

LONG = "a long text " * 50
LATER = {"run_id": "manual__2026-11-23T02:30:00+00:00"}


@pytest.fixture
def answer(fake, tmp_path):
    """Lets the verb `tag` answer these files, and say so as it does."""

    def make(*names, rejected=()):
        answers(fake, tmp_path, tagged=names, rejected=rejected)
        path = tmp_path / "made" / "tagged" / "manifest.json"
        all_names = sorted((*names, *rejected))
        told = {"n_files": len(all_names), "files_sha256": chain_names(all_names)}
        path.write_text(json.dumps({**json.loads(path.read_text()), **told}))

    return make


@pytest.fixture
def published(promoted, store, arrive, answer):
    """A day of one part, of a.txt and b.txt; returns the part."""
    arrive(a=LONG, b="")
    answer("a.txt", rejected=("b.txt",))
    night()
    (part,) = store.read_json(f"tagged/{DAY}/manifest.json")["parts"]
    return part


def parts_of(store):
    return store.read_json(f"tagged/{DAY}/manifest.json")["parts"]


def test_a_late_document_is_tagged_and_the_part_of_the_others_is_kept(store, published, arrive, answer, fake):
    arrive(late="text")
    answer("late.txt")
    assert night(context=LATER)["n_tagged"] == 2
    assert [call["flags"]["number"] for call in fake.calls if call["verb"] == "write-part"] == [["0"], ["1"]]
    kept, new = parts_of(store)
    assert (kept["key"], kept["sha256"], kept["number"]) == (published["key"], published["sha256"], 0)
    assert (new["number"], new["first_file"]) == (1, "late.txt")
    manifest = store.read_json(f"tagged/{DAY}/manifest.json")
    assert (manifest["n_documents"], manifest["n_rejected"], manifest["n_files"]) == (3, 1, 3)
    rejected = store.fetch(f"rejected/{DAY}/rejected.jsonl").read_text()
    assert [json.loads(line)["document"] for line in rejected.splitlines()] == ["b.txt"]


def test_a_document_that_comes_before_the_others_moves_the_kept_part(store, published, arrive, answer, tmp_path):
    arrive(**{"0": "text"})
    answer("0.txt")
    night(context=LATER)
    new, kept = parts_of(store)
    assert (new["number"], kept["number"], kept["key"]) == (0, 1, published["key"])
    day = fetch_day(store, DAY, tmp_path / "day", ["documents.jsonl"])
    manifest = store.read_json(f"tagged/{DAY}/manifest.json")
    check_day(DAY, manifest, [store.fetch(part["key"]) for part in manifest["parts"]], "here")
    assert len(find_parts(day)) == 2


def test_a_part_with_another_number_than_its_own_is_damage_unless_it_is_kept(store, published):
    manifest, part = store.read_json(f"tagged/{DAY}/manifest.json"), store.fetch(published["key"])
    check_day(DAY, manifest, [part], "here")
    manifest["parts"][0]["number"] = 7
    with pytest.raises(ArtifactBroken, match="found part .*, expected .* as in manifest.json"):
        check_day(DAY, manifest, [part], "here")
    manifest["parts"][0]["night"] = manifest["night"]
    check_day(DAY, manifest, [part], "here")


def test_a_part_is_kept_again_and_again(store, published, arrive, answer):
    for number in range(3):
        arrive(**{f"late{number}": "t" * 4 ** (4 - number)})
        answer(f"late{number}.txt")
        night(context={"run_id": f"manual__2026-11-23T0{number}:30:00+00:00"})
    assert [part["number"] for part in parts_of(store)] == [0, 1, 2, 3]
    assert parts_of(store)[0]["key"] == published["key"]
    assert parts_of(store)[0]["night"] == store.read_json(f"{published['key']}/part.json")["night"]
    with pytest.raises(AirflowSkipException, match="answered by this model already"):
        plan(context=LATER)


def changes(store, arrive, monkeypatch):
    """What makes the answers of a part void, by a name."""
    return {
        "a file": lambda: arrive(a=LONG + "more"),
        "a file gone": lambda: store.remove_file(f"inbox/{DAY}/b.txt"),
        "the settings": lambda: monkeypatch.setenv("NER_MIN_SCORE", "0.3"),
        "keep text": lambda: monkeypatch.setenv("NER_KEEP_TEXT", "0"),
    }


@pytest.mark.parametrize("what", ["a file", "a file gone", "the settings", "keep text"])
def test_a_part_is_not_kept_after_a_change_of(what, store, published, arrive, answer, monkeypatch):
    changes(store, arrive, monkeypatch)[what]()
    arrive(late="text")
    answer("a.txt", "b.txt", "late.txt")
    plan(context=LATER)
    assert [shard.get("kept") for shard in planned_by(store, LATER)["shards"]] == [None]


def planned_by(store, context):
    (found,) = (store.root / "staging" / "runs").rglob("plan.json")
    return json.loads(found.read_text())


@pytest.mark.parametrize("option", ["force", "retry_rejected"])
def test_who_asks_for_answers_anew_gets_them(option, store, published, arrive):
    plan(context=LATER, **{option: "True"})
    assert [shard.get("kept") for shard in planned(store)["shards"]] == [None]


@pytest.mark.parametrize("name", ["part.json", "documents.jsonl"])
def test_a_part_that_is_damaged_is_made_anew(name, store, published, arrive, answer, caplog):
    store.remove_file(f"{published['key']}/{name}")
    arrive(late="text")
    plan(context=LATER)
    assert [shard.get("kept") for shard in planned(store)["shards"]] == [None]


def test_a_part_that_goes_before_publication_stops_it(store, published, arrive, answer):
    arrive(late="text")
    answer("late.txt")
    tag(plan(context=LATER), LATER)
    checked = check(LATER)
    store.remove_file(f"{published['key']}/part.json")
    with pytest.raises(AirflowFailException, match=r"InputMissing: found no part.json, expected the part"):
        publish(checked, LATER)
    assert parts_of(store) == [published]


def test_a_shard_that_was_planned_with_other_files_is_tagged_again(store, published, arrive, answer, fake):
    arrive(late="text")
    answer("late.txt")
    tag(plan(context=LATER), LATER)
    night_of = planned(store)["night"]
    record = f"staging/tagged/{DAY}/{night_of}/shard-01/manifest.json"
    store.write_json(record, {**store.read_json(record), "files_sha256": chain_names(["other.txt"])})
    tag([{"day": DAY, "index": 1}], LATER)
    assert fake.verbs == ["tag", "write-part"] * 3
    assert store.read_json(record)["files_sha256"] == chain_names(["late.txt"])


def test_a_kept_part_whose_answers_are_of_other_files_stops_the_night(store, published, arrive, answer):
    arrive(late="text")
    answer("late.txt")
    tag(plan(context=LATER), LATER)
    record = f"staging/tagged/{DAY}/{planned(store)['night']}/shard-00/manifest.json"
    store.write_json(record, {**store.read_json(record), "files_sha256": chain_names(["other.txt"])})
    with pytest.raises(AirflowFailException, match="ArtifactBroken: found answers to other files"):
        check(LATER)
