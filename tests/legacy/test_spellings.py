"""Old spellings: each becomes the call of today, with one warning; what changed its meaning is an error that explains."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

from cornu import constraints, initializers, layers, models, optimizers, regularizers, utils
from cornu.legacy.spellings import OldSpelling

pytestmark = pytest.mark.usefixtures("as_keras")


@pytest.fixture
def K():
    import keras

    return keras


def same(old, new):
    """Whether two layers have one config, but for the name."""
    drop = lambda layer: {**layer.get_config(), "name": None}  # noqa: E731
    return type(old) is type(new) and drop(old) == drop(new)


CALLS = [
    (lambda k: k.Dense(output_dim=4, init="uniform", bias=False), lambda: layers.Dense(4, kernel_initializer="uniform", use_bias=False)),
    (lambda k: k.Convolution2D(4, 3, 5, border_mode="same"), lambda: layers.Conv2D(4, (3, 5), padding="same")),
    (lambda k: k.Convolution2D(4, 3, 5, "he_normal", "relu"), lambda: layers.Conv2D(4, (3, 5), kernel_initializer="he_normal", activation="relu")),
    (lambda k: k.Convolution2D(4, (3, 5), strides=2), lambda: layers.Conv2D(4, (3, 5), strides=2)),
    (lambda k: k.Convolution2D(nb_filter=4, nb_row=3, nb_col=3, subsample=(2, 2), dim_ordering="th"),
     lambda: layers.Conv2D(4, (3, 3), strides=(2, 2), data_format="channels_first")),
    (lambda k: k.AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2)), lambda: layers.Conv2D(4, (3, 3), dilation_rate=(2, 2))),
    (lambda k: k.Convolution1D(nb_filter=4, filter_length=3, subsample_length=2, border_mode="same"),
     lambda: layers.Conv1D(4, 3, strides=2, padding="same")),
    (lambda k: k.Convolution3D(4, 2, 3, 1), lambda: layers.Conv3D(4, (2, 3, 1))),
    (lambda k: k.Deconvolution2D(4, 3, 3, (None, 8, 8, 4), subsample=(2, 2)), lambda: layers.Conv2DTranspose(4, (3, 3), strides=(2, 2))),
    (lambda k: k.LSTM(output_dim=4, inner_init="he_normal", inner_activation="hard_sigmoid", dropout_U=0.2, consume_less="gpu"),
     lambda: layers.LSTM(4, recurrent_initializer="he_normal", recurrent_activation="hard_sigmoid", recurrent_dropout=0.2)),
    (lambda k: k.LSTM(4, forget_bias_init="one"), lambda: layers.LSTM(4, unit_forget_bias=True)),
    (lambda k: k.MaxPooling1D(pool_length=3, stride=2), lambda: layers.MaxPooling1D(3, strides=2)),
    (lambda k: k.MaxPooling2D(dim_ordering="tf"), lambda: layers.MaxPooling2D(data_format="channels_last")),
    (lambda k: k.Dropout(p=0.3), lambda: layers.Dropout(0.3)),
    (lambda k: k.GaussianNoise(sigma=0.3), lambda: layers.GaussianNoise(0.3)),
    (lambda k: k.LeakyReLU(alpha=0.3), lambda: layers.LeakyReLU(0.3)),
    (lambda k: k.ThresholdedReLU(theta=0.5), lambda: layers.ReLU(threshold=0.5)),
    (lambda k: k.BatchNormalization(mode=0, gamma_init="ones"), lambda: layers.BatchNormalization(gamma_initializer="ones")),
    (lambda k: k.Embedding(10, 3, init="zeros", dropout=0.0), lambda: layers.Embedding(10, 3, embeddings_initializer="zeros")),
]  # fmt: skip


@pytest.mark.parametrize("old, new", CALLS)
def test_layers(K, old, new):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert same(old(K.layers), new())


def test_the_table_names_what_is_there():
    """Every new name in the tables is an argument of today's."""
    from cornu.legacy import table

    rows = [(getattr(layers, name), rules) for name, rules in table.LAYERS.items()]
    rows += [(getattr(layers, today), rules) for today, rules, *_ in table.OLD_LAYERS.values()]
    rows += [(getattr(optimizers, name), rules) for name, rules in table.OPTIMIZERS.items() if hasattr(optimizers, name)]
    rows += [(getattr(models.Model, name), rules) for name, rules in table.METHODS.items()]
    rows += [(getattr(module, name), rules) for module, names in table.FUNCTIONS.items() for name, rules in names.items()]
    wrong = [(owner, old, new) for owner, rules in rows for old, new in rules.items()
             if isinstance(new, str) and new not in inspect.signature(owner).parameters]  # fmt: skip
    assert not wrong


def test_one_warning_that_shows_the_form_of_today_at_the_line_of_the_script(K):
    with pytest.warns(OldSpelling) as told:
        for _ in range(3):
            K.layers.Dense(output_dim=4, activation="relu")
    assert len(told) == 1 and told[0].filename == __file__
    assert str(told[0].message) == "`Dense(output_dim=4)` is an old spelling: today it is `Dense(units=4)`."


