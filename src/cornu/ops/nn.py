"""Ops of neural networks: activations, convolution, pooling, normalization, losses, attention, LSTM."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import config
from cornu import primitives as P
from cornu.ops import numpy as knp
from cornu.ops.common import axes_of, axis_of, dtype_of, shape_of, slice_axis
from cornu.ops.core import scan
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt
from cornu.primitives.contraction import window_output_size

Tensor = Any


@op
def relu(x):
    """max(x, 0)."""
    return P.where(P.greater(x, 0), x, 0)


@op
def relu6(x):
    """min(max(x, 0), 6)."""
    return P.minimum(P.maximum(x, 0), 6)


@op
def leaky_relu(x, negative_slope=0.2):
    """x where positive, else `negative_slope` * x."""
    return P.where(P.greater(x, 0), x, P.multiply(x, negative_slope))


@op
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return P.sigmoid(x)


@op
def softplus(x):
    """log(1 + exp(x))."""
    return P.softplus(x)


@op
def log_sigmoid(x):
    """log(sigmoid(x))."""
    return P.negative(P.softplus(P.negative(x)))


@op
def softsign(x):
    """x / (1 + |x|)."""
    return P.divide(x, P.add(P.abs(x), 1))


@op
def silu(x):
    """x * sigmoid(x) (also called swish)."""
    return P.multiply(x, P.sigmoid(x))


@op
def elu(x, alpha=1.0):
    """x where positive, else alpha * (exp(x) - 1)."""
    return P.where(P.greater(x, 0), x, P.multiply(P.expm1(P.minimum(x, 0)), alpha))


@op
def selu(x):
    """Scaled ELU (Klambauer et al., 2017)."""
    return P.multiply(elu(x, 1.6732632423543772), 1.0507009873554805)


@op
def gelu(x, approximate=True):
    """x * Phi(x), Phi the normal distribution; approximately by tanh (Hendrycks and Gimpel, 2016)."""
    if not approximate:
        return P.multiply(P.multiply(x, 0.5), P.add(P.erf(P.multiply(x, math.sqrt(0.5))), 1))
    inner = P.multiply(P.add(x, P.multiply(P.multiply(P.multiply(x, x), x), 0.044715)), math.sqrt(2 / math.pi))
    return P.multiply(P.multiply(x, 0.5), P.add(P.tanh(inner), 1))


@op
def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return P.divide(P.minimum(P.maximum(P.add(x, 3), 0), 6), 6)


@op
def hard_silu(x):
    """x * hard_sigmoid(x)."""
    return P.multiply(x, hard_sigmoid(x))


@op
def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) over `axis` (an int or a tuple)."""
    axes = axes_of(axis, len(shape_of(x)), "softmax")
    e = P.exp(P.subtract(x, P.stop_gradient(P.max(x, axes=axes, keepdims=True))))
    return P.divide(e, P.sum(e, axes=axes, keepdims=True))


@op
def log_softmax(x, axis=-1):
    """log(softmax(x)) over `axis`, without loss of small probabilities."""
    axes = axes_of(axis, len(shape_of(x)), "log_softmax")
    shifted = P.subtract(x, P.stop_gradient(P.max(x, axes=axes, keepdims=True)))
    return P.subtract(shifted, P.log(P.sum(P.exp(shifted), axes=axes, keepdims=True)))


@op
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """Vectors along a new `axis` with a one at the index in x; all zeros for indices outside [0, num_classes)."""
    if sparse:
        raise ValueError("one_hot: sparse tensors are not supported.")
    rank = len(shape_of(x)) + 1
    axis = axis_of(axis, rank, "one_hot")
    classes = P.iota(shape=tuple(num_classes if i == axis else 1 for i in range(rank)), axis=axis, dtype="int32")
    return P.cast(P.equal(P.cast(knp.expand_dims(x, axis), dtype="int32"), classes), dtype=dt.name_of(dtype or config.floatx()))


# Convolution and pooling


def _layout(data_format: str | None, where: str) -> bool:
    """Whether channels come last."""
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{where}: data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    return data_format == "channels_last"


