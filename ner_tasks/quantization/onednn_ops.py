"""Fused oneDNN operations that TensorFlow has kernels but no Python functions for.

Each function adds one node to the default graph. Grappler fuses some of these patterns, but never those around quantized
MatMuls, so the INT8 graph contains the fused nodes. They run only with oneDNN enabled (`hardware.tensorflow_env`).

Source: tensorflow/core/ops/mkl_nn_ops.cc and tensorflow/core/kernels/mkl of TensorFlow 2.21.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework import attr_value_pb2, tensor_pb2, tensor_shape_pb2, types_pb2

from ner_tasks.inference.int8_without_vnni import BIAS, KERNEL, LARGEST, LEAST, N_WEIGHT_LEVELS, SHIFT

N_LEVELS = 255  # largest unsigned byte

Activation = Literal["", "GeluExact", "GeluApproximate"]


@dataclass(frozen=True)
class QuantizedKernel:
    """A kernel quantized to signed bytes.

    Attributes:
        values: [K, N].
        largest: absolute value that 127 stands for in each column, [N].
    """

    values: NDArray[np.int8]
    largest: NDArray[np.float32]

    @classmethod
    def from_floats(cls, kernel: NDArray[np.float32], *, per_channel: bool) -> "QuantizedKernel":
        """Quantize a kernel [K, N] symmetrically, per column or with one scale."""
        largest = np.abs(kernel).max(axis=0) if per_channel else np.full(kernel.shape[1], np.abs(kernel).max())
        largest = np.maximum(largest, np.finfo(np.float32).tiny).astype(np.float32)
        values = np.rint(kernel / largest * N_WEIGHT_LEVELS).astype(np.int8)
        return cls(values, largest)

    def column_sums(self) -> NDArray[np.float32]:
        """Return the column sums of the dequantized kernel, [N]: the change of the output per unit of an input shift."""
        sums = self.values.sum(axis=0, dtype=np.int64) * self.largest / N_WEIGHT_LEVELS
        return sums.astype(np.float32)


@dataclass(frozen=True)
class DenseConstants:
    """Constants of a quantized dense layer in the graph.

    Attributes:
        kernel: signed bytes [K, N].
        bias: float32 [N].
        least: lower ends of the ranges of the columns, [N].
        largest: upper ends of the ranges of the columns, [N].
    """

    kernel: tf.Tensor
    bias: tf.Tensor
    least: tf.Tensor
    largest: tf.Tensor

    @classmethod
    def add(cls, kernel: QuantizedKernel, bias: NDArray[np.float32], shift: float, name: str) -> "DenseConstants":
        """Add the constants of a dense layer to the default graph.

        Args:
            kernel: quantized kernel.
            bias: [N].
            shift: value subtracted from the input of the layer.
            name: prefix of the constants' names.
        """
        # read by `inference.int8_without_vnni`
        tf.constant(shift, tf.float32, name=name + SHIFT)
        return cls(
            _bytes_constant(kernel.values, name + KERNEL),
            tf.constant(bias + np.float32(shift) * kernel.column_sums(), tf.float32, name=name + BIAS),
            tf.constant(-kernel.largest, name=name + LEAST),
            tf.constant(kernel.largest, name=name + LARGEST),
        )


def quantize(x: tf.Tensor, span: float, *, few: bool, name: str) -> tf.Tensor:
    """Quantize floats in [0, span] to unsigned bytes of the same shape; values outside are clipped.

    Args:
        x: floats of any shape.
        span: value that 255 stands for.
        few: whether there are so few values that creating a oneDNN primitive takes longer than the computation.
        name: name of the node.
    """
    # Both modes compute the same for a range that starts at 0; only SCALED runs in oneDNN.
    mode = "MIN_COMBINED" if few else "SCALED"
    node = _add_node(
        "QuantizeV2",
        [x, tf.constant(0.0), tf.constant(span)],
        [tf.quint8, tf.float32, tf.float32],
        name,
        T=tf.quint8,
        mode=mode,
        round_mode="HALF_AWAY_FROM_ZERO" if few else "HALF_TO_EVEN",
        narrow_range=False,
        axis=-1,
        ensure_minimum_range=0.0,
    )
    return node.outputs[0]


def dense(
    x: tf.Tensor, weights: DenseConstants, span: float, *, dtype: tf.DType, add: tf.Tensor | None = None, name: str
) -> tf.Tensor:
    """Compute `x @ kernel + bias`, plus `add` if given, as floats [M, N].

    Args:
        x: unsigned bytes [M, K].
        weights: constants of the layer.
        span: value that 255 stands for in `x`.
        dtype: float32 or bfloat16, type of the result.
        add: float32 [M, N], such as a residual.
        name: name of the node.
    """
    extra = [] if add is None else [add]
    fused = ["BiasAdd", *(["Add"] if extra else []), "Dequantize"]
    return _quantized_matmul(x, weights, span, fused, dtype, extra, [], name)


def dense_to_bytes(
    x: tf.Tensor,
    weights: DenseConstants,
    span: float,
    activation: Activation,
    least: float,
    largest: float,
    *,
    name: str,
) -> tf.Tensor:
    """Compute `activation(x @ kernel + bias)` as unsigned bytes [M, N].

    Args:
        x: unsigned bytes [M, K].
        weights: constants of the layer.
        span: value that 255 stands for in `x`.
        activation: kind of GELU, or "" for none.
        least: value that 0 stands for in the result.
        largest: value that 255 stands for in the result.
        name: name of the node.
    """
    fused = ["BiasAdd", *([activation] if activation else []), "Requantize"]
    return _quantized_matmul(x, weights, span, fused, tf.quint8, [], [tf.constant(least), tf.constant(largest)], name)


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, *, epsilon: float, few: bool, name: str) -> tf.Tensor:
    """Normalize [M, H] over its last axis.

    Args:
        x: float32 [M, H].
        gamma: scale [H].
        beta: offset [H].
        epsilon: added to the variance.
        few: compute without oneDNN, whose primitive takes 0.15 ms to create at each call.
        name: name of the node.
    """
    if few:
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)  # [M, H]
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)  # [M, 1]
        return centred * (tf.math.rsqrt(variance + epsilon) * gamma) + beta  # [M, H]
    return _add_node("_MklLayerNorm", [x, gamma, beta], [tf.float32], name, T=tf.float32, epsilon=epsilon).outputs[0]


def attention_scores(query: tf.Tensor, key: tf.Tensor, scale: float, bias: tf.Tensor, *, name: str) -> tf.Tensor:
    """Compute `query @ key^T * scale + bias`, [B, A, T, T].

    Args:
        query: [B, A, T, D].
        key: [B, A, T, D], of the same type.
        scale: factor of the products.
        bias: [B, 1, 1, T] or [B, A, T, T], of the same type; a large negative number at padding.
        name: name of the node.
    """
    dtype = query.dtype
    node = _add_node(
        "_MklFusedBatchMatMulV2",
        [query, key, tf.constant(scale, dtype), bias],
        [dtype],
        name,
        T=dtype,
        adj_x=False,
        adj_y=True,
        num_args=2,
        fused_ops=["Mul", "Add"],
    )
    result = node.outputs[0]
    result.set_shape([None, query.shape[1], None, None])
    return result


def _quantized_matmul(
    x: tf.Tensor,
    weights: DenseConstants,
    span: float,
    fused: Sequence[str],
    dtype: tf.DType,
    extra: Sequence[tf.Tensor],
    tail: Sequence[tf.Tensor],
    name: str,
) -> tf.Tensor:
    device = [x, weights.kernel, weights.bias, *extra]
    ranges = [tf.constant(0.0), tf.constant(span), weights.least, weights.largest, *tail]
    range_dtypes = [tf.float32, tf.float32] if dtype == tf.quint8 else []  # outputs with the range of the bytes
    node = _add_node(
        "_QuantizedMatMul",
        [*device, *ranges],
        [dtype, *range_dtypes],
        name,
        Tdevice_inputs=[tensor.dtype for tensor in device],
        Thost_inputs=[tensor.dtype for tensor in ranges],
        Tdevice_outputs=[dtype],
        Thost_outputs=range_dtypes,
        T1=tf.quint8,
        T2=tf.qint8,
        Tbias=tf.float32,
        U=tf.float32,
        Tout=dtype,
        transpose_a=False,
        transpose_b=False,
        is_weight_const=True,
        is_bias_const=True,
        fused_ops=list(fused),
        input_quant_mode="SCALED",
        output_quant_mode="MIN_FIRST",
    )
    return node.outputs[0]


def _bytes_constant(values: NDArray[np.int8], name: str) -> tf.Tensor:
    shape = tensor_shape_pb2.TensorShapeProto(dim=[{"size": size} for size in values.shape])
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_QINT8, tensor_shape=shape, tensor_content=values.tobytes())
    attrs = {"value": attr_value_pb2.AttrValue(tensor=proto), "dtype": _make_attr(tf.qint8)}
    return tf.compat.v1.get_default_graph().create_op("Const", [], [tf.qint8], attrs=attrs, name=name).outputs[0]


def _add_node(
    op: str, inputs: Sequence[tf.Tensor], dtypes: Sequence[tf.DType], name: str, **attrs: Any
) -> tf.Operation:
    graph = tf.compat.v1.get_default_graph()
    protos = {key: _make_attr(value) for key, value in attrs.items()}
    return graph.create_op(op, list(inputs), list(dtypes), attrs=protos, name=name)


def _make_attr(value: Any) -> attr_value_pb2.AttrValue:
    many = attr_value_pb2.AttrValue.ListValue
    match value:
        case bool():
            return attr_value_pb2.AttrValue(b=value)
        case int():
            return attr_value_pb2.AttrValue(i=value)
        case float():
            return attr_value_pb2.AttrValue(f=value)
        case str():
            return attr_value_pb2.AttrValue(s=value.encode())
        case tf.DType():
            return attr_value_pb2.AttrValue(type=value.as_datatype_enum)
        case [str(), *_]:
            return attr_value_pb2.AttrValue(list=many(s=[text.encode() for text in value]))
        case list():
            return attr_value_pb2.AttrValue(list=many(type=[dtype.as_datatype_enum for dtype in value]))
    raise TypeError(f"found {type(value).__name__}, expected an attribute value")
