"""One result per element: arithmetic, functions of a number, comparisons, logic."""

from __future__ import annotations

import builtins
import functools
import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import (
    as_float,
    as_floats,
    broadcast_shapes,
    cast,
    dtype_of,
    joined,
    shape_of,
    tensor,
    widened,
)
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


def _op_of(primitive: Any, name: str = "") -> Any:
    """The op that is nothing but a primitive."""
    if len(primitive.record.operands) == 1:

        def body(x):
            return primitive(x)
    else:

        def body(x1, x2):  # type: ignore[misc]
            return primitive(x1, x2)

    body.__name__ = body.__qualname__ = name or primitive.record.name
    body.__doc__ = primitive.record.doc
    return op(body)


exp, expm1, log, log1p, sqrt = map(_op_of, (P.exp, P.expm1, P.log, P.log1p, P.sqrt))
sin, cos, tan, arcsin, arccos, arctan = map(_op_of, (P.sin, P.cos, P.tan, P.arcsin, P.arccos, P.arctan))
sinh, cosh, tanh, arcsinh, arccosh, arctanh = map(_op_of, (P.sinh, P.cosh, P.tanh, P.arcsinh, P.arccosh, P.arctanh))
negative, sign, floor, ceil, real, imag = map(_op_of, (P.negative, P.sign, P.floor, P.ceil, P.real, P.imag))
abs = absolute = _op_of(P.abs, "absolute")
add, subtract, multiply, power = map(_op_of, (P.add, P.subtract, P.multiply, P.power))
divide = true_divide = _op_of(P.divide)
mod, floor_divide, maximum, minimum = map(_op_of, (P.mod, P.floor_divide, P.maximum, P.minimum))
arctan2, logaddexp = map(_op_of, (P.arctan2, P.logaddexp))
equal, not_equal, less, less_equal = map(_op_of, (P.equal, P.not_equal, P.less, P.less_equal))
greater, greater_equal = map(_op_of, (P.greater, P.greater_equal))
logical_not, logical_and, logical_or, isfinite = map(_op_of, (P.logical_not, P.logical_and, P.logical_or, P.isfinite))


# Powers, exponentials, logarithms


@op
def square(x):
    """x * x; bools count as int32."""
    return P.power(x, 2) if dtype_of(x) == "bool" else P.multiply(x, x)


@op
def reciprocal(x):
    """1 / x, in floating point."""
    return P.divide(1, x)


@op
def cbrt(x):
    """Cube root, of negative numbers too."""
    x = as_float(x)
    if dtype_of(x) in dt.COMPLEXES:
        raise TypeError(f"cbrt: expected real numbers, got {dtype_of(x)}.")
    third = P.multiply(P.sign(x), P.power(P.abs(x), 1 / 3))
    ordinary = P.logical_and(P.isfinite(third), P.not_equal(third, 0))
    y = P.stop_gradient(P.where(ordinary, third, 1))
    # 1 / 3 is no float: a step of Newton's gives the last digits, and the gradient.
    return P.where(ordinary, P.divide(P.add(P.multiply(y, 2), P.divide(x, P.multiply(y, y))), 3), third)


@op
def exp2(x):
    """2 to the power x, in floating point."""
    return P.power(2, as_float(x))


@op
def log2(x):
    """Logarithm to base 2."""
    return P.divide(P.log(x), math.log(2))


@op
def log10(x):
    """Logarithm to base 10."""
    return P.divide(P.log(x), math.log(10))


@op
def logaddexp2(x1, x2):
    """log2(2**x1 + 2**x2), without overflow."""
    (x1, dtype), (x2, _) = map(widened, as_floats(x1, x2))
    y = P.divide(P.logaddexp(P.multiply(x1, math.log(2)), P.multiply(x2, math.log(2))), math.log(2))
    return cast(y, dtype)


