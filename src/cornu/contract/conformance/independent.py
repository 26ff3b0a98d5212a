"""Primitives by functions of SciPy and NumPy, and by plain loops: a second judge beside the table's references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

try:
    import scipy.linalg
    import scipy.signal
    import scipy.special
except ImportError:  # an optional part of the suite; the report says so
    scipy = None  # type: ignore[assignment]

INDEPENDENT: dict[str, Callable[..., Any]] = {}


def independent(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: the value of the primitive of this name for operands in double precision, or None where it can't."""
    INDEPENDENT[function.__name__.rstrip("_")] = function
    return function


@independent
def power(x1, x2):
    if x1.dtype.kind not in "iu":
        return None
    modulus = 2 ** (8 * x1.dtype.itemsize)
    signed = x1.dtype.kind == "i"

    def wrap(n: int) -> int:
        n %= modulus
        return n - modulus if signed and n >= modulus // 2 else n

    return np.vectorize(lambda a, b: wrap(int(a) ** int(b)), otypes=[x1.dtype])(x1, x2) if x1.size and x2.size else None


@independent
def mod(x1, x2):
    return np.vectorize(lambda a, b: a % b, otypes=[x1.dtype])(x1, x2) if _plain(x1, x2) else None


@independent
def floor_divide(x1, x2):
    return np.vectorize(lambda a, b: a // b, otypes=[x1.dtype])(x1, x2) if _plain(x1, x2) else None


def _plain(x1: np.ndarray, x2: np.ndarray) -> bool:
    """Whether Python's operators give what is wanted: finite numbers, no division by zero."""
    return bool(x1.size and x2.size and np.all(np.isfinite(x1)) and np.all(np.isfinite(x2)) and np.all(x2 != 0))


@independent
def prod(x, *, axes, keepdims):
    return np.multiply.reduce(x, axes, keepdims=keepdims) if x.dtype.kind == "f" else None


@independent
def sort(x, *, axis):
    return np.take_along_axis(x, np.lexsort((x,), axis=axis), axis) if x.size else None


@independent
def fft(x):
    return np.fft.fft(x) if x.size else None


@independent
def ifft(x):
    return np.fft.ifft(x) if x.size else None


@independent
def scatter(x, indices, updates, *, mode):
    functions: dict[str, Any] = {
        "add": np.add,
        "multiply": np.multiply,
        "max": np.maximum,
        "min": np.minimum,
        "update": lambda old, new: new,
    }
    combine = functions[mode]
    y = x.copy()
    with np.errstate(all="ignore"):
        for row in np.ndindex(indices.shape[:-1]):
            spot = tuple(int(i) for i in indices[row])
            if all(0 <= i < n for i, n in zip(spot, x.shape)):
                y[spot] = combine(y[spot], updates[row])
    return y


@independent
def pad(x, value, *, low, high, interior):
    """One axis after the other, element by element."""
    for axis, (lo, hi, gap) in enumerate(zip(low, high, interior)):
        rows = list(np.moveaxis(x, axis, 0))
        blank = np.full(np.moveaxis(x, axis, 0).shape[1:], value, x.dtype)
        spread = [part for row in rows for part in [row, *[blank] * gap]][: max((len(rows) - 1) * (gap + 1) + 1, 0)]
        spread = [blank] * max(lo, 0) + spread + [blank] * max(hi, 0)
        spread = spread[max(-lo, 0) : len(spread) - max(-hi, 0)]
        x = np.moveaxis(np.array(spread, x.dtype).reshape(len(spread), *blank.shape), 0, axis)
    return x


@independent
def matmul(x1, x2):
    return np.einsum("...ij,...jk->...ik", x1, x2)


@independent
def conv(x, kernel, *, strides, padding, dilation, groups):
    """The sum over the kernel's places, each a product of channels."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    spatial = kernel.shape[:-2]
    sizes = [(n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(x.shape[1:-1], spatial, dilation, strides)]
    per_group, filters = kernel.shape[-2], kernel.shape[-1] // groups
    y = np.zeros((x.shape[0], *sizes, kernel.shape[-1]), x.dtype)
    for place in np.ndindex(*spatial):
        window = x[
            (
                np.s_[:],
                *[np.s_[p * d : p * d + (n - 1) * s + 1 : s] for p, d, n, s in zip(place, dilation, sizes, strides)],
            )
        ]
        for g in range(groups):
            into = np.s_[g * filters : (g + 1) * filters]
            y[..., into] += window[..., g * per_group : (g + 1) * per_group] @ kernel[place][:, into]
    return y


def _windows(x: np.ndarray, window: Any, strides: Any, padding: Any, fill: float) -> tuple[np.ndarray, tuple[int, ...]]:
    """All windows on trailing axes, and the axes to reduce."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    rank = len(window)
    views = np.lib.stride_tricks.sliding_window_view(x, window, tuple(range(1, 1 + rank)))
    views = views[(np.s_[:], *[np.s_[::s] for s in strides])]
    return views, tuple(range(views.ndim - rank, views.ndim))


@independent
def max_pool(x, *, window, strides, padding):
    views, axes = _windows(x, window, strides, padding, -np.inf)
    return np.max(views, axes)


@independent
def sum_pool(x, *, window, strides, padding):
    views, axes = _windows(x, window, strides, padding, 0.0)
    return np.sum(views, axes)


if scipy is not None:

    @independent
    def erf(x):
        return scipy.special.erf(x)

    @independent
    def erfinv(x):
        return scipy.special.erfinv(x)

    @independent
    def sigmoid(x):
        return scipy.special.expit(x) if x.dtype.kind == "f" else None

    @independent
    def softplus(x):
        return -scipy.special.log_expit(-x)

    @independent
    def logaddexp(x1, x2):
        return np.logaddexp(x1, x2)

    @independent
    def cholesky(x):
        return scipy.linalg.cholesky(x, lower=True) if x.ndim == 2 else None

    @independent
    def solve(a, b):
        return scipy.linalg.solve(a, b) if a.ndim == b.ndim == 2 else None

    @independent
    def triangular_solve(a, b, *, lower, transpose):
        return (
            scipy.linalg.solve_triangular(a, b, lower=lower, trans="T" if transpose else "N")
            if a.ndim == b.ndim == 2
            else None
        )

    @independent
    def lu(x):
        return [*scipy.linalg.lu_factor(x)] if x.ndim == 2 and x.size else None

    @independent
    def slogdet(x):
        if x.ndim != 2:
            return None
        determinant = scipy.linalg.det(x)
        return [determinant / np.abs(determinant), np.log(np.abs(determinant))]
