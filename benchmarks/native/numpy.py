"""NumPy: each function gives its result, and a function from the result's gradient to those of its floats."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.native import named, weights


def form(function: Callable[..., Any], arrays: Sequence[Any], gradient: bool) -> Callable[[], Any]:
    fixed = weights(function(*arrays)[0].shape)
    if not gradient:
        return lambda: function(*arrays)[0]
    return lambda: function(*arrays)[1](fixed)


def _matmul(a: Any, b: Any) -> Any:
    return a @ b, lambda g: [g @ b.T, a.T @ g]


def _einsum(q: Any, k: Any) -> Any:
    q, k = q.transpose(0, 2, 1, 3), k.transpose(0, 2, 1, 3)
    back = lambda g: [(g @ k).transpose(0, 2, 1, 3), (g.swapaxes(2, 3) @ q).transpose(0, 2, 1, 3)]  # noqa: E731
    return q @ k.swapaxes(2, 3), back


def _conv(stride: int, pad: int) -> Callable[..., Any]:
    def function(x: Any, w: Any) -> Any:
        padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
        n, height, width = view.shape[:3]
        rows = view.reshape(n * height * width, -1)
        flat = w.reshape(-1, w.shape[-1])

        def back(g: Any) -> Any:
            columns = g.reshape(-1, w.shape[-1])
            grown = np.zeros_like(padded)
            for i in range(3):
                for j in range(3):
                    spots = np.s_[:, i : i + stride * height : stride, j : j + stride * width : stride]
                    grown[spots] += (columns @ w[i, j].T).reshape(n, height, width, -1)
            edge = -pad or None
            return [grown[:, pad:edge, pad:edge], (rows.T @ columns).reshape(w.shape)]

        return (rows @ flat).reshape(n, height, width, -1), back

    return function


def _conv_1d(x: Any, w: Any) -> Any:
    pad, steps = len(w) // 2, x.shape[1]
    padded = np.pad(x, ((0, 0), (pad, pad), (0, 0)))
    rows = np.lib.stride_tricks.sliding_window_view(padded, len(w), 1).transpose(0, 1, 3, 2).reshape(-1, len(w) * x.shape[-1])
    flat = w.reshape(-1, w.shape[-1])

    def back(g: Any) -> Any:
        columns, grown = g.reshape(-1, w.shape[-1]), np.zeros_like(padded)
        for i in range(len(w)):
            grown[:, i : i + steps] += (columns @ w[i].T).reshape(x.shape)
        return [grown[:, pad:-pad], (rows.T @ columns).reshape(w.shape)]

    return (rows @ flat).reshape(*x.shape[:2], -1), back


def _depthwise_conv(x: Any, w: Any) -> Any:
    height, width = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    spots = [(i, j, np.s_[:, i : i + height, j : j + width]) for i in range(3) for j in range(3)]
    y = sum(padded[spot] * w[i, j, :, 0] for i, j, spot in spots)

    def back(g: Any) -> Any:
        grown, gw = np.zeros_like(padded), np.empty_like(w)
        for i, j, spot in spots:
            grown[spot] += g * w[i, j, :, 0]
            gw[i, j, :, 0] = np.einsum("nhwc,nhwc->c", padded[spot], g)
        return [grown[:, 1:-1, 1:-1], gw]

    return y, back


def _conv_transpose(x: Any, w: Any) -> Any:
    """Windows of 2 x 2 that don't meet: one matrix product."""
    n, height, width, channels = x.shape
    flat, weights = x.reshape(-1, channels), w.reshape(-1, channels)

    def back(g: Any) -> Any:
        columns = g.reshape(n, height, 2, width, 2, -1).transpose(0, 1, 3, 2, 4, 5).reshape(len(flat), -1)
        return [(columns @ weights).reshape(x.shape), (columns.T @ flat).reshape(w.shape)]

    y = (flat @ weights.T).reshape(n, height, width, 2, 2, -1).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(n, 2 * height, 2 * width, -1), back


def _blocks(x: Any) -> Any:
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels)


def _max_pool(x: Any) -> Any:
    corners = [x[:, i::2, j::2] for i in range(2) for j in range(2)]
    y = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))

    def back(g: Any) -> Any:
        grad = np.empty_like(x)  # no two of these numbers are equal
        for i in range(2):
            for j in range(2):
                grad[:, i::2, j::2] = g * (x[:, i::2, j::2] == y)
        return [grad]

    return y, back


def _average_pool(x: Any) -> Any:
    y = x[:, ::2, ::2] + x[:, ::2, 1::2]
    y += x[:, 1::2, ::2]
    y += x[:, 1::2, 1::2]
    y *= np.float32(0.25)

    def back(g: Any) -> Any:
        grad = np.empty_like(x)
        _blocks(grad)[:] = (g * np.float32(0.25))[:, :, None, :, None]
        return [grad]

    return y, back


def _softmax(x: Any) -> Any:
    y = x - x.max(-1, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(-1, keepdims=True)
    return y, lambda g: [y * (g - (g * y).sum(-1, keepdims=True))]


def _log_softmax(x: Any) -> Any:
    y = x - x.max(-1, keepdims=True)
    y -= np.log(np.exp(y).sum(-1, keepdims=True))
    return y, lambda g: [g - np.exp(y) * g.sum(-1, keepdims=True)]


def _gelu(x: Any) -> Any:
    a, b = np.float32(math.sqrt(2 / math.pi)), np.float32(0.044715)
    square = x * x
    t = np.tanh(a * x * (1 + b * square))
    back = lambda g: [g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * a * (1 + 3 * b * square))]  # noqa: E731
    return 0.5 * x * (1 + t), back


