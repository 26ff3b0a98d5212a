"""Steps of optimizers and layers as ops, for engines that have a form of their own for them. They are no part of `keras.ops`."""

from __future__ import annotations

from typing import Any

from cornu import primitives as P
from cornu.ops.common import axis_of, rank_of
from cornu.ops.nn.normalization import batch_normalization, moments
from cornu.ops.op import op

Tensor = Any


@op
def adam_update(variable, momentum, velocity, gradient, rate, beta_1, beta_2, epsilon, largest=None):
    """A step of Adam (Kingma and Ba, 2014): the new variable, momentum, velocity, and `largest` velocity so far if that is given.

    variable, momentum, velocity, gradient, largest: of one shape. rate: scalar, corrected for the moments' start at zero.
    """
    m = P.add(momentum, P.multiply(P.subtract(gradient, momentum), 1 - beta_1))
    v = P.add(velocity, P.multiply(P.subtract(P.multiply(gradient, gradient), velocity), 1 - beta_2))
    spread = v if largest is None else P.maximum(largest, v)
    w = P.subtract(variable, P.divide(P.multiply(m, rate), P.add(P.sqrt(spread), epsilon)))
    return (w, m, v) if largest is None else (w, m, v, spread)


@op
def normalize_batch(x, axis, offset=None, scale=None, epsilon=1e-3):
    """`batch_normalization` by the moments of x over all axes but `axis`: (y, mean, variance), the moments without a gradient."""
    axis = axis_of(axis, rank_of(x), "normalize_batch")
    mean, variance = moments(x, tuple(i for i in range(rank_of(x)) if i != axis))
    y = batch_normalization(x, mean, variance, axis, offset, scale, epsilon)
    return y, P.stop_gradient(mean), P.stop_gradient(variance)
