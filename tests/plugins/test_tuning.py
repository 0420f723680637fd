"""What one machine was found to do best goes by the store to all machines of its kind, wherever the store lies."""

import json
from dataclasses import asdict

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.operators.shards import TagShardOperator
from ner_airflow.operators.tagging import PlanShardsOperator, ResolveModelOperator
from ner_airflow.operators.tuning import TuneModelOperator
from ner_tasks import hardware
from ner_tasks.inference.runtime_config import RuntimeConfig
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings
from tests.plugins.test_tagging import RUN, answers

DAY = "2026-01-31"
CHOICE = RuntimeConfig("frozen", bf16=True, n_streams=1, max_pieces=4096)


@pytest.fixture(params=["folder", "s3"])
def registry(request, fake, model, monkeypatch, tmp_path):
    """The promoted version v1, with its models and its dev part."""
    if request.param == "s3":
        monkeypatch.setenv("NER_STORE", f"s3://{request.getfixturevalue('s3').bucket}/ner")
    registry = Registry(Settings.from_env().open_store())
    for kind in ("trained", "frozen", "int8"):
        registry.put("v1", kind, model(kind))
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "dev.csv").write_text("rows")
    registry.store.publish(tmp_path / "snapshot", "snapshots/s1")
    registry.register("v1", {"snapshot": "s1"})
    registry.promote("v1", "int8", by="test", metrics={})
    return registry


def this_host():
    return hardware.host_key(hardware.describe_host(1))


def resolve():
    return ResolveModelOperator(task_id="resolve_model", config={}).execute({})


def tune(fake, tmp_path, choice=CHOICE):
    """Run the step; the measuring is done by what has this choice in the end."""
    made = tmp_path / "measured" / "runtime"
    made.mkdir(parents=True, exist_ok=True)
    (made / f"{this_host()}.json").write_text(json.dumps({"choice": asdict(choice), "measured": {}}))
    fake.set("tune", copies={"model": str(made.parent)}, result={"choice": asdict(choice)})
    options = {"rounds": 1, "n_sentences": 9, "time_limit_s": 5}
    return TuneModelOperator(task_id="tune", config=options).execute({})


@pytest.mark.runbook("tuning", "InputMissing: found nothing about frozen")
def test_the_choice_is_put_beside_the_version_and_every_later_night_has_it(registry, fake, tmp_path):
    assert resolve() == {"version": "v1", "kind": "int8"}
    tune(fake, tmp_path)
    flags = fake.calls[-1]["flags"]
    assert (flags["max_f1_loss"], flags["time_limit_s"]) == (["0.005"], ["5.0"])
    assert registry.store.exists(f"models/v1/runtime/{this_host()}.json")
    assert resolve() == {"version": "v1", "kind": "int8", "tuned": {this_host(): asdict(CHOICE)}}


def shard_of(registry, tmp_path):
    (tmp_path / "a.txt").write_text("text")
    registry.store.put_file(tmp_path / "a.txt", f"inbox/{DAY}/a.txt")
    (shard,) = PlanShardsOperator(
        task_id="plan_shards", day=DAY, model=resolve(), config={"shard_minutes": "0.15"}
    ).execute(RUN)
    return shard


def tagged_by(fake, tmp_path, shard):
    answers(fake, tmp_path, tagged=["a.txt"])
    TagShardOperator(task_id="tag_shard", shard=shard).execute(RUN)
    return next(call["flags"] for call in reversed(fake.calls) if call["verb"] == "tag")


@pytest.mark.runbook("tuning", "nights do not run as tuned")
def test_a_shard_is_tagged_as_this_kind_of_machine_does_best(registry, fake, tmp_path, capsys):
    tune(fake, tmp_path)
    flags = tagged_by(fake, tmp_path, shard_of(registry, tmp_path))
    assert flags["model"][0].endswith("models/v1/frozen")
    assert flags["choice_file"][0].endswith("choice.json")
    assert f"as tuned on {this_host()}" in capsys.readouterr().out


@pytest.mark.runbook("tuning", "nights do not run as tuned")
def test_another_kind_of_machine_tags_as_if_nothing_was_tuned(registry, fake, tmp_path):
    registry.put_runtime_config("v1", "another-cpu", {"choice": asdict(CHOICE)})
    flags = tagged_by(fake, tmp_path, shard_of(registry, tmp_path))
    assert flags["model"][0].endswith("models/v1/int8")
    assert "choice_file" not in flags


def test_a_choice_made_during_the_night_holds_from_the_next_one_on(registry, fake, tmp_path):
    shard = shard_of(registry, tmp_path)
    tune(fake, tmp_path)
    flags = tagged_by(fake, tmp_path, shard)
    assert flags["model"][0].endswith("models/v1/int8")
    assert "choice_file" not in flags
    assert flags["tuned"] == ["0"]


@pytest.mark.runbook("tuning", "InputMissing: found nothing about frozen")
def test_a_version_nobody_quantized_is_not_tuned(registry, fake, tmp_path):
    registry.store.remove("models/v1/frozen")
    with pytest.raises(AirflowFailException, match="InputMissing: found nothing.*frozen"):
        tune(fake, tmp_path)
