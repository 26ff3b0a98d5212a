"""Convolution and pooling."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu import primitives as P
from cornu.backend.common import normalize_data_format
from cornu.backend.drawing import drawn
from cornu.ops.common import shape_of
from cornu.ops.layout import explicit_padding, per_dimension, with_channels_last


@drawn
def conv1d(
    x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1
) -> Any:
    """Convolution of sequences (N, time, C) with a kernel (window, C, filters).

    Args:
        strides: steps of the window; here and in the others an int, or one per dimension.
        padding: "valid" (none), "same" (zeros, for ceil(time / stride) steps), or here alone "causal" (zeros before the start).
        data_format: of x and the result, see `normalize_data_format`.
        dilation_rate: distance between the elements of a window.
    """
    if padding == "causal":
        reach = (shape_of(kernel)[0] - 1) * per_dimension(dilation_rate, 1, "conv1d: dilation_rate")[0]
        last = normalize_data_format(data_format) == "channels_last"
        x, padding = ops.pad(x, [(0, 0), (reach, 0), (0, 0)] if last else [(0, 0), (0, 0), (reach, 0)]), "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


@drawn
def conv2d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Convolution of images with a kernel (rows, columns, C, filters); the other arguments: see `conv1d`."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


@drawn
def conv3d(
    x: Any,
    kernel: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1, 1),
) -> Any:
    """Convolution of volumes with a kernel (depth, rows, columns, C, filters); the other arguments: see `conv1d`."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