@op
def ldexp(x1, x2):
    """x1 * 2**x2, for integers x2."""
    if not dt.is_integer(dtype_of(x2)):
        raise TypeError(f"ldexp: x2 must be integers, got {dtype_of(x2)}.")
    dtype = dt.to_float(joined(x1, x2))
    half = P.floor_divide(x2, 2)  # in two steps: 2**x2 may overflow where the product doesn't
    scale = lambda n: P.power(2, cast(n, dtype))  # noqa: E731
    return P.multiply(P.multiply(cast(x1, dtype), scale(half)), scale(P.subtract(x2, half)))


@op
def hypot(x1, x2):
    """sqrt(x1**2 + x2**2), without overflow."""
    a, b = map(P.abs, as_floats(x1, x2))
    large, small = P.maximum(a, b), P.minimum(a, b)
    infinite = P.logical_or(P.equal(a, math.inf), P.equal(b, math.inf))  # even beside a NaN
    tiny = P.less(large, dt.smallest_normal(dtype_of(a)))  # what some engines divide by as by zero
    none = P.logical_or(tiny, infinite)
    ratio = P.divide(small, P.where(none, 1, large))
    y = P.where(none, large, P.multiply(large, P.sqrt(P.add(P.multiply(ratio, ratio), 1))))
    return P.where(infinite, math.inf, y)


@op
def sinc(x):
    """sin(pi x) / (pi x), and 1 at 0."""
    x = turned = as_float(x)
    if dt.is_float(dtype_of(x)):  # the same sine at -0.5 to 0.5, exact at whole numbers
        rest = P.subtract(x, P.multiply(P.round(P.divide(x, 2)), 2))
        turned = P.where(P.greater(P.abs(rest), 0.5), P.subtract(P.sign(rest), rest), rest)
    zero = P.equal(x, 0)
    return P.where(zero, 1, P.divide(P.sin(P.multiply(turned, math.pi)), P.multiply(P.where(zero, 1, x), math.pi)))


@functools.cache
def _i0_series() -> tuple[list[float], list[float]]:
    """Chebyshev coefficients of exp(-x) I0(x) on [0, 8] in x / 4 - 1, and of exp(-x) sqrt(x) I0(x) beyond in 16 / x - 1.

    By interpolation of Bessel's integral, the mean of exp(x (cos a - 1)) over all angles a; in extended precision where there is one.
    """
    turn = 8 * np.arctan(np.longdouble(1))
    angles = np.arange(4096) * (turn / 4096)

    def scaled(x: Any) -> Any:
        return np.exp(x[:, None] * (np.cos(angles) - 1)).mean(axis=1)

    def coefficients(function: Any, count: int) -> list[float]:
        nodes = turn / 2 * (np.arange(count) + np.longdouble(0.5)) / count
        values = function(np.cos(nodes))
        return [float((1 if i == 0 else 2) * np.mean(values * np.cos(i * nodes))) for i in range(count)]

    return coefficients(lambda t: scaled(4 * (t + 1)), 30), coefficients(lambda t: scaled(16 / (t + 1)) * np.sqrt(16 / (t + 1)), 25)


def _chebyshev(t: Any, coefficients: list[float]) -> Any:
    """c0 + c1 T1(t) + c2 T2(t) + …, by Clenshaw's recurrence."""
    last = before = P.multiply(t, 0)
    for c in reversed(coefficients[1:]):
        last, before = P.add(P.subtract(P.multiply(P.multiply(t, 2), last), before), c), last
    return P.add(P.subtract(P.multiply(t, last), before), coefficients[0])


@op
def i0(x):
    """Modified Bessel function of the first kind and order 0, to the precision of the dtype."""
    x, dtype = widened(x)
    near, far = _i0_series()
    x = P.abs(x)
    low, high = P.minimum(x, 8), P.maximum(x, 8)
    y_low = P.multiply(_chebyshev(P.subtract(P.divide(low, 4), 1), near), P.exp(low))
    half = P.exp(P.divide(high, 2))  # exp(x) may overflow where exp(x) / sqrt(x) doesn't
    y_high = P.multiply(P.multiply(P.divide(_chebyshev(P.subtract(P.divide(16, high), 1), far), P.sqrt(high)), half), half)
    return cast(P.where(P.less_equal(x, 8), y_low, y_high), dtype)


