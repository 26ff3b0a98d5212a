"""Random arguments of convolution, pooling and what else looks through windows, with references by direct sums."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from op_table.case import Array
from op_table.drawing import ANY, FLOATS, Draw, Numbers, fuzzed


def windows(x: Array, window: Any, strides: Any, dilation: Any) -> Array:
    """(N, *places, *window, C) of (N, *spatial, C)."""
    rank = len(window)
    reach = [(k - 1) * s + 1 for k, s in zip(window, dilation, strict=True)]
    views = np.lib.stride_tricks.sliding_window_view(x, reach, tuple(range(1, rank + 1)))  # (N, *places, C, *reach)
    steps = tuple(slice(None, None, s) for s in strides)
    views = views[(slice(None), *steps, slice(None), *[slice(None, None, s) for s in dilation])]
    return np.moveaxis(views, rank + 1, -1)


def padded(x: Array, window: Any, strides: Any, dilation: Any, padding: str, value: float) -> Array:
    if padding == "valid":
        return x
    pairs = []
    for n, k, s, apart in zip(x.shape[1:-1], window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * apart + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return np.pad(x, [(0, 0), *pairs, (0, 0)], constant_values=value)


def _last(function: Any) -> Any:
    """A reference for channels in the last place made one for both data formats."""

    def reference(x: Array, *args: Any, data_format: str, **kwargs: Any) -> Array:
        if data_format == "channels_last":
            return function(x, *args, **kwargs)
        return np.moveaxis(function(np.moveaxis(x, 1, -1), *args, **kwargs), -1, 1)

    return reference


def _by_name(function: Any) -> Any:
    """A reference whose settings of convolutions have names."""
    return _last(lambda *args, strides, padding, dilation_rate: function(*args, strides, padding, dilation_rate))


def _conv(x: Array, kernel: Array, strides: int, padding: str, dilation_rate: int) -> Array:
    window = kernel.shape[:-2]
    steps, apart = (strides,) * len(window), (dilation_rate,) * len(window)
    seen = windows(padded(x, window, steps, apart, padding, 0.0), window, steps, apart)
    groups = x.shape[-1] // kernel.shape[-2]
    parts = zip(np.split(seen, groups, -1), np.split(kernel, groups, -1), strict=True)
    return np.concatenate([np.tensordot(a, b, len(window) + 1) for a, b in parts], -1)


def _max_pooled(seen: Array, inside: Array, axes: Any) -> Array:
    return np.max(np.where(inside, seen, -np.inf), axes)


def _average_pooled(seen: Array, inside: Array, axes: Any) -> Array:
    return np.sum(np.where(inside, seen, 0), axes) / np.sum(inside, axes)


def _pooled(reduce: Any) -> Any:
    def reference(x: Array, pool_size: int, strides: int, padding: str) -> Array:
        window, ones = (pool_size,) * (x.ndim - 2), (1,) * (x.ndim - 2)
        steps = (strides,) * len(window)
        both = x, np.ones(x.shape, bool)
        seen, inside = (windows(padded(a, window, steps, ones, padding, 0), window, steps, ones) for a in both)
        return reduce(seen, inside, tuple(range(x.ndim - 1, seen.ndim - 1)))

    return _last(reference)


def _images(d: Draw, shape: Any, dtype: str | None, wanted: Numbers = FLOATS) -> tuple[Array, str]:
    data_format = d.of("channels_last", "channels_first")
    x = d.tensor(shape, wanted, dtype)
    return (x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, 1))), data_format


SCALES = [(1, 1), (2, 1), (3, 1), (1, 2)]  # strides, dilation


def _sizes(d: Draw, least: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(N, *spatial) of images, and a window, which may be the larger one."""
    rank = d.int(1, 3)
    return (d.int(least, 2), *[d.int(1, 7) for _ in range(rank)]), tuple([d.int(1, 4) for _ in range(rank)])


@fuzzed("conv", _by_name(_conv), "first", 64.0, True)
def _convolution(d: Draw) -> Any:
    (shape, window), groups = _sizes(d), d.of(1, 1, 2)
    channels, filters = d.int(1, 3), d.int(1, 3)
    return _layer(d, (*shape, channels * groups), (*window, channels, filters * groups))


