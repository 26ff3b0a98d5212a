"""Elementwise primitives, reductions and moves of elements as Theano's nodes. Plain Python 3.6."""

import numpy as np
import theano.tensor as T

TABLE = {}


def lowers(function):
    """Decorator: the lowering of the primitive of this name. It gets and gives Theano variables."""
    TABLE[function.__name__.rstrip("_")] = function
    return function


def settled(x, shape, dtype):
    """The variable in that dtype, knowing its shape and which dimensions are 1."""
    x = T.as_tensor_variable(x)
    if x.dtype != dtype:
        x = T.neq(x, 0) if dtype == "bool" else T.cast(x, dtype)
    ones = tuple(n == 1 for n in shape)
    if x.broadcastable != ones:
        x = T.patternbroadcast(x, ones)
    if getattr(x.tag, "size", tuple(shape)) != tuple(shape):
        x = T.tensor_copy(x)
    x.tag.size = tuple(shape)
    return x


def size(x):
    """The shape as numbers."""
    return x.tag.size


def like(value, x):
    """A scalar beside x."""
    return T.constant(np.asarray(value, x.dtype))


def is_float(x):
    return x.dtype.startswith("float")


for _name, _theirs in dict(
    exp="exp", expm1="expm1", log="log", log1p="log1p", sqrt="sqrt", sin="sin", cos="cos", tan="tan", arcsin="arcsin", arccos="arccos",
    arctan="arctan", sinh="sinh", cosh="cosh", tanh="tanh", arcsinh="arcsinh", arccosh="arccosh", arctanh="arctanh", erf="erf",
    arctan2="arctan2", divide="true_div", power="pow", maximum="maximum", minimum="minimum", equal="eq", not_equal="neq", less="lt",
    less_equal="le", greater="gt", greater_equal="ge", where="switch", logical_not="invert", logical_and="and_", logical_or="or_",
    bitwise_and="and_", bitwise_or="or_", bitwise_xor="xor",
).items():  # fmt: skip
    TABLE[_name] = getattr(T, _theirs)

for _name in ("stop_gradient", "real"):
    TABLE[_name] = lambda x: x

for _name, _theirs in dict(floor=T.floor, ceil=T.ceil, round=lambda x: T.round(x, mode="half_to_even")).items():
    TABLE[_name] = lambda x, theirs=_theirs: theirs(x) if is_float(x) else x


def _arithmetic(theirs, of_bools):
    return lambda x1, x2: of_bools(x1, x2) if x1.dtype == "bool" else theirs(x1, x2)


TABLE["add"] = _arithmetic(T.add, T.or_)
TABLE["subtract"] = _arithmetic(T.sub, T.neq)
TABLE["multiply"] = _arithmetic(T.mul, T.and_)


@lowers
def sigmoid(x):
    small = T.exp(-abs(x))
    return T.switch(T.ge(x, like(0, x)), like(1, x), small) / (like(1, x) + small)


@lowers
def rsqrt(x):
    return like(1, x) / T.sqrt(x)


@lowers
def softplus(x):
    return T.maximum(x, like(0, x)) + T.log1p(T.exp(-abs(x)))


@lowers
def logaddexp(x1, x2):
    gap = T.switch(T.eq(x1, x2), like(0, x1), abs(x1 - x2))
    return T.maximum(x1, x2) + T.log1p(T.exp(-gap))


@lowers
def negative(x):
    return x if x.dtype == "bool" else -x


@lowers
def abs_(x):
    return x if x.dtype == "bool" else abs(x)


@lowers
def sign(x):
    return T.switch(T.isnan(x), x, T.sgn(x)) if is_float(x) else T.sgn(x)


@lowers
def isfinite(x):
    if not is_float(x):
        return T.ones_like(x, dtype="bool")
    return T.invert(T.or_(T.isnan(x), T.isinf(x)))


@lowers
def imag(x):
    return T.zeros_like(x)


@lowers
def cast(x, dtype):
    return x if x.dtype == dtype else T.neq(x, like(0, x)) if dtype == "bool" else T.cast(x, dtype)


@lowers
def full(shape, value, dtype):
    if np.signbit(value) and not value:
        return T.constant(np.full(shape, value, dtype))  # Theano takes the zeros for equal
    return T.alloc(T.constant(np.asarray(value, dtype)), *shape)


@lowers
def iota(shape, axis, dtype):
    line = np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return T.constant(np.array(np.broadcast_to(line, shape), dtype))


# Reductions


@lowers
def sum_(x, axes, keepdims):
    dtype = "int32" if x.dtype == "bool" else x.dtype
    return T.sum(x, list(axes), dtype=dtype, acc_dtype=dtype, keepdims=keepdims) if axes else x


@lowers
def prod(x, axes, keepdims):
    return T.prod(x, list(axes), dtype=x.dtype, acc_dtype=x.dtype, keepdims=keepdims) if axes else x


def _reduction(theirs):
    return lambda x, axes, keepdims: theirs(x, list(axes), keepdims=keepdims) if axes else x


TABLE["any"], TABLE["all"] = _reduction(T.any), _reduction(T.all)


def _extremum(theirs, of_bools):
    def lower(x, axes, keepdims):
        if not axes:
            return x
        if x.dtype == "bool":
            return of_bools(x, list(axes), keepdims=keepdims)
        value = theirs(x, list(axes), keepdims=keepdims)
        if is_float(x):
            value = T.switch(T.any(T.isnan(x), list(axes), keepdims=keepdims), like(np.nan, x), value)
        return value

    return lower