def test_no_warning_for_the_spelling_of_today(K):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        K.layers.Dense(3, input_shape=(4,))
        K.layers.Conv2D(4, 3, padding="same")
        K.layers.Embedding(3, 2, weights=[np.ones((3, 2))])
        K.optimizers.Adam(0.1, epsilon=1e-3)
        K.Model(inputs=(x := K.Input((3,))), outputs=K.layers.Dense(2)(x))


ERRORS = [
    (lambda k: k.layers.Conv2D(4, 3, 3), r"kernel_size=\(3, 3\).*strides=3"),
    (lambda k: k.layers.Convolution2D(4, 3, 3, border_mode="full"), "border_mode='full'.*ZeroPadding"),
    (lambda k: k.layers.Convolution2D(4, nb_row=3), "all sizes"),
    (lambda k: k.layers.Dense(units=3, output_dim=4), "`units` is given twice"),
    (lambda k: k.layers.BatchNormalization(mode=1), "mode=1.*only mode 0"),
    (lambda k: k.layers.LSTM(3, forget_bias_init="zero"), "unit_forget_bias"),
    (lambda k: k.layers.Embedding(3, 4, dropout=0.2), "SpatialDropout1D"),
    (lambda k: k.layers.MaxoutDense(3), "no more.*Reshape"),
    (lambda k: k.layers.MaxPooling2D(dim_ordering="x"), "'th', 'tf'"),
    (lambda k: k.layers.merge([k.Input((2,))] * 2, mode="nosuch"), "nosuch.*concat"),
    (lambda k: k.Sequential().compile(target_tensors=[]), "target_tensors"),
]  # fmt: skip


@pytest.mark.parametrize("call, words", ERRORS)
def test_what_changed_its_meaning(K, call, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=words):
            call(K)


def test_old_names_are_the_classes_of_today(K):
    old = K.layers.Convolution2D
    assert isinstance(layers.Conv2D(2, 3), old)

    class Mine(old):
        pass

    assert issubclass(Mine, layers.Conv2D)


def test_nothing_is_taken_when_keras_does_not_mean_cornu():
    from cornu import as_keras

    as_keras.uninstall()
    with pytest.raises((TypeError, ValueError), match="output_dim"):
        layers.Dense(3, output_dim=4)
    assert not hasattr(models.Model, "fit_generator") and not hasattr(optimizers.Optimizer, "lr")
    as_keras.install()


