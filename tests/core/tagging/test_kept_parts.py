"""Parts of a published day that the next night keeps: unchanged ones, in order, few, and each file tagged again seldom."""

import hashlib
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.store import StoredFile
from ner_tasks.tagging.arrivals import encode_state
from ner_tasks.tagging.kept_parts import PartRanges, choose_segments, share_shards

TIMES = {"other": {"file_s": 0.0, "mb_s": 1e6}, "text": {"file_s": 0.0, "mb_s": 1e6}}  # a second per byte
SHARD = 1000


def stored(name, n_bytes=10, etag="e"):
    return StoredFile(f"inbox/2026-11-22/{name}", name, n_bytes, etag)


def part_of(files, number=0):
    state = hashlib.sha256(b"".join(map(encode_state, files))).hexdigest()
    named = {"first_file": files[0].name, "last_file": files[-1].name, "inbox_sha256": state}
    counts = {"n_tagged": len(files), "n_rejected": 0, "n_entities": 0}
    return {"key": f"parts/2026-11-22/{number:02d}-{state[:12]}", "sha256": state, "number": number, **counts, **named}


def segments_of(files, parts):
    ranges = PartRanges(parts)
    for file in files:
        ranges.add(file, encode_state(file))
    return ranges.segments()


def publish(files, parts, *, shard_s=SHARD, max_parts=64):
    """The parts of the next night, and how many files it tags."""
    segments = choose_segments(segments_of(files, parts), TIMES, shard_s=shard_s, max_parts=max_parts)
    shares, made, n_tagged, at = share_shards(segments, TIMES, max_parts), [], 0, 0
    for segment, share in zip(segments, shares, strict=True):
        own, at = files[at : at + segment.n_files], at + segment.n_files
        size = sum(file.n_bytes for file in own)
        assert segment.sizes == {"text": (len(own), size)}
        if segment.part:
            made.append(segment.part)
            continue
        n_tagged += len(own)
        n_shards = min(share, max(1, size // shard_s), len(own))
        bounds = [len(own) * number // n_shards for number in range(n_shards + 1)]
        made += [part_of(own[bounds[n] : bounds[n + 1]], len(made) + n) for n in range(n_shards)]
    assert at == len(files)
    return made, n_tagged


def names(numbers):
    return [stored(f"{number:06d}.txt") for number in sorted(numbers)]


def test_files_after_the_last_part_are_tagged_and_the_part_is_kept():
    files = names(range(500))
    parts, _ = publish(files[:400], [])
    assert publish(files, parts) == (parts[:4] + publish(files, parts)[0][4:], 100)
    assert segments_of(files, parts)[:-1] == [
        segment for segment in segments_of(files[:400], parts) if segment.part is not None
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda files: [*files[:120], stored("000119x.txt"), *files[120:]],  # a new file between
        lambda files: [*files[:120], *files[121:]],  # one gone
        lambda files: [*files[:120], stored(files[120].name, etag="other"), *files[121:]],  # one written again
    ],
)
def test_a_part_whose_files_have_changed_is_tagged_again_and_no_other(change):
    files = names(range(400))
    parts, _ = publish(files, [])
    changed = change(files)
    made, n_tagged = publish(changed, parts)
    assert 99 <= n_tagged <= 101
    assert [part for part in parts if part in made] == [parts[0], parts[2], parts[3]]


def test_files_before_all_and_between_parts_are_tagged_where_they_stand():
    parts = [part_of(names(range(100, 200))), part_of(names(range(300, 400)), 1)]
    files = names([*range(5), *range(100, 200), *range(250, 255), *range(300, 400)])
    segments = choose_segments(segments_of(files, parts), TIMES, shard_s=SHARD, max_parts=64)
    assert [segment.n_files if segment.part is None else "kept" for segment in segments] == [5, "kept", 5, "kept"]


@pytest.mark.parametrize("lacking", ["first_file", "last_file", "inbox_sha256"])
def test_a_part_that_does_not_say_what_it_was_made_of_is_not_kept(lacking):
    files = names(range(100))
    record = part_of(files)
    del record[lacking]
    assert [segment.part for segment in segments_of(files, [record])] == [None]
    assert [segment.part for segment in segments_of(files, [{**part_of(files), "first_file": None}])] == [None]


def test_a_listing_out_of_order_keeps_nothing():
    files = names(range(100))
    assert [segment.part for segment in segments_of([*files[50:], *files[:50]], [part_of(files)])] == [None]


def test_an_empty_inbox_has_no_segments():
    assert segments_of([], [part_of(names(range(3)))]) == []
    assert choose_segments([], TIMES, shard_s=SHARD, max_parts=64) == share_shards([], TIMES, 64) == []


@pytest.mark.parametrize("n_each", [1, 30])
@pytest.mark.parametrize("n_first", [0, 1, 3000])
def test_a_day_published_many_times_has_few_parts_and_tags_a_file_seldom(n_first, n_each):
    parts, n_tagged = publish(names(range(n_first)), [], shard_s=300) if n_first else ([], 0)
    n_nights, n_again = 120, 0
    for night in range(n_nights):
        files = names(range(n_first + (night + 1) * n_each))
        parts, n_tagged = publish(files, parts, shard_s=300)
        n_again += n_tagged
        assert len(parts) <= 64
        assert all(one["last_file"] < other["first_file"] for one, other in pairwise(parts))
    n_files = n_first + n_nights * n_each
    assert n_again <= n_files * math.log2(n_nights)


def test_a_large_drop_beside_many_parts_is_divided_for_several_workers():
    parts = [part_of(names(range(n * 1000, n * 1000 + 900)), n) for n in range(64)]
    files = names([*(n * 1000 + k for n in range(64) for k in range(900)), *range(70_000, 80_000)])
    made, n_tagged = publish(files, parts)
    assert len([part for part in made if part not in parts]) >= 6
    assert n_tagged < 10_000 + 20 * 900


@given(
    published=st.sets(st.integers(0, 300), min_size=1),
    cuts=st.sets(st.integers(1, 299), max_size=12),
    now=st.sets(st.integers(0, 300)),
    rewritten=st.sets(st.integers(0, 300), max_size=3),
    max_parts=st.integers(1, 20),
    shard_s=st.integers(1, 500),
)
def test_whatever_changes_every_file_is_in_one_segment_and_kept_parts_are_as_they_were(
    published, cuts, now, rewritten, max_parts, shard_s
):
    before, bounds, parts = names(published), sorted({c for c in cuts if c < len(published)} | {0, len(published)}), []
    for number, (begin, end) in enumerate(pairwise(bounds)):
        parts.append(part_of(before[begin:end], number))
    files = [stored(file.name, etag="new" if int(file.name[:6]) in rewritten else "e") for file in names(now)]
    segments = choose_segments(segments_of(files, parts), TIMES, shard_s=shard_s, max_parts=max_parts)
    shares, at = share_shards(segments, TIMES, max_parts), 0
    for segment in segments:
        own, at = files[at : at + segment.n_files], at + segment.n_files
        assert segment.part is None or segment.part == part_of(own, segment.part["number"])
    assert at == len(files)
    assert len(segments) <= max_parts
    assert sum(share or 1 for share in shares) <= max_parts
    assert all((share == 0) == (segment.part is not None) for segment, share in zip(segments, shares, strict=True))
