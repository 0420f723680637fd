import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks import nights
from ner_tasks.errors import ConfigInvalid
from ner_tasks.store import StoredFile


def files(sizes):
    return [
        StoredFile(key=f"inbox/d/{index:05d}", name=f"{index:05d}", n_bytes=size) for index, size in enumerate(sizes)
    ]


@given(st.lists(st.integers(0, 10_000), max_size=300), st.integers(1, 5_000), st.integers(1, 64))
def test_every_document_is_in_one_shard_and_in_its_place(sizes, shard_bytes, max_shards):
    day = files(sizes)
    shards = nights.plan_shards(day, shard_bytes=shard_bytes, max_shards=max_shards)
    assert [file for shard in shards for file in shard] == day
    assert len(shards) <= max_shards
    assert all(shards)


def test_a_small_day_is_one_shard_and_a_large_one_never_more_than_64():
    assert len(nights.plan_shards(files([10] * 60), shard_bytes=1000)) == 1
    assert len(nights.plan_shards(files([1000] * 1000), shard_bytes=1000)) == 64


def test_shards_are_about_equally_large():
    shards = nights.plan_shards(files([100] * 90 + [1000] * 9), shard_bytes=4000)
    assert max(sum(file.n_bytes for file in shard) for shard in shards) <= 6000


def test_more_than_64_shards_cannot_be_asked_for():
    with pytest.raises(ConfigInvalid, match="1 to 64"):
        nights.plan_shards([], shard_bytes=1, max_shards=65)


def shard(folder, names, n_entities):
    folder.mkdir()
    (folder / "documents.jsonl").write_text("".join(json.dumps({"document": name}) + "\n" for name in names))
    (folder / "rejected.jsonl").write_text('{"document": "bad", "reason": "empty"}\n')
    manifest = {
        "n_documents": len(names) + 1,
        "n_tagged": len(names),
        "n_rejected": 1,
        "rejected": {"empty": 1},
        "n_words": 100,
        "n_entities": n_entities,
        "entities": {"geo": n_entities},
        "words_per_s": 50.0,
        "elapsed_s": 2.0,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_joined_shards_keep_their_order_and_their_counts_add_up(tmp_path):
    shards = [shard(tmp_path / "1", ["b", "a"], 3), shard(tmp_path / "2", ["c"], 4)]
    manifest = nights.join_shards(shards, tmp_path / "joined")
    assert list(nights.names_in(tmp_path / "joined" / "documents.jsonl")) == ["b", "a", "c"]
    assert (manifest["n_documents"], manifest["n_tagged"], manifest["n_rejected"]) == (5, 3, 2)
    assert manifest["entities"] == {"geo": 7}
    assert manifest["rejected"] == {"empty": 2}
    assert manifest["words_per_s"] == 50.0


def test_no_shards_join_to_an_empty_night(tmp_path):
    assert nights.join_shards([], tmp_path / "joined")["n_documents"] == 0
    assert (tmp_path / "joined" / "documents.jsonl").read_text() == ""


def test_a_document_inside_a_file_is_traced_to_its_file():
    known = {"notes.jsonl", "a#1.txt", "a#1.jsonl"}
    assert nights.file_of("notes.jsonl#3", known) == "notes.jsonl"
    assert nights.file_of("a#1.txt", known) == "a#1.txt"
    assert nights.file_of("a#1.jsonl#x#2", known) == "a#1.jsonl"
    assert nights.file_of("unknown", known) is None
