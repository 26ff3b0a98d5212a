"""Random images, with references by SciPy, the standard library, and direct sums."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage

from op_table.case import Array
from op_table.drawing import ANY, Draw, Numbers, fuzzed
from op_table.random_windows import padded, windows

SHAPES = [(2, 5, 6, 3), (4, 6, 1)]  # few shapes and dtypes, as each op here is dozens of primitives, which some engines compile
DTYPES = ("float32", "float32", "float16", "float64")
UNIT = Numbers("f", 0.0, 1.0)


def _batched(function: Callable[..., Array]) -> Callable[..., Array]:
    """A reference for batches with channels in the last place made one for single images and both data formats."""

    def reference(x: Array, *args: Any, data_format: str, **kwargs: Any) -> Array:
        batch = x if x.ndim == 4 else x[None]
        last = batch if data_format == "channels_last" else np.moveaxis(batch, 1, -1)
        y = function(last, *args, **kwargs)
        y = y if data_format == "channels_last" else np.moveaxis(y, -1, 1)
        return y if x.ndim == 4 else y[0]

    return reference


def _images(d: Draw, wanted: Numbers = UNIT, *shapes: Any, dtype: str | None = None) -> tuple[Array, dict[str, Any]]:
    """Images, and the keyword for their data format."""
    data_format = d.of("channels_last", "channels_first")
    x = d.tensor(d.of(*(shapes or SHAPES)), wanted, dtype or (d.of(*DTYPES) if wanted is UNIT else None))
    return (x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, -3))), {"data_format": data_format}


def _image_op(name: str, reference: Callable[..., Array], *definition: Any) -> Any:
    return fuzzed(f"image.{name}", _batched(reference), *definition)


# Sizes

KERNELS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "bilinear": (1, lambda x: 1 - x),
    "bicubic": (2, lambda x: np.where(x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2)),
    "lanczos3": (3, lambda x: np.sinc(x) * np.sinc(x / 3)),
    "lanczos5": (5, lambda x: np.sinc(x) * np.sinc(x / 5)),
}


def resampled(x: Array, axis: int, count: int, method: str, antialias: bool) -> Array:
    """Along one axis, pixel by pixel."""
    radius, kernel = KERNELS[method]
    n = x.shape[axis]
    stretch = max(n / count, 1) if antialias else 1
    rows = []
    for i in range(count):
        distance = np.abs((i + 0.5) * n / count - 0.5 - np.arange(n)) / stretch
        weights = np.where(distance < radius, kernel(distance), 0)
        rows.append(np.tensordot(weights / weights.sum(), x, (0, axis)))
    return np.stack(rows, axis)


def _resized(x: Array, size: Any, interpolation: str, antialias: bool) -> Array:
    if interpolation == "nearest":
        places = lambda n, count: [int((i + 0.5) * n / count) for i in range(count)]  # noqa: E731
        rows, columns = map(places, x.shape[1:3], size)
        return x[:, rows][:, :, columns]
    return resampled(resampled(x, 1, size[0], interpolation, antialias), 2, size[1], interpolation, antialias)


@_image_op("resize", _resized, "first", 256.0, True)
def _resize(d: Draw) -> Any:
    method = d.of("nearest", *KERNELS)
    x, where = _images(d, ANY if method == "nearest" else UNIT)
    return (x, d.of((7, 3), (3, 8))), {"interpolation": method, "antialias": d.yes(), **where}


def _moved(images: Array, shape: Any, scale: Array, translation: Array, axes: Any, method: str, antialias: bool) -> Array:
    """Axis by axis, sample by sample; nothing beyond the borders."""
    radius, kernel = KERNELS[{"linear": "bilinear", "cubic": "bicubic"}.get(method, method)]
    for axis, factor, shift in zip(axes, scale, translation, strict=True):
        n, stretch, rows = images.shape[axis], max(1 / factor, 1) if antialias else 1, []
        for i in range(shape[axis]):
            center = (i + 0.5 - shift) / factor - 0.5
            distance = np.abs(center - np.arange(n)) / stretch
            weights = np.where(distance < radius, kernel(distance), 0) * (-0.5 <= center <= n - 0.5)
            rows.append(np.tensordot(weights / (weights.sum() or 1), images, (0, axis)))
        images = np.stack(rows, axis)
    return images


@fuzzed("image.scale_and_translate", _moved, "first", 1024.0, True)
def _moving(d: Draw) -> Any:
    x = d.tensor((2, 5, 4, 1), UNIT, d.of("float32", "float64"))
    scale, shift = np.array([d.of(0.5, 1.5), d.of(0.75, 1.25)], x.dtype), np.array([d.of(0.0, 1.25), d.of(0.0, -2.125)], x.dtype)
    method = d.of("linear", "cubic", "lanczos3", "lanczos5")
    return (x, (2, d.of(3, 6), d.of(2, 4), 1), scale, shift, (1, 2), method, d.yes()), {}


# Places

SCIPY = {"constant": "grid-constant", "wrap": "grid-wrap", "nearest": "nearest", "mirror": "mirror", "reflect": "reflect"}


def _map_coordinates(x: Array, places: Array, order: int, fill_mode: str, fill_value: float) -> Array:
    mode = SCIPY[fill_mode]
    return scipy.ndimage.map_coordinates(x.astype("float64"), places, order=order, mode=mode, cval=fill_value, prefilter=False)


@fuzzed("image.map_coordinates", _map_coordinates, "first", 256.0, True)
def _sampling(d: Draw) -> Any:
    shape, count = d.of(((5, 6), 4), ((4,), 3), ((2, 3, 4), 2))
    dtype = d.of("float32", "float32", "float64")
    # Not near a border between two pixels, where rounding decides.
    places = np.floor(d.tensor((len(shape), count), Numbers("f", -4.0, 8.0), "float64")) + d.of(0.125, 0.3, 0.75)
    settings = {"fill_mode": d.of(*SCIPY), "fill_value": d.of(0.0, -7.0)}
    return (d.tensor(shape, UNIT, dtype), places.astype(dtype), d.int(0, 1)), settings


def _affine_transform(x: Array, transform: Array, interpolation: str, fill_mode: str, fill_value: float) -> Array:
    y = np.empty(x.shape)
    rows, columns = np.mgrid[: x.shape[1], : x.shape[2]]
    for n, c in enumerate(np.broadcast_to(transform, (len(x), 8))):
        depth = c[6] * columns + c[7] * rows + 1
        places = np.stack([(c[3] * columns + c[4] * rows + c[5]) / depth, (c[0] * columns + c[1] * rows + c[2]) / depth])
        for k in range(x.shape[-1]):
            y[n, ..., k] = _map_coordinates(x[n, ..., k], places, int(interpolation == "bilinear"), fill_mode, fill_value)
    return y


@_image_op("affine_transform", _affine_transform, "first", 1024.0, True)
def _transforming(d: Draw) -> Any:
    x, where = _images(d, UNIT, (2, 4, 5, 1), dtype=d.of("float32", "float64"))
    noise = d.tensor((8,), Numbers("f", -0.3, 0.3), "float64") * d.of([1] * 6 + [0] * 2, [1] * 6 + [0.1] * 2)
    transform = (np.array([1, 0, 0.31, 0, 1, 0.17, 0, 0]) + noise).astype(x.dtype)
    transform = transform if d.yes() else np.stack([transform] * len(x))
    settings = {"interpolation": d.of("nearest", "bilinear"), "fill_mode": d.of(*SCIPY), "fill_value": d.of(0.0, 0.5)}
    return (x, transform), {**settings, **where}


def _perspective_transform(x: Array, starts: Array, ends: Array, interpolation: str, fill_value: float) -> Array:
    """The eight numbers of the map from `ends` to `starts`, and what that makes of the images."""
    rows, sides = [], []
    for (u, v), (a, b) in zip(starts, ends, strict=True):
        rows += [[a, b, 1, 0, 0, 0, -u * a, -u * b], [0, 0, 0, a, b, 1, -v * a, -v * b]]
        sides += [u, v]
    return _affine_transform(x, np.linalg.solve(rows, sides), interpolation, "constant", fill_value)


@_image_op("perspective_transform", _perspective_transform, "first", 4096.0, True)
def _bending(d: Draw) -> Any:
    x, where = _images(d, UNIT, (2, 4, 5, 1), dtype=d.of("float32", "float64"))
    corners = np.array([[0, 0], [3, 0], [0, 3], [3, 3]], x.dtype)
    ends = (corners + 0.11 + d.tensor((4, 2), Numbers("f", -0.4, 0.4), "float64")).astype(x.dtype)
    return (x, corners, ends), {"interpolation": d.of("nearest", "bilinear"), "fill_value": d.of(0.0, 0.5), **where}


# Filters and colors


def _bell(size: int, sigma: float) -> Array:
    places = np.arange(size) - (size - 1) / 2
    return np.exp(-0.5 * (places / sigma) ** 2) / np.exp(-0.5 * (places / sigma) ** 2).sum()


def _blurred(x: Array, sizes: Any, sigmas: Any) -> Array:
    for axis in (1, 2):
        x = scipy.ndimage.correlate1d(x, _bell(sizes[axis - 1], sigmas[axis - 1]), axis, mode="constant")
    return x


@_image_op("gaussian_blur", _blurred, "first", 64.0, True)
def _blurring(d: Draw) -> Any:
    x, where = _images(d)
    return (x, d.of((3, 3), (3, 5)), d.of((1.0, 1.0), (0.5, 2.0))), where


def _sobel(x: Array) -> Array:
    """Without the last axis, which `_edges` adds."""
    apart = lambda axis: scipy.ndimage.correlate1d(x, [-1, 0, 1], axis, mode="mirror")  # noqa: E731
    smooth = lambda y, axis: scipy.ndimage.correlate1d(y, [1, 2, 1], axis, mode="mirror")  # noqa: E731
    return np.stack([smooth(apart(1), 2), smooth(apart(2), 1)], -1)


@fuzzed("image.sobel_edges", lambda x: _sobel(x if x.ndim == 4 else x[None]).reshape(*x.shape, 2), "first", 64.0, True)
def _edges(d: Draw) -> Any:
    return (d.tensor(d.of(*SHAPES), UNIT, d.of(*DTYPES)),), {}


def _ssim(x: Array, y: Array, most: float, size: int, sigma: float) -> Array:
    """Window by window."""
    window = np.outer(_bell(size, sigma), _bell(size, sigma))
    scores = []
    for i in range(x.shape[1] - size + 1):
        for j in range(x.shape[2] - size + 1):
            a, b = (z[:, i : i + size, j : j + size] for z in (x, y))
            mean = lambda z: np.einsum("nijc,ij->nc", z, window)  # noqa: E731
            own, other, both = mean(a * a) - mean(a) ** 2, mean(b * b) - mean(b) ** 2, mean(a * b) - mean(a) * mean(b)
            c1, c2 = (0.01 * most) ** 2, (0.03 * most) ** 2
            likeness = (2 * mean(a) * mean(b) + c1) * (2 * both + c2)
            scores.append(likeness / ((mean(a) ** 2 + mean(b) ** 2 + c1) * (own + other + c2)))
    return np.mean(scores, (0, 2))


@fuzzed("image.ssim", _ssim, "floating", 1024.0, False, None, lambda *args: 1.0)
def _similar(d: Draw) -> Any:
    x = d.tensor(d.of((2, 6, 5, 3), (1, 4, 4, 1)), UNIT, d.of("float32", "float64"))
    return (x, d.tensor(x.shape, UNIT, x.dtype.name), d.of(1.0, 2.0), d.int(2, 4), d.of(1.2, 1.5)), {}


def _by_pixel(function: Any) -> Callable[..., Array]:
    return lambda x: np.apply_along_axis(lambda pixel: function(*pixel), -1, x)


@_image_op("rgb_to_hsv", _by_pixel(colorsys.rgb_to_hsv), "first", 64.0, False, None, lambda *args, **kwargs: 1.0)
def _to_hsv(d: Draw) -> Any:
    x, where = _images(d, UNIT, (2, 2, 3, 3), (3, 2, 3))
    return (x,), where


@_image_op("hsv_to_rgb", _by_pixel(colorsys.hsv_to_rgb), "first", 64.0, False, None, lambda *args, **kwargs: 1.0)
def _to_rgb(d: Draw) -> Any:
    x, where = _images(d, Numbers("f", 0.0, 0.99), (2, 2, 3, 3), (3, 2, 3))
    return (x,), where


LUMA = np.array([[0.2989], [0.587], [0.114]])


@_image_op("rgb_to_grayscale", lambda x: x if x.shape[-1] == 1 else x @ LUMA, "first", 64.0, True)
def _to_gray(d: Draw) -> Any:
    x, where = _images(d)
    return (x,), where


# Parts


def _patches(x: Array, size: Any, strides: Any, dilation_rate: int, padding: str) -> Array:
    rank = x.ndim - 2
    window = (size,) * rank if isinstance(size, int) else size
    steps, apart = window if strides is None else (strides,) * rank, (dilation_rate,) * rank
    seen = windows(padded(x, window, steps, apart, padding, 0), window, steps, apart)
    return seen.reshape(*seen.shape[: rank + 1], -1)


def _settings(d: Draw) -> Any:
    return {"strides": d.of(None, 1, 2), "dilation_rate": d.of(1, 1, 2), "padding": d.of("valid", "same")}


@_image_op("extract_patches", _patches, "first", 0.0)
def _cutting(d: Draw) -> Any:
    x, where = _images(d, ANY)
    return (x, d.of(1, 2, (1, 2))), {**_settings(d), **where}


@fuzzed("image.extract_patches_3d", lambda x, *args, **kwargs: _patches(x, *args, **kwargs), "first", 0.0)
def _cutting_volumes(d: Draw) -> Any:
    return (d.tensor((1, 4, 4, 2, 2), ANY), 2), _settings(d)


def _grown(x: Array, top: int, left: int, bottom: int, right: int) -> Array:
    return np.pad(x, [(0, 0), (top, bottom), (left, right), (0, 0)])


def _cut(x: Array, top: int, left: int, bottom: int, right: int) -> Array:
    return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]


for _op, _reference, _most in (("pad_images", _grown, 3), ("crop_images", _cut, 1)):

    @_image_op(_op, _reference, "first", 0.0)
    def _borders(d: Draw, most: int = _most) -> Any:
        x, where = _images(d, ANY, (2, 5, 6, 3), (1, 4, 4, 1), (3, 3, 2))
        return (x, *[d.int(0, most) for _ in range(4)]), where
