"""Matrix products, convolution, pooling and control flow as CNTK nodes. Plain Python 3.6.

Pictures go through CNTK's own convolution and pooling (`Tensor.images`). Where these can't (other ranks, dilation, groups; strides or
padding for some) or are slower, images have their channels last, as Cornu has them, and a convolution is a sum of matrix products, one
for each place of the window.
"""

import itertools

import cntk as C
import numpy as np
from cntk_elementwise import TABLE, lowers
from cntk_structure import padded, sliced
from cntk_tensor import Images, choose, constant, is_nan, like, moved, over, shaped, spread, unbatched

FEW_CHANNELS = 4  # up to these, all places of the window go into one matrix product
MANY_CHANNELS = 64  # from these on, matrix products are the quicker gradient of a kernel


def product(x1, x2):
    """Matrix product of expressions over the last two axes."""
    a, b = tuple(x1.shape), tuple(x2.shape)
    if len(b) == 2:
        return C.times(x1, x2)
    lead = np.broadcast(np.empty(a[:-2], bool), np.empty(b[:-2], bool)).shape
    count = int(np.prod(lead, dtype=int))
    x1 = shaped(spread(x1, lead + a[-2:]), (count,) + a[-2:])
    x2 = shaped(spread(x2, lead + b[-2:]), (count,) + b[-2:])
    if count == 1:
        value = C.times(shaped(x1, a[-2:]), shaped(x2, b[-2:]))
    else:
        value = C.unpack_batch(C.times(C.to_batch(x1), C.to_batch(x2)))
    return C.reshape(value, lead + (a[-2], b[-1]))


@lowers()
def matmul(x1, x2):
    if x2.swapped is not None and len(x1.shape) == len(x2.shape) == 2:
        return C.times_transpose(x1.expression, x2.swapped.expression)
    return product(x1.expression, x2.expression)


# CNTK's own convolution


def _plain(window, dilation, groups):
    """Whether CNTK's convolution takes these. (Of windows of one element it is slower than their one matrix product.)"""
    return len(window) == 2 and set(window) != {1} and groups == 1 and set(dilation) == {1}


def _channels_first(kernel):
    """A kernel (*window, channels, filters) as (filters, channels, *window)."""
    return moved(kernel, (3, 2, 0, 1))


def _framed(images, padding):
    """Images with zeros around them, or cut where `padding` is negative."""
    return padded(images, [0] + [lo for lo, _ in padding], [0] + [hi for _, hi in padding])


def _across_batch(x):
    """Images with channels and batch in each other's place."""
    if not x.are_images:
        return moved(x.expression, (3, 0, 1, 2))
    batch, channels = x.shape[0], x.shape[-1]
    planes = C.reshape(C.unpack_batch(x.images), (batch * channels,) + tuple(x.images.shape[1:]))
    turned = constant(np.arange(batch * channels).reshape(batch, channels).T.ravel(), planes.dtype)
    return C.reshape(C.gather(planes, turned), (channels, batch) + planes.shape[1:])  # C.transpose starts and awaits threads for each plane


# Windows


def _offsets(window):
    return itertools.product(*[range(n) for n in window])


def _view(x, offset, counts, strides, dilation):
    """The elements that the window's element at `offset` sees in the padded x (batch, *spatial, channels)."""
    start = [o * d for o, d in zip(offset, dilation)]
    limit = [lo + (n - 1) * s + 1 for lo, n, s in zip(start, counts, strides)]
    return sliced(x, [0] + start + [0], [x.shape[0]] + limit + [x.shape[-1]], [1] + list(strides) + [1])


def _around(x, padding, value=0.0):
    return padded(x, [0] + [lo for lo, _ in padding] + [0], [0] + [hi for _, hi in padding] + [0], value=value)


def _sum(parts):
    value = parts[0]
    for part in parts[1:]:
        value = C.plus(value, part)
    return value


