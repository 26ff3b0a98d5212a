"""Cases for elementwise primitives."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from cornu.contract.conformance.case import Case, cases_of
from cornu.contract.conformance.data import dtypes_of, edges, numbers, pairs
from cornu.primitives import dtypes as dt

SHAPES = ((), (0, 3), (1,), (2, 3))

# Where the functions of one operand are smooth, if that is not everywhere in [-2, 2].
DOMAINS = {
    **dict.fromkeys(["log", "sqrt", "rsqrt"], (0.2, 3.0)),
    **dict.fromkeys(["arcsin", "arccos", "arctanh", "erfinv", "log1p"], (-0.9, 0.9)),
    "arccosh": (1.2, 3.0),
    "tan": (-1.2, 1.2),
}
COMPLEX_FUNCTIONS = (
    *("exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sigmoid"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
)
REAL_FUNCTIONS = ["erf", "erfinv", "softplus"]
SMOOTH = [*COMPLEX_FUNCTIONS, *REAL_FUNCTIONS, "negative", "abs", "real", "stop_gradient"]
WHOLE = ["floor", "ceil", "round"]
KEEPING = ["negative", "abs", "sign", "stop_gradient", "logical_not", "isfinite", "real", "imag"]


@cases_of(*COMPLEX_FUNCTIONS, *REAL_FUNCTIONS, *WHOLE, *KEEPING)
def unary(primitive: str) -> Iterator[Case]:
    """Every dtype at its edges, the shapes, the gradient."""
    functions = primitive in COMPLEX_FUNCTIONS or primitive in REAL_FUNCTIONS
    low, high = DOMAINS.get(primitive, (-2.0, 2.0))
    real = primitive in REAL_FUNCTIONS or primitive in WHOLE
    for dtype in dtypes_of("buif" if real else "buifc"):
        small = functions and dt.is_integer(dtype)  # of large integers functions have huge values, or none
        x = numbers(dtype, (6,), 0, 5) if small else edges(dtype)
        yield Case(primitive, f"{dtype} edges", (x,), signed_zeros=primitive not in ("sign", "imag"))
    for shape in SHAPES:
        x = numbers("float32", shape, low, high)
        yield Case(primitive, f"float32 {shape}", (x,), compiled=shape == (2, 3))
    yield Case(primitive, "weak int", (1,))
    if primitive in SMOOTH:
        yield Case(
            primitive,
            "float64 (2, 3)",
            (numbers("float64", (2, 3), low, high),),
            gradient=(0,),
            kink=primitive == "stop_gradient",
        )
    if primitive in COMPLEX_FUNCTIONS or primitive in KEEPING[:2]:
        yield Case(primitive, "complex128 (2, 3)", (numbers("complex128", (2, 3), 0.1, 0.8),), gradient=(0,))
    if primitive == "abs":
        yield Case(primitive, "float64 zero", (np.array([0.0, 1.0, -1.0]),), gradient=(0,), kink=True)


ARITHMETIC = {
    "add": "buifc",
    "subtract": "buifc",
    "multiply": "buifc",
    "maximum": "buif",
    "minimum": "buif",
    "divide": "buifc",
    "power": "uifc",
    "floor_divide": "uif",
    "mod": "uif",
    "arctan2": "buif",
    "logaddexp": "buif",
}
COMPARISONS = {
    **dict.fromkeys(["equal", "not_equal", "logical_and", "logical_or"], "buifc"),
    **dict.fromkeys(["less", "less_equal", "greater", "greater_equal"], "buif"),
}
BITWISE = {
    **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor"], "bui"),
    **dict.fromkeys(["left_shift", "right_shift"], "ui"),
}
BINARY = {**ARITHMETIC, **COMPARISONS, **BITWISE}
MIXED = (
    ("int32", "float32"),
    ("bfloat16", "float16"),
    ("uint8", "int8"),
    ("uint32", "int32"),
    ("int64", "float16"),
    ("bool", "int32"),
)
SHAPE_PAIRS = (
    ((), ()),
    ((2, 3), ()),
    ((2, 1), (3,)),
    ((0, 3), (1, 3)),
    ((1,), (1,)),
    ((2, 1, 3), (4, 1)),
    ((2, 3), (2, 3)),
)


@cases_of(*BINARY)
def binary(primitive: str) -> Iterator[Case]:
    """Every dtype with pairs of edges, mixed dtypes, weak operands, broadcasting, the gradient."""
    kinds = BINARY[primitive]
    allowed = dtypes_of(kinds)
    for dtype in allowed:
        yield Case(
            primitive, f"{dtype} edges", _edge_pairs(primitive, dtype), signed_zeros=primitive in ("multiply", "divide")
        )
    for first, second in MIXED:
        if first in allowed and second in allowed:
            operands = _ordinary(primitive, first, (2, 3)), _ordinary(primitive, second, (2, 3), seed=1)
            yield Case(primitive, f"{first} with {second}", operands)
    for dtype in set(allowed) & {"int8", "bfloat16", "float32", "complex64"}:
        yield Case(primitive, f"{dtype} with weak int", (_ordinary(primitive, dtype, (2, 3)), 2))
    if "f" in kinds:
        yield Case(primitive, "int32 with weak float", (_ordinary(primitive, "int32", (2, 3)), 2.5))
        yield Case(primitive, "weak float with bfloat16", (1.5, _ordinary(primitive, "bfloat16", (2, 3))))
    dtype = "float32" if "f" in kinds else "int32"
    for first_shape, second_shape in SHAPE_PAIRS:
        operands = _ordinary(primitive, dtype, first_shape), _ordinary(primitive, dtype, second_shape, seed=1)
        yield Case(primitive, f"{dtype} {first_shape} with {second_shape}", operands, compiled=second_shape == (4, 1))
    if primitive in ARITHMETIC and primitive != "floor_divide":
        yield from _binary_gradients(primitive)


def _ordinary(primitive: str, dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    if dt.is_integer(dtype):  # no division by zero, no negative exponents or shifts
        return numbers(dtype, shape, 1, 4, seed)
    return numbers(dtype, shape, 0.3, 3.0, seed)


def _edge_pairs(primitive: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    values = edges(dtype)
    if dt.is_integer(dtype):
        if "shift" in primitive:
            bits = dt.itemsize(dtype) * 8
            return values[:, None], np.array([[0, 1, 3, bits - 1]], dtype)
        if primitive == "power":
            return numbers(dtype, (6,), -3, 3)[:, None], np.array([[0, 1, 2, 3]], dtype)
        if primitive in ("floor_divide", "mod"):  # by zero, and the least number by -1, is undefined
            signed = dtype in dt.INTS
            return values[values > values.min()][:, None], np.array([[1, 2, 7, -1, -3] if signed else [1, 2, 7]], dtype)
        if primitive in ("divide", "arctan2", "logaddexp"):
            values = numbers(dtype, (6,), -3, 3)
    elif primitive in ("power", "mod", "floor_divide"):
        values = values if primitive == "power" else values[np.isin(np.abs(values), [0.3, 0.5, 1, 1.5, 2.5, 7.7])]
    elif dtype in dt.COMPLEXES and primitive == "power":
        values = numbers(dtype, (6,))
    return pairs(values)


def _binary_gradients(primitive: str) -> Iterator[Case]:
    low = 0.3 if primitive == "power" else -2.0
    operands = numbers("float64", (2, 3), low), numbers("float64", (3,), 0.5, 1.7, seed=1)
    yield Case(primitive, "float64 (2, 3) with (3,)", operands, gradient=(0, 1))
    if "c" in ARITHMETIC[primitive]:
        operands = numbers("complex128", (2, 3), 0.3), numbers("complex128", (2, 1), 0.5, 1.7, seed=1)
        yield Case(primitive, "complex128 (2, 3) with (2, 1)", operands, gradient=(0, 1))
    if primitive in ("maximum", "minimum"):
        operands = np.array([1.0, 2.0, -1.0]), np.array([1.0, 0.0, -1.0])
        yield Case(primitive, "float64 ties", operands, gradient=(0, 1), kink=True)
    if primitive == "power":
        operands = np.array([0.0, 0.0, 0.0, -2.0, -2.0]), np.array([1.0, 2.0, 3.0, 2.0, 3.0])
        yield Case(primitive, "float64 base not positive", operands, gradient=(0,), kink=True)
    if primitive == "logaddexp":
        operands = np.array([-np.inf, 700.0, 0.0]), np.array([1.0, 700.0, -800.0])
        yield Case(primitive, "float64 far apart", operands, gradient=(0, 1), kink=True)


@cases_of("where")
def where(primitive: str) -> Iterator[Case]:
    """Conditions of every dtype that promote; branches that do."""
    condition = numbers("bool", (2, 1))
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype} branches", (condition, numbers(dtype, (3,)), numbers(dtype, (2, 3), seed=1)))
    yield Case(
        primitive, "int32 condition", (np.array([0, 1, -2], "int32"), numbers("float32", (3,)), 0), compiled=True
    )
    yield Case(primitive, "int32 with float16", (condition, numbers("int32", (3,)), numbers("float16", (2, 3))))
    yield Case(primitive, "float32 empty", (np.zeros((0, 1), "bool"), numbers("float32", (3,)), numbers("float32", ())))
    yield Case(primitive, "float32 not finite", (condition, np.array([np.nan, np.inf, 1.0], "float32"), 0.0))
    operands = condition, numbers("float64", (3,)), numbers("float64", (2, 3), seed=1)
    yield Case(primitive, "float64 (2, 1) (3,) (2, 3)", operands, gradient=(1, 2))


@cases_of("complex")
def complex_(primitive: str) -> Iterator[Case]:
    """Parts of each dtype, broadcast; parts that are not finite."""
    for dtype in dtypes_of("buif"):
        yield Case(primitive, f"{dtype}", (numbers(dtype, (2, 1)), numbers(dtype, (3,), seed=1)))
    yield Case(
        primitive,
        "float32 not finite",
        (np.array([np.inf, 1.0, np.nan], "float32"), np.array([0.0, np.inf, 1.0], "float32")),
    )
    yield Case(primitive, "float32 with weak int", (numbers("float32", (2, 3)), 0), compiled=True)
    yield Case(
        primitive, "float64 (2, 1) with (3,)", (numbers("float64", (2, 1)), numbers("float64", (3,))), gradient=(0, 1)
    )


@cases_of("cast")
def cast(primitive: str) -> Iterator[Case]:
    """From each dtype to each, with values that both can hold."""
    for source in dt.DTYPES:
        for target in dt.DTYPES:
            x = numbers(source, (4,), 0, 5) if target in dt.UINTS else numbers(source, (4,), -3, 3)
            gradient = (0,) if {source, target} == {"float64", "complex128"} else ()
            yield Case(primitive, f"{source} to {target}", (x,), {"dtype": target}, gradient=gradient)
    wrapping = np.array([-1, 0, 127, 128, 255, 256, 70000], "int32")
    for target in ("uint8", "int8", "uint16", "int16", "uint32", "float16", "bool"):
        yield Case(primitive, f"int32 edges to {target}", (wrapping,), {"dtype": target})
    for target in ("bool", "float16", "bfloat16", "float32", "float64", "complex64"):
        yield Case(
            primitive,
            f"float32 edges to {target}",
            (edges("float32"),),
            {"dtype": target},
            compiled=target == "float16",
        )
    yield Case(primitive, "float32 truncated", (np.array([-2.7, -0.5, 0.5, 2.7], "float32"),), {"dtype": "int32"})
    yield Case(primitive, "float32 empty", (np.zeros((0, 2), "float32"),), {"dtype": "int32"})
    yield Case(primitive, "weak float", (2.5,), {"dtype": "int32"})


@cases_of("bitcast")
def bitcast(primitive: str) -> Iterator[Case]:
    """Between dtypes of one width."""
    groups = (
        ("uint8", "int8"),
        ("uint16", "int16", "float16", "bfloat16"),
        ("uint32", "int32", "float32"),
        ("uint64", "int64", "float64"),
    )
    for group in groups:
        for source in group:
            for target in group:
                x = edges(source)
                yield Case(
                    primitive,
                    f"{source} to {target}",
                    (x[x == x],),
                    {"dtype": target},
                    widen=False,
                    compiled=target == "uint32",
                )
    yield Case(primitive, "float32 scalar", (np.float32(1.5).reshape(()),), {"dtype": "int32"}, widen=False)
    yield Case(primitive, "float32 empty", (np.zeros((0, 2), "float32"),), {"dtype": "int32"}, widen=False)


@cases_of("full")
def full(primitive: str) -> Iterator[Case]:
    """Each dtype and shape; values that are not finite."""
    for dtype in dt.DTYPES:
        value = True if dtype == "bool" else 3 if dt.is_integer(dtype) else 2.5
        yield Case(
            primitive, f"{dtype}", (), {"shape": (2, 3), "value": value, "dtype": dtype}, compiled=dtype == "float32"
        )
    for shape in SHAPES:
        yield Case(primitive, f"float32 {shape}", (), {"shape": shape, "value": 1, "dtype": "float32"})
    for value in (math.inf, -math.inf, math.nan, -0.0):
        params = {"shape": (2,), "value": value, "dtype": "float32"}
        yield Case(primitive, f"float32 {value}", (), params, compiled=True, signed_zeros=True)


@cases_of("iota")
def iota(primitive: str) -> Iterator[Case]:
    """Each dtype, each axis."""
    for dtype in dtypes_of("uifc"):
        yield Case(primitive, f"{dtype}", (), {"shape": (5,), "axis": 0, "dtype": dtype})
    for axis in range(3):
        params = {"shape": (2, 3, 4), "axis": axis, "dtype": "int32"}
        yield Case(primitive, f"int32 axis {axis}", (), params, compiled=axis == 1)
    yield Case(primitive, "float32 empty", (), {"shape": (0, 3), "axis": 1, "dtype": "float32"})
