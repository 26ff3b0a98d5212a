"""PyTensor: `pytensor.grad` and Adam as updates of shared variables in one function; the LSTM is a `scan`.

PyTensor has neither convolution nor pooling for networks: they are Ops around the NumPy loop's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a BLAS that only its C mode would link
    import pytensor
    import pytensor.tensor as pt
    from pytensor.graph.op import Op

from benchmarks.jobs import EPSILON, HEADS, LEARNING_RATE, NORM_EPSILON
from benchmarks.loops import Loop, fused_attention
from benchmarks.loops.numpy import pool, windows


def _loop(forward: Callable[[Any, Any], Any], weights: list[Any], ndim: int, dtype: str = "float32") -> Loop:
    """ndim, dtype: of a batch."""
    params = [pytensor.shared(np.array(w), shape=w.shape) for w in weights]
    x, y = pt.TensorType(dtype, (None,) * ndim)("x"), pt.ivector("y")
    logits = forward(params, x)
    shifted = logits - logits.max(1, keepdims=True)
    log_probabilities = shifted - pt.log(pt.exp(shifted).sum(1, keepdims=True))
    loss = -log_probabilities[pt.arange(y.shape[0]), y].mean(dtype="float32")
    t = pytensor.shared(np.float32(0))
    now = t + np.float32(1)
    rate = pt.cast(LEARNING_RATE * pt.sqrt(1 - 0.999**now) / (1 - 0.9**now), "float32")
    updates = [(t, now)]
    for p, g in zip(params, pytensor.grad(loss, params), strict=True):
        m, v = (pytensor.shared(np.zeros_like(p.get_value()), shape=p.type.shape) for _ in range(2))
        mean, square = m + (g - m) * np.float32(0.1), v + (g * g - v) * np.float32(0.001)
        updates += [(m, mean), (v, square), (p, p - rate * mean / (pt.sqrt(square) + np.float32(EPSILON)))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = pytensor.function([x, y], loss, updates=updates, mode="NUMBA")
        infer = pytensor.function([x], logits, mode="NUMBA")
    step.trust_input = infer.trust_input = True
    return Loop(step, infer)


def mlp(weights: list[Any]) -> Loop:
    def forward(params: Any, x: Any) -> Any:
        *hidden, w, b = params
        for kernel, bias in zip(hidden[::2], hidden[1::2], strict=True):
            x = pt.maximum(x @ kernel + bias, np.float32(0))
        return x @ w + b

    return _loop(forward, weights, 2)


wide = mlp


class _Conv(Op):
    itypes, otypes, __props__ = [pt.ftensor4, pt.ftensor4], [pt.ftensor4], ()

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        x, w = inputs
        n, height, width, _ = x.shape
        outputs[0][0] = (windows(x) @ w.reshape(-1, w.shape[-1])).reshape(n, height - 2, width - 2, -1)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
        return _ConvGrads()(*inputs, *cotangents)


class _ConvGrads(Op):
    itypes, otypes, __props__ = [pt.ftensor4] * 3, [pt.ftensor4] * 2, ()

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        x, w, g = inputs
        flat = g.reshape(-1, w.shape[-1])
        outputs[0][0] = gx = np.zeros_like(x)
        if x.shape[-1] > 1:  # nobody asks for the images' gradient
            for i in range(3):
                for j in range(3):
                    gx[:, i : i + g.shape[1], j : j + g.shape[2]] += (flat @ w[i, j].T).reshape(*g.shape[:3], -1)
        outputs[1][0] = (windows(x).T @ flat).reshape(w.shape)


class _Pool(Op):
    itypes, otypes, __props__ = [pt.ftensor4], [pt.ftensor4], ()

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        outputs[0][0] = pool(inputs[0])[0]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
        return [_PoolGrad()(*inputs, *cotangents)]


class _PoolGrad(Op):
    itypes, otypes, __props__ = [pt.ftensor4] * 2, [pt.ftensor4], ()

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        outputs[0][0] = pool(inputs[0])[1](inputs[1])


def cnn(weights: list[Any]) -> Loop:
    def forward(params: Any, x: Any) -> Any:
        w1, b1, w2, b2, w, b = params
        for kernel, bias in ((w1, b1), (w2, b2)):
            x = _Pool()(pt.maximum(_Conv()(x, kernel) + bias, np.float32(0)))
        return x.reshape((-1, w.type.shape[0])) @ w + b

    return _loop(forward, weights, 4)


def lstm(weights: list[Any]) -> Loop:
    def forward(params: Any, x: Any) -> Any:
        kernel, recurrent, bias, w, b = params
        time, units = 32, recurrent.type.shape[0]
        rows = x.dimshuffle(1, 0, 2).reshape((-1, kernel.type.shape[0]))
        inputs = (rows @ kernel + bias).reshape((time, -1, 4 * units))

        def cell(now: Any, h: Any, c: Any, recurrent: Any) -> Any:
            z = now + h @ recurrent
            i, f, g, o = (z[:, n * units : (n + 1) * units] for n in range(4))
            c = pt.sigmoid(f) * c + pt.sigmoid(i) * pt.tanh(g)
            return [pt.sigmoid(o) * pt.tanh(c), c]

        start = pt.zeros((x.shape[0], units), dtype="float32")
        hs, _ = pytensor.scan(
            cell, sequences=[inputs], outputs_info=[start, start], non_sequences=[recurrent], strict=True, return_updates=False
        )
        return hs[-1] @ w + b

    return _loop(forward, weights, 3)


def transformer(weights: list[Any]) -> Loop:
    def norm(x: Any, gamma: Any, beta: Any) -> Any:
        centered = x - x.mean(-1, keepdims=True, dtype="float32")
        spread = pt.sqr(centered).mean(-1, keepdims=True, dtype="float32")
        return centered / pt.sqrt(spread + np.float32(NORM_EPSILON)) * gamma + beta

    def encoder(params: Any, x: Any) -> Any:
        """x: (batch * time, width)."""
        wqkv, bqkv, wo, bo, g1, b1, w1, c1, w2, c2, g2, b2 = params
        width = wo.type.shape[1]
        size = width // HEADS
        qkv = (x @ wqkv + bqkv).reshape((-1, 32, 3, HEADS, size)).dimshuffle(2, 0, 3, 1, 4)
        scores = (qkv[0] * np.float32(1 / math.sqrt(size))) @ qkv[1].dimshuffle(0, 1, 3, 2)
        attended = (pt.special.softmax(scores, axis=-1) @ qkv[2]).dimshuffle(0, 2, 1, 3).reshape((-1, width))
        x = norm(x + attended @ wo + bo, g1, b1)
        return norm(x + pt.maximum(x @ w1 + c1, np.float32(0)) @ w2 + c2, g2, b2)

    def forward(params: Any, x: Any) -> Any:
        table, *inner, w, b = params
        h = encoder(inner[12:], encoder(inner[:12], table[x.ravel()]))
        return h.reshape((-1, w.type.shape[0])) @ w + b

    table, *inner, w, b = weights
    layers = [array for i in (0, 16) for array in (*fused_attention(inner[i : i + 8]), *inner[i + 8 : i + 16])]
    return _loop(forward, [table, *layers, w, b], 2, "int32")
