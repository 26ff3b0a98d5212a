"""JAX: `value_and_grad` and Adam in one jitted step with the state donated; the LSTM is a `lax.scan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.jobs import EPSILON, HEADS, LEARNING_RATE, NORM_EPSILON
from benchmarks.loops import Loop, fused_attention


def _loop(forward: Callable[[Any, Any], Any], weights: Any) -> Loop:
    params = jax.tree.map(jnp.array, weights)
    state = [params, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params), jnp.zeros((), "int32")]

    def loss(params: Any, x: Any, y: Any) -> Any:
        logits = jax.nn.log_softmax(forward(params, x))
        return -jnp.mean(jnp.take_along_axis(logits, y[:, None], axis=1))

    def update(state: Any, x: Any, y: Any) -> Any:
        params, m, v, t = state
        value, grads = jax.value_and_grad(loss)(params, x, y)
        t = t + 1
        rate = LEARNING_RATE * jnp.sqrt(1 - 0.999 ** t.astype("float32")) / (1 - 0.9 ** t.astype("float32"))
        m = jax.tree.map(lambda m, g: m + (g - m) * 0.1, m, grads)
        v = jax.tree.map(lambda v, g: v + (g * g - v) * 0.001, v, grads)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), params, m, v)
        return [params, m, v, t], value

    compiled, infer = jax.jit(update, donate_argnums=0), jax.jit(forward)

    def step(x: Any, y: Any) -> Any:
        nonlocal state
        state, value = compiled(state, x, y)
        return value

    return Loop(step, lambda x: np.asarray(infer(state[0], x)))


def _dense_stack(params: Any, x: Any) -> Any:
    *hidden, (kernel, bias) = params
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    return x @ kernel + bias


def mlp(weights: list[Any]) -> Loop:
    return _loop(_dense_stack, list(zip(weights[::2], weights[1::2], strict=True)))


wide = mlp


def cnn(weights: list[Any]) -> Loop:
    def conv(x: Any, w: Any, b: Any) -> Any:
        y = lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return lax.reduce_window(jax.nn.relu(y + b), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def forward(params: Any, x: Any) -> Any:
        w1, b1, w2, b2, w, b = params
        return conv(conv(x, w1, b1), w2, b2).reshape(len(x), -1) @ w + b

    return _loop(forward, weights)


def lstm(weights: list[Any]) -> Loop:
    def forward(params: Any, x: Any) -> Any:
        kernel, recurrent, bias, w, b = params

        def cell(state: Any, x: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(x + h @ recurrent, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        start = jnp.zeros((len(x), len(recurrent)), x.dtype)
        (h, _), _ = lax.scan(cell, (start, start), (x @ kernel + bias).swapaxes(0, 1))
        return h @ w + b

    return _loop(forward, weights)


def transformer(weights: list[Any]) -> Loop:
    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        centered = x - x.mean(-1, keepdims=True)
        return centered * lax.rsqrt((centered * centered).mean(-1, keepdims=True) + NORM_EPSILON) * gamma + beta

    def encoder(params: Any, x: Any) -> Any:
        (wqkv, bqkv, wo, bo), (g1, b1, w1, c1, w2, c2, g2, b2) = params
        q, k, v = jnp.moveaxis((x @ wqkv + bqkv).reshape(*x.shape[:2], 3, HEADS, -1), 2, 0)
        x = norm(x + jax.nn.dot_product_attention(q, k, v).reshape(x.shape) @ wo + bo, g1, b1)
        return norm(x + jax.nn.relu(x @ w1 + c1) @ w2 + c2, g2, b2)

    def forward(params: Any, x: Any) -> Any:
        table, *layers, (w, b) = params
        x = table[x]
        for layer in layers:
            x = encoder(layer, x)
        return x.reshape(len(x), -1) @ w + b

    table, *inner, w, b = weights
    layers = [(fused_attention(inner[i : i + 8]), inner[i + 8 : i + 16]) for i in (0, 16)]
    return _loop(forward, [table, *layers, (w, b)])
