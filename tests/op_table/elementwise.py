"""Cases of elementwise ops and of bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from cornu.primitives import dtypes as dt
from op_table.case import FUZZED, Array, Fuzz, add, counting, edges, f, i, numbers, spec
from op_table.drawing import Numbers, elementwise


def unary(
    op: str,
    reference: Callable[..., Any],
    dtype: Any = "floating",
    kinds: str = "buifc",
    low: float = -2.0,
    high: float = 2.0,
    gradient: bool = True,
    edge: bool = True,
    ulps: float = 16.0,
) -> None:
    """Each kind of dtype, a scalar, an empty tensor, the edges, a gradient."""
    s = spec(op, reference, dtype, ulps)
    FUZZED[op] = Fuzz(s, elementwise(1, Numbers(kinds, low, high, "all" if edge else "")))
    add(s, f(2, 3, low=low, high=high, dtype="float32"), compiled=True)
    add(s, numbers("float32", (), low, high))
    add(s, numbers("float32", (0, 2)))
    if gradient:
        add(s, f(2, 3, low=low, high=high), gradient=True)
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
            add(s, numbers(name, (3,), low, high))
    if edge:
        add(s, edges("float32"), case="float32 edges")



def _sinc(x: Array) -> Array:
    """In extended precision: pi as a double has too few digits near whole numbers."""
    y = np.longdouble("3.14159265358979323846264") * x
    return np.where(x == 0, 1, np.where((x == np.round(x)), 0, np.sin(y) / np.where(x == 0, 1, y)))


unary("exp", np.exp)
unary("exp2", np.exp2)
unary("expm1", np.expm1)
for _name in ("log", "log2", "log10"):
    unary(_name, getattr(np, _name), low=0.3, high=4)
unary("log1p", np.log1p, low=-0.5, high=4)
unary("sqrt", np.sqrt, low=0.2, high=4)
unary("cbrt", np.cbrt, kinds="buif", low=0.2, high=4)
unary("square", lambda x: x * x if x.dtype != bool else x.astype("int32"), counting)
unary("reciprocal", lambda x: 1 / x, low=0.5, high=3, kinds="ifc")
for _name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "arcsinh"):
    unary(_name, getattr(np, _name), low=-1.2, high=1.2, edge=_name not in ("sin", "cos", "tan"))
unary("arcsin", np.arcsin, low=-0.9, high=0.9, kinds="bfc")
unary("arccos", np.arccos, low=-0.9, high=0.9, kinds="bfc")
unary("arctanh", np.arctanh, low=-0.9, high=0.9, kinds="fc", ulps=32)
unary("arccosh", np.arccosh, low=1.2, high=4)
unary("sinc", _sinc, edge=False)
unary("i0", np.i0, kinds="buif", low=0.1, high=9, edge=False)
unary("deg2rad", np.deg2rad, kinds="buif")
unary("rad2deg", np.rad2deg, kinds="buif")
unary("negative", np.negative, "joined", kinds="uifc")
unary("absolute", np.abs, "real_first", low=0.3)
unary("abs", np.abs, "real_first", low=0.3)
unary("fabs", np.abs, kinds="buif", low=0.3)
unary("sign", np.sign, "joined", kinds="uifc", gradient=False)
unary("floor", np.floor, kinds="buif", gradient=False)
unary("ceil", np.ceil, kinds="buif", gradient=False)
unary("trunc", np.trunc, "first", kinds="uif", gradient=False)
unary("copy", np.copy, "first")
unary("real", np.real, "real_first", gradient=False)
unary("imag", np.imag, "real_first", gradient=False)
unary("conjugate", np.conjugate, "first")
unary("conj", np.conjugate, "first")
unary("angle", np.angle, "real_floating", gradient=False, kinds="uifc")
for _name in ("isfinite", "isinf", "isnan", "isreal", "logical_not"):
    unary(_name, getattr(np, _name), "bool", gradient=False)
for _name in ("isposinf", "isneginf", "signbit"):
    unary(_name, getattr(np, _name), "bool", gradient=False, kinds="uif")
for _name in ("bitwise_invert", "bitwise_not"):
    _s = spec(_name, np.invert, "first")
    for _dtype in ("bool", "int8", "int32", "uint8", "uint32"):
        add(_s, edges(_dtype), compiled=_dtype == "int32")
    add(_s, i(0, 2), case="empty")

_s = spec("round", np.round, "first", ulps=2)
add(_s, f(2, 3, dtype="float32"), 2, compiled=True)
add(_s, np.array([0.5, 1.5, 2.5, -0.5, 3.49], "float32"), case="halves to even")
add(_s, np.array([1234.5, 250.0, 350.0], "float32"), decimals=-2)
add(_s, np.array([15, 25, -15, -26, 104], "int32"), decimals=-1)
add(_s, np.array([15, 25], "uint8"), decimals=1)
add(_s, edges("float32"), case="edges")
add(_s, numbers("float16", (3,), -9, 9))



def _nan_to_num(x: Array, **kwargs: Any) -> Array:
    """With the largest numbers of float32."""
    largest = {"posinf": float(np.finfo("float32").max), "neginf": float(np.finfo("float32").min)}
    return np.nan_to_num(x, **({**largest, **kwargs} if x.dtype.kind == "f" else kwargs))


_s = spec("nan_to_num", _nan_to_num, "first")
add(_s, edges("float32"), compiled=True)
add(_s, edges("float32"), nan=1.0, posinf=2.0, neginf=-3.0)
add(_s, i(3))
add(_s, np.array([np.nan + 1j, 2 - 3j], "complex64"), case="complex")
add(_s, f(2, 3), gradient=True)


# Two operands


def largest_finite(*operands: Any) -> float:
    """The largest absolute value among finite numbers."""
    return max(float(np.max(np.abs(x), initial=0, where=np.isfinite(x))) for x in operands)


def binary(
    op: str,
    reference: Callable[..., Any],
    dtype: Any = "joined",
    kinds: str = "buifc",
    low: float = -2.0,
    high: float = 2.0,
    gradient: bool = True,
    edge: bool = True,
    ulps: float = 16.0,
    by_largest: bool = False,
    scale: Callable[..., float] | None = None,
) -> None:
    """Broadcasting, Python numbers, promotion, each kind of dtype, empty tensors, the edges against one another, a gradient."""
    s = replace(spec(op, reference, dtype, ulps, by_largest), scale=scale)
    if kinds:
        FUZZED[op] = Fuzz(s, elementwise(2, Numbers(kinds, low, high, "all" if edge else "")))
    a = lambda name, *shape: numbers(name, shape, low, high)  # noqa: E731


    def b(name: str, *shape: int) -> Array:
        x = numbers(name, shape, low, high, seed=1)
        return np.maximum(x, 1) if name in dt.UINTS else x  # no division by zero
    if "f" in kinds:
        add(s, a("float32", 2, 3), b("float32", 3), compiled=True)
        add(s, a("float32", 2, 1), 1.5)
        add(s, 2, b("float32", 3))
        add(s, a("float32"), b("float32"))
        add(s, a("float32", 0, 3), b("float32", 3))
        add(s, a("bfloat16", 3), b("bfloat16", 3))
        add(s, a("float16", 3), b("bfloat16", 3))
        if "i" in kinds:
            add(s, a("int32", 3), b("float16", 3))
            add(s, a("int8", 3), 1.5)
    if gradient:
        add(s, f(2, 3, low=low, high=high), f(3, low=low, high=high, seed=1), gradient=True)
    if "i" in kinds:
        add(s, a("int8", 2, 3), b("int32", 3), compiled="f" not in kinds)
        add(s, i(3, low=1, dtype="int16"), 2)
    if "u" in kinds:
        add(s, a("uint8", 3), b("uint8", 3))
        if "i" in kinds:
            add(s, a("uint8", 3), i(3, low=1, seed=1, dtype="int8"))
    if "b" in kinds:
        add(s, a("bool", 3), b("bool", 3))
    if "c" in kinds:
        add(s, a("complex64", 3), b("float32", 3))
    if edge and "f" in kinds:
        values = edges("float32")
        add(s, values[:, None], values[None, :], case="float32 edges")


def as_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Bools as int32, as in Keras."""
    own = lambda x: np.asarray(x).astype("int32") if np.asarray(x).dtype == bool else x  # noqa: E731
    return lambda x1, x2: function(own(x1), own(x2))


