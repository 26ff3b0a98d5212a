"""Activations, losses, normalization, dropout's kin: what layers are made of."""

from __future__ import annotations

from typing import Any

from cornu import config, ops
from cornu.backend.common import normalize_data_format
from cornu.backend.drawing import drawn
from cornu.ops.common import dtype_of, shape_of

# Activations


@drawn
def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """x from `threshold` on, at most `max_value`; below the threshold, alpha * (x - threshold)."""
    if alpha == 0.0 and max_value is None and threshold == 0.0:
        return ops.relu(x)
    above = x if max_value is None else ops.minimum(x, max_value)
    below = ops.multiply(ops.subtract(x, threshold), alpha)
    return ops.where(ops.greater_equal(x, threshold), above, below)


@drawn
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return ops.elu(x, alpha)


@drawn
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x), divided by its sum along `axis`."""
    return ops.softmax(x, axis=axis)


@drawn
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return ops.softplus(x)


@drawn
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return ops.softsign(x)


@drawn
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


@drawn
def hard_sigmoid(x: Any) -> Any:
    """0.2 x + 0.5, between 0 and 1. (That of Keras 3 is x / 6 + 0.5.)"""
    return ops.clip(ops.add(ops.multiply(x, 0.2), 0.5), 0.0, 1.0)


@drawn
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return ops.tanh(x)


@drawn
def l2_normalize(x: Any, axis: Any = None) -> Any:
    """x divided by its Euclidean norm along `axis` (None: of all elements)."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, 1e-12)))


# Losses


@drawn
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target * log(p)) along `axis`; p is the `output`, or softmax(output) if `from_logits`."""
    return ops.categorical_crossentropy(ops.cast(target, dtype_of(output)), output, from_logits=from_logits, axis=axis)


@drawn
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(p[target]) along `axis`; p is the `output`, or softmax(output) if `from_logits`.

    target: integers of the output's shape without that axis (or with size 1 there).
    """
    target = ops.reshape(target, _without(shape_of(output), axis))
    if not from_logits:
        output = ops.log(ops.clip(output, config.epsilon(), 1 - config.epsilon()))
    return ops.sparse_categorical_crossentropy(ops.cast(target, "int32"), output, from_logits=True, axis=axis)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(n for i, n in enumerate(shape) if i != axis % len(shape))


@drawn
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-(t log(p) + (1 - t) log(1 - p)), elementwise, t the `target`; p is the `output`, or sigmoid(output) if `from_logits`."""
    return ops.binary_crossentropy(ops.cast(target, dtype_of(output)), output, from_logits=from_logits)


@drawn
def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether each of `targets` (N,), a class, is among the k best of its row of predictions (N, classes)."""
    return ops.in_top_k(ops.cast(targets, "int32"), predictions, k)


# Normalization


def _beside(vector: Any, x: Any, axis: int) -> Any:
    """A vector along `axis` of x; a tensor that fits already stays."""
    if vector is None or len(shape_of(vector)) != 1:
        return vector
    return ops.reshape(vector, tuple(-1 if i == axis % len(shape_of(x)) else 1 for i in range(len(shape_of(x)))))


def _normalized(x: Any, mean: Any, var: Any, beta: Any, gamma: Any, epsilon: float) -> Any:
    factor = ops.rsqrt(ops.add(var, epsilon))
    factor = factor if gamma is None else ops.multiply(factor, gamma)
    y = ops.multiply(ops.subtract(x, mean), factor)
    return y if beta is None else ops.add(y, beta)


@drawn
def batch_normalization(x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3) -> Any:
    """(x - mean) / sqrt(var + epsilon) * gamma + beta, along `axis`; beta and gamma may be None."""
    mean, var, beta, gamma = (_beside(v, x, axis) for v in (mean, var, beta, gamma))
    return _normalized(x, mean, var, beta, gamma, epsilon)


@drawn
def normalize_batch_in_training(x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3) -> Any:
    """x normalized by its own mean and variance over `reduction_axes`; and these: (normalized, mean, variance).

    gamma, beta: factor and offset, or None. epsilon: added to the variance.
    """
    rank = len(shape_of(x))
    axes = [axis % rank for axis in reduction_axes]
    mean, var = ops.moments(x, axes, keepdims=True)
    sizes = shape_of(mean)
    beta, gamma = (v if v is None or len(shape_of(v)) == rank else ops.reshape(v, sizes) for v in (beta, gamma))
    return _normalized(x, mean, var, beta, gamma, epsilon), ops.squeeze(mean, tuple(axes)), ops.squeeze(var, tuple(axes))


@drawn
def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """x + bias, which is a vector along the channels, or has the shape of a sample with its channels last.

    data_format: of x, see `normalize_data_format`.

    Raises:
        ValueError: for a bias of another rank.
    """
    first = normalize_data_format(data_format) == "channels_first"
    rank, own = len(shape_of(x)), shape_of(bias)
    if len(own) not in (1, rank - 1):
        raise ValueError(
            f"bias_add: expected a bias of rank 1 or {rank - 1} for a tensor of shape {shape_of(x)}, got shape {own}."
        )
    if first and rank > 2:
        bias = ops.reshape(bias, (own[0], *(1,) * (rank - 2))) if len(own) == 1 else ops.moveaxis(bias, -1, 0)
    return ops.add(x, bias)


__all__ = [
    "batch_normalization", "bias_add", "binary_crossentropy", "categorical_crossentropy", "elu", "hard_sigmoid",
    "in_top_k", "l2_normalize", "normalize_batch_in_training", "relu", "sigmoid", "softmax", "softplus", "softsign",
    "sparse_categorical_crossentropy", "tanh",
]  # fmt: skip
