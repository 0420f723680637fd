"""A day of parts is whole if each part is there, unchanged, of the day's night and model; else `check-store` says what is not."""

import json
import shlex
from datetime import UTC, datetime

import pytest

from ner_tasks.cli import app
from ner_tasks.registry.registry import Registry
from ner_tasks.registry.store_check import check_store, list_days
from ner_tasks.store import open_store
from tests.published import answer, publish_parts

DAY, NOW = "2026-11-24", datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
NAMES = ("a.txt", "b.txt", "c.txt")
ANSWERS = [{**answer(name, "Anna wrote ."), "file": name} for name in NAMES]
REJECT = {"document": "d.txt", "file": "d.txt", "reason": "empty", "message": "empty"}
MARKER = f"tagged/{DAY}/manifest.json"


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path, monkeypatch):
    """A store of either kind with the files of a day, all answered or rejected."""
    monkeypatch.setenv("NER_SCRATCH", str(tmp_path / "scratch"))
    where = str(tmp_path / "store")
    if request.param == "s3":
        where = f"s3://{request.getfixturevalue('s3').bucket}/ner"
    store = open_store(where, cache=tmp_path / "cache")
    for name in (*NAMES, "d.txt"):
        put(store, tmp_path, f"inbox/{DAY}/{name}", "text")
    put(store, tmp_path, f"rejected/{DAY}/rejected.jsonl", json.dumps(REJECT) + "\n")
    return store


@pytest.fixture
def parts(store, tmp_path):
    """The keys of the parts of the published day."""
    return publish_parts(store, tmp_path / "day", DAY, [(ANSWERS[:2], []), (ANSWERS[2:], [REJECT])])


def put(store, tmp_path, key, text):
    (tmp_path / "file").write_text(text)
    store.put_file(tmp_path / "file", key)


def findings(store):
    return list(check_store(Registry(store), list_days(store, NOW)))


def change(store, key, edit):
    """Change a record as somebody by hand."""
    record = store.read_json(key)
    edit(record)
    store.write_json(key, record)


def test_a_day_of_parts_is_whole(store, parts):
    assert findings(store) == []


def test_files_that_came_late_and_answers_whose_files_are_gone_are_found_over_all_parts(store, parts, tmp_path):
    put(store, tmp_path, f"inbox/{DAY}/bb.txt", "text")
    (late,) = findings(store)
    assert late.found == "found 1 files without an answer (bb.txt), expected none"
    publish_parts(store, tmp_path / "more", DAY, [(ANSWERS[:2], []), (ANSWERS[2:], [REJECT, {**REJECT, "file": "e"}])])
    assert "found 1 answered files gone (e), expected them" in [finding.found for finding in findings(store)]


DAMAGE = {
    "no part": lambda store, tmp_path, key: store.remove(key),
    "no part.json": lambda store, tmp_path, key: without(store, tmp_path, key, "part.json"),
    "no answers": lambda store, tmp_path, key: without(store, tmp_path, key, "documents.jsonl"),
    "no index": lambda store, tmp_path, key: without(store, tmp_path, key, "entities.sqlite"),
    "another part.json": lambda store, tmp_path, key: change(store, f"{key}/part.json", lambda it: it.update(more=1)),
    "cut off": lambda store, tmp_path, key: put(store, tmp_path, f"{key}/documents.jsonl", "{"),
    "other bytes": lambda store, tmp_path, key: flip(store, tmp_path, f"{key}/documents.jsonl"),
}
FOUND = {
    "no part": "found nothing, expected a file or a folder, at ",
    "no part.json": "found nothing, expected a file, at ",
    "no answers": "found nothing, expected a file, at ",
    "no index": "found nothing, expected a file, at ",
    "another part.json": "found SHA-256 ",
    "cut off": "found 1 bytes, expected ",
    "other bytes": "found SHA-256 ",
}


def without(store, tmp_path, key, name):
    kept = {file.name: store.read_bytes(file.key, 0, file.n_bytes) for file in store.files(key) if file.name != name}
    store.remove(key)
    for other, content in kept.items():
        (tmp_path / "file").write_bytes(content)
        store.put_file(tmp_path / "file", f"{key}/{other}")


