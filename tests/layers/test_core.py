"""Layers against NumPy, each through its whole life on every engine."""

from __future__ import annotations

import numpy as np
import pytest

import cornu
from cornu import layers, ops, tree

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(3, 4)).astype("float32")
STEPS = RNG.normal(size=(2, 5, 4)).astype("float32")
IMAGES = RNG.normal(size=(2, 7, 6, 4)).astype("float32")
TOKENS = RNG.integers(0, 6, (2, 5)).astype("int32")


def as_numpy(structure):
    return tree.map_structure(ops.convert_to_numpy, structure)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_dense(engine, live):
    for x in (ROWS, STEPS):
        layer, y = live(layers.Dense, {"units": 3, "activation": "relu", "bias_initializer": "ones"}, x)
        kernel, bias = layer.get_weights()
        close(y, np.maximum(x @ kernel + bias, 0))


def test_low_rank_adaptation(engine, live):
    layer, before = live(layers.Dense, {"units": 3, "lora_rank": 2, "lora_alpha": 6}, ROWS)
    kernel, bias, a, b = layer.get_weights()
    close(before, ROWS @ kernel + bias)
    assert [v.shape for v in layer.trainable_variables] == [(3,), (4, 2), (2, 3)]
    layer.set_weights([kernel, bias, a, b + 1])
    close(as_numpy(layer(ROWS)), ROWS @ (kernel + 6 / 2 * a @ (b + 1)) + bias)
    table = layers.Embedding(6, 3)
    table(TOKENS)
    table.enable_lora(2)
    rows, a, b = table.get_weights()
    table.set_weights([rows, a, b + 1])
    close(as_numpy(table(TOKENS)), (rows + a @ (b + 1))[TOKENS])
    with pytest.raises(ValueError, match="already enabled"):
        table.enable_lora(2)
    with pytest.raises(NotImplementedError, match="quantization_config"):
        layers.Dense(1, quantization_config={})


def test_embedding(engine, live):
    layer, y = live(layers.Embedding, {"input_dim": 6, "output_dim": 3, "mask_zero": True}, TOKENS)
    np.testing.assert_array_equal(y, layer.get_weights()[0][TOKENS])
    beyond = np.array([[-1, 5, 6, 99, -7, -99]], "int32")
    np.testing.assert_array_equal(as_numpy(layer(beyond)), layer.get_weights()[0][[[5, 5, 5, 5, 0, 0]]])


def test_activation_flatten_reshape(engine, live):
    close(live(layers.Activation, {"activation": "tanh"}, STEPS)[1], np.tanh(STEPS))
    np.testing.assert_array_equal(live(layers.Flatten, {}, IMAGES)[1], IMAGES.reshape(2, -1))
    np.testing.assert_array_equal(live(layers.Reshape, {"target_shape": (2, -1)}, STEPS)[1], STEPS.reshape(2, 2, 10))
    first = layers.Flatten(data_format="channels_first")(IMAGES)
    np.testing.assert_array_equal(as_numpy(first), np.moveaxis(IMAGES, 1, -1).reshape(2, -1))
    with pytest.raises(ValueError, match="can't be reshaped"):
        layers.Reshape((3, 3))(STEPS)


def test_merging(engine, live):
    close(live(layers.Add, {}, STEPS, 2 * STEPS, one_list=True)[1], 3 * STEPS)
    np.testing.assert_array_equal(
        live(layers.Concatenate, {"axis": 1}, STEPS, STEPS[:, :2], one_list=True)[1], np.concatenate([STEPS, STEPS[:, :2]], 1)
    )
    with pytest.raises(ValueError, match="list of at least 1 inputs"):
        layers.Add()(STEPS)


