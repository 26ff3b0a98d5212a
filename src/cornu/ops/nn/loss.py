"""Losses per sample."""

from __future__ import annotations

import math
from typing import Any

from cornu import config
from cornu import primitives as P
from cornu.ops import numpy as knp
from cornu.ops.common import axis_of, dtype_of, shape_of
from cornu.ops.nn.activation import log_softmax
from cornu.ops.nn.encoding import one_hot
from cornu.ops.op import export, op

Tensor = Any


def _same_shape(target: Tensor, output: Tensor, where: str) -> None:
    if shape_of(target) != shape_of(output):
        raise ValueError(f"{where}: target and output must have the same shape, got {shape_of(target)} and {shape_of(output)}.")


def _clipped(x: Tensor) -> Tensor:
    return P.minimum(P.maximum(x, config.epsilon()), 1 - config.epsilon())


@op
def binary_crossentropy(target, output, from_logits=False):
    """-(t log(p) + (1 - t) log(1 - p)) elementwise, for `target` t and `output` of one shape.

    from_logits: whether p is sigmoid(output); else it is the output, clipped to [`epsilon()`, 1 - `epsilon()`].

    Raises:
        ValueError: if the shapes differ.
    """
    _same_shape(target, output, "binary_crossentropy")
    if from_logits:
        return P.subtract(P.softplus(output), P.multiply(target, output))
    p = _clipped(output)
    one = P.multiply(target, P.log(p))
    return P.negative(P.add(one, P.multiply(P.subtract(1, target), P.log(P.subtract(1, p)))))


def _log_probabilities(output: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return log_softmax(output, axis)
    output = P.divide(output, P.sum(output, axes=(axis,), keepdims=True))
    return P.log(_clipped(output))


@op
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum(t log(p)) over `axis`, for `target` t (one-hot, or probabilities) and `output` of one shape.

    from_logits: whether p is softmax(output); else it is the output over its sum, clipped to [`epsilon()`, 1 - `epsilon()`].

    Raises:
        ValueError: if the shapes differ.
    """
    _same_shape(target, output, "categorical_crossentropy")
    axis = axis_of(axis, len(shape_of(output)), "categorical_crossentropy")
    return P.negative(P.sum(P.multiply(target, _log_probabilities(output, from_logits, axis)), axes=(axis,), keepdims=False))


@op
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(p[target]) over `axis`, p as in `categorical_crossentropy`. For classes outside the axis the result is NaN.

    target: integers of the output's shape without that axis, or with a last one of size 1.

    Raises:
        ValueError: if the shapes don't fit.
    """
    shape = shape_of(output)
    axis = axis_of(axis, len(shape), "sparse_categorical_crossentropy")
    if len(shape_of(target)) == len(shape) and shape_of(target)[-1] == 1:
        target = knp.squeeze(target, -1)
    if shape_of(target) != shape[:axis] + shape[axis + 1 :]:
        raise ValueError(f"sparse_categorical_crossentropy: target of shape {shape_of(target)} doesn't fit output of shape {shape}.")
    log_p = _log_probabilities(output, from_logits, axis)
    hot = one_hot(target, shape[axis], axis=axis, dtype=dtype_of(log_p))
    loss = P.negative(P.sum(P.multiply(hot, log_p), axes=(axis,), keepdims=False))
    return P.where(P.logical_and(P.greater_equal(target, 0), P.less(target, shape[axis])), loss, math.nan)


export(globals())
