"""JAX: `jit`, and what `jax.nn` and `jax.lax` have."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.native import named, weights


def form(function: Callable[..., Any], arrays: Sequence[Any], gradient: bool) -> Callable[[], Any]:
    xs = [jnp.asarray(x) for x in arrays]
    if not gradient:
        forward = jax.jit(function)
        return lambda: forward(*xs)
    fixed = jnp.asarray(weights(jax.eval_shape(function, *xs).shape))
    floats = [i + 1 for i, x in enumerate(arrays) if x.dtype == "float32"]
    slope = jax.jit(jax.grad(lambda w, *xs: jnp.sum(function(*xs) * w), argnums=floats))
    return lambda: slope(fixed, *xs)


def _conv(strides: int, padding: str) -> Callable[..., Any]:
    return lambda x, w: lax.conv_general_dilated(x, w, (strides, strides), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _depthwise_conv(x: Any, w: Any) -> Any:
    w = w.reshape(*w.shape[:2], 1, -1)
    channels = x.shape[-1]
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=channels)


def _pool(x: Any, start: float, reduce: Any) -> Any:
    return lax.reduce_window(x, start, reduce, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _layer_normalization(x: Any, gamma: Any, beta: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * gamma + beta


def _batch_normalization(x: Any, gamma: Any, beta: Any) -> Any:
    axes = (0, 1, 2)
    return (x - x.mean(axes)) * (lax.rsqrt(x.var(axes) + 1e-3) * gamma) + beta


def _lstm(x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    def step(state: Any, inputs: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(inputs + h @ recurrent, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    return lax.scan(step, (h, c), jnp.swapaxes(x @ kernel + bias, 0, 1))[1].swapaxes(0, 1)


OPS = {
    "matmul": jnp.matmul,
    "einsum": lambda q, k: jnp.einsum("bthd,bshd->bhts", q, k),
    "conv": _conv(1, "SAME"),
    "conv strides 2": _conv(2, "VALID"),
    "conv 1-D": lambda x, w: lax.conv_general_dilated(x, w, (1,), "SAME", dimension_numbers=("NHC", "HIO", "NHC")),
    "depthwise_conv": _depthwise_conv,
    "conv_transpose": lambda x, w: lax.conv_transpose(
        x, w, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), transpose_kernel=True
    ),
    "max_pool": lambda x: _pool(x, -jnp.inf, lax.max),
    "average_pool": lambda x: _pool(x, 0.0, lax.add) / 4,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "gelu": jax.nn.gelu,
    "layer_normalization": _layer_normalization,
    "batch_normalization": _batch_normalization,
    "attention": jax.nn.dot_product_attention,
    "lstm": _lstm,
    "top_k": lambda x: lax.top_k(x, 10)[0],
    "take": lambda x, i: jnp.take(x, i, axis=0),
    "scatter_update": lambda x, i, u: x.at[i[:, 0]].add(u),
    "segment_sum": lambda x, i: jax.ops.segment_sum(x, i, 1000),
}

CALLS = {
    **named(jnp, "add multiply matmul exp sum mean max reshape transpose concatenate where take"),
    **named(jax.nn, "relu softmax"),
    "cast": jnp.astype,
    "get_item": operator.getitem,
}