def test_convolution(engine, live):
    arguments = {"filters": 6, "kernel_size": (3, 2), "strides": 2, "padding": "same", "groups": 2, "bias_initializer": "ones"}
    layer, y = live(layers.Conv2D, arguments, IMAGES)
    kernel, bias = layer.get_weights()
    padded = np.pad(IMAGES, [(0, 0), (1, 1), (0, 0), (0, 0)])
    expected = np.zeros((2, 4, 3, 6))
    for i, j, f in np.ndindex(4, 3, 6):
        channels = slice(0, 2) if f < 3 else slice(2, 4)
        expected[:, i, j, f] = (padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 2, channels] * kernel[..., f]).sum((1, 2, 3)) + bias[
            f
        ]
    close(y, expected)
    other = layers.Conv2D(**arguments, data_format="channels_first")
    other(np.moveaxis(IMAGES, -1, 1))
    other.set_weights(layer.get_weights())
    close(np.moveaxis(as_numpy(other(np.moveaxis(IMAGES, -1, 1))), 1, -1), expected)


def test_pooling(engine, live):
    blocks = IMAGES[:, :6].reshape(2, 3, 2, 3, 2, 4)
    close(live(layers.MaxPooling2D, {"pool_size": 2}, IMAGES)[1], blocks.max((2, 4)))
    close(live(layers.AveragePooling2D, {"pool_size": 2}, IMAGES)[1], blocks.mean((2, 4)))
    same = live(layers.AveragePooling2D, {"pool_size": 2, "padding": "same"}, IMAGES)[1]
    close(same[:, 3, 0], IMAGES[:, 6, :2].mean(1))  # what lies outside does not count
    close(live(layers.GlobalAveragePooling2D, {"keepdims": True}, IMAGES)[1], IMAGES.mean((1, 2), keepdims=True))


def test_batch_normalization(engine, live):
    layer, y = live(layers.BatchNormalization, {"momentum": 0.9, "epsilon": 0.01}, STEPS)
    close(y, STEPS / np.sqrt(1.01))
    mean, variance = STEPS.mean((0, 1)), STEPS.var((0, 1))
    close(as_numpy(layer(STEPS, training=True)), (STEPS - mean) / np.sqrt(variance + 0.01))
    close(layer.moving_mean.numpy(), 0.1 * mean)
    close(layer.moving_variance.numpy(), 0.9 + 0.1 * variance)
    layer.trainable = False
    close(as_numpy(layer(STEPS, training=True)), (STEPS - 0.1 * mean) / np.sqrt(0.9 + 0.1 * variance + 0.01))


def test_batch_normalization_of_masked_steps(engine):
    mask = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 0, 1]], bool)
    layer = layers.BatchNormalization(momentum=0.0)
    layer(STEPS, training=True, mask=mask)
    close(layer.moving_mean.numpy(), STEPS[mask].mean(0))
    close(layer.moving_variance.numpy(), STEPS[mask].var(0))


def test_batch_renormalization(engine):
    layer = layers.BatchNormalization(renorm=True, renorm_momentum=0.8, momentum=0.9, renorm_clipping={"rmax": 1.1, "dmax": 0.2})
    mean, deviation = np.zeros(4), np.ones(4)
    for i in range(3):
        x = RNG.normal(size=(8, 4)) * 2 + i
        y = as_numpy(layer(x.astype("float32"), training=True))
        own = np.sqrt(x.var(0) + 0.001)
        r, d = np.clip(own / deviation, 0, 1.1), np.clip((x.mean(0) - mean) / deviation, -0.2, 0.2)
        close(y, (x - x.mean(0)) / own * r + d)
        mean, deviation = 0.8 * mean + 0.2 * x.mean(0), 0.8 * deviation + 0.2 * own
    close(layer.renorm_stddev.numpy(), deviation)
    with pytest.raises(ValueError, match="renorm_clipping"):
        layers.BatchNormalization(renorm=True, renorm_clipping={"max": 1})


