"""Elementwise primitives as CNTK nodes. Plain Python 3.6.

CNTK's own functions are used where they are right for all numbers. Where they are not (log and sqrt of negative numbers, 1 / 0, powers of
0, maxima with NaN, rounding of halves), what is wrong is put right by further nodes.
"""

import math

import cntk as C
import numpy as np
from cntk_support import CARRIERS
from cntk_tensor import as_carrier, choose, constant, is_nan, like, negated, reciprocal, shaped, spread, wrapped
from scipy.special import erfcx

TABLE = {}


def lowers(*names):
    """Decorator: the lowering of these primitives. It gets Tensors and gives an expression (or NumPy array, where it is known)."""

    def enter(function):
        for name in names or [function.__name__.rstrip("_")]:
            TABLE[name] = function
        return function

    return enter


def _unary(theirs):
    return lambda x: theirs(x.expression)


for _name, _theirs in dict(
    exp="exp", sin="sin", cos="cos", tan="tan", arcsin="asin", arccos="acos", arctan="atan", sinh="sinh", cosh="cosh", tanh="tanh",
    arcsinh="asinh", arctanh="atanh", sigmoid="sigmoid", floor="floor", ceil="ceil", abs="abs",
).items():  # fmt: skip
    TABLE[_name] = _unary(getattr(C, _theirs))

for _name in ("stop_gradient", "real"):
    TABLE[_name] = lambda x: x.expression


@lowers()
def imag(x):
    return np.zeros(x.shape)


@lowers()
def negative(x):
    if x.kind == "b":
        return x.expression
    return wrapped(negated(x.expression)) if x.kind == "i" else negated(x.expression)


# Exponentials and logarithms


@lowers()
def expm1(x):
    x = x.expression
    half = C.element_times(C.element_max(like(-100, x), x), like(0.5, x))
    return C.element_times(C.element_times(C.sinh(half), C.exp(half)), like(2, x))


def logarithm(x):
    """log(x); CNTK takes numbers below e**-85.1 for that."""
    lift = 2.0 ** (70 if x.dtype == np.float32 else 960)  # the least numbers come above that
    small = C.less(x, like(1e-30, x))
    value = C.log(choose(small, C.element_times(x, like(lift, x)), x))
    value = C.minus(value, C.element_times(small, like(math.log(lift), x)))
    # Of zero and below: log(0) = -inf, else NaN.
    return choose(C.greater(x, like(0, x)), value, choose(C.equal(x, like(0, x)), like(-np.inf, x), like(np.nan, x)))


def log1p_of_unit(x):
    """log(1 + x) for x in [-0.5, 1]."""
    return C.element_times(C.atanh(C.element_times(x, C.reciprocal(C.plus(x, like(2, x))))), like(2, x))


def log1p_of(x):
    """log(1 + x)."""
    near = C.less_equal(C.abs(x), like(0.5, x))
    return choose(near, log1p_of_unit(choose(near, x, like(0, x))), logarithm(C.plus(x, like(1, x))))


@lowers()
def log(x):
    return logarithm(x.expression)


@lowers()
def log1p(x):
    return log1p_of(x.expression)


@lowers()
def softplus(x):
    x = x.expression
    return C.plus(C.element_max(like(0, x), x), log1p_of_unit(C.exp(negated(C.abs(x)))))


@lowers()
def logaddexp(x1, x2):
    a, b = x1.expression, x2.expression
    gap = choose(C.equal(a, b), like(0, a), C.abs(C.minus(a, b)))
    return C.plus(C.element_max(a, b), log1p_of_unit(C.exp(negated(gap))))


def root(x):
    """Square root; CNTK's is 0 for negative numbers and NaN."""
    return choose(C.greater_equal(x, like(0, x)), C.sqrt(x), like(np.nan, x))


@lowers()
def sqrt(x):
    return root(x.expression)


@lowers()
def rsqrt(x):
    value = root(x.expression)
    return C.reciprocal(value) if x.least == 1 else reciprocal(value)


