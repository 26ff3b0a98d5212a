"""The same numbers on the host, by NumPy: for initial weights and shuffles."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from cornu.primitives import dtypes as dt
from cornu.random.bits import LOW_WORD, bits_numpy

REDRAWS = 6  # of a truncated normal: 1 value in 100 million is still outside then, and is clipped


def uniform_numpy(seed: int, counter: int, shape: Any, draw: int = 0, dtype: str = "float32") -> np.ndarray:
    """Numbers in [0, 1), the same as those of `uniform`, computed with NumPy.

    shape: a tuple. dtype: "float32", of 24 bits, or "float64", of 53. seed, counter, draw: of the stream, as in `bits_numpy`.
    """
    size = math.prod(shape)
    bits = bits_numpy(seed, counter, size, draw)
    if dtype == "float32":
        return ((bits >> np.uint32(8)).astype("float32") * np.float32(2**-24)).reshape(shape)
    low = bits_numpy(seed, counter, size, draw + LOW_WORD) >> np.uint32(6)
    return ((bits >> np.uint32(5)) * 2.0**-27 + low * 2.0**-53).reshape(shape)


def normal_numpy(seed: int, counter: int, shape: Any, draw: int = 0, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers (Box and Muller, 1958), computed with NumPy.

    seed, counter, shape, draw, dtype: as in `uniform_numpy`; the draws 2 * draw and 2 * draw + 1 of the stream are used.
    """
    u1 = 1 - uniform_numpy(seed, counter, shape, 2 * draw, dtype).astype("float64")
    u2 = uniform_numpy(seed, counter, shape, 2 * draw + 1, dtype).astype("float64")
    return (np.sqrt(-2 * np.log(u1)) * np.cos(2 * np.pi * u2)).astype(dtype)


def truncated_normal_numpy(seed: int, counter: int, shape: Any, dtype: str = "float32") -> np.ndarray:
    """Standard normal numbers within two standard deviations, computed with NumPy: values outside are drawn again.

    seed, counter, shape, dtype: as in `uniform_numpy`.
    """
    values = normal_numpy(seed, counter, shape, dtype=dtype)
    for draw in range(1, REDRAWS):
        outside = np.abs(values) > 2
        if not outside.any():
            return values
        values = np.where(outside, normal_numpy(seed, counter, shape, draw, dtype), values)
    return np.clip(values, -2, 2)


@functools.cache
def below(value: float, dtype: str) -> float:
    """The largest number of `dtype` below `value`."""
    kind = dt.numpy_dtype(dtype)
    near = np.array(value).astype(kind)
    return float(near if float(near) < value else np.nextafter(near, np.array(-np.inf).astype(kind)))
