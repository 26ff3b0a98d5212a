"""Sizes that follow from unknown shapes, and loops, in graph style."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornu import backend as K

X = np.arange(6, dtype="float32").reshape(2, 3) / 3 - 0.7


def test_sizes(engine: Any) -> None:
    x = K.placeholder((None, 3))
    n = K.shape(x)[0]
    drawn = [
        K.random_normal((n, 2)), K.zeros((n * 2, 3)), K.tile(K.constant([[1.0, 2.0]]), [n, 1]), K.arange(n), K.random_uniform(K.shape(x)),
        K.reshape(x, (K.prod(K.shape(x)),)), K.cast(n, "float32") * x,
    ]  # fmt: skip
    shapes = [(None, 2), (None, 3), (None, 2), (None,), (None, 3), (None,), (None, 3)]
    assert [K.int_shape(t) for t in drawn] == shapes
    f = K.function([x], drawn)
    for rows in (2, 1):
        results = f([X[:rows]])
        assert [r.shape for r in results] == [(rows, 2), (2 * rows, 3), (rows, 2), (rows,), (rows, 3), (3 * rows,), (rows, 3)]
        np.testing.assert_allclose(results[-1], X[:rows] * rows, rtol=1e-6)


def test_loops_over_symbolic_tensors(engine: Any) -> None:
    x, h, factor = K.placeholder((None, 4, 3)), K.placeholder((None, 3)), K.placeholder(())
    shift = K.variable([1.0, 2.0, 3.0])

    def step(i: Any, states: Any) -> Any:
        new = states[0] * factor + K.sqrt(K.square(i)) + shift * states[1]
        return new * 2, [new]

    last, outputs, (state,) = K.rnn(step, x, [h], constants=[factor + 1.0])
    assert K.int_shape(outputs) == (None, 4, 3) and K.int_shape(last) == (None, 3)
    mapped = K.map_fn(lambda e: e * factor, x)
    left, right = K.foldl(lambda a, e: a * factor + e, x), K.foldr(lambda a, e: a - e * shift, x, initializer=x[0])
    (slope,) = K.gradients(K.sum(outputs), [shift])
    f = K.function([x, h, factor], [last, outputs, state, mapped, left, right, slope])
    a = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 4, 3)
    got = f([a, X, 0.5])
    now, rows, b, d_now, d_sum = X, [], np.array([1.0, 2.0, 3.0]), 0.0, 0.0
    for i in range(4):
        now, d_now = now * 0.5 + np.abs(a[:, i]) + b * 1.5, d_now * 0.5 + 1.5
        rows.append(now * 2)
        d_sum += 2 * d_now * 2
    expected = [rows[-1], np.stack(rows, 1), now, a * 0.5, a[0] * 0.5 + a[1], a[0] - (a[0] + a[1]) * b, np.full(3, d_sum)]
    for have, want in zip(got, expected, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="rnn"):
        K.rnn(step, K.placeholder((2, None, 3)), [h], unroll=True)
