"""The loop: what callbacks see, what is compiled when, what is kept and what is dropped."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, utils

RNG = np.random.default_rng(0)
X = RNG.normal(size=(44, 6)).astype("float32")  # five batches of eight and one of four
Y = X.sum(axis=1, keepdims=True)


def mlp(depth=1, **compile_args):
    utils.set_random_seed(1)
    hidden = [layers.Dense(8, activation="relu") for _ in range(depth)]
    model = cornu.Sequential([layers.Input((6,)), *hidden, layers.Dropout(0.1), layers.Dense(1)])
    model.compile(**{"optimizer": "adam", "loss": "mse", **compile_args})
    return model


class Heard(callbacks.Callback):
    """Notes what is called, and the weights then."""

    def __init__(self):
        super().__init__()
        self.begins, self.ends, self.losses, self.weights, self.others = [], [], [], [], []

    def on_train_batch_begin(self, batch, logs=None):
        self.begins.append(batch)

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(batch)
        self.losses.append(logs["loss"])
        self.weights.append(self.model.get_weights())

    def on_test_begin(self, logs=None):
        self.others.append("test begins")

    def on_test_batch_end(self, batch, logs=None):
        self.others.append(batch)


@pytest.fixture
def compilations(engine, monkeypatch):
    """The list of functions that the engine was asked to compile."""
    kind, seen = type(engine), []
    plain = kind.compile
    monkeypatch.setattr(kind, "compile", lambda self, fn, args: seen.append(fn) or plain(self, fn, args))
    return seen


def test_steps_per_execution(engine):
    one_by_one, together = Heard(), Heard()
    found = [
        mlp(steps_per_execution=steps).fit(X, Y, 8, epochs=2, verbose=0, callbacks=[heard]).history["loss"]
        for steps, heard in ((1, one_by_one), (4, together))
    ]
    assert found[0] == found[1], "the same numbers, to the last bit"
    assert one_by_one.begins == one_by_one.ends == [0, 1, 2, 3, 4, 5] * 2
    assert (together.begins, together.ends) == ([0, 4] * 2, [3, 5] * 2)
    assert together.losses == [one_by_one.losses[i] for i in (3, 5, 9, 11)]
    with pytest.raises(ValueError, match="steps_per_execution"):
        mlp(steps_per_execution=0)


def test_callbacks_see_the_weights_of_their_batch(engine):
    heard, alone = Heard(), mlp()
    mlp().fit(X, Y, 8, shuffle=False, verbose=0, callbacks=[heard])
    for i, weights in enumerate(heard.weights):
        alone.train_on_batch(X[8 * i : 8 * i + 8], Y[8 * i : 8 * i + 8])
        for ours, theirs in zip(weights, alone.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_run_eagerly_gives_the_same(engine):
    found = [mlp(run_eagerly=eagerly).fit(X, Y, 8, epochs=2, verbose=0).history["loss"] for eagerly in (False, True)]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_validation_is_heard_and_starts_over(engine):
    heard = Heard()
    model = mlp(optimizer="sgd")
    model.optimizer.learning_rate = 0.0
    history = model.fit(X, Y, 8, epochs=2, verbose=0, validation_data=(X, Y), validation_steps=2, callbacks=[heard]).history
    assert heard.others == ["test begins", 0, 1] * 2
    assert history["val_loss"][0] == history["val_loss"][1] == pytest.approx(model.evaluate(X[:16], Y[:16], verbose=0))
    with pytest.raises(ValueError, match="not recognized"):
        model.evaluate(X, Y, sampling_weight=1)


def test_validation_after_some_epochs():
    with cornu.engine("numpy"):
        for frequency, times in ((2, 2), ([1, 4, 5], 3)):
            history = mlp().fit(X, Y, epochs=5, verbose=0, validation_data=(X, Y), validation_freq=frequency).history
            assert len(history["val_loss"]) == times


def test_steps_per_epoch_of_arrays_go_on():
    with cornu.engine("numpy"):
        heard = Heard()
        mlp().fit(X, Y, 8, epochs=3, steps_per_epoch=4, shuffle=False, verbose=0, callbacks=[heard])
        assert heard.ends == [0, 1, 2, 3] * 3
        alone = mlp()
        for i in [*range(6), *range(6)]:  # the third epoch ends with the twelfth batch: the data were seen twice
            alone.train_on_batch(X[8 * i : 8 * i + 8], Y[8 * i : 8 * i + 8])
        np.testing.assert_array_equal(heard.weights[-1][0], alone.get_weights()[0])


def test_stopping_within_an_epoch(engine):
    class Stop(Heard):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            self.model.stop_training = batch == 2

    stop = Stop()
    assert len(mlp().fit(X, Y, 8, epochs=5, verbose=0, callbacks=[stop]).epoch) == 1
    assert stop.ends == [0, 1, 2]


def test_each_signature_is_compiled_once(compilations):
    model = mlp()
    for _ in range(3):
        model.fit(X, Y, 8, epochs=2, verbose=0, validation_data=(X, Y))
        model.evaluate(X, Y, 8, verbose=0)
        model.predict(X, 8, verbose=0)
        model.train_on_batch(X[:8], Y[:8])
        model.predict_on_batch(X[:4])
    assert len(compilations) == 6, "training, testing and predicting, each for whole batches and the last one"


def test_programs_are_dropped_when_the_model_changes(engine):
    model = mlp()
    model.fit(X, Y, 8, verbose=0)
    model.predict(X[:1], verbose=0)

    def programs():
        return [weakref.ref(c) for program in model._compile_programs.values() for c in program._compiled.values()]

    old = programs()
    assert len(old) == 3
    model.compile("sgd", "mse")
    gc.collect()
    assert not any(ref() for ref in old)
    model.fit(X, Y, 8, verbose=0)
    old = programs()
    model.to("numpy" if engine.name != "numpy" else "jax")
    gc.collect()
    assert not any(ref() for ref in old)
    assert model.predict(X[:1], verbose=0).shape == (1, 1)


def test_nothing_is_left_of_a_model(engine):
    model = mlp()
    model.fit(X, Y, 8, verbose=0, validation_data=(X, Y))
    model.predict(X[:1], verbose=0)
    gone = [weakref.ref(model), *[weakref.ref(v) for v in (*model.variables, *model.optimizer.variables)]]
    del model
    gc.collect()
    assert not [ref() for ref in gone if ref() is not None]


def test_calls_in_a_loop_do_not_grow_memory(engine):
    model = mlp()

    def calls():
        model.fit(X, Y, 8, verbose=0)
        model.evaluate(X, Y, 8, verbose=0)
        model.predict(X, 8, verbose=0)
        model.predict(X[:1], verbose=0)
        model.train_on_batch(X[:8], Y[:8])

    tracemalloc.start()
    try:
        sizes = []
        for _ in range(2):
            for _ in range(20):
                calls()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 50_000, "bytes more after 20 rounds of calls"


def frames_per_step(depth):
    """Python frames of `fit` per step of a network of so many layers."""
    model = mlp(depth)
    x, y = np.repeat(X[:8], 20, axis=0), np.repeat(Y[:8], 20, axis=0)
    model.fit(x, y, 8, verbose=0)
    counts = []
    for steps in (5, 20):
        seen = [0]

        def count(frame, event, argument, seen=seen):
            seen[0] += event == "call"

        sys.setprofile(count)
        try:
            model.fit(x[: 8 * steps], y[: 8 * steps], 8, verbose=0)
        finally:
            sys.setprofile(None)
        counts.append(seen[0])
    return (counts[1] - counts[0]) / 15


def test_a_step_costs_few_frames_however_deep(engine):
    if engine.name == "theano":
        pytest.skip("the tests run its programs uncompiled, node by node")
    shallow, deep = frames_per_step(1), frames_per_step(12)
    assert abs(deep - shallow) < 1 and deep < 400


def test_sizes_that_are_no_sizes_are_refused():
    model, x, y = mlp(), X[:8], Y[:8]
    for given in ({"batch_size": 0}, {"batch_size": -1}, {"steps_per_epoch": 0}):
        with pytest.raises(ValueError, match="must be positive, got"):
            model.fit(x, y, verbose=0, **given)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        model.predict(x, batch_size=0, verbose=0)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        model.fit(iter([(x, y)]), steps_per_epoch=0, verbose=0)


def test_a_single_callback_needs_no_list():
    seen: list[int] = []
    model, x, y = mlp(), X[:8], Y[:8]
    model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch)))
    assert seen == [0, 1]
    with pytest.raises(TypeError, match="`callbacks` must be instances of `Callback`, got 'early'"):
        model.fit(x, y, verbose=0, callbacks=["early"])
