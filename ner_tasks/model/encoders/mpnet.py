"""MPNet: BERT without segments and with a bias of the attention scores by relative position, shared by all layers."""

import math

import numpy as np
from numpy.typing import NDArray

from ner_tasks.model.encoders.base import BERT_SETTINGS, Family, LayerNames, after_padding

N_BUCKETS = 32
_MAX_DISTANCE = 128


def find_buckets(n_pieces: int) -> NDArray[np.int32]:
    """Return the bucket of the relative position of each pair of pieces, [T, T].

    Half of the buckets are for pieces to the right. Half of these are for one distance each, the others for ranges that
    grow with the distance.

    Args:
        n_pieces: T.

    Source: C. Raffel et al., Exploring the limits of transfer learning (T5), JMLR 2020.
    """
    half, exact = N_BUCKETS // 2, N_BUCKETS // 4
    at = np.arange(n_pieces)
    offset = at[None, :] - at[:, None]  # [T, T], of the piece that is read
    distance = np.abs(offset)
    # in float32, as MPNet was trained: a bucket's limit may depend on the rounding
    log = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact))
    ranges = exact + (log / np.float32(math.log(_MAX_DISTANCE / exact)) * np.float32(half - exact)).astype(np.int32)
    buckets = np.where(distance < exact, distance, np.minimum(ranges, half - 1))
    return (buckets + half * (offset > 0)).astype(np.int32)


MPNET = Family(
    "MPNet",
    ("mpnet",),
    prefix="mpnet.",
    settings={field: name for field, name in BERT_SETTINGS.items() if field != "type_vocab_size"},
    layer=LayerNames(
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        attended="attention.attn.o",
        attended_norm="attention.LayerNorm",
    ),
    required={"relative_attention_num_buckets": N_BUCKETS, "pad_token_id": 1, "is_decoder": False},
    first_position=after_padding,
    n_buckets=N_BUCKETS,
    find_buckets=find_buckets,
)
