import errno
import os

import pytest

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing, StorageFull
from ner_tasks.store.folder import FolderStore


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def folder(tmp_path):
    """Something to publish."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "a.txt").write_text("a")
    (made / "b.txt").write_text("b")
    return made


@pytest.mark.parametrize(
    "key",
    ["../secrets", "models/../../x", "/etc/passwd", "", "models/.hidden", "a\\..\\b", "a\0b", "./a/../.."],
)
def test_a_key_never_leads_out_of_the_store_or_to_a_hidden_name(store, key):
    with pytest.raises(ConfigInvalid, match="expected names joined by '/'"):
        store.path_of(key)


def test_a_published_folder_replaces_the_one_before_as_a_whole(store, folder):
    store.publish(folder, "tagged/2026-01-01")
    (folder / "b.txt").unlink()
    (folder / "a.txt").write_text("new")
    store.publish(folder, "tagged/2026-01-01")
    assert [(file.name, store.path_of(file.key).read_text()) for file in store.files("tagged/2026-01-01")] == [
        ("a.txt", "new")
    ]


def test_a_publication_that_breaks_off_leaves_what_was_there(store, folder, monkeypatch):
    store.publish(folder, "tagged/day")
    (folder / "a.txt").write_text("new")

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(StorageFull, match="MiB free, expected room for day"):
        store.publish(folder, "tagged/day")
    assert store.path_of("tagged/day/a.txt").read_text() == "a"
    assert [path.name for path in store.path_of("tagged").iterdir()] == ["day"]


def test_half_done_and_hidden_things_are_not_listed(store, folder):
    store.publish(folder, "inbox/day")
    for name in (".c.part", ".DS_Store"):
        (store.path_of("inbox/day") / name).write_text("x")
    (store.path_of("inbox") / ".day2.part").mkdir()
    assert [file.name for file in store.files("inbox/day")] == ["a.txt", "b.txt"]
    assert store.folders("inbox") == ["day"]


def test_files_are_listed_by_name_at_any_depth_with_their_size(store, folder):
    (folder / "letters").mkdir()
    (folder / "letters" / "c.txt").write_text("ccc")
    store.publish(folder, "inbox/day")
    found = list(store.files("inbox/day"))
    assert [(file.key, file.n_bytes) for file in found][-1] == ("inbox/day/letters/c.txt", 3)


def test_what_is_not_there_is_empty_to_list_and_missing_to_read(store, folder):
    assert list(store.files("inbox/never")) == []
    assert store.folders("models") == []
    with pytest.raises(InputMissing, match="expected a JSON file"):
        store.read_json("models/promoted.json")
    with pytest.raises(InputMissing, match="expected one to publish"):
        store.publish(folder / "nothing", "models/v")
    with pytest.raises(InputMissing, match="expected one to store"):
        store.put_file(folder / "nothing", "inbox/day/x")


def test_a_file_that_is_not_json_says_where_it_lies(store, folder):
    store.publish(folder, "reports")
    with pytest.raises(ArtifactBroken, match=r"reports/a\.txt"):
        store.read_json("reports/a.txt")
