"""Random arguments of ops that cut tensors up, write into them, and choose among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from op_table import indexing, manipulation, sorting  # noqa: F401  (their cases hold the references)
from op_table.case import Array
from op_table.drawing import ANY, REAL, Draw, Numbers, fuzzed

for _op, _least in (("vsplit", 1), ("hsplit", 1), ("dsplit", 3)):

    @fuzzed(_op)
    def _split(d: Draw, least: int = _least) -> Any:
        return (d.tensor(d.shape(least)), d.of(1, 2, [1], [1, 2], [0, 9])), {}


for _op in ("size", "ndim"):
    fuzzed(_op, getattr(np, _op), "int32", 0.0)(lambda d: ((d.tensor(d.shape()),), {}))


@fuzzed("select", lambda conditions, choices, default: np.select(conditions, choices, default), lambda *dtypes: dtypes[2], 0.0)
def _select(d: Draw) -> Any:
    shape = d.shape()
    one = d.tensor(shape, Numbers("if", edges="mild"))
    choices = [one, d.tensor(shape, Numbers("if", edges="mild"), one.dtype.name)]
    return ([d.tensor(shape, Numbers("b")) for _ in choices], choices), {"default": d.of(0, 7)}


@fuzzed("unravel_index")
def _unravel_index(d: Draw) -> Any:
    shape = d.of((3, 4), (5,), (2, 1, 3))
    return (d.indices(d.shape(), int(np.prod(shape))), shape), {}


def _sides(found: Any, x: Array, kth: int, axis: int) -> Any:
    """The smaller elements, that one, the larger: each side in order."""
    y = np.moveaxis(np.take_along_axis(x, found[0].astype("int64"), axis), axis, -1)
    k = kth % y.shape[-1]
    return np.concatenate([np.sort(y[..., :k]), y[..., k : k + 1], np.sort(y[..., k + 1 :])], -1)


@fuzzed("argpartition", lambda x, kth, axis: np.sort(np.moveaxis(x, axis, -1)), "int32", 0.0, False, _sides)
def _argpartition(d: Draw) -> Any:
    x = d.tensor(d.of((5,), (2, 4), (3, 1, 2)), Numbers("i"), d.of("int8", "int32"))
    axis = d.axis(x.ndim)
    return (x, d.int(-x.shape[axis], x.shape[axis] - 1), axis), {}


PATTERNS: list[Any] = [
    ("a b (c d) -> (d a) c b", {"d": 2}, lambda x: x.reshape(2, 3, 2, 2).transpose(3, 0, 2, 1).reshape(4, 2, 3)),
    ("a ... -> ... 1 a", {}, lambda x: x.transpose(1, 2, 0)[:, :, None]),
    ("a b c -> (a b c)", {}, lambda x: x.ravel()),
    ("a b c -> c (b a)", {}, lambda x: x.transpose(2, 1, 0).reshape(4, 6)),
]
REARRANGED = {pattern: reference for pattern, _, reference in PATTERNS}


@fuzzed("rearrange", lambda x, pattern, **sizes: REARRANGED[pattern](x), "first", 0.0)
def _rearrange(d: Draw) -> Any:
    pattern, sizes, _ = d.of(*PATTERNS)
    return (d.tensor((2, 3, 4)), pattern), sizes


def _scatter(indices: Array, values: Array, shape: Any) -> Array:
    y = np.zeros(shape, values.dtype)
    np.add.at(y, tuple(np.moveaxis(indices.astype("int64"), -1, 0)), values)
    return y


@fuzzed("scatter", _scatter, lambda indices, values, *shape: values, 32.0, True, None, lambda indices, values, shape: 4.0)
def _scattering(d: Draw) -> Any:
    shape, depth, count = d.of((5,), (2, 3), (2, 1, 3)), 1, d.int(0, 3)
    indices = np.stack([d.indices((count,), n, negative=False).astype("int32") for n in shape[:depth]], -1)
    return (indices, d.tensor((count, *shape[depth:]), Numbers("uif")), shape), {}


def _slice_update(x: Array, start: Any, updates: Array) -> Array:
    y = x.copy()
    y[tuple(slice(a, a + n) for a, n in zip(start, updates.shape, strict=True))] = updates
    return y


@fuzzed("slice_update", _slice_update, "first", 0.0)
def _writing(d: Draw) -> Any:
    x = d.tensor(d.shape(1), REAL)
    sizes = tuple(d.int(0, n) for n in x.shape)
    start = tuple(d.int(0, n - size) for n, size in zip(x.shape, sizes, strict=True))
    return (x, start, d.tensor(sizes, ANY, x.dtype.name)), {}