@lowers()
def arccosh(x):
    t = C.minus(x.expression, like(1, x.expression))
    return log1p_of(C.plus(t, C.element_times(root(t), root(C.plus(t, like(2, t))))))


# erfc(x) = u f(u) exp(-x**2) with u = 2 / (2 + x), where f is smooth on [0, 1]: by Chebyshev polynomials. Near 0, the series of erf.

_DEGREES = {"float32": (9, 8), "float64": (26, 16)}


def _interpolation(degree):
    def f(s):
        u = (s + 1) / 2
        return np.where(u == 0, 1 / (2 * math.sqrt(math.pi)), erfcx(2 / np.maximum(u, 1e-300) - 2) / np.maximum(u, 1e-300))

    return np.polynomial.chebyshev.chebinterpolate(f, degree)


@lowers()
def erf(x):
    cheb, series = _DEGREES[x.carrier]
    x = x.expression
    size = C.abs(x)
    u = C.element_times(C.reciprocal(C.plus(size, like(2, x))), like(2, x))
    s = C.minus(C.element_times(u, like(2, x)), like(1, x))
    before, value = like(0, x), like(0, x)
    coefficients = _interpolation(cheb)
    for c in coefficients[:0:-1]:  # Clenshaw
        before, value = value, C.plus(C.minus(C.element_times(C.element_times(s, like(2, x)), value), before), like(c, x))
    f = C.plus(C.minus(C.element_times(s, value), before), like(coefficients[0], x))
    small = C.less(size, like(0.7, x))
    square = C.square(choose(small, x, like(0, x)))
    far = C.minus(like(1, x), C.element_times(C.element_times(u, f), C.exp(negated(C.square(size)))))
    near = like(0, x)
    for k in range(series)[::-1]:
        near = C.plus(C.element_times(near, square), like(2 / math.sqrt(math.pi) * (-1) ** k / (math.factorial(k) * (2 * k + 1)), x))
    return choose(small, C.element_times(x, near), C.element_times(far, _sign(x)))


def _sign(x):
    return C.minus(C.greater(x, like(0, x)), C.less(x, like(0, x)))


@lowers()
def sign(x):
    x = x.expression
    return choose(is_nan(x), x, _sign(x))


@lowers()
def round_(x):
    """Adding and taking away a number so large that only whole numbers fit beside it rounds halves to even."""
    large = {"float32": 1.5 * 2 ** 23, "float64": 1.5 * 2 ** 52}[x.carrier]
    x = x.expression
    near = C.minus(C.plus(x, like(large, x)), like(large, x))
    return choose(C.less(C.abs(x), like(2.0 ** 22, x)), near, C.floor(x) if x.dtype == np.float32 else _round_double(x))


def _round_double(x):
    down = C.floor(x)
    part = C.minus(x, down)
    odd = C.minus(down, C.element_times(C.floor(C.element_times(down, like(0.5, x))), like(2, x)))
    up = C.plus(C.greater(part, like(0.5, x)), C.element_times(C.equal(part, like(0.5, x)), odd))
    return choose(C.equal(down, x), x, C.plus(down, up))


# Arithmetic


@lowers()
def add(x1, x2):
    total = C.plus(x1.expression, x2.expression)
    return _reduced(total, x1.kind)


def _reduced(total, kind):
    """A sum or a difference in the range of its dtype."""
    if kind == "b":
        return C.greater(total, like(0, total))
    return wrapped(total) if kind == "i" else total


@lowers()
def subtract(x1, x2):
    if x1.kind == "b":
        return C.not_equal(x1.expression, x2.expression)
    return _reduced(C.minus(x1.expression, x2.expression), x1.kind)


@lowers()
def multiply(x1, x2):
    a, b = x1.expression, x2.expression
    if x1.kind != "i":
        return C.element_times(a, b)
    # In two halves, so that no product exceeds what double holds.
    high = C.floor(C.element_times(b, like(2.0 ** -16, b)))
    low = C.minus(b, C.element_times(high, like(2.0 ** 16, b)))
    upper = wrapped(C.element_times(a, high))
    turns = C.floor(C.element_times(upper, like(2.0 ** -16, b)))
    upper = C.minus(upper, C.element_times(turns, like(2.0 ** 16, b)))  # what is left after multiplication by 2**16
    return wrapped(C.plus(C.element_times(upper, like(2.0 ** 16, b)), C.element_times(a, low)))


