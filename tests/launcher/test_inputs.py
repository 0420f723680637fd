import datetime

import pytest

from launcher import inputs
from ner_tasks.errors import InputMissing
from ner_tasks.store.folder import FolderStore

DAY = "2026-11-22"
MONDAY, TUESDAY = datetime.date(2026, 11, 23), datetime.date(2026, 11, 24)


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def inbox(tmp_path):
    """A folder of two documents and what a file manager leaves behind."""
    folder = tmp_path / "inbox"
    (folder / "letters").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "letters" / "b.txt").write_text("b")
    (folder / ".DS_Store").write_text("x")
    return folder


def names(store):
    return [file.name for file in store.files(f"inbox/{DAY}")]


def test_the_same_file_is_one_batch_on_whatever_day_and_under_whatever_name(store, tmp_path):
    (tmp_path / "ner data.csv").write_text("x")
    (tmp_path / "copy.csv").write_text("x")
    batch = inputs.put_dataset(store, tmp_path / "ner data.csv", MONDAY)
    assert inputs.put_dataset(store, tmp_path / "copy.csv", TUESDAY) == batch
    assert [file.name for file in store.files(f"labelled/{batch}")] == ["ner_data.csv"]


def test_a_later_file_is_a_later_batch(store, tmp_path):
    for day, text in ((MONDAY, "old"), (TUESDAY, "new")):
        (tmp_path / "ner.csv").write_text(text)
        batch = inputs.put_dataset(store, tmp_path / "ner.csv", day)
    assert store.folders("labelled")[-1] == batch


def test_documents_keep_their_names_and_hidden_files_stay_away(store, inbox):
    assert inputs.put_inbox(store, inbox, DAY) == 2
    assert names(store) == ["a.txt", "letters/b.txt"]


def test_documents_that_are_there_already_are_not_written_again(store, inbox):
    inputs.put_inbox(store, inbox, DAY)
    before = [file.etag for file in store.files(f"inbox/{DAY}")]
    (inbox / "letters" / "b.txt").write_text("changed")
    inputs.put_inbox(store, inbox, DAY)
    assert [old == file.etag for old, file in zip(before, store.files(f"inbox/{DAY}"), strict=True)] == [True, False]


def test_another_folder_takes_the_place_of_the_one_put_before(store, inbox, tmp_path):
    inputs.put_inbox(store, inbox, DAY)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.txt").write_text("c")
    inputs.put_inbox(store, tmp_path / "other", DAY)
    assert names(store) == ["c.txt"]


def test_what_came_in_some_other_way_or_was_changed_stays(store, inbox, tmp_path):
    inputs.put_inbox(store, inbox, DAY)
    (store.path_of(f"inbox/{DAY}") / "upload.txt").write_text("from a client")
    (store.path_of(f"inbox/{DAY}") / "a.txt").write_text("corrected by hand")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.txt").write_text("c")
    inputs.put_inbox(store, tmp_path / "other", DAY)
    assert names(store) == ["a.txt", "c.txt", "upload.txt"]


@pytest.mark.parametrize("what", ["dataset", "inbox", "empty inbox"])
def test_what_is_not_there_is_one_clear_line(store, tmp_path, what):
    (tmp_path / "empty").mkdir()
    act = {
        "dataset": lambda: inputs.put_dataset(store, tmp_path / "no.csv", MONDAY),
        "inbox": lambda: inputs.put_inbox(store, tmp_path / "no", DAY),
        "empty inbox": lambda: inputs.put_inbox(store, tmp_path / "empty", DAY),
    }[what]
    with pytest.raises(InputMissing, match="expected"):
        act()
