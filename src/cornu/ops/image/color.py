"""Color spaces. Channels are red, green, blue, or hue, saturation, value; each in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of, slice_axis
from cornu.ops.layout import on_batch
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt

Tensor = Any


def _channels(x: Tensor, where: str, allowed: tuple[int, ...] = (3,)) -> list[Tensor]:
    """The channels of (N, H, W, C), each with a last axis of size 1."""
    count = shape_of(x)[-1]
    if count not in allowed:
        raise ValueError(f"{where}: expected {' or '.join(map(str, allowed))} channels, got {count} (channels-last shape {shape_of(x)}).")
    return [slice_axis(x, len(shape_of(x)) - 1, i, i + 1) for i in range(count)]


def _floats(images: Tensor, where: str) -> None:
    if not dt.is_float(dtype_of(images)):
        raise ValueError(f"{where}: expected images of a float dtype, got {dtype_of(images)} of shape {shape_of(images)}.")


@op
def rgb_to_grayscale(images, data_format=None):
    """Luma of RGB images, (..., 3) -> (..., 1), with the weights of ITU-R BT.601; images with one channel stay.

    images: (N, H, W, C), or (N, C, H, W) for "channels_first", or one image without N. data_format: "channels_last",
    "channels_first", or None for `config.image_data_format()`.

    Raises:
        ValueError: for another rank or number of channels.
    """

    def body(x: Tensor) -> Tensor:
        if len(_channels(x, "rgb_to_grayscale", (1, 3))) == 1:
            return x
        dtype = dtype_of(x)
        wide = dtype if dtype == "float64" else "float32"
        luma = P.matmul(P.cast(x, dtype=wide), np.array([[0.2989], [0.587], [0.114]], wide))
        return P.cast(luma, dtype=dtype)

    return on_batch(images, data_format, "rgb_to_grayscale", body)


@op
def rgb_to_hsv(images, data_format=None):
    """RGB floats in [0, 1] to hue, saturation and value in [0, 1]. Gray has hue 0. images, data_format: as in `rgb_to_grayscale`.

    Raises:
        ValueError: for images that are no floats, or don't have three channels.
    """
    _floats(images, "rgb_to_hsv")

    def body(x: Tensor) -> Tensor:
        red, green, blue = _channels(x, "rgb_to_hsv")
        value = P.maximum(P.maximum(red, green), blue)
        spread = P.subtract(value, P.minimum(P.minimum(red, green), blue))
        gray = P.equal(spread, 0)
        scale = P.divide(1 / 6, P.where(gray, 1, spread))
        from_red = P.multiply(P.subtract(green, blue), scale)
        from_green = P.add(P.multiply(P.subtract(blue, red), scale), 1 / 3)
        from_blue = P.add(P.multiply(P.subtract(red, green), scale), 2 / 3)
        hue = P.where(P.equal(red, value), from_red, P.where(P.equal(green, value), from_green, from_blue))
        hue = P.where(gray, 0, P.where(P.less(hue, 0), P.add(hue, 1), hue))
        black = P.equal(value, 0)
        saturation = P.where(black, 0, P.divide(spread, P.where(black, 1, value)))
        return P.concatenate(hue, saturation, value, axis=3)

    return on_batch(images, data_format, "rgb_to_hsv", body)


@op
def hsv_to_rgb(images, data_format=None):
    """Hue, saturation and value in [0, 1] to RGB; arguments and errors as in `rgb_to_hsv`, whose inverse it is."""
    _floats(images, "hsv_to_rgb")

    def body(x: Tensor) -> Tensor:
        hue, saturation, value = _channels(x, "hsv_to_rgb")
        sector = P.multiply(hue, 6)
        away = lambda center: P.abs(P.subtract(sector, center))  # noqa: E731
        parts = [P.subtract(away(3), 1), P.subtract(2, away(2)), P.subtract(2, away(4))]
        pure = P.minimum(P.maximum(P.concatenate(*parts, axis=3), 0), 1)
        return P.multiply(P.add(P.subtract(1, saturation), P.multiply(pure, saturation)), value)

    return on_batch(images, data_format, "hsv_to_rgb", body)


export(globals())
