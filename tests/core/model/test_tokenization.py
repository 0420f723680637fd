"""No word is lost between a sentence and the model's batches."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.errors import ArtifactBroken
from ner_tasks.model.tokenization import WordTokenizer, make_batches, make_windows, pad_batch, word_shape
from tests import tiny
from tests.growth import peak_mib

words = st.lists(st.text(min_size=1, max_size=20), max_size=30)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> WordTokenizer:
    folder = tiny.make_tiny_encoder(tmp_path_factory.mktemp("pieces"))
    return WordTokenizer(folder / "tokenizer.json")


@given(st.lists(words, max_size=4))
def test_every_word_is_in_a_window_and_no_window_is_too_long(pieces: WordTokenizer, sentences: list[list[str]]) -> None:
    seen = [set[int]() for _ in sentences]
    for window in make_windows(sentences, pieces, max_pieces=48, overlap=8):
        assert len(window) <= 48
        assert len(window.first_pieces) == window.end - window.start > 0
        seen[window.sentence] |= set(range(window.start, window.end))
    assert seen == [set(range(len(sentence))) for sentence in sentences]


def test_neighbouring_windows_share_the_overlap(pieces: WordTokenizer) -> None:
    windows = list(make_windows([["boston"] * 100], pieces, max_pieces=34, overlap=8))
    assert [(window.start, window.end) for window in windows] == [(0, 32), (24, 56), (48, 80), (72, 100)]


def test_a_tag_sits_on_its_words_first_piece(pieces: WordTokenizer) -> None:
    (window,) = make_windows([["Boston", "xyz", "."]], pieces, max_pieces=32)
    assert window.piece_ids[window.first_pieces[0]] == pieces.tokenize_word("Boston")[0][0]
    assert window.first_pieces == (1, 2, 5)


@pytest.mark.parametrize("max_pieces", [8, 32, 128])
def test_a_word_longer_than_a_window_is_read_by_its_beginning(pieces: WordTokenizer, max_pieces: int) -> None:
    windows = list(make_windows([["-" * 500, "ohio"]], pieces, max_pieces=max_pieces))
    assert windows[0].start == 0
    assert windows[-1].end == 2
    assert max(map(len, windows)) <= max_pieces


@pytest.mark.parametrize("letter", ["a", "-", "\u0300", "\u4e2d"])
def test_a_word_of_a_million_characters_is_read_by_its_first_thousand(pieces: WordTokenizer, letter: str) -> None:
    long = letter * 1_000_000
    assert peak_mib(lambda: pieces.tokenize_word(long)) < 16
    assert pieces.tokenize_word(long) == pieces.tokenize_word(letter * 1_000)


def test_what_is_remembered_of_words_is_bounded(pieces: WordTokenizer) -> None:
    def read() -> None:
        for number in range(10_000):
            pieces.tokenize_word(f"{number}{'-' * 990}")

    assert peak_mib(read) < 50  # 10 million pieces are 80


def test_a_word_without_pieces_is_read_as_unknown(pieces: WordTokenizer) -> None:
    assert pieces.tokenize_word("\u200b")[0] == (pieces.unk_id,)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=80), st.integers(1, 9))
def test_batches_hold_each_window_once_within_their_limits(
    pieces: WordTokenizer, lengths: list[int], most: int
) -> None:
    windows = list(make_windows([["ohio"] * length for length in lengths], pieces, max_pieces=64))
    batches = make_batches(windows, pad_id=pieces.pad_id, max_windows=most, max_pieces=256)
    assert sorted(window.sentence for batch in batches for window in batch.windows) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch.windows) <= most
        assert batch.piece_ids.size <= 256 or len(batch.windows) == 1
        assert batch.piece_ids.shape[1] % 8 == 0


def test_a_batch_has_a_shape_that_follows_from_its_length_except_the_last(pieces: WordTokenizer) -> None:
    windows = list(make_windows([["ohio"] * (1 + index % 50) for index in range(900)], pieces, max_pieces=64))
    batches = make_batches(windows, pad_id=pieces.pad_id, max_windows=40, max_pieces=512)
    for batch in batches[:-1]:
        n_windows, n_pieces = batch.piece_ids.shape
        assert n_windows == min(40, 512 // n_pieces)
    assert len({batch.piece_ids.shape for batch in batches[:-1]}) <= 64 // 8


def test_padding_stands_behind_the_pieces(pieces: WordTokenizer) -> None:
    windows = list(make_windows([["ohio"], ["ohio", "texas"]], pieces, max_pieces=64))
    batch = pad_batch(windows, pad_id=pieces.pad_id, length=128)
    assert batch.piece_ids.shape == (2, 128)
    np.testing.assert_array_equal(batch.piece_ids[0, 3:], pieces.pad_id)


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("member", "lower"),
        ("Boston", "Title"),
        ("WHO", "UPPER"),
        ("A", "Initial"),
        ("McDonald", "mixedCase"),
        ("U.S.", "dotted"),
        ("Mr.", "dotted"),
        ("2026", "number"),
        ("H1N1", "digits+"),
        ("--", "other"),
        ("Élan", "Title"),
    ],
)
def test_shape_of_a_word(word: str, shape: str) -> None:
    assert word_shape(word) == shape


def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(ArtifactBroken, match="expected a tokenizer"):
        WordTokenizer(tmp_path / "tokenizer.json")
