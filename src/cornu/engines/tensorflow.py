"""The TensorFlow engine: eager calls are TensorFlow's, compiled functions `tf.function`s, storage is `tf.Variable`."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu import context
from cornu.contract.engine import Engine, Kernels, default_dtype
from cornu.contract.state import Cell, StateScope
from cornu.primitives import TABLE, Primitive
from cornu.primitives import dtypes as dt


@contextmanager
def _without_chatter() -> Any:
    """TensorFlow greets on stderr while it is imported: informational lines, before its log level counts, are left out."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with tempfile.TemporaryFile() as log:
        stderr = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            log.seek(0)
            for line in log.read().decode(errors="replace").splitlines(keepends=True):
                if not line.startswith(("I0000", "WARNING: All log messages before absl")):
                    sys.stderr.write(line)


with _without_chatter():
    import tensorflow as tf

    tf.constant(0)  # greets once more

kernels = Kernels()
kernels.take(
    tf.math,
    "exp expm1 log log1p sqrt rsqrt sin cos tan sinh cosh tanh sigmoid imag add subtract multiply divide "
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not cumsum",
    arcsin="asin", arccos="acos", arctan="atan", arcsinh="asinh", arccosh="acosh", arctanh="atanh", arctan2="atan2",
    softplus="softplus",
)  # fmt: skip
kernels.take(tf.bitwise, "bitwise_and bitwise_or bitwise_xor left_shift right_shift")
kernels.take(tf, "reshape broadcast_to matmul stop_gradient where")
define = kernels.define


