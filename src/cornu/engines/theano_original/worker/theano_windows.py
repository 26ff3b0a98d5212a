"""Convolution and pooling as sums and maxima over the places of the window. Plain Python 3.6.

Images have their channels last, as Cornu has them; Theano's own convolution wants them first, and lacks dilated gradients of some kinds.
"""

import itertools

import numpy as np
import theano.tensor as T
from theano_elementwise import like, shaped, size

TABLE = {}


def lowers(function):
    """Decorator: the lowering of the primitive of this name."""
    TABLE[function.__name__] = function
    return function


def _offsets(window):
    return list(itertools.product(*[range(n) for n in window]))


def _spots(offset, counts, strides, dilation):
    """Where the window's element at `offset` looks in the padded input (batch, *spatial, channels)."""
    first = [o * d for o, d in zip(offset, dilation)]
    inner = tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(first, counts, strides))
    return (slice(None),) + inner + (slice(None),)


def _around(x, padding, value=0):
    """x in a larger tensor of that value. Negative padding crops."""
    if not any(map(any, padding)):
        return x, size(x)
    low, high = [(0, *[pair[i] for pair in padding], 0) for i in (0, 1)]
    whole = tuple(max(lo, 0) + n + max(hi, 0) for lo, n, hi in zip(low, size(x), high))
    spots = tuple(slice(max(lo, 0), max(lo, 0) + n) for lo, n in zip(low, size(x)))
    y = T.set_subtensor(T.alloc(like(value, x), *whole)[spots], x)
    y = y[tuple(slice(max(-lo, 0), n - max(-hi, 0)) for lo, n, hi in zip(low, whole, high))]
    return y, tuple(n - max(-lo, 0) - max(-hi, 0) for lo, n, hi in zip(low, whole, high))


def _inside(x, padding, whole):
    """What `_around` came from, of its cotangent."""
    for pair in padding:
        if min(pair) < 0:  # what was cropped gets zeros
            x, whole = _zeros_around(x, padding, whole)
            break
    spots = (slice(None), *[slice(max(lo, 0), n - max(hi, 0)) for (lo, hi), n in zip(padding, whole[1:-1])], slice(None))
    return x[spots]


def _zeros_around(x, padding, whole):
    low, high = [(0, *[max(-pair[i], 0) for pair in padding], 0) for i in (0, 1)]
    larger = tuple(lo + n + hi for lo, n, hi in zip(low, whole, high))
    return T.set_subtensor(T.zeros(larger, x.dtype)[tuple(slice(lo, lo + n) for lo, n in zip(low, whole))], x), larger


def _counts(whole, window, strides, dilation):
    return tuple((n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(whole[1:-1], window, strides, dilation))


def _sum(parts):
    value = parts[0]
    for part in parts[1:]:
        value = value + part
    return value


def _columns(x, g, groups):
    """The channels of a group."""
    n = size(x)[-1] // groups
    return slice(g * n, (g + 1) * n)


def _flat(x, channels):
    return T.reshape(x, (-1, channels), ndim=2)


@lowers
def conv(x, kernel, strides, padding, dilation, groups):
    window, (channels, filters) = size(kernel)[:-2], size(kernel)[-2:]
    padded, whole = _around(x, padding)
    counts = _counts(whole, window, strides, dilation)
    results = []
    for g in range(groups):
        mine = padded[..., _columns(x, g, groups)]
        parts = [
            T.dot(_flat(mine[_spots(offset, counts, strides, dilation)], channels), kernel[offset][:, _columns(kernel, g, groups)])
            for offset in _offsets(window)
        ]
        results.append(_sum(parts))
    return shaped(T.concatenate(results, 1) if groups > 1 else results[0], (size(x)[0],) + counts + (filters,))


@lowers
def conv_grad_input(g, kernel, input_shape, strides, padding, dilation, groups):
    window, (channels, filters) = size(kernel)[:-2], size(kernel)[-2:]
    counts, batch = size(g)[1:-1], size(g)[0]
    whole = (batch, *[n + lo + hi for n, (lo, hi) in zip(input_shape[1:-1], padding)], input_shape[-1])
    results = []
    for group in range(groups):
        flat = _flat(g[..., _columns(g, group, groups)], filters // groups)
        x = T.zeros(whole[:-1] + (channels,), g.dtype)
        for offset in _offsets(window):
            part = T.dot(flat, kernel[offset][:, _columns(kernel, group, groups)].T)
            part = T.reshape(part, (batch,) + counts + (channels,), ndim=len(whole))
            x = T.inc_subtensor(x[_spots(offset, counts, strides, dilation)], part)
        results.append(x)
    return _inside(T.concatenate(results, len(whole) - 1) if groups > 1 else results[0], padding, whole)


@lowers
def conv_grad_kernel(x, g, kernel_shape, strides, padding, dilation, groups):
    window, (channels, filters) = tuple(kernel_shape[:-2]), kernel_shape[-2:]
    counts, (padded, _) = size(g)[1:-1], _around(x, padding)
    results = []
    for group in range(groups):
        flat = _flat(g[..., _columns(g, group, groups)], filters // groups)
        mine = padded[..., _columns(x, group, groups)]
        parts = [T.dot(_flat(mine[_spots(offset, counts, strides, dilation)], channels).T, flat) for offset in _offsets(window)]
        results.append(T.stack(parts, 0))
    value = T.concatenate(results, 2) if groups > 1 else results[0]
    return shaped(value, window + (channels, filters))


# Pooling


def _lowest(x):
    return -np.inf if x.dtype.startswith("float") else np.iinfo(x.dtype).min


def _views(padded, window, counts, strides):
    return [padded[_spots(offset, counts, strides, [1] * len(window))] for offset in _offsets(window)]


@lowers
def max_pool(x, window, strides, padding):
    padded, whole = _around(x, padding, _lowest(x))
    views = _views(padded, window, _counts(whole, window, strides, [1] * len(window)), strides)
    value = views[0]
    for view in views[1:]:
        value = T.maximum(value, view)
    return value


def _added(parts, x_shape, window, strides, padding):
    """Each part where the window's element of its place stands: the adjoint of `_views` of the padded input."""
    whole = (x_shape[0], *[n + lo + hi for n, (lo, hi) in zip(x_shape[1:-1], padding)], x_shape[-1])
    counts = size(parts[0])[1:-1]
    value = T.zeros(whole, parts[0].dtype)
    for offset, part in zip(_offsets(window), parts):
        value = T.inc_subtensor(value[_spots(offset, counts, strides, [1] * len(window))], part)
    return _inside(value, padding, whole)


@lowers
def max_pool_grad(x, y, g, window, strides, padding):
    """To the first of the largest."""
    padded, _ = _around(x, padding, _lowest(x))
    found, parts = None, []
    for view in _views(padded, window, size(g)[1:-1], strides):
        hit = T.eq(view, y)
        first = hit if found is None else T.and_(hit, T.invert(found))
        found = hit if found is None else T.or_(found, hit)
        parts.append(T.switch(first, g, like(0, g)))
        parts[-1].tag.size = size(g)
    return _added(parts, size(x), window, strides, padding)


@lowers
def sum_pool(x, window, strides, padding):
    padded, whole = _around(x, padding)
    return _sum(_views(padded, window, _counts(whole, window, strides, [1] * len(window)), strides))


@lowers
def sum_pool_grad(g, input_shape, window, strides, padding):
    return _added([g] * int(np.prod(window)), input_shape, window, strides, padding)


__all__ = ["TABLE"]