binary("add", np.add)
binary("subtract", np.subtract, kinds="uifc")
binary("multiply", np.multiply)
for _name in ("divide", "true_divide"):
    binary(_name, lambda x1, x2: np.divide(x1, x2), "floating", low=0.4)
binary(
    "divide_no_nan", lambda x1, x2: np.where(x2 == 0, 0, np.divide(x1, np.where(x2 == 0, 1, x2))), "floating", low=0.4, edge=False
)
add(
    spec("divide_no_nan", lambda x1, x2: np.zeros(3)),
    np.array([1.0, 0, np.inf], "float32"),
    np.zeros(3, "float32"),
    case="by zero",
)
binary("power", as_numbers(np.power), counting, low=0.4, edge=False)
binary("floor_divide", as_numbers(np.floor_divide), counting, kinds="uif", low=1.1, high=4, gradient=False, edge=False)
binary("mod", as_numbers(np.mod), counting, kinds="uif", low=1.1, high=4, edge=False)
binary("fmod", as_numbers(np.fmod), counting, kinds="uif", low=1.1, high=4, edge=False)
_s = spec("fmod", np.fmod, "joined")
add(_s, np.array([-7, 7, -7, 7], "int32"), np.array([3, -3, -3, 3], "int32"), case="signs of integers")
add(_s, np.array([-7.5, 7.5, -7.5, -1.0], "float32"), np.array([3, -3, -3, np.inf], "float32"), case="signs of floats")
binary("maximum", np.maximum, kinds="buif")
binary("minimum", np.minimum, kinds="buif")
binary("fmax", np.fmax, kinds="buif")
binary("fmin", np.fmin, kinds="buif")
binary("arctan2", np.arctan2, "floating", kinds="buif", low=0.4)
binary("hypot", np.hypot, "floating", kinds="buif", low=0.4)
binary("logaddexp", np.logaddexp, "floating", kinds="buif", by_largest=True)
# The larger one, and a logarithm that may cancel it.
binary("logaddexp2", np.logaddexp2, "floating", kinds="buif", by_largest=True, scale=largest_finite)
binary("heaviside", np.heaviside, "floating", kinds="uif", gradient=False)
binary("nextafter", lambda x1, x2: np.nextafter(x1, x2), "floating", kinds="", gradient=False)
for _name in ("equal", "not_equal"):
    binary(_name, getattr(np, _name), "bool", gradient=False)
