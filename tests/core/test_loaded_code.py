"""A process notices that an upgrade has replaced some of what it has loaded."""

import importlib
import os
import sys

import pytest

from ner_tasks.cli.loaded_code import LoadedCode


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path, with a module that this process has imported."""
    (tmp_path / "loaded_for_a_test.py").write_text("x = 1\n")
    (tmp_path / "one-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("loaded_for_a_test")
    yield tmp_path
    sys.modules.pop("loaded_for_a_test")


UPGRADES = {
    "a longer file": lambda site: (site / "loaded_for_a_test.py").write_text("x = 100\n"),
    "a newer file": lambda site: os.utime(site / "loaded_for_a_test.py", (0, 0)),
    "a deleted file": lambda site: (site / "loaded_for_a_test.py").unlink(),
    "another version": lambda site: (site / "one-1.0.dist-info").rename(site / "one-1.1.dist-info"),
    "a new package": lambda site: (site / "two-1.0.dist-info").mkdir(),
    "a removed package": lambda site: (site / "one-1.0.dist-info").rmdir(),
}


@pytest.mark.parametrize("upgrade", UPGRADES)
def test_an_upgrade_is_noticed(site, upgrade):
    loaded = LoadedCode()
    UPGRADES[upgrade](site)
    assert loaded.has_changed()


def test_files_that_are_not_code_change_nothing(site):
    loaded = LoadedCode()
    (site / "notes.txt").touch()
    importlib.import_module("json.tool")  # loaded later, so it is not compared
    assert not loaded.has_changed()


def test_libraries_of_an_extension_are_among_the_files():
    assert any(".so" in path for path in LoadedCode()._files)
