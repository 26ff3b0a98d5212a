"""Reductions and moves of elements as CNTK nodes. Plain Python 3.6."""

import cntk as C
import numpy as np
from cntk_elementwise import TABLE, lowers
from cntk_support import LARGEST_INDEX
from cntk_tensor import as_carrier, choose, constant, is_nan, like, over, shaped, spread, unbatched, wrapped

# Reductions


def total(x, axes):
    """Sum over axes, which stay with the size 1."""
    count = int(np.prod([x.shape[i] for i in axes], dtype=int))
    if axes and tuple(axes) == tuple(range(len(axes))) and len(axes) < len(x.shape) and count > 1:
        rest = x.shape[len(axes) :]
        row = C.times(constant(np.ones((1, count)), x.dtype), shaped(x, (count, int(np.prod(rest)))))  # BLAS is faster
        return shaped(row, (1,) * len(axes) + tuple(rest))
    return over(C.reduce_sum, x, axes)


@lowers("sum")
def sum_(x, axes, keepdims):
    if x.are_images and x.kind == "f" and tuple(axes) == tuple(range(len(x.shape) - 1)):
        each = C.reduce_sum(x.summed, axis=list(range(1, len(x.shape) - 1)))
        return total(shaped(unbatched(each, x.shape[0]), (x.shape[0], x.shape[-1])), [0])
    value = as_carrier(x.expression, "float64") if x.kind != "f" else x.expression
    value = total(value, axes)
    return wrapped(value) if x.kind != "f" else value


@lowers()
def prod(x, axes, keepdims):
    return over(C.reduce_prod, x.expression, axes)


def _extremum(theirs):
    def lower(x, axes, keepdims):
        value = over(theirs, x.expression, axes)
        if x.finite or not axes:
            return value
        return choose(over(C.reduce_max, is_nan(x.expression), axes), like(np.nan, value), value)

    return lower


TABLE["max"] = _extremum(C.reduce_max)
TABLE["min"] = _extremum(C.reduce_min)
TABLE["any"] = lambda x, axes, keepdims: over(C.reduce_max, x.expression, axes)
TABLE["all"] = lambda x, axes, keepdims: over(C.reduce_min, x.expression, axes)


def _place_of(theirs):
    def lower(x, axis):
        found = theirs(x.expression, axis=axis)
        if x.kind == "f":
            nan = is_nan(x.expression)
            found = choose(over(C.reduce_max, nan, [axis]), C.argmax(nan, axis=axis), found)
        return as_carrier(found, "float64")

    return lower


TABLE["argmax"] = _place_of(C.argmax)
TABLE["argmin"] = _place_of(C.argmin)


def running(combine, neutral, x, axis, reverse):
    """A running combination in log2(n) passes: each element takes in what stands 1, 2, 4, … places before it."""
    size, step = x.shape[axis], 1
    while step < size:
        edge = list(x.shape)
        edge[axis] = step
        edge = constant(np.full(edge, neutral), x.dtype)
        if reverse:
            moved = C.splice(C.slice(x, [axis], [step], [size]), edge, axis=axis)
        else:
            moved = C.splice(edge, C.slice(x, [axis], [0], [size - step]), axis=axis)
        x, step = combine(x, moved), step * 2
    return x


@lowers()
def cumsum(x, axis, reverse=False):
    value = running(C.plus, 0, x.expression, axis, reverse)
    return wrapped(value) if x.kind == "i" else value


@lowers()
def cumprod(x, axis, reverse=False):
    return running(C.element_times, 1, x.expression, axis, reverse)


# Shapes


@lowers()
def reshape(x, shape):
    return shaped(x.expression, shape)


@lowers()
def transpose(x, axes):
    return C.transpose(x.expression, tuple(axes)) if list(axes) != sorted(axes) else x.expression


@lowers()
def broadcast_to(x, shape):
    return spread(x.expression, tuple(shape))


@lowers()
def concatenate(*xs, axis):
    return C.splice(*[x.expression for x in xs], axis=axis) if len(xs) > 1 else xs[0].expression


def sliced(x, start, limit, strides=None):
    """A slice of an expression."""
    strides = strides or [1] * len(start)
    strides = [min(step, hi - lo) for lo, hi, step in zip(start, limit, strides)]  # CNTK takes no step beyond the end
    axes = [i for i, n in enumerate(x.shape) if (start[i], limit[i], strides[i]) != (0, n, 1)]
    if not axes:
        return x
    return C.slice(x, axes, [start[i] for i in axes], [limit[i] for i in axes], [strides[i] for i in axes])


def padded(x, low, high, interior=None, value=0.0):
    """An expression with a known number around and between its elements; negative low and high crop."""
    for axis, gap in enumerate(interior or []):
        if gap and x.shape[axis] > 1:
            shape = list(x.shape)
            split = C.reshape(x, tuple(shape[: axis + 1] + [1] + shape[axis + 1 :]))
            around = [(0, gap if i == axis + 1 else 0) for i in range(len(shape) + 1)]
            joined = C.pad(split, around, C.ops.CONSTANT_PAD, value)
            shape[axis] *= gap + 1
            x = C.slice(C.reshape(joined, tuple(shape)), [axis], [0], [shape[axis] - gap])
    around = [(max(lo, 0), max(hi, 0)) for lo, hi in zip(low, high)]
    if any(map(any, around)):
        x = C.pad(x, around, C.ops.CONSTANT_PAD, value)
    return sliced(x, [max(-lo, 0) for lo in low], [n - max(-hi, 0) for n, hi in zip(x.shape, high)])