@drawn
def conv2d_transpose(
    x: Any, kernel: Any, output_shape: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Transposed convolution of images, with a kernel (rows, columns, filters, C): the adjoint of `conv2d` with these arguments.

    output_shape: (N, ...) of the result; its batch size may be unknown. The other arguments: see `conv1d`.

    Raises:
        ValueError: for an output_shape of another rank than x.
    """
    return _transposed(x, kernel, output_shape, strides, padding, data_format, dilation_rate, 2, "conv2d_transpose")


@drawn
def conv3d_transpose(
    x: Any, kernel: Any, output_shape: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None
) -> Any:
    """Transposed convolution of volumes, with a kernel (depth, rows, columns, filters, C); see `conv2d_transpose`."""
    return _transposed(x, kernel, output_shape, strides, padding, data_format, 1, 3, "conv3d_transpose")


def _transposed(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation_rate: Any,
    rank: int,
    where: str,
) -> Any:
    """The adjoint of the convolution that brings tensors of `output_shape` to the shape of x."""
    steps, dilation = (
        per_dimension(strides, rank, f"{where}: strides"),
        per_dimension(dilation_rate, rank, f"{where}: dilation_rate"),
    )
    last = normalize_data_format(data_format) == "channels_last"
    sizes = tuple(output_shape)[1:-1] if last else tuple(output_shape)[2:]

    def body(x: Any) -> Any:
        pairs = explicit_padding(padding, sizes, shape_of(kernel)[:rank], steps, dilation, where)
        whole = (shape_of(x)[0], *map(int, sizes), shape_of(kernel)[-2])
        return P.conv_grad_input(x, kernel, input_shape=whole, strides=steps, padding=pairs, dilation=dilation, groups=1)

    if len(sizes) != rank or len(shape_of(x)) != rank + 2:
        raise ValueError(f"{where}: output_shape={tuple(output_shape)} doesn't fit a tensor of shape {shape_of(x)}.")
    return with_channels_last(x, data_format, where, body)


@drawn
def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Each channel convolved with its own filters; depthwise_kernel: (rows, columns, C, multiplier). The others: see `conv1d`."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


@drawn
def separable_conv1d(
    x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Any:  # fmt: skip
    """Each channel convolved with its own filters, then mixed.

    depthwise_kernel: (window, C, multiplier). pointwise_kernel: (1, C * multiplier, filters). The other arguments: see `conv1d`.
    """
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


@drawn
def separable_conv2d(
    x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = (1, 1),
) -> Any:  # fmt: skip
    """Each channel convolved with its own filters, then mixed.

    depthwise_kernel: (rows, columns, C, multiplier). pointwise_kernel: (1, 1, C * multiplier, filters). The others: see `conv1d`.
    """
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


def _pooled(x: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None, pool_mode: str, where: str) -> Any:
    if pool_mode not in ("max", "avg"):
        raise ValueError(f"{where}: pool_mode must be 'max' or 'avg', got {pool_mode!r}.")
    return (ops.max_pool if pool_mode == "max" else ops.average_pool)(x, pool_size, strides, padding, data_format)


@drawn
def pool2d(
    x: Any, pool_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None, pool_mode: str = "max"
) -> Any:
    """Largest element or mean (of what lies inside the image) of each window of images.

    pool_size: of the window, an int or (rows, columns). strides, padding ("valid" or "same"), data_format: see `conv1d`.
    pool_mode: "max" or "avg".

    Raises:
        ValueError: for another mode.
    """
    return _pooled(x, pool_size, strides, padding, data_format, pool_mode, "pool2d")


@drawn
def pool3d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """Largest element or mean of each window of volumes; see `pool2d`."""
    return _pooled(x, pool_size, strides, padding, data_format, pool_mode, "pool3d")


@drawn
def local_conv1d(inputs: Any, kernel: Any, kernel_size: Any, strides: Any, data_format: str | None = None) -> Any:
    """Convolution with a kernel of its own at each place: (places, window * C, filters).

    Args:
        inputs: (N, time, C). kernel_size, strides: an int each, or (an int,).
        data_format: see `normalize_data_format`, but "channels_last" by default.

    Raises:
        ValueError: if the windows have another number of places.
    """
    return _local(inputs, kernel, kernel_size, strides, (shape_of(kernel)[0],), data_format or "channels_last", "local_conv1d")


@drawn
def local_conv2d(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, output_shape: Any, data_format: str | None = None
) -> Any:
    """Convolution with a kernel of its own at each place: (places, window * C, filters).

    Args:
        inputs: (N, rows, columns, C). kernel_size, strides: an int each, or one per dimension.
        output_shape: (rows, columns) of places. data_format: see `normalize_data_format`.

    Raises:
        ValueError: if the windows have another number of places.
    """
    return _local(inputs, kernel, kernel_size, strides, tuple(output_shape), data_format, "local_conv2d")


def _local(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, places: tuple[int, ...], data_format: str | None, where: str
) -> Any:
    rank = len(places)
    window, steps = per_dimension(kernel_size, rank, f"{where}: kernel_size"), per_dimension(strides, rank, f"{where}: strides")
    first = normalize_data_format(data_format) == "channels_first"

    def body(x: Any) -> Any:
        n, *sizes, _ = shape_of(x)
        if [(size - k) // s + 1 for size, k, s in zip(sizes, window, steps, strict=True)] != list(places):
            raise ValueError(
                f"{where}: windows of {window} with strides {steps} have no {places} places in inputs of shape "
                f"{shape_of(inputs)}."
            )
        for axis, (k, s, m) in enumerate(zip(window, steps, places, strict=True)):
            index = [[i * s + j for j in range(k)] for i in range(m)]
            x = ops.take(x, ops.convert_to_tensor(index, "int32"), axis=1 + 2 * axis)
        # (n, places and window by turns, channels) -> (places, n, window and channels as in the kernel)
        spots, offsets = [1 + 2 * i for i in range(rank)], [2 + 2 * i for i in range(rank)]
        depth = 2 * rank + 1
        rows = ops.transpose(x, (*spots, 0, depth, *offsets) if first else (*spots, 0, *offsets, depth))
        count = shape_of(kernel)[0]
        product = ops.matmul(ops.reshape(rows, (count, n, shape_of(kernel)[1])), kernel)
        return ops.reshape(ops.moveaxis(product, 0, 1), (n, *places, shape_of(kernel)[2]))

    return with_channels_last(inputs, data_format, where, body)


__all__ = [
    "conv1d", "conv2d", "conv2d_transpose", "conv3d", "conv3d_transpose", "depthwise_conv2d", "local_conv1d",
    "local_conv2d", "pool2d", "pool3d", "separable_conv1d", "separable_conv2d",
]  # fmt: skip