for _name in ("less", "less_equal", "greater", "greater_equal"):
    binary(_name, getattr(np, _name), "bool", kinds="buif", gradient=False)
for _name in ("logical_and", "logical_or", "logical_xor"):
    binary(_name, getattr(np, _name), "bool", gradient=False)


def _next(x1: Any, x2: Any) -> Any:
    return np.nextafter(np.asarray(x1, "float32"), np.asarray(x2, "float32"))


_s = spec("nextafter", _next, "floating", 0.0)
_around = np.array([1.0, -1.0, 1e-3, -7.5, 3e38, np.inf, np.nan, 1.0], "float32")
add(_s, _around[:, None], _around[None, :], case="float32", compiled=True)
add(_s, i(3), f(3, dtype="float32"))
add(spec("nextafter", np.nextafter, "floating", 0.0), f(4), f(4, seed=1), case="float64")

_close = np.array([1.0, 1.0 + 1e-6, 1.1, np.inf, -np.inf, np.nan, 0.0, 1e-9], "float32")
for _name in ("isclose", "allclose"):
    _s = spec(_name, getattr(np, _name), "bool")
    add(_s, _close[:, None], _close[None, :], case="edges", compiled=True)
    add(_s, _close, _close, equal_nan=True)
    add(_s, f(3, dtype="float32"), f(3, seed=1, dtype="float32"), rtol=1.0, atol=0.5)
    add(_s, i(3), i(3))
    add(_s, f(2, 3, dtype="complex64"), f(2, 3, dtype="complex64"))

