"""Losses made of a functional model's symbolic tensors: by `add_loss`, and in functions that refer to them."""

from __future__ import annotations

import numpy as np
import pytest

import cornu
from cornu import Model, Sequential, layers, losses, ops, utils
from cornu import backend as K


def data():
    return np.random.default_rng(0).normal(size=(16, 3)).astype("float32")


def drawn():
    x = layers.Input((3,))
    hidden = layers.Dense(4, name="hidden")(x)
    return x, hidden, Model(x, layers.Dense(2, name="out")(hidden))


def test_it_is_minimized_and_reported(engine):
    _, hidden, model = drawn()
    penalty = layers.Dense(1, name="beside")(hidden)  # a layer that only the loss needs
    model.add_loss(ops.mean(ops.square(hidden)))
    model.add_loss(ops.mean(ops.square(penalty - 1.0)))
    assert "beside" in [layer.name for layer in model.layers] and len(model.trainable_weights) == 6
    model.compile("sgd")
    features = data()

    def expected():
        w, b = model.get_layer("hidden").get_weights()
        v, c = model.get_layer("beside").get_weights()
        h = features @ w + b
        return np.mean(h**2) + np.mean((h @ v + c - 1) ** 2)

    assert np.allclose(model.evaluate(features, verbose=0), expected(), rtol=1e-5)
    first = expected()
    history = model.fit(features, epochs=5, verbose=0, validation_data=(features, None))
    assert expected() < 0.9 * first and np.allclose(history.history["val_loss"][-1], expected(), rtol=1e-5)
    assert not np.allclose(model.get_layer("beside").get_weights()[1], 0)


def test_beside_the_compiled_loss(engine):
    _, hidden, model = drawn()
    model.add_loss(0.5 * ops.sum(ops.abs(hidden)))
    model.compile("sgd", "mse")
    features, targets = data(), np.ones((16, 2), "float32")
    w, b = model.get_layer("hidden").get_weights()
    found = model.evaluate(features, targets, batch_size=16, verbose=0)
    error = np.mean((model.predict(features, verbose=0) - 1) ** 2)
    assert np.allclose(found, error + 0.5 * np.abs(features @ w + b).sum(), rtol=1e-5)


def test_it_counts_when_it_is_added_after_training_has_begun():
    _, hidden, model = drawn()
    model.compile("sgd", "mse")
    features, targets = data(), np.ones((16, 2), "float32")
    before = model.evaluate(features, targets, verbose=0)
    model.add_loss(ops.mean(hidden * 0.0 + 3.0))
    assert np.allclose(model.evaluate(features, targets, verbose=0), before + 3.0, rtol=1e-5)


def test_inside_another_model():
    _, hidden, model = drawn()
    model.add_loss(ops.mean(hidden * 0.0 + 3.0))
    outer = Model(y := layers.Input((3,)), model(y))
    outer.compile("sgd", "mse")
    inner_alone = np.mean((model.predict(data(), verbose=0) - 1) ** 2)
    assert np.allclose(outer.evaluate(data(), np.ones((16, 2)), verbose=0), inner_alone + 3.0, rtol=1e-5)


def test_what_can_not_be_added():
    _, hidden, model = drawn()
    with pytest.raises(ValueError, match="disconnected"):
        model.add_loss(ops.mean(layers.Input((2,))))
    assert not model.losses
    model.compile("sgd", "mse")
    assert model.predict(data(), verbose=0).shape == (16, 2)
    with pytest.raises(ValueError, match="functional model"):
        Sequential([layers.Input((3,)), layers.Dense(2)]).add_loss(ops.mean(hidden))
    with pytest.raises(ValueError, match="functional model"):
        layers.Dense(2).add_loss(ops.mean(hidden))


X = np.random.default_rng(3).normal(size=(12, 4)).astype("float32")


def parts():
    """A model of two parts, the first of which gives a code, and the code."""
    utils.set_random_seed(1)
    x = layers.Input((4,))
    code = layers.Dense(2, activation="tanh")(layers.Dropout(0.5)(x))
    inner = cornu.Model(x, code)
    outputs = layers.Dense(4)(inner(x))
    return cornu.Model(x, outputs), inner, code


def expected(model, inner):
    """What the loss is without dropout."""
    code = inner.predict(X, verbose=0)
    return np.mean((model.predict(X, verbose=0) - X) ** 2) + 0.1 * np.mean(np.sum(code**2, axis=-1))


def test_add_loss_of_symbolic_tensors_without_targets(engine):
    model, inner, code = parts()
    model.add_loss(K.mean(losses.mean_squared_error(model.inputs[0], model.outputs[0])))
    model.add_loss(0.1 * K.mean(K.sum(K.square(code), axis=-1)))
    model.compile(cornu.optimizers.SGD(0.1))
    np.testing.assert_allclose(model.evaluate(X, verbose=0), expected(model, inner), rtol=1e-5)
    before, weights = model.evaluate(X, verbose=0), model.get_weights()
    model.fit(X, epochs=30, batch_size=12, verbose=0)
    assert model.evaluate(X, verbose=0) < 0.95 * before
    assert all((a != b).any() for a, b in zip(weights, model.get_weights()))


