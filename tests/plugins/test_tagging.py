import json
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.operators.tagging import CheckNight, PlanShards, PublishDay, ResolveModel, TagShard
from ner_tasks.registry import Registry

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


def answers(fake, tmp_path, tagged, rejected=()):
    """Let the verb `tag` answer like this."""
    folder = tmp_path / "made" / "tagged"
    folder.mkdir(parents=True, exist_ok=True)
    documents = [{"document": name, "text": "x", "entities": []} for name in tagged]
    rejects = [{"document": name, "reason": "empty", "message": "found no text"} for name in rejected]
    (folder / "documents.jsonl").write_text("".join(json.dumps(line) + "\n" for line in documents))
    (folder / "rejected.jsonl").write_text("".join(json.dumps(line) + "\n" for line in rejects))
    manifest = {
        "n_documents": len(tagged) + len(rejected),
        "n_tagged": len(tagged),
        "n_rejected": len(rejected),
        "rejected": {"empty": len(rejected)} if rejected else {},
        "n_words": 10 * len(tagged),
        "n_entities": 0,
        "entities": {},
        "words_per_s": 10.0,
        "elapsed_s": 1.0,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    fake.set("tag", copies={"output": str(folder)}, result=manifest)


def plan(day=DAY, **options):
    model = ResolveModel(task_id="resolve_model", version="").execute({})
    options = {"shard_mib": "1", "force": "False", **options}
    return model, PlanShards(task_id="plan_shards", day=day, model=model, **options).execute({})


def night(**options):
    """One night, from the inbox to the published answers."""
    model, shards = plan(**options)
    tagged = [TagShard(task_id="tag_shard", model=model, shard=shard).execute({}) for shard in shards]
    checked = CheckNight(task_id="check_night", day=DAY, shards=tagged, max_rejected_share="0.5").execute({})
    events = {TAGGED_DOCUMENTS: SimpleNamespace(extra=None)}
    return PublishDay(task_id="publish_day", day=DAY, night=checked).execute({"outlet_events": events})


def test_a_night_is_published_with_its_rejects_beside_their_reasons(promoted, store, fake, arrive, tmp_path):
    arrive(a="text", b="")
    answers(fake, tmp_path, tagged=["a.txt"], rejected=["b.txt"])
    assert night()["n_tagged"] == 1
    assert store.read_json(f"tagged/{DAY}/manifest.json")["model_version"] == "v1"
    assert json.loads(store.path_of(f"rejected/{DAY}/rejected.jsonl").read_text())["reason"] == "empty"
    assert store.path_of(f"rejected/{DAY}/documents/b.txt").is_file()
    assert not store.exists(f"staging/tagged/{DAY}")


def test_a_day_that_this_model_has_answered_is_not_tagged_again(promoted, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    with pytest.raises(AirflowSkipException, match="answered by this model already"):
        plan()
    # without shards it is started all the same, see its trigger rule
    with pytest.raises(AirflowSkipException, match="nothing was planned"):
        CheckNight(task_id="check_night", day=DAY, shards=[], max_rejected_share="0.5").execute({})
    assert fake.verbs == ["tag"]


def test_a_late_document_makes_the_night_run_again(promoted, store, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    night()
    arrive(late="text")
    answers(fake, tmp_path, tagged=["a.txt", "late.txt"])
    night()
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_tagged"] == 2


def test_a_shard_that_is_tagged_is_not_tagged_again(promoted, fake, arrive, tmp_path):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    model, shards = plan()
    for _ in range(2):
        TagShard(task_id="tag_shard", model=model, shard=shards[0]).execute({})
    assert fake.verbs == ["tag"]


def test_a_promotion_during_the_night_does_not_change_its_model(promoted, fake, arrive, tmp_path, model):
    arrive(a="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    pinned, shards = plan()
    promoted.put("v2", "trained", model("trained"))
    promoted.put("v2", "int8", model("int8", text="other"))
    promoted.register("v2", {})
    promoted.promote("v2", "int8", by="test", metrics={})
    TagShard(task_id="tag_shard", model=pinned, shard=shards[0]).execute({})
    assert fake.calls[-1]["flags"]["model"][0].endswith("models/v1/int8")


def test_a_shard_of_nothing_but_rejects_does_not_stop_the_night(promoted, store, fake, arrive, tmp_path):
    arrive(a="text" * 300_000, b="junk" * 300_000)
    model, shards = plan()
    assert len(shards) == 2
    answers(fake, tmp_path, tagged=["a.txt"])
    first = TagShard(task_id="tag_shard", model=model, shard=shards[0]).execute({})
    answers(fake, tmp_path, tagged=[], rejected=["b.txt"])
    refusal = {"type": "GateNotPassed", "message": "found 1 rejected", "retryable": False}
    fake.set("tag", copies={"output": str(tmp_path / "made" / "tagged")}, error=refusal, code=77)
    second = TagShard(task_id="tag_shard", model=model, shard=shards[1]).execute({})
    CheckNight(task_id="check_night", day=DAY, shards=[first, second], max_rejected_share="0.5").execute({})


def test_an_empty_inbox_is_green_and_published_as_empty(promoted, store, fake):
    assert night()["n_documents"] == 0
    assert store.read_json(f"tagged/{DAY}/manifest.json")["n_documents"] == 0
    assert fake.verbs == []


def test_documents_that_yield_nothing_are_never_green(promoted, store, fake, arrive, tmp_path):
    arrive(a="")
    answers(fake, tmp_path, tagged=[], rejected=["a.txt"])
    with pytest.raises(AirflowFailException, match="found no tagged document, expected at least one of 1"):
        night()
    assert not store.exists(f"tagged/{DAY}")


def test_a_document_without_an_answer_stops_the_night(promoted, fake, arrive, tmp_path):
    arrive(a="text", b="text")
    answers(fake, tmp_path, tagged=["a.txt"])
    with pytest.raises(AirflowFailException, match="found 1 tagged and 0 rejected, expected 2"):
        night()


def test_a_day_must_be_a_day(promoted):
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found day '../models'"):
        plan(day="../models")


def test_without_a_promoted_model_the_night_says_so(store, fake):
    with pytest.raises(AirflowFailException, match="InputMissing: found no promoted model"):
        ResolveModel(task_id="resolve_model", version="").execute({})
