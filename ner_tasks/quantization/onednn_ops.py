"""The fused oneDNN operations that stock TensorFlow has kernels for, but no Python functions.

Each function adds one node to the default graph. Grappler makes some of these nodes from patterns by itself, but never
those around quantized MatMuls; so the INT8 graph names them. They run only with oneDNN on (`hardware.tensorflow_env`).

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

N_LEVELS = 255  # of an unsigned byte above 0

Activation = Literal["", "GeluExact", "GeluApproximate"]


@dataclass(frozen=True)
class QuantizedKernel:
    """A kernel [K, N] as signed bytes, and the largest absolute value [N] of each of its columns, which 127 stands for."""

    values: NDArray[np.int8]
    largest: NDArray[np.float32]

    @classmethod
    def of(cls, kernel: NDArray[np.float32], *, per_channel: bool) -> "QuantizedKernel":
        """Round a kernel to bytes, each column by its own scale, or all by one."""
        largest = np.abs(kernel).max(axis=0) if per_channel else np.full(kernel.shape[1], np.abs(kernel).max())
        largest = np.maximum(largest, np.finfo(np.float32).tiny).astype(np.float32)
        values = np.rint(kernel / largest * N_WEIGHT_LEVELS).astype(np.int8)
        return cls(values, largest)

    def column_sums(self) -> NDArray[np.float32]:
        """What a row of ones gives, [N]: each unit of a constant shift of the input adds this to the output."""
        sums = self.values.sum(axis=0, dtype=np.int64) * self.largest / N_WEIGHT_LEVELS
        return sums.astype(np.float32)


@dataclass(frozen=True)
class Weights:
    """A quantized dense layer as constants of the graph: kernel, bias, and the two ends of the kernel's range.

    What its input was shifted by lies beside them, for CPUs that need a narrower kernel (`tagger/narrow.py`).
    """

    kernel: tf.Tensor
    bias: tf.Tensor
    least: tf.Tensor
    largest: tf.Tensor

    @classmethod
    def of(cls, kernel: QuantizedKernel, bias: NDArray[np.float32], shift: float, name: str) -> "Weights":
        """Constants of a layer whose input comes less `shift`, below `name`."""
        tf.constant(shift, tf.float32, name=name + SHIFT)
        return cls(
            _bytes_constant(kernel.values, name + KERNEL),
            tf.constant(bias + np.float32(shift) * kernel.column_sums(), tf.float32, name=name + BIAS),
            tf.constant(-kernel.largest, name=name + LEAST),
            tf.constant(kernel.largest, name=name + LARGEST),
        )


def quantize(x: tf.Tensor, span: float, *, few: bool, name: str) -> tf.Tensor:
    """Floats in [0, span] as unsigned bytes, what lies outside cut off; same shape.

    Args:
        x: any shape.
        span: what 255 stands for.
        few: whether there are so few values that preparing a oneDNN primitive takes longer than the work.
    """
    # The same arithmetic for a range that begins at 0; TensorFlow hands only one of the two to oneDNN.
    mode = "MIN_COMBINED" if few else "SCALED"
    node = _node(
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
    x: tf.Tensor, weights: Weights, span: float, *, dtype: tf.DType, add: tf.Tensor | None = None, name: str
) -> tf.Tensor:
    """`x @ kernel + bias`, and `+ add` if that is given: [M, N] floats of [M, K] bytes.

    Args:
        x: unsigned bytes, of which 255 stands for `span`.
        weights: kernel [K, N] and bias [N].
        dtype: float32 or bfloat16, of the result.
        add: float32 [M, N].
    """
    extra = [] if add is None else [add]
    fused = ["BiasAdd", *(["Add"] if extra else []), "Dequantize"]
    return _quantized_matmul(x, weights, span, fused, dtype, extra, [], name)


def dense_to_bytes(
    x: tf.Tensor, weights: Weights, span: float, activation: Activation, least: float, largest: float, *, name: str
) -> tf.Tensor:
    """`activation(x @ kernel + bias)` as bytes [M, N], 0 for `least` and 255 for `largest`; "" is no activation."""
    fused = ["BiasAdd", *([activation] if activation else []), "Requantize"]
    return _quantized_matmul(x, weights, span, fused, tf.quint8, [], [tf.constant(least), tf.constant(largest)], name)


def layer_norm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, *, epsilon: float, few: bool, name: str) -> tf.Tensor:
    """Layer normalization of [M, H] over its last axis.

    oneDNN's primitive for it is prepared at each call: 0.15 ms, which is little for a batch and much for a sentence.
    """
    if few:
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)  # [M, H]
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)  # [M, 1]
        return centred * (tf.math.rsqrt(variance + epsilon) * gamma) + beta  # [M, H]
    return _node("_MklLayerNorm", [x, gamma, beta], [tf.float32], name, T=tf.float32, epsilon=epsilon).outputs[0]


def scores(query: tf.Tensor, key: tf.Tensor, scale: float, bias: tf.Tensor, *, name: str) -> tf.Tensor:
    """`query @ key^T * scale + bias`: [B, A, T, T] of two [B, A, T, D] and a [B, 1, 1, T], all of one type."""
    dtype = query.dtype
    node = _node(
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
    weights: Weights,
    span: float,
    fused: Sequence[str],
    dtype: tf.DType,
    extra: Sequence[tf.Tensor],
    tail: Sequence[tf.Tensor],
    name: str,
) -> tf.Tensor:
    device = [x, weights.kernel, weights.bias, *extra]
    ranges = [tf.constant(0.0), tf.constant(span), weights.least, weights.largest, *tail]
    said = [tf.float32, tf.float32] if dtype == tf.quint8 else []  # the range of bytes, known before
    node = _node(
        "_QuantizedMatMul",
        [*device, *ranges],
        [dtype, *said],
        name,
        Tdevice_inputs=[tensor.dtype for tensor in device],
        Thost_inputs=[tensor.dtype for tensor in ranges],
        Tdevice_outputs=[dtype],
        Thost_outputs=said,
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
    attrs = {"value": attr_value_pb2.AttrValue(tensor=proto), "dtype": _attr(tf.qint8)}
    return tf.compat.v1.get_default_graph().create_op("Const", [], [tf.qint8], attrs=attrs, name=name).outputs[0]


def _node(op: str, inputs: Sequence[tf.Tensor], dtypes: Sequence[tf.DType], name: str, **attrs: Any) -> tf.Operation:
    graph = tf.compat.v1.get_default_graph()
    written = {key: _attr(value) for key, value in attrs.items()}
    return graph.create_op(op, list(inputs), list(dtypes), attrs=written, name=name)


def _attr(value: Any) -> attr_value_pb2.AttrValue:
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
    raise TypeError(f"found {type(value).__name__}, expected the value of an attribute")
