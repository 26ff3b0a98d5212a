"""The embedded engine: NumPy alone. Kernels are the table's references, and faster forms of the hot ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu.contract.engine import Kernels, default_dtype
from cornu.contract.recorded import RecordedEngine
from cornu.graph.graph import Graph, Node
from cornu.graph.replay import replay
from cornu.graph.simplify import simplify
from cornu.primitives import TABLE
from cornu.primitives import dtypes as dt
from cornu.primitives.contraction import _conv_output, _padded, _spots, tiles
from cornu.primitives.primitive import Primitive

_quiet: Callable[..., Any] = np.errstate(all="ignore")  # a decorator: infinities and NaNs are values like others

kernels = Kernels()
for _name, _record in TABLE.items():
    kernels[_name] = _record.reference

# One call into NumPy's C code each, so that a replayed program has no Python frames for them.
_UFUNCS = (
    "exp expm1 log log1p sqrt sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh isfinite "
    "add multiply divide maximum minimum floor_divide mod arctan2 equal not_equal less less_equal greater greater_equal "
    "logical_and logical_or logical_not bitwise_and bitwise_or bitwise_xor left_shift right_shift"
).split()
_FLOAT_UFUNCS = ["subtract", "negative", "abs"]  # which mean something else where there are booleans


def _ufunc(name: str) -> str:
    given = "out=out" if name in ("maximum", "minimum") else "out"  # NumPy wants it by keyword there
    return f"np.{name}({', '.join(TABLE[name].operands)}, {given})"


class _Ones(dict[Any, np.ndarray]):
    """(count, dtype) -> a vector of ones, kept."""

    def __missing__(self, key: Any) -> np.ndarray:
        self[key] = np.ones(*key)
        return self[key]


kernels.inline(
    {
        "np": np,
        "ones": _Ones(),
        "out": None,
        "argsort_end": lambda x, first: _argsort_end(x, first),
        "max_reduce": np.maximum.reduce,
        "min_reduce": np.minimum.reduce,
        **{name: np.dtype(name) for name in ("int8", "int32", "int64", "float32", "float64")},
    },
    **{name: _ufunc(name) for name in _UFUNCS},
    where="np.where(condition, x1, x2)",
    reshape="x.reshape(shape)",
    transpose="x.transpose(axes)",
    stop_gradient="x",
    max="max_reduce(x, axes, None, None, keepdims)",
    min="min_reduce(x, axes, None, None, keepdims)",
)

# Their results are new memory, whatever the operands.
FRESH = "where max min sum matmul conv conv_grad_input conv_grad_kernel max_pool max_pool_grad sum_pool sum_pool_grad sigmoid".split()


def special(node: Node, graph: Graph) -> str | None:
    """Shorter source for hot primitives on float32 and float64, where their shapes and dtypes allow it."""
    name, result = node.primitive.name, node.results[0]
    if name == "slice":
        return _slice(node)
    if name == "cast" and result.dtype in _BITS and node.operands[0].dtype not in (*dt.COMPLEXES, "bfloat16", "float16"):
        return f"x.astype({result.dtype})"
    if name == "argsort":
        return _argsort(node, graph)
    if any(v.dtype not in (*_BITS, "bool") for v in (*node.operands, result)) or result.dtype not in _BITS:
        return None
    if name in _FLOAT_UFUNCS:
        return _ufunc(name)
    write = {"where": _where, "sum": _sum, "matmul": _matmul}.get(name)
    return write(node, graph) if write is not None else None


_BITS = {"float32": "int32", "float64": "int64"}


def _without_broadcasts(graph: Graph) -> Graph:
    """Operands of NumPy's functions need not be broadcast where the other one has the result's shape already."""
    small = {node.results[0]: node.operands[0] for node in graph.nodes if node.primitive.name == "broadcast_to"}
    for node in graph.nodes:
        if len(node.operands) == 2 and node.primitive.name in (*_UFUNCS, *_FLOAT_UFUNCS):
            for i, other in ((0, 1), (1, 0)):
                if node.operands[i] in small and node.operands[other].shape == node.results[0].shape:
                    node.operands[i] = small[node.operands[i]]
    return graph.prune()


def _slice(node: Node) -> str:
    params = (node.params[key] for key in ("start", "limit", "strides"))
    spans = [f"{a}:{b}" if s == 1 else f"{a}:{b}:{s}" for a, b, s in zip(*params, strict=True)]
    return f"x[{', '.join(spans)}]" if spans else "x"


def _where(node: Node, graph: Graph) -> str | None:
    """x or zero, by bits: `np.where` is slow where the condition changes often."""
    for x, name, other, mask in ((1, "x1", 2, "np.negative(condition.view(int8))"), (2, "x2", 1, "np.subtract(condition.view(int8), 1)")):
        value, zero = node.operands[x], graph.constants.get(node.operands[other])
        plain = zero is not None and not zero.ndim and zero == 0 and not np.signbit(zero)
        if plain and value.shape and value.shape == node.results[0].shape:
            bits = _BITS[value.dtype]
            return f"np.bitwise_and({name}.view({bits}), {mask}.astype({bits})).view({value.dtype})"
    return None


def _argsort(node: Node, graph: Graph) -> str | None:
    """Where only the end is read, as in `top_k`, the rest is not sorted."""
    x, order = node.operands[0], node.results[0]
    readers = [other for other in graph.nodes if order in other.operands]
    if x.dtype not in _BITS or node.params["axis"] != x.ndim - 1 or order in graph.outputs:
        return None
    first = min([other.params["start"][-1] if other.primitive.name == "slice" else 0 for other in readers], default=0)
    return f"argsort_end(x, {first})" if 0 < first < x.shape[-1] else None


def _argsort_end(x: Any, first: int) -> Any:
    """A stable order along the last axis, of which only the places from `first` on are what they should be."""
    x, count = np.ascontiguousarray(x), x.shape[-1] - first
    chosen = ~(x < np.partition(x, first, -1)[..., first : first + 1])  # NaN too, which stands last
    order = np.empty(x.shape, "int32")
    clear = np.count_nonzero(chosen, axis=-1) == count  # else there are equals on both sides of the border
    if clear.all():
        places = (np.flatnonzero(chosen) % x.shape[-1]).reshape(*x.shape[:-1], count)
        by_value = np.argsort(np.take_along_axis(x, places, -1), axis=-1, kind="stable")
        order[..., first:] = np.take_along_axis(places, by_value, -1)
    else:
        order[clear] = _argsort_end(x[clear], first)
        order[~clear] = np.argsort(x[~clear], axis=-1, kind="stable")
    return order


def _sum(node: Node, graph: Graph) -> str:
    """BLAS sums over the leading axes faster than a strided reduction."""
    x, axes = node.operands[0], node.params["axes"]
    if not axes or len(axes) == x.ndim or axes != tuple(range(len(axes))) or 0 in x.shape:
        return "np.add.reduce(x, axes, None, None, keepdims)"
    rows = math.prod(x.shape[: len(axes)])
    whole = "x" if x.ndim == 2 else f"x.reshape({rows}, {math.prod(x.shape[len(axes) :])})"
    total = f"ones[{rows}, {x.dtype}].dot({whole})"
    shape = node.results[0].shape
    return total if len(shape) == 1 else f"{total}.reshape({shape})"


def _matmul(node: Node, graph: Graph) -> str | None:
    x1, x2 = node.operands
    if x1.ndim == x2.ndim == 2:
        return "x1.dot(x2)"
    if x2.ndim == 2 and x1.ndim > 2 and 0 not in x1.shape:
        return f"x1.reshape(-1, {x1.shape[-1]}).dot(x2).reshape({node.results[0].shape})"
    return "np.matmul(x1, x2)"


@kernels.define
def cast(x: Any, *, dtype: str) -> Any:
    if x.dtype.kind == "f" and dtype in dt.FLOATS:
        return x.astype(dt.numpy_dtype(dtype))
    return TABLE["cast"].reference(x, dtype=dtype)


@kernels.define
def sum(x: Any, *, axes: tuple[int, ...], keepdims: bool = False) -> Any:
    if x.dtype.kind != "f":
        return TABLE["sum"].reference(x, axes=axes, keepdims=keepdims)
    if axes and x.ndim == 2 and axes == (0,) and not keepdims and x.dtype.itemsize >= 4:
        return np.ones(x.shape[0], x.dtype) @ x  # BLAS is faster than a strided reduction
    return np.add.reduce(x, axes, None, None, keepdims)  # type: ignore[call-overload]


@kernels.define
def argsort(x: Any, *, axis: int) -> Any:
    """In rows of which no two elements are equal, any order is the stable one, and NumPy's quickest takes a third of the time."""
    if x.dtype.name not in _BITS or x.shape[axis] < 64:
        return TABLE["argsort"].reference(x, axis=axis)
    rows = x.swapaxes(axis, -1)
    order = np.argsort(rows, axis=-1)
    rising = np.take_along_axis(rows, order, -1)
    tied = ~(rising[..., 1:] > rising[..., :-1]).all(-1)
    if tied.any():
        order[tied] = np.argsort(rows[tied], axis=-1, kind="stable")
    return order.astype("int32").swapaxes(axis, -1)


