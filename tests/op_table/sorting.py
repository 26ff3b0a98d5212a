"""Cases of sorting, searching and sets."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from op_table.case import Array, add, f, i, numbers, spec
from op_table.reduction import WITH_NAN

for _name, _dtype in (("sort", "first"), ("argsort", "int32")):
    _s = spec(_name, functools.partial(getattr(np, _name), kind="stable"), _dtype, 0.0)
    add(_s, f(2, 5, dtype="float32"), compiled=True)
    add(_s, f(4, 3, dtype="float32"), axis=0)
    add(_s, f(2, 3, dtype="float32"), axis=None)
    add(_s, i(9, low=0, high=3), case="ties")
    add(_s, WITH_NAN, case="NaNs")
    add(_s, numbers("uint8", (5,)))
    add(_s, numbers("bool", (5,)))
    add(_s, f(5, dtype="bfloat16"))
    add(_s, np.zeros((2, 0), "float32"))
add(spec("sort", np.sort, "first", 0.0), f(3, 4), axis=0, gradient=True)


def _partition(x: Array, kth: int, axis: Any = -1) -> Array:
    return np.argsort(x, axis=axis, kind="stable")  # one of the answers that are right


_s = spec("argpartition", _partition, "int32", 0.0)
add(_s, f(2, 5, dtype="float32"), 2, compiled=True)
add(_s, i(9), 0)
add(_s, f(2, 5, dtype="float32"), -1, axis=0)

_s = spec("searchsorted", np.searchsorted, "int32", 0.0)
_line = np.array([1.0, 2.0, 2.0, 5.0], "float32")
add(_s, _line, f(2, 3, low=0, high=6, dtype="float32"), compiled=True)
add(_s, _line, _line, side="right")
add(_s, np.array([1, 3], "int32"), np.array([0, 1, 2, 3, 4], "int8"))
add(_s, np.array([], "float32"), _line)

_s = spec("digitize", np.digitize, "int32", 0.0)
add(_s, f(2, 3, low=0, high=6, dtype="float32"), _line, compiled=True)
add(_s, _line, _line[::-1].copy(), case="descending")
add(_s, np.array([0, 3, 7], "int32"), np.array([1, 5], "int32"))
add(_s, f(3, dtype="float32"), np.array([0.5], "float32"))

_s = spec("isin", np.isin, "bool", 0.0)
add(_s, i(2, 3), i(4, seed=1), compiled=True)
add(_s, i(2, 3), i(4, seed=1), invert=True)
add(_s, np.array([1.0, np.nan, 2.0], "float32"), np.array([np.nan, 2.0], "float32"), case="NaN")
add(_s, i(3), np.array([], "int32"))
add(_s, f(3, dtype="complex64"), f(3, dtype="complex64")[:2])
add(_s, numbers("bool", (3,)), [True], assume_unique=True)


def _unique(
    x: Array, sorted: bool = True, size: int | None = None, fill_value: Any = None, axis: int | None = None, **returns: bool
) -> Any:
    found = np.unique(x, axis=axis, return_index=True, return_inverse=True, return_counts=True)
    values, index, inverse, counts = found
    place = 0 if axis is None else axis
    if size is not None:
        missing = max(size - values.shape[place], 0)
        pads = [(0, missing) if i == place else (0, 0) for i in range(values.ndim)]
        values = np.take(np.pad(values, pads, constant_values=fill_value or 0), np.arange(size), axis=place)
        index, counts = (np.pad(v, (0, missing))[:size] for v in (index, counts))
    wanted = [
        v for v, name in ((index, "return_index"), (inverse, "return_inverse"), (counts, "return_counts")) if returns.get(name)
    ]
    return [values, *wanted] if wanted else values


_all = {"return_index": True, "return_inverse": True, "return_counts": True}
_x = np.array([[3, 1, 2], [1, 3, 3]], "int32")
add(spec("unique", _unique, "first", 0.0), _x)
_s = spec("unique", _unique, ("first", "int32", "int32", "int32"), 0.0)
add(_s, _x, **_all)
add(_s, _x, **_all, size=5, fill_value=9, compiled=True)
add(_s, _x, **_all, size=2)
add(_s, np.array([[1, 0], [0, 1], [1, 0], [1, -1]], "int32"), **_all, axis=0)
add(_s, np.array([[1, 0, 1], [0, 1, 0]], "float32"), **_all, axis=1, size=3)
add(_s, np.array([2.0, np.nan, 1.0, np.nan], "float32"), **_all, case="NaN")
add(_s, np.array([], "float32"), **_all)
add(_s, numbers("bool", (5,)), **_all)