def _by_groups(function, x1, x2, groups, axis2):
    """Apply to each group of channels; x2 is cut along `axis2`."""
    if groups == 1:
        return function(x1, x2)
    n1, n2 = x1.shape[-1] // groups, x2.shape[axis2] // groups
    cut = lambda x, axis, n, g: sliced(x, *zip(*[(g * n, g * n + n) if i == axis else (0, k) for i, k in enumerate(x.shape)]))  # noqa: E731
    return C.splice(
        *[function(cut(x1, len(x1.shape) - 1, n1, g), cut(x2, axis2, n2, g)) for g in range(groups)], axis=len(x2.shape) - 1
    )


def _convolved(x, kernel, counts, strides, padding, dilation):
    window, (channels, filters) = kernel.shape[:-2], kernel.shape[-2:]
    x = _around(x, padding)
    views = [_view(x, offset, counts, strides, dilation) for offset in _offsets(window)]
    if len(views) > 1 and channels <= FEW_CHANNELS:
        return C.times(C.splice(*views, axis=len(x.shape) - 1), shaped(kernel, (len(views) * channels, filters)))
    flat = shaped(kernel, (len(views), channels, filters))
    return _sum([C.times(view, shaped(sliced(flat, [i, 0, 0], [i + 1, channels, filters]), (channels, filters))) for i, view in enumerate(views)])


@lowers()
def conv(x, kernel, strides, padding, dilation, groups):
    if _plain(kernel.shape[:-2], dilation, groups):
        kernel, images = _channels_first(kernel.expression), _framed(x.images, padding)
        return Images(C.convolution(kernel, images, strides=tuple(strides), auto_padding=[False]))
    counts = [
        (n + lo + hi - (k - 1) * d - 1) // s + 1
        for n, k, s, (lo, hi), d in zip(x.shape[1:-1], kernel.shape, strides, padding, dilation)
    ]
    one = lambda a, b: _convolved(a, b, counts, strides, padding, dilation)  # noqa: E731
    return _by_groups(one, x.expression, kernel.expression, groups, len(kernel.shape) - 1)


@lowers()
def conv_grad_input(g, kernel, input_shape, strides, padding, dilation, groups):
    """A convolution of the spread-out cotangent with the kernel turned round."""
    window = kernel.shape[:-2]
    if _plain(window, dilation, groups):
        whole = C.convolution_transpose(_channels_first(kernel.expression), g.images, strides=tuple(strides), auto_padding=[False])
        cut = [(-lo, n + lo - m) for n, m, (lo, _) in zip(input_shape[1:-1], whole.shape[1:], padding)]
        return Images(_framed(whole, cut))
    low = [(k - 1) * d - lo for k, d, (lo, _) in zip(window, dilation, padding)]
    grown = [(n - 1) * s + 1 for n, s in zip(g.shape[1:-1], strides)]
    high = [n - lo - m + (k - 1) * d for n, lo, m, k, d in zip(input_shape[1:-1], low, grown, window, dilation)]
    cotangent = padded(g.expression, [0] + low + [0], [0] + high + [0], [0] + [s - 1 for s in strides] + [0])
    rank, spatial = len(window), tuple(range(len(window)))
    turned = kernel.expression
    axes = [i for i in spatial if window[i] > 1]
    if axes:
        turned = C.slice(turned, axes, [0] * len(axes), [window[i] for i in axes], [-1] * len(axes))

    def one(a, b):
        b = C.transpose(b, spatial + (rank + 1, rank))
        return _convolved(a, b, input_shape[1:-1], [1] * rank, [(0, 0)] * rank, dilation)

    return _by_groups(one, cotangent, turned, groups, rank + 1)