def _layer(d: Draw, shape: Any, *kernels: Any) -> Any:
    """Inputs and kernels of one dtype, with the settings of convolutions."""
    x, data_format = _images(d, shape, d.dtype("f"))
    strides, dilation = d.of(*SCALES)
    weights = [d.tensor(kernel, FLOATS, x.dtype.name) for kernel in kernels]
    fits = all((k - 1) * dilation < n for n, k in zip(shape[1:-1], kernels[0]))
    padding = d.of("valid", "same") if fits else "same"
    return (x, *weights), {"strides": strides, "padding": padding, "dilation_rate": dilation, "data_format": data_format}


def _depthwise(x: Array, kernel: Array, *settings: Any) -> Array:
    """Each channel by itself."""
    channels = zip(np.split(x, x.shape[-1], -1), np.split(kernel, x.shape[-1], -2), strict=True)
    return np.concatenate([_conv(part, own, *settings) for part, own in channels], -1)


def _separable(x: Array, deep: Array, point: Array, *settings: Any) -> Array:
    return _depthwise(x, deep, *settings) @ point.reshape(point.shape[-2:])


@fuzzed("depthwise_conv", _by_name(_depthwise), "first", 64.0, True)
def _depthwise_convolution(d: Draw) -> Any:
    (shape, window), channels = _sizes(d), d.int(1, 3)
    return _layer(d, (*shape, channels), (*window, channels, d.int(1, 2)))


@fuzzed("separable_conv", _by_name(_separable), "first", 64.0, True)
def _separable_convolution(d: Draw) -> Any:
    return _layer(d, *d.of(((2, 6, 3), (2, 3, 2), (1, 6, 2)), ((1, 5, 6, 2), (2, 3, 2, 1), (1, 1, 2, 3))))


