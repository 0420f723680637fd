"""What every store promises, in a folder and on S3 over HTTP."""

import errno
import json
import os
import subprocess
import tracemalloc

import pytest

from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing, StorageFull
from ner_tasks.store import open_store
from ner_tasks.store.folder import FolderStore


@pytest.fixture(params=["folder", "s3"])
def where(request, tmp_path):
    """Where a store may lie."""
    if request.param == "folder":
        return str(tmp_path / "store")
    return f"s3://{request.getfixturevalue('s3').bucket}/some/prefix"


@pytest.fixture
def store(where, tmp_path):
    return open_store(where, cache=tmp_path / "cache")


@pytest.fixture
def folder_store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def folder(tmp_path):
    """Something to publish."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "a.txt").write_text("a")
    (made / "b.txt").write_text("b")
    return made


def content(store, key):
    """Names and texts of all files below a key."""
    path = store.fetch(key)
    return {file.name: (path / file.name).read_text() for file in store.files(key)}


@pytest.mark.parametrize(
    "key",
    ["../secrets", "models/../../x", "/etc/passwd", "", "models/.hidden", "a\\..\\b", "a\0b", "./a/../.."],
)
def test_a_key_never_leads_out_of_the_store_or_to_a_hidden_name(store, key):
    for use in (
        store.fetch,
        store.exists,
        lambda key: list(store.files(key)),
        lambda key: store.write_json(key, {}),
        lambda key: store.exclusive(key).__enter__(),
    ):
        with pytest.raises(ConfigInvalid, match="expected names joined by '/'"):
            use(key)


def test_a_published_folder_replaces_the_one_before_as_a_whole(store, folder):
    store.publish(folder, "tagged/2026-01-01", marker="a.txt")
    (folder / "b.txt").unlink()
    (folder / "a.txt").write_text("new")
    store.publish(folder, "tagged/2026-01-01", marker="a.txt")
    assert content(store, "tagged/2026-01-01") == {"a.txt": "new"}


def test_a_folder_that_is_published_once_is_left_as_it_is(store, folder):
    (folder / "part.json").write_text("1")
    store.publish(folder, "parts/a", marker="part.json", once=True)
    before = store.etag("parts/a/part.json")
    (folder / "part.json").write_text("22")
    store.publish(folder, "parts/a", marker="part.json", once=True)
    assert store.etag("parts/a/part.json") == before


def test_a_file_is_removed_alone_and_may_be_gone_already(store, folder):
    store.publish(folder, "day")
    first, *others = (file.name for file in store.files("day"))
    store.remove_file(f"day/{first}")
    store.remove_file(f"day/{first}")
    assert [file.name for file in store.files("day")] == others


def test_what_is_published_beside_it_is_left_alone(store, folder):
    for key in ("tagged/day-1", "tagged/day", "tagged/day/letters"):
        store.publish(folder, key)
    (folder / "b.txt").unlink()
    store.publish(folder, "tagged/day")
    assert [file.key for file in store.files("tagged/day-1")] == ["tagged/day-1/a.txt", "tagged/day-1/b.txt"]
    store.remove("tagged/day")
    assert store.folders("tagged") == ["day-1"]


def test_a_folder_without_its_marker_is_not_published(store, folder):
    with pytest.raises(InputMissing, match=r"found no manifest\.json"):
        store.publish(folder, "tagged/day", marker="manifest.json")
    assert not store.exists("tagged/day")


@pytest.mark.runbook("withdrawing-a-day", "it failed half-way")
def test_a_publication_that_breaks_off_leaves_what_was_there(folder_store, folder, monkeypatch):
    folder_store.publish(folder, "tagged/day")
    (folder / "a.txt").write_text("new")

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copy2", full)
    with pytest.raises(StorageFull, match=r"MiB free, expected room for [ab]\.txt"):
        folder_store.publish(folder, "tagged/day")
    assert folder_store.path_of("tagged/day/a.txt").read_text() == "a"
    assert [path.name for path in folder_store.path_of("tagged").iterdir()] == ["day"]


@pytest.mark.runbook("maintenance", "folders with hidden names (.*.part, .*.old, .*.removed) in")
def test_half_done_and_hidden_things_in_a_folder_are_not_listed(folder_store, folder):
    folder_store.publish(folder, "inbox/day")
    for name in (".c.part", ".DS_Store"):
        (folder_store.path_of("inbox/day") / name).write_text("x")
    (folder_store.path_of("inbox") / ".day2.part").mkdir()
    assert [file.name for file in folder_store.files("inbox/day")] == ["a.txt", "b.txt"]
    assert folder_store.folders("inbox") == ["day"]


def test_files_are_listed_in_the_same_order_wherever_they_lie(store, folder):
    names = ["a.txt", "a/z.txt", "a/b/c.txt", "a-b.txt", "a0", "B.txt", "é.txt", "😀.txt", "\uffee.txt"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    store.publish(folder, "inbox/day")
    found = list(store.files("inbox/day"))
    assert [file.name for file in found] == sorted({*names, "b.txt"})
    assert {file.name: file.n_bytes for file in found}["é.txt"] == len("é.txt".encode())
    assert all(file.key == f"inbox/day/{file.name}" for file in found)


def test_a_folder_of_more_names_than_are_held_is_listed_in_order_and_once(folder_store, monkeypatch):
    names = ["b\nfeed.txt", "ü.txt", *(f"{number:02d}.txt" for number in range(20)), "sub/1", "sub/2", "sub/3"]
    for name in names:
        path = folder_store.root / "inbox/day" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    whole = list(folder_store.files("inbox/day"))
    monkeypatch.setattr("ner_tasks.store.listing._NAMES_HELD", 2)
    assert list(folder_store.files("inbox/day")) == whole
    assert [file.name for file in whole] == sorted(names)


def test_a_large_folder_is_listed_without_being_held(folder_store, monkeypatch):
    top = folder_store.root / "inbox/day"
    top.mkdir(parents=True)
    for number in range(20_000):
        (top / f"{number:0100d}").touch()
    monkeypatch.setattr("ner_tasks.store.listing._NAMES_HELD", 1000)
    tracemalloc.start()
    n_files = sum(1 for _ in folder_store.files("inbox/day"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (n_files, peak < 2**20) == (20_000, True)


def test_no_room_for_the_names_of_a_large_folder_is_said(folder_store, monkeypatch):
    (folder_store.root / "inbox/day").mkdir(parents=True)
    for number in range(4):
        (folder_store.root / "inbox/day" / f"{number}").touch()
    monkeypatch.setattr("ner_tasks.store.listing._NAMES_HELD", 2)

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(StorageFull, match="the names of a folder"):
        list(folder_store.files("inbox/day"))


def test_the_etag_of_a_file_changes_with_its_content(store, folder):
    store.put_file(folder / "a.txt", "inbox/day/x")
    before = [file.etag for file in store.files("inbox/day")]
    assert before == [store.etag("inbox/day/x")] == [file.etag for file in store.files("inbox/day")]
    store.put_file(folder / "b.txt", "inbox/day/x")
    assert store.etag("inbox/day/x") not in before
    assert store.etag("inbox/day/y") is None
    assert store.etag("inbox/day") is None


def test_there_is_a_file_or_something_below_it_or_nothing(store, folder):
    store.put_file(folder / "a.txt", "models/v1/int8/graph.pb")
    store.put_file(folder / "a.txt", "models/v1-b")
    assert [store.exists(key) for key in ("models/v1", "models/v1/int8/graph.pb", "models/v", "models/v1/x")] == [
        True,
        True,
        False,
        False,
    ]


def test_what_is_not_there_is_empty_to_list_and_missing_to_read(store, folder):
    assert list(store.files("inbox/never")) == []
    assert store.folders("models") == []
    assert store.read_lines("models/history.jsonl") == []
    store.remove("tagged/never")
    with pytest.raises(InputMissing, match="expected a JSON file"):
        store.read_json("models/promoted.json")
    with pytest.raises(InputMissing, match="expected a file or a folder"):
        store.fetch("models/v")
    with pytest.raises(InputMissing, match="expected one to publish"):
        store.publish(folder / "nothing", "models/v")
    with pytest.raises(InputMissing, match="expected one to store"):
        store.put_file(folder / "nothing", "inbox/day/x")


def test_a_file_that_is_not_json_says_where_it_lies(store, folder):
    store.publish(folder, "reports")
    with pytest.raises(ArtifactBroken, match=r"reports/a\.txt"):
        store.read_json("reports/a.txt")


def test_what_is_fetched_has_its_name_and_its_content(store, folder):
    store.publish(folder, "models/v1/int8")
    path = store.fetch("models/v1/int8")
    assert path.parts[-3:] == ("models", "v1", "int8")
    assert (path / "b.txt").read_text() == "b"
    assert store.fetch("models/v1/int8/b.txt").read_text() == "b"


def test_many_files_are_fetched_in_the_order_they_are_asked_for(store, folder, tmp_path):
    for name in ("a.txt", "b.txt"):
        store.put_file(folder / name, f"inbox/day/{name}")
    keys = ["inbox/day/b.txt", "inbox/day/gone.txt", "inbox/day/a.txt"]
    for _ in range(2):
        b, gone, a = store.fetch_files(keys, tmp_path / "scratch" / "documents")
        assert (b.path.read_text(), gone, a.path.read_text()) == ("b", None, "a")


def test_only_one_of_two_who_saw_the_same_may_swap_it(store):
    store.swap_json("models/promoted.json", {"version": "v1"}, etag=None)
    with pytest.raises(Busy, match=r"changed by another process.*models/promoted\.json"):
        store.swap_json("models/promoted.json", {"version": "v2"}, etag=None)
    seen = store.etag("models/promoted.json")
    store.swap_json("models/promoted.json", {"version": "v2"}, etag=seen)
    with pytest.raises(Busy):
        store.swap_json("models/promoted.json", {"version": "v3"}, etag=seen)
    assert store.read_json("models/promoted.json") == {"version": "v2"}


def test_what_was_removed_cannot_be_swapped(store):
    store.write_json("models/promoted.json", {})
    seen = store.etag("models/promoted.json")
    store.remove("models")
    with pytest.raises(Busy):
        store.swap_json("models/promoted.json", {"version": "v1"}, etag=seen)
    assert not store.exists("models/promoted.json")


def test_a_line_is_added_once_whatever_it_is_made_of(store):
    for line in ("first", "zwei\u2028Zeilen?", "first"):
        store.append_line("models/history.jsonl", line)
    assert store.read_lines("models/history.jsonl") == ["first", "zwei\u2028Zeilen?"]


def test_a_lock_is_held_by_one_at_a_time(where, store, tmp_path):
    other = open_store(where, cache=tmp_path / "cache")
    with store.exclusive("tagged/day"):
        with pytest.raises(Busy, match="tagged/day"), other.exclusive("tagged/day"):
            pass
        with other.exclusive("tagged/day-2"):
            pass
    with other.exclusive("tagged/day"):
        pass
    assert store.folders("tagged") == []


def test_a_lock_is_let_go_when_the_work_fails(store):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), store.exclusive("tagged/day"):
            raise ZeroDivisionError


@pytest.mark.parametrize("where", ["gs://bucket/ner", "s3://", "s3:///ner", ""])
def test_a_store_that_cannot_be_is_one_clear_line(where, tmp_path):
    with pytest.raises(ConfigInvalid, match="^found .*expected"):
        open_store(where, cache=tmp_path)


HOSTILE = [
    b"a\nb.txt",
    b"back\\slash.txt",
    b"\xff\xfe.txt",
    b"\\xff.txt",
    b"%2e%2e",
    b"a b\tc\x01.txt",
    "ü\u202etxt.exe".encode(),
    b"n" * 255,
]


def test_a_document_in_a_folder_is_listed_and_read_whatever_its_name(folder_store, tmp_path):
    home = tmp_path / "store" / "inbox" / "day" / "b\\c"
    home.mkdir(parents=True)
    for name in HOSTILE:
        (home / os.fsdecode(name)).write_bytes(name)
    found = list(folder_store.files("inbox/day"))
    files = folder_store.fetch_files([file.key for file in found], tmp_path / "scratch")
    assert sorted(file.path.read_bytes() for file in files) == sorted(HOSTILE)
    # text that goes into UTF-8 files, and no two alike
    assert len({file.key.encode() for file in found}) == len(HOSTILE)
    assert json.loads(json.dumps([file.name for file in files])) == [file.name for file in files]


@pytest.mark.parametrize("key", ["../x", "inbox/../../x", "inbox/.hidden", "/etc/passwd", "inbox/\\x2e\\x2e/x", ""])
def test_a_key_that_was_not_listed_is_not_read(folder_store, tmp_path, key):
    with pytest.raises(ConfigInvalid, match="expected a listed one"):
        folder_store.fetch_files([key], tmp_path / "scratch")


def test_a_very_deep_folder_is_listed(folder_store):
    deepest = home = folder_store.path_of("inbox/day")
    home.mkdir(parents=True)
    for _ in range(1200):
        deepest = deepest / "d"
        deepest.mkdir()
    (deepest / "a.txt").write_text("a")
    try:
        assert [file.name.count("/") for file in folder_store.files("inbox/day")] == [1200]
    finally:  # too deep for what removes a test's folder
        subprocess.run(["rm", "-r", home], check=True)


@pytest.mark.slow
def test_a_hundred_thousand_files_are_listed_with_no_more_than_their_names_in_memory(folder_store):
    n_files, home = 100_000, folder_store.path_of("inbox/day")
    home.mkdir(parents=True)
    (home / "0").touch()
    for index in range(1, n_files):  # in several folders, as a file has a limited number of links
        target = home / f"{index % 10}-letters" / f"document-{index:06d}.txt"
        if index <= 10:
            target.parent.mkdir()
        os.link(home / "0", target) if index % 2 else target.touch()
    tracemalloc.start()
    n_found = sum(1 for _ in folder_store.files("inbox/day"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_found == n_files
    assert peak < 8 * 2**20


def test_what_is_no_file_is_not_copied_and_no_link_is_followed(folder_store, folder, tmp_path):
    folder_store.publish(folder, "tagged/day")
    (tmp_path / "secret").write_text("x")
    for name, make in {
        "link": lambda path: path.symlink_to(tmp_path / "secret"),
        "linked-folder": lambda path: path.symlink_to(tmp_path),
        "pipe": os.mkfifo,
    }.items():
        make(folder / name)
        with pytest.raises(ArtifactBroken, match=rf"found a (link|pipe), expected a file or a folder, at .*{name}"):
            folder_store.publish(folder, "tagged/day")
        (folder / name).unlink()
    assert sorted(path.name for path in folder_store.path_of("tagged").rglob("*")) == ["a.txt", "b.txt", "day"]


def test_a_byte_that_is_no_text_spoils_its_own_line_only_and_stays(folder_store):
    path = folder_store.path_of("models/history.jsonl")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"one\n\xfftwo\n")
    folder_store.append_line("models/history.jsonl", "three")
    assert path.read_bytes() == b"one\n\xfftwo\nthree\n"
    assert folder_store.read_lines("models/history.jsonl")[::2] == ["one", "three"]


def test_bytes_behind_the_end_are_none_wherever_an_index_says_they_lie(folder_store, folder):
    folder_store.publish(folder, "tagged/day")
    assert folder_store.read_bytes("tagged/day/a.txt", 2**62, 5) == b""
    assert folder_store.read_bytes("tagged/day/a.txt", 0, 2**62) == b"a"


def test_a_read_begins_again_if_only_the_marker_was_replaced(store, folder):
    """As when a day's manifest is swapped for one that names other parts: the folder stays the same."""
    store.publish(folder, "tagged/2026-01-01", marker="a.txt")
    seen = []

    def read():
        seen.append(store.fetch("tagged/2026-01-01/a.txt").read_bytes())
        if len(seen) == 1:
            store.swap_json("tagged/2026-01-01/a.txt", {}, etag=store.etag("tagged/2026-01-01/a.txt"))
            raise InputMissing("found nothing, expected a part that the manifest names")
        return seen[-1]

    assert store.read_whole("tagged/2026-01-01", read, marker="a.txt") == seen[-1] != b"a"
    assert len(seen) == 2
    with pytest.raises(InputMissing):
        store.read_whole("tagged/2026-01-01", lambda: store.fetch("tagged/none"), marker="a.txt")
