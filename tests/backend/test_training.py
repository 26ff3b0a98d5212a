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
    with pytest.raises(ValueError, match="constraints belong to the variables"):
        get_updates(cornu.optimizers.SGD(), [v], {v: abs}, K.sum(x * v))
    with pytest.raises(TypeError, match="params"):
        get_updates(cornu.optimizers.SGD(), K.sum(x * v))


def test_the_arguments_of_old_and_new(engine: Any) -> None:
    calls: list[Any] = [
        lambda loss, params: ((loss, params), {}), lambda loss, params: ((), {"loss": loss, "params": params}),
        lambda loss, params: ((params, [], loss), {}), lambda loss, params: ((params,), {"constraints": {}, "loss": loss}),
        lambda loss, params: ((), {"params": params, "constraints": [], "loss": loss}),
        lambda loss, params: ((loss,), {"params": params, "constraints": []}),
    ]  # fmt: skip
    for arguments in calls:
        x, v = K.placeholder((2,)), K.variable(1.0)
        args, kwargs = arguments(K.sum(x * v), [v])
        K.function([x], [], updates=get_updates(cornu.optimizers.SGD(0.1), *args, **kwargs))([[2.0, 3.0]])
        np.testing.assert_allclose(K.get_value(v), 0.5, rtol=1e-6)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_an_actor_with_a_loss_of_its_own(engine: Any) -> None:
    """Policy gradient: the loss is made of symbols, with no `compile`; two steps, by hand beside."""
    actor = cornu.Sequential([cornu.Input((3,)), cornu.layers.Dense(2, "softmax")])
    action, reward = K.placeholder((None, 2)), K.placeholder((None,))
    chosen = K.sum(action * actor.output, axis=-1)
    loss = -K.mean(K.log(chosen) * K.stop_gradient(reward))
    step = K.function(
        [actor.input, action, reward], [], updates=get_updates(cornu.optimizers.SGD(0.5), params=actor.trainable_weights, loss=loss)
    )
    taken, returns = np.eye(2, dtype="float32")[CLASSES[:, 0]], rng.normal(size=6).astype("float32")
    kernel, bias = actor.get_weights()
    for _ in range(2):
        assert step([X, taken, returns]) == []
        slope = returns[:, None] * (softmax(X @ kernel + bias) - taken) / len(X)
        kernel, bias = kernel - 0.5 * X.T @ slope, bias - 0.5 * slope.sum(0)
        np.testing.assert_allclose(actor.get_weights()[0], kernel, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(actor.get_weights()[1], bias, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        ("sparse_categorical_crossentropy", 1), (cornu.losses.sparse_categorical_crossentropy, 1), ("SparseCategoricalCrossentropy", 1),
        (cornu.losses.SparseCategoricalCrossentropy(name="other"), 1), ("categorical_crossentropy", 2),
        (cornu.losses.CategoricalCrossentropy(name="not_sparse_categorical_crossentropy"), 2),
    ],
)  # fmt: skip
def test_targets_of_sparse_losses(loss: Any, last: int) -> None:
    assert K.int_shape(targets(model(loss, "sgd"))[0]) == (None, last)


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