def transposed(x: Array, kernel: Array, strides: Any, padding: str, output_padding: Any, dilation_rate: Any) -> Array:
    """Each input element adds its multiple of the kernel to what a window there covers; then the ends are cut off or filled."""
    window, spatial = kernel.shape[:-2], x.shape[1:-1]
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation_rate, strict=True)]
    whole = [(n - 1) * s + r for n, s, r in zip(spatial, strides, reach, strict=True)]
    y = np.zeros((x.shape[0], *whole, kernel.shape[-2]))
    for place in np.ndindex(*spatial):
        for offset in np.ndindex(*window):
            at = tuple(p * s + o * d for p, s, o, d in zip(place, strides, offset, dilation_rate, strict=True))
            y[(slice(None), *at)] += x[(slice(None), *place)] @ kernel[offset].T
    for axis, (n, s, r, full) in enumerate(zip(spatial, strides, reach, whole, strict=True), start=1):
        if output_padding is None:
            size = n * s if padding == "same" else n * s + max(r - s, 0)
        else:
            size = full + output_padding - (2 * (r // 2) if padding == "same" else 0)
        start = max(full - size, 0) // 2
        grown = np.pad(y, [(0, max(size - full, 0)) if i == axis else (0, 0) for i in range(y.ndim)])
        y = np.take(grown, range(start, start + size), axis)
    return y


def _conv_transpose(x: Array, kernel: Array, strides: int, padding: str, output_padding: Any, dilation_rate: int) -> Array:
    rank = x.ndim - 2
    return transposed(x, kernel, (strides,) * rank, padding, output_padding, (dilation_rate,) * rank)


@fuzzed("conv_transpose", _last(_conv_transpose), "first", 64.0, True)
def _transposed_convolution(d: Draw) -> Any:
    shape, window = _sizes(d)
    channels = d.int(1, 3)
    args, kwargs = _layer(d, (*[min(n, 4) for n in shape], channels), (*window, d.int(1, 3), channels))
    return args, {**kwargs, "output_padding": d.of(None, None, *range(kwargs["strides"]))}


MILD = Numbers("f", edges="mild")

for _op, _reduce in (("max_pool", _max_pooled), ("average_pool", _average_pooled)):

    @fuzzed(_op, _pooled(_reduce), "first", 32.0, True)
    def _pooling(d: Draw) -> Any:
        shape, (size, *_) = _sizes(d, 1)
        x, data_format = _images(d, (*shape, d.int(1, 3)), d.dtype("f"), MILD)
        padding = d.of("valid", "same") if size <= min(shape[1:]) else "same"
        return (x, size), {"strides": d.int(1, 3), "padding": padding, "data_format": data_format}


def _adaptive(reduce: Any) -> Any:
    def reference(x: Array, output_size: Any) -> Array:
        sizes = (output_size,) * (x.ndim - 2) if isinstance(output_size, int) else output_size
        spans = [[slice(i * n // k, -(-(i + 1) * n // k)) for i in range(k)] for n, k in zip(x.shape[1:-1], sizes, strict=True)]
        axes = tuple(range(1, x.ndim - 1))
        rows = [reduce(x[(slice(None), *place)], axes) for place in itertools.product(*spans)]
        return np.stack(rows, 1).reshape(x.shape[0], *sizes, x.shape[-1])

    return _last(reference)


for _op, _reduce in (("adaptive_max_pool", np.max), ("adaptive_average_pool", np.mean)):

    @fuzzed(_op, _adaptive(_reduce), "first", 32.0, True)
    def _adaptive_pooling(d: Draw) -> Any:
        shape, size = d.of(((2, 7, 3), 3), ((2, 5, 6, 2), (2, 4)), ((1, 3, 4, 5, 2), 2), ((1, 2, 3, 1), 4))
        x, data_format = _images(d, shape, d.dtype("f"), MILD)
        return (x, size), {"data_format": data_format}


# Windows as columns, blocks as channels


def _unfold(x: Array, kernel_size: Any, dilation: int, padding: int, stride: int) -> Array:
    around = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    seen = windows(np.moveaxis(around, 1, -1), kernel_size, (stride,) * 2, (dilation,) * 2)  # (N, H, W, *window, C)
    return np.transpose(seen, (0, 5, 3, 4, 1, 2)).reshape(x.shape[0], -1, seen.shape[1] * seen.shape[2])


def _fold(x: Array, output_size: Any, *settings: Any) -> Array:
    """By what `unfold` makes of where the elements stand."""
    channels = x.shape[1] // int(np.prod(settings[0]))
    count = channels * output_size[0] * output_size[1]
    places = _unfold(np.arange(1, count + 1).reshape(1, channels, *output_size), *settings)[0]  # 0: padding
    y = np.zeros((x.shape[0], count + 1))
    np.add.at(y, (slice(None), places), x)
    return y[:, 1:].reshape(x.shape[0], channels, *output_size)


FOLDS = [((2, 3), 1, 1, 2), ((2, 2), 2, 0, 1), ((1, 2), 1, 0, 1)]  # window, dilation, padding, stride


@fuzzed("unfold", _unfold, "first", 0.0)
def _unfolding(d: Draw) -> Any:
    return (d.tensor(d.of((2, 3, 4, 5), (1, 1, 4, 4)), ANY), *d.of(*FOLDS)), {}


@fuzzed("fold", _fold, "first", 32.0, True)
def _folding(d: Draw) -> Any:
    size, settings = (4, 5), d.of(*FOLDS)
    shape = _unfold(np.zeros((2, 3, *size)), *settings).shape
    return (d.tensor(shape, FLOATS), size, *settings), {}


def _depth_to_space(x: Array, block_size: int) -> Array:
    n, height, width, depth = x.shape
    y = np.empty((n, height * block_size, width * block_size, depth // block_size**2), x.dtype)
    for i, (a, b) in enumerate(itertools.product(range(block_size), repeat=2)):
        y[:, a::block_size, b::block_size] = x[..., i * y.shape[-1] : (i + 1) * y.shape[-1]]
    return y


def _space_to_depth(x: Array, block_size: int) -> Array:
    parts = itertools.product(range(block_size), repeat=2)
    return np.concatenate([x[:, a::block_size, b::block_size] for a, b in parts], -1)


for _op, _reference, _shapes in (
    ("depth_to_space", _depth_to_space, (((2, 2, 3, 8), 2), ((1, 1, 2, 9), 3))),
    ("space_to_depth", _space_to_depth, (((2, 4, 6, 2), 2), ((1, 3, 6, 1), 3))),
):

    @fuzzed(_op, _last(_reference), "first", 0.0)
    def _blocks(d: Draw, shapes: Any = _shapes) -> Any:
        shape, size = d.of(*shapes)
        x, data_format = _images(d, shape, None, ANY)
        return (x, size), {"data_format": data_format}


@fuzzed("extract_sequences", lambda x, n, step: np.lib.stride_tricks.sliding_window_view(x, n, -1)[..., ::step, :], "first", 0.0)
def _sequences(d: Draw) -> Any:
    return (d.tensor(d.of((7,), (2, 7), (0, 7)), ANY), d.int(1, 7), d.int(1, 4)), {}