def flip(store, tmp_path, key):
    content = store.read_bytes(key, 0, 10**6)
    (tmp_path / "file").write_bytes(content.replace(b"wrote", b"wrotf", 1))
    store.put_file(tmp_path / "file", key)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_part_is_named_with_the_night_that_makes_it_anew(store, parts, tmp_path, damage):
    DAMAGE[damage](store, tmp_path, parts[1])
    finding, *more = findings(store)
    assert finding.key == f"tagged/{DAY}" and finding.found.startswith(FOUND[damage])
    assert "\n" not in finding.found and parts[1].split("/")[-1] in finding.found
    assert json.loads(shlex.split(finding.fix)[5]) == {"day": DAY, "force": True}
    assert more == []


def of_two_models(manifest):
    manifest["model_version"] = "v2"


def of_two_nights(manifest):
    manifest["night"] = "n2"


BY_HAND = {
    "a part of another model": (of_two_models, "found a part of model_version v1, expected v2 as in "),
    "a part of another night": (of_two_nights, "found a part of night n, expected n2 as in "),
    "a key elsewhere": (
        lambda it: it["parts"][0].update(key="models/v1"),
        "found part 'models/v1', expected one below",
    ),
    "a hostile key": (lambda it: it["parts"][0].update(key="parts/../../etc"), "found key 'parts/../../etc', expected"),
    "another count": (lambda it: it["parts"][0].update(n_tagged=7), "found part "),
    "another sum": (lambda it: it.update(n_tagged=7), "found parts with n_tagged 3 in all, expected 7, as in "),
    "parts that are no list": (lambda it: it.update(parts=7), "found a wrong parts (Input should be a valid list)"),
    "parts in another order": (
        lambda it: it["parts"].reverse(),
        "found a.txt after d.txt, expected parts in the order",
    ),
    "a part twice": (
        lambda it: it.update(parts=it["parts"][:1] * 2),
        "found parts with n_documents 4 in all, expected 3",
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_a_manifest_that_was_made_by_hand_is_found(store, parts, case):
    edit, found = BY_HAND[case]
    change(store, MARKER, edit)
    finding = findings(store)[0]
    assert finding.key == f"tagged/{DAY}" and "\n" not in str(finding)
    assert finding.found.startswith(found), finding.found


def test_a_day_of_parts_by_two_models_is_found(store, tmp_path, parts):
    """A night of one model cannot publish it; a manifest made by hand can."""
    other = publish_parts(store, tmp_path / "other", DAY, [([], []), (ANSWERS[2:], [REJECT])], model_version="v2")
    newer = store.read_json(MARKER)["parts"][1]
    publish_parts(store, tmp_path / "again", DAY, [(ANSWERS[:2], []), (ANSWERS[2:], [REJECT])])
    change(store, MARKER, lambda it: it["parts"].__setitem__(1, newer))
    finding, orphans = findings(store)
    assert finding.found.startswith("found a part of model_version v2, expected v1 as in ")
    assert other[1].split("/")[-1] in finding.found and orphans.key == f"parts/{DAY}"


def test_a_day_of_a_newer_release_is_left_to_it(store, parts, tmp_path):
    put(store, tmp_path, MARKER, '{"schema_version": 99, "model_version": "v1", "parts": []}')
    finding, *_ = findings(store)
    assert finding.found.startswith("found schema version 99, expected 1 to ")
    assert finding.fix == "install the release that wrote it"


def test_parts_that_nobody_names_are_named_and_no_reason_to_fail(store, parts, tmp_path, capsys):
    publish_parts(store, tmp_path / "again", DAY, [(ANSWERS, [REJECT])])
    (note,) = findings(store)
    names = ", ".join(sorted(key.split("/")[-1] for key in parts))
    assert str(note) == (f"parts/{DAY}: found 2 parts that nobody names ({names}), which ner_maintain removes")
    assert app.main(["check-store", "--store", store.where().rstrip("/")]) == 0
    assert str(note) in capsys.readouterr().out


def test_parts_of_a_withdrawn_day_are_named_by_its_manifest(store, parts, tmp_path):
    store.write_json(f"withdrawn/{DAY}/n/manifest.json", store.read_json(MARKER))
    store.remove(f"tagged/{DAY}")
    assert findings(store) == []
