"""How close is close enough: the tolerances, and the comparison of arrays with readable differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from cornu.primitives import dtypes as dt

# Allowed error in units of the last place of the result. Elementwise functions differ between libraries by a few units;
# sums of products and factorizations by their length and condition, so there the unit is that of the largest element.
ULPS = {
    "elementwise": 16.0,
    "reduction": 32.0,
    "structure": 0.0,
    "contraction": 64.0,
    "linalg": 2048.0,
    "control": 32.0,
}
BY_LARGEST = ("reduction", "contraction", "linalg", "control")
GRADIENT = 2e-6  # relative, of finite differences in double precision


def ulp(dtype: str) -> float:
    """Distance from 1 to the next larger number of a float or complex dtype; 0 for others."""
    return float(ml_dtypes.finfo(dt.real_part(dtype)).eps) if dt.is_differentiable(dtype) else 0.0


def difference(
    got: Any, expected: Any, ulps: float, by_largest: bool = False, signed_zeros: bool = False, scale: float = 0.0
) -> str | None:
    """What differs between two NumPy arrays, or None. NaNs are equal; numbers too small for normal floats equal zero.

    Args:
        got, expected: the arrays.
        ulps: allowed error in units of the last place of `got`'s dtype.
        by_largest: measured at the largest finite element instead of each one.
        signed_zeros: whether 0.0 and -0.0 differ.
        scale: the size of terms that may have cancelled: units of its last place are allowed besides.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        return f"shape {got.shape} instead of {expected.shape}"
    dtype = dt.name_of(got.dtype)
    if not dt.is_differentiable(dtype):
        wrong = got != expected
    else:
        wide = "complex128" if dtype in dt.COMPLEXES else "float64"
        a, b = got.astype(wide), expected.astype(dt.numpy_dtype(dtype)).astype(wide)
        tiny = 4 * float(ml_dtypes.finfo(dt.real_part(dtype)).smallest_normal)
        wrong = ~_close(a, b, ulps * ulp(dtype), tiny + ulps * ulp(dtype) * scale, by_largest)
        if signed_zeros and dtype not in dt.COMPLEXES:
            wrong |= (a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b))
    return _describe(got, expected, wrong) if np.any(wrong) else None


def _close(a: np.ndarray, b: np.ndarray, tolerance: float, least: float, by_largest: bool) -> np.ndarray:
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(all="ignore"):
        size = np.abs(b)
        if by_largest and np.any(finite):
            size = np.full_like(size, np.max(size[finite]))
        near = finite & (np.abs(a - b) <= tolerance * size + least)
    return near | (~finite & _same_special(a.real, b.real) & _same_special(a.imag, b.imag))


def _same_special(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (np.isnan(a) & np.isnan(b)) | (a == b)


def _describe(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    wrong = np.broadcast_to(wrong, got.shape)
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    count = int(np.sum(wrong))
    spot = f" at {list(where)}" if where else ""
    more = f" ({count} of {got.size} elements differ)" if got.size > 1 else ""
    return f"got {got[where]} instead of {expected[where]}{spot}{more}"


def gradient_difference(got: Sequence[Any], expected: Sequence[Any]) -> str | None:
    """What differs between gradients and those by finite differences, or None."""
    scale = max((float(np.max(np.abs(e), initial=0.0)) for e in expected), default=0.0)
    for i, (a, b) in enumerate(zip(got, expected, strict=True)):
        if a.shape != b.shape:
            return f"gradient {i} has shape {a.shape} instead of {b.shape}"
        wrong = ~_close(np.asarray(a), b, GRADIENT, GRADIENT * scale + 1e-9, by_largest=False)
        if np.any(wrong):
            return f"gradient {i}: {_describe(a, b, wrong)}"
    return None
