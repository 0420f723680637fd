import json
import os
import shlex
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.operators import publication
from ner_airflow.operators.night import NightOperator
from ner_airflow.operators.publication import NightGateOperator, PublishDayOperator
from ner_airflow.operators.shards import TagShardOperator
from ner_airflow.operators.tagging import PlanShardsOperator, ResolveModelOperator
from ner_airflow.operators.withdrawal import WithdrawDayOperator
from ner_tasks.errors import Busy
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings
from ner_tasks.tagging import statistics
from ner_tasks.tagging.answer_ledger import AnswerLedger
from ner_tasks.tagging.file_chain import chain_names
from tests import published

DAY = "2026-11-22"


@pytest.fixture
def promoted(store, model):
    """A registry with a promoted version."""
    registry = Registry(store)
    registry.put("v1", "trained", model("trained"))
    registry.put("v1", "int8", model("int8"))
    registry.register("v1", {})
    registry.promote("v1", "int8", by="test", metrics={})
    return registry


@pytest.fixture
def arrive(store, tmp_path):
    """Puts documents into the day's inbox."""

    def put(**documents):
        for name, text in documents.items():
            file = tmp_path / "document"
            file.write_text(text)
            store.put_file(file, f"inbox/{DAY}/{name}.txt")

    return put


RECEIPT = {
    **dict.fromkeys(("n_characters", "n_sentences", "n_words", "n_pieces", "n_windows"), 1),
    "format": "text",
    "items": {"text": {"read": 1}},
    "read_share": 1.0,
    "model_version": "v1",
    "config": "c",
    "encoding": "utf-8",
    "unread": [],
}


