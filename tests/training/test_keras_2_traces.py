"""Training and prediction as Keras 2.3.1 on Theano and on CNTK did them, on Cornu's engines of those names and on NumPy.

Left out until Cornu has them: models whose file must be read as a whole. The files of convolutional networks written on Theano
hold kernels turned round and its own padding: reading files is the place for that.
"""

import json

import numpy as np
import pytest

import cornu
from cornu import layers, ops, optimizers, regularizers
from cornu.contract import registry

# Some rules have changed since: the old RMSprop and Adagrad added epsilon to the root, the latter began at zero, Nadam's momentum
# grew slowlier, and `hard_sigmoid` was steeper.


class OldRMSprop(optimizers.RMSprop):
    """The learning rate times gradient / (root + epsilon)."""

    def update_step(self, gradient, variable, learning_rate):
        slot = self._velocities[self._index[variable]]
        velocity = ops.add(ops.multiply(slot, self.rho), ops.multiply(ops.square(gradient), 1 - self.rho))
        slot.assign(velocity)
        variable.assign(
            ops.subtract(variable, ops.divide(ops.multiply(gradient, learning_rate), ops.add(ops.sqrt(velocity), self.epsilon)))
        )


class OldAdagrad(optimizers.Adagrad):
    """The learning rate times gradient / (root + epsilon)."""

    def update_step(self, gradient, variable, learning_rate):
        slot = self._accumulated[self._index[variable]]
        total = ops.add(slot, ops.square(gradient))
        slot.assign(total)
        variable.assign(
            ops.subtract(variable, ops.divide(ops.multiply(gradient, learning_rate), ops.add(ops.sqrt(total), self.epsilon)))
        )


class OldNadam(optimizers.Nadam):
    """Its momentum grows by `schedule_decay`."""

    def momentum(self, step):
        return super().momentum(ops.multiply(step, 0.004))


def old_hard_sigmoid(x):
    return ops.clip(ops.add(ops.multiply(x, 0.2), 0.5), 0.0, 1.0)


OPTIMIZERS = {
    "SGD": optimizers.SGD, "Adam": optimizers.Adam, "Adadelta": optimizers.Adadelta, "Adamax": optimizers.Adamax,
    "RMSprop": OldRMSprop, "Adagrad": lambda **config: OldAdagrad(initial_accumulator_value=0.0, **config), "Nadam": OldNadam,
}  # fmt: skip


def mlp():
    first = layers.Dense(8, "relu", kernel_regularizer=regularizers.L2(0.01))
    norm = layers.BatchNormalization(momentum=0.8, epsilon=1e-3)
    return cornu.Sequential([layers.Input((6,)), first, norm, layers.Dense(5, "tanh"), layers.Dense(3, "softmax")])


def cnn():
    first, second = layers.Conv2D(4, 3, padding="same", activation="relu"), layers.Conv2D(5, 2, activation="elu")
    rest = [layers.MaxPooling2D(), second, layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")]
    return cornu.Sequential([layers.Input((7, 6, 2)), first, *rest])


def lstm():
    first = layers.LSTM(4, recurrent_activation=old_hard_sigmoid, return_sequences=True)
    return cornu.Sequential([layers.Input((5, 3)), first, layers.GRU(3, reset_after=False), layers.Dense(2)])


def embed():
    both = layers.Bidirectional(layers.SimpleRNN(3))
    return cornu.Sequential([layers.Input((6,), dtype="int32"), layers.Embedding(9, 4), both, layers.Dense(1, "sigmoid")])


def linear():
    return cornu.Sequential([layers.Input((5,)), layers.Dense(2)])


def merge():
    inputs, dense = [layers.Input((3,)), layers.Input((3,))], layers.Dense(4, "sigmoid")
    parts = [dense(x) for x in inputs]
    joined = layers.Concatenate()([layers.Multiply()(parts), layers.Add()(parts)])
    return cornu.Model(inputs, layers.Dense(1, "softplus")(joined))


MODELS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "embed": embed, "linear": linear, "merge": merge}
TRACES = [
    f"{model}/{optimizer}"
    for model, row in {
        "mlp": "sgdm rmsprop adagrad adamax", "cnn": "sgd adam adadelta nadam", "lstm": "sgdm rmsprop adagrad adamax",
        "embed": "sgd adam adadelta nadam", "linear": "sgd adam adadelta nadam", "merge": "sgdm rmsprop adagrad adamax",
    }.items()
    for optimizer in row.split()
]  # fmt: skip


@pytest.fixture(params=["numpy", "theano", "theano-original", "cntk"])
def engine(request):
    name = request.param
    if not registry.is_installed(name):
        pytest.skip(f"{name} is not installed ({registry.install_command(name)})")
    with cornu.engine(name):
        yield name


def fixture(shared, name):
    """The row of the manifest, and its arrays."""
    rows = json.loads((shared / "fixtures" / "manifest.json").read_text())["fixtures"]
    row = next(row for row in rows if row["id"] == name)
    return row, np.load(shared / "fixtures" / row["arrays"])


@pytest.mark.parametrize("trace", TRACES)
def test_losses_of_ten_steps(engine, shared, trace):
    row, arrays = fixture(shared, f"trace2/{trace}")
    model = MODELS[trace.split("/")[0]]()
    model.set_weights([arrays[name] for name in sorted(arrays) if name[0] == "w"])
    config = {key: value for key, value in row["optimizer"]["config"].items() if key not in ("decay", "schedule_decay")}
    model.compile(OPTIMIZERS[row["optimizer"]["class_name"]](**config), row["loss"])
    x = [arrays[name] for name in sorted(arrays) if name[0] == "x"]
    losses = [np.ravel(model.train_on_batch(x if len(x) > 1 else x[0], arrays["y0"]))[0] for _ in range(10)]
    # Keras's Adam on TensorFlow began with the correction of the second step, its LSTM on CNTK was another one.
    right = row["losses_other_backends"]["cntk" if engine == "cntk" and not trace.startswith("lstm") else "theano"]
    np.testing.assert_allclose(losses, right, rtol=row["rtol"], atol=row["atol"])


def file_mlp():
    first = layers.Dense(9, "relu", kernel_regularizer=regularizers.L2(0.01))
    norm = layers.BatchNormalization(momentum=0.7, epsilon=1e-3)
    return cornu.Sequential([layers.Input((7,)), first, norm, layers.Dense(4, "softmax")])


def file_gru():
    first, second = layers.GRU(5, reset_after=False, return_sequences=True), layers.GRU(4, reset_after=True)
    return cornu.Sequential([layers.Input((5, 3)), first, second, layers.Dense(2, "softmax")])


FILES = {"mlp_v0": file_mlp, "gru_v0": file_gru}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("writer", ["theano", "cntk"])
def test_predictions_of_saved_weights(engine, shared, writer, name):
    h5py = pytest.importorskip("h5py")
    row, arrays = fixture(shared, f"keras-2.3.1-{writer}/{name}.h5")
    model, weights = FILES[name](), []
    with h5py.File(shared / "fixtures" / row["files"]["model"]) as file:
        groups = [file["model_weights"][layer] for layer in file["model_weights"].attrs["layer_names"]]
        weights = [np.array(group[weight]) for group in groups for weight in group.attrs["weight_names"]]
    # Today's biases of GRU with `reset_after` have two rows.
    model.set_weights([w.reshape(own.shape) for w, own in zip(weights, model.get_weights(), strict=True)])
    np.testing.assert_allclose(model.predict(arrays["x0"], verbose=0), arrays["pred0"], rtol=row["rtol"], atol=row["atol"])
