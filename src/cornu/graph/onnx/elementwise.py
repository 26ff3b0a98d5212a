"""Elementwise primitives in ONNX."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.graph.onnx.writer import Ref, Writer
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import broadcast

LOWERING: dict[str, Callable[..., Any]] = {}
HALF = ("float16", "bfloat16")


def lowers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: the ONNX form of the primitive of this name (a trailing underscore is dropped)."""
    LOWERING[function.__name__.rstrip("_")] = function
    return function


def wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: half precision is computed in float32 and rounded at the end."""

    @functools.wraps(function)
    def lowered(o: Writer, *operands: Ref, **params: Any) -> Any:
        dtype = operands[0].dtype
        if dtype not in HALF:
            return function(o, *operands, **params)
        return o.cast(function(o, *[o.cast(x, "float32") for x in operands], **params), dtype)

    return lowered


def is_float(x: Ref) -> bool:
    """Whether x holds real floating-point numbers."""
    return dt.is_float(x.dtype)


for _name, _op in {
    **{name: name.capitalize() for name in "exp log sqrt sin cos tan sinh cosh tanh erf".split()},
    **{f"arc{name}": f"A{name}" for name in "sin cos tan sinh cosh tanh".split()},
    "sign": "Sign",
}.items():
    LOWERING[_name] = functools.partial(lambda op, o, x: x if x.dtype == "bool" else o.node(op, x), _op)

for _name in ("floor", "ceil", "round"):
    LOWERING[_name] = functools.partial(lambda op, o, x: o.node(op, x) if is_float(x) else x, _name.capitalize())

for _name, _op in {"negative": "Neg", "abs": "Abs"}.items():
    LOWERING[_name] = functools.partial(lambda op, o, x: x if x.dtype == "bool" else o.node(op, x), _op)

LOWERING["stop_gradient"] = LOWERING["real"] = lambda o, x: x


@lowers
def imag(o: Writer, x: Ref) -> Ref:
    return o.filled(x.shape, 0, x.dtype)


@lowers
@wide
def expm1(o: Writer, x: Ref) -> Ref:
    half = o.Mul(o.Max(x, -80.0), 0.5)  # below, -1 is exact
    return o.Mul(o.Mul(o.Sinh(half), o.Exp(half)), 2.0)


@lowers
@wide
def log1p(o: Writer, x: Ref) -> Ref:
    # W. Kahan: with u = 1 + x as it is rounded, log(u) x / (u - 1) has the digits that u lost. Written as x times a factor, for
    # ONNX Runtime's Where turns -0.0 into 0.0.
    u = o.Add(x, 1)
    log = o.Log(u)
    factor = o.Div(log, o.Where(o.Less(o.Abs(x), 1), o.Sub(u, 1), x))
    return o.Mul(x, o.Where(o.Or(o.Equal(u, 1), o.Equal(u, math.inf)), 1.0, factor))


@lowers
@wide
def rsqrt(o: Writer, x: Ref) -> Ref:
    return o.Reciprocal(o.Sqrt(x))


@lowers
@wide
def sigmoid(o: Writer, x: Ref) -> Ref:
    # ONNX Runtime's own clips its input at 18, and has no digits in the lower tail.
    return o.Reciprocal(o.Add(o.Exp(o.Neg(x)), 1))


@lowers
@wide
def softplus(o: Writer, x: Ref) -> Ref:
    return o.Add(o.Max(x, 0), log1p(o, o.Exp(o.Neg(o.Abs(x)))))


# M. Giles, "Approximating the erfinv function" (2010), single precision: two polynomials in w = -log(1 - x^2).
_CENTRAL = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727,
    1.50140941,
)  # fmt: skip
_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
    2.83297682,
)  # fmt: skip


@lowers
@wide
def erfinv(o: Writer, x: Ref) -> Ref:
    w = o.Neg(o.Log(o.Mul(o.Sub(x, -1), o.Sub(o.constant(1, x.dtype), x))))

    def polynomial(coefficients: tuple[float, ...], w: Ref) -> Ref:
        y = o.Add(o.Mul(w, coefficients[0]), coefficients[1])
        for c in coefficients[2:]:
            y = o.Add(o.Mul(y, w), c)
        return y

    factor = o.Where(o.Less(w, 5), polynomial(_CENTRAL, o.Sub(w, 2.5)), polynomial(_TAIL, o.Sub(o.Sqrt(w), 3)))
    return o.Mul(x, o.Where(o.Equal(w, math.inf), w, factor))


@lowers
def logical_not(o: Writer, x: Ref) -> Ref:
    return o.Not(x)


@lowers
def isfinite(o: Writer, x: Ref) -> Ref:
    return o.Less(o.Abs(x), math.inf) if is_float(x) else o.filled(x.shape, True, "bool")


# Two operands


def _binary(name: str, op: str, of_bools: str | None = None) -> None:
    def lowered(o: Writer, x1: Ref, x2: Ref) -> Ref:
        return o.node(of_bools, x1, x2) if of_bools and x1.dtype == "bool" else o.node(op, x1, x2)

    LOWERING[name] = lowered


for _name, _op, _of_bools in (
    ("add", "Add", "Or"), ("subtract", "Sub", "Xor"), ("multiply", "Mul", "And"), ("divide", "Div", None),
    ("maximum", "Max", "Or"), ("minimum", "Min", "And"),
    ("equal", "Equal", None), ("less", "Less", None), ("less_equal", "LessOrEqual", None), ("greater", "Greater", None),
    ("greater_equal", "GreaterOrEqual", None), ("logical_and", "And", None), ("logical_or", "Or", None),
    ("bitwise_and", "BitwiseAnd", "And"), ("bitwise_or", "BitwiseOr", "Or"), ("bitwise_xor", "BitwiseXor", "Xor"),
):  # fmt: skip
    _binary(_name, _op, _of_bools)


@lowers
def not_equal(o: Writer, x1: Ref, x2: Ref) -> Ref:
    return o.Not(o.Equal(x1, x2))


@lowers
def power(o: Writer, x1: Ref, x2: Ref) -> Ref:
    if is_float(x1):
        return wide(lambda o, x1, x2: o.Pow(x1, x2))(o, x1, x2)
    # Integers by squaring, since they wrap around.
    signed = x1.dtype in dt.INTS
    exponent = o.Max(x2, 0) if signed else x2
    bits = 8 * dt.itemsize(x1.dtype) - signed
    if x2.array is not None:
        bits = max(int(x2.array.max(initial=0)).bit_length(), 1)
    result, square = o.constant(1, x1.dtype), x1
    for _ in range(bits):
        odd = o.Equal(o.Mod(exponent, 2), 1)
        factor = o.Where(odd, square, o.constant(1, x1.dtype))
        result = o.Mul(result, factor)
        square, exponent = o.Mul(square, square), o.Div(exponent, 2)
    if not signed:
        return result
    alternating = o.Where(o.Equal(o.Mod(x2, 2), 0), o.constant(1, x1.dtype), o.constant(-1, x1.dtype))
    inverse = o.Where(o.Equal(x1, 1), o.constant(1, x1.dtype), o.Where(o.Equal(x1, -1), alternating, o.constant(0, x1.dtype)))
    return o.Where(o.Less(x2, 0), inverse, result)


@lowers
@wide
def mod(o: Writer, x1: Ref, x2: Ref) -> Ref:
    if not is_float(x1):
        return o.Mod(x1, x2)
    rest = o.Mod(x1, x2, fmod=1)
    turned = o.And(o.Not(o.Equal(rest, 0)), o.Xor(o.Less(rest, 0), o.Less(x2, 0)))
    return o.Where(turned, o.Add(rest, x2), rest)


@lowers
@wide
def floor_divide(o: Writer, x1: Ref, x2: Ref) -> Ref:
    if is_float(x1):
        return o.Round(o.Div(o.Sub(x1, mod(o, x1, x2)), x2))
    quotient = o.Div(x1, x2)  # towards zero
    if x1.dtype in dt.UINTS:
        return quotient
    one_less = o.And(o.Not(o.Equal(o.Mul(quotient, x2), x1)), o.Xor(o.Less(x1, 0), o.Less(x2, 0)))
    return o.Sub(quotient, o.cast(one_less, x1.dtype))


def _negative_bit(o: Writer, x: Ref) -> Ref:
    return o.Less(bitcast(o, x, dtype="int32"), 0)


@lowers
@wide
def arctan2(o: Writer, x1: Ref, x2: Ref) -> Ref:
    a, b = o.Abs(x1), o.Abs(x2)
    ratio = o.Where(o.Equal(a, b), o.Sign(a), o.Div(a, b))  # of two zeros and of two infinities there is no quotient
    angle = o.Atan(ratio)
    angle = o.Where(_negative_bit(o, x2), o.Add(o.Neg(angle), math.pi), angle)
    return o.Where(_negative_bit(o, x1), o.Neg(angle), angle)


@lowers
@wide
def logaddexp(o: Writer, x1: Ref, x2: Ref) -> Ref:
    gap = o.Where(o.Equal(x1, x2), o.constant(0, x1.dtype), o.Neg(o.Abs(o.Sub(x1, x2))))
    return o.Add(o.Max(x1, x2), log1p(o, o.Exp(gap)))


def _unsigned(dtype: str) -> str:
    return dtype if dtype in dt.UINTS else f"u{dtype}"


@lowers
def left_shift(o: Writer, x1: Ref, x2: Ref) -> Ref:
    own = _unsigned(x1.dtype)
    return o.cast(o.BitShift(o.cast(x1, own), o.cast(x2, own), direction="LEFT"), x1.dtype)


@lowers
def right_shift(o: Writer, x1: Ref, x2: Ref) -> Ref:
    own = _unsigned(x1.dtype)
    if x1.dtype == own:
        return o.BitShift(x1, x2, direction="RIGHT")
    # Of a negative number the complement is shifted, so that ones come in.
    mask = o.Neg(o.cast(o.Less(x1, 0), x1.dtype))
    shifted = o.BitShift(o.cast(o.BitwiseXor(x1, mask), own), o.cast(x2, own), direction="RIGHT")
    return o.BitwiseXor(o.cast(shifted, x1.dtype), mask)


# The others


@lowers
def where(o: Writer, condition: Ref, x1: Ref, x2: Ref) -> Ref:
    primitive, operands = condition.source
    if primitive == "less_equal" and x1.is_zero and operands[1].is_zero and operands[0].name == x2.name and is_float(x2):
        return o.Relu(x2)
    return o.select(condition, x1, x2, math.prod(broadcast(condition.shape, x1.shape, x2.shape)))


@lowers
def cast(o: Writer, x: Ref, *, dtype: str) -> Ref:
    return o.cast(x, dtype)


@lowers
def bitcast(o: Writer, x: Ref, *, dtype: str) -> Ref:
    if x.dtype == dtype:
        return x
    if dt.is_integer(x.dtype) and dt.is_integer(dtype):
        return o.cast(x, dtype)  # wraps around
    return o.bits(x, dtype)


@lowers
def full(o: Writer, *, shape: Any, value: Any, dtype: str) -> Ref:
    return o.filled(shape, value, dtype)


@lowers
def iota(o: Writer, *, shape: Any, axis: int, dtype: str) -> Ref:
    n = shape[axis]
    row = (
        o.constant(np.arange(n))
        if isinstance(n, int)
        else o.Range(o.constant(0, "int64"), o.reshape(o.size(n), ()), o.constant(1, "int64"))
    )
    column = o.reshape(o.cast(row, dtype), [n if i == axis else 1 for i in range(len(shape))])
    return o.expand(Ref(column.name, dtype, tuple(n if i == axis else 1 for i in range(len(shape)))), shape)
