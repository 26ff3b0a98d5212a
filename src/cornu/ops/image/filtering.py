"""Filters of images, and what is measured through them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of, size_given
from cornu.ops.image.common import blurred, filtered, gaussian, narrowed, widened
from cornu.ops.layout import on_batch
from cornu.ops.numpy.manipulation import pad
from cornu.ops.numpy.statistics import mean
from cornu.ops.op import export, op

Tensor = Any


def _two(value: Any, what: str) -> tuple[Any, Any]:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or any(not isinstance(n, (int, float, np.number)) or n <= 0 for n in pair):
        raise ValueError(f"gaussian_blur: {what} must be a positive number or two, got {value!r}.")
    return pair


@op
def gaussian_blur(images, kernel_size=(3, 3), sigma=(1.0, 1.0), data_format=None):
    """Images smoothed by a Gaussian; beyond the border is 0.

    kernel_size: height and width of the filter, in pixels. sigma: its standard deviations along both, in pixels. Each may be one
    number. images, data_format: as in `rgb_to_grayscale`.

    Raises:
        ValueError: for a size or deviation that is not positive.
    """
    sizes = tuple(size_given(n, "gaussian_blur: kernel_size", 1) for n in _two(kernel_size, "kernel_size"))
    sigmas = _two(sigma, "sigma")
    body = lambda x: narrowed(blurred(widened(x), sizes, sigmas), dtype_of(x))  # noqa: E731
    return on_batch(images, data_format, "gaussian_blur", body)


@op
def sobel_edges(images, data_format=None):
    """Derivatives along height and width by Sobel's filter, on a new last axis of 2; beyond the border the image is mirrored.

    images, data_format: as in `rgb_to_grayscale`.
    """
    across, along = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])

    def edges(column: Any, row: Any) -> Tensor:
        mirrored = lambda x: pad(widened(x), [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")  # noqa: E731
        y = on_batch(images, data_format, "sobel_edges", lambda x: narrowed(filtered(mirrored(x), column, row), dtype_of(x)))
        return P.reshape(y, shape=(*shape_of(y), 1))

    return P.concatenate(edges(along, across), edges(across, along), axis=len(shape_of(images)))


@op
def ssim(image1, image2, max_val=1.0, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03, data_format=None):
    """Structural similarity (Wang et al., 2004), a number per image: 1 for equal ones.

    Args:
        image1, image2: of one shape: (N, H, W, C), or (N, C, H, W) for "channels_first", or one image without N.
        max_val: range of the values (255 for bytes).
        filter_size, filter_sigma: of the Gaussian window, in pixels; the images must not be smaller.
        k1, k2: relative to max_val, what keeps the quotients of means and variances from small denominators.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.

    Raises:
        ValueError: if the shapes differ.
    """
    if shape_of(image1) != shape_of(image2):
        raise ValueError(f"ssim: the images must have one shape, got {shape_of(image1)} and {shape_of(image2)}.")
    bell = gaussian(size_given(filter_size, "ssim: filter_size", 1), filter_sigma)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    smooth = lambda x: on_batch(x, data_format, "ssim", lambda x: filtered(x, bell, bell))  # noqa: E731
    x, y = widened(image1), widened(image2)
    mean_x, mean_y = smooth(x), smooth(y)
    product, squares = P.multiply(mean_x, mean_y), P.add(P.multiply(mean_x, mean_x), P.multiply(mean_y, mean_y))
    covariance = P.subtract(smooth(P.multiply(x, y)), product)
    variances = P.subtract(smooth(P.add(P.multiply(x, x), P.multiply(y, y))), squares)
    luminance = P.divide(P.add(P.multiply(product, 2), c1), P.add(squares, c1))
    structure = P.divide(P.add(P.multiply(covariance, 2), c2), P.add(variances, c2))
    return mean(P.multiply(luminance, structure), axis=(-3, -2, -1))


export(globals())
