"""Many elements to one, and running results: sums, extremes, moments."""

from __future__ import annotations

import math
from typing import Any

from cornu import primitives as P
from cornu.ops.common import Tensor, axes_of, axis_of, dtype_of, shape_of
from cornu.ops.numpy.manipulation import expand_dims, ravel
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


def _reduction(primitive: Any, doc: str) -> Any:
    def body(x, axis=None, keepdims=False):
        return primitive(x, axes=axes_of(axis, len(shape_of(x)), primitive.name), keepdims=bool(keepdims))

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{doc}\n\nArgs:\n    x: tensor.\n    axis: None (all axes), an int or a tuple.\n    keepdims: keep the axes with size 1."
    return op(body)


sum = _reduction(P.sum, "Sum. Small integers and bools are summed in 32 bits.")
any = _reduction(P.any, "Whether any element is true.")
all = _reduction(P.all, "Whether all elements are true.")


def _extremum(primitive: Any, combine: Any) -> Any:
    def body(x, axis=None, keepdims=False, initial=None):
        shape = shape_of(x)
        axes = axes_of(axis, len(shape), primitive.name)
        if initial is not None and 0 in [shape[a] for a in axes]:
            kept = tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)
            return P.full(shape=kept, value=initial, dtype=dtype_of(x))
        found = primitive(x, axes=axes, keepdims=bool(keepdims))
        return found if initial is None else combine(found, initial)

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{primitive.doc}\n\nArgs: x, axis (None, int or tuple), keepdims, initial (a bound on the result; needed for empty axes)."
    return op(body)


max = _extremum(P.max, P.maximum)
min = _extremum(P.min, P.minimum)
amax, amin = max, min


@op
def prod(x, axis=None, keepdims=False, dtype=None):
    """Product over `axis`."""
    x = x if dtype is None else P.cast(x, dtype=dt.name_of(dtype))
    return P.prod(x, axes=axes_of(axis, len(shape_of(x)), "prod"), keepdims=bool(keepdims))


def _wide_sum(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> tuple[Tensor, str]:
    """Sum of floats, half precision in float32; and the dtype to return."""
    dtype = dt.to_float(dtype_of(x))
    wide = "float32" if dtype in ("float16", "bfloat16") else dtype
    if dtype_of(x) != wide:
        x = P.cast(x, dtype=wide)
    return P.sum(x, axes=axes, keepdims=keepdims), dtype


@op
def mean(x, axis=None, keepdims=False):
    """Arithmetic mean over `axis` (None, int or tuple)."""
    shape = shape_of(x)
    axes = axes_of(axis, len(shape), "mean")
    total, dtype = _wide_sum(x, axes, bool(keepdims))
    result = P.divide(total, float(math.prod(shape[a] for a in axes)))
    return result if dtype_of(result) == dtype else P.cast(result, dtype=dtype)


@op
def var(x, axis=None, keepdims=False):
    """Variance (mean squared distance from the mean) over `axis`."""
    dtype = dt.to_float(dtype_of(x))
    x = P.cast(x, dtype="float32" if dtype in ("float16", "bfloat16") else dtype)
    centred = P.subtract(x, mean(x, axis, True))
    squared = P.multiply(centred, centred) if dtype not in dt.COMPLEXES else P.power(P.abs(centred), 2)
    return P.cast(mean(squared, axis, keepdims), dtype=dt.real_part(dtype))


@op
def std(x, axis=None, keepdims=False):
    """Standard deviation over `axis`."""
    return P.sqrt(var(x, axis, keepdims))


def _arg(primitive: Any) -> Any:
    def body(x, axis=None, keepdims=False):
        rank = len(shape_of(x))
        flat = ravel(x) if axis is None else x
        found = primitive(flat, axis=0 if axis is None else axis_of(axis, rank, primitive.name))
        if not keepdims:
            return found
        return P.reshape(found, shape=(1,) * rank) if axis is None else expand_dims(found, axis_of(axis, rank, primitive.name))

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{primitive.doc}\n\nArgs: x, axis (None: of the flattened tensor), keepdims. Gives int32."
    return op(body)


argmax, argmin = _arg(P.argmax), _arg(P.argmin)


def _cumulative(primitive: Any) -> Any:
    def body(x, axis=None, dtype=None):
        x = x if dtype is None else P.cast(x, dtype=dt.name_of(dtype))
        x = ravel(x) if axis is None else x
        return primitive(x, axis=0 if axis is None else axis_of(axis, len(shape_of(x)), primitive.name), reverse=False)

    body.__name__ = body.__qualname__ = primitive.name
    body.__doc__ = f"{primitive.doc}\n\nArgs: x, axis (None: of the flattened tensor), dtype."
    return op(body)


cumsum, cumprod = _cumulative(P.cumsum), _cumulative(P.cumprod)


export(globals())
