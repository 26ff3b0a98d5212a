"""`model.export`: ONNX files that give what `predict` gives, for any batch size."""

import numpy as np
import pytest

import cornu
from cornu import layers as L
from cornu import ops, utils
from cornu import primitives as P

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def run(path, *inputs):
    """What a plain session gives."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {x.name: array for x, array in zip(session.get_inputs(), inputs, strict=True)})


def floats(batch, *shape):
    return np.random.default_rng([batch, *shape]).normal(size=(batch, *shape)).astype("float32")


def check(model, path, make, batches=(1, 2, 7)):
    """The file against `predict`; `make(batch)` gives the inputs."""
    model.export(path)
    onnx.checker.check_model(str(path), full_check=True)
    for batch in batches:
        inputs = make(batch)
        wanted = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        for got, right in zip(run(path, *inputs), wanted if isinstance(wanted, list) else [wanted], strict=True):
            np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-5)


def test_on_every_engine(engine, tmp_path):
    model = cornu.Sequential([L.Input((5,)), L.Dense(8, activation="gelu"), L.Dropout(0.5), L.Dense(3, activation="softmax")])
    check(model, tmp_path / "model.onnx", lambda batch: [floats(batch, 5)])


def attention():
    tokens = L.Input((6,), dtype="int32")
    x = L.Embedding(30, 8, mask_zero=True)(tokens)
    x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 4)(x, x)]))
    return cornu.Model(tokens, L.Dense(3)(L.Flatten()(x)))


MODELS = {
    "convolutions": (
        lambda: cornu.Sequential([
            L.Input((12, 12, 2)), L.Conv2D(4, 3, strides=2, padding="same", activation="relu"), L.BatchNormalization(),
            L.MaxPooling2D(2), L.Conv2D(6, 2, dilation_rate=2), L.AveragePooling2D(1), L.GlobalAveragePooling2D(), L.Dense(3),
        ]),
        (12, 12, 2),
    ),
    "lstm": (lambda: cornu.Sequential([L.Input((6, 4)), L.LSTM(5, return_sequences=True), L.LSTM(3)]), (6, 4)),
    "reshapes": (lambda: cornu.Sequential([L.Input((4, 6)), L.Reshape((3, 8)), L.Activation("softmax"), L.Flatten()]), (4, 6)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models(name, tmp_path):
    with cornu.engine("numpy"):
        utils.set_random_seed(0)
        make, shape = MODELS[name]
        check(make(), tmp_path / "model.onnx", lambda batch: [floats(batch, *shape)])


def test_attention_over_tokens(tmp_path):
    with cornu.engine("numpy"):
        check(
            attention(),
            tmp_path / "model.onnx",
            lambda batch: [np.random.default_rng(batch).integers(0, 30, (batch, 6)).astype("int32")],
        )


def test_batch_normalization_after_training(tmp_path):
    """The file holds the moving averages."""
    with cornu.engine("numpy"):
        model = cornu.Sequential([L.Input((4,)), L.BatchNormalization(momentum=0.5), L.Dense(2)])
        model.compile("sgd", "mse")
        model.fit(floats(16, 4) * 3 + 1, floats(16, 2), epochs=2, verbose=0)
        check(model, tmp_path / "model.onnx", lambda batch: [floats(batch, 4)])


def test_several_inputs_and_outputs(tmp_path):
    with cornu.engine("numpy"):
        one, two = L.Input((3,), name="one"), L.Input((3, 2), name="two")
        both = L.Concatenate()([one, L.Flatten()(two)])
        model = cornu.Model([one, two], [L.Dense(2, name="first")(both), ops.sum(two, axis=1)])
        path = tmp_path / "model.onnx"
        check(model, path, lambda batch: [floats(batch, 3), floats(batch, 3, 2)])
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [x.name for x in session.get_inputs()] == ["one", "two"]
    assert session.get_outputs()[0].name == "first"
    assert [x.shape[0] for x in [*session.get_inputs(), *session.get_outputs()]] == ["batch"] * 4


def test_sizes_that_follow_from_the_batch(tmp_path):
    """Tensors made for each sample, flat ones, and slices to the end."""

    class Odd(L.Layer):
        def call(self, x):
            batch = ops.shape(x)[0]
            ramp = ops.cast(ops.arange(batch), "float32")
            flat = ops.reshape(x, (-1,))
            back = ops.reshape(flat, (batch * 2, -1))
            extended = ops.concatenate([back, ops.zeros((batch, 2)), ops.ones((1, 2))], axis=0)
            return ops.reshape(extended[:-1], (batch, 6)) * ramp[:, None] + ops.broadcast_to(ramp[None, :1], (batch, 1))

    with cornu.engine("numpy"):
        inputs = L.Input((4,))
        check(cornu.Model(inputs, Odd()(inputs)), tmp_path / "model.onnx", lambda batch: [floats(batch, 4)])


def test_weights_have_their_names(tmp_path):
    with cornu.engine("numpy"):
        model = cornu.Sequential([L.Input((4,)), L.Dense(2, name="head")])
        model.export(tmp_path / "model.onnx")
    names = {tensor.name for tensor in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert any("head" in name and "kernel" in name for name in names)


def test_a_subclass_needs_a_signature(tmp_path):
    class Mine(cornu.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(2)

        def call(self, x):
            return self.dense(x) * 2

    with cornu.engine("numpy"):
        model = Mine()
        model.predict(floats(2, 3), verbose=0)
        with pytest.raises(ValueError, match="input_signature"):
            model.export(tmp_path / "model.onnx")
        model.export(tmp_path / "model.onnx", input_signature=[cornu.KerasTensor((None, 3))])
        np.testing.assert_allclose(
            run(tmp_path / "model.onnx", floats(5, 3))[0], model.predict(floats(5, 3), verbose=0), rtol=1e-5
        )


def dense():
    return cornu.Sequential([L.Input((4,)), L.Dense(2)])


class Factors(L.Layer):
    def call(self, x):
        return P.svd(P.reshape(x, shape=(*x.shape, 1)), full_matrices=False)[0]


def test_refusals(tmp_path):
    with cornu.engine("numpy"):
        with pytest.raises(ValueError, match="'onnx', not as 'tf_saved_model'"):
            dense().export(tmp_path / "model")
        with pytest.raises(ValueError, match="at least version"):
            dense().export(tmp_path / "model.onnx", opset_version=9)
        open_length = cornu.Sequential([L.Input((None, 4)), L.LSTM(3)])
        with pytest.raises(ValueError, match="Only the batch size can stay open"):
            open_length.export(tmp_path / "model.onnx")
        inputs = L.Input((4,))
        with pytest.raises(ValueError, match=r"for any batch size: .*batch"):
            cornu.Model(inputs, inputs - ops.mean(inputs)).export(tmp_path / "model.onnx")
        with pytest.raises(ValueError, match=r"ONNX has no form of .*svd"):
            cornu.Model(inputs, Factors()(inputs)).export(tmp_path / "model.onnx")
        assert list(tmp_path.iterdir()) == []
