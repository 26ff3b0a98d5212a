"""Recurrent layers against loops over the equations."""

from __future__ import annotations

import numpy as np
import pytest

import cornu
from cornu import layers, ops, tree

RNG = np.random.default_rng(2)
STEPS = RNG.normal(size=(3, 5, 4)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 0, 1], [0, 1, 1, 1, 1]], bool)


def as_numpy(structure):
    return tree.map_structure(ops.convert_to_numpy, structure)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def simple(x, h, kernel, recurrent, bias=0):
    return np.tanh(x @ kernel + h @ recurrent + bias)


def gru(x, h, kernel, recurrent, bias=(0, 0)):
    units = h.shape[-1]
    xz, xr, xc = np.split(x @ kernel + bias[0], 3, -1)
    hz, hr, hc = np.split(h @ recurrent + bias[1], 3, -1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    assert hc.shape[-1] == units
    return z * h + (1 - z) * np.tanh(xc + r * hc)


def gru_reset_before(x, h, kernel, recurrent, bias=0):
    units = h.shape[-1]
    xz, xr, xc = np.split(x @ kernel + bias, 3, -1)
    hz, hr = np.split(h @ recurrent[:, : 2 * units], 2, -1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return z * h + (1 - z) * np.tanh(xc + (r * h) @ recurrent[:, 2 * units :])


def walk(step, weights, x, units=3, mask=None, reverse=False):
    """Outputs of all steps in the order of the input, and the last state."""
    h, outputs = np.zeros((len(x), units)), [None] * x.shape[1]
    for t in range(x.shape[1])[:: -1 if reverse else 1]:
        new = step(x[:, t], h, *weights)
        h = new if mask is None else np.where(mask[:, t, None], new, h)
        outputs[t] = h
    return np.stack(outputs, 1), h


CASES = [
    (layers.SimpleRNN, {}, simple), (layers.GRU, {}, gru), (layers.GRU, {"reset_after": False}, gru_reset_before),
    (layers.GRU, {"use_bias": False}, gru),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "step"), CASES)
def test_every_step_follows_the_equations(engine, live, kind, arguments, step):
    both = {"return_sequences": True, "return_state": True, "bias_initializer": "glorot_uniform"}
    layer, (y, h) = live(kind, {"units": 3, **both, **arguments}, STEPS)
    outputs, last = walk(step, layer.get_weights(), STEPS)
    close(y, outputs)
    close(h, last)
    outputs, last = walk(step, layer.get_weights(), STEPS, mask=MASK)
    y, h = as_numpy(layer(STEPS, mask=MASK))
    close(h, last)
    back, y = live(kind, {"units": 3, "go_backwards": True, "return_sequences": True, **arguments}, STEPS)
    close(y[:, ::-1], walk(step, back.get_weights(), STEPS, reverse=True)[0])


def test_initial_state_and_statefulness(engine):
    layer = layers.GRU(3)
    first = as_numpy(layer(STEPS[:, :2]))
    close(as_numpy(layer(STEPS[:, 2:], initial_state=[first])), as_numpy(layer(STEPS)))
    stateful = layers.GRU(3, stateful=True)
    stateful(STEPS[:, :2])
    stateful.set_weights(layer.get_weights())
    stateful.reset_state()
    stateful(STEPS[:, :2])
    close(as_numpy(stateful(STEPS[:, 2:])), as_numpy(layer(STEPS)))
    with pytest.raises(ValueError, match="fixed batch size"):
        layers.GRU(3, stateful=True)(layers.Input((5, 4)))


def test_dropout_is_one_decision_per_sequence(engine):
    layer = layers.SimpleRNN(3, dropout=0.5, recurrent_dropout=0.5, seed=3)
    same = np.repeat(STEPS[:, :1], 5, 1)
    off, on = as_numpy(layer(same)), as_numpy(layer(same, training=True))
    assert not np.allclose(off, on)
    lstm = layers.LSTM(3, recurrent_dropout=0.5, seed=3)
    assert not np.allclose(as_numpy(lstm(same)), as_numpy(lstm(same, training=True)))


def test_stacked_and_custom_cells(engine):
    class Minimal(layers.Layer):
        """h = x + 2 h"""

        state_size = 4

        def call(self, inputs, states):
            h = ops.add(inputs, ops.multiply(states[0] if isinstance(states, list) else states, 2.0))
            return h, [h]

    outputs, h = as_numpy(layers.RNN(Minimal(), return_sequences=True, return_state=True)(STEPS))
    close(outputs, walk(lambda x, h: x + 2 * h, [], STEPS, 4)[0])
    close(h, outputs[:, -1])
    stacked = layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)])
    y = as_numpy(stacked(STEPS))
    weights = stacked.get_weights()
    middle, _ = walk(gru, weights[:3], STEPS)
    close(y, walk(simple, weights[3:], middle, 2)[1])
    again = layers.RNN.from_config(stacked.get_config())
    again(STEPS)
    again.set_weights(weights)
    close(as_numpy(again(STEPS)), y)


def test_zero_output_for_masked_steps(engine):
    layer = layers.RNN(layers.SimpleRNNCell(3), return_sequences=True, zero_output_for_mask=True)
    y = as_numpy(layer(STEPS, mask=MASK))
    assert (y[~MASK] == 0).all() and (y[MASK] != 0).any()


@pytest.mark.parametrize("mode", ["concat", "sum", "ave", "mul", None])
def test_both_directions(engine, live, mode):
    inner = layers.GRU(3, return_sequences=True, name=f"gru_{mode}")
    layer = layers.Bidirectional(inner, merge_mode=mode)
    found = as_numpy(layer(STEPS))
    weights = layer.get_weights()
    a, b = walk(gru, weights[:3], STEPS)[0], walk(gru, weights[3:], STEPS, reverse=True)[0]
    expected = {"concat": np.concatenate([a, b], -1), "sum": a + b, "ave": (a + b) / 2, "mul": a * b, None: (a, b)}[mode]
    tree.map_structure(close, tuple(found) if mode is None else found, expected)
    config = layer.get_config()
    assert layers.Bidirectional.from_config(config).get_config()["merge_mode"] == mode


def test_each_step(engine, live):
    x = RNG.normal(size=(2, 3, 5, 4)).astype("float32")
    layer = layers.TimeDistributed(layers.Conv1D(2, 2))
    y = as_numpy(layer(x))
    inner = layers.Conv1D(2, 2)
    inner(x[:, 0])
    inner.set_weights(layer.get_weights())
    close(y, np.stack([as_numpy(inner(x[:, t])) for t in range(3)], 1))


def test_recurrent_networks_train(engine):
    model = cornu.Sequential([
        layers.Input((5, 4)), layers.Bidirectional(layers.GRU(4, return_sequences=True)), layers.TimeDistributed(layers.Dense(3)),
        layers.SimpleRNN(3), layers.Dense(1),
    ])  # fmt: skip
    model.compile("adam", "mse")
    history = model.fit(STEPS, STEPS[:, 0, :1], epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_a_stateful_model_goes_on_until_it_is_reset(engine):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    model = cornu.Sequential()
    model.add(layers.LSTM(5, input_shape=(3, 4), batch_size=2, stateful=True))
    assert model.input_shape == (2, 3, 4)
    first = model.predict(x, verbose=0)
    second = model.predict(x, verbose=0)
    assert np.abs(first - second).max() > 1e-3
    model.reset_states()
    np.testing.assert_allclose(model.predict(x, verbose=0), first, rtol=1e-5, atol=1e-6)
