"""Convolution, pooling and linear algebra."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.engines.tensorflow.elementwise import real
from cornu.engines.tensorflow.library import by_table, conj, define, kernels, raw, scalar, tf
from cornu.engines.tensorflow.structure import pad
from cornu.primitives import TABLE
from cornu.primitives.contraction import settled


@define
def matmul(x1: Any, x2: Any) -> Any:
    return raw.MatMul(x1, x2) if x1.shape.rank == x2.shape.rank == 2 else tf.matmul(x1, x2)



# Convolution and pooling


def _padded(x: Any, padding: Any, value: Any = 0) -> Any:
    if not any(map(any, padding)):
        return x
    low, high = zip(*padding)
    return pad(x, scalar(value, x.dtype), low=(0, *low, 0), high=(0, *high, 0), interior=(0,) * x.shape.rank)


@define
def conv(x: Any, kernel: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    params = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    shape = TABLE["conv"].shape(tuple(x.shape), tuple(kernel.shape), **params)
    if 0 in (*x.shape, *kernel.shape, *shape):
        return tf.zeros(shape, x.dtype)
    if x.dtype.is_complex:
        (a, b), (c, d) = [(tf.math.real(z), tf.math.imag(z)) for z in (x, kernel)]
        ac, bd, ad, bc = [conv(part, weights, **params) for part, weights in ((a, c), (b, d), (a, d), (b, c))]
        return tf.dtypes.complex(ac - bd, ad + bc)
    rank = len(strides)
    strides, padding, dilation = settled(x.shape, kernel.shape, strides, padding, dilation)
    padding = _without_rests(x.shape, kernel.shape, strides, padding, dilation)
    x, name = _left_to_it(x, kernel.shape[:-2], strides, padding, dilation)
    if max(dilation) > 1 and (rank == 3 or x.dtype != "float32"):  # no gradient on the CPU; by a kernel with holes there is
        nothing = (0,) * kernel.shape.rank
        kernel = pad(kernel, tf.zeros((), kernel.dtype), low=nothing, high=nothing, interior=(*[d - 1 for d in dilation], 0, 0))
        dilation = (1,) * rank
    if groups > 1 and (rank == 3 or x.dtype != "float32"):  # no gradient either
        parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1))
        return tf.concat([_convolve(part, weights, strides, name, dilation) for part, weights in parts], -1)
    return _convolve(x, kernel, strides, name, dilation)


def _without_rests(images: Any, kernel: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    """The padding, less what lies behind the last window, if strides are longer than windows.

    With such a rest TensorFlow's gradients write beside their results, and the process ends sooner or later (2.21, oneDNN on AMX).
    """
    reaches = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
    axes = zip(images[1:-1], reaches, strides, padding)
    return tuple([(lo, hi - (n + lo + hi - reach) % s) if reach < s else (lo, hi) for n, reach, s, (lo, hi) in axes])


def _left_to_it(x: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> tuple[Any, str]:
    """x, and the name of the padding if TensorFlow has one for it, which takes less time; else x padded, and "VALID"."""
    sizes = zip(x.shape[1:-1], window, strides, dilation, strict=True)
    totals = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in sizes]
    if any(map(any, padding)) and tuple(padding) == tuple((n // 2, n - n // 2) for n in totals):
        return x, "SAME"
    return _padded(x, padding), "VALID"


def _convolve(x: Any, kernel: Any, strides: Any, padding: str, dilation: Any) -> Any:
    if len(strides) == 3:
        return tf.nn.conv3d(x, kernel, (1, *strides, 1), padding)
    if len(strides) == 2:
        return tf.nn.conv2d(x, kernel, strides, padding, dilations=dilation)
    row = tf.nn.conv2d(tf.expand_dims(x, 1), tf.expand_dims(kernel, 0), strides * 2, padding, dilations=(1, *dilation))
    return tf.squeeze(row, 1)


@define
def conv_grad_input(g: Any, kernel: Any, *, input_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _adjoint(lambda x: conv(x, kernel, strides=strides, padding=padding, dilation=dilation, groups=groups), input_shape, g)


@define
def conv_grad_kernel(x: Any, g: Any, *, kernel_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return _adjoint(lambda k: conv(x, k, strides=strides, padding=padding, dilation=dilation, groups=groups), kernel_shape, g)


def _adjoint(linear: Callable[..., Any], shape: Any, g: Any) -> Any:
    """The adjoint of a linear function of a tensor of `shape`, at g."""
    return _pulled_back(linear, tf.zeros(shape, g.dtype), g)


def _pulled_back(function: Callable[..., Any], x: Any, g: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x, g, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _pooled(function: Callable[..., Any], x: Any, window: Any, strides: Any) -> Any:
    """Pooling over any number of dimensions by pooling over two, then over the others, as one image."""
    if len(window) == 2:
        return function(x, window, strides, "VALID")
    if len(window) == 1:
        return tf.squeeze(function(tf.expand_dims(x, 2), (*window, 1), (*strides, 1), "VALID"), 2)
    batch, depth, *_, channels = x.shape
    planes = function(tf.reshape(x, [batch * depth, *x.shape[2:]]), window[1:], strides[1:], "VALID")
    sizes = planes.shape[1:3]
    rows = tf.reshape(planes, [batch, depth, math.prod(sizes), channels])
    return tf.reshape(function(rows, (window[0], 1), (strides[0], 1), "VALID"), [batch, -1, *sizes, channels])


@by_table
def max_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    """TensorFlow's own begins at the smallest finite number, and skips NaN: a sum of all shows whether that matters."""
    if not x.dtype.is_floating:
        return _pooled(tf.nn.max_pool2d, _padded(x, padding, x.dtype.min), window, strides)
    y = _pooled(tf.nn.max_pool2d, _padded(x, padding, -math.inf), window, strides)

    def careful() -> Any:
        nans = _pooled(tf.nn.max_pool2d, _padded(tf.cast(tf.math.is_nan(x), x.dtype), padding), window, strides)
        return tf.where(nans > 0, scalar(math.nan, x.dtype), tf.where(y > x.dtype.min, y, scalar(-math.inf, x.dtype)))

    if any(max(pair) >= size for pair, size in zip(padding, window)):  # a window of padding alone
        return careful()
    with tf.control_dependencies([y]):  # not both at a time: they share the memory's speed
        total = tf.reduce_sum(x)
    return tf.cond(tf.math.is_finite(total), lambda: y, careful)  # a finite sum: all numbers are


