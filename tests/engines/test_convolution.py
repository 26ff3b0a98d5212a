"""Convolutions and poolings of shapes on which libraries have been wrong, or have ended the process."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cornu import context, ops
from cornu import primitives as P
from cornu.contract.conformance.reference import REFERENCE
from cornu.primitives.contraction import settled

NUMBERS = np.random.default_rng(0)


@st.composite
def convolutions(draw):
    """Shapes of images and kernel, and the settings of a convolution."""
    rank = draw(st.integers(1, 3))
    size = lambda low, high: draw(st.tuples(*[st.integers(low, high)] * rank))  # noqa: E731
    spatial, window, strides, dilation, low, high = size(1, 6), size(1, 4), size(1, 4), size(1, 2), size(0, 3), size(0, 3)
    assume(all((k - 1) * d < n + lo + hi for n, k, d, lo, hi in zip(spatial, window, dilation, low, high)))
    return (2, *spatial, 2), (*window, 2, 1), {"strides": strides, "padding": tuple(zip(low, high)), "dilation": dilation}


@given(convolutions())
@settings(max_examples=200, deadline=None)
def test_settled_settings_mean_the_same(case):
    images, kernel, how = case
    x, w = NUMBERS.normal(size=images), NUMBERS.normal(size=kernel)
    other = dict(zip(how, settled(images, kernel, **how)))
    assert all(s == 1 or m > 1 for s, m in zip(other["strides"], P.TABLE["conv"].shape(images, kernel, groups=1, **how)[1:-1]))
    with context.use(REFERENCE):
        y = P.conv(x, w, groups=1, **how)
        assert np.array_equal(P.conv(x, w, groups=1, **other), y)
        by_images = [P.conv_grad_input(y, w, input_shape=images, groups=1, **either) for either in (how, other)]
        by_kernel = [P.conv_grad_kernel(x, y, kernel_shape=kernel, groups=1, **either) for either in (how, other)]
    assert np.array_equal(*by_images) and np.array_equal(*by_kernel)


# Images, kernel, strides, padding, dilation rate
FOUND = [
    ((3, 4, 5, 1), (2, 4, 1, 4), (1, 3), "valid", (1, 1)),  # a stride to one place: wrong numbers (PyTorch, TensorFlow)
    ((1, 4, 4, 3, 2), (2, 2, 2, 2, 3), 2, "valid", 1),  # the same in half precision (PyTorch)
    ((2, 5, 3), (5, 3, 2), 2, "valid", 1),
    ((2, 1, 3, 1), (2, 2, 1, 1), 1, "same", 1),  # a window larger than the images (PyTorch)
    ((1, 2, 3, 2, 1), (4, 1, 3, 1, 1), 1, "same", 1),
    ((3, 6, 9, 4), (1, 1, 4, 4), 2, "same", 1),  # a stride longer than the window: writes beside the gradient (TensorFlow)
    ((3, 5, 4), (1, 4, 2), 1, "valid", 2),  # a dilated window of one element ended the process (PyTorch)
    ((1, 5, 4), (2, 4, 1), 1, "valid", 1),  # one image and one filter: no gradient (PyTorch)
    ((1, 4, 3, 2), (1, 4, 2, 1), (1, 1), "same", (1, 1)),
]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("images, kernel, strides, padding, dilation", FOUND)
def test_convolutions_that_went_wrong(engine, dtype, images, kernel, strides, padding, dilation):
    if dtype != "float32" and not engine.eager:
        pytest.skip("eager calls are NumPy's")
    x, w = NUMBERS.integers(-4, 5, images), NUMBERS.integers(-4, 5, kernel)
    loss = lambda x, w, g: ops.sum(ops.conv(x, w, strides, padding, dilation_rate=dilation) * g)  # noqa: E731
    results = []
    for where, name in ((context.current(), dtype), (REFERENCE, "float64")):
        with context.use(where):
            xs = [ops.convert_to_tensor(a, name) for a in (x, w)]
            y = ops.conv(*xs, strides, padding, dilation_rate=dilation)
            g = np.random.default_rng(1).integers(-2, 3, tuple(y.shape))
            grads = ops.grad(loss, argnums=[0, 1])(*xs, ops.convert_to_tensor(g, name))
            results.append([ops.convert_to_numpy(a).astype("float64") for a in (y, *grads)])
    for found, right in zip(*results, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-2 if dtype == "bfloat16" else 1e-3)  # of whole numbers


def test_transposed_convolutions_with_kernels_larger_than_the_images(engine):
    """XLA ended the process."""
    x, w = NUMBERS.integers(-4, 5, (2, 4, 1, 2)).astype("float32"), NUMBERS.integers(-4, 5, (2, 3, 1, 2)).astype("float32")
    with context.use(REFERENCE):
        right = ops.conv_transpose(x, w, 2, "same", 0)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.conv_transpose(x, w, 2, "same", 0)), right)


@pytest.mark.parametrize("size", [1, 2])
def test_pooling_of_images_smaller_than_the_window(engine, size):
    x = NUMBERS.normal(size=(2, size, 4, 3, 2)).astype("float32")
    for op in (ops.max_pool, ops.average_pool):
        with context.use(REFERENCE):
            right = op(x, 3, 1, "same")
        np.testing.assert_allclose(ops.convert_to_numpy(op(x, 3, 1, "same")), right, rtol=1e-5)
