import gc
import hashlib
import json
import tempfile
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.errors import ConfigInvalid
from ner_tasks.store import StoredFile
from ner_tasks.tagging import merge, planning
from ner_tasks.tagging.answer_ledger import AnswerLedger
from tests.old_days import merge_shards


def files(sizes):
    return [
        StoredFile(key=f"inbox/d/{index:05d}", name=f"{index:05d}", n_bytes=size, etag=str(index))
        for index, size in enumerate(sizes)
    ]


def times_of(**formats):
    """Times by format, as (seconds per file, seconds per MB); of the others one second per byte."""
    return {name: {"file_s": file_s, "mb_s": mb_s} for name, (file_s, mb_s) in {"other": (0, 1e6), **formats}.items()}


BY_SIZE = times_of()


def shards(day, times=BY_SIZE, **options):
    """The shards as lists, and their numbers."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder, "listing.jsonl")
        inbox = planning.write_listing(day, listing)
        planned = list(planning.assign_shards(planning.read_listing(listing), inbox.sizes, times, **options))
    numbers = [number for number, _ in planned]
    return [[file for number, file in planned if number == wanted] for wanted in sorted(set(numbers))], numbers


SECONDS = st.floats(0, 1e12) | st.sampled_from([0.0, 5e-324])


@given(
    st.lists(st.tuples(st.sampled_from(["a.txt", "b.PDF", "c.zip", "d"]), st.integers(0, 10**15)), max_size=300),
    st.fixed_dictionaries({name: st.tuples(SECONDS, SECONDS) for name in ("other", "text", "pdf", "zip")}),
    st.floats(0, 1e12, exclude_min=True),
    st.integers(1, 64),
)
def test_every_document_is_in_one_shard_and_in_its_place(inbox, times, shard_s, max_shards):
    day = [replace(file, name=name) for file, (name, _) in zip(files(size for _, size in inbox), inbox, strict=True)]
    planned, numbers = shards(day, times_of(**times), shard_s=shard_s, max_shards=max_shards)
    assert [file for shard in planned for file in shard] == [
        (file.name, file.key, file.n_bytes, file.etag) for file in day
    ]
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(len(planned)))
    assert len(planned) <= max_shards


def test_a_small_day_is_one_shard_and_a_large_one_never_more_than_64():
    assert len(shards(files([10] * 60), shard_s=1000)[0]) == 1
    assert len(shards(files([1000] * 1000), shard_s=1000)[0]) == 64


def test_shards_are_as_long_as_asked_for_and_not_half_as_long_again():
    assert [len(shards(files([1000] * n), shard_s=4000)[0]) for n in (1, 5, 6, 9, 10, 13, 14)] == [1, 1, 2, 2, 2, 3, 4]


def test_shards_are_about_equally_long():
    planned, _ = shards(files([100] * 90 + [1000] * 9), shard_s=4000)
    assert max(sum(file.n_bytes for file in shard) for shard in planned) <= 6000


def test_files_of_equal_size_count_by_their_format():
    day = [replace(file, name=f"{file.name}.txt") for file in files([1000] * 90)]
    day += [replace(file, name=f"x{file.name}.PNG") for file in files([1000] * 10)]
    planned, _ = shards(day, times_of(text=(1, 0), image=(9, 0)), shard_s=60)
    assert [len(shard) for shard in planned] == [60, 33, 7]


def test_a_giant_file_leaves_no_shard_empty_and_takes_none_along():
    planned, _ = shards(files([100] * 50 + [20_000] + [100] * 50), shard_s=1000)
    assert [len(shard) for shard in planned if len(shard) == 1] == [1]
    assert all(len(shard) <= 11 for shard in planned)


def test_a_document_that_is_too_large_to_be_read_takes_no_time():
    day = [replace(file, name=f"{file.name}.txt") for file in files([100, 30 * 2**20, 100, 100])]
    assert [len(shard) for shard in shards(day, times_of(text=(0, 1e6)), shard_s=100)[0]] == [1, 2, 1]
    packed = [replace(file, name=f"{file.name}.zip") for file in files([100, 30 * 2**20, 100, 100])]
    assert [len(shard) for shard in shards(packed, times_of(zip=(0, 1)), shard_s=8)[0]] == [1, 1, 2]


def test_more_than_64_shards_cannot_be_asked_for():
    with pytest.raises(ConfigInvalid, match="1 to 64"):
        shards([], shard_s=1, max_shards=65)
    with pytest.raises(ConfigInvalid, match="> 0"):
        shards([], shard_s=0)


def test_a_day_is_listed_without_being_held(tmp_path):
    def day():
        for index in range(30_000):
            yield StoredFile(key=f"inbox/d/{index:06d}", name=f"{index:06d}", n_bytes=1000, etag=str(index))

    listing = tmp_path / "listing.jsonl"
    tracemalloc.start()
    inbox = planning.write_listing(day(), listing)
    numbers = Counter(
        number
        for number, _ in planning.assign_shards(planning.read_listing(listing), inbox.sizes, BY_SIZE, shard_s=2**18)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (inbox.n_files, len(numbers), max(numbers.values()) - min(numbers.values())) == (30_000, 64, 1)
    assert peak < 200_000


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(files([1, 2, 3, 4]), id="one more"),
        pytest.param(files([1, 2]), id="one less"),
        pytest.param([*files([1, 2]), replace(files([1, 2, 3])[2], etag="changed")], id="one changed"),
    ],
)
def test_another_inbox_is_in_another_state(later, tmp_path):
    before = planning.write_listing(files([1, 2, 3]), tmp_path / "listing.jsonl")
    assert planning.write_listing(later, tmp_path / "listing.jsonl").state != before.state


def test_a_name_of_any_kind_is_listed_as_it_is(tmp_path):
    names = ["line\nfeed", "\u2028", "quote'\"", "\\x00", "ü\u202etxt.exe"]
    day = [StoredFile(key=f"inbox/d/{name}", name=name, n_bytes=1, etag="e") for name in names]
    planning.write_listing(day, tmp_path / "listing.jsonl")
    assert [file.name for file in planning.read_listing(tmp_path / "listing.jsonl")] == names


@given(st.lists(st.tuples(st.text(), st.text(), st.integers(0))))
def test_names_are_written_and_hashed_as_json_writes_them(day):
    stored = [StoredFile(key=f"inbox/d/{name}", name=name, n_bytes=n_bytes, etag=etag) for name, etag, n_bytes in day]
    state = hashlib.sha256(b"".join(json.dumps([file.name, file.etag]).encode() for file in stored))
    with tempfile.TemporaryDirectory() as folder:
        inbox = planning.write_listing(stored, listing := Path(folder, "listing.jsonl"))
        listed = list(planning.read_listing(listing))
    assert inbox.state == state.hexdigest()
    assert listed == [(file.name, file.key, file.n_bytes, file.etag) for file in stored]
    lines = "".join(planning.format_input(file) for file in listed)
    assert lines == "".join(json.dumps({"name": file.name, "key": file.key}) + "\n" for file in listed)


def test_garbage_collection_goes_on_after_planning_fails():
    before = gc.get_freeze_count()
    with pytest.raises(ConfigInvalid), planning.frozen_heap():
        assert gc.get_freeze_count() > before
        raise ConfigInvalid("found a failure, expected none")
    assert gc.get_freeze_count() == 0


def shard(folder, names, n_entities):
    folder.mkdir()
    (folder / "documents.jsonl").write_text(
        "".join(json.dumps({"document": name, "file": name}) + "\n" for name in names)
    )
    (folder / "rejected.jsonl").write_text('{"document": "bad#1", "file": "bad", "reason": "empty"}\n')
    (folder / "ignored.jsonl").write_text(
        '{"document": "z.DS_Store", "file": "z.DS_Store", "rule": "litter", "n": 1}\n'
    )
    manifest = {
        "n_documents": len(names) + 1,
        "n_tagged": len(names),
        "n_rejected": 1,
        "n_reused": 0,
        "n_partly_read": 0,
        "rejected": {"empty": 1},
        "ignored": {"litter": 1},
        "items": {"page": {"read": 2, "unread": 1}},
        "n_words": 100,
        "n_entities": n_entities,
        "entities": {"geo": n_entities},
        "words_per_s": 50.0,
        "elapsed_s": 2.0,
        "model_s": 1.5,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with AnswerLedger(folder) as ledger:
        ledger.commit()
    return folder


def test_joined_shards_keep_their_order_and_their_counts_add_up(tmp_path):
    shards = [shard(tmp_path / "1", ["b", "a"], 3), shard(tmp_path / "2", ["c"], 4)]
    manifest = merge_shards(shards, tmp_path / "joined")
    assert list(merge.iter_files(tmp_path / "joined" / "documents.jsonl")) == ["b", "a", "c"]
    assert (manifest["n_documents"], manifest["n_tagged"], manifest["n_rejected"]) == (5, 3, 2)
    assert manifest["entities"] == {"geo": 7}
    assert manifest["rejected"] == {"empty": 2}
    assert manifest["ignored"] == {"litter": 2}
    assert manifest["items"] == {"page": {"read": 4, "unread": 2}}
    assert list(merge.iter_files(tmp_path / "joined" / "ignored.jsonl")) == ["z.DS_Store"] * 2
    assert manifest["words_per_s"] == 50.0


def test_no_shards_join_to_an_empty_night(tmp_path):
    assert merge_shards([], tmp_path / "joined")["n_documents"] == 0
    assert (tmp_path / "joined" / "documents.jsonl").read_text() == ""


def test_a_file_without_answer_or_reason_is_found_out(tmp_path):
    done = shard(tmp_path / "1", ["a", "a", "b#b", "d"], 3)
    assert list(merge.find_unanswered(["a", "b#b", "bad", "d", "z.DS_Store"], done)) == []
    assert list(merge.find_unanswered(["a", "b", "b#b", "bad", "c", "d", "e"], done)) == ["b", "c", "e"]
