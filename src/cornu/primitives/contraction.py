"""Matrix products, convolution and its adjoints, pooling. Images and sequences have their channels last."""

from __future__ import annotations

import itertools
import math

import numpy as np

from cornu.primitives import dtypes as dt
from cornu.primitives.elementwise import add as _add
from cornu.primitives.elementwise import equal, full, logical_and, logical_not, logical_or, where
from cornu.primitives.primitive import DtypeRule, broadcast, joined, kept, primitive
from cornu.primitives.structure import pad, reshape, slice, transpose, zeros


def _matmul_shape(x1, x2):
    if len(x1) < 2 or len(x2) < 2 or x1[-1] != x2[-2]:
        raise ValueError(f"shapes {x1} and {x2} can't be multiplied as matrices: (..., n, k) and (..., k, m) are needed")
    return (*broadcast(x1[:-2], x2[:-2]), x1[-2], x2[-1])


def _swap(x):
    rank = len(x.shape)
    return transpose(x, axes=(*range(rank - 2), rank - 1, rank - 2))


def _product_dtypes(x1, x2):
    """Joined; products of two int8 are summed in int32."""
    return ("int32", "int32") if x1 == x2 == "int8" else joined.operands(x1, x2)


def _matmul_vjp(g, y, x1, x2):
    if len(x2.shape) == 2 < len(x1.shape):  # one product, instead of one for each batch and their sum
        rows = lambda x: reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))  # noqa: E731
        return matmul(g, _swap(x2)), matmul(_swap(rows(x1)), rows(g))
    return matmul(g, _swap(x2)), matmul(_swap(x1), g)


@primitive(DtypeRule(_product_dtypes, joined.result), _matmul_shape, _matmul_vjp)
def matmul(x1, x2):
    """Matrix product over the last two dimensions; leading ones broadcast. Half precision accumulates in float32."""
    if x1.dtype == bool:
        return np.matmul(x1, x2)
    wide = "float32" if x1.dtype.name in ("float16", "bfloat16") else x1.dtype
    return np.matmul(x1.astype(wide), x2.astype(wide)).astype(x1.dtype)


# Windows: sizes, and where a window's element stands in the padded input.


