"""Ops of images against SciPy, direct sums, and numbers that can be worked out by hand."""

import colorsys

import numpy as np
import pytest
import scipy.ndimage

from cornu import ops
from cornu.ops import image
from cornu.ops.symbolic import KerasTensor
from op_table.random_images import KERNELS, SCIPY, resampled

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(2, 5, 6, 3)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def first(x):
    return np.moveaxis(x, -1, 1)


# Sizes


@pytest.mark.parametrize("method", KERNELS)
@pytest.mark.parametrize("size, antialias", [((8, 9), False), ((3, 4), False), ((3, 4), True), ((5, 2), True)])
def test_resize(check, method, size, antialias):
    expected = resampled(resampled(IMAGES.astype("float64"), 1, size[0], method, antialias), 2, size[1], method, antialias)
    resize = lambda x: image.resize(x, size, method, antialias, data_format="channels_last")  # noqa: E731
    check(resize, IMAGES, expected=expected, rtol=1e-4, atol=1e-5, gradient=method == "bicubic")


def test_resize_to_the_nearest(check):
    expected = IMAGES[:, [0, 1, 3, 4]][:, :, [1, 3, 5]]
    check(lambda x: image.resize(x, (4, 3), "nearest"), IMAGES, expected=expected)


def test_data_formats_and_single_images(check):
    expected = numbers(image.resize(IMAGES, (3, 4), data_format="channels_last"))
    check(lambda x: image.resize(x, (3, 4), data_format="channels_first"), first(IMAGES), expected=first(expected))
    check(lambda x: image.resize(x, (3, 4)), IMAGES[0], expected=expected[0], unknown=False)
    symbol = image.resize(KerasTensor((None, None, None, 3)), (4, 5))
    assert symbol.shape == (None, 4, 5, 3)


def test_resize_rounds_integers(engine):
    x = np.arange(0, 240, 20, dtype="uint8").reshape(1, 3, 4, 1)
    got = image.resize(x, (2, 3))
    assert ops.dtype(got) == "uint8" and numbers(got).ravel().tolist() == [23, 50, 77, 143, 170, 197]


def test_aspect_ratio(engine):
    x = np.arange(24, dtype="float32").reshape(1, 4, 6, 1)
    assert numbers(image.resize(x, (4, 4), crop_to_aspect_ratio=True)).tolist() == x[:, :, 1:5].tolist()
    padded = np.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0)], constant_values=9)
    expected = numbers(image.resize(padded, (4, 4)))
    np.testing.assert_allclose(numbers(image.resize(x, (4, 4), pad_to_aspect_ratio=True, fill_value=9)), expected)


@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3"])
def test_scale_and_translate(check, method):
    names = {"linear": "bilinear", "cubic": "bicubic"}
    scale, shift = np.array([1.5, 0.5], "float32"), np.zeros(2, "float32")
    op = lambda x, scale, shift: image.scale_and_translate(x, (2, 6, 3, 3), scale, shift, (1, 2), method)  # noqa: E731
    check(op, IMAGES[:, :4], scale, shift, expected=image.resize(IMAGES[:, :4], (6, 3), names.get(method, method), True),
    rtol=1e-4, unknown=False,
          gradient=False)  # fmt: skip
    moved = numbers(image.scale_and_translate(IMAGES, IMAGES.shape, np.ones(2), np.array([1.0, -2.0]), (1, 2), method))
    np.testing.assert_allclose(moved[:, 1:, :-2], IMAGES[:, :-1, 2:], atol=1e-5)
    assert not moved[:, 0].any() and not moved[:, :, -2:].any()


# Places

PLACES = np.array([[-2.7, -1.2, -0.4, 0.3, 1.7, 3.9, 4.4, 6.2], [0.1, -1.3, 2.6, 7.2, -0.2, 3.4, 5.1, 2.3]], "float32")


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("mode", SCIPY)
def test_map_coordinates(check, mode, order):
    x = IMAGES[0, :, :, 0]
    expected = scipy.ndimage.map_coordinates(x, PLACES, order=order, mode=SCIPY[mode], cval=-7.0, prefilter=False)
    sampled = lambda x, at: image.map_coordinates(x, at, order, mode, -7.0)  # noqa: E731
    check(sampled, x, PLACES, expected=expected, unknown=False, gradient=order == 1, rtol=1e-4)


