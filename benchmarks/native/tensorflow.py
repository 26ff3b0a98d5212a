"""TensorFlow: `tf.function`, and what `tf.nn` has."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from benchmarks.native import named, weights


def form(function: Callable[..., Any], arrays: Sequence[Any], gradient: bool) -> Callable[[], Any]:
    xs = [tf.constant(x) for x in arrays]
    if not gradient:
        forward = tf.function(function, autograph=False).get_concrete_function(*xs)
        return lambda: forward(*xs)
    fixed = tf.constant(weights(tuple(function(*xs).shape)))

    def slope(w: Any, *xs: Any) -> Any:
        sources = [x for x in xs if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            loss = tf.reduce_sum(function(*xs) * w)
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, sources)]

    run = tf.function(slope, autograph=False).get_concrete_function(fixed, *xs)
    return lambda: run(fixed, *xs)


def _layer_normalization(x: Any, gamma: Any, beta: Any) -> Any:
    mean, variance = tf.nn.moments(x, [-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-5)


def _batch_normalization(x: Any, gamma: Any, beta: Any) -> Any:
    return tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=1e-3, is_training=True)[0]


def _attention(q: Any, k: Any, v: Any) -> Any:
    q, k, v = (tf.transpose(x, (0, 2, 1, 3)) for x in (q, k, v))
    scores = tf.matmul(q * q.shape[-1] ** -0.5, k, transpose_b=True)
    return tf.transpose(tf.matmul(tf.nn.softmax(scores), v), (0, 2, 1, 3))


def _lstm(x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    outputs = []
    for z in tf.unstack(tf.tensordot(x, kernel, 1) + bias, axis=1):  # a loop in the graph takes twice as long
        i, f, g, o = tf.split(z + h @ recurrent, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        outputs.append(h)
    return tf.stack(outputs, 1)


OPS = {
    "matmul": tf.matmul,
    "einsum": lambda q, k: tf.einsum("bthd,bshd->bhts", q, k),
    "conv": lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"),
    "conv strides 2": lambda x, w: tf.nn.conv2d(x, w, 2, "VALID"),
    "conv 1-D": lambda x, w: tf.nn.conv1d(x, w, 1, "SAME"),
    "depthwise_conv": lambda x, w: tf.nn.depthwise_conv2d(x, w, (1, 1, 1, 1), "SAME"),
    "conv_transpose": lambda x, w: tf.nn.conv2d_transpose(x, w, (16, 32, 32, 32), 2, "VALID"),
    "max_pool": lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
    "average_pool": lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"),
    "softmax": tf.nn.softmax,
    "log_softmax": tf.nn.log_softmax,
    "gelu": lambda x: tf.nn.gelu(x, approximate=True),
    "layer_normalization": _layer_normalization,
    "batch_normalization": _batch_normalization,
    "attention": _attention,
    "lstm": _lstm,
    "top_k": lambda x: tf.math.top_k(x, 10).values,
    "take": lambda x, i: tf.gather(x, i),
    "scatter_update": tf.tensor_scatter_nd_add,
    "segment_sum": lambda x, i: tf.math.unsorted_segment_sum(x, i, 1000),
}

CALLS = {
    **named(tf, "add multiply matmul exp reshape transpose where cast"),
    **named(tf.nn, "relu softmax"),
    **{name: getattr(tf, f"reduce_{name}") for name in ("sum", "mean", "max")},
    "concatenate": tf.concat,
    "take": lambda x, rows, axis: tf.gather(x, rows, axis=axis),
    "get_item": operator.getitem,
}
