"""Pooling over windows of 1 to 3 spatial dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of
from cornu.ops.layout import explicit_padding, per_dimension, spatial_rank, with_channels_last
from cornu.ops.op import export, op

Tensor = Any


def _windows(inputs: Tensor, pool_size: Any, strides: Any, padding: str, where: str) -> Any:
    """A function from (N, *spatial, C) inputs to the parameters of the pooling primitives."""
    rank = spatial_rank(inputs, where)
    window = per_dimension(pool_size, rank, f"{where}: pool_size")
    steps = per_dimension(strides if strides is not None else window, rank, f"{where}: strides")

    def parameters(x: Tensor) -> dict[str, Any]:
        pairs = explicit_padding(padding, shape_of(x)[1:-1], window, steps, (1,) * rank, where)
        return {"window": window, "strides": steps, "padding": pairs}

    return parameters


@op
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """Largest of each window; padding never wins.

    Args:
        inputs: (N, *spatial, C), or (N, C, *spatial) for "channels_first"; 1 to 3 spatial dimensions.
        pool_size: of the window, an int or one per dimension.
        strides: its steps, an int or one per dimension; None: the window's size, so that windows don't overlap.
        padding: "valid" (windows that lie inside), or "same": ceil(size / stride) places.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.

    Raises:
        ValueError: for a window larger than the inputs, or an argument that is none of these.
    """
    parameters = _windows(inputs, pool_size, strides, padding, "max_pool")
    return with_channels_last(inputs, data_format, "max_pool", lambda x: P.max_pool(x, **parameters(x)))


@op
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """Mean of each window, of the elements that are not padding. Arguments and errors: see `max_pool`."""
    parameters = _windows(inputs, pool_size, strides, padding, "average_pool")

    def body(x: Tensor) -> Tensor:
        where = parameters(x)
        total = P.sum_pool(x, **where)
        if any(map(any, where["padding"])):
            count = P.sum_pool(P.full(shape=(1, *shape_of(x)[1:-1], 1), value=1, dtype=dtype_of(x)), **where)
        else:
            count = float(math.prod(where["window"]))
        return P.divide(total, count)

    return with_channels_last(inputs, data_format, "average_pool", body)


def _adaptive(inputs: Tensor, output_size: Any, data_format: str | None, where: str, reduce: Any) -> Tensor:
    """Axis by axis, `reduce` each of `output_size` windows that together cover it: (count, widest) elements, and which count."""
    rank = spatial_rank(inputs, where)
    sizes = per_dimension(output_size, rank, f"{where}: output_size")

    def body(x: Tensor) -> Tensor:
        for axis, count in enumerate(sizes, start=1):
            n = shape_of(x)[axis]
            first = np.arange(count) * n // count
            last = -(-(np.arange(count) + 1) * n // count)
            widest = int((last - first).max())
            places = first[:, None] + np.arange(widest)
            valid = (places < last[:, None]).reshape(count, widest, *(1,) * (rank - axis + 1))
            x = reduce(P.take(x, np.minimum(places, last[:, None] - 1).astype("int32"), axis=axis), valid, axis + 1)
        return x

    return with_channels_last(inputs, data_format, where, body)


@op
def adaptive_average_pool(inputs, output_size, data_format=None):
    """Mean of each of `output_size` (an int, or one per dimension) windows that cover the inputs evenly.

    inputs, data_format: as in `max_pool`.
    """

    def mean(x: Tensor, valid: np.ndarray, axis: int) -> Tensor:
        total = P.sum(P.where(valid, x, 0), axes=(axis,), keepdims=False)
        return P.divide(total, valid.sum(1).astype("int32"))

    return _adaptive(inputs, output_size, data_format, "adaptive_average_pool", mean)


@op
def adaptive_max_pool(inputs, output_size, data_format=None):
    """Largest of each of `output_size` (an int, or one per dimension) windows that cover the inputs evenly.

    inputs, data_format: as in `max_pool`.
    """
    # What fills up the narrower windows is one of their own elements.
    return _adaptive(inputs, output_size, data_format, "adaptive_max_pool", lambda x, valid, axis: P.max(x, axes=(axis,), keepdims=False))


export(globals())