@kernels.define
def matmul(x1: Any, x2: Any) -> Any:
    if x1.dtype.itemsize == 2 or x1.dtype.kind != "f":
        return TABLE["matmul"].reference(x1, x2)
    if x2.ndim == 2 and x1.ndim > 2:
        return np.matmul(x1.reshape(-1, x1.shape[-1]), x2).reshape(*x1.shape[:-1], x2.shape[-1])
    return np.matmul(x1, x2)


@kernels.define
def sigmoid(x: Any) -> Any:
    if x.dtype.kind == "c":
        return TABLE["sigmoid"].reference(x)
    return 1 / (1 + np.exp(-x))  # where exp(-x) is infinite, the result is smaller than normal numbers


# Error function: its Taylor series up to 1, the exact scalar function beyond.

_ERF_SERIES = [2 / math.sqrt(math.pi) * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(22)]


@kernels.define
def erf(x: Any) -> Any:
    z = x.astype("float64")
    square = np.minimum(z * z, 1.0)
    near = z * np.polynomial.polynomial.polyval(square, _ERF_SERIES)
    far = np.abs(z) > 1.0
    if far.any():
        near = np.array(near)
        near[far] = TABLE["erf"].reference(z[far])
    return np.asarray(near).astype(x.dtype)


@kernels.define
def pad(x: Any, value: Any, *, low: Any, high: Any, interior: Any) -> Any:
    if any(interior) or any(n < 0 for n in (*low, *high)):
        return TABLE["pad"].reference(x, value, low=low, high=high, interior=interior)
    y = np.full([lo + n + hi for lo, n, hi in zip(low, x.shape, high)], value, x.dtype)
    y[tuple([slice(lo, lo + n) for lo, n in zip(low, x.shape)])] = x
    return y


