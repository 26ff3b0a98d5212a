"""The bits of integers and floats."""

from __future__ import annotations

import math
from typing import Any

from cornu import primitives as P
from cornu.ops.common import cast, counted, dtype_of, joined, shape_of
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


@op
def bitwise_and(x, y):
    """x and y, integers or bools, bit by bit."""
    return P.bitwise_and(x, y)


@op
def bitwise_or(x, y):
    """x or y, integers or bools, bit by bit."""
    return P.bitwise_or(x, y)


@op
def bitwise_xor(x, y):
    """x or else y, integers or bools, bit by bit."""
    return P.bitwise_xor(x, y)


@op
def bitwise_invert(x):
    """Each bit of an integer turned; of a bool, its negation."""
    dtype = dtype_of(x)
    if dtype in dt.UINTS:
        return P.bitwise_xor(x, P.full(shape=(), value=2 ** (8 * dt.itemsize(dtype)) - 1, dtype=dtype))
    return P.bitwise_xor(x, True if dtype == "bool" else -1)


bitwise_not = bitwise_invert


@op
def left_shift(x, y):
    """Integers x shifted left by y bits, 0 <= y < number of bits."""
    return P.left_shift(x, y)


@op
def right_shift(x, y):
    """Integers x shifted right by y bits, 0 <= y < number of bits; signed ones keep their sign."""
    return P.right_shift(x, y)


bitwise_left_shift, bitwise_right_shift = left_shift, right_shift


def _as_integers(x: Any) -> Any:
    """The bits of floats as signed integers of the same width."""
    return P.bitcast(x, dtype=f"int{8 * dt.itemsize(dtype_of(x))}")


@op
def signbit(x):
    """Whether the sign is negative, that of -0.0 and NaN too."""
    dtype = dtype_of(x)
    if dtype in dt.COMPLEXES:
        raise TypeError(f"signbit: expected real numbers, got {dtype}.")
    return P.less(_as_integers(x) if dt.is_float(dtype) else counted(x), 0)


@op
def nextafter(x1, x2):
    """The next float after x1 in the direction of x2."""
    dtype = dt.to_float(joined(x1, x2))
    x1, x2 = cast(x1, dtype), cast(x2, dtype)
    bits = _as_integers(x1)
    away = P.equal(P.greater(x2, x1), P.greater(x1, 0))  # from zero
    moved = P.bitcast(P.add(bits, P.where(away, 1, -1)), dtype=dtype)
    tiny = P.bitcast(P.full(shape=(), value=1, dtype=dtype_of(bits)), dtype=dtype)
    moved = P.where(P.equal(x1, 0), P.where(P.greater(x2, 0), tiny, P.negative(tiny)), moved)
    nan = P.logical_or(P.not_equal(x1, x1), P.not_equal(x2, x2))
    return P.where(nan, math.nan, P.where(P.equal(x1, x2), x2, moved))


@op
def view(x, dtype=None):
    """The same bits read as another dtype; the last axis grows or shrinks where the widths differ (least byte first).

    Raises:
        ValueError: if the last axis doesn't divide, or the widths of complex numbers differ.
    """
    have, shape = dtype_of(x), shape_of(x)
    want = have if dtype is None else dt.name_of(dtype)
    old, new = dt.itemsize(have), dt.itemsize(want)
    if old == new:
        return P.bitcast(x, dtype=want)
    if not shape or shape[-1] * old % new or {have, want} & set(dt.COMPLEXES):
        raise ValueError(f"view: {have} of shape {shape} can't be read as {want}.")
    *rest, last = shape
    if new < old:
        whole = P.reshape(P.bitcast(x, dtype=f"int{8 * old}"), shape=(*rest, last, 1))
        shifts = P.multiply(P.iota(shape=(old // new,), axis=0, dtype=f"int{8 * old}"), 8 * new)
        parts = P.bitwise_and(P.right_shift(whole, shifts), 2 ** (8 * new) - 1)
        parts = P.reshape(cast(parts, f"uint{8 * new}"), shape=(*rest, last * old // new))
        return P.bitcast(parts, dtype=want)
    count = new // old
    parts = cast(P.bitcast(x, dtype=f"uint{8 * old}"), f"int{8 * new}")
    parts = P.reshape(parts, shape=(*rest, last // count, count))
    shifts = P.multiply(P.iota(shape=(count,), axis=0, dtype=f"int{8 * new}"), 8 * old)
    whole = cast(P.sum(P.left_shift(parts, shifts), axes=(len(rest) + 1,)), f"int{8 * new}")
    return P.bitcast(whole, dtype=want)


export(globals())
