"""Elementwise primitives: arithmetic, functions of real and complex numbers, comparisons, bits, casts."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist
from typing import Any

import numpy as np

from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import (
    DtypeRule,
    bitwise,
    broadcast,
    comparison,
    counting,
    floating,
    joined,
    keep_result,
    kept,
    logical,
    ordered,
    ordered_comparison,
    ordered_counting,
    ordered_kept,
    parameter,
    predicate,
    primitive,
    real_floating,
    same,
    shifting,
)


def unary(dtype: DtypeRule, vjp: Any = None) -> Any:
    """A primitive of one operand; `vjp(g, y, x)` gives that operand's cotangent."""
    rule = vjp and (lambda g, y, x, **params: (vjp(g, y, x),))
    return primitive(dtype, same, rule)


def quiet(reference: Any) -> Any:
    """Without NumPy's warnings: infinities and NaNs are values like others here."""

    @functools.wraps(reference)
    def silent(*operands: Any, **params: Any) -> Any:
        with np.errstate(all="ignore"):
            return reference(*operands, **params)

    return silent


def _by_scalar(function: Any) -> Any:
    """A function of a Python float, applied to each element, at float64 precision."""
    each = np.frompyfunc(function, 1, 1)

    def apply(x: Any) -> Any:
        return np.asarray(each(np.asarray(x, "float64")), dtype="float64").astype(x.dtype)

    return apply


def _erfinv(x: float) -> float:
    if not -1 < x < 1:
        return math.copysign(math.inf, x) if math.fabs(x) == 1 else math.nan
    if math.fabs(x) < 1e-8:
        return x * math.sqrt(math.pi) / 2
    y = math.copysign(NormalDist().inv_cdf((1 - math.fabs(x)) / 2) / -math.sqrt(2), x)
    for _ in range(2):  # Newton; erfc keeps the digits in the tails
        gap = math.erf(y) - x if math.fabs(x) < 0.5 else math.copysign((1 - math.fabs(x)) - math.erfc(math.fabs(y)), x)
        y -= gap * math.sqrt(math.pi) / 2 * math.exp(y * y)
    return y


# Functions of real (and mostly complex) numbers


@unary(floating, lambda g, y, x: multiply(g, y))
@quiet
def exp(x):
    """e to the power x."""
    return np.exp(x)


@unary(floating, lambda g, y, x: multiply(g, add(y, 1)))
@quiet
def expm1(x):
    """exp(x) - 1, precise for small x."""
    return np.expm1(x)


@unary(floating, lambda g, y, x: divide(g, x))
@quiet
def log(x):
    """Natural logarithm."""
    return np.log(x)


@unary(floating, lambda g, y, x: divide(g, add(x, 1)))
@quiet
def log1p(x):
    """log(1 + x), precise for small x."""
    return np.log1p(x)


@unary(floating, lambda g, y, x: divide(g, multiply(y, 2)))
@quiet
def sqrt(x):
    """Square root."""
    return np.sqrt(x)


@unary(floating, lambda g, y, x: multiply(g, multiply(divide(y, x), -0.5)))
@quiet
def rsqrt(x):
    """1 / sqrt(x)."""
    return (1 / np.sqrt(x)).astype(x.dtype)


@unary(floating, lambda g, y, x: multiply(g, cos(x)))
@quiet
def sin(x):
    """Sine."""
    return np.sin(x)


@unary(floating, lambda g, y, x: negative(multiply(g, sin(x))))
@quiet
def cos(x):
    """Cosine."""
    return np.cos(x)


@unary(floating, lambda g, y, x: multiply(g, add(multiply(y, y), 1)))
@quiet
def tan(x):
    """Tangent."""
    return np.tan(x)


@unary(floating, lambda g, y, x: multiply(g, rsqrt(multiply(subtract(1, x), add(x, 1)))))
@quiet
def arcsin(x):
    """Inverse sine."""
    return np.arcsin(x)


@unary(floating, lambda g, y, x: negative(multiply(g, rsqrt(multiply(subtract(1, x), add(x, 1))))))
@quiet
def arccos(x):
    """Inverse cosine."""
    return np.arccos(x)


@unary(floating, lambda g, y, x: divide(g, add(multiply(x, x), 1)))
@quiet
def arctan(x):
    """Inverse tangent."""
    return np.arctan(x)


@unary(floating, lambda g, y, x: multiply(g, cosh(x)))
@quiet
def sinh(x):
    """Hyperbolic sine."""
    return np.sinh(x)


