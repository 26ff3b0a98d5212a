"""Losses that are added to functional models as symbolic tensors."""

from __future__ import annotations

import numpy as np
import pytest

from cornu import Model, Sequential, layers, ops


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