def answers(fake, tmp_path, tagged, rejected=()):
    """Let the verb `tag` answer like this."""
    folder = tmp_path / "made" / "tagged"
    folder.mkdir(parents=True, exist_ok=True)
    documents = [
        {
            "document": name,
            "file": name,
            "sha256": "s",
            "text": "x",
            "text_sha256": "t",
            "entities": [],
            "receipt": RECEIPT,
        }
        for name in tagged
    ]
    rejects = [{"document": name, "file": name, "reason": "empty", "message": "found no text"} for name in rejected]
    (folder / "documents.jsonl").write_text("".join(json.dumps(line) + "\n" for line in documents))
    (folder / "rejected.jsonl").write_text("".join(json.dumps(line) + "\n" for line in rejects))
    (folder / "ignored.jsonl").write_text("")
    with AnswerLedger(folder) as ledger:
        ledger.commit()
    manifest = {
        "n_documents": len(tagged) + len(rejected),
        "n_tagged": len(tagged),
        "n_rejected": len(rejected),
        "n_reused": 0,
        "n_partly_read": 0,
        "rejected": {"empty": len(rejected)} if rejected else {},
        "ignored": {},
        "items": {"text": {"read": len(tagged)}} if tagged else {},
        "n_words": 10 * len(tagged),
        "n_entities": 0,
        "entities": {},
        "words_per_s": 10.0,
        "elapsed_s": 1.0,
        "model_s": 0.5,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    fake.set("tag", copies={"output": str(folder)}, result=manifest)


RUN = {"run_id": "manual__2026-11-23T01:30:00+00:00"}


def resolve(**context):
    return ResolveModelOperator(task_id="resolve_model", config={}).execute(context)


def plan(day=DAY, context=RUN, **options):
    return PlanShardsOperator(
        task_id="plan_shards", day=day, model=resolve(), config={"shard_minutes": 0.15, **options}
    ).execute(context)


def planned(store):
    """What the one run that there was has planned."""
    (found,) = (store.root / "staging" / "runs").rglob("plan.json")
    return json.loads(found.read_text())


def tag(shards, context=RUN):
    return [TagShardOperator(task_id="tag_shard", shard=shard).execute(context) for shard in shards]


def check(context=RUN):
    return NightGateOperator(
        task_id="check_night", day=DAY, shards_done=[], config={"max_rejected_share": "0.5"}
    ).execute(context)


def publish(checked, context=RUN):
    events = {TAGGED_DOCUMENTS: SimpleNamespace(extra=None)}
    return PublishDayOperator(task_id="publish_day", night=checked).execute({**context, "outlet_events": events})


def night(context=RUN, **options):
    """One night, from the inbox to the published answers."""
    tag(plan(context=context, **options), context)
    return publish(check(context), context)


def staged(store):
    return [path for path in (store.root / "staging").rglob("*") if path.is_file()]


@pytest.mark.runbook("nightly-tagging", "resolve_model: InputMissing: found no promoted model")
@pytest.mark.runbook("nightly-tagging", "plan_shards: ConfigInvalid: found day")
@pytest.mark.runbook("nightly-tagging", "documents in rejected/<day>/")
def test_a_night_is_published_with_its_rejects_beside_their_reasons(promoted, store, fake, arrive, tmp_path):
    arrive(a="text", b="")
    answers(fake, tmp_path, tagged=["a.txt"], rejected=["b.txt"])
    assert night()["n_tagged"] == 1
    said = store.read_json(f"tagged/{DAY}/manifest.json")
    assert (said["day"], said["model_version"], said["n_rejected"]) == (DAY, "v1", 1)
    (reject,) = map(json.loads, store.fetch(f"rejected/{DAY}/rejected.jsonl").read_text().splitlines())
    assert reject["reason"] == "empty"
    assert store.fetch(reject["copy"]).read_bytes() == b""
    assert reject["retry"].startswith("airflow dags trigger ner_tag_nightly --conf ")
    assert json.loads(shlex.split(reject["retry"])[-1]) == {"day": DAY, "retry_rejected": True}
    assert staged(store) == []


def test_how_scans_are_read_is_handed_to_the_shards_and_part_of_the_night(
    promoted, store, fake, arrive, tmp_path, monkeypatch
):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    monkeypatch.setenv("NER_OCR", "1")
    night()
    monkeypatch.setenv("NER_OCR_LANGUAGES", "eng+spa")
    monkeypatch.setenv("NER_MIN_OCR_CONFIDENCE", "60")
    monkeypatch.setenv("NER_FILE_MINUTES", "30")
    monkeypatch.setenv("NER_FILE_WORDS", "2000000")
    night()
    english, flags = (call["flags"] for call in fake.calls if call["verb"] == "tag")
    assert english["inputs_version"] != flags["inputs_version"]
    assert [flags[name] for name in ("ocr", "ocr_languages", "min_ocr_confidence")] == [["1"], ["eng+spa"], ["60.0"]]
    assert [flags[name] for name in ("file_minutes", "file_words")] == [["30.0"], ["2000000"]]


def test_minimum_scores_are_handed_to_the_shards_and_part_of_the_night(
    promoted, store, fake, arrive, tmp_path, monkeypatch
):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    monkeypatch.setenv("NER_MIN_SCORE", "0.3")
    monkeypatch.setenv("NER_MIN_LABEL_SCORES", "per=0.5")
    night()
    default, flags = (call["flags"] for call in fake.calls if call["verb"] == "tag")
    assert default["inputs_version"] != flags["inputs_version"]
    assert "min_score" not in default
    assert (flags["min_score"], flags["min_label_scores"]) == (["0.3"], ["per=0.5"])


def test_the_night_follows_the_rules_and_their_files(promoted, store, fake, arrive, tmp_path, monkeypatch):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    headings = tmp_path / "headings.yaml"
    headings.write_text("sections: {}\n")
    monkeypatch.setenv("NER_SECTIONS_FILE", str(headings))
    night()
    headings.write_text("sections: {}  # changed\n")
    night()
    first, second = (call["flags"] for call in fake.calls if call["verb"] == "tag")
    assert first["sections_file"] == [str(headings)]
    assert first["inputs_version"] != second["inputs_version"]


@pytest.mark.runbook("nightly-tagging", "plan_shards is skipped")
def test_a_day_that_this_model_has_answered_is_not_tagged_again(promoted, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    with pytest.raises(AirflowSkipException, match="answered by this model already"):
        plan()
    # without shards it is started all the same, see its trigger rule
    with pytest.raises(AirflowSkipException, match="nothing was planned"):
        check()
    assert fake.verbs == ["tag", "write-part"]


@pytest.mark.runbook("nightly-tagging", "plan_shards is skipped")
@pytest.mark.runbook("nightly-tagging", "notice: earlier answers are not reused, the answers of")
@pytest.mark.runbook("nightly-tagging", "a published document is *partly read*")
@pytest.mark.runbook("nightly-tagging", "documents in rejected/<day>/")
@pytest.mark.runbook("nightly-tagging", "notice: an earlier night is not compared with, <day> is")
@pytest.mark.runbook("nightly-tagging", "drift is skipped: published before there was any")
@pytest.mark.parametrize(("option", "reuses"), [("retry_rejected", True), ("force", False)])
def test_an_answered_day_is_read_again_for_its_rejects_or_tagged_anew_as_a_whole(
    promoted, fake, arrive, tmp_path, option, reuses
):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    night(**{option: "True"})
    again = [call for call in fake.calls if call["verb"] == "tag"][-1]
    assert fake.verbs == ["tag", "write-part"] * 2
    assert ("answered" in again["flags"]) is reuses


@pytest.mark.runbook("nightly-tagging", "a document came late")
@pytest.mark.runbook("notices-and-metrics", "ner_tag_nightly late")
@pytest.mark.runbook("notices-and-metrics", "the run exceeded its time limit")
def test_a_late_document_makes_the_night_run_again_without_the_others(promoted, store, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    before = [part["key"] for part in store.read_json(f"tagged/{DAY}/manifest.json")["parts"]]
    arrive(late="text")
    answers(fake, tmp_path, tagged=["a.txt", "late.txt"])
    night()
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_tagged"] == 2
    again = [call for call in fake.calls if call["verb"] == "tag"][-1]
    assert again["flags"]["answered"] == [str(store.fetch(key)) for key in before]


def test_answers_of_the_days_before_are_given_again_if_the_model_is_the_same(promoted, store, fake, arrive, tmp_path):
    for day, model in (("2026-11-21", "v1"), ("2026-11-20", "v0"), ("2026-11-19", "v1")):
        store.write_json(f"tagged/{day}/manifest.json", {"model_version": model})
    arrive(a="text")
    assert plan(lookback_days="2") == [{"day": DAY, "index": 0}]
    assert planned(store)["answered"] == ["2026-11-21"]


@pytest.mark.runbook("nightly-tagging", "notice: earlier answers are not reused, the answers of")
@pytest.mark.runbook("damaged-files-of-the-store", "tagged/<day>/...")
@pytest.mark.parametrize("damaged", ["{", "[]", "7", '{"model_version": 7}', "{}"])
def test_a_damaged_earlier_day_costs_its_reuse_and_not_the_night(promoted, store, fake, arrive, tmp_path, damaged):
    for day in ("2026-11-21", "2026-11-20", DAY):
        store.write_json(f"tagged/{day}/manifest.json", {"model_version": "v1"})
        (store.root / "tagged" / day / "documents.jsonl").touch()
    (store.root / "tagged/2026-11-21/manifest.json").write_text(damaged)
    (store.root / "tagged" / DAY / "manifest.json").write_text(damaged)
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night(lookback_days="2")
    assert [call["flags"]["answered"] for call in fake.calls if call["verb"] == "tag"] == [
        [str(store.fetch("tagged/2026-11-20"))]
    ]
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_tagged"] == 1


def test_an_earlier_day_that_is_withdrawn_after_the_night_was_planned_is_done_without(
    promoted, store, fake, arrive, tmp_path
):
    store.write_json("tagged/2026-11-21/manifest.json", {"model_version": "v1"})
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    shards = plan(lookback_days="1")
    store.remove("tagged/2026-11-21")
    assert tag(shards)
    assert "answered" not in fake.calls[0]["flags"]


@pytest.mark.runbook("nightly-tagging", "InputMissing: found no plan of this run")
@pytest.mark.runbook("damaged-files-of-the-store", "staging/...")
def test_a_run_whose_plan_is_gone_fails_instead_of_leaving_its_day_unanswered(promoted, store, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    shards = plan()
    store.remove("staging/runs")
    for step in (lambda: tag(shards), check, lambda: publish({"day": DAY})):
        with pytest.raises(AirflowFailException, match="InputMissing: found no plan of this run, expected one, at "):
            step()
    assert night()["n_tagged"] == 1


def test_what_the_shards_are_handed_is_small_however_much_the_plan_holds(promoted, store, fake, arrive):
    for number in range(70):
        arrive(**{f"n{number}": "text" * 2**15})
    days = [str(date.fromisoformat(DAY) - timedelta(days=back)) for back in range(1, 367)]
    for day in days:
        store.write_json(f"tagged/{day}/manifest.json", {"model_version": "v1"})
    shards = plan(lookback_days="366")
    assert (len(shards), planned(store)["answered"]) == (10, days)
    assert len(json.dumps(shards)) / len(shards) < 48_000 / 64


def test_what_arrives_while_the_day_is_planned_is_of_the_next_night(promoted, store, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    shards = plan()
    arrive(late="text")
    tag(shards)
    assert publish(check())["n_documents"] == 1
    assert len(plan()) == 1  # and does not skip the day


@pytest.mark.runbook("nightly-tagging", "tag_shard: ended by signal 9")
def test_a_shard_that_is_tagged_is_not_tagged_again(promoted, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    shards = plan()
    tag(shards)
    tag(shards)
    assert fake.verbs == ["tag", "write-part"]


def test_a_promotion_during_the_night_does_not_change_its_model(promoted, fake, arrive, tmp_path, model):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    shards = plan()
    promote_other(promoted, model)
    tag(shards)
    assert fake.calls[0]["flags"]["model"][0].endswith("models/v1/int8")


def test_what_another_model_found_stays_known_by_name(promoted, store, fake, arrive, tmp_path, model):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    night(force=True)
    assert store.folders(f"reports/replaced/{DAY}") == []  # the same model again
    (part,) = store.read_json(f"tagged/{DAY}/manifest.json")["parts"]
    promote_other(promoted, model)
    night()
    kept = store.fetch(f"reports/replaced/{DAY}/v1/index-00.sqlite")
    assert kept.read_bytes() == store.fetch(f"{part['key']}/index.sqlite").read_bytes()


def promote_other(registry, model):
    registry.put("v2", "trained", model("trained"))
    registry.put("v2", "int8", model("int8", text="other"))
    registry.register("v2", {})
    registry.promote("v2", "int8", by="test", metrics={})


def test_what_another_model_found_in_a_day_of_an_earlier_release_stays_known_and_the_day_is_replaced(
    promoted, store, fake, arrive, tmp_path, model
):
    published.publish(store, tmp_path / "old", DAY, [published.answer("a.txt", "Anna came")])
    index = store.fetch(f"tagged/{DAY}/index.sqlite").read_bytes()
    for name in ("000000.pdf", "000001.pdf"):
        store.put_file(tmp_path / "old" / "documents.jsonl", f"rejected/{DAY}/documents/{name}")
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    promote_other(promoted, model)
    night()
    assert store.fetch(f"reports/replaced/{DAY}/v1/index.sqlite").read_bytes() == index
    left = ["manifest.json", "page.html", "statistics.json"]
    assert sorted(file.name for file in store.files(f"tagged/{DAY}")) == left
    assert [file.name for file in store.files(f"rejected/{DAY}")] == ["rejected.jsonl"]


def test_a_shard_of_nothing_but_rejects_does_not_stop_the_night(promoted, store, fake, arrive, tmp_path):
    arrive(a="text" * 300_000, b="junk" * 300_000)
    shards = plan()
    assert len(shards) == 2
    answers(fake, tmp_path, tagged=["a.txt"])
    tag(shards[:1])
    answers(fake, tmp_path, tagged=[], rejected=["b.txt"])
    refusal = {"type": "GateNotPassed", "message": "found 1 rejected", "retryable": False}
    fake.set("tag", copies={"output": str(tmp_path / "made" / "tagged")}, error=refusal, code=77)
    tag(shards[1:])
    assert check()["n_rejected"] == 1


@pytest.mark.runbook("nightly-tagging", "check_night is skipped: another run has published")
def test_two_runs_of_one_night_publish_it_once(promoted, store, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    other = {"run_id": "manual__2026-11-23T02:00:00+00:00"}
    shards, again = plan(), plan(context=other)
    tag(shards)
    tag(again, other)
    publish(check())
    with pytest.raises(AirflowSkipException, match="another run has published this night"):
        check(other)
    assert fake.verbs == ["tag", "write-part"]
    assert staged(store) == []


@pytest.mark.runbook("nightly-tagging", "tag_shard is skipped: another run has published")
def test_a_run_whose_night_another_one_publishes_before_it_has_tagged_ends_there(
    promoted, store, fake, arrive, tmp_path
):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    other = {"run_id": "manual__2026-11-23T02:00:00+00:00"}
    shards, again = plan(), plan(context=other)
    tag(shards)
    publish(check())
    with pytest.raises(AirflowSkipException, match="another run has published this night"):
        tag(again, other)
    with pytest.raises(AirflowSkipException, match="another run has published this night"):
        check(other)
    assert fake.verbs == ["tag", "write-part"]
    assert staged(store) == []


@pytest.mark.parametrize("step", ["check", "publish"])
def test_a_run_whose_night_another_one_publishes_while_it_reads_the_shards_ends_there(
    promoted, store, fake, arrive, tmp_path, monkeypatch, step
):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    other = {"run_id": "manual__2026-11-23T02:00:00+00:00"}
    shards, _ = plan(), plan(context=other)
    tag(shards)
    checked = check()

    read = NightOperator.shard_records

    def beaten(operator, its_plan):
        # as the other run leaves the store
        published = {"model_version": "v1", "night": its_plan["night"], "parts": []}
        store.write_json(f"tagged/{DAY}/manifest.json", published)
        store.remove(f"staging/tagged/{DAY}/{its_plan['night']}")
        return read(operator, its_plan)

    monkeypatch.setattr(NightOperator, "shard_records", beaten)
    with pytest.raises(AirflowSkipException, match="another run has published this night"):
        check(other) if step == "check" else publish(checked, other)


def test_a_shard_whose_files_are_gone_though_nobody_has_published_the_night_fails(promoted, store, fake, arrive):
    arrive(a="text")
    shards = plan()
    store.remove(f"staging/tagged/{DAY}/{planned(store)['night']}")
    with pytest.raises(AirflowFailException, match="InputMissing: found nothing"):
        tag(shards)


@pytest.mark.runbook("nightly-tagging", "the day is green and empty")
def test_an_empty_inbox_is_green_and_published_as_empty(promoted, store, fake):
    assert night()["n_documents"] == 0
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_documents"] == 0
    assert store.read_json(f"tagged/{DAY}/manifest.json")["parts"] == []
    assert "None: no document could be tagged" in store.fetch(f"tagged/{DAY}/page.html").read_text()
    assert statistics.is_valid(store.read_json(f"tagged/{DAY}/statistics.json"))
    assert store.fetch(f"rejected/{DAY}/rejected.jsonl").read_bytes() == b""
    assert fake.verbs == []


def test_each_rejected_file_is_copied_once_however_many_of_its_documents_were_rejected(
    promoted, store, fake, arrive, tmp_path
):
    names = ["a.txt", "b.txt", "b.txt", "b.txt", "b.txt", "b.txt", "c.txt", "gone.txt", "gone.txt"]
    arrive(ok="text", a="", b="bb", c="c", gone="x")
    answers(fake, tmp_path, tagged=["ok.txt"] * 20, rejected=names)
    shards = plan()
    store.path_of(f"inbox/{DAY}/gone.txt").unlink()
    tag(shards)
    publish(check())
    rejects = list(map(json.loads, store.fetch(f"rejected/{DAY}/rejected.jsonl").read_text().splitlines()))
    assert [reject["file"] for reject in rejects] == names
    copies = {reject["file"]: reject["copy"] for reject in rejects}
    key = store.read_json(f"tagged/{DAY}/manifest.json")["parts"][0]["key"]
    expected = {f"{name}.txt": f"{key}/rejects/{n}.txt" for n, name in enumerate("abc")}
    assert copies == {**expected, "gone.txt": None}
    assert [store.fetch(copies[f"{n}.txt"]).read_text() for n in "abc"] == ["", "bb", "c"]
    assert len(list(store.files(f"{key}/rejects"))) == 3


def test_of_many_lost_documents_a_few_are_named(promoted, fake, arrive, tmp_path, capsys):
    arrive(**{f"n{number}": "text" for number in range(50)})
    answers(fake, tmp_path, tagged=["n0.txt"])
    with pytest.raises(AirflowFailException, match="found 1 tagged and 0 rejected, expected 50"):
        night()
    assert capsys.readouterr().out.count("no answer for") == 20


def tell_files(store, names):
    """Let the one shard that was tagged say that it dealt with these files."""
    key = f"staging/tagged/{DAY}/{planned(store)['night']}/shard-00/manifest.json"
    store.write_json(key, {**store.read_json(key), "n_files": len(names), "files_sha256": chain_names(names)})


def test_a_shard_that_tells_its_files_is_checked_without_its_answers(promoted, store, fake, arrive, tmp_path):
    arrive(a="text", b="text")
    answers(fake, tmp_path, tagged=["a.txt", "b.txt"])
    tag(plan())
    tell_files(store, ["a.txt", "b.txt"])
    (part,) = store.folders(f"parts/{DAY}")
    for name in ("documents", "rejected", "ignored"):
        (store.root / f"parts/{DAY}/{part}/{name}.jsonl").unlink()
    assert check()["n_documents"] == 2


def test_a_shard_that_tells_of_fewer_files_has_the_others_named(promoted, store, fake, arrive, tmp_path, capsys):
    arrive(a="text", b="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    tag(plan())
    tell_files(store, ["a.txt"])
    with pytest.raises(AirflowFailException, match="found 1 tagged and 0 rejected, expected 2"):
        check()
    assert "no answer for b.txt" in capsys.readouterr().out


@pytest.mark.runbook("nightly-tagging", "check_night: ArtifactBroken: found answers to other files")
@pytest.mark.parametrize("told", [["a.txt", "a.txt"], ["a.txt", "foreign.txt"], []])
def test_a_shard_that_answers_other_files_than_its_own_stops_the_night(promoted, store, fake, arrive, tmp_path, told):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    tag(plan())
    tell_files(store, told)
    with pytest.raises(AirflowFailException, match="found answers to other files, expected those of the shard, in"):
        check()


@pytest.mark.runbook("nightly-tagging", "check_night: no tagged document")
def test_documents_that_yield_nothing_are_never_green(promoted, store, fake, arrive, tmp_path):
    arrive(a="")
    answers(fake, tmp_path, tagged=[], rejected=["a.txt"])
    with pytest.raises(AirflowFailException, match="found no tagged document, expected at least one of 1"):
        night()
    assert not store.exists(f"tagged/{DAY}")


@pytest.mark.runbook("nightly-tagging", "check_night: documents together")
def test_a_document_without_an_answer_stops_the_night(promoted, fake, arrive, tmp_path):
    arrive(a="text", b="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    with pytest.raises(AirflowFailException, match="found 1 tagged and 0 rejected, expected 2"):
        night()


def test_a_model_that_is_gone_in_the_middle_of_the_night_stops_it_with_nothing_published(
    promoted, store, fake, arrive, tmp_path
):
    arrive(a="text")
    shards = plan()
    store.remove("models/v1/int8")
    with pytest.raises(AirflowFailException, match="InputMissing: .*models/v1/int8"):
        tag(shards)
    assert not store.exists(f"tagged/{DAY}")


@pytest.mark.runbook("nightly-tagging", "plan_shards: ConfigInvalid: found day")
@pytest.mark.parametrize("day", ["../models", "2026-02-30", ""])
def test_a_day_must_be_a_day(promoted, day):
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found day"):
        plan(day=day)


@pytest.mark.runbook("nightly-tagging", "resolve_model: InputMissing: found no promoted model")
def test_without_a_promoted_model_the_night_says_so(store, fake):
    with pytest.raises(AirflowFailException, match="InputMissing: found no promoted model"):
        resolve()


@pytest.mark.runbook("withdrawing-a-day", "it is skipped")
@pytest.mark.runbook("withdrawing-a-day", "it failed half-way")
def test_a_withdrawn_day_is_no_longer_read_and_still_kept(promoted, store, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    kept = WithdrawDayOperator(task_id="withdraw", config={"day": DAY, "reason": "wrong model"}).execute(RUN)["kept"]
    assert not store.exists(f"tagged/{DAY}")
    assert store.read_json(f"{kept}/manifest.json")["n_tagged"] == 1
    assert store.read_json(f"{kept}/reason.json")["reason"] == "wrong model"
    with pytest.raises(AirflowSkipException, match="nothing to withdraw"):
        WithdrawDayOperator(task_id="withdraw", config={"day": DAY, "reason": "wrong model"}).execute(RUN)
    night()
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_tagged"] == 1


def test_the_same_night_on_a_store_on_s3(fake, s3, model, monkeypatch, tmp_path):
    monkeypatch.setenv("NER_STORE", f"s3://{s3.bucket}/ner")
    store = Settings.from_env().open_store()
    registry = Registry(store)
    for kind in ("trained", "int8"):
        registry.put("v1", kind, model(kind))
    registry.register("v1", {})
    registry.promote("v1", "int8", by="test", metrics={})
    names = ["a.txt", "../b.txt", "line\nfeed.txt"]
    for name in names:
        s3.client.put_object(Bucket=s3.bucket, Key=f"ner/inbox/{DAY}/{name}", Body=b"text")
    answers(fake, tmp_path, tagged=[names[1], names[0]], rejected=[names[2]])
    assert night()["n_tagged"] == 2
    tagged = next(call for call in fake.calls if call["verb"] == "tag")
    assert Path(tagged["flags"]["model"][0]).is_relative_to(tmp_path / "scratch")
    (reject,) = map(json.loads, store.fetch(f"rejected/{DAY}/rejected.jsonl").read_text().splitlines())
    assert (reject["file"], store.fetch(reject["copy"]).read_bytes()) == (names[2], b"text")
    with pytest.raises(AirflowSkipException, match="answered by this model already"):
        plan()
    assert [file.name for file in store.files("staging")] == []


# --- a day under way


def run_at(hour, *, run_type="scheduled", name="a"):
    """A run of the schedule, at an hour of the day itself."""
    at = datetime.fromisoformat(f"{DAY}T00:00:00+00:00") + timedelta(hours=hour)
    dag_run = SimpleNamespace(run_type=run_type, run_after=at, consumed_asset_events=[], conf=None)
    return {**RUN, "run_id": f"{run_type}__{name}", "dag_run": dag_run}


@pytest.mark.runbook("arrivals", "files that changed in the last 10 s are left to the next run in a log")
def test_a_file_that_is_still_written_is_left_to_the_next_run(arrive, promoted, store):
    arrive(a="Anna")
    with pytest.raises(AirflowSkipException, match=f"found no files in inbox/{DAY}: nothing to do"):
        plan(context=run_at(12))
    os.utime(store.path_of(f"inbox/{DAY}/a.txt"), (0, 0))
    arrive(b="Berta")
    plan(context=run_at(12))
    assert planned_files(store) == ["a.txt"]
    # the run that completes the day, and one by hand, read everything
    plan(context=run_at(25.5, name="b"))
    assert planned_files(store) == ["a.txt", "b.txt"]


def planned_files(store):
    """Names in the night with the most files."""
    lists = [file.key for file in store.files(f"staging/tagged/{DAY}") if "inputs" in file.key]
    return max(
        ([json.loads(line)["name"] for line in store.fetch(key).read_text().splitlines()] for key in lists), key=len
    )


@pytest.mark.runbook("arrivals", "plan_shards: found no files in inbox/...: nothing to do and the run is skipped")
def test_an_event_for_a_file_that_has_gone_finds_nothing_to_do(arrive, promoted, store):
    with pytest.raises(AirflowSkipException, match="nothing to do"):
        plan(context=run_at(12, run_type="asset_triggered"))
    assert not store.exists(f"tagged/{DAY}")


@pytest.mark.runbook("arrivals", "plan_shards is skipped: but answers to ... documents: they stay")
def test_an_inbox_that_was_emptied_does_not_empty_its_day(fake, arrive, promoted, store, tmp_path):
    arrive(a="Anna")
    answers(fake, tmp_path, ["a.txt"])
    night()
    store.remove(f"inbox/{DAY}")
    for context in (run_at(12, run_type="asset_triggered"), run_at(25.5)):
        with pytest.raises(AirflowSkipException, match="but answers to 1 documents: they stay"):
            plan(context=context)
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_tagged"] == 1
    # a person may
    answers(fake, tmp_path, [])
    night()
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_tagged"] == 0


@pytest.fixture
def two_runs(fake, arrive, promoted, store, tmp_path):
    """Two runs at once, of which the second knows a document more; both are tagged, neither is published."""
    arrive(a="Anna")
    older, newer = {"run_id": "manual__older"}, {"run_id": "manual__newer"}
    shards = plan(context=older)
    arrive(b="Berta")
    more = plan(context=newer)
    answers(fake, tmp_path, ["a.txt", "b.txt"])
    tag(more, newer)
    answers(fake, tmp_path, ["a.txt"])
    tag(shards, older)
    return older, newer


def n_published(store):
    return store.read_json(f"tagged/{DAY}/manifest.json")["n_tagged"]


@pytest.mark.runbook("arrivals", "check_night or publish_day is skipped: another run has published")
def test_a_run_that_ends_after_a_newer_one_does_not_replace_what_it_published(two_runs, store):
    older, newer = two_runs
    checked = check(older)
    publish(check(newer), newer)
    with pytest.raises(AirflowSkipException, match="another run has published .*, which listed the inbox at"):
        publish(checked, older)
    assert n_published(store) == 2
    assert staged(store) == []


def test_a_run_that_is_checked_after_a_newer_one_was_published_ends_there(two_runs, store):
    older, newer = two_runs
    publish(check(newer), newer)
    with pytest.raises(AirflowSkipException, match="another run has published"):
        check(older)
    assert n_published(store) == 2
    assert staged(store) == []


@pytest.mark.runbook("arrivals", "publish_day is retried: the lock held by")
def test_a_newer_run_publishes_nothing_while_an_older_one_does(two_runs, store, monkeypatch):
    older, newer = two_runs
    checked, put, errors = check(newer), type(store).put_file, []
    monkeypatch.setattr(publication, "_PATIENCE_S", 0)

    def meanwhile(self, file, key):
        if key.startswith("rejected/") and not errors:
            with pytest.raises(Busy) as error:
                publish(checked, newer)
            errors.append(error)
        put(self, file, key)

    monkeypatch.setattr(type(store), "put_file", meanwhile)
    publish(check(older), older)
    assert errors
    publish(checked, newer)
    found = [store.read_json(f"tagged/{DAY}/{name}.json")["night"] for name in ("manifest", "statistics")]
    assert found[0] == found[1]
    assert n_published(store) == 2


def test_a_newer_run_replaces_what_an_older_one_published_meanwhile(two_runs, store):
    older, newer = two_runs
    publish(check(older), older)
    assert n_published(store) == 1
    publish(check(newer), newer)
    assert n_published(store) == 2
    assert staged(store) == []