@lowers()
def conv_grad_kernel(x, g, kernel_shape, strides, padding, dilation, groups):
    window, rank = kernel_shape[:-2], len(kernel_shape) - 2
    if _plain(window, dilation, groups) and set(strides) == {1} and x.shape[-1] < MANY_CHANNELS:
        # A convolution in which the channels are the batch, and the cotangent is the kernel.
        value = C.convolution(_across_batch(g), _framed(C.to_batch(_across_batch(x)), padding), auto_padding=[False])
        return moved(unbatched(value, x.shape[-1]), (2, 3, 0, 1))
    counts = g.shape[1:-1]
    places = g.shape[0] * int(np.prod(counts))

    def one(a, b):
        channels, filters = a.shape[-1], b.shape[-1]
        a, b = _around(a, padding), shaped(b, (places, filters))
        views = [_view(a, offset, counts, strides, dilation) for offset in _offsets(window)]
        if channels == 1:  # a row for each place of the window, all in one product
            rows = [shaped(view, (1, places)) for view in views]
            value = C.times(C.splice(*rows, axis=0) if len(rows) > 1 else rows[0], b)
        else:  # filters by channels for each place of the window
            turned = C.transpose(b, (1, 0))
            parts = [C.times(turned, shaped(view, (places, channels))) for view in views]
            value = C.splice(*parts, axis=0) if len(parts) > 1 else parts[0]
            value = C.transpose(C.reshape(value, (len(parts), filters, channels)), (0, 2, 1))
        return C.reshape(value, tuple(window) + (channels, filters))

    return _by_groups(one, x.expression, g.expression, groups, rank + 1)


# Pooling

_LOWEST = {"f": -np.inf, "i": -(2.0 ** 31), "b": 0.0}


def _padded_lowest(x, padding):
    """x with what never wins around it."""
    if not any(map(any, padding)):
        return x.expression
    inside = _around(constant(np.ones(x.shape), x.carrier), padding)
    return choose(inside, _around(x.expression, padding), like(_LOWEST[x.kind], x.expression))


def _tiles(window, strides, padding):
    """Whether windows neither overlap nor leave gaps; then a reduction over a reshape will do.

    Not so for choices between tiles of three spatial axes, which have more dimensions than CNTK takes there.
    """
    return list(window) == list(strides) and not any(map(any, padding))


