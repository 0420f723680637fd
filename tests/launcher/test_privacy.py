"""What the launcher makes, and what an earlier release has left, is its owner's alone."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher import __main__ as command
from launcher import bootstrap, services
from launcher.privacy import make_private
from ner_tasks.errors import ConfigInvalid
from tests import tiny


def open_to_others(folder: Path) -> list[str]:
    """Whatever below a folder, itself included, lets the group or others do anything."""
    paths = [folder, *folder.rglob("*")]
    return [str(path) for path in paths if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.fixture
def old(layout, tmp_path):
    """What an earlier release left: readable by everybody, with a link that leads out."""
    for name in ("store/tagged/2026-01-31/documents.jsonl", "airflow/logs/task.log", "scratch/part.jsonl"):
        path = layout.var / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        path.chmod(0o644)
    (tmp_path / "outside").write_text("x")
    (tmp_path / "outside").chmod(0o644)
    (layout.var / "store" / "link").symlink_to(tmp_path / "outside")
    for folder in (layout.var, *(path for path in layout.var.rglob("*") if path.is_dir() and not path.is_symlink())):
        folder.chmod(0o755)
    return layout


@pytest.fixture
def launched(layout):
    """Runs a module of the launcher for an installation, from a shell whose files everybody may read."""
    environment = {**os.environ, "NER_VAR": str(layout.var), "PORT": str(layout.port)}
    environment["PYTHONPATH"] = os.pathsep.join([str(layout.root), str(layout.root / "plugins")])

    def start(*arguments):
        return subprocess.Popen([sys.executable, *arguments], env=environment, umask=0o022, start_new_session=True)

    return start


def test_what_an_earlier_release_left_open_is_closed(old, tmp_path):
    (old.var / "store" / "program").write_text("x")
    (old.var / "store" / "program").chmod(0o755)
    make_private(old.var)
    assert open_to_others(old.var) == []
    assert stat.S_IMODE((old.var / "store" / "program").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "outside").stat().st_mode) == 0o644, "links are not followed"


def test_the_next_start_closes_it(old, monkeypatch):
    monkeypatch.setenv("NER_VAR", str(old.var))
    monkeypatch.setattr(bootstrap, "prepare", lambda *_: None)
    before = os.umask(0o022)
    try:
        assert command.main(["setup"]) == 0
        assert os.umask(0o022) == 0o022, "who calls it keeps its own"
    finally:
        os.umask(before)
    assert open_to_others(old.var) == []


def test_a_folder_that_is_closed_is_not_walked_again(old):
    make_private(old.var)
    kept = old.var / "store" / "kept"
    kept.write_text("x")
    kept.chmod(0o644)
    make_private(old.var)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o644, "its folder lets nobody in"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_folder_of_another_user_is_refused(layout):
    layout.var.mkdir(parents=True)
    layout.var.chmod(0o755)
    os.chown(layout.var, 12345, 12345)
    for folder in (layout.var.parent, *layout.var.parents):
        if not folder.stat().st_mode & 0o005:
            pytest.skip("another user does not reach the folder for temporary files")
    os.seteuid(54321)
    try:
        with pytest.raises(ConfigInvalid, match="found the folder of user 12345, expected one of user 54321"):
            make_private(layout.var)
    finally:
        os.seteuid(0)


def test_after_a_set_up_over_an_earlier_release_nobody_else_may_read_anything(old, launched, tmp_path):
    encoder = tiny.make_tiny_encoder(tmp_path / "encoder")
    assert launched("-m", "launcher", "setup", "--encoder", str(encoder)).wait(300) == 0
    assert (old.airflow_home / "airflow.db").is_file()
    assert (old.logs / "migrate.log").is_file()
    assert old.secrets.is_file()
    assert open_to_others(old.var) == []


def test_what_the_services_write_is_the_owner_s_alone(layout, launched):
    code = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).mkdir(); time.sleep(60)"
    wrapper = (
        "import sys; from launcher import supervisor; "
        f"supervisor._start = lambda arguments, log, root: supervisor.subprocess.Popen([sys.executable, '-c', {code!r}, "
        "str(log.with_suffix('.d'))]); "
        "sys.exit(supervisor.main())"
    )
    layout.logs.mkdir(parents=True, mode=0o700)
    layout.var.chmod(0o700)
    layout.logs.chmod(0o700)
    process = launched("-c", wrapper)
    try:
        deadline = time.monotonic() + 30
        while len(list(layout.logs.glob("*.d"))) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert layout.state.is_file()
        assert open_to_others(layout.var) == []
    finally:
        services.stop(layout)
        process.wait(15)


def test_airflow_s_own_logs_are_the_owner_s_alone(layout, tmp_path):
    """Airflow sets the permissions of a task's log itself, whatever the umask."""
    code = "from airflow.sdk.log import init_log_file; print(init_log_file('dag_id=x/run_id=y/attempt=1.log'))"
    environment = {**os.environ, **layout.environment(), "AIRFLOW_HOME": str(tmp_path / "airflow")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, umask=0o022)
    log = Path(done.stdout.split()[-1])
    assert log.is_relative_to(tmp_path / "airflow" / "logs")
    assert open_to_others(log.parent) == []