@pytest.mark.filterwarnings("ignore")
class TestModels:
    def data(self):
        rng = np.random.default_rng(0)
        return rng.normal(size=(12, 4)).astype("float32"), np.eye(3, dtype="float32")[np.arange(12) % 3]

    def model(self, K, **options):
        model = K.Sequential([K.layers.Dense(3, activation="softmax", input_dim=4)])
        model.compile(loss="categorical_crossentropy", optimizer=K.optimizers.SGD(lr=0.1, **options), metrics=["acc"])
        return model

    def test_fit(self, K, engine):
        x, y = self.data()
        history = self.model(K).fit(x, y, nb_epoch=3, verbose=0)
        assert len(history.history["acc"]) == 3

    def test_generators(self, K):
        x, y = self.data()
        model, seen = self.model(K), []

        def batches():
            while True:
                for i in range(0, 12, 5):
                    seen.append(i)
                    yield x[i : i + 5], y[i : i + 5]

        model.fit_generator(batches(), samples_per_epoch=12, nb_epoch=2, verbose=0, max_q_size=1)
        assert seen[:6] == [0, 5, 10] * 2
        model.fit_generator(batches(), steps_per_epoch=2, epochs=1, verbose=0, validation_data=batches(), validation_steps=1)
        assert np.allclose(model.evaluate_generator(batches(), 3), model.evaluate(x, y, verbose=0), atol=1e-6)
        assert np.allclose(model.predict_generator(batches(), val_samples=12), model.predict(x, verbose=0), atol=1e-6)

    def test_classes(self, K):
        x, _ = self.data()
        model = self.model(K)
        assert np.array_equal(model.predict_classes(x), model.predict(x, verbose=0).argmax(1))
        assert np.array_equal(model.predict_proba(x), model.predict(x, verbose=0))

    def test_decay_is_that_of_keras_2(self, K, engine):
        """Against the formula: rate / (1 + decay * iterations)."""
        x, y = self.data()
        model = self.model(K, decay=0.5)
        w, losses = model.get_weights(), []
        for step in range(3):
            before = model.get_weights()
            model.train_on_batch(x, y)
            p = np.exp(x @ before[0] + before[1])
            p /= p.sum(1, keepdims=True)
            gradient = x.T @ (p - y) / len(x)
            assert np.allclose(model.get_weights()[0], before[0] - 0.1 / (1 + 0.5 * step) * gradient, atol=1e-5)
            losses.append(before)
        assert float(model.optimizer.lr.numpy()) == pytest.approx(0.1) and len(w) == 2

    def test_lr_is_the_rate_at_the_present_step(self, K, engine):
        x, y = self.data()
        model = self.model(K)
        optimizer = K.optimizers.SGD(K.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
        model.compile(optimizer, "mse")
        for step in range(3):
            assert float(K.backend.get_value(optimizer.lr)) == pytest.approx(0.1 * 0.5**step)
            model.train_on_batch(x, y)
        with pytest.raises(TypeError, match="follows a schedule"):
            optimizer.lr = 0.5
        decaying = K.optimizers.SGD(lr=0.1, decay=0.5)
        decaying.lr = 0.25
        assert float(K.backend.get_value(decaying.lr)) == pytest.approx(0.25)

    def test_merged_branches(self, K):
        left, right = K.Sequential([K.layers.Dense(2, input_dim=3)]), K.Sequential([K.layers.Dense(2, input_dim=4)])
        model = K.Sequential()
        model.add(K.layers.Merge([left, right], mode="concat"))
        model.add(K.layers.Dense(1))
        model.compile("sgd", "mse")
        a, b = np.ones((5, 3), "float32"), np.ones((5, 4), "float32")
        model.fit([a, b], np.zeros((5, 1)), nb_epoch=1, verbose=0)
        inner = np.concatenate([left.predict(a, verbose=0), right.predict(b, verbose=0)], 1)
        assert np.allclose(model.predict([a, b], verbose=0), inner @ model.layers[-1].get_weights()[0] + model.layers[-1].get_weights()[1], atol=1e-6)

    @pytest.mark.parametrize("mode, expected", [
        ("sum", lambda a, b: a + b), ("mul", lambda a, b: a * b), ("ave", lambda a, b: (a + b) / 2), ("max", np.maximum),
        ("concat", lambda a, b: np.concatenate([a, b], -1)), ("dot", lambda a, b: (a * b).sum(-1, keepdims=True)),
        ("cos", lambda a, b: (a * b).sum(-1, keepdims=True) / np.linalg.norm(a, axis=-1, keepdims=True) / np.linalg.norm(b, axis=-1, keepdims=True)),
        (lambda xs: xs[0] - xs[1], lambda a, b: a - b),
    ])  # fmt: skip
    def test_merge(self, K, mode, expected):
        a, b = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("float32")
        i, j = K.Input(shape=(3,)), K.Input(shape=(3,))
        model = K.Model(input=[i, j], output=K.layers.merge([i, j], mode=mode))
        assert np.allclose(model.predict([a, b], verbose=0), expected(a, b), atol=1e-5)

    def test_weights_to_begin_with(self, K):
        kernel = np.arange(6.0).reshape(3, 2)
        model = K.Sequential([K.layers.Dense(2, weights=[kernel, np.ones(2)], input_dim=3)])
        assert np.allclose(model.predict(np.ones((1, 3)), verbose=0), kernel.sum(0) + 1)

    def test_inputs_of_recurrent_layers(self, K):
        model = K.Sequential([K.layers.LSTM(2, input_dim=3, input_length=5), K.layers.Dense(1)])
        assert model.input_shape == (None, 5, 3)

    def test_layers_of_keras_1(self, K):
        """A custom layer that sets `trainable_weights`, and one that calls `add_weight` by position as in Keras 2."""

        class Scale(K.layers.Layer):
            def build(self, input_shape):
                self.a = self.add_weight("a", (input_shape[-1],), initializer="ones")
                self.b = cornu_variable(np.ones(input_shape[-1], "float32"))
                self.trainable_weights = [self.a, self.b]
                super().build(input_shape)

            def call(self, x, mask=None):
                return x * self.a + self.b

        from cornu.variable import Variable as cornu_variable

        model = K.Sequential([Scale(input_shape=(3,))])
        assert np.allclose(model.predict(np.ones((2, 3)), verbose=0), 2) and len(model.trainable_weights) == 2


def test_functions(K):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert K.regularizers.l1l2(l1=0.1, l2=0.2).get_config() == regularizers.L1L2(0.1, 0.2).get_config()
        assert K.regularizers.l2(l=0.3).get_config() == regularizers.L2(0.3).get_config()
        assert K.constraints.maxnorm(m=3).get_config() == constraints.MaxNorm(3).get_config()
        assert K.initializers.normal(scale=0.5).get_config() == initializers.RandomNormal(stddev=0.5).get_config()
        assert np.array_equal(K.utils.np_utils.to_categorical([0, 1], nb_classes=3), utils.to_categorical([0, 1], 3))
        assert isinstance(K.optimizers.adam(lr=0.5), optimizers.Adam)
    assert K.losses.mse is K.losses.mean_squared_error and K.losses.get("kullback_leibler_divergence") is K.losses.kl_divergence


def test_a_spelling_warns_once_whatever_else_is_given(as_keras):
    from keras.layers import Dense

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Dense(output_dim=3, activation="relu")
        Dense(output_dim=4, name="other", use_bias=False)
        Dense(3, init="zeros")
    assert len(caught) == 2
