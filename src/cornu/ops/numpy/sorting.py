"""Order: sorting and what follows from it."""

from __future__ import annotations

from cornu import primitives as P
from cornu.ops.common import axis_of, shape_of
from cornu.ops.numpy.manipulation import ravel
from cornu.ops.op import export, op


@op
def sort(x, axis=-1):
    """Elements in ascending order along `axis`."""
    return P.sort(x, axis=axis_of(axis, len(shape_of(x)), "sort"))


@op
def argsort(x, axis=-1):
    """Indices (int32) that sort along `axis`; equal elements stay in order."""
    if axis is None:
        x, axis = ravel(x), -1
    return P.argsort(x, axis=axis_of(axis, len(shape_of(x)), "argsort"))


export(globals())
