"""TensorFlow's own forms of derived ops, for speed. What they can't do as the op's body does is left to the body (NotImplemented)."""

from __future__ import annotations

import functools
import math
from typing import Any

from cornu import config
from cornu.engines.tensorflow.control import scan
from cornu.engines.tensorflow.library import kernels, raw, tf
from cornu.engines.tensorflow.structure import as_integers, quick

EagerTensor = type(tf.constant(0))


@kernels.override
def relu(x: Any) -> Any:
    return raw.Relu(x) if _is_floating(x) else NotImplemented


@kernels.override
def softmax(x: Any, axis: Any = -1) -> Any:
    if not _is_floating(x) or not isinstance(axis, int):
        return NotImplemented
    return raw.Softmax(x) if axis == -1 and x.shape.rank else tf.nn.softmax(x, axis)


@kernels.override
def log_softmax(x: Any, axis: Any = -1) -> Any:
    return tf.nn.log_softmax(x, axis) if _is_floating(x) and isinstance(axis, int) else NotImplemented


def _axes(axis: Any, rank: int) -> Any:
    """The axes of a reduction as TensorFlow converts them fastest; None where they are not plain ints in range."""
    if type(axis) is int and -rank <= axis < rank:  # the commonest, at once
        return axis
    axes = tuple(range(rank)) if axis is None else axis if type(axis) is tuple else (axis,)
    if any(type(a) is not int or not -rank <= a < rank for a in axes) or len({a % rank for a in axes}) < len(axes):
        return None
    return quick(axes)


@kernels.override
def mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    axes = _axes(axis, x.shape.rank) if _are_single(x) else None
    return NotImplemented if axes is None else raw.Mean(x, axes, bool(keepdims))


@kernels.override
def max_(x: Any, axis: Any = None, keepdims: Any = False, initial: Any = None) -> Any:
    axes = _axes(axis, x.shape.rank) if initial is None and _are_single(x) else None
    return NotImplemented if axes is None or 0 in x.shape.as_list() else raw.Max(x, axes, bool(keepdims))


@kernels.override
def concatenate(xs: Any, axis: Any = 0) -> Any:
    if type(xs) not in (list, tuple) or len(xs) < 2 or type(axis) is not int or not _are_single(*xs):
        return NotImplemented
    return raw.ConcatV2(xs, axis)


@kernels.override
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    """On a CPU TensorFlow refuses indices that it would have to count from the end or move inside, and says so on the terminal."""
    if type(indices) is not EagerTensor or type(axis) is not int or not hasattr(x, "shape") or not on_cpu():
        return NotImplemented
    places = indices.numpy()
    if places.dtype.kind != "i" or places.itemsize < 4 or not -x.shape.rank <= axis < x.shape.rank:
        return NotImplemented
    if places.size and not (places.min() >= 0 and places.max() < x.shape[axis]):
        return NotImplemented
    return raw.GatherV2(x, indices, axis)


@functools.cache
def on_cpu() -> bool:
    """Whether there is nothing else to compute on."""
    return not tf.config.list_physical_devices("GPU") and not tf.config.list_physical_devices("TPU")


@kernels.override
def average_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: Any = None) -> Any:
    last = (data_format or config.image_data_format()) == "channels_last"
    if not _are_single(inputs) or inputs.shape.rank != 4 or not last or padding not in ("valid", "same"):
        return NotImplemented
    window, steps = ((n, n) if type(n) is int else tuple(n) for n in (pool_size, pool_size if strides is None else strides))
    fits = padding == "same" or all(n is None or k <= n for k, n in zip(window, inputs.shape[1:3], strict=True))
    if not fits or any(type(n) is not int for n in (*window, *steps)):
        return NotImplemented  # TensorFlow gives nothing for windows that don't fit, and cuts off fractions
    return tf.nn.avg_pool2d(inputs, window, steps, padding.upper())


@kernels.override
def top_k(x: Any, k: Any, sorted: Any = True) -> Any:
    if not _are_single(x):
        return NotImplemented
    ordered = tf.reduce_all(tf.equal(x, x))  # TensorFlow does not know where NaNs belong
    indices = tf.cond(ordered, lambda: tf.math.top_k(x, k).indices, lambda: tf.math.top_k(as_integers(x), k).indices)
    return tf.gather(x, indices, batch_dims=x.shape.rank - 1), indices


@kernels.override
def normalize_batch(x: Any, axis: Any, offset: Any = None, scale: Any = None, epsilon: Any = 1e-3) -> Any:
    """TensorFlow estimates the variance without bias."""
    if not _are_single(x) or x.dtype is not tf.float32 or axis not in (-1, x.shape.rank - 1) or None in x.shape or 0 in x.shape:
        return NotImplemented
    scale = tf.ones(x.shape[-1:]) if scale is None else tf.convert_to_tensor(scale)
    offset = tf.zeros(x.shape[-1:]) if offset is None else tf.convert_to_tensor(offset)
    if not _are_single(x, scale, offset) or scale.shape != x.shape[-1:] or offset.shape != x.shape[-1:]:
        return NotImplemented
    count = math.prod(x.shape[:-1])
    images = x if x.shape.rank == 4 else tf.reshape(x, (count, 1, 1, x.shape[-1]))
    found = tf.raw_ops.FusedBatchNormV3(x=images, scale=scale, offset=offset, mean=[], variance=[], epsilon=epsilon)
    y = found.y if x.shape.rank == 4 else tf.reshape(found.y, x.shape)
    return y, tf.stop_gradient(found.batch_mean), tf.stop_gradient(found.batch_variance) * (max(count - 1, 1) / count)


@kernels.override
def lstm(
    inputs: Any, initial_h: Any, initial_c: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, mask: Any = None,
    activations: Any = None, reverse: Any = False,
) -> Any:  # fmt: skip
    if mask is not None or activations is not None or inputs.shape.rank != 3:
        return NotImplemented
    if initial_h.shape.rank != 2 or initial_c.shape.rank != 2 or not (bias is None or bias.shape.rank == 1):
        return NotImplemented
    if not _are_single(inputs, initial_h, initial_c, kernel, recurrent_kernel, *([] if bias is None else [bias])):
        return NotImplemented

    def step(h: Any, c: Any, x: Any, weights: Any) -> list[Any]:
        i, f, g, o = tf.split(x + tf.matmul(h, weights), 4, 1)  # whose gradient puts the four together in one step
        c = tf.math.sigmoid(f) * c + tf.math.sigmoid(i) * tf.math.tanh(g)
        h = tf.math.sigmoid(o) * tf.math.tanh(c)
        return [h, c, h]

    xs = tf.tensordot(inputs, kernel, 1)
    xs = tf.transpose(xs if bias is None else xs + bias, (1, 0, 2))
    operands, length = (initial_h, initial_c, xs, recurrent_kernel), inputs.shape[1]
    h, c, outputs = scan(*operands, body_fn=step, n_carry=2, n_xs=1, length=length, reverse=bool(reverse))
    return tf.transpose(outputs, (1, 0, 2)), h, c


_FLOATS = frozenset([tf.float16, tf.bfloat16, tf.float32, tf.float64])


def _is_floating(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return dtype is tf.float32 or dtype in _FLOATS


def _are_single(x: Any, *others: Any) -> bool:
    """Whether all are tensors of float32, or all of float64."""
    dtype = getattr(x, "dtype", None)
    return (dtype is tf.float32 or dtype is tf.float64) and all(getattr(other, "dtype", None) is dtype for other in others)
