"""What op bodies share: reading their arguments, and small steps that are no ops themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import config, context
from cornu import primitives as P
from cornu.primitives import dtypes as dt

Tensor = Any
Axis = Any


def shape_of(x: Tensor) -> tuple[int, ...]:
    """Static shape of anything that can be an operand."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype_of(x: Tensor) -> str:
    """Dtype name of anything that can be an operand (of a Python number, the dtype that it becomes)."""
    if isinstance(getattr(x, "dtype", None), str):
        return x.dtype
    return dt.strong(context.current().describe(x, "dtype"))


def tensor(x: Tensor) -> Tensor:
    """`x` as a tensor of the engine in charge."""
    engine = context.current()
    if engine.is_tensor(x):
        return x
    if hasattr(x, "value") and hasattr(x, "storage"):
        return x.value
    engine.describe(x, "convert_to_tensor")
    return engine.asarray(x)


def axis_of(axis: int, rank: int, where: str) -> int:
    """A non-negative axis. Raises ValueError naming the op where it is out of range."""
    if not -rank <= axis < max(rank, 1):
        raise ValueError(f"{where}: axis {axis} is out of bounds for a tensor of rank {rank}.")
    return int(axis) % max(rank, 1)


def axes_of(axis: Axis, rank: int, where: str) -> tuple[int, ...]:
    """Sorted non-negative axes for None (all), an int, or a sequence."""
    if axis is None:
        return tuple(range(rank))
    given = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    axes = [axis_of(int(a), rank, where) for a in given]
    if len(set(axes)) != len(axes):
        raise ValueError(f"{where}: duplicate axes in {axis}.")
    return tuple(sorted(axes))


def as_float(x: Tensor) -> Tensor:
    return P.cast(x, dtype=dt.to_float(dtype_of(x)))


def dtype_or(dtype: Any, default: str | None = None) -> str:
    return dt.name_of(dtype) if dtype is not None else default or config.floatx()


def shape_given(shape: Any) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(size is None or size < 0 for size in sizes):
        raise ValueError(f"A tensor needs a complete shape of sizes that are not negative, got {tuple(sizes)}.")
    return tuple(int(size) for size in sizes)


def slice_axis(x: Tensor, axis: int, start: int, limit: int) -> Tensor:
    shape = shape_of(x)
    return P.slice(
        x,
        start=tuple(start if i == axis else 0 for i in range(len(shape))),
        limit=tuple(limit if i == axis else n for i, n in enumerate(shape)),
        strides=(1,) * len(shape),
    )


def permuted(x: Tensor, order: Sequence[int]) -> Tensor:
    return x if list(order) == list(range(len(order))) else P.transpose(x, axes=tuple(order))


def wrapped(indices: Tensor, size: int) -> Tensor:
    """Indices with negative ones counted from the end."""
    if isinstance(indices, (int, np.integer)):
        return int(indices) + size if indices < 0 else int(indices)
    if dtype_of(indices) in dt.UINTS:
        return indices
    return P.where(P.less(indices, 0), P.add(indices, size), indices)