def _tiled(x, window):
    """x (batch, *spatial, channels) under the shape (batch, count, window, count, window, …, channels), without the rest at the end.

    Returns that, and the axes of the windows.
    """
    counts = [n // k for n, k in zip(x.shape[1:-1], window)]
    x = sliced(x, [0] * len(x.shape), [x.shape[0]] + [n * k for n, k in zip(counts, window)] + [x.shape[-1]])
    inner = [size for pair in zip(counts, window) for size in pair]
    return shaped(x, [x.shape[0]] + inner + [x.shape[-1]]), [2 + 2 * i for i in range(len(window))]


def _per_tile(y):
    """A result of pooling, beside the tiles."""
    return shaped(y, [y.shape[0]] + [size for n in y.shape[1:-1] for size in (n, 1)] + [y.shape[-1]])


def _untiled(tiles, shape, window):
    """The inverse of `_tiled`: tiles as an expression of `shape`, with zeros in the rest."""
    whole = [n // k * k for n, k in zip(shape[1:-1], window)]
    x = shaped(tiles, [shape[0]] + whole + [shape[-1]])
    return padded(x, [0] * len(shape), [0] + [n - m for n, m in zip(shape[1:-1], whole)] + [0])


def _views(x, window, counts, strides):
    return [_view(x, offset, counts, strides, [1] * len(window)) for offset in _offsets(window)]


def _counts(x, window, strides, padding):
    return [(n + lo + hi - k) // s + 1 for n, k, s, (lo, hi) in zip(x.shape[1:-1], window, strides, padding)]


@lowers()
def max_pool(x, window, strides, padding):
    if len(window) == 2 and not any(map(any, padding)):
        pooled = lambda y: C.pooling(y, C.MAX_POOLING, tuple(window), tuple(strides))  # noqa: E731
        value = pooled(x.images)
        return Images(value if x.finite else choose(pooled(is_nan(x.images)), like(np.nan, value), value))
    nan = None if x.finite else is_nan(x.expression)
    if _tiles(window, strides, padding):
        tiles, axes = _tiled(x.expression, window)
        value = over(C.reduce_max, tiles, axes)
        nan = nan and over(C.reduce_max, _tiled(nan, window)[0], axes)
    else:
        counts = _counts(x, window, strides, padding)
        value = _largest(_views(_padded_lowest(x, padding), window, counts, strides))
        nan = nan and _largest(_views(_around(nan, padding), window, counts, strides))
    return value if nan is None else choose(nan, like(np.nan, value), value)


def _largest(parts):
    value = parts[0]
    for part in parts[1:]:
        value = C.element_max(value, part)
    return value


def _spread_out(parts, x, window, strides, padding):
    """Add each part where the window's element of its place stands: the adjoint of `_views` of the padded x."""
    rank = len(window)
    whole = [n + lo + hi for n, (lo, hi) in zip(x[1:-1], padding)]
    grown = []
    for offset, part in zip(_offsets(window), parts):
        used = [(n - 1) * s + 1 for n, s in zip(part.shape[1:-1], strides)]
        low = [o - lo for o, (lo, _) in zip(offset, padding)]
        high = [m - o - u - hi for m, o, u, (_, hi) in zip(whole, offset, used, padding)]
        spread_part = padded(part, [0] + [0] * rank + [0], [0] * (rank + 2), [0] + [s - 1 for s in strides] + [0])
        grown.append(padded(spread_part, [0] + low + [0], [0] + high + [0]))
    return _sum(grown)


@lowers()
def max_pool_grad(x, y, g, window, strides, padding):
    if _tiles(window, strides, padding) and len(window) == 2:
        g = g.images if y.finite else choose(is_nan(y.images), like(0, g.images), g.images)  # NaN is no maximum
        return Images(C.unpooling(g, x.images, C.MAX_UNPOOLING, tuple(window), tuple(strides)), summed=g)
    if _tiles(window, strides, padding) and len(window) == 1:
        tiles, axes = _tiled(x.expression, window)
        ranks = np.arange(int(np.prod(window)), 0, -1).reshape([size for k in window for size in (1, k)] + [1])
        rank = C.element_times(C.equal(tiles, spread(_per_tile(y.expression), tiles.shape)), constant(ranks, tiles.dtype))  # 0 where it is not the largest
        best = C.element_max(like(0.5, tiles), over(C.reduce_max, rank, axes))
        return _untiled(choose(C.equal(rank, spread(best, tiles.shape)), _per_tile(g.expression), like(0, g.expression)), x.shape, window)
    counts = g.shape[1:-1]
    found, parts = None, []
    for view in _views(_padded_lowest(x, padding), window, counts, strides):
        hit = C.equal(view, y.expression)
        first = hit if found is None else C.element_times(hit, C.minus(like(1, found), found))
        found = hit if found is None else C.plus(found, first)
        parts.append(choose(first, g.expression, like(0, g.expression)))
    return _spread_out(parts, x.shape, window, strides, padding)


@lowers()
def sum_pool(x, window, strides, padding):
    if _tiles(window, strides, padding):
        tiles, axes = _tiled(x.expression, window)
        return over(C.reduce_sum, tiles, axes)
    counts = _counts(x, window, strides, padding)
    return _sum(_views(_around(x.expression, padding), window, counts, strides))


@lowers()
def sum_pool_grad(g, input_shape, window, strides, padding):
    if _tiles(window, strides, padding) and len(window) < 3:
        tile = [size for n, k in zip(g.shape[1:-1], window) for size in (n, k)]
        return _untiled(spread(_per_tile(g.expression), [g.shape[0]] + tile + [g.shape[-1]]), input_shape, window)
    parts = [g.expression] * int(np.prod(window))
    return _spread_out(parts, input_shape, window, strides, padding)


__all__ = ["TABLE", "constant", "product"]
