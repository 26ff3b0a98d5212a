"""Tensors from nothing, or in the likeness of another."""

from __future__ import annotations

import builtins
import math

import numpy as np

from cornu import config
from cornu import primitives as P
from cornu.contract.engine import default_dtype
from cornu.ops.common import (
    axis_of,
    cast,
    constant,
    dtype_of,
    dtype_or,
    joined,
    number,
    shape_given,
    shape_of,
    tensor,
    widened,
)
from cornu.ops.numpy.elementwise import clip, i0
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


@op
def zeros(shape, dtype=None):
    """A tensor of zeros.

    shape: an int or a sequence of ints. dtype: `floatx()` by default.

    Raises:
        ValueError: for sizes that are unknown or negative.
        TypeError: for sizes that are no ints.
    """
    return P.full(shape=shape_given(shape, "zeros"), value=0, dtype=dtype_or(dtype))


@op
def ones(shape, dtype=None):
    """A tensor of ones. Arguments and errors: see `zeros`."""
    return P.full(shape=shape_given(shape, "ones"), value=1, dtype=dtype_or(dtype))


@op
def empty(shape, dtype=None):
    """A tensor whose values don't matter (zeros). Arguments and errors: see `zeros`."""
    return P.full(shape=shape_given(shape, "empty"), value=0, dtype=dtype_or(dtype))


@op
def full(shape, fill_value, dtype=None):
    """A tensor of `shape` filled with `fill_value` (a number, or a tensor that broadcasts); dtype `floatx()` by default."""
    shape = shape_given(shape, "full")
    if isinstance(fill_value, (bool, int, float)):
        return P.full(shape=shape, value=fill_value, dtype=dtype_or(dtype))
    return P.broadcast_to(cast(fill_value, dtype_or(dtype)), shape=shape)


@op
def zeros_like(x, dtype=None):
    """Zeros in the shape (and, unless given, the dtype) of x."""
    return P.full(shape=shape_of(x), value=0, dtype=dtype_or(dtype, dtype_of(x)))


@op
def ones_like(x, dtype=None):
    """Ones in the shape (and, unless given, the dtype) of x."""
    return P.full(shape=shape_of(x), value=1, dtype=dtype_or(dtype, dtype_of(x)))


@op
def empty_like(x, dtype=None):
    """A tensor whose values don't matter (zeros), in the shape (and, unless given, the dtype) of x."""
    return zeros_like(x, dtype)


@op
def full_like(x, fill_value, dtype=None):
    """`fill_value` in the shape (and, unless given, the dtype) of x."""
    return full(shape_of(x), fill_value, dtype_or(dtype, dtype_of(x)))


@op
def array(x, dtype=None):
    """`x` (a number, nested lists, an array, a tensor) as a tensor of the engine in charge, in `dtype` if that is given."""
    made = tensor(x)
    return made if dtype is None else cast(made, dt.name_of(dtype))


# Ranges


