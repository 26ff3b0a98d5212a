"""Tensors from nothing, or in the likeness of another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.contract.engine import default_dtype
from cornu.ops.common import Tensor, dtype_of, dtype_or, shape_given, shape_of, tensor
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of zeros; dtype `floatx()` by default."""
    return P.full(shape=shape_given(shape), value=0, dtype=dtype_or(dtype))


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of ones; dtype `floatx()` by default."""
    return P.full(shape=shape_given(shape), value=1, dtype=dtype_or(dtype))


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of unspecified values (zeros)."""
    return zeros(shape, dtype)


@op
def full(shape, fill_value, dtype=None):
    """A tensor of `shape` filled with `fill_value` (a number or a tensor that broadcasts)."""
    dtype = dtype_or(dtype, dtype_of(fill_value) if not isinstance(fill_value, float) else None)
    if isinstance(fill_value, (bool, int, float)):
        return P.full(shape=shape_given(shape), value=fill_value, dtype=dtype)
    return P.broadcast_to(P.cast(fill_value, dtype=dtype), shape=shape_given(shape))


@op
def zeros_like(x, dtype=None):
    """Zeros in the shape (and, unless given, the dtype) of x."""
    return zeros(shape_of(x), dtype or dtype_of(x))


@op
def ones_like(x, dtype=None):
    """Ones in the shape (and, unless given, the dtype) of x."""
    return ones(shape_of(x), dtype or dtype_of(x))


@op
def full_like(x, fill_value, dtype=None):
    """`fill_value` in the shape (and, unless given, the dtype) of x."""
    return full(shape_of(x), fill_value, dtype or dtype_of(x))


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Evenly spaced values in [start, stop), as `numpy.arange`; int32 for ints, `floatx()` if one is a float."""
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    numbers = [x.item() if isinstance(x, np.generic) else x for x in (start, stop, step)]
    if dtype is None:
        dtype = dt.result_type(*[default_dtype(x) for x in numbers])
    count = max(math.ceil((numbers[1] - numbers[0]) / numbers[2]), 0)
    name = dt.name_of(dtype)
    wide = name if dt.is_integer(name) or name in ("float32", "float64") else "float32"
    index = P.iota(shape=(count,), axis=0, dtype=wide)
    if numbers[2] != 1:
        index = P.multiply(index, P.full(shape=(), value=numbers[2], dtype=wide))
    if numbers[0] != 0:
        index = P.add(index, P.full(shape=(), value=numbers[0], dtype=wide))
    return index if wide == name else P.cast(index, dtype=name)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """N x M matrix (M = N by default) with ones on the k-th diagonal."""
    shape = (N, M or N)
    rows, columns = P.iota(shape=shape, axis=0, dtype="int32"), P.iota(shape=shape, axis=1, dtype="int32")
    return P.cast(P.equal(P.add(rows, k), columns), dtype=dtype_or(dtype))


def identity(n: int, dtype: Any = None) -> Tensor:
    """The n x n identity."""
    return eye(n, dtype=dtype)


def array(x: Any, dtype: Any = None) -> Tensor:
    """`x` as a tensor of the engine in charge."""
    made = tensor(x)
    return made if dtype is None else P.cast(made, dtype=dt.name_of(dtype))


export(globals())