def test_a_loss_that_refers_to_symbolic_tensors(engine):
    model, inner, code = parts()

    def loss(y_true, y_pred):
        return K.mean(K.square(y_true - y_pred), axis=-1) + 0.1 * K.sum(K.square(code), axis=-1)

    model.compile(cornu.optimizers.SGD(0.1), loss)
    np.testing.assert_allclose(model.evaluate(X, X, verbose=0), expected(model, inner), rtol=1e-5)
    before = model.evaluate(X, X, verbose=0)
    model.fit(X, X, epochs=30, batch_size=12, verbose=0)
    assert model.evaluate(X, X, verbose=0) < 0.95 * before


def test_the_gradient_is_that_of_both_parts():
    """A step of gradient descent, against finite differences of the loss."""
    x = layers.Input((4,))
    code = layers.Dense(2, use_bias=False)(x)
    model = cornu.Model(x, layers.Dense(4, use_bias=False)(code))
    model.add_loss(ops.mean(ops.square(code)))
    model.compile(cornu.optimizers.SGD(1.0), lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred)))
    first, second = model.get_weights()

    def value(w):
        return np.mean((X @ w @ second - X) ** 2) + np.mean((X @ w) ** 2)

    model.train_on_batch(X, X)
    found = first - model.get_weights()[0]
    for at in np.ndindex(first.shape):
        step = np.zeros_like(first, "float64")
        step[at] = 1e-4
        np.testing.assert_allclose(found[at], (value(first + step) - value(first - step)) / 2e-4, rtol=2e-3, atol=1e-4)


def test_a_function_that_refers_to_another_graph():
    _, _, model = drawn()
    stranger = layers.Input((4,), name="stranger")
    model.compile("sgd", lambda y_true, y_pred: K.mean(y_pred) + K.mean(stranger))
    with pytest.raises(ValueError, match=r"Graph disconnected.*stranger"):
        model.fit(data(), np.ones((16, 2)), verbose=0)


def test_the_last_call_counts():
    """A step that calls its model twice, and the loss of the second call."""
    _, hidden, model = drawn()
    first, second = np.zeros((4, 3), "float32"), data()[:4]
    model.compile("sgd", lambda y_true, y_pred: ops.mean(hidden))
    model.evaluate(second, np.ones((4, 2), "float32"), verbose=0)  # makes the compiled loss
    with cornu.layers.layer.keep_masks():
        model(first)
        found = model.compute_loss(second, np.ones((4, 2), "float32"), model(second))
    w, b = model.get_layer("hidden").get_weights()
    np.testing.assert_allclose(np.asarray(found), np.mean(second @ w + b), rtol=1e-5)


def test_a_metric_that_refers_to_symbolic_tensors(engine):
    x = layers.Input((4,))
    code = layers.Dense(2, activation="tanh")(layers.Dropout(0.5)(x))
    model, inner = Model(x, layers.Dense(4)(code)), Model(x, code)
    size, beside = K.sum(K.square(code), axis=-1), layers.Dropout(0.5)(code)

    def norm(y_true, y_pred):
        return K.mean(size)

    model.compile(cornu.optimizers.SGD(0.0), "mse", metrics=[norm, lambda y_true, y_pred: K.mean(beside) * 0.0 + 2.0, "mae"])
    found = model.evaluate(X, X, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["norm"], np.mean(np.sum(inner.predict(X, verbose=0) ** 2, axis=-1)), rtol=1e-5)
    np.testing.assert_allclose(found["<lambda>"], 2.0)
    logs = model.fit(X, X, epochs=2, batch_size=4, verbose=0, validation_data=(X, X)).history
    np.testing.assert_allclose(logs["val_norm"], [found["norm"]] * 2, rtol=1e-5)
    assert abs(logs["norm"][0] - logs["norm"][1]) > 1e-4  # by dropout: it is the training call's value


def test_a_metric_sees_the_call_before_the_update(engine):
    _, hidden, model = drawn()
    model.compile(cornu.optimizers.SGD(0.5), "mse", metrics=[lambda y_true, y_pred: K.mean(hidden)])
    w, b = model.get_layer("hidden").get_weights()
    found = model.train_on_batch(data(), np.ones((16, 2), "float32"))[1]
    np.testing.assert_allclose(found, np.mean(data() @ w + b), rtol=1e-4, atol=1e-6)


def test_such_a_metric_in_a_step_of_ones_own():
    class Own(Model):
        def test_step(self, data):
            x, y = data
            return self.compute_metrics(x, y, self(x))

    x = layers.Input((3,))
    hidden = layers.Dense(4)(x)
    model = Own(x, layers.Dense(2)(hidden))
    model.compile("sgd", "mse", metrics=[lambda y_true, y_pred: K.mean(hidden)])
    with pytest.raises(ValueError, match="further output"):
        model.evaluate(data(), np.ones((16, 2), "float32"), verbose=0)