@lowers()
def divide(x1, x2):
    if x2.known is not None and np.all(np.frexp(x2.known)[0] == 0.5):  # powers of two
        return C.element_times(x1.expression, constant(1 / x2.known, x2.carrier))
    inverse = C.reciprocal(x2.expression) if x2.least == 1 else reciprocal(x2.expression)
    return C.element_times(x1.expression, inverse)


@lowers()
def power(x1, x2):
    a, b = x1.expression, x2.expression
    if x2.known is not None and x2.known.ndim == 0 and float(x2.known) in (1, 2, 3):
        return {1: lambda: a, 2: lambda: C.square(a), 3: lambda: C.element_times(C.square(a), a)}[int(x2.known)]()
    zero = C.element_times(C.equal(a, like(0, a)), C.less(b, like(0, a)))
    value = choose(zero, like(np.inf, a), C.pow(a, b))
    return choose(C.element_times(is_nan(b), C.not_equal(a, like(1, a))), b, value)


def _extremum(theirs):
    def lower(x1, x2):
        a, b = x1.expression, x2.expression  # CNTK gives b where either is NaN
        if x1.kind == "f" and not (x1.known is not None and not np.isnan(x1.known).any()):
            if x2.known is not None and not np.isnan(x2.known).any():
                return theirs(b, a)
            return choose(is_nan(a), a, theirs(a, b))
        return theirs(a, b)

    return lower


TABLE["maximum"] = _extremum(C.element_max)
TABLE["minimum"] = _extremum(C.element_min)


# Truth


def _comparison(theirs):
    return lambda x1, x2: as_carrier(theirs(x1.expression, x2.expression), "float32")


for _name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    TABLE[_name] = _comparison(getattr(C, _name))


@lowers()
def logical_not(x):
    return C.minus(like(1, x.expression), x.expression)


@lowers()
def logical_and(x1, x2):
    return C.element_times(x1.expression, x2.expression)


@lowers()
def logical_or(x1, x2):
    return C.element_max(x1.expression, x2.expression)


@lowers()
def isfinite(x):
    x = x.expression
    gap = C.minus(x, x)  # NaN for infinities
    return as_carrier(C.equal(gap, gap), "float32")


def zeroes(condition, x1, x2):
    """Whether a choice is between zero and each element of x2."""
    return x1.known is not None and x1.shape == () and not x1.known.any() and condition.shape == x2.shape


@lowers()
def where(condition, x1, x2):
    shape = np.broadcast(*[np.empty(x.shape, bool) for x in (condition, x1, x2)]).shape
    if x2.finite and zeroes(condition, x1, x2):  # arithmetic is quicker than a choice
        return C.minus(x2.expression, C.element_times(x2.expression, as_carrier(condition.expression, x2.carrier)))
    value = choose(condition.expression, x1.expression, x2.expression)
    return value if value.shape == shape else spread(value, shape)


@lowers()
def cast(x, dtype):
    carrier = CARRIERS[dtype]
    if dtype == "bool":
        return x.expression if x.kind == "b" else as_carrier(C.not_equal(x.expression, like(0, x.expression)), carrier)
    if dtype == "int32" and x.kind == "f":
        size = C.floor(C.abs(as_carrier(x.expression, carrier)))
        return C.element_times(size, _sign(as_carrier(x.expression, carrier)))
    return as_carrier(x.expression, carrier)


@lowers()
def full(shape, value, dtype):
    return np.full(shape, value, CARRIERS[dtype])


@lowers()
def iota(shape, axis, dtype):
    sizes = [1] * len(shape)
    sizes[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis]).reshape(sizes), shape).astype(CARRIERS[dtype])


ELEMENTWISE = frozenset(TABLE) - {"full", "iota", "imag"}

__all__ = ["ELEMENTWISE", "TABLE", "lowers", "shaped", "zeroes"]
