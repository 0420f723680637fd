import json
import shutil
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.assets import NER_FP32
from ner_airflow.operators.evaluation import EvaluateModelOperator, ModelGateOperator, RegisterModelOperator
from ner_airflow.operators.labelled_data import CollectLabelledOperator, MakeSnapshotOperator
from ner_airflow.operators.training import TrainModelOperator
from ner_tasks.data.quotas import PARTS
from ner_tasks.data.snapshot import hash_contents
from ner_tasks.data.validation.baseline import find_accepted
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings
from ner_tasks.training.config import TrainConfig


class Events(dict):
    """Outlet events as a task sees them."""

    def __missing__(self, key):
        self[key] = type("Event", (), {"extra": {}})()
        return self[key]


def collect(batch=""):
    return CollectLabelledOperator(task_id="collect", config={"batch": batch}).execute({})


def snapshot(collected, **options):
    defaults = {"max_quarantined_share": 0.02, "block_sentences": 32, "dev_share": 0.08}
    return MakeSnapshotOperator(task_id="snapshot", collected=collected, config={**defaults, **options}).execute({})


def train(snapshot_version="s1", **options):
    defaults = {"epochs": 1, "batch_size": 8, "learning_rate": 0.001}
    return TrainModelOperator(
        task_id="train", snapshot={"version": snapshot_version}, config={**defaults, **options}
    ).execute({"run_id": "manual__1"})


@pytest.fixture
def labelled(store, tmp_path):
    """Two batches."""
    for batch, text in (("2026-01-01-a", "old"), ("2026-01-02-b", "new")):
        file = tmp_path / "ner.csv"
        file.write_text(text)
        store.put_file(file, f"labelled/{batch}/ner.csv")
    return store


@pytest.fixture
def made_snapshot(fake, tmp_path):
    """The folder that the verb `dataset` will make."""
    folder = tmp_path / "made" / "snapshot"
    folder.mkdir(parents=True)
    for name in ("train.csv", "test.csv"):
        (folder / name).write_text("rows")
    files = {"train.csv": atomic.sha256_of(folder / "train.csv")}
    said = {
        "version": hash_contents(["geo"], files),
        "labels": ["geo"],
        "parts": {part: {"n_sentences": 7, "n_entities": {"geo": 9}} for part in PARTS},
        "quarantined": {"broken_row": 1},
        "n_rows": 90,
        "n_sentences": 9,
        "n_superseded": 0,
        "n_copies": 0,
        "files": files,
    }
    (folder / "snapshot.json").write_text(json.dumps(said))
    fake.set("dataset", copies={"output": str(folder)}, result=said)
    return folder


@pytest.fixture
def trainable(fake, model, stored_snapshot, tmp_path):
    """An encoder, and a verb `train` that makes a model."""
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "model.safetensors").write_text("encoder")
    fake.set(
        "train",
        copies={"output": str(model("trained"))},
        result={"best_epoch": 1, "dev_f1": 0.8, "training_s": 3.0, "history": []},
    )
    fake.set("freeze", copies={"output": str(model("frozen"))})


@pytest.mark.runbook("retraining", "collect: InputMissing: found no batch")
def test_all_batches_are_taken_unless_one_is_asked_for(labelled):
    assert collect()["batches"] == ["2026-01-01-a", "2026-01-02-b"]
    assert [file["key"] for file in collect("2026-01-01-a")["files"]] == ["labelled/2026-01-01-a/ner.csv"]


@pytest.mark.runbook("retraining", "collect: InputMissing: found no batch")
@pytest.mark.parametrize("batch", ["", "nothing-of-the-kind"], ids=["no batch at all", "an unknown batch"])
def test_without_labelled_data_the_run_fails_at_once(store, batch):
    with pytest.raises(AirflowFailException, match="InputMissing: found no batch"):
        collect(batch)


@pytest.mark.runbook("retraining", "collect: DataRejected: found no labelled file")
def test_a_batch_may_have_several_files_but_not_none(labelled, tmp_path):
    labelled.put_file(tmp_path / "ner.csv", "labelled/2026-01-02-b/second.jsonl")
    assert len(collect()["files"]) == 3
    labelled.put_file(tmp_path / "ner.csv", "labelled/2026-01-03-c/readme.md")
    with pytest.raises(AirflowFailException, match="DataRejected: found no labelled file, expected one"):
        collect()


