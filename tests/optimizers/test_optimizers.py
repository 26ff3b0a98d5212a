"""Optimizers against hand-written updates and the traces of real Keras, on every engine."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cornu
from cornu import layers, ops, optimizers, utils
from cornu.optimizers import schedules
from cornu.variable import Variable

GRADS = [np.array([0.5, -2.0, 0.0], "float32") * k for k in (1.0, -0.3, 2.0, 0.7)]


def run(optimizer, steps=4):
    """Values of a variable, first [1, 2, 3], after each update by GRADS."""
    v = Variable(np.array([1.0, 2.0, 3.0], "float32"), name="kernel")
    seen = []
    for g in GRADS[:steps]:
        optimizer.apply([ops.convert_to_tensor(g)], [v])
        seen.append(v.numpy())
    return np.array(seen)


def sgd(rate, momentum=0.0, nesterov=False, grads=GRADS, decay=0.0):
    x, m, seen = np.array([1.0, 2.0, 3.0]), 0.0, []
    for g in grads:
        x = x - decay * rate * x
        m = momentum * m - rate * g
        x = x + (momentum * m - rate * g if nesterov else m)
        seen.append(x)
    return np.array(seen)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_sgd(engine):
    close(run(optimizers.SGD(0.1)), sgd(0.1))
    close(run(optimizers.SGD(0.1, momentum=0.9)), sgd(0.1, 0.9))
    close(run(optimizers.SGD(0.1, momentum=0.9, nesterov=True)), sgd(0.1, 0.9, True))
    close(run(optimizers.SGD(0.1, weight_decay=0.2)), sgd(0.1, decay=0.2))


def test_adam(engine):
    for amsgrad in (False, True):
        x, m, v, top, expected = np.array([1.0, 2.0, 3.0]), 0.0, 0.0, 0.0, []
        for t, g in enumerate(GRADS, 1):
            m, v = 0.8 * m + 0.2 * g, 0.99 * v + 0.01 * g**2
            top = np.maximum(top, v)
            rate = 0.1 * np.sqrt(1 - 0.99**t) / (1 - 0.8**t)
            x = x - rate * m / (np.sqrt(top if amsgrad else v) + 1e-7)
            expected.append(x)
        close(run(optimizers.Adam(0.1, beta_1=0.8, beta_2=0.99, amsgrad=amsgrad)), expected)


def test_rmsprop(engine):
    x, v, a, m, expected = np.array([1.0, 2.0, 3.0]), 0.0, 0.0, 0.0, []
    for g in GRADS:
        v, a = 0.9 * v + 0.1 * g**2, 0.9 * a + 0.1 * g
        m = 0.5 * m + 0.1 * g / np.sqrt(v - a**2 + 1e-7)
        x = x - m
        expected.append(x)
    close(run(optimizers.RMSprop(0.1, momentum=0.5, centered=True)), expected)


def test_clipping(engine):
    close(run(optimizers.SGD(0.1, clipvalue=0.4)), sgd(0.1, grads=[np.clip(g, -0.4, 0.4) for g in GRADS]))
    shrunk = [g * min(1, 0.9 / np.linalg.norm(g)) for g in GRADS]
    close(run(optimizers.SGD(0.1, clipnorm=0.9)), sgd(0.1, grads=shrunk))
    close(run(optimizers.SGD(0.1, global_clipnorm=0.9)), sgd(0.1, grads=shrunk))
    with pytest.raises(ValueError, match="Only one of"):
        optimizers.SGD(clipnorm=1.0, clipvalue=1.0)


def test_loss_scale(engine):
    optimizer = optimizers.SGD(0.1, loss_scale_factor=4.0)
    assert float(ops.convert_to_numpy(optimizer.scale_loss(ops.convert_to_tensor(2.0)))) == 8.0
    close(run(optimizer), sgd(0.1, grads=[g / 4 for g in GRADS]))


def test_accumulation(engine):
    pairs = [(GRADS[0] + GRADS[1]) / 2, (GRADS[2] + GRADS[3]) / 2]
    expected = sgd(0.1, 0.9, grads=pairs)
    optimizer = optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=2)
    close(run(optimizer), [[1, 2, 3], expected[0], expected[0], expected[1]])
    assert int(ops.convert_to_numpy(optimizer.iterations)) == 2


def test_moving_average(engine):
    plain, average, expected = sgd(0.1), None, []
    for x in plain:
        average = x if average is None else 0.6 * average + 0.4 * x
        expected.append(average)
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6)
    close(run(optimizer), plain)
    close(optimizer._averages[0].numpy(), expected[-1])
    optimizer.finalize_variable_values(optimizer._trainable)
    close(optimizer._trainable[0].numpy(), expected[-1])
    swapped = run(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.6, ema_overwrite_frequency=2), 2)
    close(swapped[1], expected[1])


@pytest.mark.parametrize("centered", [False, True])
def test_moving_average_beside_slots_of_its_own(engine, centered):
    plain = run(optimizers.RMSprop(0.1, centered=centered))
    optimizer = optimizers.RMSprop(0.1, centered=centered, use_ema=True, ema_momentum=0.5)
    close(run(optimizer), plain)
    close(optimizer._averages[0].numpy(), plain.T @ [0.125, 0.125, 0.25, 0.5])


def test_moving_average_counts_updates(engine):
    first, second = sgd(0.1, grads=[(GRADS[0] + GRADS[1]) / 2, (GRADS[2] + GRADS[3]) / 2])
    optimizer = optimizers.SGD(0.1, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.6)
    run(optimizer)
    close(optimizer._averages[0].numpy(), 0.6 * first + 0.4 * second)
    overwritten = optimizers.SGD(0.1, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.6, ema_overwrite_frequency=2)
    close(run(overwritten)[-1], 0.6 * first + 0.4 * second)


def test_fit_ends_with_the_average(engine):
    utils.set_random_seed(1)
    model = cornu.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    x = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    model.fit(x, x[:, :1], epochs=2, batch_size=4, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], model.optimizer._averages[0].numpy())


def test_decay_spares_what_is_excluded(engine):
    optimizer = optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    close(run(optimizer), run(optimizers.Adam(0.1)))
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


def test_decay_spares_given_variables_alone(engine):
    spared, other = (Variable(np.ones(2, "float32"), name=name) for name in ("kernel", "my_kernel"))
    optimizer = optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([spared])
    optimizer.apply([ops.zeros(2)] * 2, [spared, other])
    close([spared.numpy(), other.numpy()], [[1, 1], [0.95, 0.95]])


def test_constraint_after_update(engine):
    v = Variable(np.array([0.1, 2.0], "float32"))
    v.constraint = lambda w: ops.maximum(w, 0.0)
    optimizers.SGD(1.0).apply([ops.convert_to_tensor(np.array([1.0, 1.0], "float32"))], [v])
    close(v.numpy(), [0.0, 1.0])


def test_stateless(engine):
    optimizer, v = optimizers.SGD(0.1, momentum=0.9), Variable(np.array([1.0, 2.0, 3.0], "float32"))
    optimizer.build([v])
    values, state = [v.value], [s.value for s in optimizer.variables]
    for g, expected in zip(GRADS, sgd(0.1, 0.9), strict=True):
        values, state = optimizer.stateless_apply(state, [ops.convert_to_tensor(g)], values)
        close(ops.convert_to_numpy(values[0]), expected)
    close(v.numpy(), [1, 2, 3])


def test_learning_rate_can_be_changed(engine):
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate = 0.5
    close(run(optimizer), sgd(0.5))
    scheduled = optimizers.SGD(schedules.ExponentialDecay(0.1, 1, 0.5))
    with pytest.raises(TypeError, match="schedule"):
        scheduled.learning_rate = 0.5
    close(run(optimizers.SGD(lambda: 0.1)), sgd(0.1))


def test_what_is_wrong_is_named(engine):
    with pytest.raises(ValueError, match="not recognized by SGD: speed"):
        optimizers.SGD(speed=1)
    with pytest.raises(ValueError, match="gradient_accumulation_steps"):
        optimizers.SGD(gradient_accumulation_steps=1)
    with pytest.raises(ValueError, match="Unknown optimizer"):
        optimizers.get("sdg")
    with pytest.raises(ValueError, match=r"Not a name, .*: 3 \(as optimizer\)"):
        optimizers.get(3)
    for rate in (None, "0.1"):
        with pytest.raises(ValueError, match=r"learning_rate.*must be a number"):
            optimizers.SGD(rate)
    optimizer = optimizers.SGD()
    v, other = Variable(np.zeros(2, "float32")), Variable(np.zeros(2, "float32"), name="other")
    optimizer.build([v])
    with pytest.raises(ValueError, match="Unknown variables"):
        optimizer.apply([v.value], [other])
    with pytest.raises(ValueError, match="1 gradients for 2"):
        optimizer.apply([v.value], [v, other])
    with pytest.raises(TypeError, match="training has begun"):
        optimizer.learning_rate = schedules.ExponentialDecay(0.1, 10, 0.5)


@pytest.mark.parametrize("made", [
    optimizers.SGD(0.1, momentum=0.5, nesterov=True, clipnorm=2.0), optimizers.AdamW(0.1), optimizers.RMSprop(centered=True),
    optimizers.Adagrad(0.1, 0.2), optimizers.Adadelta(rho=0.9), optimizers.Adamax(beta_1=0.8), optimizers.Nadam(epsilon=1e-4),
    optimizers.Adam(schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3), use_ema=True),
])  # fmt: skip
def test_configs(made):
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(made))))
    assert again.get_config() == made.get_config()
    assert type(again) is type(made)


def test_serialized_as_keras_does():
    found = optimizers.serialize(optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.9), momentum=0.5))
    rate = found["config"].pop("learning_rate")
    assert {**found, "config": None} == {
        "module": "keras.optimizers",
        "class_name": "SGD",
        "config": None,
        "registered_name": None,
    }
    assert found["config"] == {
        "name": "sgd", "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None, "use_ema": False,
        "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None, "gradient_accumulation_steps": None,
        "momentum": 0.5, "nesterov": False,
    }  # fmt: skip
    assert rate["module"] == "keras.optimizers.schedules" and rate["registered_name"] is None


def test_schedules_of_real_keras(shared, engine):
    rows = json.loads((shared / "fixtures/traces/keras-3.15.1/schedules.json").read_text())
    assert len(rows) >= 6
    for row in rows:
        schedule = getattr(schedules, row["class_name"])(**row["config"])
        assert schedules.serialize(schedule) == row["serialized"]
        values = row["values"]
        pairs = values.items() if isinstance(values, dict) else zip(row.get("steps", range(len(values))), values, strict=True)
        for step, expected in pairs:
            found = ops.convert_to_numpy(ops.convert_to_tensor(schedule(int(step))))
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7, err_msg=f"{row['class_name']} {step}")


def _linear(x):
    return layers.Dense(2)(x)


def _mlp(x):
    x = layers.BatchNormalization(momentum=0.8)(layers.Dense(8, "relu", kernel_regularizer="l2")(x))
    return layers.Dense(3, "softmax")(layers.Dense(5, "tanh")(x))


def _attention(x):
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)]))
    return layers.Dense(1)(layers.Flatten()(layers.Dense(4, "gelu")(x)))


MODELS = {"linear": _linear, "mlp": _mlp, "attn": _attention}


@pytest.mark.parametrize("trace", [
    "linear/sgd", "linear/adam", "linear/accum", "mlp/rmsprop", "mlp/adamw", "mlp/schedule", "attn/rmsprop", "attn/adamw",
    "attn/schedule", "linear/adagrad", "linear/adamax", "mlp/adadelta", "mlp/nadam", "attn/adadelta", "attn/nadam",
])  # fmt: skip
def test_traces_of_real_keras(shared, engine, trace):
    """The same first weights and batch give the ten losses that real Keras saw."""
    rows = json.loads((shared / "fixtures/manifest.json").read_text())["fixtures"]
    row = next(r for r in rows if r["id"] == f"trace3/{trace}")
    arrays = np.load(shared / "fixtures" / row["arrays"])
    inputs = layers.Input(arrays["x0"].shape[1:])
    model = cornu.Model(inputs, MODELS[trace.partition("/")[0]](inputs))
    model.set_weights([arrays[k] for k in sorted(k for k in arrays.files if k.startswith("w"))])
    made = getattr(optimizers, row["optimizer"]["class_name"]).from_config(row["optimizer"]["config"])
    model.compile(made, row["loss"])
    found = [model.train_on_batch(arrays["x0"], arrays["y0"]) for _ in row["losses"]]
    np.testing.assert_allclose(found, row["losses"], rtol=row["rtol"], atol=row["atol"])
    if "test_loss_after" in row:
        np.testing.assert_allclose(model.test_on_batch(arrays["x0"], arrays["y0"]), row["test_loss_after"], rtol=1e-3, atol=1e-5)
