"""Random arguments of attention, normalization, losses and encodings, with references by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from op_table.case import Array, factors
from op_table.drawing import FLOATS, Draw, Numbers, fuzzed


def _unit(*args: Any, **kwargs: Any) -> float:
    """For errors that are measured at 1, whatever the size of the arguments."""
    return 1.0


# Normalization


def _layer_normalization(x: Array, gamma: Any, beta: Any, axis: Any, epsilon: float) -> Array:
    y = (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + epsilon)
    return _affine(y, gamma, beta)


def _rms_normalization(x: Array, scale: Any, axis: Any, epsilon: float) -> Array:
    return _affine(x / np.sqrt((x * x).mean(axis, keepdims=True) + epsilon), scale, None)


def _affine(y: Array, scale: Any, shift: Any) -> Array:
    y = y if scale is None else y * scale
    return y if shift is None else y + shift


def _maybe(d: Draw, x: Array, low: float = -2.0) -> Any:
    """A vector for the last axis, or None."""
    return d.tensor(x.shape[-1:], Numbers("f", low), x.dtype.name) if d.yes() else None


def _normalizing(vectors: int) -> Any:
    def arguments(d: Draw) -> Any:
        x = d.tensor(d.shape(1, empty=False), FLOATS)
        given = [_maybe(d, x) for _ in range(vectors)]
        axis = -1 if any(v is not None for v in given) else d.of(d.axis(x.ndim), *([(0, -1)] if x.ndim > 1 else []))
        return (x, *given), {"axis": axis, "epsilon": 1e-2}

    return arguments


fuzzed("layer_normalization", _layer_normalization, "first", 64.0, True, None, _unit)(_normalizing(2))
fuzzed("rms_normalization", _rms_normalization, "first", 64.0, True)(_normalizing(1))


def _batch_normalization(x: Array, mean: Array, variance: Array, axis: int, offset: Any, scale: Any) -> Array:
    wide = [None if v is None else v.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
            for v in (mean, variance, scale, offset)]  # fmt: skip
    return _affine((x - wide[0]) / np.sqrt(wide[1] + 1e-3), *wide[2:])


@fuzzed("batch_normalization", _batch_normalization, "first", 64.0, True, None, lambda *args, **kwargs: 4.0)
def _batches(d: Draw) -> Any:
    x = d.tensor(d.of((2, 3), (4, 3, 2), (0, 3), (2, 1, 3)), FLOATS)
    axis = d.axis(x.ndim)
    vector = lambda low: d.tensor((x.shape[axis],), Numbers("f", low), x.dtype.name)  # noqa: E731
    return (x, vector(-2.0), vector(0.5), axis), {name: vector(-2.0) if d.yes() else None for name in ("offset", "scale")}


@fuzzed("normalize", lambda x, axis, order: x / np.linalg.norm(x, order, axis, keepdims=True), "first", 64.0, True)
def _normalize(d: Draw) -> Any:
    x = d.tensor(d.shape(1, empty=False), Numbers("f", 0.1, 2.0))
    return (x,), {"axis": d.axis(x.ndim), "order": d.int(1, 3)}


# Attention


def _attention(query: Array, key: Array, value: Array, bias: Any, mask: Any, scale: Any, is_causal: bool, cap: Any) -> Array:
    *_, heads, size = query.shape
    key, value = (np.repeat(x, heads // x.shape[2], 2) for x in (key, value))
    scores = np.einsum("nthd,nshd->nhts", query, key) * (size**-0.5 if scale is None else scale)
    scores = scores if cap is None else cap * np.tanh(scores / cap)
    scores = scores if bias is None else scores + bias
    scores = scores if mask is None else np.where(mask, scores, -np.inf)
    scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf) if is_causal else scores
    return np.einsum("nhts,nshd->nthd", scipy.special.softmax(scores, -1), value)


@fuzzed(
    "dot_product_attention",
    lambda q, k, v, attn_logits_soft_cap, **settings: _attention(q, k, v, cap=attn_logits_soft_cap, **settings),
    "first",
    64.0,
    True,
)
def _attending(d: Draw) -> Any:
    t, s, heads, groups = d.of((3, 4, 2, 2), (3, 3, 1, 1), (1, 4, 4, 2), (2, 3, 2, 1))
    q = d.tensor((2, t, heads, 3), FLOATS)
    k, v = (d.tensor((2, s, groups, 3), FLOATS, q.dtype.name) for _ in range(2))
    shape = d.of((2, heads, t, s), (1, 1, t, s), (t, s), (2, 1, 1, s))
    mask = None
    if d.yes():
        mask = d.tensor(shape, Numbers("b"))
        mask[..., 0] = True  # nothing is hidden from all
    return (q, k, v), {
        "bias": d.tensor(shape, FLOATS, q.dtype.name) if d.yes() else None,
        "mask": mask,
        "scale": d.of(None, 0.5),
        "is_causal": d.yes(),
        "attn_logits_soft_cap": d.of(None, None, 2.0),
    }


# Losses


def _binary_crossentropy(target: Array, output: Array, from_logits: bool) -> Array:
    if from_logits:
        return -(target * scipy.special.log_expit(output) + (1 - target) * scipy.special.log_expit(-output))
    return -(target * np.log(output) + (1 - target) * np.log1p(-output))


def _log_probabilities(output: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return scipy.special.log_softmax(output, axis)
    return np.log(np.clip(output / output.sum(axis, keepdims=True), 1e-7, 1 - 1e-7))


def _categorical_crossentropy(target: Array, output: Array, from_logits: bool, axis: int) -> Array:
    return -(target * _log_probabilities(output, from_logits, axis)).sum(axis)


def _sparse_crossentropy(target: Array, output: Array, from_logits: bool, axis: int) -> Array:
    places = np.expand_dims(target.astype("int64"), axis)
    return -np.take_along_axis(_log_probabilities(output, from_logits, axis), places, axis).squeeze(axis)


def _outputs(d: Draw, shape: Any) -> tuple[Array, bool]:
    """Logits, or probabilities; in floats of at least 32 bits (the clipping of others is coarse)."""
    from_logits = d.yes()
    numbers = Numbers("f", -9.0, 9.0) if from_logits else Numbers("f", 0.1, 0.9)
    return d.tensor(shape, numbers, d.of("float32", "float32", "float64")), from_logits


@fuzzed("binary_crossentropy", _binary_crossentropy, "joined", 64.0, True, None, _unit)
def _binary(d: Draw) -> Any:
    output, from_logits = _outputs(d, d.shape())
    return (d.tensor(output.shape, Numbers("f", 0.0, 1.0), output.dtype.name), output), {"from_logits": from_logits}


@fuzzed("categorical_crossentropy", _categorical_crossentropy, "joined", 64.0, True, None, _unit)
def _categorical(d: Draw) -> Any:
    output, from_logits = _outputs(d, d.shape(1, empty=False))
    target = d.tensor(output.shape, Numbers("f", 0.0, 1.0), output.dtype.name)
    return (target, output), {"from_logits": from_logits, "axis": d.axis(output.ndim)}


@fuzzed("sparse_categorical_crossentropy", _sparse_crossentropy, lambda target, output: output, 64.0, True, None, _unit)
def _sparse(d: Draw) -> Any:
    output, from_logits = _outputs(d, d.shape(1, empty=False))
    axis = d.axis(output.ndim)
    shape = output.shape[: axis % output.ndim] + output.shape[axis % output.ndim + 1 :]
    return (d.indices(shape, output.shape[axis], negative=False), output), {"from_logits": from_logits, "axis": axis}


# Encodings and what predictions are compared by


@fuzzed("multi_hot", lambda x, n: (x[..., None] == np.arange(n)).any(min(x.ndim - 1, 1)), "float32", 0.0)
def _multi_hot(d: Draw) -> Any:
    return (d.indices(d.of((3,), (2, 3), (2, 1)), 4), d.int(1, 5)), {}


def _in_top_k(targets: Array, predictions: Array, k: int) -> Array:
    own = predictions[np.arange(len(targets)), targets.astype("int64")]
    return ((predictions > own[:, None]).sum(1) < k) & np.isfinite(own)


@fuzzed("in_top_k", _in_top_k, "bool", 0.0)
def _best(d: Draw) -> Any:
    predictions = d.tensor(d.of((3, 4), (1, 2), (0, 2)), Numbers("f", edges="mild"))
    return (d.indices(predictions.shape[:1], predictions.shape[1], negative=False), predictions, d.int(1, 4)), {}


@fuzzed("psnr", lambda a, b, most: 20 * np.log10(most) - 10 * np.log10(np.mean((a - b) ** 2)), "first", 64.0, True, None,
        lambda a, b, most: 20.0 + factors(a, b))  # fmt: skip
def _psnr(d: Draw) -> Any:
    x = d.tensor(d.of((2, 3), (4,), (2, 2, 3)), Numbers("f", 0.0, 1.0), d.of("float32", "float64"))
    return (x, d.tensor(x.shape, Numbers("f", 1.5, 2.0), x.dtype.name), d.of(1.0, 255.0)), {}
