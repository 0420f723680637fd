"""The INT8 inference graph, built anew around the ranges that Intel Neural Compressor (INC) has calibrated.

INC turns each MatMul of the FP32 graph into INT8 and leaves all else as it is: half of the time then goes into what lies
between them. Here a layer is eleven fused operations. GELU and the step to bytes happen inside the up-projection, whose
bytes the down-projection reads as they are; the residual sums happen inside the MatMuls; scale and mask inside that of
the attention. Kernels are rounded by column, which INC does not do for MatMuls.

All bytes are unsigned, which is what the CPU's INT8 instructions want on their left, and 0 stands for the least value of
a range. Shifting what is quantized by that least value costs nothing: a layer normalization undoes a shift of its input,
a convex mixture of shifted values is the shifted mixture, and what a shift adds behind a MatMul is known beforehand.

Several routes lead through the same weights, see `routes`. `docs/performance.md` has what each step was worth.

Shapes in the comments: B windows, T pieces in a window, M = B * T, H hidden size, A heads, D = H / A, K tags.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ner_tasks.model.graph_outputs import INPUTS, ROUTES, Route
from ner_tasks.model.token_classifier import EncoderConfig, gelu
from ner_tasks.quantization import onednn_ops
from ner_tasks.quantization.graph_weights import BlockWeights, Dense, GraphWeights, Norm, Range


def build_int8_graph(
    weights: GraphWeights, ranges: Mapping[str, Range], sizes: EncoderConfig, *, pad_id: int, per_channel: bool = True
) -> tf.compat.v1.GraphDef:
    """Build the graph: `INPUTS`, int32 [B, T], to the outputs of `ROUTES`, float32 [B, T, K], for any B and T.

    Args:
        weights: of the FP32 graph.
        ranges: of the inputs of the dense layers that shall be INT8; the others stay FP32.
        sizes: the encoder's.
        pad_id: piece id of padding, which nothing attends to.
        per_channel: whether each column of a kernel has a scale of its own.
    """
    graph = tf.Graph()
    with graph.as_default():
        piece_ids, shape_ids = (tf.compat.v1.placeholder(tf.int32, [None, None], name=name) for name in INPUTS)
        builder = _Builder(weights, ranges, sizes, per_channel=per_channel)
        inputs = builder.embedded(piece_ids, shape_ids)
        bias = tf.cast(tf.equal(piece_ids, pad_id), tf.float32)[:, None, None, :] * -1e4  # [B, 1, 1, T]
        for route in ROUTES:
            logits = builder.logits(inputs, bias, route)  # [M, K]
            tf.reshape(logits, tf.concat([tf.shape(piece_ids), [-1]], axis=0), name=route.output)  # [B, T, K]
    return graph.as_graph_def()


@dataclass(frozen=True)
class _Activations:
    """Values [M, N] less `shift`, and as bytes if the layer that reads them is INT8; `span` is what 255 stands for."""

    values: tf.Tensor
    quantized: tf.Tensor | None
    range: Range


class _Builder:
    """Adds nodes to the default graph; the weights of dense layers are added once, whichever routes use them."""

    def __init__(self, weights: GraphWeights, ranges: Mapping[str, Range], sizes: EncoderConfig, *, per_channel: bool):
        self._weights, self._ranges, self._sizes = weights, ranges, sizes
        self._int8: dict[str, onednn_ops.Weights] = {}
        self._fp32: dict[str, tuple[tf.Tensor, tf.Tensor]] = {}
        for block in weights.blocks:
            # The value's bias carries the shift of what is read: the weights of a mixture add up to one.
            shift = np.repeat([0, 0, self._range(block.attended).least], sizes.hidden_size).astype(np.float32)  # [3H]
            self._add_layer(block.qkv, block.qkv.bias - shift, per_channel=per_channel)
            for layer in (block.attended, block.up, block.down):
                self._add_layer(layer, layer.bias, per_channel=per_channel)
        self._add_layer(weights.classifier, weights.classifier.bias, per_channel=per_channel)

    def embedded(self, piece_ids: tf.Tensor, shape_ids: tf.Tensor) -> tf.Tensor:
        """Sum of a piece's embeddings, before its normalization: [M, H]."""
        n_pieces = tf.shape(piece_ids)[1]
        # Half the memory; what float16 rounds off is a hundredth of a step of the bytes that they become.
        words = tf.cast(tf.gather(tf.constant(self._weights.words, tf.float16), piece_ids), tf.float32)  # [B, T, H]
        shapes = tf.gather(tf.constant(self._weights.shapes), shape_ids)  # [B, T, H]
        summed = words + (shapes + tf.constant(self._weights.positions)[:n_pieces])  # [B, T, H]
        return tf.reshape(summed, [-1, self._sizes.hidden_size])  # [M, H]

    def logits(self, inputs: tf.Tensor, bias: tf.Tensor, route: Route) -> tf.Tensor:
        """Logits [M, K] of embeddings [M, H], by one route."""
        blocks, classifier = self._weights.blocks, self._weights.classifier
        read_by = [*(block.qkv for block in blocks), classifier]
        x = self._norm(inputs, self._weights.norm, read_by[0], route)
        for block, next_layer in zip(blocks, read_by[1:], strict=True):
            read = self._attention(x, bias, block, route)  # [M, H]
            summed = self._dense(read, block.attended, add=x.values)  # [M, H]
            x = self._norm(summed, block.attended_norm, block.up, route)
            wide = self._up(x, block, route)  # [M, 4H]
            x = self._norm(self._dense(wide, block.down, add=x.values), block.down_norm, next_layer, route)  # [M, H]
        return self._dense(x, classifier)

    def _attention(self, x: _Activations, bias: tf.Tensor, block: BlockWeights, route: Route) -> _Activations:
        n_heads, hidden = self._sizes.num_attention_heads, self._sizes.hidden_size
        head, dtype, shape = hidden // n_heads, tf.as_dtype(route.attention), tf.shape(bias)
        qkv = self._dense(x, block.qkv, dtype=dtype)  # [M, 3H]
        qkv = tf.reshape(qkv, tf.stack([shape[0], shape[3], 3, n_heads, head]))  # [B, T, 3, A, D]
        query, key, value = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]))  # 3 of [B, A, T, D]
        scores = onednn_ops.scores(query, key, head**-0.5, tf.cast(bias, dtype), name="scores")  # [B, A, T, T]
        read = tf.matmul(tf.nn.softmax(scores), value)  # [B, A, T, D]
        read = tf.reshape(tf.transpose(read, [0, 2, 1, 3]), [-1, hidden])  # [M, H]
        return self._activations(tf.cast(read, tf.float32), block.attended, route)

    def _up(self, x: _Activations, block: BlockWeights, route: Route) -> _Activations:
        """The up-projection and its GELU."""
        after, approximate = self._range(block.down), self._sizes.approximate_gelu
        if {block.up.name, block.down.name} - self._int8.keys():
            wide = gelu(self._dense(x, block.up), approximate=approximate)  # [M, 4H]
            return self._activations(wide - after.least, block.down, route)
        activation: onednn_ops.Activation = "GeluApproximate" if approximate else "GeluExact"
        weights = self._int8[block.up.name]
        wide = onednn_ops.dense_to_bytes(x.quantized, weights, x.range.span, activation, *after, name=block.up.name)
        return _Activations(wide, wide, after)  # nobody reads it as floats

    def _norm(self, x: tf.Tensor, norm: Norm, read_by: Dense, route: Route) -> _Activations:
        gamma, beta = tf.constant(norm.gamma), tf.constant(norm.beta - np.float32(self._range(read_by).least))
        epsilon = self._sizes.layer_norm_eps
        values = onednn_ops.layer_norm(x, gamma, beta, epsilon=epsilon, few=route.few, name="norm")
        return self._activations(values, read_by, route)

    def _activations(self, values: tf.Tensor, read_by: Dense, route: Route) -> _Activations:
        found = self._range(read_by)
        if read_by.name not in self._int8:
            return _Activations(values, None, found)
        return _Activations(values, onednn_ops.quantize(values, found.span, few=route.few, name="bytes"), found)

    def _dense(
        self, x: _Activations, layer: Dense, *, dtype: tf.DType = tf.float32, add: tf.Tensor | None = None
    ) -> tf.Tensor:
        """A dense layer of bytes or of floats: [M, N]."""
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
        kernel = onednn_ops.QuantizedKernel.of(layer.kernel, per_channel=per_channel)
        self._int8[layer.name] = onednn_ops.Weights.of(kernel, bias, self._range(layer).least, layer.name)

    def _range(self, layer: Dense) -> Range:
        """Range of a layer's input; a layer of floats reads its input unshifted."""
        return self._ranges.get(layer.name, Range(0.0, 0.0))
