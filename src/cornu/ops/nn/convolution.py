"""Convolution and what is like it: windows unrolled and summed back, blocks of depth and space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of, size_given
from cornu.ops.layout import (
    channels_last,
    explicit_padding,
    pad_axes,
    padding_name,
    per_dimension,
    spatial_rank,
    window_places,
    with_channels_last,
)
from cornu.ops.op import export, op

Tensor = Any


def _kernel_window(kernel: Tensor, rank: int, where: str) -> tuple[int, ...]:
    """The spatial sizes of a kernel (*window, in, out)."""
    if len(shape_of(kernel)) != rank + 2:
        raise ValueError(f"{where}: inputs with {rank} spatial dimensions need a kernel of rank {rank + 2}, got shape {shape_of(kernel)}.")
    return shape_of(kernel)[:-2]


@op
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution (cross-correlation) in 1 to 3 spatial dimensions.

    Args:
        inputs: (N, *spatial, C), or (N, C, *spatial) for "channels_first".
        kernel: (*window, C / groups, filters); fewer channels than the inputs have make it a grouped convolution.
        strides: steps of the window, an int or one per dimension.
        padding: "valid" (none), or "same": zeros so that there are ceil(size / stride) places, the odd one at the end.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.
        dilation_rate: distance between the elements of a window, an int or one per dimension.

    Returns:
        (N, *places, filters), the channels where the inputs have them.

    Raises:
        ValueError: if the kernel doesn't fit the inputs, or an argument is none of these.
    """
    rank = spatial_rank(inputs, "conv")
    strides, dilation = per_dimension(strides, rank, "conv: strides"), per_dimension(dilation_rate, rank, "conv: dilation_rate")
    window = _kernel_window(kernel, rank, "conv")

    def body(x: Tensor) -> Tensor:
        channels, taken = shape_of(x)[-1], shape_of(kernel)[-2]
        if not taken or channels % taken:
            raise ValueError(f"conv: a kernel of shape {shape_of(kernel)} doesn't fit inputs of shape {shape_of(inputs)} with {channels} channels.")
        pairs = explicit_padding(padding, shape_of(x)[1:-1], window, strides, dilation, "conv")
        return P.conv(x, kernel, strides=strides, padding=pairs, dilation=dilation, groups=channels // taken)

    return with_channels_last(inputs, data_format, "conv", body)


@op
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Each channel convolved with its own filters: C * multiplier channels come out. Other arguments and errors: see `conv`.

    kernel: (*window, C, multiplier).
    """
    *window, channels, multiplier = (*_kernel_window(kernel, spatial_rank(inputs, "depthwise_conv"), "depthwise_conv"), *shape_of(kernel)[-2:])
    given = shape_of(inputs)[-1 if channels_last(data_format, "depthwise_conv") else 1]
    if given != channels:
        raise ValueError(f"depthwise_conv: a kernel of shape {shape_of(kernel)} doesn't fit inputs of shape {shape_of(inputs)} with {given} channels.")
    flat = P.reshape(kernel, shape=(*window, 1, channels * multiplier))
    return conv(inputs, flat, strides, padding, data_format, dilation_rate)


@op
def separable_conv(inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """A depthwise convolution, then one of window 1 that mixes the channels.

    depthwise_kernel: (*window, C, multiplier); pointwise_kernel: (1, ..., C * multiplier, filters). The other arguments, all of
    the first convolution, and errors: see `conv`.
    """
    between = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(between, pointwise_kernel, 1, "valid", data_format, 1)


@op
def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1):
    """Transposed convolution: the adjoint of `conv` in its input, for upsampling.

    Args:
        inputs: (N, *spatial, C), or (N, C, *spatial) for "channels_first".
        kernel: (*window, filters, C).
        strides: how far the inputs' elements are moved apart, an int or one per dimension.
        padding: "valid" keeps everything that a window reaches, "same" gives spatial * strides.
        output_padding: chooses the size where several fit: (n - 1) * stride + window - 2 * pad + output_padding, with pad 0 for
            "valid" and window // 2 for "same". Less than the strides.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.
        dilation_rate: distance between the elements of a window, an int or one per dimension.

    Raises:
        ValueError: if the kernel doesn't fit the inputs, or an argument is none of these.
    """
    rank = spatial_rank(inputs, "conv_transpose")
    strides = per_dimension(strides, rank, "conv_transpose: strides")
    dilation = per_dimension(dilation_rate, rank, "conv_transpose: dilation_rate")
    window = _kernel_window(kernel, rank, "conv_transpose")
    same = padding_name(padding, "conv_transpose") == "same"
    extra = (None,) * rank if output_padding is None else per_dimension(output_padding, rank, "conv_transpose: output_padding", 0)
    for more, step in zip(extra, strides, strict=True):
        if more is not None and more >= step:
            raise ValueError(f"conv_transpose: output_padding {output_padding} must be less than strides {strides}.")

    def body(x: Tensor) -> Tensor:
        if shape_of(x)[-1] != shape_of(kernel)[-1]:
            raise ValueError(f"conv_transpose: a kernel of shape {shape_of(kernel)} doesn't fit inputs of shape {shape_of(inputs)}.")
        sizes, pairs = [], []
        for n, k, s, d, more in zip(shape_of(x)[1:-1], window, strides, dilation, extra, strict=True):
            reach = (k - 1) * d + 1
            whole = (n - 1) * s + reach
            if more is None:
                size = n * s if same else max(whole, n * s)
            else:
                size = whole - (2 * (reach // 2) if same else 0) + more
            cropped = max(whole - size, 0)
            sizes.append(size)
            pairs.append((cropped // 2, cropped - cropped // 2))
        shape = (shape_of(x)[0], *sizes, shape_of(kernel)[-2])
        return P.conv_grad_input(x, kernel, input_shape=shape, strides=strides, padding=tuple(pairs), dilation=dilation, groups=1)

    return with_channels_last(inputs, data_format, "conv_transpose", body)


@op
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of images as columns: (N, C, H, W) -> (N, C * window, places).

    Args:
        kernel_size: of the window. This and the following: an int, or a pair for height and width.
        dilation: distance between the elements of a window.
        padding: how many zeros stand on either side.
        stride: of the window.

    Raises:
        ValueError: for x of another rank, or a window larger than the images.
    """
    window, dilation, padding, stride = _fold_arguments(x, 4, "unfold", kernel_size, dilation, padding, stride)
    n, channels, *_ = shape_of(x)
    x = pad_axes(x, {2 + i: (p, p) for i, p in enumerate(padding)})
    counts = []
    for i in (0, 1):
        places = window_places(shape_of(x)[2 + 2 * i], window[i], stride[i], dilation[i], "unfold")
        counts.append(len(places))
        x = P.take(x, places.T, axis=2 + 2 * i)  # (N, C, window, count, ...)
    x = P.transpose(x, axes=(0, 1, 2, 4, 3, 5))
    return P.reshape(x, shape=(n, channels * math.prod(window), math.prod(counts)))


@op
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns summed back into images: (N, C * window, places) -> (N, C, *output_size). The adjoint of `unfold`.

    output_size: an int, or (H, W). The others: see `unfold`.

    Raises:
        ValueError: if x doesn't have as many columns as such images have windows.
    """
    window, dilation, padding, stride = _fold_arguments(x, 3, "fold", kernel_size, dilation, padding, stride)
    size = per_dimension(output_size, 2, "fold: output_size")
    n, rows, columns = shape_of(x)
    grown = [a + 2 * p for a, p in zip(size, padding, strict=True)]
    places = [window_places(grown[i], window[i], stride[i], dilation[i], "fold") for i in (0, 1)]
    if rows % math.prod(window) or columns != len(places[0]) * len(places[1]):
        raise ValueError(
            f"fold: columns of shape {shape_of(x)} don't fit images of size {size} with windows {window}: "
            f"(N, C * {math.prod(window)}, {len(places[0]) * len(places[1])}) is needed."
        )
    channels = rows // math.prod(window)
    x = P.reshape(x, shape=(n, channels, *window, len(places[0]), len(places[1])))
    x = P.transpose(x, axes=(2, 4, 3, 5, 0, 1))
    where = np.stack(np.broadcast_arrays(places[0].T[:, :, None, None], places[1].T[None, None]), -1).astype("int32")
    summed = P.scatter(P.full(shape=(*grown, n, channels), value=0, dtype=dtype_of(x)), where, x, mode="add")
    return pad_axes(P.transpose(summed, axes=(2, 3, 0, 1)), {2 + i: (-p, -p) for i, p in enumerate(padding)})


def _fold_arguments(x: Tensor, rank: int, where: str, *values: Any) -> list[tuple[int, ...]]:
    if len(shape_of(x)) != rank:
        raise ValueError(f"{where}: expected a tensor of rank {rank}, got shape {shape_of(x)}.")
    named = zip(("kernel_size", "dilation", "padding", "stride"), values, (1, 1, 0, 1), strict=True)
    return [per_dimension(value, 2, f"{where}: {name}", least) for name, value, least in named]


def _block(x: Tensor, block_size: int, where: str) -> int:
    if len(shape_of(x)) != 4:
        raise ValueError(f"{where}: expected images of rank 4, got shape {shape_of(x)}.")
    return size_given(block_size, f"{where}: block_size", 2)


@op
def depth_to_space(x, block_size, data_format="channels_last"):
    """Channels laid out as blocks of space: (N, H, W, C * b^2) -> (N, H * b, W * b, C).

    block_size: b, at least 2. data_format: as in `conv`, "channels_last" by default.

    Raises:
        ValueError: if x has another rank, or its channels don't divide by b^2.
    """
    b = _block(x, block_size, "depth_to_space")

    def body(x: Tensor) -> Tensor:
        n, height, width, depth = shape_of(x)
        if depth % (b * b):
            raise ValueError(f"depth_to_space: {depth} channels can't be laid out in blocks of {b} x {b}.")
        x = P.transpose(P.reshape(x, shape=(n, height, width, b, b, depth // (b * b))), axes=(0, 1, 3, 2, 4, 5))
        return P.reshape(x, shape=(n, height * b, width * b, depth // (b * b)))

    return with_channels_last(x, data_format, "depth_to_space", body)


@op
def space_to_depth(x, block_size, data_format="channels_last"):
    """Blocks of space as channels: (N, H * b, W * b, C) -> (N, H, W, C * b^2). The inverse of `depth_to_space`.

    block_size, data_format: as in `depth_to_space`.

    Raises:
        ValueError: if x has another rank, or its height or width doesn't divide by b.
    """
    b = _block(x, block_size, "space_to_depth")

    def body(x: Tensor) -> Tensor:
        n, height, width, depth = shape_of(x)
        if height % b or width % b:
            raise ValueError(f"space_to_depth: images of {height} x {width} can't be cut into blocks of {b} x {b}.")
        x = P.transpose(P.reshape(x, shape=(n, height // b, b, width // b, b, depth)), axes=(0, 1, 3, 2, 4, 5))
        return P.reshape(x, shape=(n, height // b, width // b, depth * b * b))

    return with_channels_last(x, data_format, "space_to_depth", body)


export(globals())
