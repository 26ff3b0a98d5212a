"""Each function of `K` beside NumPy: called on tensors, and drawn with placeholders of unknown sizes and run by `K.function`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.signal
import scipy.special

from cornu import backend as K

random = np.random.default_rng(5)


def real(*shape: int) -> np.ndarray:
    return random.normal(size=shape).astype("float32")


def positive(*shape: int) -> np.ndarray:
    return random.uniform(0.1, 2, shape).astype("float32")


def rows(*shape: int) -> np.ndarray:
    """Probabilities along the last axis."""
    x = positive(*shape)
    return x / x.sum(-1, keepdims=True)


def whole(limit: int, *shape: int) -> np.ndarray:
    return random.integers(0, limit, shape).astype("int32")


X, Y, IMAGES, SEQUENCES, VOLUMES = real(3, 4), real(3, 4), real(2, 5, 6, 3), real(2, 6, 3), real(2, 3, 4, 3, 2)
BOOLS, EMPTY, POINT = X > 0, real(0, 4), np.float32(0.7)
EXTREMES = np.array([[-np.inf, -1e30, -88.0, -0.0, 0.0], [1e-30, 0.5, 88.0, 1e30, np.inf]], "float32")

Case = tuple[str, list[Any], dict[str, Any], Callable[..., Any]]
CASES: list[Case] = []


def case(name: str, *args: Any, expected: Callable[..., Any], **kwargs: Any) -> None:
    """`K.name(*args, **kwargs)` is what `expected` makes of the arrays among the arguments."""
    CASES.append((name, list(args), kwargs, expected))


# Elementwise

for name, reference in {
    "abs": np.abs, "cos": np.cos, "sin": np.sin, "exp": np.exp, "sign": np.sign, "square": np.square, "round": np.round,
    "tanh": np.tanh,
    "sigmoid": scipy.special.expit, "softplus": lambda x: np.logaddexp(x, 0), "softsign": lambda x: x / (1 + np.abs(x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1), "sqrt": lambda x: np.sqrt(np.maximum(x, 0)), "identity": lambda x: x,
    "ones_like": np.ones_like, "zeros_like": np.zeros_like, "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "stop_gradient": lambda x: x,
}.items():  # fmt: skip
    for x in (X, EMPTY, POINT, 3 * VOLUMES):
        case(name, x, expected=reference)
for name, reference in {
    "abs": np.abs, "tanh": np.tanh, "sigmoid": scipy.special.expit, "softplus": lambda x: np.logaddexp(x, 0), "sign": np.sign,
    "sqrt": lambda x: np.sqrt(np.maximum(x, 0)), "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "relu": lambda x: np.maximum(x, 0),
}.items():  # fmt: skip
    case(name, EXTREMES, expected=reference)
case("round", np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], "float32"), expected=np.round)
case("log", positive(3, 4), expected=np.log)
case("pow", X, 3, expected=lambda x: x**3)
case("pow", positive(3, 4), -0.5, expected=lambda x: x**-0.5)
case("clip", X, -0.5, 0.5, expected=lambda x: np.clip(x, -0.5, 0.5))
case("clip", X, 0.5, -0.5, expected=lambda x: np.full_like(x, 0.5))  # a maximum below the minimum is raised to it
case("clip", X, None, 0.5, expected=lambda x: np.minimum(x, 0.5))
case("elu", X, 0.3, expected=lambda x: np.where(x > 0, x, 0.3 * np.expm1(x)))
case("cast", 3 * X, "int32", expected=lambda x: x.astype("int32"))
case("cast", X, "bool", expected=lambda x: x != 0)
case("cast", BOOLS, "float32", expected=lambda x: x.astype("float32"))


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    above = x if max_value is None else np.minimum(x, max_value)
    return np.where(x >= threshold, above, alpha * (x - threshold))


for arguments in (
    {}, {"alpha": 0.1}, {"max_value": 1.0}, {"threshold": 0.5}, {"alpha": 0.2, "max_value": 1.0, "threshold": -0.5},
    {"max_value": 0.3, "threshold": 0.5},
):  # fmt: skip
    case("relu", X, expected=lambda x, arguments=arguments: relu(x, **arguments), **arguments)

for name in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "maximum", "minimum"):
    reference = getattr(np, name)
    for x, y in ((X, Y), (X, X), (X, Y[:1]), (X, Y[:, :1]), (whole(3, 3, 4), whole(3, 3, 4)), (X, POINT)):
        case(name, x, y, expected=reference)
    case(name, X, 0.5, expected=lambda x, r=reference: r(x, np.float32(0.5)))

# Reductions

for name in ("sum", "prod", "mean", "std", "var", "max", "min", "any", "all"):
    for axis in (None, 0, -1, [0, 2], (1, 3)):
        for keepdims in (False, True):
            x = np.abs(IMAGES) > 0.5 if name in ("any", "all") else IMAGES
            arguments = {"axis": tuple(axis) if isinstance(axis, list) else axis, "keepdims": keepdims}
            reference = getattr(np, name)
            case(name, x, axis=axis, keepdims=keepdims, expected=lambda x, r=reference, a=arguments: r(x, **a))
    if name in ("mean", "std", "var"):
        case(name, BOOLS, axis=0, expected=lambda x, r=reference: r(x.astype("float32"), axis=0))
case("any", X * (X > 1), axis=0, expected=lambda x: x.any(axis=0))
case("logsumexp", 100 * X, axis=1, expected=lambda x: scipy.special.logsumexp(x, axis=1))
case("logsumexp", X, keepdims=True, expected=lambda x: scipy.special.logsumexp(x, keepdims=True))
for name in ("cumsum", "cumprod"):
    reference = getattr(np, name)
    for axis in (0, 1, -1):
        case(name, X, axis=axis, expected=lambda x, r=reference, axis=axis: r(x, axis=axis))
for name in ("argmax", "argmin"):
    reference = getattr(np, name)
    for axis in (-1, 0):
        case(name, X, axis=axis, expected=lambda x, r=reference, axis=axis: r(x, axis=axis))
    case(name, np.zeros((2, 3), "float32"), expected=lambda x: np.zeros(2, "int64"))
case("size", IMAGES, expected=lambda x: np.int32(x.size))
case("shape", IMAGES, expected=lambda x: np.array(x.shape, "int32"))
case("in_top_k", rows(4, 5), whole(5, 4), 2, expected=lambda p, t: (p > p[np.arange(4), t][:, None]).sum(1) < 2)

# Products

case("dot", X, real(4, 5), expected=np.dot)
case("dot", real(2, 3, 4), real(4, 5), expected=np.dot)
case("dot", real(2, 3, 4), real(5, 4, 6), expected=np.dot)
for x, y, axes, subscripts in (
    (real(3, 4), real(3, 4), 1, "ni,ni->n"),
    (real(3, 4), real(3, 4), None, "ni,ni->n"),
    (real(3, 4), real(3, 4, 5), (1, 1), "ni,nij->nj"),
    (real(3, 4, 5), real(3, 5), (2, 1), "nij,nj->ni"),
    (real(3, 4, 5), real(3, 5, 6), None, "nij,njk->nik"),
    (real(3, 4, 5), real(3, 6, 5), (2, 2), "nij,nkj->nik"),
    (real(3, 4, 5), real(3, 4, 6), 1, "nji,njk->nik"),
    (real(3, 4, 5), real(3, 6, 5), (-1, -1), "nij,nkj->nik"),
    (real(3, 4, 5, 6), real(3, 6, 2), (3, 1), "nabi,nij->nabj"),
    (real(3, 4, 5, 6), real(3, 2, 5, 7), (2, 2), "naib,ncid->nabcd"),
):

    def batch_dot(x: Any, y: Any, subscripts: str = subscripts) -> Any:
        product = np.einsum(subscripts, x, y)
        return product if product.ndim > 1 else product[:, None]

    case("batch_dot", x, y, axes=axes, expected=batch_dot)

# Shapes and elements

case("transpose", SEQUENCES, expected=np.transpose)
case("permute_dimensions", SEQUENCES, (2, 0, 1), expected=lambda x: x.transpose(2, 0, 1))
case("reshape", SEQUENCES, (2, -1), expected=lambda x: x.reshape(2, -1))
case("reshape", SEQUENCES, [-1, 3], expected=lambda x: x.reshape(-1, 3))
case("flatten", SEQUENCES, expected=np.ravel)
case("batch_flatten", SEQUENCES, expected=lambda x: x.reshape(2, -1))
case("batch_flatten", EMPTY, expected=lambda x: x)
for axis in (-1, 0, 1):
    case("expand_dims", X, axis, expected=lambda x, axis=axis: np.expand_dims(x, axis))
    case("stack", [X, Y, X], axis, expected=lambda x, y, z, axis=axis: np.stack([x, y, z], axis))
    case("concatenate", [X, Y], axis, expected=lambda x, y, axis=axis: np.concatenate([x, y], axis))
    case("repeat_elements", X, 3, axis, expected=lambda x, axis=axis: np.repeat(x, 3, axis))
    case("reverse", X, axis, expected=lambda x, axis=axis: np.flip(x, axis))
case("reverse", SEQUENCES, [0, -1], expected=lambda x: np.flip(x, (0, -1)))
case("squeeze", X[:, None], 1, expected=lambda x: x[:, 0])
case("repeat", X, 2, expected=lambda x: np.stack([x, x], 1))
case("tile", X, [2, 3], expected=lambda x: np.tile(x, (2, 3)))
case("tile", X, 2, expected=lambda x: np.tile(x, 2))
case("slice", SEQUENCES, [0, 2, 1], [2, 3, 1], expected=lambda x: x[0:2, 2:5, 1:2])
case("slice", SEQUENCES, [1, 2, 0], [-1, 3, -1], expected=lambda x: x[1:, 2:5])
case("gather", SEQUENCES, whole(2, 3, 2), expected=lambda x, i: x[i])
case("gather", X, np.array([0.0, 2.0], "float32"), expected=lambda x, i: x[i.astype(int)])
case("one_hot", whole(4, 2, 3), 4, expected=lambda i: np.eye(4, dtype="float32")[i])
for arguments in ((5,), (2, 7), (1, 9, 3), (5, 0, -2), (3, 1)):
    case("arange", *arguments, expected=lambda a=arguments: np.arange(*a, dtype="int32"))
case("arange", 0, 1, 0.25, "float32", expected=lambda: np.arange(0, 1, 0.25, dtype="float32"))

# Padding and resizing

case("temporal_padding", SEQUENCES, (2, 1), expected=lambda x: np.pad(x, [(0, 0), (2, 1), (0, 0)]))
PAIRS = [(1, 2), (0, 3), (2, 0)]
case("spatial_2d_padding", IMAGES, PAIRS[:2], "channels_last", expected=lambda x: np.pad(x, [(0, 0), *PAIRS[:2], (0, 0)]))
case("spatial_2d_padding", IMAGES, PAIRS[:2], "channels_first", expected=lambda x: np.pad(x, [(0, 0), (0, 0), *PAIRS[:2]]))
case("spatial_3d_padding", VOLUMES, PAIRS, "channels_last", expected=lambda x: np.pad(x, [(0, 0), *PAIRS, (0, 0)]))
case("spatial_3d_padding", VOLUMES, PAIRS, "channels_first", expected=lambda x: np.pad(x, [(0, 0), (0, 0), *PAIRS]))


def repeated(x: Any, factors: dict[int, int]) -> Any:
    for axis, factor in factors.items():
        x = np.repeat(x, factor, axis)
    return x


def between(x: Any, factors: dict[int, int]) -> Any:
    """Linear between upper left corners, constant after the last one."""
    for axis, factor in factors.items():
        n = x.shape[axis]
        places = np.arange(n * factor) / factor
        x = np.apply_along_axis(lambda row, places=places, n=n: np.interp(places, np.arange(n), row), axis, x)
    return x.astype("float32")


for data_format, first in (("channels_last", 1), ("channels_first", 2)):
    where = {first: 2, first + 1: 3}
    case("resize_images", IMAGES, 2, 3, data_format, expected=lambda x, w=where: repeated(x, w))
    case("resize_images", IMAGES, 2, 3, data_format, interpolation="bilinear", expected=lambda x, w=where: between(x, w))
    where = {first: 2, first + 1: 1, first + 2: 3}
    case("resize_volumes", VOLUMES, 2, 1, 3, data_format, expected=lambda x, w=where: repeated(x, w))

# Activations, losses, normalization

for axis in (-1, 1, 0):
    case("softmax", 30 * SEQUENCES, axis=axis, expected=lambda x, axis=axis: scipy.special.softmax(x, axis))
    case("l2_normalize", SEQUENCES, axis=axis, expected=lambda x, axis=axis: x / np.linalg.norm(x, axis=axis, keepdims=True))
case("l2_normalize", X, expected=lambda x: x / np.linalg.norm(x))
case("l2_normalize", 0 * X, axis=1, expected=lambda x: x)


def clipped(p: Any) -> Any:
    return np.clip(p, np.float32(1e-7), np.float32(1 - 1e-7))


case("binary_crossentropy", rows(3, 4), rows(3, 4), expected=lambda t, p: -(t * np.log(p) + (1 - t) * np.log(1 - p)))
case(
    "binary_crossentropy",
    BOOLS.astype("float32"),
    BOOLS.astype("float32"),
    expected=lambda t, p: -np.log(np.where(t > 0, clipped(p), 1 - clipped(p))),
)
case(
    "binary_crossentropy", rows(3, 4), 20 * X, from_logits=True,
    expected=lambda t, z: -(t * scipy.special.log_expit(z) + (1 - t) * scipy.special.log_expit(-z)),
)  # fmt: skip
for axis in (-1, 1):
    log_softmax = lambda z, axis=axis: scipy.special.log_softmax(z, axis)  # noqa: E731
    normal = lambda p, axis=axis: p / p.sum(axis, keepdims=True)  # noqa: E731
    case(
        "categorical_crossentropy", rows(2, 3, 4), positive(2, 3, 4), axis=axis,
        expected=lambda t, p, axis=axis, normal=normal: -(t * np.log(normal(p))).sum(axis),
    )  # fmt: skip
    case(
        "categorical_crossentropy", rows(2, 3, 4), 20 * real(2, 3, 4), from_logits=True, axis=axis,
        expected=lambda t, z, axis=axis, log_softmax=log_softmax: -(t * log_softmax(z)).sum(axis),
    )  # fmt: skip
    labels = whole(3, 2, 4 if axis == 1 else 3)
    chosen = lambda x, i, axis=axis: np.take_along_axis(x, np.expand_dims(i, axis), axis).squeeze(axis)  # noqa: E731
    case(
        "sparse_categorical_crossentropy", labels, real(2, 3, 4), from_logits=True, axis=axis,
        expected=lambda t, z, log_softmax=log_softmax, chosen=chosen: -chosen(log_softmax(z), t),
    )  # fmt: skip
case("sparse_categorical_crossentropy", whole(4, 3), rows(3, 4), expected=lambda t, p: -np.log(p[np.arange(3), t]))
case("sparse_categorical_crossentropy", whole(4, 3, 1), rows(3, 4), expected=lambda t, p: -np.log(p[np.arange(3), t[:, 0]]))


def normalized(x: Any, mean: Any, var: Any, beta: Any, gamma: Any, epsilon: float = 1e-3, axis: int = -1) -> Any:
    along = [1] * x.ndim
    along[axis] = x.shape[axis]
    mean, var, beta, gamma = (np.reshape(v, along) if np.ndim(v) == 1 else v for v in (mean, var, beta, gamma))
    return (x - mean) / np.sqrt(var + epsilon) * gamma + beta


MEAN, VAR, BETA, GAMMA = real(3), positive(3), real(3), real(3)
case("batch_normalization", IMAGES, MEAN, VAR, BETA, GAMMA, expected=normalized)
case("batch_normalization", IMAGES, MEAN, VAR, None, None, epsilon=0.1, expected=lambda x, m, v: normalized(x, m, v, 0, 1, 0.1))
case("batch_normalization", VOLUMES, MEAN, VAR, BETA, GAMMA, axis=1, expected=lambda *a: normalized(*a, axis=1))
case(
    "normalize_batch_in_training", IMAGES, GAMMA, BETA, [0, 1, 2],
    expected=lambda x, g, b: [normalized(x, x.mean((0, 1, 2)), x.var((0, 1, 2)), b, g), x.mean((0, 1, 2)), x.var((0, 1, 2))],
)  # fmt: skip
case(
    "normalize_batch_in_training", VOLUMES, None, None, [0, 2, 3, 4], 0.1,
    expected=lambda x, a=(0, 2, 3, 4): [normalized(x, x.mean(a), x.var(a), 0, 1, 0.1, 1), x.mean(a), x.var(a)],
)  # fmt: skip
case("bias_add", IMAGES, real(3), "channels_last", expected=lambda x, b: x + b)
case("bias_add", IMAGES, real(5), "channels_first", expected=lambda x, b: x + b[:, None, None])
case("bias_add", IMAGES, real(5, 6, 3), "channels_last", expected=lambda x, b: x + b)
case("bias_add", IMAGES, real(6, 3, 5), "channels_first", expected=lambda x, b: x + b.transpose(2, 0, 1))
case("bias_add", X, real(4), expected=lambda x, b: x + b)
case("bias_add", SEQUENCES, real(3), "channels_last", expected=lambda x, b: x + b)
case("bias_add", VOLUMES, real(3), "channels_first", expected=lambda x, b: x + b[:, None, None, None])

# Convolution and pooling, window by window


def per(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def windows(x: Any, window: Any, strides: Any, padding: str, dilation: Any, fill: float = 0.0) -> Any:
    """(N, *spatial, C) -> (N, *places, *window, C)."""
    rank = x.ndim - 2
    strides, dilation = per(strides, rank), per(dilation, rank)
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    pairs = [(0, 0)] * rank
    if padding == "causal":
        pairs = [(reach[0] - 1, 0)]
    elif padding == "same":
        totals = [max((math.ceil(n / s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[1:-1], strides, reach)]
        pairs = [(total // 2, total - total // 2) for total in totals]
    x = np.pad(x, [(0, 0), *pairs, (0, 0)], constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, reach, tuple(range(1, rank + 1)))
    view = view[(slice(None), *[slice(None, None, s) for s in strides], slice(None), *[slice(None, None, d) for d in dilation])]
    return np.moveaxis(view, rank + 1, -1)


def first(reference: Callable[..., Any]) -> Callable[..., Any]:
    """A reference for channels that come first."""
    return lambda x, *args: np.moveaxis(reference(np.moveaxis(x, 1, -1), *args), -1, 1)


def convolved(strides: Any = 1, padding: str = "valid", dilation: Any = 1) -> Callable[..., Any]:
    return lambda x, k: np.tensordot(windows(x, k.shape[:-2], strides, padding, dilation), k, k.ndim - 1)


def depthwise(strides: Any = 1, padding: str = "valid", dilation: Any = 1) -> Callable[..., Any]:
    def compute(x: Any, k: Any) -> Any:
        seen = windows(x, k.shape[:-2], strides, padding, dilation)
        rank = x.ndim - 2
        seen = seen.reshape(*seen.shape[: rank + 1], -1, seen.shape[-1])
        y = np.einsum("...wc,wcm->...cm", seen, k.reshape(-1, *k.shape[-2:]))
        return y.reshape(*y.shape[:-2], -1)

    return compute


def separable(*arguments: Any) -> Callable[..., Any]:
    return lambda x, k, p: depthwise(*arguments)(x, k) @ p.reshape(p.shape[-2:])


def pooled(reduce: Any, window: Any, strides: Any, padding: str = "valid") -> Callable[..., Any]:
    return lambda x: reduce(windows(x, window, strides, padding, 1, np.nan), tuple(range(x.ndim - 1, 2 * x.ndim - 3)))


def transposed(shape: tuple[int, ...], strides: Any, padding: str, dilation: Any = 1) -> Callable[..., Any]:
    """The adjoint of a convolution is found from the convolution of each unit tensor."""

    def compute(x: Any, k: Any) -> Any:
        size = math.prod(shape[1:])
        units = np.eye(size, dtype="float64").reshape(size, *shape[1:])
        forward = convolved(strides, padding, dilation)(units, k.astype("float64"))
        return (
            np.tensordot(x, forward, (list(range(1, x.ndim)), list(range(1, x.ndim))))
            .reshape(x.shape[0], *shape[1:])
            .astype("float32")
        )

    return compute


SERIES = real(2, 9, 3)
for arguments in ((1, "valid", 1), (2, "same", 1), (1, "causal", 2), (1, "same", 2)):
    for data_format in ("channels_last", "channels_first"):
        turn = first if data_format == "channels_first" else lambda reference: reference
        x = SERIES if data_format == "channels_last" else SERIES.transpose(0, 2, 1)
        case(
            "conv1d",
            x,
            real(3, 3, 4),
            arguments[0],
            arguments[1],
            data_format,
            arguments[2],
            expected=turn(convolved(*arguments)),
        )
case("separable_conv1d", SERIES, real(3, 3, 2), real(1, 6, 4), 2, "same", "channels_last", expected=separable(2, "same"))
IMAGES_FIRST = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2))
for strides, padding, dilation in (
    ((1, 1), "valid", (1, 1)),
    ((2, 1), "same", (1, 1)),
    ((1, 1), "same", (2, 1)),
    ((1, 1), "valid", (2, 2)),
):
    tail = {"dilation_rate": dilation}
    for data_format, x, turn in (("channels_last", IMAGES, lambda r: r), ("channels_first", IMAGES_FIRST, first)):
        plain = (strides, padding, dilation)
        case("conv2d", x, real(3, 2, 3, 4), strides, padding, data_format, expected=turn(convolved(*plain)), **tail)
        if strides != (2, 1):  # the same stride in both dimensions is asked for by TensorFlow's
            case("depthwise_conv2d", x, real(3, 2, 3, 2), strides, padding, data_format, expected=turn(depthwise(*plain)), **tail)
            case(
                "separable_conv2d",
                x,
                real(3, 2, 3, 2),
                real(1, 1, 6, 4),
                strides,
                padding,
                data_format,
                expected=turn(separable(*plain)),
                **tail,
            )
case("conv3d", VOLUMES, real(2, 2, 2, 2, 3), (1, 2, 1), "same", "channels_last", expected=convolved((1, 2, 1), "same"))
case("conv3d", VOLUMES, real(2, 3, 2, 2, 3), data_format="channels_last", expected=convolved())
for shape, strides, padding in (
    ((2, 7, 7, 2), (1, 1), "valid"),
    ((2, 10, 12, 2), (2, 2), "same"),
    ((2, 9, 11, 2), (2, 2), "same"),
    ((2, 11, 13, 2), (2, 2), "valid"),
):
    x = IMAGES if strides == (2, 2) else real(2, 5, 6, 3)
    case(
        "conv2d_transpose",
        x,
        real(3, 2, 2, 3),
        shape,
        strides,
        padding,
        "channels_last",
        expected=transposed(shape, strides, padding),
    )
case(
    "conv2d_transpose", IMAGES_FIRST, real(3, 2, 2, 3), (2, 2, 10, 12), (2, 2), "same", "channels_first",
    expected=first(transposed((2, 10, 12, 2), (2, 2), "same")),
)  # fmt: skip
case(
    "conv3d_transpose", real(1, 2, 3, 2, 2), real(2, 2, 2, 3, 2), (1, 4, 6, 4, 3), (2, 2, 2), "same", "channels_last",
    expected=transposed((1, 4, 6, 4, 3), (2, 2, 2), "same"),
)  # fmt: skip
for strides, padding in (((1, 1), "valid"), ((2, 2), "same"), ((2, 1), "valid"), ((2, 3), "same")):
    for mode, reduce in (("max", np.nanmax), ("avg", np.nanmean)):
        case("pool2d", IMAGES, (3, 2), strides, padding, "channels_last", mode, expected=pooled(reduce, (3, 2), strides, padding))
        case(
            "pool2d",
            IMAGES_FIRST,
            (3, 2),
            strides,
            padding,
            "channels_first",
            mode,
            expected=first(pooled(reduce, (3, 2), strides, padding)),
        )
for mode, reduce in (("max", np.nanmax), ("avg", np.nanmean)):
    case(
        "pool3d",
        VOLUMES,
        (2, 2, 2),
        (1, 2, 1),
        "same",
        "channels_last",
        mode,
        expected=pooled(reduce, (2, 2, 2), (1, 2, 1), "same"),
    )


def local(strides: Any) -> Callable[..., Any]:
    def compute(x: Any, k: Any, window: Any) -> Any:
        seen = windows(x, window, strides, "valid", 1)
        places = seen.shape[1 : x.ndim - 1]
        return np.einsum("npw,pwf->npf", seen.reshape(x.shape[0], math.prod(places), -1), k).reshape(x.shape[0], *places, -1)

    return compute


case("local_conv1d", SERIES, real(4, 9, 2), (3,), (2,), "channels_last", expected=lambda x, k: local(2)(x, k, (3,)))
case(
    "local_conv2d",
    IMAGES,
    real(10, 18, 2),
    (3, 2),
    (2, 1),
    (2, 5),
    "channels_last",
    expected=lambda x, k: local((2, 1))(x, k, (3, 2)),
)

# Connectionist temporal classification


def ctc(labels: Any, p: Any, steps: Any, lengths: Any) -> Any:
    """Minus the logarithm of the summed probabilities of all paths that read as the labels."""
    losses = []
    for label, q, n, m in zip(labels, p.astype("float64"), steps[:, 0], lengths[:, 0]):
        q = (q + 1e-7) / (q + 1e-7).sum(-1, keepdims=True)
        blank, wanted, total = q.shape[1] - 1, label[:m].astype(int).tolist(), 0.0
        for path in np.ndindex(*[q.shape[1]] * int(n)):
            kept = [c for i, c in enumerate(path) if c != blank and (i == 0 or path[i - 1] != c)]
            if kept == wanted:
                total += math.prod(q[i, c] for i, c in enumerate(path))
        losses.append([-math.log(total)])
    return np.array(losses, "float32")


case(
    "ctc_batch_cost", np.array([[0, 1], [1, 1], [0, 0]], "float32"), rows(3, 4, 3), np.array([[4], [4], [2]], "int32"),
    np.array([[2], [2], [1]], "int32"), expected=ctc,
)  # fmt: skip


# The tests

# Functions whose first argument alone has a batch.
PARAMETRIZED = {name for name, *_ in CASES if "conv" in name or "norm" in name or name in ("bias_add", "dot", "gather")}


def arrays_of(x: Any) -> list[np.ndarray]:
    if isinstance(x, list) and x and all(isinstance(item, np.ndarray) for item in x):
        return x
    return [np.asarray(x)] if isinstance(x, (np.ndarray, np.generic)) else []


def replaced(x: Any, make: Callable[[np.ndarray], Any]) -> Any:
    """The argument with `make(array)` for arrays in it."""
    found = arrays_of(x)
    if not found:
        return x
    return [make(item) for item in x] if isinstance(x, list) else make(np.asarray(x))


def same(got: Any, wanted: Any) -> None:
    if isinstance(wanted, list):
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted, strict=True):
            same(a, b)
        return
    wanted = np.asarray(wanted)
    assert got.shape == wanted.shape
    assert got.dtype.kind == wanted.dtype.kind
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def listed(x: Any) -> Any:
    return list(x) if isinstance(x, (list, tuple)) else x


@pytest.mark.parametrize("name", dict.fromkeys(name for name, *_ in CASES))
def test_on_tensors(engine: Any, name: str) -> None:
    for _, args, kwargs, expected in (c for c in CASES if c[0] == name):
        result = listed(getattr(K, name)(*[replaced(x, lambda a: K.constant(a, a.dtype)) for x in args], **kwargs))
        wanted = expected(*[a for x in args for a in arrays_of(x)])
        same([K.eval(x) for x in result] if isinstance(result, list) else K.eval(result), wanted)


@pytest.mark.parametrize("name", dict.fromkeys(name for name, *_ in CASES))
def test_on_placeholders(engine: Any, name: str) -> None:
    placeholders: list[Any] = []
    arrays: list[np.ndarray] = []
    results: list[Any] = []
    wanted: list[Any] = []
    for _, args, kwargs, expected in (c for c in CASES if c[0] == name):
        given = [a for x in args for a in arrays_of(x)]
        symbols = [placeholder_for(a, name, given, i) for i, a in enumerate(given)]
        each = iter(symbols)
        result = getattr(K, name)(*[replaced(x, lambda a, each=each: next(each)) for x in args], **kwargs)
        value = expected(*given)
        results += listed(result) if isinstance(value, list) else [result]
        wanted += value if isinstance(value, list) else [value]
        placeholders, arrays = placeholders + symbols, arrays + given
    for symbol, array in zip(results, wanted, strict=True):
        sizes = K.int_shape(symbol)
        assert len(sizes) == np.ndim(array) and all(n in (None, m) for n, m in zip(sizes, np.shape(array), strict=True))
    same(K.function(placeholders, results)(arrays), wanted)


def placeholder_for(array: np.ndarray, name: str, given: list[np.ndarray], place: int) -> Any:
    """With a batch of any size; kernels and the like are of known shapes."""
    many = array.ndim and len(array) == len(given[0]) and not (place and name in PARAMETRIZED)
    return K.placeholder((None, *array.shape[1:]) if many else array.shape, dtype=array.dtype.name)
