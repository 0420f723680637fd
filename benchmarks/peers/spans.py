"""Decode the tag ids of many sentences to entities at once.

The ids are those of `LabelSet`: 0 is `O`, then `B-` and `I-` of each label. The rules are those of `ner_tasks.entities`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ner_tasks.labels import OUTSIDE

# sentence, start, end, label; words [start, end)
Span = tuple[int, int, int, str]
# start, end, label; characters [start, end) of a text
TextSpan = tuple[int, int, str]


def decode_spans(ids: NDArray[np.intp], lengths: Sequence[int], labels: Sequence[str]) -> list[Span]:
    """Return the entities in the tag ids of sentences.

    Args:
        ids: tag ids of the words of all sentences, concatenated.
        lengths: number of words of each sentence.
        labels: labels in the order of their ids.
    """
    if not len(ids):
        return []
    sizes = np.asarray(lengths, np.intp)
    sentence = np.repeat(np.arange(len(sizes)), sizes)  # [words]
    offset = (np.cumsum(sizes) - sizes)[sentence]  # [words]
    label, inside = (ids - 1) // 2, (ids > 0) & (ids % 2 == 0)
    goes_on = np.zeros(len(ids) + 1, bool)
    goes_on[1:-1] = inside[1:] & (ids[:-1] > 0) & (label[1:] == label[:-1]) & (sentence[1:] == sentence[:-1])
    first = np.flatnonzero((ids > 0) & ~goes_on[:-1])
    last = np.flatnonzero((ids > 0) & ~goes_on[1:])
    columns = (sentence[first], first - offset[first], last + 1 - offset[first], label[first])
    return [(s, start, end, labels[k]) for s, start, end, k in zip(*(c.tolist() for c in columns), strict=True)]


def encode_bio(spans: Sequence[Span], lengths: Sequence[int]) -> list[list[str]]:
    """Return the BIO tags of each sentence."""
    tags = [[OUTSIDE] * length for length in lengths]
    for sentence, start, end, label in spans:
        tags[sentence][start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return tags
