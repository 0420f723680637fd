"""A packed batch has each piece of its windows once, in few sizes, and finds each word."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.model.packing import PackedBatch, make_packed_batches, pack, round_size
from ner_tasks.model.tokenization import Window, WordTokenizer, make_windows, pad_batch
from tests import tiny

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=80)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> WordTokenizer:
    return WordTokenizer(tiny.make_tiny_encoder(tmp_path_factory.mktemp("encoder")) / "tokenizer.json")


def windows_of(lengths: Sequence[int], pieces: WordTokenizer) -> list[Window]:
    sentences = [["ohio", "unbelievable", "texas"][: 1 + length % 3] * length for length in lengths]
    return list(make_windows(sentences, pieces, max_pieces=64))


def packed_ids(packed: PackedBatch) -> np.ndarray:
    return packed.batch.piece_ids.ravel()[packed.positions]


@given(LENGTHS)
def test_the_packed_pieces_are_those_of_the_windows(pieces: WordTokenizer, lengths: list[int]) -> None:
    windows = windows_of(lengths, pieces)
    packed = pack(pad_batch(windows, pad_id=pieces.pad_id))
    expected = [piece for window in windows for piece in window.piece_ids]
    assert packed_ids(packed)[: len(expected)].tolist() == expected
    filled = packed.batch.piece_ids != pieces.pad_id
    assert packed.rows[filled].tolist() == list(range(len(expected)))
    assert not packed.rows[~filled].any()
    first = [window.piece_ids[at] for window in windows for at in window.first_pieces]
    assert packed_ids(packed)[packed.read[: packed.n_words]].tolist() == first


@given(LENGTHS, st.integers(1, 9), st.sampled_from([0, 128]))
def test_batches_hold_each_window_once_within_their_limits(
    pieces: WordTokenizer, lengths: list[int], most: int, length: int
) -> None:
    windows = windows_of(lengths, pieces)
    batches = make_packed_batches(windows, pad_id=pieces.pad_id, max_windows=most, max_pieces=256, length=length)
    found = [window for packed in batches for window in packed.batch.windows]
    assert sorted(window.sentence for window in found) == sorted(window.sentence for window in windows)
    for packed in batches:
        n_windows = len(packed.batch.windows)
        assert n_windows <= most
        assert len(packed.positions) <= 256 or n_windows == 1
        assert n_windows * packed.batch.piece_ids.shape[1] <= 1.25 * 256 or n_windows == 1
        assert packed.batch.piece_ids.shape[1] >= length


def test_full_batches_of_many_windows_have_one_size(pieces: WordTokenizer) -> None:
    windows = list(make_windows([["ohio"] * (1 + index % 60) for index in range(900)], pieces, max_pieces=64))
    batches = make_packed_batches(windows, pad_id=pieces.pad_id, max_windows=512, max_pieces=2048)
    assert {len(packed.positions) for packed in batches[:-1]} == {2048}
    shapes = {packed.batch.piece_ids.shape for packed in batches}
    assert all(n_windows % 8 == 0 and n_pieces % 4 == 0 for n_windows, n_pieces in shapes)


@given(st.integers(1, 10**6), st.sampled_from([8, 16]))
def test_a_size_is_rounded_up_by_less_than_its_share(n: int, n_sizes: int) -> None:
    assert n <= round_size(n, n_sizes) < n * (1 + 1 / n_sizes) + 1
    assert round_size(round_size(n, n_sizes), n_sizes) == round_size(n, n_sizes)


def test_there_are_as_many_sizes_per_power_of_two_as_asked() -> None:
    assert sorted({round_size(n, 8) for n in range(1025, 2049)}) == list(range(1152, 2049, 128))
    assert round_size(0, 8) == 1


def test_no_window_makes_no_batch(pieces: WordTokenizer) -> None:
    assert make_packed_batches([], pad_id=pieces.pad_id, max_windows=8, max_pieces=64) == []
