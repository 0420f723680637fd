"""Words to pieces, pieces to windows, windows to padded batches; and the shape of a word's letters.

A sentence that is longer than the model takes becomes several windows that overlap, cut between words.
Nothing is ever truncated.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ner_tasks.errors import ArtifactBroken

# An uncased vocabulary throws the best signal away, so each piece also carries its word's shape.
SHAPES = ("none", "lower", "Title", "UPPER", "Initial", "mixedCase", "dotted", "number", "digits+", "other")
_SHAPE_ID = {shape: index for index, shape in enumerate(SHAPES)}
# A longer word is noise, of which the model reads the beginning.
MAX_WORD_CHARACTERS = 1_000
# What is remembered of words, at most: how many, and what they take by a measure that makes a piece ten characters.
_CACHE_SIZE, _CACHE_WEIGHT, _PIECE_WEIGHT = 200_000, 20_000_000, 10


def word_shape(word: str) -> str:
    """Shape of a word's letters and digits, one of `SHAPES`; `none` is kept for [CLS], [SEP] and padding."""
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
    """The words `[start, end)` of one sentence as the model reads them.

    Attributes:
        sentence: index of the sentence in the list that was encoded.
        piece_ids: ids with [CLS] and [SEP], at most `max_pieces` of them.
        shape_ids: shape of the word that each piece belongs to.
        first_pieces: position in `piece_ids` of each word's first piece, which carries its tag.
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
    """Pieces of words, remembered, since a language repeats itself.

    Args:
        tokenizer_file: a `tokenizer.json`.

    Raises:
        ArtifactBroken: the file cannot be read, or has no [CLS], [SEP], [UNK] or [PAD].
    """

    def __init__(self, tokenizer_file: Path):
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # noqa: BLE001  tokenizers raises nothing more exact, whatever is wrong with the file
            raise ArtifactBroken(f"found {error}, expected a tokenizer, in {tokenizer_file}") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._file = tokenizer_file
        self.cls_id, self.sep_id, self.unk_id, self.pad_id = map(self._special, ("[CLS]", "[SEP]", "[UNK]", "[PAD]"))
        self._cache: dict[str, tuple[tuple[int, ...], int]] = {}
        self._cache_weight = 0

    @property
    def mask_id(self) -> int:
        """Id of [MASK], which only some trainings need.

        Raises:
            ArtifactBroken: there is none.
        """
        return self._special("[MASK]")

    def _special(self, name: str) -> int:
        piece_id = self._tokenizer.token_to_id(name)
        if piece_id is None:
            raise ArtifactBroken(f"found no {name}, expected a BERT vocabulary, in {self._file}")
        return int(piece_id)

    def vocabulary_size(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    def tokenize_word(self, word: str) -> tuple[tuple[int, ...], int]:
        """Piece ids of one word, at least one, and the id of its shape; of its first `MAX_WORD_CHARACTERS`."""
        word = word[:MAX_WORD_CHARACTERS]
        known = self._cache.get(word)
        if known is None:
            # A word of nothing but control characters has no piece; it still must be answered.
            pieces = tuple(self._tokenizer.encode(word, add_special_tokens=False).ids) or (self.unk_id,)
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
    """Cut sentences into windows.

    Args:
        sentences: words of each sentence; a sentence without words gives no window.
        pieces: the model's vocabulary.
        max_pieces: longest window, with [CLS] and [SEP].
        overlap: pieces, at least, that two neighbouring windows of a sentence share; a quarter of a window at most.

    Returns:
        Windows in the order of the sentences; each word is in at least one of them.
    """
    overlap = min(overlap, max_pieces // 4)
    for index, words in enumerate(sentences):
        encoded = [_cut(*pieces.tokenize_word(word), limit=max_pieces - 2 - overlap) for word in words]
        start = 0
        while start < len(encoded):
            end, room = start, max_pieces - 2
            while end < len(encoded) and len(encoded[end][0]) <= room:
                room -= len(encoded[end][0])
                end += 1
            yield _window(index, start, end, encoded[start:end], pieces)
            if end == len(encoded):
                break
            start = _step_back(encoded, start, end, overlap)


def _cut(word_pieces: tuple[int, ...], shape_id: int, *, limit: int) -> tuple[tuple[int, ...], int]:
    # Only the first piece carries the tag; a word of over 90 pieces is noise, and must not fill a window.
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
    """Group windows by length, the longest first, so that little of the work is padding and few shapes occur.

    How many windows a batch has follows from its length alone; only the last one may have fewer. oneDNN prepares, and
    keeps, code of its own for each shape.

    Args:
        windows: in any order.
        pad_id: id of [PAD].
        max_windows: most windows in a batch.
        max_pieces: most pieces in a batch, padding included; one window may exceed it.
        length: every batch is at least this long, in pieces; 128 is the reference kit's way.
        step: lengths are rounded up to a multiple of this, which bounds the number of shapes to prepare for.
    """
    batches, ordered, at = [], sorted(windows, key=len, reverse=True), 0
    while at < len(ordered):
        n_pieces = round_up(max(len(ordered[at]), length), step)
        n_windows = min(max_windows, max(max_pieces // n_pieces, 1))
        batches.append(pad_batch(ordered[at : at + n_windows], pad_id=pad_id, length=length, step=step))
        at += n_windows
    return batches


def round_up(length: int, step: int) -> int:
    """`length`, rounded up to a multiple of `step`."""
    return -(-length // step) * step


def pad_batch(windows: Sequence[Window], *, pad_id: int, length: int = 0, step: int = 8) -> Batch:
    """Pad windows to the longest of them, or to `length` pieces if that is more."""
    n_pieces = round_up(max(length, *(len(window) for window in windows)), step)
    piece_ids = np.full((len(windows), n_pieces), pad_id, np.int32)
    shape_ids = np.zeros((len(windows), n_pieces), np.int32)
    for row, window in enumerate(windows):
        piece_ids[row, : len(window)] = window.piece_ids
        shape_ids[row, : len(window)] = window.shape_ids
    return Batch(tuple(windows), piece_ids, shape_ids)
