"""Ops of `keras.ops` that belong to no other family."""

from __future__ import annotations

from cornu import primitives as P
from cornu.ops.common import as_float, axes_of, shape_of, slice_axis
from cornu.ops.numpy.manipulation import expand_dims, squeeze
from cornu.ops.op import export, op


@op
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) over `axis`, without overflow."""
    x = as_float(x)
    axes = axes_of(axis, len(shape_of(x)), "logsumexp")
    top = P.max(x, axes=axes, keepdims=True)
    top = P.stop_gradient(P.where(P.isfinite(top), top, 0))
    summed = P.add(P.log(P.sum(P.exp(P.subtract(x, top)), axes=axes, keepdims=True)), top)
    return summed if keepdims else squeeze(summed, axes)


@op
def top_k(x, k, sorted=True):
    """The k largest along the last axis, descending, and their indices (int32)."""
    order = P.argsort(P.negative(x), axis=len(shape_of(x)) - 1)
    indices = slice_axis(order, len(shape_of(x)) - 1, 0, k)
    return P.take_along_axis(x, indices, axis=len(shape_of(x)) - 1), indices


@op
def in_top_k(targets, predictions, k):
    """Whether each target's prediction is among the k largest of its row (ties count)."""
    own = P.take_along_axis(predictions, P.cast(expand_dims(targets, -1), dtype="int32"), axis=1)
    larger = P.sum(P.cast(P.greater(predictions, own), dtype="int32"), axes=(1,), keepdims=False)
    return P.logical_and(P.less(larger, k), P.isfinite(squeeze(own, 1)))


export(globals())
