"""NumPy: forward and backward passes by hand, convolution by matrix products, Adam in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.jobs import EPSILON, HEADS, LEARNING_RATE, NORM_EPSILON
from benchmarks.loops import Loop, fused_attention

# `passes(params, x)` gives the logits, and a function from their gradient to the parameters'.
Passes = Callable[[list[Any], Any], tuple[Any, Callable[[Any], list[Any]]]]


def _loop(passes: Passes, weights: list[Any]) -> Loop:
    params = [np.array(w) for w in weights]
    m, v, scratch = ([np.zeros_like(p) for p in params] for _ in range(3))
    count = 0

    def step(x: Any, y: Any) -> Any:
        nonlocal count
        logits, backward = passes(params, x)
        logits = logits - logits.max(1, keepdims=True)
        probabilities = np.exp(logits)
        total = probabilities.sum(1, keepdims=True)
        rows = np.arange(len(y))
        loss = (np.log(total[:, 0]) - logits[rows, y]).mean()
        probabilities /= total
        probabilities[rows, y] -= 1
        probabilities /= np.float32(len(y))
        count += 1
        rate = np.float32(LEARNING_RATE * math.sqrt(1 - 0.999**count) / (1 - 0.9**count))
        for p, mean, square, t, g in zip(params, m, v, scratch, backward(probabilities), strict=True):
            np.subtract(g, mean, out=t)
            t *= 0.1
            mean += t
            np.multiply(g, g, out=t)
            t -= square
            t *= 0.001
            square += t
            np.sqrt(square, out=t)
            t += EPSILON
            np.divide(mean, t, out=t)
            t *= rate
            p -= t
        return loss

    return Loop(step, lambda x: passes(params, x)[0])


def mlp(weights: list[Any]) -> Loop:
    def passes(params: list[Any], x: Any) -> Any:
        kernels, biases = params[::2], params[1::2]
        inputs = []
        for w, b in zip(kernels, biases, strict=True):
            inputs.append(x)
            y = x @ w
            y += b
            x = np.maximum(y, 0)

        def backward(g: Any) -> list[Any]:
            grads: list[Any] = []
            for i in reversed(range(len(kernels))):
                grads += [g.sum(0), inputs[i].T @ g]
                if i:
                    g = g @ kernels[i].T
                    g *= inputs[i] > 0
            return grads[::-1]

        return y, backward

    return _loop(passes, weights)


wide = mlp


def windows(x: Any) -> Any:
    """The 3x3 neighbourhoods as rows."""
    n, h, w, c = x.shape
    view = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
    return view.reshape(n * (h - 2) * (w - 2), 9 * c)


def pool(y: Any) -> Any:
    """Largest of each 2x2 block of a batch of images with an even or odd edge, and the way back."""
    n, h, w, c = y.shape
    h, w = h // 2, w // 2
    blocks = y[:, : 2 * h, : 2 * w].reshape(n, h, 2, w, 2, c)
    largest = blocks.max((2, 4), keepdims=True)

    def back(g: Any) -> Any:
        grad = np.zeros_like(y)
        chosen = blocks == largest  # ties are all zero behind relu, where the gradient is stopped
        grad[:, : 2 * h, : 2 * w] = (chosen * g[:, :, None, :, None]).reshape(n, 2 * h, 2 * w, c)
        return grad

    return largest.reshape(n, h, w, c), back


def cnn(weights: list[Any]) -> Loop:
    def block(x: Any, w: Any, b: Any) -> Any:
        n, height, width, channels = x.shape
        rows = windows(x)
        y = (rows @ w.reshape(-1, w.shape[-1])).reshape(n, height - 2, width - 2, -1)
        y += b
        y = np.maximum(y, 0, out=y)
        pooled, pool_back = pool(y)

        def back(g: Any, inputs: bool = True) -> Any:
            g = pool_back(g)
            g *= y > 0
            flat = g.reshape(-1, w.shape[-1])
            grads = [(rows.T @ flat).reshape(w.shape), flat.sum(0)]
            if not inputs:
                return grads
            gx = np.zeros_like(x)
            for i in range(3):
                for j in range(3):
                    gx[:, i : i + height - 2, j : j + width - 2] += (flat @ w[i, j].T).reshape(*g.shape[:3], channels)
            return [gx, *grads]

        return pooled, back

    def passes(params: list[Any], x: Any) -> Any:
        w1, b1, w2, b2, w, b = params
        h1, back1 = block(x, w1, b1)
        h2, back2 = block(h1, w2, b2)
        flat = h2.reshape(len(x), -1)

        def backward(g: Any) -> list[Any]:
            gx, gw2, gb2 = back2((g @ w.T).reshape(h2.shape))
            return [*back1(gx, inputs=False), gw2, gb2, flat.T @ g, g.sum(0)]

        return flat @ w + b, backward

    return _loop(passes, weights)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def lstm(weights: list[Any]) -> Loop:
    def passes(params: list[Any], x: Any) -> Any:
        kernel, recurrent, bias, w, b = params
        batch, time, _ = x.shape
        units = len(recurrent)
        sequence = np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(time * batch, -1)
        inputs = (sequence @ kernel + bias).reshape(time, batch, 4 * units)
        hs, cs = np.zeros((time + 1, batch, units), x.dtype), np.zeros((time + 1, batch, units), x.dtype)
        gates = np.empty((time, batch, 4 * units), x.dtype)
        tanhs = np.empty((time, batch, units), x.dtype)
        for t in range(time):
            z = inputs[t] + hs[t] @ recurrent
            gate = gates[t]
            gate[:] = _sigmoid(z)
            gate[:, 2 * units : 3 * units] = np.tanh(z[:, 2 * units : 3 * units])
            i, f, g, o = np.split(gate, 4, axis=1)
            cs[t + 1] = f * cs[t] + i * g
            np.tanh(cs[t + 1], out=tanhs[t])
            np.multiply(o, tanhs[t], out=hs[t + 1])

        def backward(gy: Any) -> list[Any]:
            gz = np.empty_like(gates)
            gh, gc = gy @ w.T, np.zeros((batch, units), x.dtype)
            for t in reversed(range(time)):
                i, f, g, o = np.split(gates[t], 4, axis=1)
                gc = gc + gh * o * (1 - tanhs[t] ** 2)
                now = gz[t]
                now[:, :units] = gc * g * i * (1 - i)
                now[:, units : 2 * units] = gc * cs[t] * f * (1 - f)
                now[:, 2 * units : 3 * units] = gc * i * (1 - g * g)
                now[:, 3 * units :] = gh * tanhs[t] * o * (1 - o)
                gc = gc * f
                gh = now @ recurrent.T
            flat = gz.reshape(time * batch, -1)
            return [sequence.T @ flat, hs[:-1].reshape(time * batch, -1).T @ flat, flat.sum(0), hs[-1].T @ gy, gy.sum(0)]

        return hs[-1] @ w + b, backward

    return _loop(passes, weights)


def _norm(x: Any, gamma: Any, beta: Any) -> Any:
    centered = x - x.mean(-1, keepdims=True)
    scale = 1 / np.sqrt((centered * centered).mean(-1, keepdims=True) + np.float32(NORM_EPSILON))
    unit = centered * scale

    def back(g: Any) -> Any:
        inner = g * gamma
        gx = scale * (inner - inner.mean(-1, keepdims=True) - unit * (inner * unit).mean(-1, keepdims=True))
        return gx, (g * unit).sum(0), g.sum(0)

    return unit * gamma + beta, back


def _encoder(params: list[Any], x: Any, batch: int) -> Any:
    """x: (batch * time, width)."""
    wqkv, bqkv, wo, bo, g1, b1, w1, c1, w2, c2, g2, b2 = params
    width = x.shape[1]
    scale = np.float32((width // HEADS) ** -0.5)
    q, k, v = (x @ wqkv + bqkv).reshape(batch, -1, 3, HEADS, width // HEADS).transpose(2, 0, 3, 1, 4)
    scores = (q * scale) @ k.swapaxes(2, 3)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    attended = (weights @ v).transpose(0, 2, 1, 3).reshape(-1, width)
    middle, back1 = _norm(x + attended @ wo + bo, g1, b1)
    up = np.maximum(middle @ w1 + c1, 0)
    y, back2 = _norm(middle + up @ w2 + c2, g2, b2)

    def backward(g: Any) -> Any:
        g, gg2, gb2 = back2(g)
        gup = (g @ w2.T) * (up > 0)
        rest = [middle.T @ gup, gup.sum(0), up.T @ g, g.sum(0), gg2, gb2]
        g, gg1, gb1 = back1(g + gup @ w1.T)
        ga = (g @ wo.T).reshape(batch, -1, HEADS, width // HEADS).transpose(0, 2, 1, 3)
        gweights = ga @ v.swapaxes(2, 3)
        gscores = weights * (gweights - (gweights * weights).sum(-1, keepdims=True))
        gq, gk, gv = gscores @ k * scale, gscores.swapaxes(2, 3) @ q * scale, weights.swapaxes(2, 3) @ ga
        gqkv = np.stack([gq, gk, gv]).transpose(1, 3, 0, 2, 4).reshape(len(x), 3 * width)
        return g + gqkv @ wqkv.T, [x.T @ gqkv, gqkv.sum(0), attended.T @ g, g.sum(0), gg1, gb1, *rest]

    return y, backward


def transformer(weights: list[Any]) -> Loop:
    def passes(params: list[Any], x: Any) -> Any:
        table, *inner, w, b = params
        batch = len(x)
        h1, back1 = _encoder(inner[:12], table[x.ravel()], batch)
        h2, back2 = _encoder(inner[12:], h1, batch)
        flat = h2.reshape(batch, -1)

        def backward(g: Any) -> list[Any]:
            gh, second = back2((g @ w.T).reshape(h2.shape))
            gh, first = back1(gh)
            gtable = np.zeros_like(table)
            np.add.at(gtable, x.ravel(), gh)
            return [gtable, *first, *second, flat.T @ g, g.sum(0)]

        return flat @ w + b, backward

    table, *inner, w, b = weights
    layers = [array for i in (0, 16) for array in (*fused_attention(inner[i : i + 8]), *inner[i + 8 : i + 16])]
    return _loop(passes, [table, *layers, w, b])
