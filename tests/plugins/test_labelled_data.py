"""From batches in the store to an accepted snapshot, with the real verb, in a folder and on S3."""

import json
import random

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.operators.labelled_data import CollectLabelledOperator, MakeSnapshotOperator
from ner_tasks.data.validation.baseline import find_accepted
from ner_tasks.settings import Settings
from ner_tasks.store import keys


def table(seed, n=200, place="B-geo"):
    """A CoNLL file of `n` different sentences."""
    rng = random.Random(seed)
    words = lambda at: (rng.choice(["Ann", "Bob", "Eve"]), "saw", rng.choice(["Rome", "Oslo"]), f"{seed}-{at}")  # noqa: E731
    tags = ("B-per", "O", place, "O")
    return "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(words(at), tags, strict=True)) for at in range(n))


def spans():
    return json.dumps({"text": "Ann saw Lima.", "label": [[0, 3, "per"], [8, 12, "geo"]]})


@pytest.fixture(params=["folder", "s3"])
def real(request, fake, monkeypatch):
    """A store of each kind, and the verb `dataset` as it is."""
    monkeypatch.setenv("NER_FAKE_REAL", '["dataset"]')
    if request.param == "s3":
        monkeypatch.setenv("NER_STORE", f"s3://{request.getfixturevalue('s3').bucket}/ner")
    return Settings.from_env().open_store()


def put(store, tmp_path, key, text):
    file = tmp_path / "upload"
    file.write_text(text)
    store.put_file(file, f"labelled/{key}")


def made(**options):
    collected = CollectLabelledOperator(task_id="collect", config={"batch": options.pop("batch", None)}).execute({})
    settings = {
        "max_quarantined_share": 0.02,
        "block_sentences": 4,
        "dev_share": 0.08,
        "accept_drift": False,
    }
    return MakeSnapshotOperator(task_id="snapshot", collected=collected, config={**settings, **options}).execute({})


def test_batches_arrive_and_each_snapshot_goes_on_from_the_last(real, tmp_path, fake):
    put(real, tmp_path, "2026-01-a/ner.tsv", table(1))
    first = made()
    assert made() == first
    put(real, tmp_path, "2026-02-b/export.jsonl", spans())
    second = made()

    assert fake.verbs == ["dataset", "dataset"]
    assert second["batches"] == ["2026-01-a", "2026-02-b"]
    said = real.read_json(f"snapshots/{second['version']}/snapshot.json")
    assert said["version"] == second["version"]
    assert said["previous"] == first["version"]
    assert [one["key"] for one in said["sources"]] == ["labelled/2026-01-a/ner.tsv", "labelled/2026-02-b/export.jsonl"]
    accepted = find_accepted(real)
    assert (accepted.version, accepted.previous) == (second["version"], first["version"])
    assert [json.loads(line)["version"] for line in real.read_lines(keys.ACCEPTED_SNAPSHOT_HISTORY)] == [
        first["version"],
        second["version"],
    ]
    assert "rows" in real.fetch(second["data_docs"]).read_text()


@pytest.mark.runbook("retraining", "snapshot: (batch-quarantined-share)")
def test_refused_data_is_reported_with_its_data_docs_and_the_last_snapshot_stays(real, tmp_path):
    put(real, tmp_path, "2026-01-a/ner.tsv", table(1))
    version = made()["version"]
    put(real, tmp_path, "2026-02-b/ner.tsv", table(2, place="B-disease"))
    with pytest.raises(AirflowFailException, match=r"DataRejected: .*disease \(2026-02-b\): new") as raised:
        made()

    assert "\n" not in str(raised.value)
    assert find_accepted(real).version == version
    assert real.folders("snapshots") == [version]
    (recipe,) = set(real.folders("reports/snapshots")) - {version}
    assert str(raised.value).endswith(real.where(f"reports/snapshots/{recipe}"))
    assert real.read_json(f"reports/snapshots/{recipe}/validation.json")["ok"] is False
    assert real.exists(f"reports/snapshots/{recipe}/data_docs/index.html")
    assert made(batch="2026-01-a")["version"] == version


