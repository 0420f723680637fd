"""Packing: which pieces of a padded batch an INT8 graph computes, and which of them are read.

Windows of a batch have different lengths, so that one tensor of them contains padding. Only attention needs that tensor;
the other operations compute a piece from itself, so they get the pieces of all windows one after the other.

Shapes: B windows, T pieces per window, N packed pieces, R pieces that are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ner_tasks.model.tokenization import Batch, Window, pad_batch, round_up

# oneDNN compiles code for each N and each R, so both are rounded up to this many sizes per power of two. Fewer layers
# have R rows, so more sizes cost less.
_N_SIZES, _R_SIZES = 8, 16
# Shapes of attention, which compiles code for each, too.
_WINDOWS_STEP, _PIECES_STEP = 8, 4
# Attention may compute this many times the pieces of a batch, if a long window is among short ones.
_MAX_PADDED = 1.25


@dataclass(frozen=True)
class PackedBatch:
    """A batch as the inputs of a packed graph, all int32, see `graph_outputs.PACKED_INPUTS`.

    Attributes:
        batch: the padded windows; behind them may be rows of padding.
        positions: position `b * T + t` of each packed piece, [N]; the last ones may be dummies, at position 0.
        rows: packed piece of each position, [B, T]; 0 at padding, which is masked in attention.
        read: first packed piece of each word, in the order of the windows, [R]; the last ones may be dummies.
        n_words: number of words.
    """

    batch: Batch
    positions: NDArray[np.int32]
    rows: NDArray[np.int32]
    read: NDArray[np.int32]
    n_words: int


def pack(batch: Batch) -> PackedBatch:
    """Pack a batch of at least one window."""
    lengths = np.zeros(len(batch.piece_ids), np.int64)  # [B]
    lengths[: len(batch.windows)] = [len(window) for window in batch.windows]
    filled = np.arange(batch.piece_ids.shape[1]) < lengths[:, None]  # [B, T]
    rows = np.zeros(filled.shape, np.int32)
    rows[filled] = np.arange(lengths.sum())
    starts = (np.cumsum(lengths) - lengths).tolist()
    read = [
        start + first for start, window in zip(starts, batch.windows, strict=False) for first in window.first_pieces
    ]
    return PackedBatch(batch, _pad(np.flatnonzero(filled), _N_SIZES), rows, _pad(read, _R_SIZES), len(read))


def make_packed_batches(
    windows: Sequence[Window], *, pad_id: int, max_windows: int, max_pieces: int, length: int = 0
) -> list[PackedBatch]:
    """Batch windows by length, the longest first; each batch but the last has as many pieces as are allowed.

    Args:
        windows: windows in any order.
        pad_id: piece id of [PAD].
        max_windows: maximum number of windows in a batch.
        max_pieces: maximum number of pieces in a batch without padding; a single window may exceed it.
        length: minimum padded length in pieces.
    """
    batches, ordered, at = [], sorted(windows, key=len, reverse=True), 0
    while at < len(ordered):
        longest = round_up(max(len(ordered[at]), length), _PIECES_STEP)
        most, end, left = min(max_windows, max(int(_MAX_PADDED * max_pieces) // longest, 1)), at, max_pieces
        while end < min(at + most, len(ordered)) and (len(ordered[end]) <= left or end == at):
            left -= len(ordered[end])
            end += 1
        batches.append(pack(_pad_windows(ordered[at:end], pad_id, longest)))
        at = end
    return batches


def round_size(n: int, n_sizes: int) -> int:
    """Round a number up to one of `n_sizes` numbers per power of two; 0 becomes 1."""
    power = 1 << max(n - 1, 0).bit_length()  # at least n
    return round_up(max(n, 1), max(power // 2 // n_sizes, 1))


def _pad_windows(windows: Sequence[Window], pad_id: int, length: int) -> Batch:
    batch = pad_batch(windows, pad_id=pad_id, length=length, step=_PIECES_STEP)
    # Single windows and pairs are frequent; the padding of more costs less than code for each number.
    extra = round_up(len(windows), _WINDOWS_STEP if len(windows) > 2 else 1) - len(windows)
    if not extra:
        return batch
    below = ((0, extra), (0, 0))
    ids = np.pad(batch.piece_ids, below, constant_values=pad_id)
    return Batch(batch.windows, ids, np.pad(batch.shape_ids, below))


def _pad(indices: Sequence[int] | NDArray[np.int64], n_sizes: int) -> NDArray[np.int32]:
    padded = np.zeros(round_size(len(indices), n_sizes), np.int32)
    padded[: len(indices)] = indices
    return padded