@unary(floating, lambda g, y, x: multiply(g, sinh(x)))
@quiet
def cosh(x):
    """Hyperbolic cosine."""
    return np.cosh(x)


@unary(floating, lambda g, y, x: multiply(g, subtract(1, multiply(y, y))))
@quiet
def tanh(x):
    """Hyperbolic tangent."""
    return np.tanh(x)


@unary(floating, lambda g, y, x: multiply(g, rsqrt(add(multiply(x, x), 1))))
@quiet
def arcsinh(x):
    """Inverse hyperbolic sine."""
    return np.arcsinh(x)


@unary(floating, lambda g, y, x: multiply(g, multiply(rsqrt(subtract(x, 1)), rsqrt(add(x, 1)))))
@quiet
def arccosh(x):
    """Inverse hyperbolic cosine."""
    return np.arccosh(x)


@unary(floating, lambda g, y, x: divide(g, multiply(subtract(1, x), add(x, 1))))
@quiet
def arctanh(x):
    """Inverse hyperbolic tangent."""
    return np.arctanh(x)


@unary(real_floating, lambda g, y, x: multiply(g, multiply(exp(negative(multiply(x, x))), 2 / math.sqrt(math.pi))))
def erf(x):
    """Error function."""
    return _by_scalar(math.erf)(x)


@unary(real_floating, lambda g, y, x: multiply(g, multiply(exp(multiply(y, y)), math.sqrt(math.pi) / 2)))
def erfinv(x):
    """Inverse of the error function; +-inf at +-1."""
    return _by_scalar(_erfinv)(x)