@op
def arange(start, stop=None, step=None, dtype=None):
    """Evenly spaced numbers from `start` to before `stop` in steps of `step`, as `numpy.arange`.

    start, stop, step: numbers, or scalar tensors whose values are known; one alone is `stop`, from 0 on; the default step is 1.
    dtype: that of the three together by default, int32 of ints and `floatx()` if one is a float.

    Raises:
        ValueError: if step is 0.
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = (number(x, "arange") for x in (start, stop, 1 if step is None else step))
    if step == 0:
        raise ValueError("arange: the step must not be 0.")
    name = dtype_or(dtype, dt.result_type(*map(default_dtype, (start, stop, step))))
    count = builtins.max(math.ceil((stop - start) / step), 0)
    wide = name if dt.is_integer(name) or name in ("float32", "float64") else "float32"
    index = P.iota(shape=(count,), axis=0, dtype=wide)
    if step != 1:
        index = P.multiply(index, P.full(shape=(), value=step, dtype=wide))
    if start != 0:
        index = P.add(index, P.full(shape=(), value=start, dtype=wide))
    return index if wide == name else cast(index, name)


def _interval(start, stop, num, where):
    """The ends, broadcast, in a floating dtype of at least 32 bits; the dtype to return by default."""
    if isinstance(num, bool) or not isinstance(num, (int, np.integer)) or num < 0:
        raise ValueError(f"{where}: num must be an int that is not negative, got {num!r}.")
    dtype = dt.to_float(joined(start, stop))
    zero = P.multiply(P.add(start, stop), 0)
    wide = "float32" if dtype in ("float16", "bfloat16") else dtype
    return cast(P.add(start, zero), wide), cast(P.add(stop, zero), wide), dtype


def _moved_to(y, axis, where):
    """The first dimension at `axis`."""
    rank = len(shape_of(y))
    order = list(range(1, rank))
    order.insert(axis_of(axis, rank, where), 0)
    return P.transpose(y, axes=tuple(order))


def _spaced(start, stop, num, endpoint):
    """`num` numbers from start to stop along a new first axis, and the step."""
    parts = builtins.max(num - 1 if endpoint else num, 1)
    step = P.divide(P.subtract(stop, start), float(parts))
    column = (num, *(1,) * len(shape_of(start)))
    index = P.iota(shape=column, axis=0, dtype=dt.real_part(dtype_of(start)))
    y = P.add(P.multiply(P.divide(index, float(parts)), P.subtract(stop, start)), start)
    if endpoint and num > 1:
        y = P.where(P.equal(index, num - 1), stop, y)  # exactly
    return y, step if num > 1 or not endpoint else P.multiply(step, math.nan)


@op
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` evenly spaced numbers from `start` to `stop` (numbers or tensors) along a new `axis`.

    endpoint: whether `stop` is the last one. retstep: whether to give the step too. dtype: a float by default; for an integer
    one they are rounded down.
    """
    start, stop, default = _interval(start, stop, num, "linspace")
    y, step = _spaced(start, stop, num, endpoint)
    name = dtype_or(dtype, default)
    y = cast(P.floor(y) if dt.is_integer(name) else y, name)
    y = _moved_to(y, axis, "linspace")
    return (y, cast(step, default)) if retstep else y


@op
def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """base ** `linspace(start, stop, …)`: `start` and `stop` are exponents.

    num, endpoint, dtype, axis: see `linspace`; for an integer dtype the numbers are cut, not rounded.
    """
    start, stop, default = _interval(start, stop, num, "logspace")
    y = P.power(base, _spaced(start, stop, num, endpoint)[0])
    return _moved_to(cast(y, dtype_or(dtype, default)), axis, "logspace")