@op
def deg2rad(x):
    """Degrees to radians."""
    return P.multiply(as_float(x), math.pi / 180)


@op
def rad2deg(x):
    """Radians to degrees."""
    return P.multiply(as_float(x), 180 / math.pi)


# Rounding, remainders, limits


@op
def round(x, decimals=0):
    """x rounded to `decimals` places (negative: to tens, hundreds, …), halves to even."""
    if decimals == 0:
        return P.round(x)
    dtype = dtype_of(x)
    if dtype in ("float16", "bfloat16"):  # these would round what is to be rounded
        return cast(round(cast(x, "float32"), decimals), dtype)
    if dt.is_float(dtype):
        scale = 10.0 ** builtins.abs(decimals)
        up, down = (P.multiply, P.divide) if decimals > 0 else (P.divide, P.multiply)
        return down(P.round(up(x, scale)), scale)
    if decimals > 0:
        return P.round(x)
    tens, rest = P.floor_divide(x, 10**-decimals), P.multiply(P.mod(x, 10**-decimals), 2)
    odd = P.equal(P.mod(tens, 2), 1)
    up = P.logical_or(P.greater(rest, 10**-decimals), P.logical_and(P.equal(rest, 10**-decimals), odd))
    return P.multiply(P.add(tens, cast(up, dtype)), 10**-decimals)


@op
def trunc(x):
    """x without its fraction; integers stay."""
    return P.where(P.less(x, 0), P.ceil(x), P.floor(x)) if dt.is_float(dtype_of(x)) else P.round(x)


@op
def fmod(x1, x2):
    """Remainder with the sign of x1, as C's fmod (`mod` has the sign of x2)."""
    if dt.is_float(joined(x1, x2)):
        return P.multiply(P.sign(P.where(P.equal(x1, 0), 1, x1)), P.mod(P.abs(x1), P.abs(x2)))
    rest = P.mod(x1, x2)
    return P.where(P.logical_and(P.not_equal(rest, 0), P.not_equal(P.less(x1, 0), P.less(x2, 0))), P.subtract(rest, x2), rest)


@op
def divide_no_nan(x1, x2):
    """x1 / x2, and 0 where x2 is 0."""
    zero = P.equal(x2, 0)
    return P.where(zero, 0, P.divide(x1, P.where(zero, 1, x2)))


@op
def clip(x, x_min, x_max):
    """x limited to [x_min, x_max] (numbers or tensors); bools count as int32."""
    dtype = dtype_of(x)
    return cast(P.minimum(P.maximum(x, x_min), x_max), "int32" if dtype == "bool" else dtype)


@op
def fmax(x1, x2):
    """The larger; where one is NaN, the other."""
    return _ignoring_nan(P.maximum, x1, x2)


@op
def fmin(x1, x2):
    """The smaller; where one is NaN, the other."""
    return _ignoring_nan(P.minimum, x1, x2)


def _ignoring_nan(extremum: Any, x1: Any, x2: Any) -> Any:
    if not dt.is_float(joined(x1, x2)):
        return extremum(x1, x2)
    return P.where(P.not_equal(x1, x1), x2, P.where(P.not_equal(x2, x2), x1, extremum(x1, x2)))


@op
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """x with `nan` for NaN, `posinf` and `neginf` for the infinities (the dtype's largest and least number by default)."""
    dtype = dtype_of(x)
    if dtype in dt.COMPLEXES:
        return P.complex(nan_to_num(P.real(x), nan, posinf, neginf), nan_to_num(P.imag(x), nan, posinf, neginf))
    if not dt.is_float(dtype):
        return tensor(x)
    largest = dt.largest(dtype)
    x = P.where(P.not_equal(x, x), nan, x)
    x = P.where(P.equal(x, math.inf), largest if posinf is None else posinf, x)
    return P.where(P.equal(x, -math.inf), -largest if neginf is None else neginf, x)