def test_layer_normalization(engine, live):
    for axis, axes in ((-1, (2,)), ([1, 2], (1, 2))):
        _, y = live(layers.LayerNormalization, {"axis": axis, "epsilon": 0.01}, STEPS)
        mean, variance = STEPS.mean(axes, keepdims=True), STEPS.var(axes, keepdims=True)
        close(y, (STEPS - mean) / np.sqrt(variance + 0.01))
    layer, y = live(layers.LayerNormalization, {"rms_scaling": True, "center": False}, STEPS)  # as configs of Keras 3 have it
    close(y, STEPS / np.sqrt(STEPS.var(2, keepdims=True) + 0.001))
    assert layer.get_config()["rms_scaling"] is True


def test_dropout(engine, live):
    layer, y = live(layers.Dropout, {"rate": 0.4, "seed": 5}, ROWS)
    np.testing.assert_array_equal(y, ROWS)
    many = np.ones((200, 50), "float32")
    first, second = as_numpy(layer(many, training=True)), as_numpy(layer(many, training=True))
    assert not np.array_equal(first, second)
    np.testing.assert_allclose(np.unique(first), [0, 1 / 0.6], rtol=1e-6)
    assert abs((first == 0).mean() - 0.4) < 0.02
    rows = as_numpy(layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(many, training=True))
    assert all(len(set(row)) == 1 for row in rows)
    with cornu.engine("numpy"):
        again = layers.Dropout(0.4, seed=9)
        expected = as_numpy(again(many, training=True))
    again = layers.Dropout(0.4, seed=9)
    np.testing.assert_array_equal(as_numpy(again(many, training=True)), expected)
    with pytest.raises(ValueError, match="rate"):
        layers.Dropout(1.5)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _lstm(x, kernel, recurrent, bias, mask=None):
    h = c = np.zeros((len(x), recurrent.shape[0]))
    outputs = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=-1)
        new_c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        new_h = _sigmoid(o) * np.tanh(new_c)
        keep = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        h, c = np.where(keep, new_h, h), np.where(keep, new_c, c)
        outputs.append(h)
    return np.stack(outputs, 1), h, c


def test_lstm(engine, live):
    layer, (y, h, c) = live(layers.LSTM, {"units": 3, "return_sequences": True, "return_state": True}, STEPS)
    for found, expected in zip((y, h, c), _lstm(STEPS, *layer.get_weights()), strict=True):
        close(found, expected)
    np.testing.assert_array_equal(layer.get_weights()[2], np.repeat([0, 1, 0, 0], 3))
    back, y = live(layers.LSTM, {"units": 3, "go_backwards": True, "use_bias": False}, STEPS)
    close(y, _lstm(STEPS[:, ::-1], *back.get_weights(), 0)[1])
    mask = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 0, 1]], bool)
    close(as_numpy(back(STEPS, mask=mask)), _lstm(STEPS[:, ::-1], *back.get_weights(), 0, mask[:, ::-1])[1])


def test_stateful_lstm(engine):
    layer = layers.LSTM(3, stateful=True)
    layer(STEPS[:, :2])
    both = as_numpy(layer(STEPS[:, 2:]))
    close(both, _lstm(STEPS, *layer.get_weights())[1])
    layer.reset_state()
    close(as_numpy(layer(STEPS)), both)


def _attention(layer, query, value, mask=None):
    (wq, bq), (wk, bk), (wv, bv), (wo, bo) = np.array_split(np.array(layer.get_weights(), object), 4)
    q, k, v = (
        np.einsum("btd,dhk->bhtk", query, wq) + bq[:, None],
        np.einsum("bsd,dhk->bhsk", value, wk) + bk[:, None],
        np.einsum("bsd,dhk->bhsk", value, wv) + bv[:, None],
    )
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    scores = scores if mask is None else np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights = weights / weights.sum(-1, keepdims=True)
    return np.einsum("bhtk,hkd->btd", weights @ v, wo) + bo, weights