def test_the_same_data_is_made_into_a_snapshot_once(labelled, fake, made_snapshot):
    first = snapshot(collect())
    assert snapshot(collect()) == first
    assert fake.verbs == ["dataset"]
    assert first["quarantined"] == {"broken_row": 1}
    assert labelled.exists(f"snapshots/{first['version']}/train.csv")


def test_other_data_or_other_settings_are_checked_anew_against_the_last_accepted_snapshot(
    labelled, fake, made_snapshot
):
    version = snapshot(collect())["version"]
    snapshot(collect("2026-01-01-a"))
    snapshot(collect(), max_quarantined_share="0.5")
    snapshot(collect(), block_sentences="8")
    assert fake.verbs == ["dataset"] * 4
    before = [call["flags"].get("previous") for call in fake.calls]
    assert before[0] is None
    assert [Path(folder[0]).name for folder in before[1:]] == [version] * 3


def test_a_snapshot_whose_file_was_changed_is_made_again(labelled, fake, made_snapshot):
    version = snapshot(collect())["version"]
    labelled.path_of(f"snapshots/{version}/train.csv").write_text("damaged")
    snapshot(collect())
    assert fake.verbs == ["dataset", "dataset"]
    assert labelled.path_of(f"snapshots/{version}/train.csv").read_text() == "rows"


def test_the_last_accepted_snapshot_is_pointed_at_and_stays_so_when_later_data_is_refused(
    labelled, fake, made_snapshot
):
    version = snapshot(collect())["version"]
    fake.set("dataset", error={"type": "DataRejected", "message": "found 9 %", "retryable": False}, code=65)
    with pytest.raises(AirflowFailException, match="DataRejected: found 9 %"):
        snapshot(collect("2026-01-01-a"))
    accepted = find_accepted(labelled)
    assert (accepted.version, accepted.previous) == (version, None)
    assert labelled.folders("snapshots") == [version]


def test_a_data_gate_that_is_not_passed_leaves_no_snapshot(labelled, fake):
    fake.set("dataset", error={"type": "DataRejected", "message": "found 9 %", "retryable": False}, code=65)
    with pytest.raises(AirflowFailException, match="DataRejected: found 9 %"):
        snapshot(collect())
    assert labelled.folders("snapshots") == []


@pytest.mark.runbook("retraining", "snapshot: too many sentences in quarantine")
def test_why_data_was_refused_is_published_and_its_place_named(labelled, fake, tmp_path):
    evidence = tmp_path / "made" / "refused"
    evidence.mkdir(parents=True)
    (evidence / "validation.json").write_text('{"ok": false}')
    (evidence / "quarantined.csv").write_text("rows")
    fake.set(
        "dataset",
        refuses={"evidence": str(evidence)},
        error={"type": "DataRejected", "message": "found 9 %; details in {refused}", "retryable": False},
        code=65,
    )
    with pytest.raises(AirflowFailException, match="DataRejected: found 9 %; details in ") as raised:
        snapshot(collect())
    version = labelled.folders("reports/snapshots")[0]
    assert str(raised.value).endswith(labelled.where(f"reports/snapshots/{version}"))
    assert labelled.read_json(f"reports/snapshots/{version}/validation.json") == {"ok": False}
    assert labelled.exists(f"reports/snapshots/{version}/quarantined.csv")
    assert labelled.folders("snapshots") == []
    assert not list((tmp_path / "scratch").rglob("quarantined.csv"))


@pytest.mark.runbook("retraining", "train: InputMissing: found no promoted model")
def test_a_version_is_trained_once(store, fake, trainable):
    first = train()
    assert train() == first
    assert fake.verbs == ["train"]
    assert Registry(store).find(first["version"], "trained") is not None