@op
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop`, each the same multiple of the one before, along a new `axis`.

    start, stop: of one sign and not 0; else the result is NaN. endpoint, dtype: see `linspace`.
    """
    start, stop, default = _interval(start, stop, num, "geomspace")
    ratio = P.divide(stop, start)
    exponent = _spaced(P.multiply(ratio, 0), P.add(P.multiply(ratio, 0), 1), num, endpoint)[0]
    y = P.multiply(start, P.power(ratio, exponent))
    if endpoint and num > 1:
        last = P.equal(P.iota(shape=(num, *(1,) * len(shape_of(start))), axis=0, dtype="int32"), num - 1)
        y = P.where(last, stop, y)
    return _moved_to(cast(y, dtype_or(dtype, default)), axis, "geomspace")


@op
def meshgrid(*x, indexing="xy"):
    """A list of coordinate tensors from vectors, one dimension for each.

    indexing: "xy" (the first two dimensions exchanged, as for images) or "ij".
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}.")
    if builtins.any(len(shape_of(v)) > 1 for v in x):
        raise ValueError(f"meshgrid: expected vectors, got shapes {', '.join(str(shape_of(v)) for v in x)}.")
    places = list(range(len(x)))
    if indexing == "xy" and len(x) > 1:
        places[:2] = [1, 0]
    sizes = {place: math.prod(shape_of(v)) for place, v in zip(places, x, strict=True)}
    shape = tuple(sizes[i] for i in range(len(x)))
    return [
        P.broadcast_to(P.reshape(v, shape=tuple(n if i == place else 1 for i, n in enumerate(shape))), shape=shape)
        for place, v in zip(places, x, strict=True)
    ]


# Matrices


def _below(rows, columns, k):
    """Bools (rows, columns): on or below the k-th diagonal."""
    row = P.iota(shape=(rows, 1), axis=0, dtype="int32")
    return P.less_equal(P.iota(shape=(1, columns), axis=1, dtype="int32"), P.add(row, k))


@op
def tri(N, M=None, k=0, dtype=None):
    """An N x M matrix (M = N by default) of ones on and below the k-th diagonal, zeros above.

    k: 0 for the main diagonal, above it positive, below it negative. dtype: `floatx()` by default.
    """
    rows, columns = shape_given((N, N if M is None else M), "tri")
    return cast(_below(rows, columns, k), dtype_or(dtype))


@op
def eye(N, M=None, k=0, dtype=None):
    """An N x M matrix (M = N by default) with ones on the k-th diagonal; k, dtype: see `tri`."""
    rows, columns = shape_given((N, N if M is None else M), "eye")
    row = P.iota(shape=(rows, 1), axis=0, dtype="int32")
    return cast(P.equal(P.iota(shape=(1, columns), axis=1, dtype="int32"), P.add(row, k)), dtype_or(dtype))


@op
def identity(n, dtype=None):
    """The n x n identity matrix, of dtype `floatx()` by default."""
    return eye(n, dtype=dtype)


def _triangle(x, k, where):
    """Bools for the last two dimensions of x: on or below the k-th diagonal."""
    shape = shape_of(x)
    if len(shape) < 2:
        raise ValueError(f"{where}: expected a matrix or a batch of them, got shape {shape}.")
    rows, columns = shape[-2:]
    return _below(rows, columns, k)


@op
def tril(x, k=0):
    """x with zeros above the k-th diagonal of its last two dimensions."""
    return P.where(_triangle(x, k, "tril"), x, constant(0, x))


@op
def triu(x, k=0):
    """x with zeros below the k-th diagonal of its last two dimensions."""
    return P.where(_triangle(x, k - 1, "triu"), constant(0, x), x)


@op
def vander(x, N=None, increasing=False):
    """The matrix of a vector's powers, N (by default as many as elements) columns, descending unless `increasing`."""
    if len(shape_of(x)) != 1:
        raise ValueError(f"vander: expected a vector, got shape {shape_of(x)}.")
    (count,) = shape_given(shape_of(x)[0] if N is None else N, "vander")
    powers = P.iota(shape=(1, count), axis=1, dtype="int32")
    powers = powers if increasing else P.subtract(count - 1, powers)
    column, dtype = P.reshape(x, shape=(shape_of(x)[0], 1)), dtype_of(x)
    return P.power(column, cast(powers, dtype))


# Windows: functions of a number of points


def _window(x, where, shape):
    """A window of x points: `shape(t)` for t from -1 to 1; a single point is 1."""
    (count,) = shape_given(number(x, where), where)
    if count <= 1:
        return ones((count,))
    t = P.subtract(P.multiply(P.iota(shape=(count,), axis=0, dtype=_wide_floatx()), 2 / (count - 1)), 1)
    return cast(shape(t), config.floatx())


def _wide_floatx():
    return "float64" if config.floatx() == "float64" else "float32"


def _cosines(*coefficients):
    def shape(t):
        y = coefficients[0]
        for i, c in enumerate(coefficients[1:], 1):
            y = P.add(P.multiply(P.cos(P.multiply(t, i * math.pi)), c), y)
        return y

    return shape


@op
def bartlett(x):
    """Bartlett's window of x points: a triangle from 0 to 1 to 0."""
    return _window(x, "bartlett", lambda t: P.subtract(1, P.abs(t)))


@op
def hanning(x):
    """Hann's window of x points: 0.5 + 0.5 cos."""
    return _window(x, "hanning", _cosines(0.5, 0.5))


@op
def hamming(x):
    """Hamming's window of x points: 0.54 + 0.46 cos."""
    return _window(x, "hamming", _cosines(0.54, 0.46))


@op
def blackman(x):
    """Blackman's window of x points: 0.42 + 0.5 cos + 0.08 cos of the double."""
    return _window(x, "blackman", _cosines(0.42, 0.5, 0.08))


@op
def kaiser(x, beta):
    """Kaiser's window of x points with the shape parameter `beta`."""
    beta = widened(beta)[0]
    inside = lambda t: P.sqrt(clip(P.subtract(1, P.multiply(t, t)), 0, 1))  # noqa: E731
    return _window(x, "kaiser", lambda t: P.divide(i0(P.multiply(inside(t), beta)), i0(beta)))


export(globals())
