"""What lies in an inbox and is no file: it is listed and named, never opened, and stops nothing beside it."""

import os
import socket
import subprocess
import sys
import textwrap
from contextlib import suppress

import pytest

from ner_tasks.documents import Document, Limits, Rejected, read_documents
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.contained import ContainedFile, NotAFile, list_names
from ner_tasks.store.folder import FolderStore

SECRET = "Rosa's secret"
N_SWAPS = 1_000


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "outside" / "secret.txt"
    path.parent.mkdir()
    path.write_text(SECRET)
    return path


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store" / "inbox" / "day").mkdir(parents=True)
    return FolderStore(tmp_path / "store")


@pytest.fixture
def home(store, secret):
    """A day with a good file, and one of each thing that is none."""
    home = store.root / "inbox" / "day"
    (home / "good.txt").write_text("Rosa left.")
    (home / "folder").mkdir()
    (home / "folder" / "good.txt").write_text("Ann left.")
    (home / "link.txt").symlink_to(secret)
    (home / "folder-link").symlink_to(secret.parent)
    (home / "loop.txt").symlink_to(home / "loop.txt")
    (home / "nothing.txt").symlink_to(home / "gone")
    (home / "up.txt").symlink_to("good.txt")
    os.mkfifo(home / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        place = os.open(home, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{place}/socket.txt")  # a path of any length
        os.close(place)
    with suppress(PermissionError):  # only root may
        os.mknod(home / "device.txt", 0o20666, os.makedev(1, 5))
    return home


def answered(store, read):
    listed = list(store.files("inbox/day"))
    files = store.fetch_files([file.key for file in listed], store.root)
    return {file.name: found for file, source in zip(listed, files, strict=True) for found in read(source, file.name)}


def apart(source, name):
    return [answer for _, answer in read_in_sandbox([(name, source)], Limits(seconds=5.0), 1) if answer]


@pytest.mark.parametrize("read", [read_documents, apart], ids=["here", "apart"])
def test_each_odd_entry_is_rejected_by_its_name_and_the_files_beside_it_are_read(store, home, read):
    found = answered(store, read)
    texts = {name: answer.text for name, answer in found.items() if isinstance(answer, Document)}
    assert texts == {"good.txt": "Rosa left.", "folder/good.txt": "Ann left."}
    told = {name: (answer.reason, answer.message) for name, answer in found.items() if isinstance(answer, Rejected)}
    a_link = ("not-a-file", "found a link, expected a file")
    links = ("link.txt", "folder-link", "loop.txt", "nothing.txt", "up.txt")
    assert {name: told.pop(name) for name in links} == dict.fromkeys(links, a_link)
    assert told.pop("pipe.txt") == ("not-a-file", "found a pipe, expected a file")
    assert told.pop("socket.txt") == ("not-a-file", "found a socket, expected a file")
    assert set(told) <= {"device.txt"}


def test_a_folder_that_is_named_holds_the_same(home):
    names = sorted(list_names(home))
    assert set(names) >= {"good.txt", "folder/good.txt", "link.txt", "folder-link", "pipe.txt"}
    reasons = {name: next(read_documents(ContainedFile(home, name), name)) for name in names}
    assert sum(isinstance(answer, Document) for answer in reasons.values()) == 2


@pytest.mark.parametrize("linked", ["inbox/day", "inbox"])
def test_a_day_that_is_a_link_is_refused_in_one_line(store, secret, linked):
    place = store.root / linked
    place.rename(place.with_name("aside"))
    (secret.parent / "day").mkdir(exist_ok=True)
    place.symlink_to(secret.parent)
    with pytest.raises(ConfigInvalid, match=rf"^found a link, expected none within the store, at .*/{linked}$"):
        list(store.files("inbox/day"))
    if linked == "inbox/day":
        assert store.folders("inbox") == ["aside"]
    for ask in (store.exists, store.etag, store.fetch, store.read_json, store.read_lines):
        with pytest.raises(ConfigInvalid, match="found a link"):
            ask(f"{linked}/secret.txt")


def test_the_store_itself_may_be_a_link(store, home, tmp_path):
    (tmp_path / "linked").symlink_to(store.root)
    linked = FolderStore(tmp_path / "linked")
    assert [file.name for file in linked.files("inbox/day")] == [file.name for file in store.files("inbox/day")]
    (good,) = linked.fetch_files(["inbox/day/good.txt"], tmp_path)
    with good.open() as file:
        assert file.read() == b"Rosa left."


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_what_another_user_keeps_to_himself_is_named(store, home):
    (home / "private").mkdir(mode=0o700)
    (home / "private" / "a.txt").write_text("Rosa")
    (home / "private.txt").write_text("Rosa")
    (home / "private.txt").chmod(0o600)
    program = """
        import os, sys
        from pathlib import Path
        from ner_tasks.documents import read_documents
        from ner_tasks.store.folder import FolderStore
        store = FolderStore(Path(sys.argv[1]))
        list(read_documents(store.root / "inbox/day/good.txt", "a.txt"))  # loads what only this user may read
        os.setgid(65534), os.setuid(65534)
        for file in store.files("inbox/day"):
            (source,) = store.fetch_files([file.key], store.root)
            for answer in read_documents(source, file.name):
                print(file.name, getattr(answer, "reason", "read"))
    """
    for folder in (store.root, *store.root.parents):
        if not os.access(folder, os.X_OK) or folder.stat().st_mode & 0o5 != 0o5:
            folder.chmod(folder.stat().st_mode | 0o5)
        if folder.name.startswith("pytest-of"):
            break
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(store.root)], capture_output=True, text=True, check=True
    )
    told = dict(line.split() for line in ran.stdout.splitlines())
    assert (told["private"], told["private.txt"], told["good.txt"]) == ("not-readable", "not-readable", "read")


def test_a_file_that_is_swapped_for_a_link_is_never_followed(store, secret):
    """Another process swaps file and link, and folder and link, as fast as it can."""
    home = store.root / "inbox" / "day"
    (home / "folder").mkdir()
    for name in ("a.txt", "folder/secret.txt"):
        (home / name).write_text("Rosa left.")
    program = f"""
        import os, sys
        os.chdir({str(home)!r})
        os.symlink({str(secret)!r}, "link")
        os.symlink({str(secret.parent)!r}, "folder-link")
        print("ready", flush=True)
        while True:
            for one, other in (("a.txt", "link"), ("folder", "folder-link")):
                os.rename(one, "aside"), os.rename(other, one), os.rename("aside", other)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE) as swapper:
        try:
            assert swapper.stdout.readline() == b"ready\n"
            outcomes = set()
            for _ in range(N_SWAPS):
                for name in ("a.txt", "folder/secret.txt"):
                    source = ContainedFile(store.root, f"inbox/day/{name}")
                    answers = read_documents(source, name)
                    outcomes |= {answer.text if isinstance(answer, Document) else answer.reason for answer in answers}
                list(store.files("inbox/day"))
        finally:
            swapper.kill()
    assert SECRET not in outcomes
    assert outcomes >= {"Rosa left.", "not-a-file"}  # both were met


@pytest.mark.parametrize(
    "name", ["../outside/secret.txt", "inbox/../../outside/secret.txt", "", "/etc/passwd", "inbox//x"]
)
def test_a_path_that_leads_out_is_no_file(store, secret, name):
    with pytest.raises((NotAFile, OSError)):
        ContainedFile(store.root, name).open()
