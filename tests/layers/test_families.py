"""The families of layers against NumPy: windows, borders, merges, activations, noise."""

from __future__ import annotations

import numpy as np
import pytest

from cornu import Input, layers, ops, tree

RNG = np.random.default_rng(1)
STEPS = RNG.normal(size=(2, 8, 4)).astype("float32")
IMAGES = RNG.normal(size=(2, 6, 8, 4)).astype("float32")
VOLUMES = RNG.normal(size=(2, 4, 6, 4, 3)).astype("float32")
BY_RANK = {1: STEPS, 2: IMAGES, 3: VOLUMES}
RANKS = pytest.mark.parametrize("rank", [1, 2, 3])


def as_numpy(structure):
    return tree.map_structure(ops.convert_to_numpy, structure)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)


def layer_of(name, rank):
    return getattr(layers, name.replace("#", f"{rank}D"))


def convolve(x, kernel, strides=1, dilation=1):
    """Cross-correlation by the definition, channels last, no padding."""
    rank = x.ndim - 2
    window = kernel.shape[:rank]
    out = [(n - (k - 1) * dilation - 1) // strides + 1 for n, k in zip(x.shape[1:-1], window, strict=True)]
    y = np.zeros((len(x), *out, kernel.shape[-1]))
    for offset in np.ndindex(*window):
        part = tuple(slice(o * dilation, o * dilation + (n - 1) * strides + 1, strides) for o, n in zip(offset, out, strict=True))
        y += x[(slice(None), *part)] @ kernel[offset]
    return y


@RANKS
def test_convolution(engine, live, rank):
    x = BY_RANK[rank]
    layer, y = live(layer_of("Conv#", rank), {"filters": 3, "kernel_size": 2, "strides": 2, "activation": "relu"}, x)
    close(y, np.maximum(convolve(x, layer.get_weights()[0], 2), 0))


def test_causal_convolution(engine, live):
    layer, y = live(layers.Conv1D, {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, STEPS)
    close(y, convolve(np.pad(STEPS, [(0, 0), (4, 0), (0, 0)]), layer.get_weights()[0], dilation=2))
    with pytest.raises(ValueError, match="padding"):
        layers.Conv2D(2, 3, padding="causal")


@RANKS
def test_transposed_convolution_is_the_adjoint(engine, live, rank):
    x = BY_RANK[rank]
    layer, y = live(layer_of("Conv#Transpose", rank), {"filters": 2, "kernel_size": 3, "strides": 2, "use_bias": False}, x)
    other = RNG.normal(size=y.shape)
    kernel = layer.get_weights()[0]  # (*window, filters, channels): the kernel of the convolution whose adjoint it is
    np.testing.assert_allclose((y * other).sum(), (x * convolve(other, kernel, 2)).sum(), rtol=1e-4)


@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise_and_separable_convolution(engine, live, rank):
    x = BY_RANK[rank]
    layer, y = live(layer_of("DepthwiseConv#", rank), {"kernel_size": 2, "depth_multiplier": 2}, x)
    kernel = layer.get_weights()[0]
    each = np.concatenate([convolve(x[..., c : c + 1], kernel[..., c : c + 1, :]) for c in range(4)], -1)
    close(y, each)
    layer, y = live(layer_of("SeparableConv#", rank), {"filters": 3, "kernel_size": 2, "depth_multiplier": 2}, x)
    depthwise, pointwise, _ = layer.get_weights()
    each = np.concatenate([convolve(x[..., c : c + 1], depthwise[..., c : c + 1, :]) for c in range(4)], -1)
    close(y, each @ pointwise.reshape(8, 3))


@RANKS
def test_pooling(engine, live, rank):
    x = BY_RANK[rank]
    shape = [len(x)]
    for n in x.shape[1:-1]:
        shape += [n // 2, 2]
    blocks, axes = x.reshape(*shape, x.shape[-1]), tuple(range(2, 2 + 2 * rank, 2))
    close(live(layer_of("MaxPooling#", rank), {"pool_size": 2}, x)[1], blocks.max(axes))
    close(live(layer_of("AveragePooling#", rank), {"pool_size": 2}, x)[1], blocks.mean(axes))
    places = tuple(range(1, rank + 1))
    close(live(layer_of("GlobalMaxPooling#", rank), {}, x)[1], x.max(places))
    close(live(layer_of("GlobalAveragePooling#", rank), {"keepdims": True}, x)[1], x.mean(places, keepdims=True))
    close(live(layer_of("AdaptiveMaxPooling#", rank), {"output_size": 1}, x)[1], x.max(places, keepdims=True))
    close(live(layer_of("AdaptiveAveragePooling#", rank), {"output_size": 1}, x)[1], x.mean(places, keepdims=True))


def test_average_of_masked_steps(engine):
    mask = np.array([[1, 0, 1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 1]], bool)
    close(
        as_numpy(layers.GlobalAveragePooling1D()(STEPS, mask=mask)),
        np.stack([row[m].mean(0) for row, m in zip(STEPS, mask, strict=True)]),
    )


@RANKS
def test_borders_and_sizes(engine, live, rank):
    x = BY_RANK[rank]
    widths = [(0, 0), *[(1, 2)] * rank, (0, 0)]
    padding = (1, 2) if rank == 1 else ((1, 2),) * rank
    padded = np.pad(x, widths)
    np.testing.assert_array_equal(live(layer_of("ZeroPadding#", rank), {"padding": padding}, x)[1], padded)
    np.testing.assert_array_equal(live(layer_of("Cropping#", rank), {"cropping": padding}, padded)[1], x)
    repeated = x
    for axis in range(1, rank + 1):
        repeated = np.repeat(repeated, 2, axis)
    np.testing.assert_array_equal(live(layer_of("UpSampling#", rank), {"size": 2}, x)[1], repeated)
    with pytest.raises(ValueError, match="cropping"):
        layer_of("Cropping#", rank)(9)(x)


def test_permute_and_repeat(engine, live):
    np.testing.assert_array_equal(live(layers.Permute, {"dims": (2, 1)}, STEPS)[1], STEPS.transpose(0, 2, 1))
    np.testing.assert_array_equal(live(layers.RepeatVector, {"n": 3}, STEPS[:, 0])[1], np.repeat(STEPS[:, :1], 3, 1))
    with pytest.raises(ValueError, match="dims"):
        layers.Permute((0, 1))


@pytest.mark.parametrize(("name", "combine"), [
    ("Multiply", lambda a, b: a * b), ("Maximum", np.maximum), ("Minimum", np.minimum), ("Average", lambda a, b: (a + b) / 2),
    ("Subtract", lambda a, b: a - b),
])  # fmt: skip
def test_merges(engine, live, name, combine):
    other = STEPS[:, ::-1].copy()
    close(live(getattr(layers, name), {}, STEPS, other, one_list=True)[1], combine(STEPS, other))
    close(as_numpy(getattr(layers, name.lower())([STEPS, other])), combine(STEPS, other))


def test_dot(engine, live):
    a, b = STEPS, STEPS[:, ::-1].copy()
    close(live(layers.Dot, {"axes": 2}, a, b, one_list=True)[1], np.einsum("nid,njd->nij", a, b))
    close(live(layers.Dot, {"axes": (1, 1)}, a, b, one_list=True)[1], np.einsum("ndi,ndj->nij", a, b))
    cosine = (a[:, 0] * b[:, 0]).sum(-1) / np.linalg.norm(a[:, 0], axis=-1) / np.linalg.norm(b[:, 0], axis=-1)
    close(live(layers.Dot, {"axes": -1, "normalize": True}, a[:, 0], b[:, 0], one_list=True)[1], cosine[:, None])
    with pytest.raises(ValueError, match="same size"):
        layers.Dot(axes=1)([a, b[:, :3]])


def test_activations_with_arguments(engine, live):
    x = STEPS
    close(
        live(layers.ReLU, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, x)[1],
        np.where(x >= 0.2, np.minimum(x, 1), 0.1 * (x - 0.2)),
    )
    close(live(layers.LeakyReLU, {"negative_slope": 0.2}, x)[1], np.where(x > 0, x, 0.2 * x))
    close(live(layers.ELU, {"alpha": 0.5}, x)[1], np.where(x > 0, x, 0.5 * np.expm1(x)))
    close(live(layers.Softmax, {"axis": 1}, x)[1], np.exp(x) / np.exp(x).sum(1, keepdims=True))
    layer, y = live(layers.PReLU, {"shared_axes": [1], "alpha_initializer": "ones"}, x)
    assert layer.alpha.shape == (1, 4)
    close(y, x)


def test_masking_and_lambda(engine, live):
    x = np.where(RNG.random((2, 8, 1)) < 0.5, np.float32(0), STEPS)
    layer, y = live(layers.Masking, {}, x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(as_numpy(layer.compute_mask(x)), (x != 0).any(-1))
    made = layers.Lambda(lambda t, factor: t * factor, arguments={"factor": 3.0})
    close(as_numpy(made(x)), 3 * x)
    np.testing.assert_array_equal(as_numpy(layers.Identity()(x)), x)


@pytest.mark.parametrize("layer", [
    layers.GaussianNoise(0.5, seed=1), layers.GaussianDropout(0.3, seed=1), layers.AlphaDropout(0.3, seed=1),
    layers.SpatialDropout1D(0.5, seed=1),
])  # fmt: skip
def test_noise_while_training_alone(engine, layer):
    fresh = type(layer).from_config(layer.get_config())
    x = RNG.normal(size=(60, 20, 10)).astype("float32")
    np.testing.assert_array_equal(as_numpy(fresh(x)), x)
    y = as_numpy(fresh(x, training=True))
    assert not np.array_equal(y, x)
    assert abs(y.mean() - x.mean()) < 0.05
    if isinstance(layer, layers.AlphaDropout):
        assert abs(y.std() - 1) < 0.05
    if isinstance(layer, layers.SpatialDropout1D):
        dropped = (y == 0).all(1)
        assert 0.4 < dropped.mean() < 0.6 and np.array_equal(dropped, (y == 0).any(1))


def test_activity_regularization(engine):
    layer = layers.ActivityRegularization(l1=0.1, l2=0.01)
    y = as_numpy(layer(STEPS))
    np.testing.assert_array_equal(y, STEPS)
    close(as_numpy(layer.losses[0]), (0.1 * np.abs(STEPS).sum() + 0.01 * (STEPS**2).sum()) / 2)


def test_a_window_that_does_not_fit(engine):
    x = np.zeros((2, 8, 8, 1), "float32")
    convolutions = layers.Conv2D(3, 9), layers.DepthwiseConv2D((9, 1)), layers.SeparableConv2D(3, 3, dilation_rate=4)
    for layer in (*convolutions, layers.MaxPooling2D(9), layers.AveragePooling2D((1, 9))):
        for given, shown in ((x, r"float32\[2, 8, 8, 1\]"), (Input((8, 8, 1)), r"float32\[None, 8, 8, 1\]")):
            with pytest.raises(ValueError, match=f"Layer {layer.name!r}: .*: a window of .* is larger than the inputs.*{shown}"):
                layer(given)
    assert layers.Conv2D(3, 9, padding="same")(x).shape == (2, 8, 8, 3)
    assert layers.Conv2D(3, 8)(x).shape == (2, 1, 1, 3)


def test_an_input_that_is_no_tensor_is_named():
    with pytest.raises(ValueError, match=r'Input 0 of layer "dense.*" must be a tensor or an array, got .text.'):
        layers.Dense(2)("text")


def test_an_input_that_is_missing_is_named():
    with pytest.raises(TypeError, match=r"Layer 'multi_head.*' was called with wrong arguments: .*'value'"):
        layers.MultiHeadAttention(2, 3)(np.zeros((2, 3, 4), "float32"))
