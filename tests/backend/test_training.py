"""Training by `K.function`, beside `fit`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cornu
from cornu import backend as K
from cornu.backend.training import get_updates, sample_weights, targets, total_loss

rng = np.random.default_rng(3)
X, Y, CLASSES = rng.normal(size=(6, 3)).astype("float32"), rng.normal(size=(6, 2)).astype("float32"), np.array([[0], [1], [0], [1], [1], [0]])


def model(loss: str, optimizer: Any) -> Any:
    cornu.random.seeds.set_seed(7)
    dense = cornu.layers.Dense(4, "tanh", kernel_regularizer="l2")
    made = cornu.Sequential([cornu.Input((3,)), dense, cornu.layers.BatchNormalization(), cornu.layers.Dense(2, "softmax")])
    made.compile(optimizer, loss)
    return made


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_updates_of_an_optimizer(engine: Any, optimizer: str) -> None:
    one, other = model("sparse_categorical_crossentropy", optimizer), model("sparse_categorical_crossentropy", optimizer)
    loss = total_loss(one)
    updates = get_updates(one.optimizer, loss, one.trainable_weights)
    step = K.function([*one.inputs, *targets(one), *sample_weights(one), K.learning_phase()], [loss], updates=updates)
    assert K.int_shape(targets(one)[0]) == (None, 1)
    for _ in range(3):
        (value,) = step([X, CLASSES, np.ones(6), 1])
        np.testing.assert_allclose(value, other.train_on_batch(X, CLASSES), rtol=1e-4)
    for a, b in zip(one.trainable_weights, other.trainable_weights, strict=True):
        np.testing.assert_allclose(K.get_value(a), K.get_value(b), rtol=1e-3, atol=1e-5)
    assert int(K.get_value(one.optimizer.iterations)) == 3


def test_gradients_of_the_total_loss(engine: Any) -> None:
    made = model("mse", "sgd")
    weights = made.trainable_weights
    f = K.function([made.inputs[0], targets(made)[0], sample_weights(made)[0]], K.gradients(total_loss(made), weights))
    half = np.array([1.0] * 3 + [0.0] * 3)
    found = f([X, Y, half])
    made.evaluate(X, Y, verbose=0)  # makes the compiled loss
    expected = cornu.grad(lambda: made.compute_loss(X, Y, made(X), half), variables=weights)()
    for have, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(have, K.get_value(want), rtol=1e-4, atol=1e-6)


def test_bad_input(engine: Any) -> None:
    made = cornu.Sequential([cornu.Input((3,)), cornu.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"compile\(loss"):
        targets(made)
    x, v, w = K.placeholder((2,)), K.variable(1.0, name="used"), K.variable(1.0, name="unused")
    with pytest.raises(ValueError, match="unused"):
        get_updates(cornu.optimizers.SGD(), K.sum(x * v), [v, w])
    assert len(get_updates(cornu.optimizers.SGD(), [v], [], K.sum(x * v))) == 1  # as in Keras 1


def test_an_added_loss_counts_once_after_other_calls(engine: Any) -> None:
    x = cornu.Input((3,))
    code = cornu.layers.Dense(2, "tanh")(x)
    made = cornu.Model(x, code)
    made.add_loss(K.mean(K.square(code)))
    made.compile("sgd", "mse")
    expected = made.test_on_batch(X, Y)
    f = K.function([*made.inputs, *targets(made), *sample_weights(made)], [total_loss(made)])
    for _ in range(2):
        np.testing.assert_allclose(f([X, Y, np.ones(6)])[0], expected, rtol=1e-5)
    np.testing.assert_allclose(made.test_on_batch(X, Y), expected, rtol=1e-5)
