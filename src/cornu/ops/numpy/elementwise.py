"""One result per element: arithmetic, functions of a number, comparisons, logic."""

from __future__ import annotations

import math
from typing import Any

from cornu import primitives as P
from cornu.ops.common import dtype_of
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


def _wrap(primitive: Any, name: str | None = None, doc: str | None = None) -> Any:
    operands = primitive.operands
    if len(operands) == 1:

        def body(x):
            return primitive(x)
    else:

        def body(x1, x2):  # type: ignore[misc]
            return primitive(x1, x2)

    body.__name__ = body.__qualname__ = name or primitive.name
    body.__doc__ = f"{doc or primitive.doc}\n\nElementwise; " + (
        "the operands broadcast and promote." if len(operands) > 1 else "gives a tensor of x's shape."
    )
    return op(body)


exp, expm1, log, log1p, sqrt = map(_wrap, (P.exp, P.expm1, P.log, P.log1p, P.sqrt))
sin, cos, tan, arcsin, arccos, arctan = map(_wrap, (P.sin, P.cos, P.tan, P.arcsin, P.arccos, P.arctan))
sinh, cosh, tanh, arcsinh, arccosh, arctanh = map(_wrap, (P.sinh, P.cosh, P.tanh, P.arcsinh, P.arccosh, P.arctanh))
negative, sign, floor, ceil = map(_wrap, (P.negative, P.sign, P.floor, P.ceil))
absolute = _wrap(P.abs, "absolute")
abs = absolute
logical_not, isfinite, real, imag = map(_wrap, (P.logical_not, P.isfinite, P.real, P.imag))
add, subtract, multiply, divide = map(_wrap, (P.add, P.subtract, P.multiply, P.divide))
maximum, minimum, power, mod, floor_divide = map(_wrap, (P.maximum, P.minimum, P.power, P.mod, P.floor_divide))
arctan2, logaddexp = map(_wrap, (P.arctan2, P.logaddexp))
equal, not_equal, less, less_equal, greater, greater_equal = map(
    _wrap, (P.equal, P.not_equal, P.less, P.less_equal, P.greater, P.greater_equal)
)
logical_and, logical_or = map(_wrap, (P.logical_and, P.logical_or))
true_divide = divide


@op
def square(x):
    """x * x."""
    return P.multiply(x, x)


@op
def reciprocal(x):
    """1 / x."""
    return P.divide(1, x)


@op
def log2(x):
    """Logarithm to base 2."""
    return P.divide(P.log(x), math.log(2))


@op
def log10(x):
    """Logarithm to base 10."""
    return P.divide(P.log(x), math.log(10))


@op
def round(x, decimals=0):
    """x rounded to `decimals` places, halves to even."""
    if decimals == 0 or not dt.is_float(dtype_of(x)):
        return P.round(x)
    return P.divide(P.round(P.multiply(x, 10.0**decimals)), 10.0**decimals)


@op
def isnan(x):
    """Whether each element is NaN."""
    return P.not_equal(x, x)


@op
def isinf(x):
    """Whether each element is infinite."""
    return P.logical_not(P.logical_or(P.isfinite(x), P.not_equal(x, x)))


@op
def logical_xor(x1, x2):
    """Exactly one is true."""
    return P.not_equal(P.cast(x1, dtype="bool"), P.cast(x2, dtype="bool"))


@op
def where(condition, x1=None, x2=None):
    """x1 where `condition` holds, else x2; all broadcast. Both must be given."""
    if x1 is None or x2 is None:
        raise ValueError("where: give both x1 and x2 (use nonzero for the indices of a condition).")
    return P.where(condition, x1, x2)


@op
def clip(x, x_min, x_max):
    """x limited to [x_min, x_max]."""
    dtype = dtype_of(x)
    return P.cast(P.minimum(P.maximum(x, x_min), x_max), dtype="int32" if dtype == "bool" else dtype)


export(globals())
