"""Steps of optimizers as ops, for engines that have a form of their own for them. They are no part of `keras.ops`."""

from __future__ import annotations

from typing import Any

from cornu import primitives as P
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
