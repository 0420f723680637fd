"""What a restored store lacks is found, with what mends it; what is whole is left alone."""

import json
import shlex
from datetime import UTC, date, datetime

import pytest

from ner_tasks.cli import app
from ner_tasks.model import model_folder
from ner_tasks.registry.registry import Registry
from ner_tasks.registry.store_check import check_copies, check_store, list_days
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_ledger import AnswerKey, AnswerLedger

DAY, NOW = "2026-11-24", datetime(2026, 11, 25, 1, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def arrive(store, tmp_path):
    """Puts files into the inbox of the day."""

    def put(*names, day=DAY):
        (tmp_path / "file").write_text("text")
        for name in names:
            store.put_file(tmp_path / "file", f"inbox/{day}/{name}")

    return put


@pytest.fixture
def publish(store, tmp_path):
    """Publishes a day of these answers, rejects and ignored files; `said` goes into the manifest."""

    def put(tagged=(), rejected=(), ignored=(), **said):
        folder, rejects = tmp_path / "answers", tmp_path / "rejects"
        for made in (folder, rejects):
            made.mkdir(exist_ok=True)
        for name, files in (("documents", tagged), ("rejected", rejected), ("ignored", ignored)):
            lines = "".join(json.dumps({"document": file, "file": file}) + "\n" for file in files)
            (folder / f"{name}.jsonl").write_text(lines)
        (rejects / "rejected.jsonl").write_text((folder / "rejected.jsonl").read_text())
        with AnswerLedger(folder) as ledger:
            ledger.commit()
        manifest = {"model_version": "v1", "night": "n", "n_tagged": len(tagged), "n_rejected": len(rejected)}
        (folder / "manifest.json").write_text(json.dumps(manifest | said))
        store.publish(rejects, f"rejected/{DAY}")
        store.publish(folder, f"tagged/{DAY}", marker="manifest.json")

    return put


def findings(store):
    return list(check_store(Registry(store), list_days(store, NOW)))


def conf(finding):
    """What the run of the finding's command is given."""
    command = shlex.split(finding.fix)
    assert command[:5] == ["airflow", "dags", "trigger", "ner_tag_nightly", "--conf"]
    return json.loads(command[5])


def test_a_day_whose_files_are_answered_rejected_or_ignored_is_whole(store, arrive, publish):
    arrive("a.txt", "b.txt", "c/d.txt")
    publish(tagged=["a.txt", "a.txt"], rejected=["b.txt"], ignored=["c/d.txt"])
    assert findings(store) == []


def test_a_day_without_answers_is_found_with_the_night_that_gives_them(store, arrive):
    arrive("a.txt", "b.txt")
    (finding,) = findings(store)
    assert (finding.key, finding.found) == (
        f"inbox/{DAY}",
        "found 2 files and no answers, expected answers",
    )
    assert conf(finding) == {"day": DAY}


def test_files_that_came_after_the_answers_are_found(store, arrive, publish):
    arrive("a.txt", "b.txt", "c.txt", "d.txt", "e.txt")
    publish(tagged=["c.txt"])
    (finding,) = findings(store)
    assert finding.found == "found 4 files without an answer (a.txt, b.txt, d.txt, ...), expected none"
    assert conf(finding) == {"day": DAY}


def test_answers_whose_files_are_gone_are_found_before_a_night_deletes_them(store, arrive, publish):
    arrive("b.txt")
    publish(tagged=["a.txt", "b.txt", "c.txt"])
    (finding,) = findings(store)
    assert finding.found == "found 2 answered files gone (a.txt, c.txt), expected them"
    assert finding.fix.startswith("put them back before any night")


def test_a_day_whose_inbox_was_deleted_as_a_whole_is_left_alone(store, publish):
    publish(tagged=["a.txt"])
    assert findings(store) == []


def ledger_of_another_night(day):
    (day / "ledger.sqlite").unlink()
    with AnswerLedger(day) as ledger:
        ledger.add(AnswerKey("sha256", "v1", "config"), offset=1, n_bytes=5)
        ledger.commit()


@pytest.mark.parametrize(
    "tear",
    [
        lambda day: (day / "manifest.json").write_text("{"),
        lambda day: (day / "documents.jsonl").unlink(),
        lambda day: (day / "ledger.sqlite").unlink(),
        lambda day: (day / "ledger.sqlite").write_bytes(b"none"),
        ledger_of_another_night,
        lambda day: (day / "documents.jsonl").write_text('{"file": "a.txt"}\n'),
        lambda day: (day / "rejected.jsonl").write_text('{"file": "c.txt"}\n'),
        lambda day: (day / "documents.jsonl").write_text('{"file": "b.txt"}\n{"file": "a.txt"}\n'),
        lambda day: (day / "documents.jsonl").write_text('{"file": "a.txt"}\n{"fi'),
    ],
    ids=[
        "manifest",
        "no answers",
        "no ledger",
        "broken ledger",
        "other ledger",
        "fewer answers",
        "more rejects",
        "out of order",
        "cut off",
    ],
)
def test_a_day_of_files_of_two_nights_is_tagged_anew(store, arrive, publish, tear):
    arrive("a.txt", "b.txt")
    publish(tagged=["a.txt", "b.txt"])
    tear(store.root / "tagged" / DAY)
    (finding,) = findings(store)
    assert finding.key == f"tagged/{DAY}"
    assert conf(finding) == {"day": DAY, "force": True}


@pytest.mark.parametrize("tear", ["", '{"document": "x.txt", "file": "x.txt"}\n', None])
def test_rejected_documents_of_another_night_are_gathered_again(store, arrive, publish, tear):
    arrive("a.txt", "b.txt")
    publish(tagged=["a.txt"], rejected=["b.txt"])
    listing = store.root / "rejected" / DAY / "rejected.jsonl"
    listing.unlink() if tear is None else listing.write_text(tear)
    (finding,) = findings(store)
    assert (finding.key, conf(finding)) == (f"rejected/{DAY}", {"day": DAY, "retry_rejected": True})


def test_a_withdrawn_day_is_left_to_who_withdrew_it(store, arrive):
    arrive("a.txt")
    store.write_json(f"withdrawn/{DAY}/n/reason.json", {})
    assert findings(store) == []


def test_only_closed_days_since_the_first_are_checked(store, arrive):
    for day in ("2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25", "notes"):
        arrive("a.txt", day=day)
    assert list_days(store, NOW, since=date(2026, 11, 23)) == ["2026-11-23", "2026-11-24"]
    store.write_json("tagged/2025-01-01/manifest.json", {})
    assert list_days(store, NOW)[0] == "2025-01-01"


def test_copies_of_days_in_a_database_are_those_that_are_published(store, arrive, publish):
    publish(tagged=["a.txt"])
    store.write_json("tagged/2026-11-23/manifest.json", {"model_version": "v1", "night": "m"})
    days = list_days(store, NOW)
    assert list(check_copies(store, days, {DAY: "n", "2026-11-23": "m", "2026-01-01": "x"})) == []
    copies = {DAY: "old", "2026-11-22": "w"}
    withdrawn, missing, other = check_copies(store, ["2026-11-22", *days], copies)
    assert withdrawn.found.startswith("found a copy in PostgreSQL of a day that is not published")
    assert withdrawn.fix == "python -m ner_tasks unload-postgres --day 2026-11-22"
    assert missing.found == "found no copy in PostgreSQL, expected night m"
    assert other.found == "found night old in PostgreSQL, expected night n"
    assert other.fix == f"python -m ner_tasks load-postgres --answers {store.root}/tagged/{DAY}"


def add(registry, folder, version):
    for kind, file in (("trained", model_folder.WEIGHTS), ("int8", model_folder.GRAPH)):
        made = folder / version / kind
        made.mkdir(parents=True)
        for name in (file, model_folder.TOKENIZER):
            (made / name).write_text(version)
        manifest = model_folder.ModelManifest(kind=kind, labels=("geo",), encoder={}, max_pieces=8)
        model_folder.write_manifest(made, manifest)
        registry.put(version, kind, made)
    registry.register(version, {})


@pytest.mark.runbook("promoting-and-rolling-back", "check-store: models/promoted.json")
def test_a_pointer_to_a_version_that_is_not_there_names_one_that_is(store, tmp_path):
    registry = Registry(store)
    for version in ("v1", "v2"):
        add(registry, tmp_path, version)
    registry.promote("v2", "int8", by="test", metrics={})
    assert findings(store) == []
    store.remove("models/v2")
    (finding,) = findings(store)
    assert finding.key == "models/promoted.json"
    assert "models/v2/int8" in finding.found
    assert app.main([*shlex.split(finding.fix)[3:], "--store", str(store.root)]) == 0
    assert findings(store) == []
    store.remove("models/v1")
    (finding,) = findings(store)
    assert finding.fix == "restore models/, or run ner_retrain"


def test_the_command_prints_each_finding_and_fails(store, arrive, capsys):
    assert app.main(["check-store", "--store", str(store.root)]) == 0
    arrive("a.txt", "b.txt", day="2026-01-01")
    arrive("a.txt", day="2026-01-02")
    assert app.main(["check-store", "--store", str(store.root)]) == 77
    said = capsys.readouterr()
    assert "inbox/2026-01-01: found 2 files and no answers, expected answers; airflow dags trigger" in said.out
    assert said.err.startswith("error: GateNotPassed: found 2 things to mend in 2 days, expected none, in ")
    assert app.main(["check-store", "--store", str(store.root), "--since", "2026-01-03"]) == 0
    assert app.main(["check-store", "--store", str(store.root), "--since", "2026-02-30"]) == 78
