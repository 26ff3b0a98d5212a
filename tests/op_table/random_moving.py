"""Random arguments of ops that move, choose and order elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from op_table import creation, indexing, manipulation, sorting  # noqa: F401  (their cases hold the references)
from op_table.case import Array
from op_table.drawing import ANY, REAL, Draw, Numbers, fuzzed

SMALL = Numbers("buif", edges="mild")


@fuzzed("reshape")
def _reshape(d: Draw) -> Any:
    x = d.tensor(d.shape())
    sizes = d.of((x.size,), x.shape[::-1], (1, *x.shape), (*x.shape, 1), (x.size // 2, 2), (3, x.size // 3))
    place = d.int(0, len(sizes))
    return (x, tuple(-1 if i == place else n for i, n in enumerate(sizes))), {}


@fuzzed("transpose")
def _transpose(d: Draw) -> Any:
    x = d.tensor(d.shape())
    axes = tuple(axis - x.ndim if d.yes() else axis for axis in d.permutation(x.ndim))
    return (x,), {} if d.yes() else {"axes": axes}


@fuzzed("swapaxes")
def _swapaxes(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    return (x, d.axis(x.ndim), d.axis(x.ndim)), {}


@fuzzed("moveaxis")
def _moveaxis(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    count = d.int(1, x.ndim)
    source, target = d.permutation(x.ndim)[:count], d.permutation(x.ndim)[:count]
    return (x, d.axis(x.ndim), d.axis(x.ndim)) if d.yes() else (x, source, target), {}


def _along_axes(d: Draw) -> Any:
    x = d.tensor(d.shape())
    return (x,), {"axis": d.axes(x.ndim)}


for _op in ("flip", "squeeze"):
    fuzzed(_op)(_along_axes)


def _alone(least: int, kinds: Numbers = ANY) -> Any:
    return lambda d: ((d.tensor(d.shape(least), kinds),), {})


for _op, _least in (("ravel", 0), ("flipud", 1), ("fliplr", 2), ("diagflat", 0), ("nonzero", 1)):
    fuzzed(_op)(_alone(_least))


@fuzzed("roll")
def _roll(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    shift = d.int(-7, 7)
    return (x, shift, d.of(None, d.axis(x.ndim))) if d.yes() else (x, (shift, d.int(-2, 2)), (d.axis(x.ndim), d.axis(x.ndim))), {}


@fuzzed("rot90")
def _rot90(d: Draw) -> Any:
    x = d.tensor(d.shape(2))
    return (x, d.int(-5, 5)), {"axes": d.permutation(x.ndim)[:2]}


@fuzzed("expand_dims")
def _expand_dims(d: Draw) -> Any:
    x = d.tensor(d.shape())
    return (x, d.axis(x.ndim + 1) if d.yes() else (0, d.int(-x.ndim - 1, -1))), {}


@fuzzed("broadcast_to")
def _broadcast_to(d: Draw) -> Any:
    x = d.tensor(d.shape())
    wider = tuple(d.of(0, 2, 3) if n == 1 and d.yes() else n for n in x.shape)
    return (x, d.of(wider, (2, *wider), (0, *wider), (3, 1, *wider))), {}


def _joined(least: int) -> Any:
    def arguments(d: Draw) -> Any:
        shape = d.shape(least)
        xs = [d.tensor(shape) for _ in range(d.int(1, 3))]
        return (xs,), {"axis": d.axis(max(len(shape), 1))}

    return arguments


fuzzed("concatenate")(_joined(1))
fuzzed("stack")(_joined(0))


def _joined_anyhow(d: Draw) -> Any:
    shape = d.shape()
    return ([d.tensor(shape) for _ in range(d.int(1, 3))],), {}


for _op in ("vstack", "hstack", "dstack"):
    fuzzed(_op)(_joined_anyhow)


@fuzzed("append")
def _append(d: Draw) -> Any:
    shape = d.shape(1)
    return (d.tensor(shape), d.tensor(shape)), {"axis": d.of(None, d.axis(len(shape)))}


def _split(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    return (x, d.of(1, 2, 3, [1], [1, 2], [0, 9], [2, 1])), {"axis": d.axis(x.ndim)}


for _op in ("split", "array_split"):
    fuzzed(_op)(_split)


@fuzzed("pad")
def _pad(d: Draw) -> Any:
    mode = d.of("constant", "constant", "edge", "reflect", "symmetric", "wrap", "maximum", "minimum")
    x = d.tensor(d.shape(), ANY if mode in ("constant", "edge", "reflect", "symmetric", "wrap") else SMALL)
    width = d.of(0, 1, (1, 2), tuple((d.int(0, 2), d.int(0, 2)) for _ in x.shape))
    return (x, 1 if width == () else width), {"mode": mode}


@fuzzed("repeat")
def _repeat(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    axis = d.of(None, d.axis(x.ndim))
    count = x.size if axis is None else x.shape[axis]
    return (x, d.int(0, 3) if d.yes() else [d.int(0, 2) for _ in range(count)] or 1), {"axis": axis}


@fuzzed("tile")
def _tile(d: Draw) -> Any:
    return (d.tensor(d.shape()), d.of(0, 1, 2, (2, 1), (1, 0, 2), (1, 2, 1, 2))), {}


@fuzzed("take")
def _take(d: Draw) -> Any:
    x = d.tensor(d.shape(1, empty=False))
    axis = d.of(None, d.axis(x.ndim))
    return (x, d.indices(d.of((), (3,), (0,), (2, 2)), x.size if axis is None else x.shape[axis])), {"axis": axis}


@fuzzed("take_along_axis")
def _take_along_axis(d: Draw) -> Any:
    x = d.tensor(d.shape(1, empty=False))
    axis = d.axis(x.ndim)
    places = axis % x.ndim
    shape = (*x.shape[:places], d.int(0, 3), *x.shape[places + 1 :])
    return (x, d.indices(shape, x.shape[axis])), {"axis": axis}


@fuzzed("get_item")
def _get_item(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    bound = lambda: d.of(None, None, d.int(-4, 4))  # noqa: E731

    def one(n: int) -> Any:
        some = [slice(bound(), bound(), d.of(None, 1, 2, -1, -2)), slice(None)]
        return d.of(*some, *([d.int(-n, n - 1), [0, -1, n - 1]] if n else []))

    keys = [one(n) for n in x.shape[: d.int(1, x.ndim)]]
    more = d.of("", "", "None", "Ellipsis")
    keys = [None, *keys] if more == "None" else [*keys, Ellipsis] if more == "Ellipsis" else keys
    return (x, tuple(keys)), {}


@fuzzed("where")
def _where(d: Draw) -> Any:
    one, other = d.of(((2, 3), (3,)), ((2, 1), (3,)), ((), (4,)), ((4,), ()), ((0, 3), (3,)), ((2, 1, 3), (4, 1)))
    return (d.tensor(d.of(one, other), Numbers("b")), d.tensor(one), d.tensor(other)), {}


@fuzzed("diagonal")
def _diagonal(d: Draw) -> Any:
    x = d.tensor(d.shape(2))
    one, other = d.permutation(x.ndim)[:2]
    return (x,), {"offset": d.int(-2, 3), "axis1": one - x.ndim if d.yes() else one, "axis2": other}


@fuzzed("diag")
def _diag(d: Draw) -> Any:
    return (d.tensor(d.shape(1, 2)),), {"k": d.int(-2, 2)}


for _op in ("tril", "triu"):
    fuzzed(_op)(lambda d: ((d.tensor(d.shape(2)),), {"k": d.int(-2, 3)}))


@fuzzed("diff")
def _diff(d: Draw) -> Any:
    x = d.tensor(d.shape(1), Numbers("uif"))
    return (x,), {"n": d.int(0, 2), "axis": d.axis(x.ndim)}


for _op, _low in (("cumsum", -2.0), ("cumprod", 0.5)):

    def _running(d: Draw, low: float = _low) -> Any:
        x = d.tensor(d.shape(1), Numbers("uif", low, 2.0))
        x = np.minimum(x, 3) if x.dtype.kind in "ui" else x  # NumPy computes in more bits and does not wrap around
        return (x,), {"axis": d.of(None, d.axis(x.ndim))}

    fuzzed(_op)(_running)


# Order


for _op in ("sort", "argsort"):

    def _ordered(d: Draw) -> Any:
        x = d.tensor(d.shape(1), REAL)
        return (x,), {"axis": d.axis(x.ndim)}

    fuzzed(_op)(_ordered)


def _top_k(x: Array, k: int) -> Any:
    """NaNs first, of equals the first."""
    order = np.argsort(np.flip(x, -1), axis=-1, kind="stable")
    order = (x.shape[-1] - 1 - np.flip(order, -1))[..., :k]
    return [np.take_along_axis(x, order, -1), order]


@fuzzed("top_k", _top_k, ("first", "int32"), 0.0)
def _largest(d: Draw) -> Any:
    x = d.tensor(d.shape(1), REAL)
    return (x, d.int(0, x.shape[-1])), {}


@fuzzed("searchsorted")
def _searchsorted(d: Draw) -> Any:
    numbers = Numbers("if", edges="mild")
    x = d.tensor((d.int(0, 5),), numbers)
    order = np.argsort(x.astype("float64"), kind="stable")  # NumPy sorts a bfloat16 NaN to the front
    return (x[order], d.tensor(d.shape(), numbers)), {"side": d.of("left", "right")}


@fuzzed("digitize")
def _digitize(d: Draw) -> Any:
    bins = np.sort(d.tensor((d.int(1, 4),), Numbers("f")))
    return (d.tensor(d.shape(), Numbers("f"), bins.dtype.name), bins[::-1].copy() if d.yes() else bins), {}


@fuzzed("isin")
def _isin(d: Draw) -> Any:
    return (d.tensor(d.shape(), Numbers("i")), d.tensor(d.shape(), Numbers("i"))), {"invert": d.yes()}


@fuzzed("unique", lambda x: np.unique(x), "first", 0.0)
def _unique(d: Draw) -> Any:
    return (d.tensor(d.shape(), Numbers("bui")),), {}


@fuzzed("bincount", lambda x, minlength=0: np.bincount(x, minlength=minlength), "int32", 0.0)
def _bincount(d: Draw) -> Any:
    return (d.indices(d.of((0,), (1,), (6,)), 5, negative=False),), {"minlength": d.int(0, 7)}


def _one_hot(x: Array, num_classes: int, axis: int) -> Array:
    return np.moveaxis(np.asarray(x[..., None] == np.arange(num_classes)), -1, axis)


@fuzzed("one_hot", _one_hot, "float32", 0.0)
def _hot(d: Draw) -> Any:
    x = d.indices(d.shape(), 4)
    return (x, d.int(1, 5)), {"axis": d.axis(x.ndim + 1)}


def _segments(ufunc: Any, empty: Any) -> Any:
    def reference(data: Array, segment_ids: Array, num_segments: int) -> Array:
        y = np.full((num_segments, *data.shape[1:]), empty(data.dtype), data.dtype)
        inside = (segment_ids >= 0) & (segment_ids < num_segments)
        ufunc.at(y, segment_ids[inside].astype("int64"), data[inside])
        return y

    return reference


def _least(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _greatest(dtype: Any) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


for _op, _ufunc, _empty in (
    ("segment_sum", np.add, lambda dtype: 0),
    ("segment_prod", np.multiply, lambda dtype: 1),
    ("segment_max", np.maximum, _least),
    ("segment_min", np.minimum, _greatest),
):

    @fuzzed(_op, _segments(_ufunc, _empty), "first", 32.0, True)
    def _segment(d: Draw) -> Any:
        data = d.tensor(d.shape(1), Numbers("if"))
        return (data, d.indices(data.shape[:1], 3), d.int(1, 4)), {}


def _scattered(inputs: Array, indices: Array, updates: Array, reduction: str) -> Array:
    y = inputs.copy()
    ufunc = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction]
    ufunc.at(y, tuple(np.moveaxis(indices.astype("int64"), -1, 0)), updates)
    return y


@fuzzed("scatter_update", _scattered, "first", 32.0, True)
def _scatter_update(d: Draw) -> Any:
    x = d.tensor(d.shape(1, empty=False), Numbers("if"))
    depth, count = d.int(1, x.ndim), d.int(0, 3)
    indices = np.stack([d.indices((count,), n, negative=False).astype("int32") for n in x.shape[:depth]], -1)
    updates = d.tensor((count, *x.shape[depth:]), Numbers("if"), x.dtype.name)
    return (x, indices, updates), {"reduction": d.of("add", "max", "min", "mul")}


def _slice(x: Array, start: Any, shape: Any) -> Array:
    return x[tuple(slice(a, None if n == -1 else a + n) for a, n in zip(start, shape, strict=True))]


@fuzzed("slice", _slice, "first", 0.0)
def _block(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    start = tuple(d.int(0, n) for n in x.shape)
    return (x, start, tuple(d.of(-1, d.int(0, n - a)) for a, n in zip(start, x.shape, strict=True))), {}


@fuzzed("unstack", lambda x, axis: list(np.moveaxis(x, axis, 0)), "first", 0.0)
def _unstack(d: Draw) -> Any:
    x = d.tensor(d.shape(1))
    return (x,), {"axis": d.axis(x.ndim)}
