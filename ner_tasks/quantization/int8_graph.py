"""Fused INT8 inference graph, built from the ranges that Intel Neural Compressor (INC) calibrated.

INC replaces each MatMul of the FP32 graph and keeps the operations between them, which then take half of the time. Here
a transformer layer is eleven fused operations. The up-projection includes GELU and requantization, and the
down-projection reads its bytes directly; the MatMuls include the residual sums; the attention MatMul includes scale and
mask. Kernels are quantized per column, which INC does not support for MatMuls.

Activations are unsigned bytes, as the left operand of the CPU's INT8 instructions, and 0 stands for the lower end of the
range. Subtracting that lower end costs nothing: layer normalization cancels a constant shift of its input, a convex
combination of shifted values is the shifted combination, and the effect of a shift on a MatMul is a known constant.

Only attention computes padding. The other operations compute packed pieces, see `model.packing`; above its attention,
the last layer computes only the pieces that are read, which are the first pieces of words.

Several routes use the same weights, see `model.graph_outputs`. `docs/performance.md` reports the gain of each step.

Shapes: B windows, T pieces per window, N packed pieces, R pieces that are read, M either N or R, E width of the
embeddings, H hidden size, A heads, D = H / A, K tags.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ner_tasks.model.encoders.base import EncoderConfig
from ner_tasks.model.graph_outputs import PACKED_INPUTS, ROUTES, Route
from ner_tasks.model.token_classifier import gelu
from ner_tasks.quantization import onednn_ops
from ner_tasks.quantization.graph_weights import BlockWeights, Dense, GraphWeights, Norm, Range


def build_int8_graph(
    weights: GraphWeights, ranges: Mapping[str, Range], sizes: EncoderConfig, *, pad_id: int, per_channel: bool = True
) -> tf.compat.v1.GraphDef:
    """Build the graph: `PACKED_INPUTS`, int32, to the outputs of `ROUTES`, float32 [R, K], for any B, T, N and R.

    Args:
        weights: weights of the FP32 graph.
        ranges: input ranges of the dense layers to quantize; the other layers stay FP32.
        sizes: sizes of the encoder.
        pad_id: piece id of padding, which is masked in attention.
        per_channel: quantize each column of a kernel with its own scale.
    """
    graph = tf.Graph()
    with graph.as_default():
        piece_ids, shape_ids, positions, rows, read = (
            tf.compat.v1.placeholder(tf.int32, [None] * rank, name=name) for name, rank in PACKED_INPUTS.items()
        )
        builder = _Builder(weights, ranges, sizes, per_channel=per_channel)
        inputs = builder.embed(piece_ids, shape_ids, positions)
        bias = builder.attention_bias(piece_ids, pad_id)
        heads = _HeadRows.add(positions, rows, read, sizes.num_attention_heads)
        for route in ROUTES:
            tf.identity(builder.logits(inputs, bias, heads, route), name=route.output)  # [R, K]
    return graph.as_graph_def()


@dataclass(frozen=True)
class _HeadRows:
    """Indices of the rows of D numbers that one head of one piece has.

    The dense layers compute packed pieces, attention computes padded windows. Gathering rows takes as long as the
    transposition that attention needs anyway.

    Attributes:
        qkv: rows of query, key and value [N, 3H] by head, [3, B, A, T].
        attended: rows of the attention's result [B, A, T, D] by packed piece, [N, A].
        read_attended: the same for the pieces that are read, [R, A].
        read: packed pieces that are read, [R].
    """

    qkv: tf.Tensor
    attended: tf.Tensor
    read_attended: tf.Tensor
    read: tf.Tensor

    @classmethod
    def add(cls, positions: tf.Tensor, rows: tf.Tensor, read: tf.Tensor, n_heads: int) -> "_HeadRows":
        """Add the computation of the indices to the default graph; arguments are those of `PACKED_INPUTS`."""
        n_pieces = tf.shape(rows)[1]
        parts = np.arange(3 * n_heads, dtype=np.int32).reshape(3, 1, n_heads, 1)
        qkv = rows[None, :, None, :] * (3 * n_heads) + parts  # [3, B, A, T]
        # b * T + t becomes (b * A + a) * T + t.
        first = positions + positions // n_pieces * (n_pieces * (n_heads - 1))  # [N]
        attended = first[:, None] + np.arange(n_heads, dtype=np.int32) * n_pieces  # [N, A]
        return cls(qkv, attended, tf.gather(attended, read), read)


@dataclass(frozen=True)
class _Activations:
    """Activations [M, N] minus `range.least`, also as bytes if the layer that reads them is INT8; 255 is `range.span`."""

    values: tf.Tensor
    quantized: tf.Tensor | None
    range: Range


class _Builder:
    """Adds nodes to the default graph; the routes share the constants of the dense layers."""

    def __init__(self, weights: GraphWeights, ranges: Mapping[str, Range], sizes: EncoderConfig, *, per_channel: bool):
        self._weights, self._ranges, self._sizes = weights, ranges, sizes
        self._int8: dict[str, onednn_ops.DenseConstants] = {}
        self._fp32: dict[str, tuple[tf.Tensor, tf.Tensor]] = {}
        for block in weights.blocks:
            # The shift goes into the bias of the value projection, since attention weights sum to 1.
            shift = np.repeat([0, 0, self._range(block.attended).least], sizes.hidden_size).astype(np.float32)  # [3H]
            self._add_layer(block.qkv, block.qkv.bias - shift, per_channel=per_channel)
            for layer in (block.attended, block.up, block.down):
                self._add_layer(layer, layer.bias, per_channel=per_channel)
        if weights.project is not None:
            read = self._range(weights.blocks[0].qkv)
            self._add_layer(weights.project, weights.project.bias - np.float32(read.least), per_channel=per_channel)
        self._add_layer(weights.classifier, weights.classifier.bias, per_channel=per_channel)

    def embed(self, piece_ids: tf.Tensor, shape_ids: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """Return the summed embeddings of the packed pieces before normalization, [N, E]."""
        in_window = positions % tf.shape(piece_ids)[1]  # [N]
        piece_ids, shape_ids = (tf.gather(tf.reshape(ids, [-1]), positions) for ids in (piece_ids, shape_ids))  # [N]
        # float16 halves the memory; its rounding error is a hundredth of a quantization step.
        words = tf.cast(tf.gather(tf.constant(self._weights.words, tf.float16), piece_ids), tf.float32)  # [N, E]
        shapes = tf.gather(tf.constant(self._weights.shapes), shape_ids)  # [N, E]
        return words + (shapes + tf.gather(tf.constant(self._weights.positions), in_window))  # [N, E]

    def attention_bias(self, piece_ids: tf.Tensor, pad_id: int) -> tf.Tensor:
        """Return what is added to the attention scores, [B, 1, 1, T], or [B, A, T, T] with relative positions."""
        padding = tf.cast(tf.equal(piece_ids, pad_id), tf.float32)[:, None, None, :] * -1e4  # [B, 1, 1, T]
        if self._weights.relative is None or self._sizes.family.find_buckets is None:
            return padding
        n_pieces = tf.shape(piece_ids)[1]
        buckets = tf.constant(self._sizes.family.find_buckets(self._sizes.max_pieces))[:n_pieces, :n_pieces]  # [T, T]
        return padding + tf.gather(tf.constant(self._weights.relative.T.copy()), buckets, axis=1)

    def logits(self, inputs: tf.Tensor, bias: tf.Tensor, heads: _HeadRows, route: Route) -> tf.Tensor:
        """Return the logits [R, K] of embeddings [N, E] on one route."""
        blocks, classifier = self._weights.blocks, self._weights.classifier
        read_by = [*(block.qkv for block in blocks), classifier]
        bias, project = tf.cast(bias, tf.as_dtype(route.attention)), self._weights.project
        x = self._norm(inputs, self._weights.norm, project or read_by[0], route)
        if project is not None:
            x = self._activations(self._dense(x, project), read_by[0], route)
        for index, (block, next_layer) in enumerate(zip(blocks, read_by[1:], strict=True)):
            values, rows = x.values, heads.attended
            attended = self._attention(x, bias, block, heads, route)  # [B, A, T, D]
            if index == len(blocks) - 1:
                # Above its attention, the last layer computes only the pieces that are read: M is N before, R after.
                values, rows = tf.gather(values, heads.read), heads.read_attended
            read = self._collect_heads(attended, rows, block, route)  # [M, H]
            summed = self._dense(read, block.attended, add=values)  # [M, H]
            x = self._norm(summed, block.attended_norm, block.up, route)
            wide = self._up_projection(x, block, route)  # [M, 4H]
            x = self._norm(self._dense(wide, block.down, add=x.values), block.down_norm, next_layer, route)  # [M, H]
        return self._dense(x, classifier)

    def _attention(
        self, x: _Activations, bias: tf.Tensor, block: BlockWeights, heads: _HeadRows, route: Route
    ) -> tf.Tensor:
        """Return the attention's result by head, [B, A, T, D]."""
        head = self._sizes.hidden_size // self._sizes.num_attention_heads
        qkv = self._dense(x, block.qkv, dtype=tf.as_dtype(route.attention))  # [N, 3H]
        query, key, value = tf.unstack(tf.gather(tf.reshape(qkv, [-1, head]), heads.qkv))  # 3 of [B, A, T, D]
        scores = onednn_ops.attention_scores(query, key, head**-0.5, bias, name="scores")  # [B, A, T, T]
        return tf.matmul(tf.nn.softmax(scores), value)

    def _collect_heads(self, attended: tf.Tensor, rows: tf.Tensor, block: BlockWeights, route: Route) -> _Activations:
        """Return the attention's result by piece, [M, H]."""
        hidden = self._sizes.hidden_size
        by_head = tf.reshape(attended, [-1, hidden // self._sizes.num_attention_heads])  # [B * A * T, D]
        read = tf.reshape(tf.gather(by_head, rows), [-1, hidden])  # [M, H]
        return self._activations(tf.cast(read, tf.float32), block.attended, route)

    def _up_projection(self, x: _Activations, block: BlockWeights, route: Route) -> _Activations:
        """Up-projection with GELU."""
        after, approximate = self._range(block.down), self._sizes.approximate_gelu
        if {block.up.name, block.down.name} - self._int8.keys():
            wide = gelu(self._dense(x, block.up), approximate=approximate)  # [M, 4H]
            return self._activations(wide - after.least, block.down, route)
        activation: onednn_ops.Activation = "GeluApproximate" if approximate else "GeluExact"
        weights = self._int8[block.up.name]
        wide = onednn_ops.dense_to_bytes(x.quantized, weights, x.range.span, activation, *after, name=block.up.name)
        return _Activations(wide, wide, after)  # never read as floats

    def _norm(self, x: tf.Tensor, norm: Norm, read_by: Dense, route: Route) -> _Activations:
        gamma, beta = tf.constant(norm.gamma), tf.constant(norm.beta - np.float32(self._range(read_by).least))
        epsilon = self._sizes.layer_norm_eps
        values = onednn_ops.layer_norm(x, gamma, beta, epsilon=epsilon, few=route.few, name="norm")
        return self._activations(values, read_by, route)

    def _activations(self, values: tf.Tensor, read_by: Dense, route: Route) -> _Activations:
        input_range = self._range(read_by)
        if read_by.name not in self._int8:
            return _Activations(values, None, input_range)
        quantized = onednn_ops.quantize(values, input_range.span, few=route.few, name="bytes")
        return _Activations(values, quantized, input_range)

    def _dense(
        self, x: _Activations, layer: Dense, *, dtype: tf.DType = tf.float32, add: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Dense layer on bytes or floats, [M, N]."""
        if x.quantized is not None:
            weights = self._int8[layer.name]
            return onednn_ops.dense(x.quantized, weights, x.range.span, dtype=dtype, add=add, name=layer.name)
        kernel, bias = self._fp32[layer.name]
        result = tf.nn.bias_add(tf.matmul(x.values, kernel), bias)
        return tf.cast(result if add is None else result + add, dtype)

    def _add_layer(self, layer: Dense, bias: NDArray[np.float32], *, per_channel: bool) -> None:
        if layer.name not in self._ranges:
            self._fp32[layer.name] = tf.constant(layer.kernel), tf.constant(bias)
            return
        kernel = onednn_ops.QuantizedKernel.from_floats(layer.kernel, per_channel=per_channel)
        self._int8[layer.name] = onednn_ops.DenseConstants.add(kernel, bias, self._range(layer).least, layer.name)

    def _range(self, layer: Dense) -> Range:
        """Return the input range of a layer; an FP32 layer reads its input unshifted."""
        return self._ranges.get(layer.name, Range(0.0, 0.0))
