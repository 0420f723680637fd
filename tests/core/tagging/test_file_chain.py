"""A shard's digest tells whether it has dealt with exactly the files that were planned for it."""

import json

import pytest

from ner_tasks.tagging import merge
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.file_chain import START, chain_names
from ner_tasks.tagging.shard import tag_documents
from tests.rules import RuleTagger

NAMES = ["a.txt", "b.csv", "c.txt", "d/.DS_Store", "e\udc80.txt", "f.txt"]
OTHERS = {
    "one less": NAMES[:-1],
    "one more": [*NAMES, "g.txt"],
    "another order": [*NAMES[:4], NAMES[5], NAMES[4]],
    "one twice": [*NAMES, NAMES[-1]],
    "one renamed": [*NAMES[:-1], "F.txt"],
    "two names run together": [*NAMES[:-2], NAMES[-2] + NAMES[-1]],
    "none": [],
}


@pytest.fixture
def day(tmp_path):
    """Files of every fate: tagged, one of several documents, rejected, ignored; the last one is a copy of the first."""
    contents = {"b.csv": "id,text\n1,Rosa left.\n2,\n3,She came.\n", "c.txt": "", "d/.DS_Store": "\0\0\0\1Bud1"}
    files = []
    for number, name in enumerate(NAMES):
        path = tmp_path / f"{number}"
        path.write_text(contents.get(name, "We met Rosa Delgado."))
        files.append((name, path))
    return files


def tag(files, output, **options):
    return tag_documents(files, tagger=RuleTagger(), output=output, config=TagConfig(version="c1"), **options)


def planned(names):
    return {"n_files": len(names), "files_sha256": chain_names(names)}


def test_a_shard_that_dealt_with_all_its_files_is_known_by_its_digest(day, tmp_path):
    manifest = tag(day, tmp_path / "tagged")
    assert (manifest["n_tagged"], manifest["n_rejected"], sum(manifest["ignored"].values())) == (5, 2, 1)
    assert merge.has_answered(planned(NAMES), manifest)
    assert json.loads((tmp_path / "tagged/manifest.json").read_text())["files_sha256"] == manifest["files_sha256"]


@pytest.mark.parametrize("other", OTHERS)
def test_other_files_have_another_digest(day, tmp_path, other):
    assert not merge.has_answered(planned(OTHERS[other]), tag(day, tmp_path / "tagged"))


def test_a_shard_without_files_has_the_digest_of_none(tmp_path):
    manifest = tag([], tmp_path / "tagged")
    assert (manifest["n_files"], manifest["files_sha256"]) == (0, START)
    assert merge.has_answered(planned([]), manifest)


def test_a_shard_of_an_older_release_says_nothing(day, tmp_path):
    manifest = tag(day, tmp_path / "tagged")
    del manifest["files_sha256"]
    assert not merge.has_answered(planned(NAMES), manifest)
