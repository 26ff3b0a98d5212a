"""Training: the same numbers on every engine, moving between engines, custom steps, and what users get wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cornu
from cornu import callbacks, layers, ops, optimizers, utils
from cornu.contract import registry
from cornu.training.data import unpack_x_y_sample_weight

X = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")
Y = (X[:, :1] - 2 * X[:, 1:2] + 0.5).astype("float32")
LABELS = (X[:, 0] > 0).astype("int32") + (X[:, 1] > 0)


def mlp(seed=1, **compile_args):
    utils.set_random_seed(seed)
    model = cornu.Sequential([layers.Input((6,)), layers.Dense(8, activation="tanh"), layers.Dropout(0.2), layers.Dense(1)])
    model.compile(**{"optimizer": "adam", "loss": "mse", **compile_args})
    return model


def losses_of(model, **kwargs):
    return model.fit(X, Y, batch_size=16, epochs=3, verbose=0, **kwargs).history["loss"]


def test_same_seed_same_losses_as_numpy(engine):
    found = losses_of(mlp())
    with cornu.engine("numpy"):
        expected = losses_of(mlp())
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_training_lowers_the_loss(engine):
    history = losses_of(mlp(optimizer=optimizers.SGD(0.05, momentum=0.9)))
    assert history[-1] < 0.7 * history[0]


def test_moving_goes_on_where_it_was():
    """An epoch on each engine installed, one after the other, loses what as many epochs on NumPy lose."""
    names = [name for name in registry.names() if registry.is_installed(name)]

    def epochs(homes):
        with cornu.engine("numpy"):
            model = mlp(optimizer=optimizers.Adam(0.02, epsilon=1e-4))
        for home in homes:
            model.to(home)
            assert {v.engine.name for v in [*model.variables, *model.optimizer.variables]} == {home}
            yield model.fit(X, Y, batch_size=16, epochs=1, verbose=0).history["loss"][0]

    np.testing.assert_allclose(list(epochs(names)), list(epochs(["numpy"] * len(names))), rtol=1e-5)


def test_two_models_on_two_engines_in_turn(engine):
    with cornu.engine("numpy"):
        other = mlp()
    own = mlp()
    assert type(own) is type(other)
    for _ in range(2):
        np.testing.assert_allclose(losses_of(own)[0] > 0, losses_of(other)[0] > 0)
    assert {v.engine.name for v in own.variables} == {engine.name}
    assert {v.engine.name for v in other.variables} == {"numpy"}


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_classification(engine, loss):
    utils.set_random_seed(3)
    model = cornu.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")])
    model.compile(optimizers.Adam(0.02), loss, metrics=["accuracy"])
    y = LABELS if loss.startswith("sparse") else utils.to_categorical(LABELS, 3)
    history = model.fit(X, y, epochs=25, batch_size=16, verbose=0, validation_split=0.25)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history["accuracy"][-1] > 0.8


def test_functional_model_with_two_inputs_and_outputs(engine):
    a, b = layers.Input((6,), name="a"), layers.Input((6,), name="b")
    both = layers.Concatenate()([a, b])
    model = cornu.Model([a, b], [layers.Dense(1, name="first")(both), layers.Dense(1, name="second")(layers.Add()([a, b]))])
    model.compile("rmsprop", ["mse", "mae"], loss_weights=[1.0, 0.5])
    logs = model.train_on_batch([X, X], [Y, Y], return_dict=True)
    assert set(logs) == {"loss", "first_loss", "second_loss"}
    assert logs["loss"] == pytest.approx(logs["first_loss"] + 0.5 * logs["second_loss"], rel=1e-5)


def test_custom_train_step_names_no_engine(engine):
    class Custom(cornu.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x, training=None):
            return self.dense(x)

        def train_step(self, data):
            x, y, _ = unpack_x_y_sample_weight(data)
            loss, grads = cornu.value_and_grad(
                lambda: ops.mean(ops.square(self(x, training=True) - y)), self.trainable_variables
            )()
            self.optimizer.apply(grads, self.trainable_variables)
            return {"mine": loss}

    model = Custom()
    model.compile("sgd", "mse")
    history = model.fit(X, Y, batch_size=len(X), epochs=3, verbose=0).history
    assert list(history) == ["mine"] and history["mine"][-1] < history["mine"][0]


def test_layers_of_sequences_train(engine):
    tokens = np.random.default_rng(1).integers(0, 9, (12, 5))
    x = inputs = layers.Input((5,), dtype="int32")
    x = layers.Embedding(9, 8, mask_zero=True)(x)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)]))
    model = cornu.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.LSTM(4)(x)))
    model.compile(optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(tokens, (tokens[:, :1] > 4).astype("float32"), epochs=6, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_images_with_batch_normalization(engine):
    images = np.random.default_rng(2).normal(size=(8, 6, 6, 2)).astype("float32")
    model = cornu.Sequential([
        layers.Conv2D(4, 3, activation="relu", padding="same"), layers.BatchNormalization(momentum=0.5),
        layers.AveragePooling2D(),
        layers.GlobalAveragePooling2D(), layers.Dense(1),
    ])  # fmt: skip
    model.compile("adam", "mse")
    before = None
    for _ in range(2):
        model.train_on_batch(images, np.ones((8, 1)))
        moving = model.layers[1].moving_mean.numpy()
        assert before is None or not np.allclose(before, moving)
        before = moving


def test_weights_and_early_stopping(engine):
    model = mlp()
    weights = model.get_weights()
    stop = callbacks.EarlyStopping("loss", min_delta=100, patience=1, restore_best_weights=True)
    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=[stop], class_weight=None).epoch) == 2
    model.set_weights(weights)
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])
    with pytest.raises(ValueError, match="not compatible"):
        model.set_weights([w.T[:1] for w in weights])


def test_predict_in_batches_equals_one_call(engine):
    model = mlp()
    np.testing.assert_allclose(model.predict(X, batch_size=7, verbose=0), model.predict_on_batch(X), rtol=1e-5, atol=1e-6)
    for _ in range(2):
        np.testing.assert_allclose(model.predict(X[:1], verbose=0), model.predict_on_batch(X)[:1], rtol=1e-4, atol=1e-6)


def test_predictions_are_arrays_of_their_own(engine):
    model = cornu.Sequential([layers.Input((6,)), layers.Dropout(0.5)])
    x = X[:8].copy()
    for predict in (model.predict_on_batch, lambda x: model.predict(x, verbose=0), lambda x: model.predict(x, verbose=0)):
        predict(x)[:] = 7
        np.testing.assert_array_equal(x, X[:8])


def test_an_output_without_a_loss(engine):
    x = layers.Input((6,))
    model = cornu.Model(x, [layers.Dense(1, name="first")(x), layers.Dense(1, name="second")(x)])
    model.compile("sgd", {"second": "mse"})
    logs = model.test_on_batch(X, [Y, Y], return_dict=True)
    assert set(logs) == {"loss"}
    assert logs["loss"] == pytest.approx(np.mean((model.predict(X, verbose=0)[1] - Y) ** 2), rel=1e-5)


def test_errors():
    with cornu.engine("numpy"):
        model = cornu.Sequential([layers.Dense(1)])
        with pytest.raises(ValueError, match="compile"):
            model.fit(X, Y)
        model.compile("adam", "mse")
        with pytest.raises(ValueError, match="ambiguous"):
            model.fit(X, Y[:3], verbose=0)
        with pytest.raises(ValueError, match="Unknown optimizer"):
            model.compile("adamant")
        with pytest.raises(ValueError, match="incompatible"):
            cornu.Sequential([layers.Input((3,)), layers.Dense(1)])(np.ones((2, 4), "float32"))


# How Keras 3.15 and we came out on the same batch, ten updates long.
TRACES = [("linear", "sgd"), ("linear", "adam"), ("mlp", "rmsprop"), ("cnn", "adam"), ("cnn", "sgd")]


@pytest.mark.parametrize(("arch", "optimizer"), TRACES)
def test_traces_of_real_keras(shared, arch, optimizer):
    rows = json.loads((shared / "fixtures/manifest.json").read_text())["fixtures"]
    row = next(r for r in rows if r["id"] == f"trace3/{arch}/{optimizer}")
    config = json.loads((shared / "fixtures" / row["files"]["config"]).read_text())
    arrays = np.load(shared / "fixtures" / row["arrays"])
    supported = {"Dense", "Conv2D", "MaxPooling2D", "AveragePooling2D", "Flatten", "Activation", "GlobalAveragePooling2D"}
    layers_of = [c for c in config["config"]["layers"] if c["class_name"] != "InputLayer"]
    if config["class_name"] != "Sequential" or not {c["class_name"] for c in layers_of} <= supported:
        pytest.skip("the architecture has layers that are not there yet")
    with cornu.engine("numpy"):
        stack = []
        for c in layers_of:
            kind = getattr(layers, c["class_name"])
            known = kind.__init__.__code__.co_varnames
            given = {k: v for k, v in c["config"].items() if k in known and not isinstance(v, dict) and k != "dtype"}
            stack.append(kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}))
        model = cornu.Sequential(stack)
        model.build((None, *arrays["x0"].shape[1:]))
        model.set_weights([arrays[k] for k in sorted(k for k in arrays.files if k.startswith("w"))])
        settings = row["optimizer"]["config"]
        unused = ("use_ema", "ema_momentum", "ema_overwrite_frequency", "gradient_accumulation_steps")
        made = getattr(optimizers, row["optimizer"]["class_name"])(**{k: v for k, v in settings.items() if k not in unused})
        model.compile(made, row["loss"])
        found = [model.train_on_batch(arrays["x0"], arrays["y0"]) for _ in row["losses"]]
    np.testing.assert_allclose(found, row["losses"], rtol=row["rtol"], atol=row["atol"])


def test_masked_steps_do_not_count_in_the_loss(engine):
    tokens = layers.Input((4,), dtype="int32")
    x = layers.LSTM(3, return_sequences=True)(layers.Embedding(6, 2, mask_zero=True)(tokens))
    model = cornu.Model(tokens, layers.Dense(1)(x))
    model.compile("sgd", "mse")
    data = np.array([[1, 2, 0, 0], [3, 4, 5, 0]], "int32")
    target = np.arange(8, dtype="float32").reshape(2, 4, 1)
    each = (model.predict(data, verbose=0) - target)[..., 0] ** 2
    found = model.test_on_batch(data, target)
    np.testing.assert_allclose(found, each[data != 0].mean(), rtol=1e-5)
    weight = np.array([1.0, 3.0], "float32")
    expected = (each * weight[:, None])[data != 0].sum() / (data != 0).sum()
    np.testing.assert_allclose(model.test_on_batch(data, target, sample_weight=weight), expected, rtol=1e-5)
    np.testing.assert_allclose(model.train_on_batch(data, target), found, rtol=1e-5)


def test_predict_before_fit(engine):
    model = mlp(metrics=["mae"])
    model.predict(X, verbose=0)
    assert set(model.fit(X, Y, verbose=0).history) == {"loss", "mae"}


def moved(model):
    """Which weights a step of training changes."""
    before = model.get_weights()
    model.fit(np.ones((4, 3), "float32"), np.full((4, 1), 9, "float32"), verbose=0)
    return [bool((old != new).any()) for old, new in zip(before, model.get_weights(), strict=True)]


def test_trainable_counts_from_the_next_compile_on(engine):
    """As in Keras: what was compiled goes on as it was."""
    model = cornu.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert moved(model) == [True] * 4
    model.layers[0].trainable = False
    assert moved(model) == [True] * 4
    model.compile("sgd", "mse")
    assert moved(model) == [False, False, True, True]
    model.layers[0].trainable = True
    assert moved(model) == [False, False, True, True]
    model.compile("sgd", "mse")
    assert moved(model) == [True] * 4


def test_trained_as_it_was_compiled(engine):
    """The two networks of a GAN: one is compiled, then frozen inside the other. Batches of another size change nothing."""
    judge = cornu.Sequential([layers.Input((3,)), layers.Dense(1)])
    judge.compile("sgd", "mse")
    judge.trainable = False
    maker = cornu.Sequential([layers.Input((3,)), layers.Dense(3), judge])
    maker.compile("sgd", "mse")
    for size in (4, 3):
        x, y = np.ones((size, 3), "float32"), np.full((size, 1), 9, "float32")
        before = maker.get_weights()
        maker.train_on_batch(x, y)
        between = maker.get_weights()
        judge.train_on_batch(x, y)
        after = maker.get_weights()
        assert [(a != b).any() for a, b in zip(before, between, strict=True)] == [True, True, False, False]
        assert [(a != b).any() for a, b in zip(between, after, strict=True)] == [False, False, True, True]


def test_layers_added_and_taken_off_after_training(engine):
    model = cornu.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    x = np.ones((4, 3), "float32")
    assert model.predict(x, verbose=0).shape == (4, 2)
    model.add(layers.Dense(1))
    assert model.predict(x, verbose=0).shape == (4, 1)
    assert moved(model) == [True] * 4
    model.pop()
    assert model.predict(x, verbose=0).shape == (4, 2)
    model.add(layers.Dense(1))
    with pytest.raises(ValueError, match=r"Unknown variables.*compile again"):  # the optimizer knows the layer that is gone
        moved(model)
    model.compile("sgd", "mse")
    assert moved(model) == [True] * 4
