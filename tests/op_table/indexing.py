"""Cases of ops about indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from op_table.case import add, f, i, joined, numbers, spec

X = f(3, 4, 2, dtype="float32")


def _chosen(*dtypes: str) -> str:
    return joined(*dtypes) if dtypes else "int32"


_s = spec("where", np.where, lambda condition, *rest: _chosen(*rest), 0.0)

add(_s, numbers("bool", (2, 1)), f(3, dtype="float32"), f(2, 3, seed=1, dtype="float32"), compiled=True)
add(_s, numbers("bool", (2, 3)), f(2, 3), f(2, 3, seed=1), gradient=True)
add(_s, numbers("bool", (3,)), f(3, dtype="float16"), 0)
add(_s, i(3), i(3, dtype="int8"), i(3, dtype="uint8"))
add(_s, numbers("bool", (2, 3)), case="indices")
_s = spec("nonzero", np.nonzero, "int32", 0.0)
add(_s, numbers("bool", (3, 4)))
add(_s, i(5))
add(_s, np.array([0.0, np.nan, 1e-30], "float32"), case="NaN")
add(_s, np.zeros((0, 2), "float32"))
add(_s, np.zeros((3,), "int8"), case="none")

_s = spec(
    "unravel_index",
    lambda indices, shape: np.unravel_index(np.where(indices < 0, indices + int(np.prod(shape)), indices), shape),
    "first",
)
add(_s, np.array([[0, 5], [11, 7]], "int32"), (3, 4), compiled=True)
add(_s, np.array([-1, 3], "int64"), (3, 4), case="int64, negative")
add(_s, np.array(3, "uint8"), (2, 2))
add(_s, np.array([3, 1], "int32"), 4)

_s = spec("take", lambda x, indices, axis=None: np.take(x, indices, axis), "first", 0.0)
add(_s, X, np.array([0, 2, -1], "int32"), axis=0, compiled=True)
add(_s, X, np.array([[0, 1], [-1, 5]], "int32"))
add(_s, X, np.array([1, 0], "uint8"), axis=-1)
add(_s, X, 1, axis=1)
add(_s, X, np.array(1, "int32"), axis=0)
add(_s, X, [0, -2], axis=1)
add(_s, f(3, 4), np.array([0, 0, 2], "int32"), axis=0, gradient=True)
add(_s, i(5, dtype="int8"), np.array([], "int32"))
add(_s, numbers("bool", (4,)), np.array([3], "int64"))

_s = spec("take_along_axis", np.take_along_axis, "first", 0.0)
add(_s, f(3, 4, dtype="float32"), np.array([[0, -1], [1, 1], [3, 2]], "int32"), axis=1, compiled=True)
add(_s, f(3, 4), np.array([[0, 2, 1, -1]], "int32"), axis=0, gradient=True, unknown=False)
add(_s, f(3, 4, dtype="float32"), np.array([[0], [1], [2]], "int64"), axis=-1)
add(_s, f(1, 4, dtype="float32"), np.array([[0], [1], [2]], "int64"), axis=1, unknown=False)
add(_s, i(2, 3), np.array([5, 0], "int32"), axis=None)

_s = spec("get_item", lambda x, key: x[key], "first", 0.0)
_rows, _columns = np.array([0, 2, -1], "int32"), np.array([1, 0, 3], "int32")
KEYS: list[tuple[str, Any]] = [
    ("int", 1),
    ("negative int", -1),
    ("slice", np.s_[1:3]),
    ("steps", np.s_[::2, ::-1]),
    ("negative steps", np.s_[:, 3:0:-2, ::-1]),
    ("empty slices", np.s_[2:1, 3:1]),
    ("Ellipsis", np.s_[..., 0]),
    ("None", np.s_[:, None, 1]),
    ("indices", np.s_[[0, 2]]),
    ("two lists", np.s_[[0, 2, 1], [1, 0, 3]]),
    ("apart", np.s_[[0, 2], :, [1, 0]]),
    ("an int and a list apart", np.s_[0, :, [1, 0]]),
    ("an int beside a list", np.s_[:, 1, [1, 0]]),
    ("lists that broadcast", np.s_[[[0], [2]], [1, 0]]),
]
for _name, _key in KEYS:
    add(_s, X, _key, case=_name, compiled=_name in ("steps", "two lists"), unknown=_name == "None")
add(_s, X, _rows, case="index tensor")
add(_s, X, (_rows, _columns), case="index tensors", unknown=False)
add(_s, X, (slice(None), np.array(2, "int32")), case="scalar index tensor")
add(_s, X, numbers("bool", (3, 4)), case="mask", unknown=False, symbolic=False)
add(_s, f(3, 4), np.s_[1:, ::-2], case="gradient", gradient=True)
add(_s, f(3, 4), np.s_[[0, 0, 2], [1, 1, 0]], case="gradient of indices", gradient=True)
add(_s, i(3, dtype="int8"), 0, case="to a scalar")

_s = spec("select", np.select, lambda *dtypes: _chosen(*dtypes[2:]), 0.0)
_a, _b = numbers("bool", (2, 3)), numbers("bool", (2, 3), seed=1)
add(_s, [_a, _b], [f(2, 3, dtype="float32"), f(2, 3, seed=1, dtype="float32")], compiled=True)
add(_s, [_a, _b], [i(2, 3), f(2, 3, dtype="float16")], default=7)
add(_s, [_a, _b], [f(2, 3), f(2, 3, seed=1)], default=0.5, gradient=True)

_s = spec("bincount", np.bincount, "int32")
add(_s, np.array([0, 3, 3, 1], "int32"))
add(_s, np.array([0, 1], "uint8"), minlength=5)
add(_s, np.array([], "int64"), minlength=2)
_s = spec("bincount", np.bincount, lambda x: "float32")
add(_s, np.array([0, 2, 2], "int32"), weights=f(3, dtype="float32"))
_s = spec("bincount", lambda x: np.stack([np.bincount(row, minlength=4) for row in x]), "int32")
add(_s, np.array([[0, 3, 3], [1, 1, 1]], "int32"), case="rows", unknown=False)