def by_table(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a kernel whose gradient is the table's, where TensorFlow has none, or another one at kinks."""
    name = kernel.__name__.rstrip("_")
    vjp = TABLE[name].vjp
    assert vjp is not None

    def differentiable(*operands: Any, **params: Any) -> Any:
        given = {**TABLE[name].params, **params}

        @tf.custom_gradient
        def call(*xs: Any) -> Any:
            y = kernel(*xs, **params)

            def backward(*g: Any) -> Any:
                # TensorFlow's cotangents of complex numbers are conjugates of ours.
                seeds = tuple(_conj(c) for c in g)
                found = vjp(seeds, tuple(y), *xs, **given) if isinstance(y, list) else vjp(seeds[0], y, *xs, **given)
                return [None if c is None else _unbroadcast(_conj(c), x) for c, x in zip(found, xs, strict=True)]

            return y, backward

        return call(*[tf.convert_to_tensor(x) for x in operands])  # a variable is read here, where tapes see it

    kernels[name] = differentiable
    return differentiable


def _conj(x: Any) -> Any:
    return tf.math.conj(x) if x.dtype.is_complex else x


def _unbroadcast(cotangent: Any, operand: Any) -> Any:
    """Sum a cotangent over the dimensions along which its operand was repeated."""
    have, want = tuple(cotangent.shape), tuple(operand.shape)
    if have != want:
        extra = len(have) - len(want)
        if extra < 0 or np.prod(have) < np.prod(want):
            return tf.cast(tf.broadcast_to(cotangent, want), operand.dtype)
        axes = [i for i, size in enumerate(have) if i < extra or want[i - extra] == 1 != size]
        cotangent = tf.reshape(tf.reduce_sum(cotangent, axes), want)
    return tf.cast(cotangent, operand.dtype)


# Elementwise


def _floats_only(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x) if x.dtype.is_floating else x


kernels["floor"], kernels["ceil"] = _floats_only(tf.math.floor), _floats_only(tf.math.ceil)
kernels["round"] = _floats_only(tf.math.round)


def _divided(function: Callable[..., Any]) -> Callable[..., Any]:
    """Division of integers by zero is 0, as in NumPy; TensorFlow raises."""

    def kernel(x1: Any, x2: Any) -> Any:
        if x1.dtype.is_floating:
            return function(x1, x2)
        y = function(x1, tf.where(x2 == 0, tf.ones((), x2.dtype), x2))
        return tf.where(x2 == 0, tf.zeros((), y.dtype), y)

    return kernel


kernels["floor_divide"], kernels["mod"] = _divided(tf.math.floordiv), _divided(tf.math.floormod)


@define
def isfinite(x: Any) -> Any:
    if x.dtype.is_complex:
        return tf.math.is_finite(tf.math.real(x)) & tf.math.is_finite(tf.math.imag(x))
    return tf.math.is_finite(x) if x.dtype.is_floating else tf.ones(x.shape, "bool")


kernels["negative"] = lambda x: x if x.dtype == "bool" else 0 - x if x.dtype.is_unsigned else tf.math.negative(x)
kernels["abs"] = lambda x: x if x.dtype == "bool" or x.dtype.is_unsigned else tf.math.abs(x)


@define
def sign(x: Any) -> Any:
    if x.dtype == "bool" or x.dtype.is_unsigned:
        return tf.cast(x != 0, x.dtype) if x.dtype != "bool" else x
    y = tf.math.sign(x)
    return tf.where(x == x, y, x) if x.dtype.is_floating else y


kernels["erf"] = lambda x: tf.math.erf(tf.clip_by_value(x, -6, 6) if x.dtype == "float64" else x)  # of infinity it is NaN


@by_table
def erfinv(x: Any) -> Any:
    y = tf.math.erfinv(x)
    gap = (tf.math.erf(y) - x) * tf.math.exp(y * y) * (math.sqrt(math.pi) / 2)  # a Newton step: it loses digits around zero
    return tf.where(x == 0, x, tf.where(tf.math.abs(x) < 0.5, y - gap, y))


@define
def real(x: Any) -> Any:
    return tf.math.real(x) if x.dtype.is_complex else x


by_table(tf.math.maximum)
by_table(tf.math.minimum)


@by_table
def power(x1: Any, x2: Any) -> Any:
    if not x1.dtype.is_integer:
        return tf.math.pow(x1, x2)
    if x1.dtype.is_unsigned:
        return _unsigned_power(x1, x2)
    one = tf.ones((), x1.dtype)
    result = tf.math.pow(x1, tf.math.maximum(x2, 0))
    inverse = tf.where(x1 == one, one, tf.where(x1 == -one, tf.where(x2 % 2 == 0, one, -one), 0 * one))
    return tf.where(x2 < 0, inverse, result)


def _unsigned_power(x: Any, exponent: Any) -> Any:
    """By squaring, bit after bit of the exponent."""
    result, one = tf.ones(np.broadcast_shapes(tuple(x.shape), tuple(exponent.shape)), x.dtype), tf.ones((), x.dtype)
    for _ in range(8 * x.dtype.size):
        result *= tf.where(tf.bitwise.bitwise_and(exponent, one) == one, x, one)
        x, exponent = x * x, tf.bitwise.right_shift(exponent, one)
    return result


@by_table
def logaddexp(x1: Any, x2: Any) -> Any:
    gap = tf.where(x1 == x2, tf.zeros((), x1.dtype), -tf.math.abs(x1 - x2))
    return tf.math.maximum(x1, x2) + tf.math.log1p(tf.math.exp(gap))


@define
def complex_(re: Any, im: Any) -> Any:
    wide = "float64" if re.dtype == "float64" else "float32"
    return tf.dtypes.complex(*_broadcast(tf.cast(re, wide), tf.cast(im, wide)))


def _broadcast(x1: Any, x2: Any) -> tuple[Any, Any]:
    shape = np.broadcast_shapes(tuple(x1.shape), tuple(x2.shape))
    return tf.broadcast_to(x1, shape), tf.broadcast_to(x2, shape)


@define
def cast(x: Any, *, dtype: Any) -> Any:
    target = tf.as_dtype(dtype)
    if x.dtype.is_complex and not target.is_complex:
        return x != 0 if target == "bool" else tf.cast(tf.math.real(x), target)
    return tf.cast(x, target)


kernels["bitcast"] = lambda x, *, dtype: tf.bitcast(x, dtype)
kernels["full"] = lambda *, shape, value, dtype: tf.fill(shape, _scalar(value, dtype))


def _scalar(value: Any, dtype: Any) -> Any:
    return tf.constant(np.asarray(value, dt.numpy_dtype(dt.name_of(dtype))))


@define
def iota(*, shape: Any, axis: int, dtype: Any) -> Any:
    row = tf.cast(tf.range(shape[axis]), dtype)
    return tf.broadcast_to(tf.reshape(row, [-1 if i == axis else 1 for i in range(len(shape))]), shape)


# Reductions, cumulative ops, sorting


def _one(axes: tuple[int, ...]) -> Any:
    """A single axis as an int, which TensorFlow converts about 40 µs faster than a sequence."""
    return axes[0] if len(axes) == 1 else axes


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *, axes, keepdims=False: function(x, _one(axes), keepdims)


def _accumulated(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *, axes, keepdims=False: function(tf.cast(x, dt.accumulate(x.dtype.name)), _one(axes), keepdims)


kernels["sum"], kernels["prod"] = _accumulated(tf.reduce_sum), _accumulated(tf.reduce_prod)
kernels["max"], kernels["min"] = _reduction(tf.reduce_max), _reduction(tf.reduce_min)
kernels["any"], kernels["all"] = _reduction(tf.reduce_any), _reduction(tf.reduce_all)


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, *, axis: int) -> Any:
        found = function(x, axis, output_type="int32")
        if not x.dtype.is_floating:
            return found
        odd = tf.math.is_nan(x)  # the first NaN, where there is one
        return tf.where(tf.reduce_any(odd, axis), tf.argmax(tf.cast(odd, "uint8"), axis, output_type="int32"), found)

    return kernel


kernels["argmax"], kernels["argmin"] = _place(tf.argmax), _place(tf.argmin)


by_table(tf.math.cumprod)


@define
def argsort(x: Any, *, axis: int) -> Any:
    """By `top_k` on integers that order as x does, upside down: equal ones stay in order."""
    if x.dtype.is_floating:
        x = tf.cast(x, "float32") if x.dtype.size == 2 else x
        number = tf.where(x != x, tf.constant(math.nan, x.dtype), x + 0)  # one NaN, one zero
        bits = tf.bitcast(number, "int64" if x.dtype == "float64" else "int32")
        x = tf.where(x != x, bits.dtype.max, tf.where(bits < 0, bits ^ bits.dtype.max, bits))
    x = _swap(tf.bitwise.invert(x), axis)
    return _swap(tf.math.top_k(x, x.shape[-1]).indices, axis)


def _swap(x: Any, axis: int) -> Any:
    """Exchange an axis with the last."""
    order = list(range(x.shape.rank))
    order[axis], order[-1] = order[-1], order[axis]
    return x if axis == len(order) - 1 else tf.transpose(x, order)


@define
def searchsorted(ordered: Any, values: Any, *, side: str = "left") -> Any:
    flat = tf.reshape(values, [-1])
    if not ordered.dtype.is_floating:
        return tf.reshape(tf.searchsorted(ordered, flat, side), values.shape)
    # NaNs stand last, which TensorFlow does not know: they are sought as infinities, among the others only.
    infinity = tf.constant(math.inf, ordered.dtype)
    missing, nan = tf.math.is_nan(ordered), tf.math.is_nan(flat)
    found = tf.searchsorted(tf.where(missing, infinity, ordered), tf.where(nan, infinity, flat), side)
    numbers = tf.reduce_sum(tf.cast(~missing, tf.int32))
    place = tf.where(nan, numbers if side == "left" else tf.size(ordered), tf.minimum(found, numbers))
    return tf.reshape(place, values.shape)


# Structure

kernels["transpose"] = lambda x, *, axes: tf.transpose(x, axes)
kernels["concatenate"] = lambda *xs, axis: tf.concat(xs, axis)


@by_table
def pad(x: Any, value: Any, *, low: Any, high: Any, interior: Any) -> Any:
    for axis, gap in enumerate(interior):
        if gap and x.shape[axis] > 1:  # spread: each element and its gap side by side, without the last gap
            shape, spread = list(x.shape), x.shape[axis] * (gap + 1)
            x = _grown(tf.expand_dims(x, axis + 1), axis + 1, gap, value)
            x = tf.reshape(x, [*shape[:axis], spread, *shape[axis + 1 :]])[(np.s_[:],) * axis + (np.s_[: spread - gap],)]
    if any(max(lo, hi) > 0 for lo, hi in zip(low, high)):
        x = tf.pad(x, [[max(lo, 0), max(hi, 0)] for lo, hi in zip(low, high)], constant_values=value)
    if any(min(lo, hi) < 0 for lo, hi in zip(low, high)):
        x = x[tuple(np.s_[max(-lo, 0) : n - max(-hi, 0)] for n, lo, hi in zip(x.shape, low, high))]
    return x


def _grown(x: Any, axis: int, amount: int, value: Any) -> Any:
    return tf.pad(x, [[0, amount if i == axis else 0] for i in range(x.shape.rank)], constant_values=value)


kernels["slice"] = lambda x, *, start, limit, strides: tf.strided_slice(x, start, limit, strides) if start else x
kernels["flip"] = lambda x, *, axes: tf.reverse(x, axes)


def _clipped(indices: Any, size: int) -> Any:
    wide = indices if indices.dtype in ("int32", "int64") else tf.cast(indices, "int64")
    return tf.clip_by_value(wide, 0, max(size - 1, 0))


kernels["take"] = lambda x, indices, *, axis: tf.gather(x, _clipped(indices, x.shape[axis]), axis=axis)


@define
def take_along_axis(x: Any, indices: Any, *, axis: int) -> Any:
    spots = _swap(_clipped(indices, x.shape[axis]), axis)
    return _swap(tf.gather(_swap(x, axis), spots, axis=-1, batch_dims=x.shape.rank - 1), axis)


kernels["sort"] = lambda x, *, axis: take_along_axis(x, argsort(x, axis=axis), axis=axis)


@by_table
def scatter(x: Any, indices: Any, updates: Any, *, mode: str) -> Any:
    depth = indices.shape[-1]
    sizes, rest = list(x.shape[:depth]), list(x.shape[depth:])
    rows = tf.reshape(tf.cast(indices, "int64"), [-1, depth])
    inside = tf.reduce_all((rows >= 0) & (rows < tf.constant(sizes, "int64")), 1)
    steps = tf.constant([math.prod(sizes[i + 1 :]) for i in range(depth)], "int64")
    count = math.prod(sizes)
    flat = tf.where(inside, tf.reduce_sum(rows * steps, 1), count)  # rows out of range go to a place of their own
    base = tf.concat([tf.reshape(x, [count, *rest]), tf.zeros([1, *rest], x.dtype)], 0)
    values = tf.reshape(updates, [rows.shape[0], *rest])
    if mode == "multiply":
        base *= tf.math.unsorted_segment_prod(values, flat, count + 1)
    elif mode == "add" and x.dtype == "bool":
        base |= tf.math.unsorted_segment_max(tf.cast(values, "int8"), flat, count + 1) > 0
    else:
        base = getattr(tf, f"tensor_scatter_nd_{mode}")(base, flat[:, None], values)
    return tf.reshape(base[:count], x.shape)


def _inside(start: Any, shape: Any, sizes: Any) -> Any:
    wide = start if start.dtype in ("int32", "int64") else tf.cast(start, "int64")
    return tf.clip_by_value(wide, 0, tf.constant([n - size for n, size in zip(shape, sizes)], wide.dtype))


kernels["dynamic_slice"] = lambda x, start, *, sizes: tf.slice(x, _inside(start, x.shape, sizes), sizes) if sizes else x


@define
def dynamic_update_slice(x: Any, update: Any, start: Any) -> Any:
    if not update.shape.rank:
        return update
    begin = _inside(start, x.shape, update.shape)
    end = begin + tf.constant(tuple(update.shape), begin.dtype)
    return tf.raw_ops.TensorStridedSliceUpdate(input=x, begin=begin, end=end, strides=tf.ones_like(begin), value=update)


# Convolution and pooling


def _padded(x: Any, padding: Any, value: Any = 0) -> Any:
    if not any(map(any, padding)):
        return x
    low, high = zip(*padding)
    return pad(x, _scalar(value, x.dtype), low=(0, *low, 0), high=(0, *high, 0), interior=(0,) * x.shape.rank)


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
    rank, x = len(strides), _padded(x, padding)
    if max(dilation) > 1 and (rank == 3 or x.dtype != "float32"):  # no gradient on the CPU; by a kernel with holes there is
        nothing = (0,) * kernel.shape.rank
        kernel = pad(kernel, tf.zeros((), kernel.dtype), low=nothing, high=nothing, interior=(*[d - 1 for d in dilation], 0, 0))
        dilation = (1,) * rank
    if groups > 1 and (rank == 3 or x.dtype != "float32"):  # no gradient either
        parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1))
        return tf.concat([_convolve(part, weights, strides, dilation) for part, weights in parts], -1)
    return _convolve(x, kernel, strides, dilation)