@pytest.mark.runbook("retraining", "ConfigInvalid: found ... s3://")
def test_the_same_steps_do_on_a_store_on_s3(fake, s3, made_snapshot, model, evaluated, monkeypatch, tmp_path):
    monkeypatch.setenv("NER_STORE", f"s3://{s3.bucket}/ner")
    s3.client.put_object(Bucket=s3.bucket, Key="ner/labelled/2026-01-01/ner.csv", Body=b"rows")
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "model.safetensors").write_text("encoder")
    copies = {"output": str(model("trained"))}
    fake.set("train", copies=copies, result={"best_epoch": 1, "dev_f1": 0.8, "training_s": 3.0})
    evaluated(0.8)
    for _ in range(2):
        made = snapshot(collect())
        trained = train(made["version"])
        evaluation = evaluate(trained["version"], made["version"])
    check = {"evaluation": evaluation, "gate": []}
    RegisterModelOperator(task_id="register", checked=check).execute({"outlet_events": Events()})
    assert fake.verbs == ["dataset", "train", "evaluate"]
    registry = Registry(Settings.from_env().open_store())
    assert registry.versions() == [trained["version"]]
    assert registry.find(trained["version"], "trained") is not None
    assert all(Path(path).is_relative_to(tmp_path) for call in fake.calls for path in call["flags"].get("data", []))


@pytest.fixture
def promoted(store, model):
    """A promoted version, with the test part that it was judged by."""
    registry = Registry(store)
    registry.put("old", "trained", model("trained", text="older weights"))
    registry.put("old", "int8", model("int8"))
    registry.register("old", {})
    registry.promote("old", "int8", by="test", metrics={})
    store.write_json("reports/models/old/train.json", {"snapshot": "s1"})
    return registry


def test_training_goes_on_from_the_promoted_model_and_is_told_what_to_remember(store, fake, trainable, promoted):
    lost = {"before": 0.8, "after": 0.75, "n_sentences": 3, "n_left_out": 0, "labels": {}}
    copies = fake._will["train"]["copies"]
    fake.set(
        "train",
        copies=copies,
        result={"best_epoch": 1, "dev_f1": 0.8, "training_s": 3.0, "history": [], "forgotten": lost},
    )
    version = train(start_from="promoted")["version"]
    flags = fake.calls[0]["flags"]
    assert flags["start_from"][0].endswith("models/old/trained")
    assert flags["remember"][0].endswith("snapshots/s1/test.csv")
    assert (flags["parent"], "encoder" in flags) == (["old"], False)
    said = store.read_json(f"reports/models/{version}/train.json")
    assert (said["parent"], said["forgotten"]) == ("old", lost)
    assert train(start_from="old")["version"] == version
    assert train()["version"] != version


@pytest.mark.runbook("retraining", "train: InputMissing: found no promoted model")
def test_without_a_promoted_model_there_is_nothing_to_go_on_from(store, fake, trainable):
    with pytest.raises(AirflowFailException, match="InputMissing: found no promoted model, expected one to start from"):
        train(start_from="promoted")
    with pytest.raises(AirflowFailException, match="InputMissing"):
        train(start_from="no-such-version")


@pytest.mark.runbook("retraining", "train: ConfigInvalid: found setting or found ... expected")
def test_a_recipe_is_given_to_the_verb_and_what_is_given_by_itself_goes_first(fake, trainable, tmp_path):
    fake.set("train", silent=True, code=1)
    with pytest.raises(RuntimeError):
        train(recipe={"label_smoothing": 0.1, "epochs": 7}, learning_rate=None)
    flags = fake.calls[0]["flags"]
    settings = [float(flags[name][0]) for name in ("label_smoothing", "epochs", "learning_rate")]
    assert settings == [0.1, 1, TrainConfig().learning_rate]


@pytest.mark.runbook("retraining", "train: ConfigInvalid: found setting or found ... expected")
@pytest.mark.parametrize("recipe", [{"epoch": 7}, "{", {"epochs": "many"}])
def test_a_recipe_that_makes_no_sense_fails_at_once(fake, trainable, recipe):
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found "):
        train(recipe=recipe, epochs=None)
    assert fake.verbs == []


def test_a_search_comes_before_the_training_that_takes_what_it_has_found(store, fake, trainable):
    fake.set("search", result={"config": {"epochs": 2}, "dev_f1": 0.7, "trials": []})
    version = train(search_minutes=5)["version"]
    assert fake.verbs == ["search", "train"]
    search, training = (call["flags"] for call in fake.calls)
    assert search["minutes"] == ["5.0"]
    assert (search["epochs"], training["epochs"]) == (["1"], ["2"])
    assert store.read_json(f"reports/models/{version}/train.json")["search"]["dev_f1"] == 0.7


