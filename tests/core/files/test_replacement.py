"""A folder is replaced as a whole, whatever kills the process, and whether or not the system exchanges two paths."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from ner_tasks.errors import InputMissing
from ner_tasks.files import atomic, replacement
from ner_tasks.registry.registry import Registry
from ner_tasks.registry.retention import RetentionPolicy, prune, survey_store
from ner_tasks.store.folder import FolderStore
from tests.chaos.kill_replacing import kill_replacing
from tests.no_exchange import can_refuse

ID = "0123456789abcdef" * 2
needs_filter = pytest.mark.skipif(not can_refuse(), reason="refuses a system call of Linux on x86_64 or aarch64")


def made(folder, text):
    folder.mkdir(parents=True)
    (folder / "file").write_text(text)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("without", [False, pytest.param(True, marks=needs_filter)])
def test_a_reader_beside_killed_writers_sees_one_whole_day_at_any_time_and_nothing_stays_behind(tmp_path, without):
    seen = kill_replacing(tmp_path, n_kills=60, seed=1, without=without)
    assert seen.problems == {}
    assert (seen.n_absent_after_kill, seen.n_left) == (0, 0)
    assert seen.n_left_by_kills > 0 and seen.n_reads > 100


@pytest.mark.skipif(sys.platform != "linux", reason="exchanges as Linux does")
def test_two_folders_are_exchanged_in_one_step(tmp_path):
    one, other = made(tmp_path / "one", "1"), made(tmp_path / "other", "2")
    if not replacement.exchange_paths(one, other):
        pytest.skip("this file system does not exchange")
    assert (one / "file").read_text() == "2" and (other / "file").read_text() == "1"


def test_what_is_not_there_cannot_be_exchanged(tmp_path):
    with pytest.raises(FileNotFoundError):
        replacement.exchange_paths(made(tmp_path / "one", "1"), tmp_path / "none")


@needs_filter
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EPERM])
def test_a_folder_is_replaced_where_the_kernel_does_not_exchange(tmp_path, code):
    made(tmp_path / "day", "old")
    script = (
        "import sys; from pathlib import Path; from ner_tasks.files import atomic; from tests.no_exchange import refuse_exchange\n"
        "refuse_exchange(int(sys.argv[2]))\n"
        "with atomic.staged_folder(Path(sys.argv[1])) as stage: (stage / 'file').write_text('new')\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "day"), str(code)], check=True)
    assert (tmp_path / "day" / "file").read_text() == "new"
    assert names(tmp_path) == ["day"]


def test_a_reader_completes_a_replacement_that_ended_between_its_two_renames(tmp_path):
    store = FolderStore(tmp_path)
    made(tmp_path / "tagged" / f".day.{ID}.old", "old")
    made(tmp_path / "tagged" / f".day.{ID}.part", "new")
    assert store.read_bytes("tagged/day/file", 0, 9) == b"new"
    assert names(tmp_path / "tagged") == [f".day.{ID}.old", "day"]


LOOKS = {
    "exists": lambda store: store.exists("tagged/day/file"),
    "etag": lambda store: store.etag("tagged/day/file") is not None,
    "folders": lambda store: store.folders("tagged/day") == ["deep"],
    "files": lambda store: [file.name for file in store.files("tagged/day")] == ["deep/file", "file"],
    "files below": lambda store: [file.name for file in store.files("tagged/day/deep")] == ["file"],
    "fetch": lambda store: (store.fetch("tagged/day/deep") / "file").read_text() == "new",
    "read_lines": lambda store: store.read_lines("tagged/day/file") == ["7"],
    "read_json": lambda store: store.read_json("tagged/day/file") == 7,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_whatever_a_reader_asks_for_is_completed_first(tmp_path, look):
    made(tmp_path / "tagged" / f".day.{ID}.old", "old")
    made(tmp_path / "tagged" / f".day.{ID}.part", "7")
    made(tmp_path / "tagged" / f".day.{ID}.part" / "deep", "new")
    assert look(FolderStore(tmp_path))


def test_a_writer_and_the_clearing_complete_it_as_well(tmp_path):
    for day in ("written", "cleared"):
        made(tmp_path / "tagged" / f".{day}.{ID}.old", "old")
        made(tmp_path / "tagged" / f".{day}.{ID}.part", "new")
    with pytest.raises(ValueError), atomic.staged_folder(tmp_path / "tagged" / "written"):  # noqa: PT011
        raise ValueError
    assert (tmp_path / "tagged" / "written" / "file").read_text() == "new"
    prune(Registry(FolderStore(tmp_path)), RetentionPolicy(), time.time() + 2 * 86400)
    assert (tmp_path / "tagged" / "cleared" / "file").read_text() == "new"
    assert names(tmp_path / "tagged") == ["cleared", "written"]


def test_a_day_that_was_removed_does_not_come_back_from_what_a_kill_left(tmp_path):
    store = FolderStore(tmp_path)
    made(tmp_path / "tagged" / f".day.{ID}.old", "old")  # replaced, and not yet cleared
    assert not store.exists("tagged/day/file")
    assert names(tmp_path / "tagged") == [f".day.{ID}.old"]


def test_a_day_that_was_removed_does_not_come_back_from_a_replacement_that_was_cut_off(tmp_path):
    """Of two writers, one was killed between its renames, and the other has put its own night in place."""
    store = FolderStore(tmp_path)
    made(tmp_path / "tagged" / "day", "the other's")
    made(tmp_path / "tagged" / f".day.{ID}.old", "old")
    made(tmp_path / "tagged" / f".day.{ID}.part", "new")
    made(tmp_path / "tagged" / f".other.{ID}.old", "of another day")
    store.remove("tagged/day")
    assert not store.exists("tagged/day/file")
    assert names(tmp_path / "tagged") == [f".day.{ID}.part", f".other.{ID}.old"]
    prune(Registry(store), RetentionPolicy(), time.time() + 2 * 86400)
    assert names(tmp_path / "tagged") == []


@pytest.mark.runbook("maintenance", "folders with hidden names (.*.part, .*.old, .*.removed) in")
def test_what_kills_left_goes_after_a_day_and_nothing_else_that_is_hidden(tmp_path):
    store, registry = FolderStore(tmp_path), Registry(FolderStore(tmp_path))
    left = [f"tagged/.2026-01-01.{ID}.part", f"rejected/.{ID}.old", f"reports/deep/.x.{ID}.removed"]
    kept = ["tagged/.DS_Store", "tagged/.work", f"inbox/2026-01-01/.a.{ID}.part", "tagged/2026-01-01"]
    for key in (*left, *kept):
        made(tmp_path / key, "text")
    assert {item.key for item in survey_store(registry, RetentionPolicy(), time.time()) if not item.reason} == set()
    _, gone = prune(registry, RetentionPolicy(), time.time() + 1.1 * 86400)
    assert {item.key: item.n_bytes for item in gone} == dict.fromkeys(left, 4)
    assert all((tmp_path / key).exists() for key in kept)
    assert not any((tmp_path / key).exists() for key in left)
    assert list(store.half_done()) == []


def test_a_folder_that_is_replaced_while_it_is_read_is_read_again(tmp_path):
    made(tmp_path / "day", "old")
    seen = []

    def read():
        seen.append((tmp_path / "day" / "file").read_text())
        if len(seen) == 1:
            with atomic.staged_folder(tmp_path / "day") as stage:
                (stage / "file").write_text("new")
        return seen[-1]

    assert atomic.read_whole(tmp_path / "day", read) == "new"
    assert seen == ["old", "new"]
    with pytest.raises(InputMissing, match="expected a folder"):
        atomic.read_whole(tmp_path / "none", read)


def test_a_day_that_is_copied_while_it_is_replaced_is_copied_whole(tmp_path):
    """As when it is withdrawn: the copy holds the files of one night, and none of the night before."""
    store = FolderStore(tmp_path / "store")
    script = (
        "import random, sys, time; from pathlib import Path; from ner_tasks.store.folder import FolderStore\n"
        "store, nights = FolderStore(Path(sys.argv[1])), [Path(name) for name in sys.argv[2:]]\n"
        "print('begun', flush=True)\n"
        "while True:\n"
        "    for night in nights:\n"
        "        store.publish(night, 'tagged/day')\n"
        "        time.sleep(random.uniform(0, 0.05))\n"  # without any pause, a reader on a busy machine may wait forever
    )
    for night in ("first", "second"):
        for index in range(30):
            (made(tmp_path / night / f"{index}-{night}", night) / "file").touch()
    store.publish(tmp_path / "first", "tagged/day")
    command = [sys.executable, "-c", script, str(tmp_path / "store"), str(tmp_path / "first"), str(tmp_path / "second")]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout and writer.stdout.readline() == "begun\n"
        for _ in range(30):
            store.publish(store.fetch("tagged/day"), "withdrawn/day")
            copied = names(tmp_path / "store" / "withdrawn" / "day")
            assert len(copied) == 30 and len({name.partition("-")[2] for name in copied}) == 1
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
