"""Activation functions: elementwise ones, gates, and distributions over an axis."""

from __future__ import annotations

import math
from typing import Any

from cornu import primitives as P
from cornu.ops.common import axes_of, axis_of, shape_of, slice_axis
from cornu.ops.op import export, op

Tensor = Any


@op
def relu(x):
    """max(x, 0)."""
    return P.where(P.less_equal(x, 0), 0, x)


@op
def relu6(x):
    """min(max(x, 0), 6)."""
    return P.minimum(P.maximum(x, 0), 6)


@op
def leaky_relu(x, negative_slope=0.2):
    """x where positive, else `negative_slope` * x (Maas et al., 2013)."""
    return P.where(P.greater(x, 0), x, P.multiply(x, negative_slope))


@op
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return P.sigmoid(x)


@op
def softplus(x):
    """log(1 + exp(x))."""
    return P.softplus(x)


@op
def log_sigmoid(x):
    """log(sigmoid(x))."""
    return P.negative(P.softplus(P.negative(x)))


@op
def softsign(x):
    """x / (1 + |x|)."""
    return P.divide(x, P.add(P.abs(x), 1))


@op
def silu(x):
    """x * sigmoid(x), also called swish (Elfwing et al., 2018)."""
    return P.multiply(x, P.sigmoid(x))


swish = silu


@op
def elu(x, alpha=1.0):
    """x where positive, else alpha * (exp(x) - 1) (Clevert et al., 2016)."""
    return P.where(P.greater(x, 0), x, P.multiply(P.expm1(P.minimum(x, 0)), alpha))


@op
def selu(x):
    """Scaled ELU (Klambauer et al., 2017)."""
    return P.multiply(elu(x, 1.6732632423543772), 1.0507009873554805)


@op
def celu(x, alpha=1.0):
    """x where positive, else alpha * (exp(x / alpha) - 1) (Barron, 2017)."""
    return P.add(P.maximum(x, 0), P.multiply(P.expm1(P.divide(P.minimum(x, 0), alpha)), alpha))


@op
def gelu(x, approximate=True):
    """x * Phi(x), Phi the normal distribution (Hendrycks and Gimpel, 2016).

    approximate: whether Phi is approached by tanh, as is the default; else it is computed by erf.
    """
    if not approximate:
        return P.multiply(P.multiply(x, 0.5), P.add(P.erf(P.multiply(x, math.sqrt(0.5))), 1))
    slope = P.add(P.multiply(P.multiply(x, x), 2 * 0.044715 * math.sqrt(2 / math.pi)), 2 * math.sqrt(2 / math.pi))
    return P.multiply(x, P.sigmoid(P.multiply(x, slope)))  # (1 + tanh(u)) / 2 without loss of digits


@op
def glu(x, axis=-1):
    """First half of x along `axis` times the sigmoid of the second (Dauphin et al., 2017): half as long as x there.

    Raises:
        ValueError: if the axis has an odd size.
    """
    axis = axis_of(axis, len(shape_of(x)), "glu")
    size = shape_of(x)[axis]
    if size % 2:
        raise ValueError(f"glu: axis {axis} of shape {shape_of(x)} must have an even size, to be split into halves.")
    value, gate = (slice_axis(x, axis, start, start + size // 2) for start in (0, size // 2))
    return P.multiply(value, P.sigmoid(gate))


@op
def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return P.divide(P.minimum(P.maximum(P.add(x, 3), 0), 6), 6)


@op
def hard_silu(x):
    """x * hard_sigmoid(x), also called hard swish (Howard et al., 2019)."""
    return P.multiply(x, hard_sigmoid(x))


hard_swish = hard_silu


@op
def hard_tanh(x):
    """x limited to [-1, 1]."""
    return P.minimum(P.maximum(x, -1), 1)


@op
def hard_shrink(x, threshold=0.5):
    """x where |x| > threshold, else 0."""
    return P.where(P.greater(P.abs(x), threshold), x, 0)


@op
def soft_shrink(x, threshold=0.5):
    """x moved towards 0 by `threshold`, and 0 within it."""
    return P.where(P.greater(P.abs(x), threshold), P.subtract(x, P.multiply(P.sign(x), threshold)), 0)


@op
def tanh_shrink(x):
    """x - tanh(x)."""
    return P.subtract(x, P.tanh(x))


@op
def threshold(x, threshold, default_value):
    """x where greater than `threshold`, else `default_value`."""
    return P.where(P.greater(x, threshold), x, default_value)


@op
def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2 (Barron, 2021)."""
    return P.divide(P.add(x, P.sqrt(P.add(P.multiply(x, x), b))), 2)


@op
def sparse_plus(x):
    """0 up to -1, x from 1 on, and ((x + 1) / 2)^2 between."""
    bent = P.divide(P.add(P.minimum(P.maximum(x, -1), 1), 1), 2)
    return P.where(P.greater(x, 1), x, P.multiply(bent, bent))


@op
def sparse_sigmoid(x):
    """0 up to -1, 1 from 1 on, and (x + 1) / 2 between."""
    return P.divide(P.add(P.minimum(P.maximum(x, -1), 1), 1), 2)


@op
def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) over `axis` (an int or a tuple)."""
    axes = axes_of(axis, len(shape_of(x)), "softmax")
    e = P.exp(P.subtract(x, P.stop_gradient(P.max(x, axes=axes, keepdims=True))))
    return P.multiply(e, P.divide(1, P.sum(e, axes=axes, keepdims=True)))  # the gradient of a product takes fewer steps


@op
def log_softmax(x, axis=-1):
    """log(softmax(x)) over `axis`, without loss of small probabilities."""
    axes = axes_of(axis, len(shape_of(x)), "log_softmax")
    shifted = P.subtract(x, P.stop_gradient(P.max(x, axes=axes, keepdims=True)))
    return P.subtract(shifted, P.log(P.sum(P.exp(shifted), axes=axes, keepdims=True)))


@op
def sparsemax(x, axis=-1):
    """The point of the simplex along `axis` that is nearest to x; has exact zeros (Martins and Astudillo, 2016)."""
    axis = axis_of(axis, len(shape_of(x)), "sparsemax")
    falling = P.flip(P.sort(x, axis=axis), axes=(axis,))
    rank = P.add(P.iota(shape=shape_of(x), axis=axis, dtype="int32"), 1)
    supported = P.greater(P.add(P.multiply(rank, falling), 1), P.cumsum(falling, axis=axis, reverse=False))
    count = P.sum(P.cast(supported, dtype="int32"), axes=(axis,), keepdims=True)
    total = P.sum(P.where(supported, falling, 0), axes=(axis,), keepdims=True)
    return P.maximum(P.subtract(x, P.divide(P.subtract(total, 1), count)), 0)


export(globals())