def window_output_size(size: int, window: int, stride: int, low: int, high: int, dilation: int = 1) -> int:
    """Number of places of a window along an axis of `size` padded by `low` and `high`."""
    return max((size + low + high - (window - 1) * dilation - 1) // stride + 1, 0)


def _conv_output(x, kernel, strides, padding, dilation):
    spatial = [
        window_output_size(n, k, s, lo, hi, d)
        for n, k, s, (lo, hi), d in zip(x[1:-1], kernel[:-2], strides, padding, dilation, strict=True)
    ]
    return (x[0], *spatial, kernel[-1])


def _conv_shape(x, kernel, *, strides, padding, dilation, groups):
    rank = len(x) - 2
    if not rank == len(kernel) - 2 == len(strides) == len(padding) == len(dilation) or rank < 1:
        raise ValueError(f"a kernel of shape {kernel}, strides {strides} and dilation {dilation} don't fit an input of shape {x}")
    if x[-1] != kernel[-2] * groups or kernel[-1] % groups:
        raise ValueError(
            f"an input of shape {x} with {x[-1]} channels in {groups} groups needs a kernel with {x[-1]}/{groups} input channels "
            f"and a multiple of {groups} filters, got {kernel}"
        )
    return _conv_output(x, kernel, strides, padding, dilation)


def _offsets(window):
    return itertools.product(*[range(n) for n in window])


def _spots(offset, counts, strides, dilation):
    """The slices of the padded input that the window's element at `offset` sees."""
    return tuple(np.s_[o * d : o * d + (n - 1) * s + 1 : s] if n else np.s_[0:0] for o, n, s, d in zip(offset, counts, strides, dilation))


def _padded(x, padding, value=0):
    widths = [(0, 0), *[(max(lo, 0), max(hi, 0)) for lo, hi in padding], (0, 0)]
    x = np.pad(x, widths, constant_values=value) if any(map(sum, widths)) else x
    return x[(np.s_[:], *[np.s_[max(-lo, 0) : n - max(-hi, 0)] for n, (lo, hi) in zip(x.shape[1:-1], padding)])]


def _wide(x):
    return x.astype("float32") if x.dtype.name in ("float16", "bfloat16") else x


def _grouped(x, groups):
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def settled(images, kernel, strides, padding, dilation):
    """Strides, padding and dilation that mean the same, without strides that lead to a single place and dilations of a single element.

    images, kernel: shapes. Libraries take those on ways of their own, not all of which are right (see tests/engines/test_convolution.py).
    """
    found = []
    for n, k, s, (lo, hi), d in zip(images[1:-1], kernel, strides, padding, dilation):
        d = 1 if k == 1 else d
        if window_output_size(n, k, s, lo, hi, d) == 1:
            reach = (k - 1) * d + 1
            lo = min(lo, reach)
            s, hi = 1, reach - n - lo
        found.append((s, (lo, hi), d))
    return tuple(zip(*found))


@primitive(
    joined,
    _conv_shape,
    lambda g, y, x, kernel, strides, padding, dilation, groups: (
        conv_grad_input(g, kernel, input_shape=x.shape, strides=strides, padding=padding, dilation=dilation, groups=groups),
        conv_grad_kernel(x, g, kernel_shape=kernel.shape, strides=strides, padding=padding, dilation=dilation, groups=groups),
    ),
)
def conv(x, kernel, *, strides, padding, dilation, groups):
    """Cross-correlation: x (N, *spatial, C), kernel (*window, C / groups, F) -> (N, *out, F).

    strides, dilation: an int per spatial dimension; padding: (low, high) zeros per spatial dimension (negative crops).
    """
    shape = _conv_output(x.shape, kernel.shape, strides, padding, dilation)
    source, weights = _grouped(_padded(_wide(x), padding), groups), _wide(kernel)
    y = np.zeros((*shape[:-1], groups, shape[-1] // groups), source.dtype)
    for offset in _offsets(kernel.shape[:-2]):
        part = source[(np.s_[:], *_spots(offset, shape[1:-1], strides, dilation))]
        w = weights[offset].reshape(kernel.shape[-2], groups, -1)
        y += np.einsum("...gc,cgf->...gf", part, w)
    return y.reshape(shape).astype(x.dtype)


@primitive(
    joined,
    lambda g, kernel, *, input_shape, **params: tuple(input_shape),
    lambda c, y, g, kernel, input_shape, **params: (
        conv(c, kernel, **params),
        conv_grad_kernel(c, g, kernel_shape=kernel.shape, **params),
    ),
)
def conv_grad_input(g, kernel, *, input_shape, strides, padding, dilation, groups):
    """Adjoint of `conv` in its input: from a cotangent of the output to one of an input of `input_shape`."""
    grown = (input_shape[0], *[n + max(lo, 0) + max(hi, 0) for n, (lo, hi) in zip(input_shape[1:-1], padding)], groups, input_shape[-1] // groups)
    cotangent, weights = _grouped(_wide(g), groups), _wide(kernel)
    x = np.zeros(grown, cotangent.dtype)
    crop = tuple(np.s_[max(-lo, 0) : n - max(-hi, 0)] for n, (lo, hi) in zip(grown[1:-2], padding))
    inner = x[(np.s_[:], *crop)]
    for offset in _offsets(kernel.shape[:-2]):
        w = weights[offset].reshape(kernel.shape[-2], groups, -1)
        inner[(np.s_[:], *_spots(offset, g.shape[1:-1], strides, dilation))] += np.einsum("...gf,cgf->...gc", cotangent, w)
    uncrop = tuple(np.s_[max(lo, 0) : n - max(hi, 0)] for n, (lo, hi) in zip(grown[1:-2], padding))
    return x[(np.s_[:], *uncrop)].reshape(input_shape).astype(g.dtype)


@primitive(
    joined,
    lambda x, g, *, kernel_shape, **params: tuple(kernel_shape),
    lambda c, y, x, g, kernel_shape, **params: (
        conv_grad_input(g, c, input_shape=x.shape, **params),
        conv(x, c, **params),
    ),
)
def conv_grad_kernel(x, g, *, kernel_shape, strides, padding, dilation, groups):
    """Adjoint of `conv` in its kernel: from input and cotangent of the output to a cotangent of a kernel of `kernel_shape`."""
    source, cotangent = _grouped(_padded(_wide(x), padding), groups), _grouped(_wide(g), groups)
    kernel = np.zeros(kernel_shape, source.dtype)
    for offset in _offsets(kernel_shape[:-2]):
        part = source[(np.s_[:], *_spots(offset, g.shape[1:-1], strides, dilation))]
        axes = list(range(part.ndim - 2))
        group_axis = len(axes)
        flat = np.einsum(part, [*axes, group_axis, group_axis + 1], cotangent, [*axes, group_axis, group_axis + 2], [group_axis + 1, group_axis, group_axis + 2])
        kernel[offset] = flat.reshape(kernel_shape[-2:])
    return kernel.astype(x.dtype)


# Pooling


def _pool_shape(x, *others, window, strides, padding):
    if not len(x) - 2 == len(window) == len(strides) == len(padding):
        raise ValueError(f"a window {window} with strides {strides} and padding {padding} doesn't fit an input of shape {x}")
    spatial = [window_output_size(n, k, s, lo, hi) for n, k, s, (lo, hi) in zip(x[1:-1], window, strides, padding, strict=True)]
    return (x[0], *spatial, x[-1])


def tiles(shape, window, strides, padding):
    """(N, places and offsets of each dimension in turn, C), where windows cover all and don't meet: an input can be seen in that shape.

    Else None.
    """
    if window != strides or any(map(any, padding)) or any(n % w for n, w in zip(shape[1:-1], window, strict=True)):
        return None
    return [shape[0], *[m for n, w in zip(shape[1:-1], window, strict=True) for m in (n // w, w)], shape[-1]]


def _lowest(dtype):
    return -np.inf if dtype.kind not in "biu" else (False if dtype.kind == "b" else np.iinfo(dtype).min)


def _seen(source, shape, window, strides):
    """For each element of the window, what it sees at all of the window's places."""
    return [source[(np.s_[:], *_spots(offset, shape[1:-1], strides, (1,) * len(window)))] for offset in _offsets(window)]


@primitive(kept, _pool_shape, lambda g, y, x, **params: (max_pool_grad(x, y, g, **params),))
def max_pool(x, *, window, strides, padding):
    """Largest of each window; padding never wins. NaN if there is one."""
    shape = _pool_shape(x.shape, window=window, strides=strides, padding=padding)
    source = _padded(x, padding, -np.inf if x.dtype.name == "bfloat16" else _lowest(x.dtype))
    first, *others = _seen(source, shape, window, strides)
    y = np.array(first)
    for part in others:
        np.maximum(y, part, out=y)
    return y


def _max_pool_grad_vjp(c, out, x, y, g, *, window, strides, padding):
    """Linear in g: what arrives at the first maximum of each window goes back to its place."""
    rank = len(window)
    low, high = (0, *[lo for lo, _ in padding], 0), (0, *[hi for _, hi in padding], 0)
    nothing = (0,) * (rank + 2)
    source = pad(x, full(shape=(), value=float("-inf"), dtype=x.dtype), low=low, high=high, interior=nothing)
    arrived = pad(c, full(shape=(), value=0, dtype=c.dtype), low=low, high=high, interior=nothing)
    found = full(shape=y.shape, value=False, dtype="bool")
    total = zeros(g.shape, g.dtype)
    for offset in _offsets(window):
        start = (0, *offset, 0)
        limit = (x.shape[0], *[o + (n - 1) * s + 1 for o, n, s in zip(offset, y.shape[1:-1], strides)], x.shape[-1])
        steps = (1, *strides, 1)
        hit = logical_and(equal(slice(source, start=start, limit=limit, strides=steps), y), logical_not(found))
        part = slice(arrived, start=start, limit=limit, strides=steps)
        total = _add(total, where(hit, part, zeros((), g.dtype)))
        found = logical_or(found, hit)
    return None, None, total


@primitive(
    DtypeRule(lambda x, y, g: (dt.strong(x), dt.strong(y), dt.strong(g)), lambda x, y, g, **params: g),
    lambda x, y, g, **params: x,
    _max_pool_grad_vjp,
)
def max_pool_grad(x, y, g, *, window, strides, padding):
    """Cotangent of `max_pool`'s input x from its output y and the output's cotangent g: the first maximum takes all."""
    source = _padded(x, padding, -np.inf if x.dtype.name == "bfloat16" else _lowest(x.dtype))
    grad = np.zeros(source.shape, g.dtype)
    found = np.zeros(y.shape, bool)
    for offset in _offsets(window):
        spots = (np.s_[:], *_spots(offset, y.shape[1:-1], strides, (1,) * len(window)))
        hit = (source[spots] == y) & ~found
        grad[spots] += np.where(hit, g, 0).astype(g.dtype)
        found |= hit
    return grad[(np.s_[:], *[np.s_[lo : n - hi] for n, (lo, hi) in zip(grad.shape[1:-1], padding)])]


@primitive(kept, _pool_shape, lambda g, y, x, **params: (sum_pool_grad(g, input_shape=x.shape, **params),))
def sum_pool(x, *, window, strides, padding):
    """Sum of each window; padding counts as zeros."""
    shape = _pool_shape(x.shape, window=window, strides=strides, padding=padding)
    parts = _seen(_padded(x, padding), shape, window, strides)
    y = parts[0] + parts[1] if len(parts) > 1 else np.array(parts[0])
    for part in parts[2:]:
        y += part
    return y


@primitive(kept, lambda g, *, input_shape, **params: tuple(input_shape), lambda c, y, g, input_shape, **params: (sum_pool(c, **params),))
def sum_pool_grad(g, *, input_shape, window, strides, padding):
    """Adjoint of `sum_pool`: each element of g added to its whole window of an input of `input_shape`."""
    grown = (input_shape[0], *[n + lo + hi for n, (lo, hi) in zip(input_shape[1:-1], padding)], input_shape[-1])
    x = np.zeros(grown, g.dtype)
    for offset in _offsets(window):
        x[(np.s_[:], *_spots(offset, g.shape[1:-1], strides, (1,) * len(window)))] += g
    return x[(np.s_[:], *[np.s_[lo : n - hi] for n, (lo, hi) in zip(grown[1:-1], padding)])]