def test_soft_labels_of_a_teacher_are_computed_once_for_a_snapshot(store, fake, trainable, tmp_path):
    (tmp_path / "made" / "soft").mkdir()
    (tmp_path / "made" / "soft" / "soft_labels.json").write_text("{}")
    fake.set("soft-labels", copies={"output": str(tmp_path / "made" / "soft")})
    teacher = train()["version"]
    first = train(teacher=teacher)["version"]
    second = train(teacher=teacher, recipe={"teacher_weight": 0.9})["version"]
    assert fake.verbs == ["train", "freeze", "soft-labels", "train", "train"]
    assert len({teacher, first, second}) == 3
    frozen, soft, training = (call["flags"] for call in fake.calls[1:4])
    assert frozen["model"] == [str(store.path_of(f"models/{teacher}/trained"))]
    assert soft["model"] == frozen["output"]
    assert "teacher_snapshot" not in soft
    assert training["soft_labels"] == [str(store.path_of(f"staging/soft-labels/s1-{teacher}"))]


def test_a_teacher_of_another_snapshot_is_checked_against_that_snapshot(store, fake, trainable, tmp_path):
    (tmp_path / "made" / "soft").mkdir()
    (tmp_path / "made" / "soft" / "soft_labels.json").write_text("{}")
    fake.set("soft-labels", copies={"output": str(tmp_path / "made" / "soft")})
    teacher = train()["version"]
    report = f"reports/models/{teacher}/train.json"
    store.write_json(report, {**store.read_json(report), "snapshot": "s0"})
    store.write_json("snapshots/s0/snapshot.json", {})
    train(teacher=teacher)
    assert fake.calls[2]["flags"]["teacher_snapshot"] == [str(store.path_of("snapshots/s0"))]


@pytest.mark.runbook("retraining", "train: ConfigInvalid: found a teacher")
def test_a_teacher_that_does_not_fit_fails_at_once(store, fake, trainable):
    teacher = train()["version"]
    fake.set("soft-labels", error={"type": "ConfigInvalid", "message": "found a teacher", "retryable": False}, code=65)
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found a teacher"):
        train(teacher=teacher)
    with pytest.raises(AirflowFailException, match="InputMissing"):
        train(teacher="no-such-version")


SIZED = {
    "layers": [0, 2],
    "n_layers": 3,
    "dev_f1": 0.79,
    "candidates": [
        {"layers": [0, 1, 2], "dev_f1": 0.8, "loss": None, "loss_bounds": None, "speed_up": 1.0, "words_per_s": 100.0}
        | {"chosen": False, "verdict": "the full model"},
        {"layers": [0, 2], "dev_f1": 0.79, "loss": 0.01, "loss_bounds": [0.0, 0.02], "speed_up": 1.4}
        | {"words_per_s": 140.0, "chosen": True, "verdict": "a loss of 0.0100"},
    ],
    "test": {"champion": 0.81, "challenger": 0.8, "loss": 0.01, "interval": [0.0, 0.02], "p": 0.2, "n_gold": 90},
}


@pytest.fixture
def sizable(fake, trainable, model, tmp_path):
    """A verb `train` that makes a full model, and a verb `right-size` that makes a smaller one."""
    fake.set("train", **{**fake._will["train"], "result": {**fake._will["train"]["result"], "config": {"epochs": 1}}})
    smaller = tmp_path / "made" / "smaller"
    shutil.copytree(model("trained"), smaller)
    (smaller / "weights.safetensors").write_text("fewer weights")
    manifest = model_folder.ModelManifest(
        "trained", ("geo", "per"), {}, 128, lineage={"layers": {"kept": [0, 2], "of": 3}}
    )
    model_folder.write_manifest(smaller, manifest)
    fake.set("right-size", copies={"output": str(smaller)}, result=SIZED)
    return smaller