@unary(floating, lambda g, y, x: multiply(g, multiply(y, subtract(1, y))))
@quiet
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow and with full relative precision in the lower tail."""
    small = np.exp(-np.abs(x) if x.dtype.kind != "c" else -x)
    if x.dtype.kind == "c":
        return 1 / (1 + small)
    return (np.where(x >= 0, 1, small) / (1 + small)).astype(x.dtype)


@unary(real_floating, lambda g, y, x: multiply(g, sigmoid(x)))
@quiet
def softplus(x):
    """log(1 + exp(x)), without overflow."""
    return (np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))).astype(x.dtype)


# One operand, dtype kept


@unary(kept, lambda g, y, x: negative(g))
def negative(x):
    """-x; of a bool, itself."""
    return x if x.dtype == bool else np.negative(x)


def _abs_vjp(g, y, x):
    if x.dtype not in dt.COMPLEXES:
        return multiply(g, sign(x))
    safe = where(equal(y, 0), 1, y)
    return complex(divide(multiply(g, real(x)), safe), negative(divide(multiply(g, imag(x)), safe)))


@unary(keep_result(lambda d, **params: dt.real_part(d)), _abs_vjp)
def abs(x):
    """Absolute value; of a complex number, its modulus."""
    return np.abs(x)


@unary(kept)
@quiet
def sign(x):
    """-1, 0 or 1; of a complex number x / abs(x); NaN of NaN."""
    return x if x.dtype == bool else np.sign(x)


@unary(real_floating)
def floor(x):
    """Largest whole number not above x."""
    return np.floor(x)


@unary(real_floating)
def ceil(x):
    """Smallest whole number not below x."""
    return np.ceil(x)


@unary(ordered_kept)
def round(x):
    """Nearest whole number, halves to even."""
    return np.rint(x) if x.dtype.kind not in "biu" else x


@unary(kept)
def stop_gradient(x):
    """x, through which no gradient flows."""
    return x


@unary(logical)
def logical_not(x):
    """Not x."""
    return np.logical_not(x)


@unary(predicate)
def isfinite(x):
    """Neither infinite nor NaN."""
    return np.isfinite(x)


@unary(keep_result(lambda d, **params: dt.real_part(d)), lambda g, y, x: complex(g, 0) if x.dtype in dt.COMPLEXES else g)
def real(x):
    """Real part."""
    return np.real(x)


@unary(
    keep_result(lambda d, **params: dt.real_part(d)),
    lambda g, y, x: complex(0, negative(g)) if x.dtype in dt.COMPLEXES else None,
)
def imag(x):
    """Imaginary part (zero for a real x)."""
    return np.imag(x)


# Two operands


def binary(dtype: DtypeRule, vjp: Any = None) -> Any:
    """A primitive of two operands that broadcast."""
    return primitive(dtype, broadcast, vjp)


@binary(
    DtypeRule(real_floating.operands, lambda re, im, **params: dt.with_imaginary(re)),
    lambda g, y, re, im: (real(g), negative(imag(g))),
)
def complex(re, im):
    """The complex number with these parts (float32 or float64)."""
    dtype = "complex128" if re.dtype == np.float64 else "complex64"
    return (re + 1j * im.astype(dtype)).astype(dtype) if np.all(np.isfinite(im)) else _assemble(re, im, dtype)


def _assemble(re, im, dtype):
    out = np.empty(np.broadcast_shapes(re.shape, im.shape), dtype)
    out.real, out.imag = re, im
    return out


@binary(joined, lambda g, y, x1, x2: (g, g))
@quiet
def add(x1, x2):
    """x1 + x2; integers wrap around; of bools, or."""
    return np.add(x1, x2)


@binary(joined, lambda g, y, x1, x2: (g, negative(g)))
@quiet
def subtract(x1, x2):
    """x1 - x2; integers wrap around; of bools, xor."""
    return np.not_equal(x1, x2) if x1.dtype == bool else np.subtract(x1, x2)


@binary(joined, lambda g, y, x1, x2: (multiply(g, x2), multiply(g, x1)))
@quiet
def multiply(x1, x2):
    """x1 * x2; integers wrap around; of bools, and."""
    return np.multiply(x1, x2)


@binary(floating, lambda g, y, x1, x2: (divide(g, x2), negative(multiply(g, divide(y, x2)))))
@quiet
def divide(x1, x2):
    """x1 / x2, in floating point."""
    return np.divide(x1, x2)


def _extremum_vjp(g, y, x1, x2):
    # Ties share the gradient equally, so that max(x, x) has the derivative 1 in all.
    half = cast(where(equal(x1, x2), 0.5, 1.0), dtype=g.dtype)
    zero = zero_like(g)
    g = multiply(g, half)
    return where(equal(x1, y), g, zero), where(equal(x2, y), g, zero)


@binary(ordered, _extremum_vjp)
def maximum(x1, x2):
    """The larger; NaN where either is NaN."""
    return np.maximum(x1, x2)


@binary(ordered, _extremum_vjp)
def minimum(x1, x2):
    """The smaller; NaN where either is NaN."""
    return np.minimum(x1, x2)


def _power_vjp(g, y, x1, x2):
    base = multiply(g, multiply(x2, where(equal(x2, 0), 0, power(x1, where(equal(x2, 0), 1, subtract(x2, 1))))))
    exponent = multiply(g, multiply(y, log(where(equal(x1, 0), 1, x1))))
    return base, exponent


@binary(counting, _power_vjp)
@quiet
def power(x1, x2):
    """x1 to the power x2. A negative integer exponent of integers gives 0, except for bases 1 and -1."""
    if x1.dtype.kind not in "iub":
        return np.power(x1, x2)
    one = x1.dtype.type(1)
    result = np.power(x1, np.where(x2 < 0, 0, x2).astype(x1.dtype))
    inverse = np.where(x1 == 1, one, np.where(x1 == -one, np.where(x2 % 2 == 0, one, -one), 0)) if x1.dtype.kind == "i" else x1
    return np.where(x2 < 0, inverse, result).astype(x1.dtype)


@binary(ordered_counting)
@quiet
def floor_divide(x1, x2):
    """floor(x1 / x2). Integer division by zero is undefined (0 in NumPy)."""
    return np.floor_divide(x1, x2)


@binary(ordered_counting, lambda g, y, x1, x2: (g, negative(multiply(g, floor_divide(x1, x2)))))
@quiet
def mod(x1, x2):
    """Remainder with the sign of x2, as Python's %. Integer division by zero is undefined (0 in NumPy)."""
    return np.mod(x1, x2)


def _arctan2_vjp(g, y, x1, x2):
    scale = divide(g, add(multiply(x1, x1), multiply(x2, x2)))
    return multiply(scale, x2), negative(multiply(scale, x1))


@binary(real_floating, _arctan2_vjp)
def arctan2(x1, x2):
    """Angle of the point (x2, x1)."""
    return np.arctan2(x1, x2)


def _logaddexp_vjp(g, y, x1, x2):
    gap = subtract(x1, x2)
    gap = where(equal(x1, x2), 0, gap)  # of two equal infinities the difference is NaN
    return multiply(g, sigmoid(gap)), multiply(g, sigmoid(negative(gap)))