def _least(x, axes, keepdims):
    """Theano's is -max(-x), which no integer dtype can say of its lowest number."""
    return T.min(x, axes, keepdims=keepdims) if is_float(x) else T.invert(T.max(T.invert(x), axes, keepdims=keepdims))


TABLE["max"], TABLE["min"] = _extremum(T.max, T.any), _extremum(_least, T.all)


def _place_of(theirs):
    def lower(x, axis):
        found = theirs(x, axis)
        if is_float(x):
            nan = T.cast(T.isnan(x), "int8")
            found = T.switch(T.gt(T.max(nan, axis), np.int8(0)), T.argmax(nan, axis), found)
        return found

    return lower


TABLE["argmax"], TABLE["argmin"] = _place_of(T.argmax), _place_of(T.argmin)


def _cumulative(theirs):
    def lower(x, axis, reverse):
        turn = tuple(slice(None, None, -1) if i == axis else slice(None) for i in range(x.ndim))
        value = theirs(x[turn] if reverse else x, axis)
        return value[turn] if reverse else value

    return lower


TABLE["cumsum"], TABLE["cumprod"] = _cumulative(T.cumsum), _cumulative(T.cumprod)
TABLE["sort"] = lambda x, axis: T.sort(x, axis)


# Moving elements


def shaped(x, shape):
    """x under another shape; it knows it."""
    y = T.reshape(x, tuple(shape), ndim=len(shape)) if len(shape) else T.reshape(x, (1,), ndim=1).dimshuffle()
    return settled(y, shape, x.dtype)


def spread(x, shape):
    """x repeated to `shape`."""
    return settled(T.alloc(x, *shape) if shape else x, shape, x.dtype)


@lowers
def reshape(x, shape):
    return shaped(x, shape)


@lowers
def transpose(x, axes):
    return x.dimshuffle(*axes)


@lowers
def broadcast_to(x, shape):
    return spread(x, shape)


@lowers
def concatenate(*xs, axis):
    return T.join(axis, *xs) if len(xs) > 1 else xs[0]


@lowers
def slice_(x, start, limit, strides):
    return x[tuple(slice(a, b, s) for a, b, s in zip(start, limit, strides))] if start else x


@lowers
def flip(x, axes):
    return x[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim))] if axes else x


@lowers
def pad(x, value, low, high, interior):
    """Into a filled tensor; negative low and high crop."""
    gaps = [(n - 1) * (gap + 1) + 1 for n, gap in zip(size(x), interior)]
    whole = [max(lo, 0) + n + max(hi, 0) for lo, n, hi in zip(low, gaps, high)]
    spots = tuple(slice(max(lo, 0), max(lo, 0) + n, gap + 1) for lo, n, gap in zip(low, gaps, interior))
    y = T.set_subtensor(T.alloc(value, *whole)[spots], x) if whole else x
    return y[tuple(slice(max(-lo, 0), n - max(-hi, 0)) for lo, n, hi in zip(low, whole, high))] if whole else y


def _clipped(indices, count):
    return T.clip(T.cast(indices, "int64"), np.int64(0), np.int64(count - 1))


@lowers
def take(x, indices, axis):
    return x[(slice(None),) * axis + (_clipped(indices, size(x)[axis]),)]


@lowers
def take_along_axis(x, indices, axis):
    """All indices but those along the axis count up; sizes of 1 are repeated."""
    wanted = [n if i == axis else max(n, m) for i, (m, n) in enumerate(zip(size(x), size(indices)))]
    x = spread(x, [n if i == axis else m for i, (n, m) in enumerate(zip(size(x), wanted))])
    spots = [np.arange(n).reshape([-1 if i == j else 1 for j in range(len(wanted))]) for i, n in enumerate(wanted)]
    count = int(np.prod(size(x)))
    place, step = T.constant(np.int64(0)), 1
    for i in reversed(range(len(wanted))):
        place = place + (_clipped(indices, size(x)[i]) if i == axis else T.constant(spots[i])) * np.int64(step)
        step *= size(x)[i]
    return shaped(shaped(x, (count,))[shaped(place, (int(np.prod(wanted)),))], wanted)


@lowers
def dynamic_slice(x, start, sizes):
    room = T.constant(np.array(size(x)) - np.array(sizes))
    first = T.minimum(T.maximum(T.cast(start, "int64"), np.int64(0)), room)
    return x[tuple(slice(first[i], first[i] + n) for i, n in enumerate(sizes))] if sizes else x


# Products


@lowers
def matmul(x1, x2):
    a, b = size(x1), size(x2)
    if len(b) == 2:
        return shaped(T.dot(shaped(x1, (int(np.prod(a[:-1])), a[-1])), x2), a[:-1] + b[-1:])
    lead = np.broadcast(np.empty(a[:-2], bool), np.empty(b[:-2], bool)).shape
    count = int(np.prod(lead))
    x1 = shaped(spread(x1, lead + a[-2:]), (count,) + a[-2:])
    x2 = shaped(spread(x2, lead + b[-2:]), (count,) + b[-2:])
    return shaped(T.batched_dot(x1, x2), lead + (a[-2], b[-1]))


__all__ = ["TABLE", "like", "settled", "shaped", "size"]