@pytest.mark.runbook("retraining", "ArtifactBroken: found ... of snapshot ... changed since it")
@pytest.mark.runbook("damaged-files-of-the-store", "snapshots/<version>/...")
def test_a_snapshot_that_was_edited_in_the_store_is_made_again_of_the_same_data(fake, monkeypatch, tmp_path, store):
    monkeypatch.setenv("NER_FAKE_REAL", '["dataset"]')
    put(store, tmp_path, "2026-01-a/ner.tsv", table(1))
    version = made()["version"]
    path = store.path_of(f"snapshots/{version}/train.csv")
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"B-geo", b"B-per", 1))

    assert made()["version"] == version
    assert path.read_bytes() == sound


@pytest.mark.runbook("retraining", "ArtifactBroken: found ... of snapshot ... changed since it")
@pytest.mark.runbook("damaged-files-of-the-store", "snapshots/<version>/...")
def test_an_edited_snapshot_is_not_gone_on_from(fake, monkeypatch, tmp_path, store):
    monkeypatch.setenv("NER_FAKE_REAL", '["dataset"]')
    put(store, tmp_path, "2026-01-a/ner.tsv", table(1))
    version = made()["version"]
    path = store.path_of(f"snapshots/{version}/texts.csv")
    path.write_bytes(path.read_bytes().replace(b"test", b"train", 1))
    put(store, tmp_path, "2026-02-b/ner.tsv", table(2))
    with pytest.raises(AirflowFailException, match=rf"ArtifactBroken: found texts\.csv of snapshot {version} changed"):
        made()
    assert find_accepted(store).version == version


def kaggle_batch(fake, tmp_path, version="4"):
    folder = tmp_path / "made" / "kaggle"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ner_dataset.csv").write_text("rows")
    fake.set("download", copies={"output": str(folder)}, result={"version": version})


def fetch(name="somebody/entities"):
    return CollectLabelledOperator(task_id="collect", config={"kaggle": name}).execute({})


def test_a_kaggle_data_set_becomes_a_batch_once(store, fake, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    kaggle_batch(fake, tmp_path)
    assert [file["key"] for file in fetch()["files"]] == ["labelled/kaggle-somebody-entities-4/ner_dataset.csv"]
    store.path_of("labelled/kaggle-somebody-entities-4/ner_dataset.csv").write_text("corrected by hand")
    fetch()

    assert store.path_of("labelled/kaggle-somebody-entities-4/ner_dataset.csv").read_text() == "corrected by hand"
    assert fake.calls[0]["env"]["KAGGLE_USERNAME"] == "ann"


def test_two_data_sets_of_the_same_version_number_are_two_batches(store, fake, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    kaggle_batch(fake, tmp_path)
    fetch()
    assert fetch("somebody/else")["batches"] == ["kaggle-somebody-else-4", "kaggle-somebody-entities-4"]


def test_a_deployment_s_limits_of_batches_are_those_that_refuse(real, tmp_path, monkeypatch):
    put(real, tmp_path, "2026-01-a/ner.tsv", table(1))
    before = made()["version"]
    put(real, tmp_path, "2026-02-b/ner.tsv", table(2))
    (tmp_path / "gates.yaml").write_text("data: {max_unseen_words: 0}")
    monkeypatch.setenv("NER_GATES", str(tmp_path / "gates.yaml"))
    with pytest.raises(AirflowFailException, match="unseen-words"):
        made()
    assert find_accepted(real).version == before


@pytest.mark.runbook("retraining", "collect: ConfigInvalid: found no Kaggle credentials")
def test_credentials_for_kaggle_come_from_the_connection_too_and_go_to_no_other_step(
    store, fake, tmp_path, monkeypatch
):
    monkeypatch.delenv("KAGGLE_USERNAME", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_KAGGLE", json.dumps({"conn_type": "generic", "login": "ann", "password": "key"}))
    kaggle_batch(fake, tmp_path)
    fetch()
    (given,) = [call["env"] for call in fake.calls]
    assert (given["KAGGLE_USERNAME"], given["KAGGLE_KEY"]) == ("ann", "key")

    monkeypatch.setenv("KAGGLE_KEY", "secret")
    fake.set("dataset", error={"type": "DataRejected", "message": "found 9 %", "retryable": False}, code=65)
    with pytest.raises(AirflowFailException):
        made()
    assert "KAGGLE_KEY" not in fake.calls[-1]["env"]
