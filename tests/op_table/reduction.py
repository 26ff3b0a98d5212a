"""Cases of reductions and running results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from op_table.case import FUZZED, Fuzz, add, edges, f, i, numbers, spec
from op_table.drawing import Numbers, reducing

WITH_NAN = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [2.0, -1.0, 0.5]], "float32")


def reduction(
    op: str,
    reference: Callable[..., Any],
    dtype: Any = "first",
    kinds: str = "buifc",
    gradient: bool = True,
    empty: bool = True,
    nan: bool = False,
    low: float = -2.0,
    high: float = 2.0,
    keepdims: bool = True,
    several: bool = True,
    scalar: bool = True,
) -> None:
    """No, one, several, negative axes; keepdims; each kind of dtype; empty tensors; NaNs; a gradient."""
    s = spec(op, reference, dtype, 32.0, True)
    FUZZED[op] = Fuzz(s, reducing(Numbers(kinds, low, high, "mild" if nan else ""), several, keepdims))
    x = f(2, 3, 4, low=low, high=high, dtype="float32")
    add(s, x, compiled=True)
    add(s, x, axis=-1)
    add(s, x, axis=0)
    if several:
        add(s, x, axis=(0, 2))
    if keepdims:
        add(s, x, axis=1, keepdims=True)
        add(s, x, keepdims=True)
    if scalar:
        add(s, numbers("float32", (), low, high))
    if empty:
        add(s, np.zeros((0, 3), "float32"))
        add(s, np.zeros((0, 3), "float32"), axis=0)
    add(s, np.zeros((0, 3), "float32"), axis=1)
    for kind, name in [
        ("f", "float16"),
        ("f", "bfloat16"),
        ("b", "bool"),
        ("i", "int8"),
        ("i", "int32"),
        ("u", "uint16"),
        ("c", "complex64"),
    ]:
        if kind in kinds:
            add(s, numbers(name, (2, 3), low, high), axis=1)
    if nan:
        add(s, edges("float32")[:6], case="edges")
        add(s, WITH_NAN, axis=1, case="NaNs")
        add(s, WITH_NAN, case="NaNs, all")
    if gradient:
        add(s, f(2, 3, low=low, high=high), axis=1, gradient=True)


def accumulated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Sums and products of narrow integers in 32 bits, which wrap around."""
    return lambda x, *args, **kwargs: function(x.astype("int64") if x.dtype.kind in "bui" else x, *args, **kwargs)


reduction("sum", accumulated(np.sum), "summed", nan=True)
reduction("prod", accumulated(np.prod), "summed", low=0.5)
add(spec("prod", np.prod), i(2, 3), axis=0, dtype="float32")
add(spec("prod", np.prod), i(2, 3, dtype="int8"), axis=0, dtype="int8")
reduction("mean", np.mean, "floating", nan=True)
reduction("var", np.var, "real_floating")
reduction("std", np.std, "real_floating")
for _name in ("any", "all"):
    reduction(_name, getattr(np, _name), "bool", gradient=False, nan=True)
for _name in ("max", "min"):
    reduction(_name, getattr(np, _name), kinds="buif", empty=False, nan=True)
    _s = spec(_name, getattr(np, _name), "first")
    add(_s, f(2, 3, dtype="float32"), axis=1, initial=0.5)
    add(_s, np.zeros((0, 3), "float32"), axis=0, initial=1.0)
for _name in ("amax", "amin"):
    reduction(_name, getattr(np, _name), kinds="buif", empty=False, nan=True)
reduction("ptp", np.ptp, kinds="uif", empty=False)
reduction("count_nonzero", np.count_nonzero, "int32", gradient=False, keepdims=False)
for _name in ("argmax", "argmin"):
    reduction(_name, getattr(np, _name), "int32", kinds="buif", gradient=False, empty=False, several=False)
    _s = spec(_name, getattr(np, _name), "int32")
    add(_s, np.array([[1.0, 3.0, 3.0], [np.nan, 5.0, np.nan]], "float32"), axis=1, case="ties and NaNs")


def running(op: str, reference: Callable[..., Any], low: float = -2.0, nan: bool = False) -> None:
    """Axes, dtypes."""
    dtype = lambda *dtypes: "int32" if dtypes[0] == "bool" else dtypes[0]  # noqa: E731
    s = spec(op, lambda x, axis=None, dtype=None: reference(x, axis), dtype, 32.0, True)
    x = f(2, 3, 4, low=low, dtype="float32")
    add(s, x, compiled=True)
    for axis in (0, 1, -1):
        add(s, x, axis=axis)
    add(s, i(2, 3, low=1, high=3), axis=1)
    add(s, numbers("bool", (5,)))
    add(s, i(4, low=1, dtype="int8"), dtype="float32")
    add(s, np.zeros((0, 2), "float32"), axis=0)
    add(s, f(5, low=low, dtype="bfloat16"), axis=0)
    add(s, f(2, 3, low=low), axis=1, gradient=True)
    if nan:
        add(s, WITH_NAN, axis=1, case="NaNs")


running("cumsum", np.cumsum)
running("cumprod", np.cumprod, low=0.5)
running("nancumsum", np.nancumsum, nan=True)
running("nancumprod", np.nancumprod, low=0.5, nan=True)


def _or_nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    """-1 where all are NaN."""

    def place(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if x.dtype.kind != "f":
            return function(x, axis=axis, keepdims=keepdims)
        none = np.isnan(x).all(axis=axis, keepdims=keepdims)
        return np.where(
            none, -1, function(np.where(np.isnan(x).all(axis=axis, keepdims=True), 0, x), axis=axis, keepdims=keepdims)
        )

    return place


reduction("nansum", accumulated(np.nansum), "summed", nan=True)
reduction("nanprod", accumulated(np.nanprod), "summed", low=0.5, nan=True)
for _name in ("nanmax", "nanmin"):
    reduction(_name, getattr(np, _name), kinds="uif", empty=False, nan=True)
for _name in ("nanargmax", "nanargmin"):
    reduction(_name, _or_nothing(getattr(np, _name)), "int32", kinds="uif", gradient=False, empty=False, several=False, nan=True)
reduction("nanmean", np.nanmean, "floating", nan=True)
reduction("nanvar", np.nanvar, "real_floating", nan=True)
reduction("nanstd", np.nanstd, "real_floating", nan=True)

_s = spec("diff", np.diff, "first")
add(_s, f(2, 4, dtype="float32"), compiled=True)
add(_s, f(4, 3), n=2, axis=0, gradient=True)
add(_s, i(2, 4, dtype="int8"), axis=0)
add(_s, numbers("bool", (5,)))
add(_s, np.zeros((2, 0), "float32"))
add(_s, f(3, dtype="float32"), n=0)

_s = spec("trapezoid", np.trapezoid, "floating", 32.0, True)
add(_s, f(2, 4, dtype="float32"), compiled=True)
add(_s, f(2, 4), x=np.array([0.0, 1.0, 3.0, 3.5]), gradient=True)
add(_s, f(3, 4, dtype="float32"), dx=0.5, axis=0)
add(_s, i(5))
add(_s, f(5, dtype="float16"))
add(_s, f(2, 3), x=f(2, 3, seed=1), axis=-1)