@define
def max_pool_grad(x: Any, y: Any, g: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    return _pulled_back(lambda x: _pooled(tf.nn.max_pool2d, _padded(x, padding, -math.inf), window, strides), x, g)


@define
def sum_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    return _pooled(tf.nn.avg_pool2d, _padded(x, padding), window, strides) * tf.constant(math.prod(window), x.dtype)


@define
def sum_pool_grad(g: Any, *, input_shape: Any, window: Any, strides: Any, padding: Any) -> Any:
    return _adjoint(lambda x: sum_pool(x, window=window, strides=strides, padding=padding), input_shape, g)


# Linear algebra


def _same_batch(a: Any, b: Any) -> tuple[Any, Any]:
    batch = np.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    return tf.broadcast_to(a, [*batch, *a.shape[-2:]]), tf.broadcast_to(b, [*batch, *b.shape[-2:]])


# Of a matrix that isn't positive definite TensorFlow leaves the upper triangle as it finds it.
kernels["cholesky"] = lambda x: tf.linalg.band_part(tf.linalg.cholesky(x), -1, 0)
kernels["eig"] = lambda x: list(tf.linalg.eig(x))
kernels["solve"] = lambda a, b: tf.linalg.solve(*_same_batch(a, b))
kernels["fft"], kernels["ifft"] = tf.signal.fft, tf.signal.ifft


@by_table
def qr(x: Any, *, mode: str) -> Any:
    return list(tf.linalg.qr(x, full_matrices=mode == "complete"))


@by_table
def svd(x: Any, *, full_matrices: bool) -> Any:
    s, u, v = tf.linalg.svd(x, full_matrices)
    return [u, s, tf.linalg.adjoint(v)]


@by_table
def eigh(x: Any) -> Any:
    values, vectors = tf.linalg.eigh(x)
    return [real(values), vectors]


@by_table
def slogdet(x: Any) -> Any:
    sign, logarithm = tf.linalg.slogdet(x)
    return [sign, real(logarithm)]


@define
def triangular_solve(a: Any, b: Any, *, lower: bool, transpose: bool) -> Any:
    a, b = _same_batch(conj(a) if transpose else a, b)  # TensorFlow's transposed systems are conjugated too
    return tf.linalg.triangular_solve(a, b, lower=lower, adjoint=transpose)


@define
def lu(x: Any) -> Any:
    """Column after column, as LAPACK does: TensorFlow's own takes invertible square matrices only."""
    *batch, m, n = x.shape
    rows, columns, pivots = tf.range(m), tf.range(n), []
    for i in range(min(m, n)):
        size = tf.math.abs(x[..., i])
        pivots.append(tf.argmax(tf.where(rows < i, tf.constant(-1, size.dtype), size), -1, output_type="int32"))
        p = pivots[-1][..., None]
        x = tf.gather(x, tf.where(rows == i, p, tf.where(rows == p, i, rows)), axis=-2, batch_dims=len(batch))
        pivot, below = x[..., i : i + 1, i : i + 1], (rows > i)[:, None]
        factor = x[..., i : i + 1] / tf.where(pivot == 0, tf.ones((), x.dtype), pivot)
        rest = tf.where(columns > i, x - factor * x[..., i : i + 1, :], x)
        x = tf.where(below, tf.where(columns == i, factor, rest), x)
    return [x, tf.stack(pivots, -1) if pivots else tf.zeros([*batch, 0], "int32")]
