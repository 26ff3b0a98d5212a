"""`K.gradients` against derivatives by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cornu
from cornu import backend as K

X = np.arange(6, dtype="float32").reshape(2, 3) / 3 - 0.7


def test_with_respect_to_placeholders_and_variables(engine: Any) -> None:
    x, v = K.placeholder((None, 3)), K.variable([[1.0], [2.0], [-1.0]])
    loss = K.sum(K.square(K.dot(x, v)))
    dx, dv = K.gradients(loss, [x, v])
    assert K.int_shape(dx) == (None, 3) and K.int_shape(dv) == (3, 1)
    f = K.function([x], [dx, dv, loss])
    for value in ([[1.0], [2.0], [-1.0]], [[0.5], [0.0], [1.0]]):
        K.set_value(v, value)
        y = X @ np.array(value)
        a, b, c = f([X])
        np.testing.assert_allclose(a, 2 * y @ np.transpose(value), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(b, 2 * X.T @ y, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(c, (y**2).sum(), rtol=1e-4)


def test_with_respect_to_intermediate_tensors(engine: Any) -> None:
    x = K.placeholder((2, 3))
    y = x * 3
    z = K.square(y)
    grads = K.gradients(K.sum(z + y), [x, y, z])  # each total: that of y goes through z, too
    a, b, c = K.function([x], grads)([X])
    np.testing.assert_allclose(a, 3 * (6 * X + 1), rtol=1e-5)
    np.testing.assert_allclose(b, 6 * X + 1, rtol=1e-5)
    np.testing.assert_allclose(c, np.ones_like(X))


def test_disconnected(engine: Any) -> None:
    x, y, v, i = K.placeholder((2, 3)), K.placeholder((2, 3)), K.variable(1.0), K.placeholder((2,), dtype="int32")
    loss = K.sum(x * K.stop_gradient(y)) + K.sum(K.cast(K.argmax(v * x), "float32")) + K.sum(K.gather(x, i))
    found = K.gradients(loss, [y, v, i, x, K.exp(x)])
    assert [g is None for g in found] == [True, True, True, False, True]
    assert K.gradients(loss, y) == [None]


def test_further_use(engine: Any) -> None:
    x = K.placeholder((2, 3))
    (g,) = K.gradients(K.sum(x**3), x)
    g = g / (K.sqrt(K.mean(K.square(g))) + 1e-5)
    expected = 3 * X**2
    np.testing.assert_allclose(K.function([x], [g])([X])[0], expected / (np.sqrt((expected**2).mean()) + 1e-5), rtol=1e-4)


def test_nested(engine: Any) -> None:
    x, v = K.placeholder((2, 3)), K.variable(2.0)
    (g,) = K.gradients(K.sum(v * x**3), [x])
    penalty = K.sum(K.square(g))  # 9 v² x⁴
    dx, dv = K.gradients(penalty, [x, v])
    a, b = K.function([x], [dx, dv])([X])
    np.testing.assert_allclose(a, 9 * 4 * 4 * X**3, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(b, (18 * 2 * X**4).sum(), rtol=1e-4)


def test_several_losses_and_losses_that_are_no_scalars(engine: Any) -> None:
    x = K.placeholder((2, 3))
    a, b = K.function([x], K.gradients([x**2, K.sum(x)], x) + K.gradients(x**2, [x]))([X])
    np.testing.assert_allclose(a, 2 * X + 1, rtol=1e-5)
    np.testing.assert_allclose(b, 2 * X, rtol=1e-5)


def test_through_layers(engine: Any) -> None:
    model = cornu.Sequential([cornu.Input((3,)), cornu.layers.Dense(4, "tanh"), cornu.layers.Dense(1)])
    loss = K.mean(model.output)
    weights = model.trainable_weights
    grads = K.gradients(loss, [model.layers[0].output, *weights])
    hidden, (w1, _, w2, _) = K.function([model.input], [model.layers[0].output])([X])[0], model.get_weights()
    found = K.function([model.input], grads)([X])
    np.testing.assert_allclose(found[0], np.repeat(w2.T / 2, 2, 0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[3], hidden.mean(0)[:, None], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1], X.T @ ((1 - hidden**2) * w2.T) / 2, rtol=1e-4, atol=1e-6)
    assert w1.shape == found[1].shape


def test_the_same_dropout_as_in_the_loss(engine: Any) -> None:
    x = K.placeholder((20, 3))
    dropped = K.dropout(x, 0.5)
    f = K.function([x], [dropped, K.gradients(K.sum(dropped), x)[0]])
    for _ in range(2):
        value, grad = f([np.ones((20, 3))])
        np.testing.assert_array_equal(value, grad)


def test_gradient_descent_by_updates(engine: Any) -> None:
    x, v = K.placeholder((None, 3)), K.variable(np.zeros((3, 1)))
    loss = K.mean(K.square(K.dot(x, v) - 1.0))
    step = K.function([x], [loss], updates=[K.update_sub(v, 0.3 * K.gradients(loss, [v])[0])])
    losses = [float(step([X])[0]) for _ in range(30)]
    assert losses[0] == 1.0 and losses[-1] < 0.2 and losses == sorted(losses, reverse=True)


def test_bad_input(engine: Any) -> None:
    x, v = K.placeholder((2, 3)), K.variable(1.0)
    with pytest.raises(TypeError, match="loss must be symbolic"):
        K.gradients(K.constant(1.0), [v])
    with pytest.raises(TypeError, match=r"K\.variable"):
        K.gradients(K.sum(x), [K.constant(1.0)])