def _normalization(axes: Any, epsilon: float) -> Callable[..., Any]:
    def function(x: Any, gamma: Any, beta: Any) -> Any:
        unit = x - x.mean(axes, keepdims=True)
        scale = 1 / np.sqrt(np.square(unit).mean(axes, keepdims=True) + np.float32(epsilon))
        unit *= scale
        others = tuple(range(x.ndim - 1))

        def back(g: Any) -> Any:
            inner = g * gamma
            gx = scale * (inner - inner.mean(axes, keepdims=True) - unit * (inner * unit).mean(axes, keepdims=True))
            return [gx, (g * unit).sum(others), g.sum(others)]

        return unit * gamma + beta, back

    return function


def _attention(q: Any, k: Any, v: Any) -> Any:
    turned = lambda x: x.transpose(0, 2, 1, 3)  # noqa: E731
    scale = np.float32(q.shape[-1] ** -0.5)
    q, k, v = turned(q) * scale, turned(k), turned(v)
    shares, softmax_back = _softmax(q @ k.swapaxes(2, 3))

    def back(g: Any) -> Any:
        g = turned(g)
        (scores,) = softmax_back(g @ v.swapaxes(2, 3))
        return [turned(scores @ k * scale), turned(scores.swapaxes(2, 3) @ q), turned(shares.swapaxes(2, 3) @ g)]

    return turned(shares @ v), back


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _lstm(x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    batch, time, _ = x.shape
    units = len(recurrent)
    sequence = np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(time * batch, -1)
    inputs = (sequence @ kernel + bias).reshape(time, batch, 4 * units)
    hs, cs = np.empty((2, time + 1, batch, units), x.dtype)
    hs[0], cs[0] = h, c
    gates, tanhs = np.empty_like(inputs), np.empty((time, batch, units), x.dtype)
    for t in range(time):
        z, gate = inputs[t] + hs[t] @ recurrent, gates[t]
        gate[:] = _sigmoid(z)
        gate[:, 2 * units : 3 * units] = np.tanh(z[:, 2 * units : 3 * units])
        i, f, g, o = np.split(gate, 4, axis=1)
        cs[t + 1] = f * cs[t] + i * g
        np.tanh(cs[t + 1], out=tanhs[t])
        np.multiply(o, tanhs[t], out=hs[t + 1])

    def back(gy: Any) -> list[Any]:
        gz, gh, gc = np.empty_like(gates), np.zeros_like(h), np.zeros_like(c)
        for t in reversed(range(time)):
            i, f, g, o = np.split(gates[t], 4, axis=1)
            gh = gh + gy[:, t]
            gc = gc + gh * o * (1 - tanhs[t] ** 2)
            now = gz[t]
            now[:, :units] = gc * g * i * (1 - i)
            now[:, units : 2 * units] = gc * cs[t] * f * (1 - f)
            now[:, 2 * units : 3 * units] = gc * i * (1 - g * g)
            now[:, 3 * units :] = gh * tanhs[t] * o * (1 - o)
            gc, gh = gc * f, now @ recurrent.T
        flat = gz.reshape(time * batch, -1)
        gx = (flat @ kernel.T).reshape(time, batch, -1).transpose(1, 0, 2)
        return [gx, gh, gc, sequence.T @ flat, hs[:-1].reshape(time * batch, -1).T @ flat, flat.sum(0)]

    return hs[1:].transpose(1, 0, 2), back


def _top_k(x: Any) -> Any:
    best = np.argpartition(x, x.shape[1] - 10, 1)[:, -10:]
    values = np.take_along_axis(x, best, 1)
    order = np.argsort(-values, 1)
    best = np.take_along_axis(best, order, 1)

    def back(g: Any) -> Any:
        grad = np.zeros_like(x)
        np.put_along_axis(grad, best, g, 1)
        return [grad]

    return np.take_along_axis(values, order, 1), back


def _rows_summed(rows: Any, values: Any, count: int) -> Any:
    """By sorting: `np.add.at` takes longer."""
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    y = np.zeros((count, values.shape[1]), values.dtype)
    y[rows[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return y


def _take(x: Any, indices: Any) -> Any:
    return x[indices], lambda g: [_rows_summed(indices.ravel(), g.reshape(-1, x.shape[1]), len(x))]


def _scatter_update(x: Any, indices: Any, updates: Any) -> Any:
    return x + _rows_summed(indices[:, 0], updates, len(x)), lambda g: [g, g[indices[:, 0]]]


def _segment_sum(x: Any, indices: Any) -> Any:
    return _rows_summed(indices, x, 1000), lambda g: [g[indices]]


OPS = {
    "matmul": _matmul,
    "einsum": _einsum,
    "conv": _conv(1, 1),
    "conv strides 2": _conv(2, 0),
    "conv 1-D": _conv_1d,
    "depthwise_conv": _depthwise_conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "gelu": _gelu,
    "layer_normalization": _normalization(-1, 1e-5),
    "batch_normalization": _normalization((0, 1, 2), 1e-3),
    "attention": _attention,
    "lstm": _lstm,
    "top_k": _top_k,
    "take": _take,
    "scatter_update": _scatter_update,
    "segment_sum": _segment_sum,
}

CALLS = {
    **named(np, "add multiply matmul exp sum mean max reshape transpose concatenate where take"),
    "cast": np.astype,
    "get_item": operator.getitem,
}