def _convolve(x: Any, kernel: Any, strides: Any, dilation: Any) -> Any:
    if len(strides) == 3:
        return tf.nn.conv3d(x, kernel, (1, *strides, 1), "VALID")
    if len(strides) == 2:
        return tf.nn.conv2d(x, kernel, strides, "VALID", dilations=dilation)
    row = tf.nn.conv2d(tf.expand_dims(x, 1), tf.expand_dims(kernel, 0), strides * 2, "VALID", dilations=(1, *dilation))
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


@define
def max_pool(x: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    if not x.dtype.is_floating:
        return _pooled(tf.nn.max_pool2d, _padded(x, padding, x.dtype.min), window, strides)
    y = _pooled(tf.nn.max_pool2d, _padded(x, padding, -math.inf), window, strides)
    return tf.where(y > x.dtype.min, y, tf.constant(-math.inf, x.dtype))  # the maximum begins at the smallest finite number


@define
def max_pool_grad(x: Any, y: Any, g: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    return _pulled_back(lambda x: max_pool(x, window=window, strides=strides, padding=padding), x, g)


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


kernels["cholesky"], kernels["eig"] = tf.linalg.cholesky, lambda x: list(tf.linalg.eig(x))
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
    a, b = _same_batch(_conj(a) if transpose else a, b)  # TensorFlow's transposed systems are conjugated too
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


# Control flow


@define
def cond(pred: Any, *operands: Any, true_fn: Any, false_fn: Any) -> Any:
    def branch(fn: Any) -> Any:
        return lambda: {i: tf.convert_to_tensor(y) for i, y in enumerate(fn(*operands))}  # a list of one would come back bare

    return list(tf.cond(pred, branch(true_fn), branch(false_fn)).values())


@define
def while_loop(*operands: Any, cond_fn: Any, body_fn: Any, n_state: int) -> Any:
    state, constants = [tf.convert_to_tensor(x) for x in operands[:n_state]], operands[n_state:]
    going = lambda *xs: cond_fn(*xs, *constants)[0]  # noqa: E731
    return list(tf.while_loop(going, lambda *xs: [tf.convert_to_tensor(y) for y in body_fn(*xs, *constants)], state))


UNROLLED = 64  # steps: up to here they are as fast one after the other as in a loop, and may be merged


@define
def scan(*operands: Any, body_fn: Any, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> Any:
    operands = tuple(tf.convert_to_tensor(x) for x in operands)
    carry, xs, constants = list(operands[:n_carry]), operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    order = range(length)[::-1] if reverse else range(length)
    if length > UNROLLED and not tf.executing_eagerly():
        return _looped(carry, xs, lambda *values: list(body_fn(*values, *constants)), order)
    rows = [tf.unstack(x) for x in xs]
    steps: list[Any] = []
    for t in order:
        results = body_fn(*carry, *[row[t] for row in rows], *constants)
        carry = list(results[:n_carry])
        steps.append(results[n_carry:])
    return carry + [tf.stack(outputs[::-1] if reverse else outputs) for outputs in zip(*steps, strict=True)]


def _looped(carry: list[Any], xs: Sequence[Any], body: Callable[..., list[Any]], order: range) -> list[Any]:
    """A scan as a loop in the graph, after its first step, which shows what comes out."""
    count, n_carry = len(order), len(carry)
    rows = [tf.TensorArray(x.dtype, count, element_shape=x.shape[1:]).unstack(x) for x in xs]
    first = [tf.convert_to_tensor(y) for y in body(*carry, *[row.read(order[0]) for row in rows])]
    arrays = [tf.TensorArray(y.dtype, count, element_shape=y.shape).write(order[0], y) for y in first[n_carry:]]

    def step(i: Any, *state: Any) -> list[Any]:
        t = order.start + order.step * i
        results = [tf.convert_to_tensor(y) for y in body(*state[:n_carry], *[row.read(t) for row in rows])]
        return [i + 1, *results[:n_carry], *[array.write(t, y) for array, y in zip(state[n_carry:], results[n_carry:])]]

    start = [tf.constant(1), *first[:n_carry], *arrays]
    _, *state = tf.while_loop(lambda i, *_: i < count, step, start, maximum_iterations=count - 1)
    return [*state[:n_carry], *[array.stack() for array in state[n_carry:]]]


@define
def with_gradient(*operands: Any, backward_fn: Any, n_results: int, n_inputs: int) -> Any:
    @tf.custom_gradient
    def attached(*operands: Any) -> Any:
        def backward(*cotangents: Any) -> Any:
            found = backward_fn(*[_conj(g) for g in cotangents], *operands[n_results + n_inputs :])
            return [None] * n_results + [_conj(g) for g in found] + [None] * (len(operands) - n_results - n_inputs)

        return [tf.identity(x) for x in operands[:n_results]], backward

    return list(attached(*[tf.convert_to_tensor(x) for x in operands]))


# Native forms of derived ops


@kernels.override
def relu(x: Any) -> Any:
    return tf.nn.relu(x) if _is_floating(x) else NotImplemented


@kernels.override
def softmax(x: Any, axis: Any = -1) -> Any:
    return tf.nn.softmax(x, axis) if _is_floating(x) and isinstance(axis, int) else NotImplemented


@kernels.override
def log_softmax(x: Any, axis: Any = -1) -> Any:
    return tf.nn.log_softmax(x, axis) if _is_floating(x) and isinstance(axis, int) else NotImplemented


def _is_floating(x: Any) -> bool:
    return hasattr(x, "dtype") and x.dtype.is_floating


# Where TensorFlow computes only in some dtypes, kernels run in a wider one; integers wrap around when they come back.
_HALF = {"float16": "float32", "bfloat16": "float32"}
_WHOLE = {name: "float64" for name in ("bool", *dt.INTS, *dt.UINTS)}
_SMALL = {**dict.fromkeys(("bool", "int8", "int16", "uint8", "uint16"), "int32"), "uint32": "int64", "uint64": "int64"}
_WIDER: dict[str, dict[str, str]] = {"matmul": _SMALL, "erfinv": _HALF}
for _names, _wider in (
    ("conv conv_grad_input conv_grad_kernel max_pool max_pool_grad sum_pool sum_pool_grad", {**_HALF, **_WHOLE}),
    ("add subtract multiply maximum minimum max min cumsum cumprod argmax argmin sort argsort searchsorted", {"bool": "int32"}),
    ("less less_equal greater greater_equal bitwise_and bitwise_or bitwise_xor", {"bool": "uint8"}),
    ("cholesky triangular_solve solve qr svd eigh slogdet lu", _HALF),
):
    for _name in _names.split():
        _WIDER[_name] = _wider


class TensorFlowEngine(Engine):
    """TensorFlow: compiled functions are `tf.function`s, gradients those of `tf.GradientTape`."""

    name = "tensorflow"
    library = "tensorflow"
    kernels = kernels

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, (tf.Tensor, tf.Variable))

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        if isinstance(x, (tf.Tensor, tf.Variable)):
            return cast(x, dtype=dtype) if dtype is not None and x.dtype != dtype else tf.convert_to_tensor(x)
        return tf.constant(np.asarray(x).astype(dt.numpy_dtype(dtype or default_dtype(x)), copy=False))

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x.numpy())

    def dtype_of(self, x: Any) -> str:
        return x.dtype.name

    def scalar(self, value: Any, dtype: str) -> Any:
        return _scalar(value, dtype)

    def kernel_for(self, primitive: Primitive, dtypes: Sequence[str]) -> Callable[..., Any]:
        plain, wider = self.kernel(primitive), _WIDER.get(primitive.name, {})
        if not any(name in wider for name in dtypes):
            return plain
        targets = [wider.get(name, name) for name in dtypes]

        def kernel(*operands: Any, **params: Any) -> Any:
            results = plain(*[tf.cast(x, target) for x, target in zip(operands, targets, strict=True)], **params)
            wanted = primitive.result_dtypes(dtypes, {**primitive.params, **params})
            if isinstance(results, list):
                return [tf.cast(y, name) for y, name in zip(results, wanted, strict=True)]
            return tf.cast(results, wanted[0])

        return kernel

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        with tf.init_scope():
            return tf.Variable(array, trainable=trainable)

    def snapshot(self, storage: Any) -> Any:
        return storage.read_value()

    def assign(self, storage: Any, tensor: Any) -> Any:
        storage.assign(tensor, read_value=False)
        return storage

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        specs = [tf.TensorSpec(np.shape(x), self.describe(x, "compile")) for x in args]

        def program(*args: Any) -> list[Any]:
            with context.use(self), _Direct() as scope:
                results = fn(*args)
            # All is read before the first assignment.
            values = [(cell.storage, tf.convert_to_tensor(scope.values[cell])) for cell in scope.written]
            results = [tf.convert_to_tensor(x) for x in results]
            for storage, value in values:
                storage.assign(value, read_value=False)
            return results

        run = tf.function(program, input_signature=specs, autograph=False).get_concrete_function()
        return lambda *args: run(*[x if isinstance(x, tf.Tensor) else tf.constant(x) for x in args])

    def value_and_grad(
        self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]
    ) -> tuple[Any, list[Any], list[Any]]:
        tensors = [tf.identity(x) for x in tensors]
        with tf.GradientTape() as tape:
            sources = [x for x in tensors if x.dtype.is_floating or x.dtype.is_complex]
            tape.watch(sources)
            loss, auxiliary = fn(*tensors)
        found = iter(tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO))
        grads = [
            _conj(tf.convert_to_tensor(next(found))) if x.dtype.is_floating or x.dtype.is_complex else tf.zeros_like(x)
            for x in tensors
        ]
        return loss, auxiliary, grads

    def devices(self) -> list[str]:
        counts: dict[str, int] = {}
        for device in tf.config.list_physical_devices():
            counts[device.device_type.lower()] = counts.get(device.device_type.lower(), 0) + 1
        return [f"{kind}:{i}" for kind, count in counts.items() for i in range(count)]


class _Direct(StateScope):
    """Cells read as their variables, which are assigned when all is done: native code sees what it expects."""

    def load(self, cell: Cell) -> Any:
        return cell.storage
