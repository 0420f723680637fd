"""Tokenization and decoding for engines that return logits: windows, batches by length, argmax, spans.

Cheaper than what the product does: no Viterbi decoding, no scores. Windows and batches are made by the product's
functions, so that all engines get the same pieces.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from benchmarks.peers.engines import Form
from benchmarks.peers.spans import Span, decode_spans
from ner_tasks.model.tokenization import SHAPES, Batch, Window, WordTokenizer, make_batches, make_windows, word_shape

# piece ids and shape ids [B, T] of each batch -> logits [B, T, K] of each; an engine may compute several at once
ComputeLogits = Callable[[Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]]], Sequence[NDArray[np.float32]]]


@lru_cache(maxsize=200_000)
def find_shape_id(word: str) -> int:
    """Return the id of a word's shape. Cached: words repeat."""
    return SHAPES.index(word_shape(word))


class PeerReader:
    """Tokenization and decoding of a peer.

    Args:
        tokenizer_file: the model's `tokenizer.json`.
        labels: labels in the order of the model's tag ids.
        max_pieces: maximum length of a window.
        form: batches and encoding.
    """

    def __init__(self, tokenizer_file: Path, labels: Sequence[str], max_pieces: int, form: Form):
        self._pieces, self._labels = WordTokenizer(tokenizer_file), tuple(labels)
        self._max_pieces, self.form = max_pieces, form
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def pad_id(self) -> int:
        return self._pieces.pad_id

    def spans(self, sentences: Sequence[Sequence[str]], compute: ComputeLogits) -> list[Span]:
        """Return the entities of the sentences."""
        form = self.form
        windows = list(self.windows(sentences))
        limits = {"max_windows": form.max_windows, "max_pieces": form.max_pieces, "step": form.step}
        batches = make_batches(windows, pad_id=self.pad_id, **limits)
        logits = compute([(batch.piece_ids, batch.shape_ids) for batch in batches])
        lengths = [len(words) for words in sentences]
        return decode_spans(_word_tag_ids(batches, logits, lengths), lengths, self._labels)

    def windows(self, sentences: Sequence[Sequence[str]]) -> Iterator[Window]:
        """Yield the windows of the sentences."""
        if self.form.encoding == "word cache":
            yield from make_windows(sentences, self._pieces, max_pieces=self._max_pieces)
            return
        encodings = self._tokenizer.encode_batch_fast(sentences, is_pretokenized=True, add_special_tokens=False)
        for index, (words, encoding) in enumerate(zip(sentences, encodings, strict=True)):
            word_of: Any = encoding.word_ids
            first = [at + 1 for at, word in enumerate(word_of) if not at or word != word_of[at - 1]]
            if len(first) != len(words) or len(word_of) > self._max_pieces - 2:
                # too long for one window, or a word without a piece
                yield from self._cut(index, words)
                continue
            shapes = [find_shape_id(word) for word in words]
            ids = (self._pieces.cls_id, *encoding.ids, self._pieces.sep_id)
            yield Window(index, 0, len(words), ids, (0, *(shapes[word] for word in word_of), 0), tuple(first))

    def _cut(self, index: int, words: Sequence[str]) -> Iterator[Window]:
        for window in make_windows([words], self._pieces, max_pieces=self._max_pieces):
            yield Window(index, window.start, window.end, window.piece_ids, window.shape_ids, window.first_pieces)


def _word_tag_ids(
    batches: Sequence[Batch], logits: Sequence[NDArray[np.float32]], lengths: Sequence[int]
) -> NDArray[np.intp]:
    """Return the tag id of every word; where windows overlap, from the window with the most context."""
    ends = np.cumsum(lengths)
    ids = np.zeros(int(ends[-1]) if len(ends) else 0, np.intp)
    context = np.full(len(ids), -1)
    for batch, scores in zip(batches, logits, strict=True):
        best = scores.argmax(axis=-1)  # [B, T]
        for row, window in enumerate(batch.windows):
            begin, length = int(ends[window.sentence]) - lengths[window.sentence], lengths[window.sentence]
            ids_here = best[row, list(window.first_pieces)]  # [words]
            here = slice(begin + window.start, begin + window.end)
            if window.start == 0 and window.end == length:
                ids[here] = ids_here
                continue
            words = np.arange(window.start, window.end)
            left = words - window.start if window.start else np.full(len(words), length)
            right = window.end - 1 - words if window.end < length else np.full(len(words), length)
            seen = np.minimum(left, right)
            better = seen > context[here]
            ids[here] = np.where(better, ids_here, ids[here])
            context[here] = np.where(better, seen, context[here])
    return ids
