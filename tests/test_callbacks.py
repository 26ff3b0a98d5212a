"""Callbacks that set the learning rate, stop, and write files."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, utils

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def model(rate=0.1):
    utils.set_random_seed(1)
    made = cornu.Sequential([layers.Input((3,)), layers.Dense(1, kernel_initializer="zeros")])
    made.compile(cornu.optimizers.SGD(rate), "mse")
    return made


class Frozen(callbacks.Callback):
    """Puts values of its own in the logs."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["watched"] = self.values[epoch]


def rates(values, **kwargs):
    """The learning rate in each epoch, where `watched` goes through the values."""
    made = model()
    reduce = callbacks.ReduceLROnPlateau("watched", 0.5, **kwargs)
    history = made.fit(X, Y, epochs=len(values), verbose=0, callbacks=[Frozen(values), reduce])
    return (np.array(history.history["learning_rate"]) / 0.1).round(4).tolist()


def test_a_rate_that_a_schedule_sets_is_used(engine):
    """Steps of gradient descent with these rates, by NumPy."""
    made, w, b = model(), np.zeros((3, 1)), 0.0
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 if epoch == 0 else rate / 2)
    history = made.fit(X, Y, batch_size=24, epochs=3, verbose=0, callbacks=[schedule])
    for rate in (0.1, 0.05, 0.025):
        error = X @ w + b - Y
        w, b = w - rate * 2 * X.T @ error / len(X), b - rate * 2 * error.mean()
    np.testing.assert_allclose(made.get_weights()[0], w, rtol=1e-4)
    np.testing.assert_allclose(made.get_weights()[1], [b], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.05, 0.025], rtol=1e-6)


def test_a_schedule_of_the_epoch_alone(capsys):
    made = model()
    made.fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.01 * (epoch + 1), verbose=1)])
    assert float(made.optimizer.learning_rate.numpy()) == pytest.approx(0.02)
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.02" in capsys.readouterr().out


def test_a_schedule_that_gives_no_float():
    with pytest.raises(ValueError, match="must give a float, got None for epoch 0"):
        model().fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: None)])


def test_an_error_inside_a_schedule_is_not_taken_for_another_signature():
    def schedule(epoch, rate):
        raise TypeError("of its own")

    with pytest.raises(TypeError, match="of its own"):
        model().fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(schedule)])


def test_plateaus():
    assert rates([3, 2, 2, 2, 2, 2], patience=2) == [1, 1, 1, 1, 0.5, 0.5]
    assert rates([3, 2, 1, 0.5], patience=1) == [1, 1, 1, 1]
    assert rates([3, 2, 1.5, 1.2], patience=1, min_delta=2) == [1, 1, 0.5, 0.25]
    assert rates([3, 2, 1.5, 1.2], patience=1, epsilon=2) == [1, 1, 0.5, 0.25]  # as it was called once
    assert rates([1, 1, 1, 1, 1, 1], patience=1, cooldown=2) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert rates([1] * 6, patience=1, min_lr=0.03) == [1, 1, 0.5, 0.3, 0.3, 0.3]
    assert rates([1, 2, 3, 3, 3], patience=1, mode="max") == [1, 1, 1, 1, 0.5]


def test_bad_plateaus():
    with pytest.raises(ValueError, match="factor must be below 1"):
        callbacks.ReduceLROnPlateau(factor=1.0)
    with pytest.raises(ValueError, match="mode must be"):
        callbacks.ReduceLROnPlateau(mode="up")
    with pytest.raises(TypeError, match="no arguments patient"):
        callbacks.ReduceLROnPlateau(patient=3)


@pytest.mark.parametrize("kind", [callbacks.ReduceLROnPlateau, callbacks.EarlyStopping])
def test_an_unknown_monitor_warns_and_does_nothing(kind):
    trained = model()
    with pytest.warns(UserWarning, match=rf"{kind.__name__} monitors 'val_loss'.*Available: loss"):
        history = trained.fit(X, Y, epochs=3, verbose=0, callbacks=[kind(patience=1)])
    assert len(history.epoch) == 3 and len(set(history.history.get("learning_rate", [0]))) == 1


def test_a_loss_that_is_not_finite_stops(engine, capsys):
    heard = []
    bad = X.copy()
    bad[8:16] = np.nan
    hear = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append(batch))
    history = model().fit(bad, Y, 8, epochs=5, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(), hear])
    assert heard == [0, 1] and history.epoch == [0]
    assert "Batch 1: Invalid loss" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match=r"Batch 1.*nan"):
        model().fit(bad, Y, 8, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])


def test_a_table_of_the_logs(tmp_path):
    path, made = tmp_path / "log.csv", model()
    logger = callbacks.CSVLogger(path, separator=";")
    first = made.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), validation_freq=2, callbacks=[logger])
    made.fit(X, Y, epochs=1, verbose=0, callbacks=[logger])  # goes on
    rows = list(csv.DictReader(path.open(), delimiter=";"))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"] and list(rows[0]) == ["epoch", "loss", "val_loss"]
    assert [float(row["loss"]) for row in rows[:2]] == first.history["loss"]
    assert [rows[0]["val_loss"], float(rows[1]["val_loss"])] == ["NA", *first.history["val_loss"]]
    made.fit(X, Y, verbose=0, callbacks=[callbacks.CSVLogger(path)])
    assert len(path.read_text().splitlines()) == 2
    made.fit(X, Y, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    assert len(path.read_text().splitlines()) == 3


def test_the_progress_line_is_shown_once(capsys):
    model().fit(X, Y, verbose=1, callbacks=[callbacks.ProgbarLogger()])
    assert capsys.readouterr().out.count("1/1 ") == 1
