"""Numbers for cases: ordinary ones, and those at the edges of a dtype. The same at every run."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.primitives import dtypes as dt

KINDS = {"b": ("bool",), "u": dt.UINTS, "i": dt.INTS, "f": dt.FLOATS, "c": dt.COMPLEXES}


def dtypes_of(kinds: str) -> list[str]:
    """Dtype names of the kinds b(ool), u(nsigned), i(nteger), f(loat), c(omplex)."""
    return [name for kind in kinds for name in KINDS[kind]]


def numbers(dtype: str, shape: tuple[int, ...], low: float = -2.0, high: float = 2.0, seed: int = 0) -> np.ndarray:
    """Ordinary numbers between `low` and `high` (of integers at least 0..3; of complex numbers both parts)."""
    rng = np.random.default_rng([seed, len(shape), *shape])
    wanted = dt.numpy_dtype(dtype)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dt.is_integer(dtype):
        least = 0 if dtype in dt.UINTS else int(low)
        return rng.integers(least, max(int(high), least + 3), shape, endpoint=True).astype(wanted)
    real = rng.uniform(low, high, shape)
    return (real + 1j * rng.uniform(low, high, shape) if dtype in dt.COMPLEXES else real).astype(wanted)


def distinct(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Numbers no two of which are equal or close, in random order."""
    count = int(np.prod(shape))
    order = np.random.default_rng([seed, *shape]).permutation(count)
    row = order if dt.is_integer(dtype) else (order - count // 2) * 0.25 + 0.1
    return row.reshape(shape).astype(dt.numpy_dtype(dtype))


def edges(dtype: str) -> np.ndarray:
    """The values of a dtype at which implementations differ (of complex numbers none but ordinary ones)."""
    if dtype == "bool":
        return np.array([False, True])
    if dt.is_integer(dtype):
        info = np.iinfo(dtype)
        return np.unique(
            np.array([info.min, info.max, 0, 1, 2, 7, info.max // 2, max(info.min, -1), max(info.min, -3)], dtype)
        )
    if dtype in dt.COMPLEXES:
        return numbers(dtype, (8,))
    large = [1e4, -1e4, 80.0, -80.0] if dtype == "float16" else [1e30, -1e30, 90.0, -90.0]
    plain = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.3, 1e-3, -1e-3, 7.7, -7.7]
    return np.array([*plain, *large, np.inf, -np.inf, np.nan]).astype(dt.numpy_dtype(dtype))


def pairs(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Every value against every value, as a column and a row that broadcast."""
    values = np.asarray(values)
    return values[:, None], values[None, :]
