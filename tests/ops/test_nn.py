"""Ops of neural networks against direct sums, SciPy, and numbers worked out by hand."""

import itertools

import numpy as np
import pytest
import scipy.special

from cornu import ops
from cornu.contract.program import Program
from cornu.ops.symbolic import KerasTensor
from op_table.random_windows import transposed

RNG = np.random.default_rng(0)
X = np.array([[-3.0, -1.0, -0.6, -0.25], [0.1, 0.7, 1.3, 4.0]], "float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def first(x):
    return np.moveaxis(x, -1, 1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "celu": (lambda x: ops.celu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x / 0.5))),
    "elu": (lambda x: ops.elu(x, 0.7), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
    "gelu": (lambda x: ops.gelu(x, False), lambda x: x * scipy.special.ndtr(x)),
    "glu": (ops.glu, lambda x: x[:, :2] * sigmoid(x[:, 2:])),
    "glu axis": (lambda x: ops.glu(x, 0), lambda x: x[:1] * sigmoid(x[1:])),
    "hard_shrink": (lambda x: ops.hard_shrink(x, 0.5), lambda x: np.where(np.abs(x) > 0.5, x, 0)),
    "hard_sigmoid": (ops.hard_sigmoid, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "hard_silu": (ops.hard_silu, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "hard_tanh": (ops.hard_tanh, lambda x: np.clip(x, -1, 1)),
    "leaky_relu": (lambda x: ops.leaky_relu(x, 0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
    "log_sigmoid": (ops.log_sigmoid, lambda x: np.log(sigmoid(x))),
    "log_softmax": (ops.log_softmax, lambda x: scipy.special.log_softmax(x, -1)),
    "relu": (ops.relu, lambda x: np.maximum(x, 0)),
    "relu6": (lambda x: ops.relu6(ops.multiply(x, 2)), lambda x: np.clip(2 * x, 0, 6)),
    "selu": (ops.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
    "silu": (ops.silu, lambda x: x * sigmoid(x)),
    "soft_shrink": (lambda x: ops.soft_shrink(x, 0.5), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
    "softmax": (lambda x: ops.softmax(x, 0), lambda x: scipy.special.softmax(x, 0)),
    "softmax axes": (lambda x: ops.softmax(x, (0, 1)), lambda x: scipy.special.softmax(x, (0, 1))),
    "softplus": (ops.softplus, lambda x: np.log1p(np.exp(x))),
    "softsign": (ops.softsign, lambda x: x / (1 + np.abs(x))),
    "sparse_plus": (ops.sparse_plus, lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))),
    "sparse_sigmoid": (ops.sparse_sigmoid, lambda x: np.clip((x + 1) / 2, 0, 1)),
    "squareplus": (lambda x: ops.squareplus(x, 3), lambda x: (x + np.sqrt(x * x + 3)) / 2),
    "tanh_shrink": (ops.tanh_shrink, lambda x: x - np.tanh(x)),
    "threshold": (lambda x: ops.threshold(x, 0.5, -7.0), lambda x: np.where(x > 0.5, x, -7)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(check, name):
    fn, reference = ACTIVATIONS[name]
    x = np.where(X == -1, np.float32(-0.97), X)  # not on a kink
    check(fn, x, expected=reference(x.astype("float64")), rtol=2e-5, unknown="axis" not in name or "axes" in name)


def test_sparsemax(check):
    def nearest(z):
        """The threshold by bisection."""
        low, high = z.max() - 1, z.max()
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(z - middle, 0).sum() > 1 else (low, middle)
        return np.maximum(z - low, 0)

    x = RNG.normal(size=(3, 4)).astype("float32")
    check(ops.sparsemax, x, expected=np.apply_along_axis(nearest, -1, x.astype("float64")))
    check(lambda x: ops.sparsemax(x, 0), x, expected=np.apply_along_axis(nearest, 0, x.astype("float64")), unknown=False)


def test_names_that_are_the_same():
    assert ops.swish is ops.silu and ops.hard_swish is ops.hard_silu


def test_encodings(engine):
    hot = numbers(ops.one_hot(np.array([[0, 3], [-1, 1]]), 3, axis=1))
    assert hot.tolist() == [[[1, 0], [0, 0], [0, 0]], [[0, 0], [0, 1], [0, 0]]]
    assert numbers(ops.multi_hot(np.array([[0, 1], [2, 2]]), 4)).tolist() == [[1, 1, 0, 0], [0, 0, 1, 0]]
    assert numbers(ops.multi_hot(np.array([0, 3]), 4, dtype="int32")).tolist() == [1, 0, 0, 1]
    with pytest.raises(ValueError, match="multi_hot: give num_classes"):
        ops.multi_hot(np.array([0, 3]))
    z = numbers(ops.polar(np.array([1.0, 2.0]), np.array([0.5, -2.0])))
    np.testing.assert_allclose(z, [np.exp(0.5j), 2 * np.exp(-2j)], rtol=1e-6)


def test_psnr(check):
    y = X + np.float32(0.5)
    check(lambda a, b: ops.psnr(a, b, 2.0), X, y, expected=10 * np.log10(4 / 0.25), gradient=False)
    with pytest.raises(ValueError, match="psnr: the shapes must be equal"):
        ops.psnr(X, X[:1], 1.0)


# Convolution


def convolved(x, kernel, strides, dilation, groups=1):
    """Cross-correlation without padding, window by window, in any number of dimensions."""
    window, spatial = kernel.shape[:-2], x.shape[1:-1]
    counts = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(spatial, window, strides, dilation, strict=True)]
    y = np.zeros((x.shape[0], *counts, kernel.shape[-1]))
    per, out = kernel.shape[-2], kernel.shape[-1] // groups
    for place in np.ndindex(*counts):
        for offset in np.ndindex(*window):
            at = tuple(p * s + o * d for p, s, o, d in zip(place, strides, offset, dilation, strict=True))
            for g in range(groups):
                part = x[(slice(None), *at, slice(g * per, (g + 1) * per))]
                y[(slice(None), *place, slice(g * out, (g + 1) * out))] += (
                    part @ kernel[(*offset, slice(None), slice(g * out, (g + 1) * out))]
                )
    return y


def same(x, window, strides, dilation, value=0.0):
    pairs = []
    for n, k, s, d in zip(x.shape[1:-1], window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return np.pad(x, [(0, 0), *pairs, (0, 0)], constant_values=value)


CONVOLUTIONS = [
    ((2, 7, 2), (3, 2, 4), 2, "same", 1),
    ((1, 9, 2), (2, 2, 3), 1, "valid", 3),
    ((2, 5, 6, 4), (3, 2, 2, 6), (2, 1), "same", 1),
    ((1, 5, 6, 2), (2, 3, 2, 3), 1, "same", 2),
    ((1, 4, 5, 3, 2), (2, 2, 2, 2, 3), (1, 2, 1), "valid", 1),
]


@pytest.mark.parametrize("shape, kernel, strides, padding, dilation", CONVOLUTIONS)
def test_conv(check, shape, kernel, strides, padding, dilation):
    x, w = RNG.normal(size=shape).astype("float32"), RNG.normal(size=kernel).astype("float32")
    rank = len(shape) - 2
    steps, apart = (strides,) * rank if isinstance(strides, int) else strides, (dilation,) * rank
    source = same(x, kernel[:-2], steps, apart) if padding == "same" else x
    expected = convolved(source.astype("float64"), w, steps, apart, groups=shape[-1] // kernel[-2])
    check(
        lambda x, w: ops.conv(x, w, strides, padding, "channels_last", dilation),
        x,
        w,
        expected=expected,
        rtol=1e-4,
        atol=1e-5,
        unknown=False,
    )
    in_front = ops.conv(first(x), w, strides, padding, "channels_first", dilation)
    np.testing.assert_allclose(numbers(in_front), first(expected), rtol=1e-4, atol=1e-5)


def test_depthwise_and_separable(check):
    x = RNG.normal(size=(2, 5, 6, 3)).astype("float32")
    deep, point = RNG.normal(size=(2, 3, 3, 2)).astype("float32"), RNG.normal(size=(1, 1, 6, 4)).astype("float32")
    each = [convolved(x[..., c : c + 1].astype("float64"), deep[:, :, c : c + 1], (1, 1), (1, 1)) for c in range(3)]
    expected = np.concatenate(each, -1)
    check(ops.depthwise_conv, x, deep, expected=expected, rtol=1e-4, atol=1e-5, unknown=False)
    check(ops.separable_conv, x, deep, point, expected=expected @ point[0, 0], rtol=1e-4, atol=1e-5, unknown=False)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("window", [2, 3, 4])
def test_conv_transpose(engine, padding, window):
    x, w = RNG.normal(size=(2, 4, 2)).astype("float32"), RNG.normal(size=(window, 3, 2)).astype("float32")
    for stride, extra, dilation in itertools.product((1, 2, 3), (None, 0, 1), (1, 2)):
        if (extra or 0) >= stride or (dilation > 1 and stride > 1):
            continue
        expected = transposed(x.astype("float64"), w, (stride,), padding, extra, (dilation,))
        got = numbers(ops.conv_transpose(x, w, stride, padding, extra, "channels_last", dilation))
        assert got.shape == expected.shape, (stride, extra, dilation)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_conv_transpose_as_keras_does_it(engine):
    """Numbers that real Keras 3.15 gives on TensorFlow and JAX."""
    x, w = np.arange(1, 5, dtype="float32").reshape(1, 4, 1), np.arange(1, 5, dtype="float32").reshape(4, 1, 1)
    for arguments, expected in {
        (2, "same", None): [2, 5, 8, 9, 14, 13, 20, 12],
        (2, "same", 1): [2, 5, 8, 9, 14, 13, 20],
        (3, "same", 0): [3, 6, 4, 6, 11, 6, 9, 16, 8],
        (3, "valid", 1): [1, 2, 3, 6, 4, 6, 11, 6, 9, 16, 8, 12, 16, 0],
        (1, "same", None): [4, 10, 20, 25],
    }.items():
        assert numbers(ops.conv_transpose(x, w, *arguments)).ravel().tolist() == expected


def test_conv_transpose_in_more_dimensions(check):
    x, w = RNG.normal(size=(2, 3, 2, 2)).astype("float32"), RNG.normal(size=(3, 2, 4, 2)).astype("float32")
    expected = transposed(x.astype("float64"), w, (2, 1), "same", None, (1, 1))
    check(lambda x, w: ops.conv_transpose(x, w, (2, 1), "same"), x, w, expected=expected, rtol=1e-4, atol=1e-5, unknown=False)
    in_front = ops.conv_transpose(first(x), w, (2, 1), "same", data_format="channels_first")
    np.testing.assert_allclose(numbers(in_front), first(expected), rtol=1e-4, atol=1e-5)
    assert ops.conv_transpose(KerasTensor((None, None, 4)), np.zeros((3, 2, 4), "float32"), 2).shape == (None, None, 2)


def test_unfold_and_fold(check):
    x = RNG.normal(size=(2, 3, 5, 6)).astype("float32")
    arguments = ((2, 3), 1, (1, 0), (2, 1))
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (0, 0)])
    columns = [padded[:, :, i : i + 2, j : j + 3].reshape(2, -1) for i in range(0, 6, 2) for j in range(4)]
    check(lambda x: ops.unfold(x, *arguments), x, expected=np.stack(columns, -1))
    counts = np.zeros((5, 6))
    for i, j, a, b in itertools.product(range(0, 6, 2), range(4), range(2), range(3)):
        if 0 < i + a < 6:
            counts[i + a - 1, j + b] += 1
    check(lambda c: ops.fold(c, (5, 6), *arguments), np.stack(columns, -1), expected=x * counts)


def test_depth_and_space(check):
    x = RNG.normal(size=(2, 2, 3, 8)).astype("float32")
    wide = np.empty((2, 4, 6, 2), "float32")
    for a, b in itertools.product(range(2), range(2)):
        wide[:, a::2, b::2] = x[..., (2 * a + b) * 2 : (2 * a + b) * 2 + 2]
    check(lambda x: ops.depth_to_space(x, 2), x, expected=wide)
    check(lambda x: ops.space_to_depth(x, 2), wide, expected=x)
    check(lambda x: ops.depth_to_space(x, 2, "channels_first"), first(x), expected=first(wide))


# Pooling


def pooled(x, reduce, window, strides):
    counts = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], window, strides, strict=True)]
    axes = tuple(range(1, 1 + len(window)))
    rows = [
        reduce(x[(slice(None), *[slice(p * s, p * s + k) for p, s, k in zip(place, strides, window, strict=True)])], axes)
        for place in np.ndindex(*counts)
    ]
    return np.stack(rows, 1).reshape(x.shape[0], *counts, x.shape[-1])


@pytest.mark.parametrize(
    "shape, window, strides, padding",
    [((2, 7, 3), 3, 2, "same"), ((2, 5, 6, 2), (2, 3), None, "valid"), ((1, 4, 5, 4, 2), 2, (1, 2, 2), "same")],
)
def test_pooling(check, shape, window, strides, padding):
    x = RNG.normal(size=shape).astype("float32")
    rank = len(shape) - 2
    size = (window,) * rank if isinstance(window, int) else window
    step = size if strides is None else (strides,) * rank if isinstance(strides, int) else strides
    padded = same(x, size, step, (1,) * rank, np.nan) if padding == "same" else x
    for op, reduce in ((ops.max_pool, np.nanmax), (ops.average_pool, np.nanmean)):
        expected = pooled(padded, reduce, size, step)
        check(lambda x: op(x, window, strides, padding, "channels_last"), x, expected=expected, rtol=1e-4, atol=1e-5)  # noqa: B023
        np.testing.assert_allclose(
            numbers(op(first(x), window, strides, padding, "channels_first")), first(expected), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("shape, size", [((2, 7, 3), 3), ((2, 5, 6, 2), (2, 4)), ((1, 3, 4, 5, 2), 2)])
def test_adaptive_pooling(check, shape, size):
    x = RNG.normal(size=shape).astype("float32")
    sizes = (size,) * (len(shape) - 2) if isinstance(size, int) else size
    spans = [[(i * n // k, -(-(i + 1) * n // k)) for i in range(k)] for n, k in zip(shape[1:-1], sizes, strict=True)]
    axes = tuple(range(1, len(shape) - 1))
    for op, reduce in ((ops.adaptive_max_pool, np.max), (ops.adaptive_average_pool, np.mean)):
        rows = [reduce(x[(slice(None), *[slice(*span) for span in place])], axes) for place in itertools.product(*spans)]
        check(lambda x: op(x, size), x, expected=np.stack(rows, 1).reshape(shape[0], *sizes, shape[-1]))  # noqa: B023


# Normalization and losses


def test_normalizations(check):
    x = RNG.normal(size=(4, 3, 5)).astype("float32")
    gamma, beta = RNG.normal(size=5).astype("float32"), RNG.normal(size=5).astype("float32")
    wide = x.astype("float64")
    centred = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-3)
    check(
        lambda x, g, b: ops.layer_normalization(x, g, b, epsilon=1e-3),
        x,
        gamma,
        beta,
        expected=centred * gamma + beta,
        rtol=1e-4,
        unknown=False,
    )
    rms = wide / np.sqrt((wide**2).mean(-1, keepdims=True) + 1e-3)
    check(lambda x, g: ops.rms_normalization(x, g, epsilon=1e-3), x, gamma, expected=rms * gamma, rtol=1e-4, unknown=False)
    both = wide / np.sqrt((wide**2).mean((1, 2), keepdims=True) + 1e-7)
    check(lambda x: ops.rms_normalization(x, axis=(1, 2)), x, expected=both, rtol=1e-4)
    mean, variance = RNG.normal(size=3).astype("float32"), RNG.uniform(0.5, 2, 3).astype("float32")
    expected = (wide - mean[:, None]) / np.sqrt(variance[:, None] + 1e-3)
    check(lambda x, m, v: ops.batch_normalization(x, m, v, 1), x, mean, variance, expected=expected, rtol=1e-4, unknown=False)
    check(lambda x: ops.moments(x, (0, 2)), x, expected=(wide.mean((0, 2)), wide.var((0, 2))), rtol=1e-4)
    scaled = wide / np.sqrt(wide.var(-1, keepdims=True) + 1e-7)
    check(lambda x: ops.layer_normalization(x, beta=x, rms_scaling=True), x, expected=scaled, rtol=1e-4)
    with pytest.raises(TypeError, match="layer_normalization: it has no argument 'eps'"):
        ops.layer_normalization(x, eps=1.0)
    half = ops.layer_normalization((x * 300).astype("float16"))
    assert ops.dtype(half) == "float16" and np.isfinite(numbers(half)).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_normalize(check, order):
    x = RNG.normal(size=(3, 4)).astype("float32")
    check(lambda x: ops.normalize(x, order=order), x, expected=x / np.linalg.norm(x, order, -1, keepdims=True))
    assert not numbers(ops.normalize(np.zeros((2, 3), "float32"), order=order)).any()


def test_losses(check):
    p, t = RNG.uniform(0.1, 0.9, (4, 3)).astype("float32"), RNG.uniform(size=(4, 3)).astype("float32")
    check(ops.binary_crossentropy, t, p, expected=-(t * np.log(p) + (1 - t) * np.log(1 - p)))
    logits = np.log(p / (1 - p))
    check(
        lambda t, z: ops.binary_crossentropy(t, z, True),
        t,
        logits,
        expected=-(t * np.log(p) + (1 - t) * np.log(1 - p)),
        rtol=1e-4,
    )
    q = p / p.sum(-1, keepdims=True)
    check(ops.categorical_crossentropy, t, p, expected=-(t * np.log(q)).sum(-1))
    check(lambda t, z: ops.categorical_crossentropy(t, z, True), t, np.log(p), expected=-(t * np.log(q)).sum(-1))
    classes = np.array([0, 2, 1, 1])
    expected = -np.log(q[np.arange(4), classes])
    check(lambda p: ops.sparse_categorical_crossentropy(classes, p), p, expected=expected, unknown=False)
    check(lambda z: ops.sparse_categorical_crossentropy(classes[:, None], z, True), np.log(p), expected=expected, unknown=False)


# Attention


def test_dot_product_attention(check):
    q, k, v = (RNG.normal(size=(2, n, 2, 3)).astype("float32") for n in (3, 4, 4))
    mask = np.array([[True, True, False, True]] * 3)
    scores = np.einsum("nthd,nshd->nhts", q, k).astype("float64") / np.sqrt(3)
    weights = scipy.special.softmax(np.where(mask, scores, -np.inf), -1)
    expected = np.einsum("nhts,nshd->nthd", weights, v)
    check(lambda q, k, v: ops.dot_product_attention(q, k, v, mask=mask), q, k, v, expected=expected, rtol=1e-4)
    weights = scipy.special.softmax(
        np.where(np.tril(np.ones((3, 3), bool)), 2 * np.tanh(scores[..., :3] * np.sqrt(3) * 0.5 / 2), -np.inf), -1
    )
    expected = np.einsum("nhts,nshd->nthd", weights, v[:, :3])
    capped = lambda q, k, v: ops.dot_product_attention(q, k, v, scale=0.5, is_causal=True, attn_logits_soft_cap=2.0)  # noqa: E731
    check(capped, q, k[:, :3], v[:, :3], expected=expected, rtol=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ops.glu(X[:, :3]), r"glu: axis 1 of shape \(2, 3\) must have an even size"),
        (lambda: ops.sparsemax(X, 2), "sparsemax: axis 2 is out of bounds"),
        (
            lambda: ops.conv(X, np.zeros((3, 1, 1))),
            r"conv: expected a batch with channels and 1 to 3 spatial dimensions, got shape \(2, 4\)",
        ),
        (lambda: ops.conv(np.zeros((1, 5, 2)), np.zeros((3, 3, 1))), "conv: a kernel of shape .* doesn't fit inputs"),
        (
            lambda: ops.conv(np.zeros((1, 5, 2)), np.zeros((3, 2, 1)), padding="causal"),
            "conv: padding must be 'valid' or 'same', got 'causal'",
        ),
        (lambda: ops.conv(np.zeros((1, 5, 2)), np.zeros((3, 2, 1)), strides=0), "conv: strides must be a positive int"),
        (lambda: ops.conv(np.zeros((1, 5, 2)), np.zeros((3, 2, 1)), data_format="NHWC"), "conv: data_format must be"),
        (
            lambda: ops.conv(np.zeros((1, 5, 2)), np.zeros((3, 3, 2, 1))),
            "conv: inputs with 1 spatial dimensions need a kernel of rank 3",
        ),
        (
            lambda: ops.conv_transpose(np.zeros((1, 5, 2)), np.zeros((3, 1, 2)), 2, output_padding=2),
            "conv_transpose: output_padding",
        ),
        (
            lambda: ops.depthwise_conv(np.zeros((1, 5, 2)), np.zeros((3, 3, 1))),
            "depthwise_conv: a kernel of shape .* doesn't fit",
        ),
        (lambda: ops.max_pool(np.zeros((1, 3, 2)), 4), "max_pool: a window of .* is larger"),
        (lambda: ops.unfold(np.zeros((1, 1, 3, 3)), 4), "unfold: a window of 4"),
        (lambda: ops.fold(np.zeros((1, 5, 9)), (4, 4), 2), "fold: columns of shape .* don't fit"),
        (lambda: ops.depth_to_space(np.zeros((1, 2, 2, 6)), 2), "depth_to_space: 6 channels can't be laid out"),
        (lambda: ops.normalize(X, order=0), "normalize: order must be an int of at least 1, got 0"),
        (
            lambda: ops.batch_normalization(X, np.zeros(3), np.ones(4), -1),
            "batch_normalization: mean must be a vector of 4 elements",
        ),
        (lambda: ops.binary_crossentropy(X, X[:1]), "binary_crossentropy: target and output must have the same shape"),
    ],
)
def test_bad_input(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("from_logits", [False, True])
def test_labels_that_are_no_class_are_nan_and_move_nothing(engine, from_logits):
    labels, output = np.array([0, 3, -1, 2], "int32"), np.full((4, 3), 1 / 3, "float32")
    loss = lambda x: ops.sparse_categorical_crossentropy(labels, x, from_logits)  # noqa: E731
    x = ops.convert_to_tensor(output)
    for found in (loss(x), Program(loss)(x)):
        np.testing.assert_allclose(numbers(found), [np.log(3), np.nan, np.nan, np.log(3)], rtol=1e-5)
    slope = numbers(ops.grad(lambda x: ops.sum(loss(x)))(x))
    assert np.isfinite(slope).all() and not slope[1:3].any() and slope[0].any()
