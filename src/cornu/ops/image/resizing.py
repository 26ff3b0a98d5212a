"""Images in other sizes, by separable interpolation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import axis_of, dtype_of, ints, shape_of
from cornu.ops.image.common import narrowed, widened
from cornu.ops.layout import on_batch, pad_axes
from cornu.ops.op import export, op

Tensor = Any


def _triangle(x: Tensor) -> Tensor:
    return P.maximum(P.subtract(1, x), 0)


def _cubic(x: Tensor) -> Tensor:
    """Keys (1981), a = -1/2."""
    polynomial = lambda *cs: _horner(x, cs)  # noqa: E731
    near, far = polynomial(1.5, -2.5, 0.0, 1.0), polynomial(-0.5, 2.5, -4.0, 2.0)
    return P.where(P.less(x, 1), near, P.where(P.less(x, 2), far, 0))


def _horner(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    value: Any = coefficients[0]
    for c in coefficients[1:]:
        value = P.add(P.multiply(value, x), c)
    return value


def _lanczos(radius: int) -> Callable[[Tensor], Tensor]:
    def kernel(x: Tensor) -> Tensor:
        angle = P.multiply(P.maximum(x, 1e-3), math.pi)
        y = P.divide(P.multiply(P.sin(angle), P.sin(P.divide(angle, radius))), P.multiply(angle, P.divide(angle, radius)))
        return P.where(P.less(x, 1e-3), 1, P.where(P.less(x, radius), y, 0))

    return kernel


_KERNELS = {"linear": _triangle, "cubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}
_NAMES = {"bilinear": "linear", "bicubic": "cubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5"}


def _weights(n_in: int, n_out: int, step: Any, translation: Any, method: str, antialias: bool, dtype: str) -> Tensor:
    """What each of `n_out` samples takes of each of `n_in`: (n_out, n_in). Samples beyond the ends take nothing.

    step: from one sample to the next, in pixels; a tensor or array of the dtype, as a number would count as float32.
    """
    places = P.add(P.iota(shape=(n_out, 1), axis=0, dtype=dtype), 0.5)
    centers = P.subtract(P.multiply(P.subtract(places, translation), step), 0.5)
    gaps = P.abs(P.subtract(centers, P.iota(shape=(1, n_in), axis=1, dtype=dtype)))
    weights = _KERNELS[method](P.divide(gaps, P.maximum(step, 1.0)) if antialias else gaps)
    total = P.sum(weights, axes=(1,), keepdims=True)
    counts = P.greater(P.abs(total), 1e-4)
    inside = P.logical_and(P.greater_equal(centers, -0.5), P.less_equal(centers, n_in - 0.5))
    return P.where(P.logical_and(counts, inside), P.divide(weights, P.where(counts, total, 1)), 0)


def _along(x: Tensor, axis: int, weights: Tensor) -> Tensor:
    """The matrix `weights` applied along an axis."""
    shape = shape_of(x)
    flat = P.reshape(x, shape=(math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])))
    return P.reshape(P.matmul(weights, flat), shape=(*shape[:axis], shape_of(weights)[0], *shape[axis + 1 :]))


@op
def resize(
    images, size, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False, fill_mode="constant",
    fill_value=0.0, data_format=None,
):  # fmt: skip
    """Images in another size, sampled at the centers of their pixels. Integers are rounded and stay integers.

    Args:
        images: (N, H, W, C), or (N, C, H, W) for "channels_first", or one image without N.
        size: (height, width).
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: when an image shrinks, let each pixel look at all that it covers.
        crop_to_aspect_ratio: first cut the image's middle out, in the proportions of `size`.
        pad_to_aspect_ratio: first put borders of `fill_value` around the image, up to the proportions of `size`.
        fill_mode: "constant" is the only one.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.

    Raises:
        ValueError: for an argument that is none of these, or both ways to keep the proportions.
    """
    height, width = _size(size)
    if interpolation != "nearest" and interpolation not in _NAMES:
        known = ", ".join(map(repr, ("nearest", *_NAMES)))
        raise ValueError(f"resize: interpolation must be one of {known}, got {interpolation!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be true.")
    if fill_mode != "constant":
        raise ValueError(f"resize: fill_mode must be 'constant', got {fill_mode!r}.")

    def body(x: Tensor) -> Tensor:
        if crop_to_aspect_ratio or pad_to_aspect_ratio:
            x = _in_proportion(x, height, width, crop_to_aspect_ratio, fill_value)
        dtype = dtype_of(x)
        if interpolation == "nearest":
            for axis, count in ((1, height), (2, width)):
                n = shape_of(x)[axis]
                x = P.take(x, ((np.arange(count) + 0.5) * n / count).astype("int32"), axis=axis)
            return x
        y = widened(x)
        for axis, count in ((1, height), (2, width)):
            n = shape_of(y)[axis]
            if n != count:
                y = _along(y, axis, _weights(n, count, np.asarray(n / count, dtype_of(y)), 0.0, _NAMES[interpolation], antialias, dtype_of(y)))
        return narrowed(y, dtype)

    return on_batch(images, data_format, "resize", body)


def _size(size: Any) -> tuple[int, int]:
    sizes = ints(size, "resize")
    if len(sizes) != 2 or min(sizes) < 1:
        raise ValueError(f"resize: size must be a height and a width of at least 1, got {size!r}.")
    return sizes[0], sizes[1]


def _in_proportion(x: Tensor, height: int, width: int, crop: bool, fill_value: float) -> Tensor:
    """The middle of images, or images with borders, in the proportions height : width."""
    have = shape_of(x)[1:3]
    wanted = int(have[1] * height / width), int(have[0] * width / height)
    sizes = [max(min(n, w), 1) if crop else max(n, w) for n, w in zip(have, wanted, strict=True)]
    before = [int((n - k) / 2) if crop else -int((k - n) / 2) for n, k in zip(have, sizes, strict=True)]
    pairs = {axis: (-first, k - n + first) for axis, n, k, first in zip((1, 2), have, sizes, before, strict=True)}
    return pad_axes(x, pairs, fill_value)


@op
def scale_and_translate(images, output_shape, scale, translation, spatial_dims, method, antialias=True):
    """Images magnified and moved: the pixel at x comes to scale * x + translation, in units of pixels; beyond the border is 0.

    Args:
        images: a tensor of any rank.
        output_shape: of the result; equal to the images' but for `spatial_dims`.
        scale, translation: vectors, a number for each of `spatial_dims`.
        spatial_dims: the axes to resample.
        method: "linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3" or "lanczos5".
        antialias: when an image shrinks, let each pixel look at all that it covers.
    """
    names = {**{name: name for name in _KERNELS}, **{f"{p}{n}": n for n in ("linear", "cubic") for p in ("bi", "tri")}}
    if method not in names:
        raise ValueError(f"scale_and_translate: method must be one of {', '.join(map(repr, names))}, got {method!r}.")
    shape, rank = tuple(output_shape), len(shape_of(images))
    axes = [axis_of(a, rank, "scale_and_translate") for a in spatial_dims]
    kept = [i for i in range(rank) if i not in axes]
    if len(shape) != rank or any(shape[i] != shape_of(images)[i] for i in kept):
        raise ValueError(f"scale_and_translate: output_shape {shape} doesn't fit images of shape {shape_of(images)} outside of axes {axes}.")
    if shape_of(scale) != (len(axes),) or shape_of(translation) != (len(axes),):
        raise ValueError(
            f"scale_and_translate: scale and translation need one number for each of {len(axes)} axes, got shapes {shape_of(scale)} "
            f"and {shape_of(translation)}."
        )
    y = widened(images)
    for i, axis in enumerate(axes):
        factor, shift = (P.take(P.cast(v, dtype=dtype_of(y)), np.array(i, "int32"), axis=0) for v in (scale, translation))
        weights = _weights(shape_of(y)[axis], int(shape[axis]), P.divide(1.0, factor), shift, names[method], antialias, dtype_of(y))
        y = _along(y, axis, weights)
    return narrowed(y, dtype_of(images))


export(globals())
