"""Files and folders are whole or not there."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ner_tasks.errors import ArtifactBroken, Busy, InputMissing, StorageFull
from ner_tasks.files import atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_staged_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    with atomic.staged_folder(tmp_path / "made") as stage:
        (stage / "a").write_text("1")
        assert not (tmp_path / "made").exists()
    assert (tmp_path / "made" / "a").read_text() == "1"
    assert names(tmp_path) == ["made"]


def test_a_failure_inside_leaves_what_was_there_before(tmp_path: Path) -> None:
    with atomic.staged_folder(tmp_path / "made") as stage:
        (stage / "a").write_text("old")
    with pytest.raises(ValueError, match="half-way"), atomic.staged_folder(tmp_path / "made") as stage:
        (stage / "a").write_text("new")
        raise ValueError("half-way")
    assert (tmp_path / "made" / "a").read_text() == "old"
    assert names(tmp_path) == ["made"]


def test_a_staged_folder_replaces_the_old_one(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with atomic.staged_folder(tmp_path / "made") as stage:
            (stage / text).write_text(text)
    assert names(tmp_path / "made") == ["new"]
    assert names(tmp_path) == ["made"]


def test_no_space_left_names_the_place(tmp_path: Path) -> None:
    refused = pytest.raises(StorageFull, match=r"MiB free, expected room for model, at ")
    with refused, atomic.staged_folder(tmp_path / "model"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_a_really_full_disk_leaves_nothing_behind() -> None:
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(StorageFull), atomic.space_for(Path("/tmp/file")), device.open("wb", buffering=0) as file:
        file.write(b"x")


@pytest.mark.runbook("retraining", "Busy")
def test_what_is_locked_is_busy_for_another_process_and_free_when_that_dies(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "import sys, time, pathlib; from ner_tasks.files import atomic\n"
        "with atomic.exclusive(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    with pytest.raises(Busy, match="found another process at work"), atomic.exclusive(lock):
        pass
    holder.kill()
    holder.wait()
    time.sleep(0.1)
    with atomic.exclusive(lock):
        pass


def test_json_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="expected a JSON file"):
        atomic.read_json(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text('{"a": ')
    with pytest.raises(ArtifactBroken, match=r"expected JSON|in .*broken\.json"):
        atomic.read_json(tmp_path / "broken.json")


def test_json_survives_the_round_trip(tmp_path: Path) -> None:
    atomic.write_json(tmp_path / "deep" / "a.json", {"é": [1, None]})
    assert atomic.read_json(tmp_path / "deep" / "a.json") == {"é": [1, None]}
    assert names(tmp_path / "deep") == ["a.json"]