@lowers()
def pad(x, value, low, high, interior):
    known = value.known is not None and np.isfinite(np.float32(value.known)) and float(np.float32(value.known)) == float(value.known)
    inside = padded(x.expression, low, high, interior, float(value.known) if known else 0.0)
    if known:
        return inside
    ones = constant(np.ones(x.shape), x.carrier)
    return choose(padded(ones, low, high, interior), inside, value.expression)


@lowers("slice")
def slice_(x, start, limit, strides):
    return sliced(x.expression, start, limit, strides)


@lowers()
def flip(x, axes):
    axes = [axis for axis in axes if x.shape[axis] > 1]
    x = x.expression
    return C.slice(x, axes, [0] * len(axes), [x.shape[i] for i in axes], [-1] * len(axes)) if axes else x


# Gathers


def _gathered(x, indices, axis=0):
    """Elements of the expression x along an axis at whole numbers in range (an expression or an array)."""
    indices = indices if isinstance(indices, C.Variable) or hasattr(indices, "output") else constant(indices, x.dtype)
    count = int(np.prod(indices.shape, dtype=int))
    shape = tuple(x.shape[:axis]) + tuple(indices.shape) + tuple(x.shape[axis + 1 :])
    flat = shaped(as_carrier(indices, x.dtype), (count,))
    return shaped(C.gather(x, flat, axis=axis) if axis else C.gather(x, flat), shape)


def _clipped(indices, size):
    return C.element_min(C.element_max(indices, like(0, indices)), like(size - 1, indices))


def _steps(shape):
    return [int(np.prod(shape[i + 1 :], dtype=int)) for i in range(len(shape))]


@lowers()
def take(x, indices, axis):
    return _gathered(x.expression, _clipped(indices.expression, x.shape[axis]), axis)


@lowers()
def take_along_axis(x, indices, axis):
    steps = _steps(x.shape)
    base = sum(
        (np.arange(n).reshape([-1 if i == j else 1 for j in range(len(x.shape))]) * steps[i] for i, n in enumerate(x.shape) if i != axis),
        np.zeros([1] * len(x.shape)),
    )
    places = C.element_times(_clipped(indices.expression, x.shape[axis]), constant(steps[axis], "float64"))
    places = C.plus(places, constant(base, "float64"))
    return _gathered(shaped(x.expression, (int(np.prod(x.shape)),)), places)


@lowers()
def dynamic_slice(x, start, sizes):
    steps = _steps(x.shape)
    room = constant(np.array(x.shape) - np.array(sizes), "float64")
    first = C.element_min(C.element_max(start.expression, constant(0, "float64")), room)
    offset = C.reduce_sum(C.element_times(first, constant(np.array(steps), "float64")), axis=0)
    inner = sum(np.arange(n).reshape([-1 if i == j else 1 for j in range(len(sizes))]) * steps[i] for i, n in enumerate(sizes))
    places = C.plus(shaped(offset, (1,) * len(sizes)), constant(inner, "float64"))
    return _gathered(shaped(x.expression, (int(np.prod(x.shape)),)), places)


# By NumPy: nodes that compute outside of CNTK, in the midst of its program

def by_numpy(function, operands, shape, carrier):
    """A node that computes `function` of arrays. CNTK wants one dtype for all that goes in and out of such nodes."""
    common = np.result_type(carrier, *[x.carrier for x in operands])
    inputs = [C.element_times(as_carrier(x.expression, common), constant(1, common)) for x in operands]  # it wants no plain inputs
    return as_carrier(C.user_function(ByNumpy(inputs, function, [x.dtype for x in operands], shape, common)), carrier)


class ByNumpy(C.ops.functions.UserFunction):
    """A function of arrays, of the given dtypes, as a CNTK function."""

    def __init__(self, inputs, function, dtypes, shape, carrier):
        super().__init__(inputs, as_numpy=True)
        self._compute, self._dtypes, self._shape, self._carrier = function, dtypes, shape, np.dtype(carrier)

    def forward(self, arguments, device=None, outputs_to_retain=None):
        arguments = arguments if isinstance(arguments, (list, tuple)) else [arguments]
        with np.errstate(all="ignore"):
            value = self._compute(*[np.asarray(x).astype(d) for x, d in zip(arguments, self._dtypes)])
        return None, np.ascontiguousarray(value, self._carrier).reshape(self._shape)

    def backward(self, state, root_gradients, variables=None):
        raise NotImplementedError("programs come with their gradients")

    def infer_outputs(self):
        return [C.output_variable(self._shape, self._carrier.type, [])]


__all__ = ["LARGEST_INDEX", "by_numpy", "padded", "sliced", "total"]