_s = spec("clip", np.clip, counting)
add(_s, f(2, 3, dtype="float32"), -0.5, 1.0, compiled=True)
add(spec("clip", np.clip, "first"), f(2, 3), f(3, low=-1, high=0), f(2, 1, low=0, high=1), gradient=True)
add(_s, i(4), 0, 2)
add(_s, numbers("uint8", (4,)), 0, 2)
add(spec("clip", lambda x, a, b: x.astype("int32"), "int32"), numbers("bool", (4,)), 0, 1)
add(spec("clip", np.clip, "first"), edges("float32"), -1.0, 1.0, case="edges")

_s = spec("ldexp", lambda x1, x2: np.ldexp(x1, x2.astype("int32")), "floating", 2.0)
add(_s, f(2, 3, dtype="float32"), i(3), compiled=True)
add(_s, np.array([1e-30, 1e30], "float32"), np.array([130, -130], "int32"), case="far")
add(_s, i(3), np.array([1, 2, 3], "int8"))
add(_s, f(3, dtype="bfloat16"), i(3))
add(_s, f(3), i(3), gradient=True)


# Integers and bits

for _name in ("gcd", "lcm"):
    _s = spec(_name, getattr(np, _name), "joined")
    add(_s, np.array([[12, -18], [0, 7]], "int32"), np.array([8, 27], "int32"), case="int32", compiled=True)
    add(_s, np.array([12, 0, 100], "uint8"), np.array([8, 0, 75], "uint8"), case="uint8")
    add(_s, np.array([12, -6], "int8"), np.array([8, 9], "int64"), case="int8, int64")
    add(_s, np.array([12, 18], "int32"), 8)
    add(_s, np.zeros((0,), "int32"), np.zeros((0,), "int32"))

for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    binary(_name, getattr(np, _name), kinds="bui", gradient=False)
for _name in ("left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift"):
    _s = spec(_name, getattr(np, _name.removeprefix("bitwise_")), "joined")
    for _dtype in ("int8", "int32", "uint8", "uint32", "int64"):
        add(_s, numbers(_dtype, (2, 3), -9, 9), np.array([0, 1, 5], _dtype), compiled=_dtype == "int32")
    add(_s, i(3), 2)
    add(
        spec(_name, as_numbers(getattr(np, _name.removeprefix("bitwise_"))), "int32"),
        numbers("bool", (3,)),
        numbers("bool", (3,)),
    )


def _view(x: Array, dtype: str | None = None) -> Array:
    return x if dtype is None else np.ascontiguousarray(x).view(dt.numpy_dtype(dtype))


_s = spec("view", lambda x, dtype=None: _view(x.astype("float32") if x.dtype == "float64" else x, dtype), "first", 0.0)
add(_s, f(2, 3, dtype="float32"), dtype="int32", compiled=True)
add(_s, i(2, 3), dtype="int8")
add(_s, i(2, 4, dtype="int8"), dtype="int16")
add(_s, numbers("uint8", (2, 8)), dtype="uint32")
add(_s, f(3, dtype="float32"), dtype="uint16")
add(_s, i(3))