def test_the_right_sized_model_is_stored_and_the_full_one_trained_once(store, fake, sizable):
    fake.set("right-size", silent=True, code=1)
    with pytest.raises(RuntimeError):
        train(right_size_minutes=5)
    fake.set("right-size", copies={"output": str(sizable)}, result=SIZED)
    result = train(right_size_minutes=5)
    assert fake.verbs == ["train", "right-size", "right-size"]
    assert result["right_size"] == "2 of 3 layers (0, 2), 1.40x words/s; a loss of 0.0100"
    assert result["dev_f1"] == 0.79
    stored = store.path_of(f"models/{result['version']}/trained/weights.safetensors")
    assert stored.read_text() == "fewer weights"
    flags = fake.calls[1]["flags"]
    assert (flags["minutes"], flags["max_f1_loss"], flags["confidence"]) == (["5.0"], ["0.005"], ["0.95"])
    assert store.read_json(f"reports/models/{result['version']}/train.json")["right_size"]["layers"] == [0, 2]
    assert train()["version"] != result["version"]


def test_what_a_right_sized_model_loses_on_test_and_its_layers_are_recorded(store, fake, sizable, evaluated):
    version = train(right_size_minutes=5)["version"]
    evaluated(0.8)
    evaluation = evaluate(version)
    assert evaluation["full_losses"] == SIZED["test"]
    passed = ModelGateOperator(task_id="model_gate", evaluation=evaluation, config={}).execute({})
    assert any("of the full model" in line for line in passed["gate"])
    RegisterModelOperator(task_id="register", checked=passed).execute({"outlet_events": Events()})
    assert Registry(store).details(version)["layers"] == "2 of 3 (0, 2)"
    card = store.path_of(f"reports/models/{version}/card.md").read_text()
    assert "## Right-sizing" in card and "| 0, 2 | 0.7900 |" in card
    assert "On test: entity F1 0.8000, full model 0.8100." in card


@pytest.mark.runbook("retraining", "train: ConfigInvalid: found layers")
def test_layers_are_given_or_searched_for_not_both(fake, trainable):
    with pytest.raises(AirflowFailException, match="found layers = '4' and right_size_minutes, expected one of them"):
        train(right_size_minutes=5, layers="4")
    assert fake.verbs == []


def test_the_learning_curves_are_published_beside_the_report(store, fake, trainable, tmp_path):
    (tmp_path / "made" / "curves").mkdir()
    (tmp_path / "made" / "curves" / "learning.svg").write_text("<svg/>")
    will = fake._will["train"]
    fake.set("train", **{**will, "copies": {**will["copies"], "curves": str(tmp_path / "made" / "curves")}})
    version = train()["version"]
    assert store.exists(f"reports/models/{version}/learning.svg")


def test_force_trains_again_as_another_version(fake, trainable):
    assert train()["version"] != train(force=True)["version"]
    assert fake.verbs == ["train", "train"]


def test_a_trained_model_that_was_damaged_is_trained_again(store, fake, trainable):
    version = train()["version"]
    store.path_of(f"models/{version}/trained/weights.safetensors").write_text("damaged")
    train()
    assert fake.verbs == ["train", "train"]


def test_a_training_that_broke_off_finds_its_checkpoints_again(fake, trainable):
    fake.set("train", silent=True, code=1)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            train()
    first, second = (call["flags"]["checkpoint_path"] for call in fake.calls)
    assert first == second


@pytest.mark.runbook("retraining", "train: InputMissing: found no model.safetensors")
def test_a_missing_encoder_is_a_clear_line(store, fake):
    with pytest.raises(AirflowFailException, match=r"InputMissing: found no model\.safetensors"):
        train()


@pytest.fixture
def evaluated(fake, tmp_path):
    """A verb `evaluate` that finds this F1 and leaves its folder."""
    folder = tmp_path / "made" / "report"
    folder.mkdir(parents=True)
    for name in ("counts.json", "page.html", "evaluation.json"):
        (folder / name).write_text("{}")

    def will(f1):
        result = {"overall": {"f1": f1}, "labels": {}, "n_sentences": 3}
        fake.set("evaluate", copies={"output": str(folder)}, result=result)
        fake.set("compare-models", result={"overall": {"loss": 0.0}, "labels": {}, "n_sentences": 3})

    return will