@kernels.define
def scan(*operands: Any, body_fn: Any, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> Any:
    """As the reference, with outputs written where they belong."""
    carry, sequences, constants = operands[:n_carry], operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    stacked: list[Any] = []
    for t in range(length - 1, -1, -1) if reverse else range(length):
        results = body_fn(*carry, *[xs[t] for xs in sequences], *constants)
        carry, outputs = results[:n_carry], results[n_carry:]
        stacked = stacked or [np.empty((length, *np.shape(y)), y.dtype) for y in outputs]
        for ys, y in zip(stacked, outputs):
            ys[t] = y
    return [*carry, *stacked]


@kernels.define
def max_pool_grad(x: Any, y: Any, g: Any, *, window: Any, strides: Any, padding: Any) -> Any:
    if x.dtype.kind != "f" or g.dtype.name not in _BITS or any(n for pair in padding for n in pair):
        return TABLE["max_pool_grad"].reference(x, y, g, window=window, strides=strides, padding=padding)
    bits, apart = g.view(_BITS[g.dtype.name]), window == strides
    grad = (np.zeros if tiles(x.shape, window, strides, padding) is None else np.empty)(x.shape, bits.dtype if apart else g.dtype)
    spots = [(np.s_[:], *_spots(offset, y.shape[1:-1], strides, (1,) * len(window))) for offset in np.ndindex(*window)]
    for i, spot in enumerate(spots):
        hit = x[spot] == y
        if i == 0:
            left = ~hit
        else:
            hit &= left
            if i < len(spots) - 1:
                left ^= hit
        if apart:
            np.multiply(bits, hit.view("int8"), out=grad[spot])  # g or zero, be g infinite
        else:
            grad[spot] += np.multiply(bits, hit.view("int8")).view(g.dtype)
    return grad.view(g.dtype)


@kernels.define
def sum_pool_grad(g: Any, *, input_shape: Any, window: Any, strides: Any, padding: Any) -> Any:
    shape = tiles(input_shape, window, strides, padding)
    if shape is None:
        return TABLE["sum_pool_grad"].reference(g, input_shape=input_shape, window=window, strides=strides, padding=padding)
    x = np.empty(shape, g.dtype)
    x[...] = g.reshape([1 if i % 2 == 0 and 0 < i <= 2 * len(window) else n for i, n in enumerate(shape)])
    return x.reshape(input_shape)


# Convolution by matrix products


def _columns(x: Any, window: Any, counts: Any, strides: Any, dilation: Any) -> Any:
    """Each place's window as a row: (N * places, window * channels). One copy, no loop over pixels."""
    batch, channels = x.shape[0], x.shape[-1]
    steps = x.strides
    shape = (batch, *counts, *window, channels)
    moves = (
        steps[0],
        *[step * s for step, s in zip(steps[1:-1], strides, strict=True)],
        *[step * d for step, d in zip(steps[1:-1], dilation, strict=True)],
        steps[-1],
    )
    view = np.lib.stride_tricks.as_strided(x, shape, moves, writeable=False)
    return view.reshape(batch * math.prod(counts), math.prod(window) * channels)


_CACHED = 2**18  # bytes that stay near the processor while they are added up


def _depthwise(x: Any, kernel: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """One product with each element of the window, where a group is a channel."""
    window, filters = kernel.shape[:-2], kernel.shape[-1]
    y = np.empty(_conv_output(x.shape, kernel.shape, strides, padding, dilation), x.dtype)
    source = _padded(x, padding)
    source = source if filters == groups else np.repeat(source, filters // groups, -1)
    spots = [(np.s_[:], *_spots(offset, y.shape[1:-1], strides, dilation)) for offset in np.ndindex(*window)]
    count = max(_CACHED // max(y[:1].nbytes, 1), 1)  # so many images at once
    for first in range(0, len(y), count):
        images, total = source[first : first + count], y[first : first + count]
        part = np.empty_like(total)
        for i, (spot, weight) in enumerate(zip(spots, kernel.reshape(-1, filters))):
            np.multiply(images[spot], weight, out=part if i else total)
            if i:
                total += part
    return y


def _if_plain(reference: str, fast: Callable[..., Any], depthwise: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """`fast` for one group, `depthwise` where a group is a channel; the reference for several, dtypes not of BLAS, nothing, and crops."""

    def kernel(x1: Any, x2: Any, **params: Any) -> Any:
        form = fast if params["groups"] == 1 else depthwise if params["groups"] == x1.shape[-1] else None
        plain = x1.dtype.kind == "f" and x1.dtype.itemsize >= 4 and 0 not in (*x1.shape, *x2.shape)
        if form is None or not plain or any(p < 0 for pair in params["padding"] for p in pair):
            return TABLE[reference].reference(x1, x2, **params)
        return form(x1, x2, **params)

    return kernel


def _conv(x: Any, kernel: Any, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    shape = _conv_output(x.shape, kernel.shape, strides, padding, dilation)
    rows = _columns(_padded(x, padding), kernel.shape[:-2], shape[1:-1], strides, dilation)
    return (rows @ kernel.reshape(-1, kernel.shape[-1])).reshape(shape)


def _conv_grad_kernel(x: Any, g: Any, *, kernel_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    rows = _columns(_padded(x, padding), kernel_shape[:-2], g.shape[1:-1], strides, dilation)
    return (rows.T @ np.ascontiguousarray(g).reshape(len(rows), g.shape[-1])).reshape(kernel_shape)


def _conv_grad_input(g: Any, kernel: Any, *, input_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """One matrix product per element of the window, added into the places that it saw; a single one, where no place was seen twice."""
    window, channels = kernel.shape[:-2], input_shape[-1]
    if max(dilation) == 1 and tiles(input_shape, window, strides, padding) is not None:
        rank, parts = len(window), np.ascontiguousarray(g).reshape(-1, g.shape[-1]) @ kernel.reshape(-1, kernel.shape[-1]).T
        order = [0, *[axis for i in range(1, rank + 1) for axis in (i, i + rank)], 2 * rank + 1]
        return parts.reshape(*g.shape[:-1], *window, channels).transpose(order).reshape(input_shape)
    grown = (input_shape[0], *[n + lo + hi for n, (lo, hi) in zip(input_shape[1:-1], padding)], input_shape[-1])
    x = np.zeros(grown, g.dtype)
    flat = np.ascontiguousarray(g).reshape(-1, g.shape[-1])
    for offset in np.ndindex(*kernel.shape[:-2]):
        part = (flat @ kernel[offset].T).reshape(*g.shape[:-1], channels)
        spots = [np.s_[o * d : o * d + (n - 1) * s + 1 : s] for o, d, n, s in zip(offset, dilation, g.shape[1:-1], strides)]
        x[(np.s_[:], *spots)] += part
    return x[(np.s_[:], *[np.s_[lo : n - hi] for n, (lo, hi) in zip(grown[1:-1], padding)])]


kernels["conv"] = _if_plain("conv", _conv, _depthwise)
kernels["conv_grad_kernel"] = _if_plain("conv_grad_kernel", _conv_grad_kernel)
kernels["conv_grad_input"] = _if_plain("conv_grad_input", _conv_grad_input)


@kernels.define
def scatter(x: Any, indices: Any, updates: Any, *, mode: str) -> Any:
    """Rows added to a table (the gradient of an embedding) as one sorted sum."""
    if mode != "add" or indices.shape[-1] != 1 or x.ndim != 2 or not updates.size or x.dtype.kind != "f":
        return TABLE["scatter"].reference(x, indices, updates, mode=mode)
    rows, values = indices.reshape(-1), updates.reshape(-1, x.shape[1])
    inside = (rows >= 0) & (rows < len(x))
    if not inside.all():
        rows, values = rows[inside], values[inside]
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]) if len(rows) else np.empty(0, int)
    y = np.array(x)
    if len(rows):
        y[rows[starts]] += np.add.reduceat(values[order], starts, axis=0)
    return y


# Native forms of derived ops


@kernels.override
@_quiet
def mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    if not isinstance(x, np.ndarray) or x.dtype.char not in "fd" or not x.size or not (axis is None or type(axis) in (int, tuple)):
        return NotImplemented
    return x.mean(axis, keepdims=bool(keepdims))


@kernels.override
def take(x: Any, indices: Any, axis: Any = None) -> Any:
    if not isinstance(x, np.ndarray) or not isinstance(indices, np.ndarray) or indices.dtype.kind not in "iu" or type(axis) is not int:
        return NotImplemented
    try:
        return x.take(indices, axis)
    except IndexError:  # those out of range are moved inside by the body
        return NotImplemented


@kernels.override
def top_k(x: Any, k: Any, sorted: Any = True) -> Any:
    if not isinstance(x, np.ndarray) or x.dtype.name not in _BITS or not x.ndim or type(k) is not int or not 0 < k < x.shape[-1]:
        return NotImplemented
    last = x.shape[-1] - 1
    indices = last - _argsort_end(x[..., ::-1], last + 1 - k)[..., : last - k : -1]  # upside down, so that the first of equals comes last
    return np.take_along_axis(x, indices, -1), indices


@kernels.override
def get_item(x: Any, key: Any) -> Any:
    for k in key if type(key) is tuple else (key,):
        if type(k) not in (int, slice) and k is not None and k is not ...:
            return NotImplemented
    return x[key] if isinstance(x, np.ndarray) else NotImplemented


class NumpyEngine(RecordedEngine):
    """NumPy: eager calls are NumPy's, compiled functions are recorded and replayed, gradients are the built-in ones."""

    name = "numpy"
    library = "numpy"
    kernels = kernels

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, (np.ndarray, np.generic))

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        return np.asarray(x, dt.numpy_dtype(dtype or default_dtype(x)))

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def dtype_of(self, x: Any) -> str:
        return dt.name_of(x.dtype)

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        return np.array(array)

    def kernel_for(self, primitive: Primitive, dtypes: Sequence[str]) -> Callable[..., Any]:
        kernel = self.kernel(primitive)
        return kernel if primitive.family in ("structure", "control") else _quiet(kernel)

    def replay(self, graph: Graph) -> Callable[..., list[Any]]:
        return _quiet(replay(_without_broadcasts(simplify(graph)), self.kernels, self.kernels.expressions, self.kernels.namespace, self.asarray, special, FRESH))
