"""Random arguments of further elementwise ops: special functions, rounding, limits, bits, casts; and of creation."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from cornu.primitives import dtypes as dt
from op_table import creation, elementwise, indexing, reduction  # noqa: F401  (their cases hold the references)
from op_table.case import Array, plain
from op_table.drawing import ANY, PAIRS, REAL, Draw, Numbers, fuzzed
from op_table.drawing import elementwise as operands

for _op, _reference, _wanted in (
    ("rsqrt", lambda x: 1 / np.sqrt(x), Numbers("uif", 0.2, 4.0, "all")),
    ("erf", scipy.special.erf, REAL),
    ("erfc", scipy.special.erfc, Numbers("if", -3.0, 9.0, "mild")),
    ("erfinv", scipy.special.erfinv, Numbers("f", -0.95, 0.95, "mild")),
):
    fuzzed(_op, _reference, "floating", 32.0)(operands(1, _wanted))
for _op in ("bitwise_invert", "bitwise_not"):
    fuzzed(_op)(operands(1, Numbers("bui", edges="all")))
for _op in ("stop_gradient", "array"):
    fuzzed(_op, np.asarray, "first", 0.0)(operands(1, ANY))


@fuzzed("round")
def _round(d: Draw) -> Any:
    x, decimals = d.tensor(d.shape(), Numbers("uif", -99.0, 99.0)), d.of(0, 0, 1, 2, -1)
    from_half = np.abs(x.astype("float64") * 10.0 ** max(decimals, 0) % 1 - 0.5)
    nearly_half = (from_half > 0) & (from_half < 1e-3)  # as float32 multiplies, they are
    return (np.where(nearly_half, x.dtype.type(0), x),), {"decimals": decimals}


@fuzzed("clip", lambda x, low, high: np.clip(x, low, high), "counting", 0.0)
def _clip(d: Draw) -> Any:
    return (d.tensor(d.shape(), REAL), d.of(0, 1), d.of(1, 2, 0)), {}


@fuzzed("nan_to_num", np.nan_to_num, "first", 0.0)
def _nan_to_num(d: Draw) -> Any:
    return (d.tensor(d.shape(), Numbers("if", edges="mild")),), {"nan": d.of(0.0, 1.5), "posinf": 2.0, "neginf": d.of(-3.0, 0.0)}


def _two(numbers: Numbers, second: Numbers | None = None) -> Any:
    def arguments(d: Draw) -> Any:
        one, other = d.of(*PAIRS)
        return (d.tensor(one, numbers), d.tensor(other, second or numbers)), {}

    return arguments


for _op in ("gcd", "lcm"):
    fuzzed(_op)(_two(Numbers("ui")))
fuzzed("ldexp")(_two(Numbers("f"), Numbers("i")))


@fuzzed("nextafter")
def _nextafter(d: Draw) -> Any:
    one, other = d.of(*PAIRS)
    numbers = Numbers(edges="all")
    return (d.tensor(one, numbers, "float32"), d.tensor(other, numbers, "float32")), {}


for _op in ("isclose", "allclose"):

    @fuzzed(_op)
    def _near(d: Draw) -> Any:
        one, other = d.of(*PAIRS)
        a = d.tensor(one, Numbers("if", edges="mild"))
        b = d.tensor(other, Numbers("if", edges="mild"), a.dtype.name)
        return (a, b), {"rtol": d.of(1e-5, 0.5), "atol": d.of(0.0, 1.0), "equal_nan": d.yes()}


# Bits


for _op in ("left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift"):

    @fuzzed(_op)
    def _shift(d: Draw) -> Any:
        one, other = d.of(*PAIRS)
        x = d.tensor(one, Numbers("ui", edges="all"))
        return (x, d.indices(other, 8 * x.dtype.itemsize, negative=False).astype(x.dtype)), {}


def _view(x: Array, dtype: str) -> Array:
    return np.ascontiguousarray(x.astype("float32") if x.dtype.kind == "f" else x).view(dtype)


@fuzzed("view", _view, "first", 0.0)
def _reinterpret(d: Draw) -> Any:
    x = d.tensor(d.of((4,), (2, 4), (0, 4)), ANY, d.of("float32", "int8", "uint8", "int32", "uint16"))
    return (x,), {"dtype": d.of("int32", "uint8", "int8", "uint16", "float32")}


# Casts


@fuzzed("cast", plain(np.asarray), "first", 2.0)
def _cast(d: Draw) -> Any:
    if d.yes():
        return (d.tensor(d.shape(), Numbers("bui", edges="all")),), {"dtype": d.dtype("buif")}
    x = d.tensor(d.shape(), Numbers("f", 0.0, 2.0))
    return (x,), {"dtype": d.dtype("buifc")}


def _limited(x: Array, dtype: str) -> Array:
    if dt.is_float(dtype):
        return np.clip(x, -dt.largest(dtype), dt.largest(dtype))
    info = np.iinfo(dtype)
    return np.clip(np.nan_to_num(x, nan=0.0), info.min, info.max)


@fuzzed("saturate_cast", _limited, "first", 2.0)
def _saturate_cast(d: Draw) -> Any:
    return (d.tensor(d.shape(), Numbers("if", -300.0, 300.0, "mild")),), {"dtype": d.of("uint8", "int8", "int16", "float16")}


# Creation


def _shapes(like: bool) -> Any:
    return lambda d: ((d.tensor(d.shape()),) if like else (d.shape(),), {"dtype": d.of("int8", "float16", "float32", "bool")})


for _op in ("zeros", "ones"):
    fuzzed(_op)(_shapes(False))
    fuzzed(f"{_op}_like")(_shapes(True))


@fuzzed("full_like")
def _full_like(d: Draw) -> Any:
    return (d.tensor(d.shape(), Numbers("if")), d.of(2, 7)), {}


@fuzzed("full", lambda shape, value: np.full(shape, value), lambda *dtypes: "float32", 0.0)
def _full(d: Draw) -> Any:
    return (d.of((2, 3), (0, 3), (4, 2, 3)), d.tensor((3,), Numbers("f"))), {}


for _op in ("eye", "tri"):

    @fuzzed(_op)
    def _diagonal(d: Draw) -> Any:
        return (d.int(0, 4), d.int(0, 4)), {"k": d.int(-2, 3), "dtype": d.of("int32", "float32")}


fuzzed("identity")(lambda d: ((d.int(0, 4),), {"dtype": d.of("int32", "float32")}))
for _op in ("bartlett", "blackman", "hamming", "hanning"):
    fuzzed(_op, getattr(np, _op), "float32", 4.0, True, None, lambda count: 1.0)(lambda d: ((d.int(0, 9),), {}))
fuzzed("kaiser")(lambda d: ((d.int(0, 9), d.of(0.0, 5.0, 14.0)), {}))


@fuzzed("arange")
def _arange(d: Draw) -> Any:
    return (d.int(-5, 5), d.int(-5, 9), d.of(1, 2, -1, 0.5)), {}


for _op in ("linspace", "logspace"):

    @fuzzed(_op)
    def _between(d: Draw) -> Any:
        one, other = d.of(((3,), (3,)), ((), (2,)), ((), ()), ((2, 1), (3,)))
        ends = d.tensor(one, Numbers("f", -1.0, 0.0)), d.tensor(other, Numbers("f", 0.1, 1.0))
        return (*ends, d.int(0, 5)), {"endpoint": d.yes()}


@fuzzed("geomspace")
def _geometric(d: Draw) -> Any:
    one, other = d.of(((3,), (3,)), ((), (2,)), ((), ()))
    ends = d.tensor(one, Numbers("f", 0.5, 1.0)), d.tensor(other, Numbers("f", 2.0, 5.0))
    return (*ends, d.int(0, 5)), {"endpoint": d.yes()}


@fuzzed("meshgrid")
def _meshgrid(d: Draw) -> Any:
    dtype = d.dtype("if")
    return tuple(d.tensor((d.int(0, 3),), ANY, dtype) for _ in range(d.int(1, 3))), {"indexing": d.of("xy", "ij")}


@fuzzed("vander", lambda x, n, increasing: np.vander(x, n, increasing), "first", 16.0)
def _vander(d: Draw) -> Any:
    return (d.tensor((d.int(0, 4),), Numbers("if", -1.5, 1.5)) % 3, d.int(0, 4)), {"increasing": d.yes()}