@op
def heaviside(x1, x2):
    """0 where x1 is negative, x2 where it is 0, 1 where it is positive; NaN of NaN."""
    x1, x2 = as_floats(x1, x2)
    step = P.where(P.less(x1, 0), 0, P.where(P.equal(x1, 0), x2, 1))
    return P.where(P.not_equal(x1, x1), x1, step)


@op
def fabs(x):
    """Absolute value, in floating point; real numbers only."""
    if dtype_of(x) in dt.COMPLEXES:
        raise TypeError(f"fabs: expected real numbers, got {dtype_of(x)}; use absolute.")
    return P.abs(as_float(x))


@op
def copy(x):
    """A tensor like x."""
    return P.where(True, x, x)


# Complex numbers


@op
def conjugate(x):
    """Complex conjugate; of real numbers, themselves."""
    return P.complex(P.real(x), P.negative(P.imag(x))) if dtype_of(x) in dt.COMPLEXES else tensor(x)


conj = conjugate


@op
def angle(x):
    """Angle of complex numbers in radians; of real ones 0 or pi."""
    x = as_float(x)
    return P.arctan2(P.imag(x), P.real(x))


@op
def isreal(x):
    """Whether the imaginary part is 0."""
    return P.equal(P.imag(x), 0)


# Tests and logic


@op
def isnan(x):
    """Whether each element is NaN."""
    return P.not_equal(x, x)


@op
def isinf(x):
    """Whether each element is infinite."""
    return P.logical_not(P.logical_or(P.isfinite(x), P.not_equal(x, x)))


@op
def isposinf(x):
    """Whether each element is +inf."""
    return P.logical_and(P.greater(x, 0), isinf(x))


@op
def isneginf(x):
    """Whether each element is -inf."""
    return P.logical_and(P.less(x, 0), isinf(x))


@op
def logical_xor(x1, x2):
    """Exactly one is true."""
    return P.not_equal(cast(x1, "bool"), cast(x2, "bool"))


@op
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|x1 - x2| <= atol + rtol |x2|; equal infinities are close, and NaNs if `equal_nan`."""
    x1, x2 = as_floats(x1, x2)
    near = P.less_equal(P.abs(P.subtract(x1, x2)), P.add(P.multiply(P.abs(x2), rtol), atol))
    close = P.logical_or(P.equal(x1, x2), P.logical_and(P.isfinite(x2), near))
    if equal_nan:
        close = P.logical_or(close, P.logical_and(P.not_equal(x1, x1), P.not_equal(x2, x2)))
    return close


@op
def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all elements are close; see `isclose`. Gives a scalar bool tensor."""
    close = isclose(x1, x2, rtol, atol, equal_nan)
    return P.all(close, axes=tuple(range(len(shape_of(close)))))


# Integers


def _integers(where: str, *xs: Any) -> None:
    for x in xs:
        if not dt.is_integer(dtype_of(x)):
            raise TypeError(f"{where}: expected integers, got {', '.join(map(dtype_of, xs))}.")


@op
def gcd(x1, x2):
    """Greatest common divisor of integers, not negative; gcd(0, 0) is 0."""
    _integers("gcd", x1, x2)
    dtype = joined(x1, x2)
    shape = broadcast_shapes("gcd", shape_of(x1), shape_of(x2))
    a, b = (P.broadcast_to(P.abs(cast(x, dtype)), shape=shape) for x in (x1, x2))

    def unfinished(a: Any, b: Any) -> Any:
        return [P.any(P.not_equal(b, 0), axes=tuple(range(len(shape))))]

    def step(a: Any, b: Any) -> Any:
        zero = P.equal(b, 0)
        return [P.where(zero, a, b), P.where(zero, b, P.mod(a, P.where(zero, 1, b)))]

    return P.while_loop(a, b, cond_fn=unfinished, body_fn=step, n_state=2)[0]


@op
def lcm(x1, x2):
    """Least common multiple of integers, not negative; 0 where either is 0."""
    _integers("lcm", x1, x2)
    divisor = gcd(x1, x2)
    none = P.equal(divisor, 0)
    return P.abs(P.multiply(P.floor_divide(x1, P.where(none, 1, divisor)), x2))


export(globals())