def _per_dimension(value: Any, rank: int, what: str) -> tuple[int, ...]:
    sizes = (value,) * rank if isinstance(value, (int, np.integer)) else tuple(value)
    if len(sizes) != rank or any(not isinstance(n, (int, np.integer)) or n < 1 for n in sizes):
        raise ValueError(f"{what} must be a positive int or {rank} of them, got {value!r}.")
    return tuple(int(n) for n in sizes)


def _padding(padding: Any, sizes: Any, window: Any, strides: Any, dilation: Any, where: str) -> tuple[tuple[int, int], ...]:
    """Explicit (low, high) zeros per spatial dimension for "valid" or "same" (as TensorFlow: the odd one at the end)."""
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ValueError(f"{where}: padding must be 'valid' or 'same', got {padding!r}.")
    if padding.lower() == "valid":
        return ((0, 0),) * len(sizes)
    pairs = []
    for n, k, s, d in zip(sizes, window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def _last(x: Tensor) -> Tensor:
    rank = len(shape_of(x))
    return P.transpose(x, axes=(0, *range(2, rank), 1))


def _first(x: Tensor) -> Tensor:
    rank = len(shape_of(x))
    return P.transpose(x, axes=(0, rank - 1, *range(1, rank - 1)))


@op
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution (cross-correlation) in 1 to 3 spatial dimensions.

    inputs: (N, *spatial, C) or (N, C, *spatial); kernel: (*window, C / groups, filters); padding "valid" or "same".
    """
    last = _layout(data_format, "conv")
    x = inputs if last else _last(inputs)
    rank = len(shape_of(x)) - 2
    strides, dilation = _per_dimension(strides, rank, "conv: strides"), _per_dimension(dilation_rate, rank, "conv: dilation_rate")
    window, channels = shape_of(kernel)[:-2], shape_of(x)[-1]
    if len(window) != rank or channels % shape_of(kernel)[-2]:
        raise ValueError(f"conv: a kernel of shape {shape_of(kernel)} doesn't fit inputs of shape {shape_of(inputs)}.")
    pairs = _padding(padding, shape_of(x)[1:-1], window, strides, dilation, "conv")
    y = P.conv(x, kernel, strides=strides, padding=pairs, dilation=dilation, groups=channels // shape_of(kernel)[-2])
    return y if last else _first(y)


@op
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Each channel convolved with its own filters; kernel: (*window, C, multiplier)."""
    *window, channels, multiplier = shape_of(kernel)
    flat = P.reshape(kernel, shape=(*window, 1, channels * multiplier))
    return conv(inputs, flat, strides, padding, data_format, dilation_rate)


def _pooling(inputs: Tensor, pool_size: Any, strides: Any, padding: str, data_format: str | None, where: str) -> Any:
    last = _layout(data_format, where)
    x = inputs if last else _last(inputs)
    rank = len(shape_of(x)) - 2
    window = _per_dimension(pool_size, rank, f"{where}: pool_size")
    steps = _per_dimension(strides if strides is not None else window, rank, f"{where}: strides")
    pairs = _padding(padding, shape_of(x)[1:-1], window, steps, (1,) * rank, where)
    for n, k, s, p in zip(shape_of(x)[1:-1], window, steps, pairs, strict=True):
        if window_output_size(n, k, s, *p) < 1:
            raise ValueError(f"{where}: a window of {window} is larger than inputs of shape {shape_of(inputs)}.")
    return x, last, {"window": window, "strides": steps, "padding": pairs}


@op
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """Largest of each window; strides default to the window."""
    x, last, where = _pooling(inputs, pool_size, strides, padding, data_format, "max_pool")
    y = P.max_pool(x, **where)
    return y if last else _first(y)


@op
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """Mean of each window, of the elements that are not padding."""
    x, last, where = _pooling(inputs, pool_size, strides, padding, data_format, "average_pool")
    total = P.sum_pool(x, **where)
    if any(map(any, where["padding"])):
        count = P.sum_pool(P.full(shape=(1, *shape_of(x)[1:-1], 1), value=1, dtype=dtype_of(x)), **where)
    else:
        count = float(math.prod(where["window"]))
    y = P.divide(total, count)
    return y if last else _first(y)


# Normalization


@op
def moments(x, axes, keepdims=False, synchronized=False):
    """Mean and variance over `axes`."""
    average = knp.mean(x, axes, True)
    centred = P.subtract(x, average)
    spread = knp.mean(P.multiply(centred, centred), axes, keepdims)
    return (average if keepdims else knp.squeeze(average, axes_of(axes, len(shape_of(x)), "moments"))), spread


@op
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, with vectors along `axis`."""
    shape = tuple(n if i == axis_of(axis, len(shape_of(x)), "batch_normalization") else 1 for i, n in enumerate(shape_of(x)))
    along = lambda v: P.reshape(v, shape=shape)  # noqa: E731
    factor = P.rsqrt(P.add(variance, epsilon))
    factor = factor if scale is None else P.multiply(factor, scale)
    shift = P.negative(P.multiply(mean, factor))
    shift = shift if offset is None else P.add(shift, offset)
    return P.add(P.multiply(x, along(factor)), along(shift))


@op
def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """x normalized over `axis` (int or sequence of last axes), times gamma, plus beta (Ba et al., 2016)."""
    epsilon = config.epsilon() if epsilon is None else epsilon
    axes = axes_of(axis, len(shape_of(x)), "layer_normalization")
    wide = "float32" if dtype_of(x) in ("float16", "bfloat16") else dtype_of(x)
    narrow = dtype_of(x)
    average, spread = moments(P.cast(x, dtype=wide) if wide != narrow else x, axes, True)
    y = P.multiply(P.subtract(x, average), P.rsqrt(P.add(spread, epsilon)))
    shape = tuple(n if i in axes else 1 for i, n in enumerate(shape_of(x)))
    y = y if gamma is None else P.multiply(y, P.reshape(gamma, shape=shape))
    y = y if beta is None else P.add(y, P.reshape(beta, shape=shape))
    return y if wide == narrow else P.cast(y, dtype=narrow)


# Losses per sample


def _same_shape(target: Tensor, output: Tensor, where: str) -> None:
    if shape_of(target) != shape_of(output):
        raise ValueError(f"{where}: target and output must have the same shape, got {shape_of(target)} and {shape_of(output)}.")


def _clipped(x: Tensor) -> Tensor:
    return P.minimum(P.maximum(x, config.epsilon()), 1 - config.epsilon())


@op
def binary_crossentropy(target, output, from_logits=False):
    """-(t log(p) + (1 - t) log(1 - p)) elementwise; `output` are probabilities, clipped by epsilon, or logits."""
    _same_shape(target, output, "binary_crossentropy")
    if from_logits:
        return P.subtract(P.softplus(output), P.multiply(target, output))
    p = _clipped(output)
    one = P.multiply(target, P.log(p))
    return P.negative(P.add(one, P.multiply(P.subtract(1, target), P.log(P.subtract(1, p)))))


def _log_probabilities(output: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return log_softmax(output, axis)
    output = P.divide(output, P.sum(output, axes=(axis,), keepdims=True))
    return P.log(_clipped(output))


@op
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum(t log(p)) over `axis`; `output` are probabilities (normalized, clipped by epsilon) or logits."""
    _same_shape(target, output, "categorical_crossentropy")
    axis = axis_of(axis, len(shape_of(output)), "categorical_crossentropy")
    return P.negative(P.sum(P.multiply(target, _log_probabilities(output, from_logits, axis)), axes=(axis,), keepdims=False))


@op
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(p[target]) over `axis`; target: integers of the output's shape without that axis."""
    shape = shape_of(output)
    axis = axis_of(axis, len(shape), "sparse_categorical_crossentropy")
    if len(shape_of(target)) == len(shape) and shape_of(target)[-1] == 1:
        target = knp.squeeze(target, -1)
    if shape_of(target) != shape[:axis] + shape[axis + 1 :]:
        raise ValueError(f"sparse_categorical_crossentropy: target of shape {shape_of(target)} doesn't fit output of shape {shape}.")
    if from_logits:
        log_p = log_softmax(output, axis)
    else:
        log_p = P.log(_clipped(P.divide(output, P.sum(output, axes=(axis,), keepdims=True))))
    hot = one_hot(target, shape[axis], axis=axis, dtype=dtype_of(log_p))
    return P.negative(P.sum(P.multiply(hot, log_p), axes=(axis,), keepdims=False))


# Attention and recurrence


@op
def dot_product_attention(
    query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None, attn_logits_soft_cap=None
):
    """softmax(query key^T * scale + bias) value per head (Vaswani et al., 2017).

    query: (N, T, heads, d); key, value: (N, S, heads, d); mask: bools that broadcast to (N, heads, T, S), False hides.
    """
    d = shape_of(query)[-1]
    q, k, v = (P.transpose(x, axes=(0, 2, 1, 3)) for x in (query, key, value))
    q = P.multiply(q, 1 / math.sqrt(d) if scale is None else scale)
    scores = P.matmul(q, P.transpose(k, axes=(0, 1, 3, 2)))
    if attn_logits_soft_cap is not None:
        scores = P.multiply(P.tanh(P.divide(scores, attn_logits_soft_cap)), attn_logits_soft_cap)
    scores = scores if bias is None else P.add(scores, bias)
    if is_causal:
        t, s = shape_of(scores)[-2:]
        causal = np.tril(np.ones((t, s), bool))
        mask = causal if mask is None else P.logical_and(mask, causal)
    if mask is not None:
        scores = P.where(mask, scores, -3e4 if dtype_of(scores) == "float16" else -1e30)
    return P.transpose(P.matmul(softmax(scores), v), axes=(0, 2, 1, 3))


@op
def lstm(inputs, initial_h, initial_c, kernel, recurrent_kernel, bias=None, mask=None, activations=None, reverse=False):
    """A layer of LSTM cells over a sequence (Hochreiter and Schmidhuber, 1997).

    Args:
        inputs: (N, time, features).
        initial_h, initial_c: (N, units).
        kernel: (features, 4 * units); recurrent_kernel: (units, 4 * units); bias: (4 * units,). Gates: input, forget, cell, output.
        mask: bools (N, time); where False the state stays.
        activations: (recurrent_activation, activation) functions; None: sigmoid and tanh.
        reverse: walk from the end.

    Returns:
        Outputs (N, time, units), last h, last c.
    """
    gate, activate = activations or (P.sigmoid, P.tanh)
    units = shape_of(initial_h)[-1]
    n, time = shape_of(inputs)[:2]
    projected = P.matmul(P.reshape(inputs, shape=(n * time, shape_of(inputs)[-1])), kernel)
    projected = projected if bias is None else P.add(projected, bias)
    xs: Any = P.transpose(P.reshape(projected, shape=(n, time, 4 * units)), axes=(1, 0, 2))
    if mask is not None:
        xs = (xs, P.reshape(P.transpose(mask, axes=(1, 0)), shape=(time, n, 1)))

    def step(state: Any, x: Any) -> Any:
        h, c = state
        x, keep = x if mask is not None else (x, None)
        z = P.add(x, P.matmul(h, recurrent_kernel))
        i, f, g, o = (slice_axis(z, 1, k * units, (k + 1) * units) for k in range(4))
        new_c = P.add(P.multiply(gate(f), c), P.multiply(gate(i), activate(g)))
        new_h = P.multiply(gate(o), activate(new_c))
        if keep is not None:
            new_h, new_c = P.where(keep, new_h, h), P.where(keep, new_c, c)
        return (new_h, new_c), new_h

    (h, c), outputs = scan(step, (initial_h, initial_c), xs, reverse=reverse)
    return P.transpose(outputs, axes=(1, 0, 2)), h, c


export(globals())
