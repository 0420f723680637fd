"""Tokenization: words to pieces and word shapes, sentences to windows, windows to padded batches.

A sentence that exceeds the maximum length becomes several overlapping windows, cut between words, so that no word is
left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import BPE, Unigram

from ner_tasks.errors import ArtifactBroken
from ner_tasks.model.special_pieces import SpecialPieces

# Uncased vocabularies lose capitalization, a strong feature, so each piece also has the shape of its word.
SHAPES = ("none", "lower", "Title", "UPPER", "Initial", "mixedCase", "dotted", "number", "digits+", "other")
_SHAPE_ID = {shape: index for index, shape in enumerate(SHAPES)}
# Only the beginning of a longer word is tokenized.
MAX_WORD_CHARACTERS = 1_000
# Limits of the cache: number of words, and their total weight, where a piece weighs as much as ten characters.
_CACHE_SIZE, _CACHE_WEIGHT, _PIECE_WEIGHT = 200_000, 20_000_000, 10


def word_shape(word: str) -> str:
    """Return the shape of a word, one of `SHAPES`; `none` is reserved for [CLS], [SEP] and padding."""
    letters = [char for char in word if char.isalpha()]
    if any(char.isdigit() for char in word):
        return "digits+" if letters else "number"
    if not letters:
        return "other"
    if "." in word[:-1] or (len(letters) > 1 and word.endswith(".")):
        return "dotted"
    if all(char.isupper() for char in letters):
        return "Initial" if len(letters) == 1 else "UPPER"
    if letters[0].isupper() and not any(char.isupper() for char in letters[1:]):
        return "Title"
    return "mixedCase" if any(char.isupper() for char in letters) else "lower"


@dataclass(frozen=True)
class Window:
    """The words `[start, end)` of one sentence as model input.

    Attributes:
        sentence: index of the sentence in the input.
        start: index of the first word.
        end: index after the last word.
        piece_ids: piece ids with [CLS] and [SEP], at most `max_pieces`.
        shape_ids: id of the word shape of each piece.
        first_pieces: index in `piece_ids` of the first piece of each word, which has its tag.
    """

    sentence: int
    start: int
    end: int
    piece_ids: tuple[int, ...]
    shape_ids: tuple[int, ...]
    first_pieces: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.piece_ids)


@dataclass(frozen=True)
class Batch:
    """Windows of similar length, padded to one shape: `piece_ids` and `shape_ids` are int32 [windows, pieces]."""

    windows: tuple[Window, ...]
    piece_ids: NDArray[np.int32]
    shape_ids: NDArray[np.int32]


class WordTokenizer:
    """Tokenizer for single words with a cache.

    Args:
        tokenizer_file: a `tokenizer.json`.

    Raises:
        ArtifactBroken: the file cannot be read, or lacks a special piece.
    """

    def __init__(self, tokenizer_file: Path):
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # noqa: BLE001  tokenizers raises bare exceptions
            raise ArtifactBroken(f"found {error}, expected a tokenizer, in {tokenizer_file}") from None
        special = SpecialPieces.find(self._tokenizer, tokenizer_file)
        self.cls_id, self.sep_id, self.unk_id, self.pad_id = (
            special.cls_id,
            special.sep_id,
            special.unk_id,
            special.pad_id,
        )
        self._mask_id, self._file = special.mask_id, tokenizer_file
        # These pieces tell whether a space precedes them; inside a sentence it does.
        self._before = " " if isinstance(self._tokenizer.model, BPE | Unigram) else ""
        self._cache: dict[str, tuple[tuple[int, ...], int]] = {}
        self._cache_weight = 0

    @property
    def mask_id(self) -> int:
        """Id of the piece for a masked word, needed only for word dropout.

        Raises:
            ArtifactBroken: the tokenizer has none.
        """
        if self._mask_id is None:
            raise ArtifactBroken(f"found no [MASK] or <mask>, expected one for word_dropout, in {self._file}")
        return self._mask_id

    def vocabulary_size(self) -> int:
        """Return the number of pieces in the vocabulary."""
        return int(self._tokenizer.get_vocab_size())

    def tokenize_word(self, word: str) -> tuple[tuple[int, ...], int]:
        """Return the piece ids of a word, at least one, and the id of its shape.

        Only the first `MAX_WORD_CHARACTERS` characters are used.
        """
        word = word[:MAX_WORD_CHARACTERS]
        known = self._cache.get(word)
        if known is None:
            # A word of only control characters has no piece, but still needs a tag.
            pieces = tuple(self._tokenizer.encode(self._before + word, add_special_tokens=False).ids) or (self.unk_id,)
            known = pieces, _SHAPE_ID[word_shape(word)]
            if len(self._cache) >= _CACHE_SIZE or self._cache_weight >= _CACHE_WEIGHT:
                self._cache.clear()
                self._cache_weight = 0
            self._cache[word] = known
            self._cache_weight += len(word) + _PIECE_WEIGHT * len(pieces)
        return known


def make_windows(
    sentences: Sequence[Sequence[str]], pieces: WordTokenizer, *, max_pieces: int, overlap: int = 32
) -> Iterator[Window]:
    """Split sentences into windows.

    Args:
        sentences: words of each sentence; an empty sentence yields no window.
        pieces: tokenizer of the model.
        max_pieces: maximum window length in pieces, [CLS] and [SEP] included.
        overlap: minimum number of pieces shared by neighbouring windows; limited to a quarter of a window.

    Returns:
        Windows in the order of the sentences; each word is in at least one window.
    """
    overlap = min(overlap, max_pieces // 4)
    for index, words in enumerate(sentences):
        encoded = [_cut(*pieces.tokenize_word(word), limit=max_pieces - 2 - overlap) for word in words]
        start = 0
        while start < len(encoded):
            end, left = start, max_pieces - 2
            while end < len(encoded) and len(encoded[end][0]) <= left:
                left -= len(encoded[end][0])
                end += 1
            yield _window(index, start, end, encoded[start:end], pieces)
            if end == len(encoded):
                break
            start = _step_back(encoded, start, end, overlap)


def _cut(word_pieces: tuple[int, ...], shape_id: int, *, limit: int) -> tuple[tuple[int, ...], int]:
    # Only the first piece has the tag; a word of over 90 pieces is noise and must not fill a window.
    return word_pieces[:limit], shape_id


def _step_back(encoded: Sequence[tuple[tuple[int, ...], int]], start: int, end: int, overlap: int) -> int:
    shared, back = 0, end
    while back > start + 1 and shared < overlap:
        back -= 1
        shared += len(encoded[back][0])
    return back


def _window(
    sentence: int, start: int, end: int, encoded: Sequence[tuple[tuple[int, ...], int]], pieces: WordTokenizer
) -> Window:
    piece_ids, shape_ids, first_pieces = [pieces.cls_id], [0], []
    for word_pieces, shape_id in encoded:
        first_pieces.append(len(piece_ids))
        piece_ids.extend(word_pieces)
        shape_ids.extend([shape_id] * len(word_pieces))
    piece_ids.append(pieces.sep_id)
    shape_ids.append(0)
    return Window(sentence, start, end, tuple(piece_ids), tuple(shape_ids), tuple(first_pieces))


def make_batches(
    windows: Iterable[Window], *, pad_id: int, max_windows: int, max_pieces: int, length: int = 0, step: int = 8
) -> list[Batch]:
    """Batch windows by length, the longest first, with little padding and few distinct shapes.

    The number of windows in a batch depends only on its length, except for the last batch; oneDNN compiles and caches
    code for each shape.

    Args:
        windows: windows in any order.
        pad_id: piece id of [PAD].
        max_windows: maximum number of windows in a batch.
        max_pieces: maximum number of pieces in a batch, padding included; a single window may exceed it.
        length: minimum padded length in pieces; the reference kit pads to 128.
        step: padded lengths are multiples of this, which limits the number of shapes.
    """
    batches, ordered, at = [], sorted(windows, key=len, reverse=True), 0
    while at < len(ordered):
        n_pieces = round_up(max(len(ordered[at]), length), step)
        n_windows = min(max_windows, max(max_pieces // n_pieces, 1))
        batches.append(pad_batch(ordered[at : at + n_windows], pad_id=pad_id, length=length, step=step))
        at += n_windows
    return batches


def round_up(length: int, step: int) -> int:
    """Round `length` up to a multiple of `step`."""
    return -(-length // step) * step


def pad_batch(windows: Sequence[Window], *, pad_id: int, length: int = 0, step: int = 8) -> Batch:
    """Pad windows to the length of the longest one.

    Args:
        windows: at least one.
        pad_id: piece id of [PAD].
        length: minimum padded length in pieces.
        step: the padded length is a multiple of this.
    """
    n_pieces = round_up(max(length, *(len(window) for window in windows)), step)
    piece_ids = np.full((len(windows), n_pieces), pad_id, np.int32)
    shape_ids = np.zeros((len(windows), n_pieces), np.int32)
    for row, window in enumerate(windows):
        piece_ids[row, : len(window)] = window.piece_ids
        shape_ids[row, : len(window)] = window.shape_ids
    return Batch(tuple(windows), piece_ids, shape_ids)
