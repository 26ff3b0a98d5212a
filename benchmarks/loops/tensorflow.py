"""TensorFlow: `tf.Variable`s, a `GradientTape` and Adam in one `tf.function`; the LSTM is a `tf.while_loop`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.jobs import EPSILON, HEADS, LEARNING_RATE, NORM_EPSILON
from benchmarks.loops import Loop, fused_attention


def _loop(forward: Callable[[Any, Any], Any], weights: list[Any]) -> Loop:
    params = [tf.Variable(w) for w in weights]
    m, v = [tf.Variable(tf.zeros_like(p)) for p in params], [tf.Variable(tf.zeros_like(p)) for p in params]
    count = tf.Variable(0, dtype="int64")

    @tf.function
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, forward(params, x)))
        grads = [tf.convert_to_tensor(g) for g in tape.gradient(loss, params)]
        count.assign_add(1)
        beta1_power, beta2_power = tf.pow(0.9, tf.cast(count, "float32")), tf.pow(0.999, tf.cast(count, "float32"))
        for p, mean, square, g in zip(params, m, v, grads, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=p.handle, m=mean.handle, v=square.handle, beta1_power=beta1_power, beta2_power=beta2_power,
                lr=LEARNING_RATE, beta1=0.9, beta2=0.999, epsilon=EPSILON, grad=g,
            )  # fmt: skip
        return loss

    @tf.function
    def infer(x: Any) -> Any:
        return forward(params, x)

    return Loop(lambda x, y: step(tf.constant(x), tf.constant(y)), lambda x: infer(tf.constant(x)).numpy())


def mlp(weights: list[Any]) -> Loop:
    def forward(params: Any, x: Any) -> Any:
        for w, b in zip(params[:-2:2], params[1:-2:2], strict=True):
            x = tf.nn.relu(x @ w + b)
        return x @ params[-2] + params[-1]

    return _loop(forward, weights)


wide = mlp


def cnn(weights: list[Any]) -> Loop:
    def block(x: Any, w: Any, b: Any) -> Any:
        return tf.nn.max_pool2d(tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, w, 1, "VALID"), b)), 2, 2, "VALID")

    def forward(params: Any, x: Any) -> Any:
        w1, b1, w2, b2, w, b = params
        return tf.reshape(block(block(x, w1, b1), w2, b2), (-1, w.shape[0])) @ w + b

    return _loop(forward, weights)


def lstm(weights: list[Any]) -> Loop:
    def forward(params: Any, x: Any) -> Any:
        kernel, recurrent, bias, w, b = params
        inputs = tf.transpose(x @ kernel + bias, (1, 0, 2))
        start = tf.zeros((x.shape[0], recurrent.shape[0]))

        def cell(t: Any, h: Any, c: Any) -> Any:
            i, f, g, o = tf.split(inputs[t] + h @ recurrent, 4, axis=1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return t + 1, tf.sigmoid(o) * tf.tanh(c), c

        steps = x.shape[1]
        _, h, _ = tf.while_loop(lambda t, h, c: t < steps, cell, (tf.constant(0), start, start), maximum_iterations=steps)
        return h @ w + b

    return _loop(forward, weights)


def transformer(weights: list[Any]) -> Loop:
    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        mean, variance = tf.nn.moments(x, -1, keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, NORM_EPSILON)

    def linear(x: Any, w: Any, b: Any) -> Any:
        return tf.reshape(tf.reshape(x, (-1, w.shape[0])) @ w + b, (*x.shape[:-1], w.shape[1]))

    def encoder(params: Any, x: Any) -> Any:
        wqkv, bqkv, wo, bo, g1, b1, w1, c1, w2, c2, g2, b2 = params
        batch, time, width = x.shape
        size = width // HEADS
        q, k, v = tf.unstack(tf.transpose(tf.reshape(linear(x, wqkv, bqkv), (batch, time, 3, HEADS, size)), (2, 0, 3, 1, 4)))
        attended = tf.nn.softmax(tf.matmul(q * size**-0.5, k, transpose_b=True)) @ v
        x = norm(x + linear(tf.reshape(tf.transpose(attended, (0, 2, 1, 3)), x.shape), wo, bo), g1, b1)
        return norm(x + linear(tf.nn.relu(linear(x, w1, c1)), w2, c2), g2, b2)

    def forward(params: Any, x: Any) -> Any:
        table, *inner, w, b = params
        x = tf.gather(table, x)
        for i in (0, 12):
            x = encoder(inner[i : i + 12], x)
        return tf.reshape(x, (x.shape[0], -1)) @ w + b

    table, *inner, w, b = weights
    layers = [array for i in (0, 16) for array in (*fused_attention(inner[i : i + 8]), *inner[i + 8 : i + 16])]
    return _loop(forward, [np.array(p) for p in (table, *layers, w, b)])
