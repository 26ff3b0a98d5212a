"""Parts of images: patches, borders cut off or added."""

from __future__ import annotations

import math
from typing import Any

from cornu import primitives as P
from cornu.ops.common import shape_of
from cornu.ops.layout import explicit_padding, on_batch, pad_axes, per_dimension, window_places
from cornu.ops.op import export, op

Tensor = Any


def _patches(images: Tensor, size: Any, strides: Any, dilation: Any, padding: Any, data_format: str | None, spatial: int, where: str) -> Tensor:
    window = per_dimension(size, spatial, f"{where}: size")
    steps = per_dimension(strides if strides is not None else window, spatial, f"{where}: strides")
    apart = per_dimension(dilation, spatial, f"{where}: dilation_rate")

    def body(x: Tensor) -> Tensor:
        pairs = explicit_padding(padding, shape_of(x)[1:-1], window, steps, apart, where)
        x = pad_axes(x, {i: pair for i, pair in enumerate(pairs, start=1)})
        counts = []
        for i in range(spatial):  # axis by axis: (N, count, window, count, window, ..., C)
            axis = 1 + 2 * i
            places = window_places(shape_of(x)[axis], window[i], steps[i], apart[i], where)
            counts.append(len(places))
            x = P.take(x, places, axis=axis)
        order = (0, *range(1, 2 * spatial, 2), *range(2, 2 * spatial + 1, 2), 2 * spatial + 1)
        n, channels = shape_of(x)[0], shape_of(x)[-1]
        return P.reshape(P.transpose(x, axes=order), shape=(n, *counts, math.prod(window) * channels))

    return on_batch(images, data_format, where, body, spatial)


@op
def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """The windows of images, each flattened into channels: (N, H, W, C) -> (N, rows, columns, window * C).

    Args:
        images: (N, H, W, C), or (N, C, H, W) for "channels_first", or one image without N.
        size: of the window. This and the following two: an int, or one per dimension.
        strides: the size by default, so that windows don't overlap.
        dilation_rate: distance between the elements of a window.
        padding: "valid", or "same": zeros beyond the border, for ceil(size of the image / stride) windows.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.

    Raises:
        ValueError: for a window larger than the images, or an argument that is none of these.
    """
    return _patches(images, size, strides, dilation_rate, padding, data_format, 2, "extract_patches")


@op
def extract_patches_3d(volumes, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """The windows of `volumes` (N, D, H, W, C), each flattened into channels; the other arguments as in `extract_patches`."""
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3, "extract_patches_3d")


def _borders(before: int | None, after: int | None, target: int | None, size: int, sign: int, where: str, names: str) -> tuple[int, int]:
    """What to add (sign 1) or to cut off (-1) at both ends of an axis, of which two of the three numbers say all."""
    if [before, after, target].count(None) != 1:
        raise ValueError(f"{where}: exactly two of {names} must be given, got {before}, {after} and {target}.")
    if before is None:
        before = sign * (target - size) - after  # type: ignore[operator]
    if after is None:
        after = sign * (target - size) - before  # type: ignore[operator]
    if before < 0 or after < 0 or size + sign * (before + after) < (1 if sign < 0 else 0):
        raise ValueError(f"{where}: {names} of {before}, {after} and {target} don't fit an axis of {size} elements.")
    return before, after


@op
def pad_images(
    images, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None, target_height=None, target_width=None, data_format=None
):
    """Zeros around images; numbers of pixels.

    Args:
        images: (N, H, W, C), or (N, C, H, W) for "channels_first", or one image without N.
        top_padding, bottom_padding, target_height: two of these must be given.
        left_padding, right_padding, target_width: of these, too.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.

    Raises:
        ValueError: unless exactly two of three are given, and fit.
    """

    def body(x: Tensor) -> Tensor:
        _, height, width, _ = shape_of(x)
        rows = _borders(top_padding, bottom_padding, target_height, height, 1, "pad_images", "top_padding, bottom_padding, target_height")
        columns = _borders(left_padding, right_padding, target_width, width, 1, "pad_images", "left_padding, right_padding, target_width")
        return pad_axes(x, {1: rows, 2: columns})

    return on_batch(images, data_format, "pad_images", body)


@op
def crop_images(
    images, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None, target_height=None, target_width=None, data_format=None
):
    """Images without their borders; numbers of pixels.

    top_cropping, bottom_cropping, target_height: two of these must be given. left_cropping, right_cropping, target_width: of
    these, too. images, data_format, errors: as in `pad_images`.
    """

    def body(x: Tensor) -> Tensor:
        _, height, width, _ = shape_of(x)
        rows = _borders(top_cropping, bottom_cropping, target_height, height, -1, "crop_images", "top_cropping, bottom_cropping, target_height")
        columns = _borders(left_cropping, right_cropping, target_width, width, -1, "crop_images", "left_cropping, right_cropping, target_width")
        return pad_axes(x, {1: (-rows[0], -rows[1]), 2: (-columns[0], -columns[1])})

    return on_batch(images, data_format, "crop_images", body)


export(globals())
