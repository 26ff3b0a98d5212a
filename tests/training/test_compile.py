"""What `compile` fixes: which variables are trained; and what functions of the user's are given as losses and metrics."""

from __future__ import annotations

import numpy as np

import cornu
from cornu import layers, ops

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = X @ np.float32([1, -2, 0.5])  # one number per sample, without an axis of its own


def stack(*above, width=1):
    return cornu.Sequential([layers.Input((3,)), layers.Dense(4), *above, layers.Dense(width)])


def changes(model, others, x=X, y=Y):
    before = [w for other in others for w in other.get_weights()]
    model.train_on_batch(x, y)
    return [bool((a != b).any()) for a, b in zip(before, [w for other in others for w in other.get_weights()])]


def test_what_was_trainable_at_compile_is_trained_until_the_next(engine):
    model = stack()
    first, second = model.layers
    model.compile("sgd", "mse")
    model.trainable = False
    assert changes(model, [first, second]) == [True] * 4
    model.trainable = True
    first.trainable = False
    model.compile("sgd", "mse")
    assert changes(model, [first, second]) == [False, False, True, True]


def test_a_network_is_trained_alone_and_frozen_inside_another(engine):
    drawing, telling = stack(width=3), stack(layers.BatchNormalization(), layers.Activation("relu"))
    telling.compile("sgd", "mse")
    telling.trainable = False
    latent = layers.Input((3,))
    both = cornu.Model(latent, telling(drawing(latent)))
    both.compile("adam", "mse")
    for _ in range(2):
        assert all(changes(telling, [telling.layers[0], telling.layers[-1]]))
        assert not any(changes(both, [telling]))
        assert all(changes(both, [drawing]))


def test_a_stack_that_grows_is_trained_whole():
    model = stack()
    model.compile("sgd", "mse")
    model.add(layers.Dense(1))
    assert all(changes(model, [model]))


def test_functions_get_targets_of_the_rank_of_predictions(engine):
    seen = []

    def squared(y_true, y_pred):
        seen.append((tuple(y_true.shape), tuple(y_pred.shape)))
        return ops.mean(ops.square(y_true - y_pred))

    def near(y_true, y_pred):
        seen.append((tuple(y_true.shape), tuple(y_pred.shape)))
        return ops.mean(ops.cast(ops.less(ops.absolute(y_true - y_pred), 1.0), "float32"))

    model = stack()
    model.compile("sgd", squared, metrics=[near])
    loss, share = model.evaluate(X, Y, verbose=0)
    predicted = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(loss, np.mean((predicted - Y) ** 2), rtol=1e-5)
    np.testing.assert_allclose(share, np.mean(np.abs(predicted - Y) < 1), rtol=1e-6)
    assert len(seen) >= 2 and {shapes[0] for shapes in seen} == {(32, 1)}