TRANSFORMS = np.array(
    [[1.01, 0.23, -0.31, 0.12, 0.93, 0.29, 0, 0], [0.83, 0.11, 0.43, -0.21, 1.07, 0.23, 0.05, -0.02]], "float32"
)


@pytest.mark.parametrize("mode", ["constant", "reflect"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_affine_transform(check, mode, interpolation):
    rows, columns = np.mgrid[:5, :6]
    expected = np.empty_like(IMAGES)
    for n, c in enumerate(TRANSFORMS.astype("float64")):
        depth = c[6] * columns + c[7] * rows + 1
        places = (c[3] * columns + c[4] * rows + c[5]) / depth, (c[0] * columns + c[1] * rows + c[2]) / depth
        for k in range(3):
            expected[n, ..., k] = scipy.ndimage.map_coordinates(
                IMAGES[n, ..., k], places, order=int(interpolation == "bilinear"), mode=SCIPY[mode], cval=0.5
            )
    moved = lambda x, t: image.affine_transform(x, t, interpolation, mode, 0.5)  # noqa: E731
    check(moved, IMAGES, TRANSFORMS, expected=expected, rtol=1e-4, atol=1e-5, gradient=interpolation == "bilinear")
    in_front = numbers(image.affine_transform(first(IMAGES), TRANSFORMS, interpolation, mode, 0.5, "channels_first"))
    np.testing.assert_allclose(in_front, first(expected), rtol=1e-4, atol=1e-5)
    one = numbers(image.affine_transform(IMAGES[0], TRANSFORMS[0], interpolation, mode, 0.5))
    np.testing.assert_allclose(one, expected[0], rtol=1e-4, atol=1e-5)


def test_perspective_transform(check):
    corners = np.array([[[0, 0], [5, 0], [0, 4], [5, 4]]], "float32")
    check(lambda x: image.perspective_transform(x, corners, corners), IMAGES, expected=IMAGES, atol=1e-4)
    moved = numbers(image.perspective_transform(IMAGES, corners, corners + [1, 2]))  # one to the right, two down
    np.testing.assert_allclose(moved[:, 2:, 1:], IMAGES[:, :-2, :-1], atol=1e-4)
    ends = np.array([[[0, 1], [4, 0], [1, 4], [5, 3]]], "float32")
    bent = numbers(image.perspective_transform(IMAGES, corners, ends))
    for (x, y), (u, v) in zip(ends[0].astype(int), corners[0].astype(int), strict=True):
        np.testing.assert_allclose(bent[:, y, x], IMAGES[:, v, u], atol=1e-3)


def test_elastic_transform(engine):
    x = RNG.uniform(size=(2, 12, 12, 1)).astype("float32")
    np.testing.assert_allclose(numbers(image.elastic_transform(x, alpha=0.0, seed=1)), x, atol=1e-6)
    one, same, other = (numbers(image.elastic_transform(x, alpha=30.0, sigma=2.0, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and np.abs(one - other).max() > 0.01
    assert np.abs(one - x).max() > 0.01 and one.min() > x.min() - 1e-5 and one.max() < x.max() + 1e-5
    assert image.elastic_transform(KerasTensor((None, 12, 12, 1)), seed=1).shape == (None, 12, 12, 1)


# Filters


def test_gaussian_blur(check):
    def bell(size, sigma):
        x = np.arange(size) - (size - 1) / 2
        return np.exp(-0.5 * (x / sigma) ** 2) / np.exp(-0.5 * (x / sigma) ** 2).sum()

    expected = scipy.ndimage.correlate1d(IMAGES, bell(3, 1.0), 1, mode="constant")
    expected = scipy.ndimage.correlate1d(expected, bell(5, 2.0), 2, mode="constant")
    check(lambda x: image.gaussian_blur(x, (3, 5), (1.0, 2.0)), IMAGES, expected=expected)


def test_sobel_edges(check):
    x = IMAGES.astype("float64")
    apart = lambda axis: scipy.ndimage.correlate1d(x, [-1, 0, 1], axis, mode="mirror")  # noqa: E731
    smooth = lambda x, axis: scipy.ndimage.correlate1d(x, [1, 2, 1], axis, mode="mirror")  # noqa: E731
    expected = np.stack([smooth(apart(1), 2), smooth(apart(2), 1)], -1)
    check(image.sobel_edges, IMAGES, expected=expected)
    assert image.sobel_edges(first(IMAGES), "channels_first").shape == (2, 3, 5, 6, 2)


def test_ssim(check):
    x = RNG.uniform(size=(2, 9, 8, 3)).astype("float32")
    y = (0.8 * x + 0.1 + 0.1 * RNG.uniform(size=x.shape)).astype("float32")
    window = np.exp(-0.5 * (np.arange(-2, 3) / 1.2) ** 2)
    window = np.outer(window, window) / window.sum() ** 2
    scores = []
    for i in range(5):
        for j in range(4):
            a, b = (z[:, i : i + 5, j : j + 5].astype("float64") for z in (x, y))
            mean = lambda z: np.einsum("nijc,ij->nc", z, window)  # noqa: E731
            va, vb, cov = mean(a * a) - mean(a) ** 2, mean(b * b) - mean(b) ** 2, mean(a * b) - mean(a) * mean(b)
            c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
            scores.append((2 * mean(a) * mean(b) + c1) * (2 * cov + c2) / ((mean(a) ** 2 + mean(b) ** 2 + c1) * (va + vb + c2)))
    expected = np.mean(scores, (0, 2))
    check(lambda x, y: image.ssim(x, y, 2.0, 5, 1.2), x, y, expected=expected, rtol=1e-4)
    np.testing.assert_allclose(numbers(image.ssim(x[0], x[0], filter_size=5)), 1.0, rtol=1e-5)


# Colors


def by_pixel(function, x):
    return np.apply_along_axis(lambda p: function(*p), -1, x.astype("float64"))


def test_colors(check):
    x = np.concatenate(
        [IMAGES[0], np.array([[[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1]]], "float32")]
    )
    hsv = by_pixel(colorsys.rgb_to_hsv, x)
    check(image.rgb_to_hsv, x, expected=hsv, unknown=False, gradient=False)
    check(image.rgb_to_hsv, IMAGES)
    check(image.hsv_to_rgb, hsv.astype("float32"), expected=x, unknown=False, gradient=False, atol=1e-5)
    check(image.rgb_to_grayscale, IMAGES, expected=IMAGES @ np.array([[0.2989], [0.587], [0.114]], "float32"))
    assert numbers(image.rgb_to_grayscale(np.array([[[10, 20, 30], [250, 251, 252]]], "uint8"))).ravel().tolist() == [18, 250]


# Parts


@pytest.mark.parametrize(
    "size, strides, dilation, padding",
    [(2, None, 1, "valid"), (3, 2, 1, "same"), (2, 1, 2, "valid"), ((1, 3), (2, 1), 1, "valid")],
)
def test_extract_patches(check, size, strides, dilation, padding):
    height, width = (size, size) if isinstance(size, int) else size
    step = (strides or size,) * 2 if not isinstance(strides, tuple) else strides
    x = np.pad(IMAGES, [(0, 0), (1, 1), (0, 1), (0, 0)]) if padding == "same" else IMAGES
    rows = range(0, x.shape[1] - (height - 1) * dilation, step[0])
    columns = range(0, x.shape[2] - (width - 1) * dilation, step[1])
    expected = np.stack([
        np.stack([
            x[:, i : i + height * dilation : dilation, j : j + width * dilation : dilation].reshape(2, -1) for j in columns
        ], 1)
        for i in rows
    ], 1)  # fmt: skip
    check(lambda x: image.extract_patches(x, size, strides, dilation, padding), IMAGES, expected=expected)
    in_front = image.extract_patches(first(IMAGES), size, strides, dilation, padding, "channels_first")
    np.testing.assert_array_equal(numbers(in_front), first(expected))


def test_extract_patches_3d(check):
    x = RNG.normal(size=(1, 4, 4, 2, 2)).astype("float32")
    expected = x.reshape(1, 2, 2, 2, 2, 1, 2, 2).transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(1, 2, 2, 1, 16)
    check(lambda x: image.extract_patches_3d(x, 2), x, expected=expected)


def test_pad_and_crop(check):
    expected = np.pad(IMAGES, [(0, 0), (1, 2), (3, 0), (0, 0)])
    check(lambda x: image.pad_images(x, 1, 3, 2, 0), IMAGES, expected=expected)
    check(lambda x: image.pad_images(x, 1, 3, target_height=8, target_width=9), IMAGES, expected=expected)
    check(lambda x: image.crop_images(x, 1, 3, 2, 0), IMAGES, expected=IMAGES[:, 1:3, 3:])
    check(
        lambda x: image.crop_images(x, bottom_cropping=2, right_cropping=0, target_height=2, target_width=3),
        IMAGES,
        expected=IMAGES[:, 1:3, 3:],
    )


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: image.resize(IMAGES, (0, 3)), r"resize: size must be a height and a width of at least 1, got \(0, 3\)"),
        (lambda: image.resize(IMAGES, (2, 3), "area"), "resize: interpolation must be one of .* got 'area'"),
        (
            lambda: image.resize(IMAGES[0, 0], (2, 3)),
            r"resize: expected one image or a batch, of rank 3 or 4, got shape \(6, 3\)",
        ),
        (lambda: image.resize(IMAGES, (2, 3), data_format="NCHW"), "resize: data_format must be"),
        (lambda: image.resize(IMAGES, (2, 3), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "resize: only one of"),
        (lambda: image.affine_transform(IMAGES, TRANSFORMS[0, :6]), r"affine_transform: transform must have the shape \(8,\)"),
        (lambda: image.affine_transform(IMAGES, TRANSFORMS, "cubic"), "affine_transform: interpolation must be"),
        (lambda: image.affine_transform(IMAGES, TRANSFORMS, fill_mode="zero"), "affine_transform: fill_mode must be one of"),
        (lambda: image.map_coordinates(IMAGES, PLACES, 1), "map_coordinates: inputs of shape .* need coordinates"),
        (lambda: image.map_coordinates(IMAGES[0, :, :, 0], PLACES, 3), "map_coordinates: order must be 0 or 1, got 3"),
        (lambda: image.rgb_to_hsv(IMAGES[..., :2]), "rgb_to_hsv: expected 3 channels, got 2"),
        (lambda: image.rgb_to_hsv(IMAGES.astype("int32")), "rgb_to_hsv: expected images of a float dtype, got int32"),
        (lambda: image.extract_patches(IMAGES, 7), "extract_patches: a window of .*7.* is larger"),
        (
            lambda: image.extract_patches(IMAGES, 2, padding="full"),
            "extract_patches: padding must be 'valid' or 'same', got 'full'",
        ),
        (lambda: image.pad_images(IMAGES, 1, 1), "pad_images: exactly two of top_padding, bottom_padding, target_height"),
        (lambda: image.crop_images(IMAGES, 3, 0, 3, 0), "crop_images: .* don't fit an axis of 5 elements"),
        (lambda: image.ssim(IMAGES, IMAGES[:1]), "ssim: the images must have one shape"),
        (lambda: image.gaussian_blur(IMAGES, 0), "gaussian_blur: kernel_size must be a positive number or two"),
        (
            lambda: image.scale_and_translate(IMAGES, (2, 4, 4, 3), np.ones(1), np.ones(1), (1, 2), "linear"),
            "scale_and_translate: scale",
        ),
    ],
)
def test_bad_input(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call()