@binary(real_floating, _logaddexp_vjp)
@quiet
def logaddexp(x1, x2):
    """log(exp(x1) + exp(x2)), without overflow."""
    top = np.maximum(x1, x2)
    gap = np.where(x1 == x2, x1.dtype.type(0), -np.abs(x1 - x2))
    return (top + np.log1p(np.exp(gap))).astype(x1.dtype)


@binary(comparison)
def equal(x1, x2):
    """x1 == x2."""
    return np.equal(x1, x2)


@binary(comparison)
def not_equal(x1, x2):
    """x1 != x2."""
    return np.not_equal(x1, x2)


@binary(ordered_comparison)
def less(x1, x2):
    """x1 < x2."""
    return np.less(x1, x2)


@binary(ordered_comparison)
def less_equal(x1, x2):
    """x1 <= x2."""
    return np.less_equal(x1, x2)


@binary(ordered_comparison)
def greater(x1, x2):
    """x1 > x2."""
    return np.greater(x1, x2)


@binary(ordered_comparison)
def greater_equal(x1, x2):
    """x1 >= x2."""
    return np.greater_equal(x1, x2)


@binary(logical)
def logical_and(x1, x2):
    """Both true."""
    return np.logical_and(x1, x2)


@binary(logical)
def logical_or(x1, x2):
    """Either true."""
    return np.logical_or(x1, x2)


@binary(bitwise)
def bitwise_and(x1, x2):
    """And, bit by bit."""
    return np.bitwise_and(x1, x2)


@binary(bitwise)
def bitwise_or(x1, x2):
    """Or, bit by bit."""
    return np.bitwise_or(x1, x2)


@binary(bitwise)
def bitwise_xor(x1, x2):
    """Exclusive or, bit by bit."""
    return np.bitwise_xor(x1, x2)


@binary(shifting)
def left_shift(x1, x2):
    """x1 shifted left by x2 bits, 0 <= x2 < number of bits."""
    return np.left_shift(x1, x2)


@binary(shifting)
def right_shift(x1, x2):
    """x1 shifted right by x2 bits, 0 <= x2 < number of bits; signed integers keep their sign."""
    return np.right_shift(x1, x2)


# The others


def _where_dtypes(condition, x1, x2):
    return "bool", *joined.operands(x1, x2)


@primitive(
    DtypeRule(_where_dtypes, lambda condition, x1, x2: x1),
    broadcast,
    lambda g, y, condition, x1, x2: (None, where(condition, g, zero_like(g)), where(condition, zero_like(g), g)),
)
def where(condition, x1, x2):
    """x1 where the condition holds, else x2."""
    return np.where(condition, x1, x2)


def _cast_vjp(g, y, x, dtype):
    if not dt.is_differentiable(x.dtype) or not dt.is_differentiable(dtype):
        return (None,)
    if dtype in dt.COMPLEXES and x.dtype not in dt.COMPLEXES:
        g = real(g)
    return (cast(g, dtype=x.dtype),)


@primitive(parameter, same, _cast_vjp)
@quiet
def cast(x, *, dtype):
    """x in another dtype: floats are truncated to integers, complex numbers lose their imaginary part, bool is x != 0."""
    if x.dtype.kind == "c" and dtype not in dt.COMPLEXES:
        x = x != 0 if dtype == "bool" else x.real
    return x.astype(dt.numpy_dtype(dtype))


@primitive(parameter, same)
def bitcast(x, *, dtype):
    """The same bits read as another dtype of the same width."""
    return np.ascontiguousarray(x).view(dt.numpy_dtype(dtype)).reshape(x.shape)


def zero_like(x):
    """A scalar zero of x's dtype."""
    return full(shape=(), value=0, dtype=dt.name_of(x.dtype))


@primitive(DtypeRule(lambda: (), lambda *, dtype, **params: dtype), lambda *, shape, **params: shape)
def full(*, shape, value, dtype):
    """A tensor filled with a Python number."""
    return np.full(shape, value, dt.numpy_dtype(dtype))


@primitive(DtypeRule(lambda: (), lambda *, dtype, **params: dtype), lambda *, shape, **params: shape)
def iota(*, shape, axis, dtype):
    """Each element's index along `axis`."""
    sizes = [1] * len(shape)
    sizes[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis]).astype(dt.numpy_dtype(dtype)).reshape(sizes), shape).copy()