def evaluate(version, snapshot_version="s1"):
    return EvaluateModelOperator(task_id="evaluate", model={"version": version, "snapshot": snapshot_version}).execute(
        {}
    )


def test_a_model_is_scored_beside_the_promoted_one_on_the_same_sentences(
    store, stored_snapshot, fake, model, evaluated
):
    registry = Registry(store)
    for version in ("champion", "new"):
        registry.put(version, "trained", model("trained"))
    registry.put("champion", "int8", model("int8"))
    registry.register("champion", {"snapshot": "s0", "overall": {"f1": 0.9}})
    registry.promote("champion", "int8", by="test", metrics={})
    evaluated(0.7)
    evaluation = evaluate("new")
    assert evaluation["champion"] == "champion"
    *scored, challenge = fake.calls
    assert [call["flags"]["model"][0].split("/")[-2] for call in scored] == ["new", "champion"]
    assert len({call["flags"]["data"][0] for call in scored}) == 1
    counts = {name: challenge["flags"][name][0].split("/")[-3] for name in ("champion", "challenger")}
    assert counts == {"champion": "champion", "challenger": "new"}
    assert evaluation["losses"] == {"overall": {"loss": 0.0}, "labels": {}}
    assert store.exists("reports/models/new/evaluate-s1/page.html")
    evaluate("new")
    assert fake.verbs == ["evaluate", "evaluate", "compare-models", "compare-models"]


def test_a_promoted_model_with_other_labels_is_not_compared_with(store, stored_snapshot, fake, model, evaluated):
    registry = Registry(store)
    registry.put("champion", "trained", model("trained", labels=("chemical",)))
    registry.put("champion", "int8", model("int8"))
    registry.register("champion", {})
    registry.promote("champion", "int8", by="test", metrics={})
    registry.put("new", "trained", model("trained"))
    evaluated(0.7)
    assert evaluate("new")["champion_f1"] is None


def check(f1, losses=None):
    evaluation = {
        "version": "v",
        "snapshot": "s",
        "overall": {"f1": f1},
        "labels": {"geo": {"f1": f1}},
        "losses": losses,
    }
    limits = {"min_f1": 0.6, "max_f1_below_champion": 0.005}
    return ModelGateOperator(task_id="gate", evaluation=evaluation, config=limits).execute({})


@pytest.mark.runbook("retraining", "model_gate: found F1 of <label>")
def test_a_model_that_is_worse_on_one_rare_label_stops_at_the_gate(fake):
    fine = {"champion": 0.8, "challenger": 0.81, "loss": -0.01, "interval": [-0.02, 0.0], "p": 0.9, "n_gold": 900}
    worse = {"champion": 0.6, "challenger": 0.3, "loss": 0.3, "interval": [0.2, 0.4], "p": 0.001, "n_gold": 30}
    with pytest.raises(AirflowFailException, match="GateNotPassed: found F1 of nat"):
        check(0.81, {"overall": fine, "labels": {"geo": fine, "nat": worse}})


@pytest.mark.runbook("retraining", "model_gate: ConfigInvalid: ... lies above, found label")
def test_a_yaml_of_gates_that_contradicts_itself_is_one_line(fake, tmp_path, monkeypatch):
    (tmp_path / "gates.yaml").write_text("model: {champion: {max_loss: 0.5}}")
    monkeypatch.setenv("NER_GATES", str(tmp_path / "gates.yaml"))
    with pytest.raises(AirflowFailException, match=r"ConfigInvalid: found .*max_loss 0\.5 lies above hard_loss"):
        check(0.8)


@pytest.mark.runbook("retraining", "model_gate: GateNotPassed: found entity F1")
def test_a_weak_model_stops_at_the_gate_without_another_try(fake):
    with pytest.raises(
        AirflowFailException, match=r"GateNotPassed: found entity F1 0\.5000, expected at least 0\.6000"
    ):
        check(0.5)


def test_registering_tells_the_version_to_those_who_wait(store, fake, model):
    Registry(store).put("v", "trained", model("trained"))
    events = Events()
    RegisterModelOperator(task_id="register", checked=check(0.8)).execute({"outlet_events": events})
    assert events[NER_FP32].extra == {"version": "v", "f1": 0.8}
    assert Registry(store).versions() == ["v"]