def test_attention(engine, live):
    values = RNG.normal(size=(2, 6, 4)).astype("float32")
    layer, y = live(
        layers.MultiHeadAttention,
        {"num_heads": 2, "key_dim": 3, "bias_initializer": "ones"},
        STEPS,
        values,
        untrained=["key/bias"],
    )
    close(y, _attention(layer, STEPS, values)[0])
    causal = np.tri(5, 6, dtype=bool)
    y, scores = layer(STEPS, values, use_causal_mask=True, return_attention_scores=True)
    expected, weights = _attention(layer, STEPS, values, causal)
    close(as_numpy(y), expected)
    close(as_numpy(scores), weights)
    near = layers.MultiHeadAttention(2, 3, sliding_window=2)
    y = near(STEPS, values, use_causal_mask=True)
    distance = np.abs(np.arange(5)[:, None] - np.arange(6))
    close(as_numpy(y), _attention(near, STEPS, values, causal & (distance < 2))[0])
    valid = RNG.random((2, 6)) < 0.7
    y = layer(STEPS, values, value_mask=valid)
    close(as_numpy(y), _attention(layer, STEPS, values, valid[:, None, None])[0])


def test_attention_along_chosen_axes(engine, live):
    layer, y = live(
        layers.MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "attention_axes": 2}, IMAGES, IMAGES, untrained=["key/bias"]
    )
    flat = IMAGES.reshape(-1, 6, 4)
    close(y, _attention(layer, flat, flat)[0].reshape(IMAGES.shape))
    layer, y = live(layers.MultiHeadAttention, {"num_heads": 2, "key_dim": 3}, IMAGES, IMAGES, untrained=["key/bias"])
    flat = IMAGES.reshape(2, -1, 4)
    close(y, _attention(layer, flat, flat)[0].reshape(IMAGES.shape))


def test_gated_attention_has_a_gate(engine, live):
    layer, y = live(
        layers.MultiHeadAttention, {"num_heads": 2, "key_dim": 3, "use_gate": True}, STEPS, STEPS, untrained=["key/bias"]
    )
    closed = [w - 1e4 if v.path == "gate/bias" else w for v, w in zip(layer.weights, layer.get_weights(), strict=True)]
    layer.set_weights(closed)
    close(as_numpy(layer(STEPS, STEPS)), np.zeros_like(y))


def test_masks_travel(engine):
    tokens = layers.Input((5,), dtype="int32")
    x = layers.Embedding(6, 4, mask_zero=True, name="table")(tokens)
    model = cornu.Model(tokens, layers.LSTM(3, name="lstm")(layers.Add()([x, x])))
    data = np.array([[1, 2, 0, 0, 0], [3, 0, 4, 5, 0]], "int32")
    found = model.predict(data, verbose=0)
    embedded = 2 * model.get_layer("table").get_weights()[0][data]
    close(found, _lstm(embedded, *model.get_layer("lstm").get_weights(), data != 0)[1])


def test_errors_name_the_layer(engine):
    with pytest.raises(ValueError, match=r"my_dense.*expected axis -1.*value 4"):
        layer = layers.Dense(2, name="my_dense")
        layer(ROWS)
        layer(ROWS[:, :3])
    with pytest.raises(ValueError, match="positive integer"):
        layers.Dense(0)
    with pytest.raises(ValueError, match="Unrecognized keyword arguments passed to Dense"):
        layers.Dense(2, unit=3)
    with pytest.raises(ValueError, match="padding"):
        layers.Conv2D(2, 3, padding="half")
    with pytest.raises(ValueError, match="expected ndim=3"):
        layers.LSTM(2)(ROWS)


def test_activity_and_weight_penalties(engine):
    layer = layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1", use_bias=False)
    y = as_numpy(layer(ROWS))
    activity, weights = (float(ops.convert_to_numpy(loss)) for loss in layer.losses)
    close(activity, 0.01 * np.abs(y).sum() / 3)
    close(weights, 0.01 * (layer.get_weights()[0] ** 2).sum())
