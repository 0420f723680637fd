"""What an installation makes is readable by its owner alone."""

import os
import stat
from pathlib import Path

import pytest

from launcher import __main__ as command
from launcher import bootstrap
from launcher import encoder as encoders


def open_to_others(var: Path) -> list[str]:
    paths = [var, *(path for path in var.rglob("*") if not path.is_symlink())]
    return [str(path) for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_setting_up_leaves_nothing_that_others_can_read(layout, tmp_path, monkeypatch):
    """A real database, made by Airflow's own command."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    monkeypatch.setenv("NER_VAR", str(layout.var))
    monkeypatch.setattr(encoders, "obtain", lambda *_: folder)
    assert command.main(["setup"]) == 0
    assert layout.database.is_file()
    assert (layout.logs / "migrate.log").is_file()
    assert open_to_others(layout.var) == []


def test_what_an_earlier_release_left_open_is_closed_at_the_next_start(layout, tmp_path, monkeypatch):
    store, outside = layout.var / "store" / "inbox", tmp_path / "outside"
    store.mkdir(parents=True)
    (store / "a.txt").write_text("x")
    outside.write_text("x")
    (store / "link").symlink_to(outside)
    monkeypatch.setenv("NER_VAR", str(layout.var))
    monkeypatch.setattr(bootstrap, "prepare", lambda *_: None)
    assert open_to_others(layout.var)
    assert command.main(["setup"]) == 0
    assert open_to_others(layout.var) == []
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
