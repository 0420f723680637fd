import pytest

from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files.contained import ContainedFile
from ner_tasks.tagging import inputs


@pytest.fixture
def inbox(tmp_path):
    for name in ("b.txt", "a.txt", "more/c.txt"):
        path = tmp_path / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "inbox"


def test_a_written_list_is_read_again(tmp_path, inbox):
    listing, file = tmp_path / "inputs.jsonl", ContainedFile(inbox, "a.txt")
    inputs.write_inputs(listing, ["a.txt", "was.txt"], [file, None])
    assert inputs.read_inputs(listing) == [("a.txt", file), ("was.txt", tmp_path / "gone")]


@pytest.mark.parametrize("line", ["{", "[]", '{"name": "a"}'])
def test_a_list_of_another_form_is_refused(tmp_path, line):
    (tmp_path / "inputs.jsonl").write_text(line)
    with pytest.raises(ConfigInvalid, match=r'expected {"name", "path"}.*on each line, in .*inputs.jsonl'):
        inputs.read_inputs(tmp_path / "inputs.jsonl")


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(InputMissing, match="expected a list of documents"):
        inputs.read_inputs(tmp_path / "inputs.jsonl")


def test_a_folder_gives_its_files_in_order_and_a_file_itself(inbox):
    found = inputs.find_inputs([inbox, inbox / "b.txt"])
    assert [name for name, _ in found] == ["a.txt", "b.txt", "more/c.txt", "b.txt"]
    with pytest.raises(InputMissing, match="expected a document or a folder of documents"):
        inputs.find_inputs([inbox / "absent"])


def test_the_version_changes_with_a_file_and_with_its_absence(inbox):
    documents = inputs.find_inputs([inbox])
    versions = [inputs.inputs_version(documents)]
    (inbox / "a.txt").write_text("longer than before")
    versions.append(inputs.inputs_version(documents))
    (inbox / "a.txt").unlink()
    versions.append(inputs.inputs_version(documents))
    assert len(set(versions)) == 3
