"""Encodings of classes, and comparisons of predictions with them."""

from __future__ import annotations

import math
from typing import Any

from cornu import config
from cornu import primitives as P
from cornu.ops import numpy as knp
from cornu.ops.common import as_floats, axis_of, cast, dtype_of, shape_of, size_given, wide
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt

Tensor = Any


@op
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """Vectors along a new `axis` with a one at the index in x; all zeros for indices outside [0, num_classes).

    num_classes: length of a vector. dtype: of the result, `floatx()` by default. sparse: must be False.

    Raises:
        TypeError: if x has no integers.
        ValueError: for sparse.
    """
    if sparse:
        raise ValueError("one_hot: sparse tensors are not supported.")
    if not dt.is_integer(dtype_of(x)):
        raise TypeError(f"one_hot: classes must be integers, got a tensor of shape {shape_of(x)} and dtype {dtype_of(x)}.")
    rank, count = len(shape_of(x)) + 1, size_given(num_classes, "one_hot: num_classes")
    axis = axis_of(axis, rank, "one_hot")
    classes = P.iota(shape=tuple(count if i == axis else 1 for i in range(rank)), axis=axis, dtype="int32")
    return P.cast(P.equal(P.cast(knp.expand_dims(x, axis), dtype="int32"), classes), dtype=dt.name_of(dtype or config.floatx()))


@op
def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """Vectors along `axis` with ones at all indices of a sample: (N, count) -> (N, num_classes), (count,) -> (num_classes,).

    Args:
        inputs: integers. num_classes: length of a vector. dtype, sparse: see `one_hot`.
        axis: where `one_hot` has the classes; then axis 1 (of one sample, 0) is reduced, so that only the last makes sense.
        kwargs: `num_tokens`, an older name of num_classes.

    Raises:
        ValueError: without num_classes, or for an unknown argument.
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if kwargs or num_classes is None:
        raise ValueError("multi_hot: give num_classes" + (f"; unknown arguments {', '.join(kwargs)}." if kwargs else "."))
    hot = one_hot(inputs, num_classes, axis=axis, dtype=dtype, sparse=sparse)
    return P.max(hot, axes=(1 if len(shape_of(inputs)) > 1 else 0,), keepdims=False)


@op
def polar(abs_, angle):
    """Complex numbers from absolute values `abs_` and angles `angle` (radians)."""
    abs_, angle = (cast(x, wide(dtype_of(x))) for x in as_floats(abs_, angle))
    return P.complex(P.multiply(abs_, P.cos(angle)), P.multiply(abs_, P.sin(angle)))


@op
def psnr(x1, x2, max_val):
    """Peak signal-to-noise ratio in decibels, a scalar, between tensors of one shape whose values reach `max_val`.

    Raises:
        ValueError: if the shapes differ.
    """
    if shape_of(x1) != shape_of(x2):
        raise ValueError(f"psnr: the shapes must be equal, got {shape_of(x1)} and {shape_of(x2)}.")
    error = P.subtract(x1, x2)
    mse = knp.mean(P.multiply(error, error))
    return P.subtract(20 * math.log10(max_val), P.multiply(P.log(mse), 10 / math.log(10)))


export(globals())
