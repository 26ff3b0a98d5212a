"""Moments and normalizations. Half precision is computed in float32."""

from __future__ import annotations

from typing import Any

from cornu import config
from cornu import primitives as P
from cornu.ops import numpy as knp
from cornu.ops.common import axes_of, axis_of, dtype_of, shape_of
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt

Tensor = Any


def _widened(x: Tensor) -> tuple[Tensor, str]:
    """Floats in at least float32, and the dtype to go back to."""
    narrow = dt.to_float(dtype_of(x))
    wide = "float32" if narrow in ("float16", "bfloat16") else narrow
    return (x if dtype_of(x) == wide else P.cast(x, dtype=wide)), narrow


def _narrowed(x: Tensor, dtype: str) -> Tensor:
    return x if dtype_of(x) == dtype else P.cast(x, dtype=dtype)


def _along(vector: Tensor, shape: tuple[int, ...], axes: Any) -> Tensor:
    """`vector` over the axes of a tensor of `shape`, to broadcast against it."""
    return P.reshape(vector, shape=tuple(n if i in axes else 1 for i, n in enumerate(shape)))


@op
def moments(x, axes, keepdims=False, synchronized=False):
    """Mean and variance over `axes` (an int, a tuple, or None for all): two tensors in x's floating dtype.

    keepdims: whether the axes stay, with size 1. synchronized: accepted for Keras; no effect on one device.
    """
    wide, dtype = _widened(x)
    average = knp.mean(wide, axes, True)
    centred = P.subtract(wide, average)
    spread = knp.mean(P.multiply(centred, centred), axes, keepdims)
    average = average if keepdims else knp.squeeze(average, axes_of(axes, len(shape_of(x)), "moments"))
    return _narrowed(average, dtype), _narrowed(spread, dtype)


@op
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset (Ioffe and Szegedy, 2015).

    mean, variance, offset, scale: vectors as long as `axis`; without offset and scale they count as 0 and 1.

    Raises:
        ValueError: for a vector of another shape.
    """
    axis = axis_of(axis, len(shape_of(x)), "batch_normalization")
    for name, vector in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        if vector is not None and shape_of(vector) != (shape_of(x)[axis],):
            raise ValueError(
                f"batch_normalization: {name} must be a vector of {shape_of(x)[axis]} elements for x of shape {shape_of(x)} and "
                f"axis {axis}, got shape {shape_of(vector)}."
            )
    wide, dtype = _widened(x)
    factor = P.rsqrt(P.add(variance, epsilon))
    factor = factor if scale is None else P.multiply(factor, scale)
    shift = P.negative(P.multiply(mean, factor))
    shift = shift if offset is None else P.add(shift, offset)
    y = P.add(P.multiply(wide, _along(factor, shape_of(x), (axis,))), _along(shift, shape_of(x), (axis,)))
    return _narrowed(y, dtype)


@op
def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """(x - mean) / sqrt(variance + epsilon) over `axis` (an int or a sequence), times gamma, plus beta (Ba et al., 2016).

    gamma, beta: in the sizes of these axes; None: 1 and 0. epsilon: `config.epsilon()` by default. kwargs: `rms_scaling`, an older
    switch of Keras: with True the mean is not subtracted and beta not added. `rms_normalization` is what its name promised.

    Raises:
        TypeError: for another keyword.
    """
    scaled_only = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization: it has no argument {', '.join(map(repr, kwargs))}.")
    axes = axes_of(axis, len(shape_of(x)), "layer_normalization")
    wide, dtype = _widened(x)
    average, spread = moments(wide, axes, True)
    centered = wide if scaled_only else P.subtract(wide, average)
    y = P.multiply(centered, P.rsqrt(P.add(spread, config.epsilon() if epsilon is None else epsilon)))
    y = y if gamma is None else P.multiply(y, _along(gamma, shape_of(x), axes))
    y = y if beta is None or scaled_only else P.add(y, _along(beta, shape_of(x), axes))
    return _narrowed(y, dtype)


@op
def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """x / sqrt(mean(x^2) + epsilon) over `axis` (an int or a sequence), times scale (Zhang and Sennrich, 2019).

    scale: in the sizes of these axes; None: 1. epsilon: `config.epsilon()` by default.
    """
    axes = axes_of(axis, len(shape_of(x)), "rms_normalization")
    wide, dtype = _widened(x)
    spread = knp.mean(P.multiply(wide, wide), axes, True)
    y = P.multiply(wide, P.rsqrt(P.add(spread, config.epsilon() if epsilon is None else epsilon)))
    y = y if scale is None else P.multiply(y, _along(scale, shape_of(x), axes))
    return _narrowed(y, dtype)


@op
def normalize(x, axis=-1, order=2, epsilon=None):
    """x divided by its norm of `order` (an int of at least 1) along `axis`; norms below epsilon count as epsilon.

    epsilon: `config.epsilon()` by default.

    Raises:
        ValueError: for another order.
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize: order must be an int of at least 1, got {order!r}.")
    epsilon = config.epsilon() if epsilon is None else epsilon
    wide, dtype = _widened(x)
    axes = axes_of(axis, len(shape_of(x)), "normalize")
    if order == 2:
        squares = P.sum(P.multiply(wide, wide), axes=axes, keepdims=True)
        return _narrowed(P.multiply(wide, P.rsqrt(P.maximum(squares, epsilon * epsilon))), dtype)
    powers = P.sum(P.power(P.abs(wide), order), axes=axes, keepdims=True)
    norms = P.power(P.maximum(powers, 1.2e-38), 1 / order)
    return _narrowed(P.divide(wide, P.maximum(norms, epsilon)), dtype)


export(globals())
