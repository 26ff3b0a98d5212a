"""What ops of images share."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of
from cornu.ops.core import saturate_cast
from cornu.ops.layout import pad_axes
from cornu.primitives import dtypes as dt

Tensor = Any


def filtered(x: Tensor, column: Any, row: Any) -> Tensor:
    """Each channel of (N, H, W, C) correlated with the outer product of two vectors, without padding."""
    n, height, width, channels = shape_of(x)
    x = P.reshape(P.transpose(x, axes=(0, 3, 1, 2)), shape=(n * channels, height, width, 1))
    dtype = dtype_of(x)
    for kernel in (np.reshape(column, (-1, 1, 1, 1)), np.reshape(row, (1, -1, 1, 1))):
        x = P.conv(x, kernel.astype(dtype), strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1)
    _, height, width, _ = shape_of(x)
    return P.transpose(P.reshape(x, shape=(n, channels, height, width)), axes=(0, 2, 3, 1))


def gaussian(size: int, sigma: float) -> np.ndarray:
    """A Gaussian bell on `size` places, with sum 1."""
    places = np.arange(size) - (size - 1) / 2
    bell = np.exp(-0.5 * (places / sigma) ** 2)
    return bell / bell.sum()


def widened(x: Tensor) -> Tensor:
    """Integers and half precision as float32."""
    return x if dtype_of(x) in ("float32", "float64") else P.cast(x, dtype="float32")


def narrowed(x: Tensor, dtype: str) -> Tensor:
    """Back to the images' dtype; integers are rounded and limited to its range."""
    return P.cast(x, dtype=dtype) if dt.is_float(dtype) else saturate_cast(P.round(x), dtype)


def blurred(x: Tensor, sizes: Any, sigmas: Any) -> Tensor:
    """(N, H, W, C) smoothed by a Gaussian; beyond the border is 0."""
    pairs = {axis: ((size - 1) // 2, size // 2) for axis, size in enumerate(sizes, start=1)}
    return filtered(pad_axes(x, pairs), *[gaussian(size, sigma) for size, sigma in zip(sizes, sigmas, strict=True)])
