"""What is particular to TensorFlow: native code works on a variable's storage, and its gaps are filled."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import cornu
from cornu import layers, ops, optimizers, utils
from cornu import primitives as P
from cornu.contract import registry

if not registry.is_installed("tensorflow"):
    pytest.skip("TensorFlow is not installed", allow_module_level=True)

import tensorflow as tf

X = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")
Y = (X[:, :1] - 2 * X[:, 1:2] + 0.5).astype("float32")


@pytest.fixture(autouse=True)
def in_charge():
    with cornu.engine("tensorflow") as engine:
        yield engine


def test_storage_is_a_tf_variable_assigned_in_place():
    variable = cornu.Variable(np.zeros(3, "float32"))
    storage = variable.storage
    assert isinstance(storage, tf.Variable) and variable.value is storage and storage.trainable
    before = ops.add(variable, 0)
    variable.assign(np.array([1, 2, 3]))
    storage.assign_add([1.0, 1.0, 1.0])
    assert variable.storage is storage
    np.testing.assert_array_equal(variable.numpy(), [2, 3, 4])
    np.testing.assert_array_equal(before, [0, 0, 0])
    assert not cornu.Variable(np.zeros(3, "int32")).storage.trainable


def test_gradient_tape_outside_of_models():
    variable = cornu.Variable(np.array([1.0, 2.0], "float32"))
    with tf.GradientTape() as tape:
        loss = ops.sum(ops.square(variable))
    np.testing.assert_allclose(tape.gradient(loss, variable.value), [2, 4])


class Native(cornu.Model):
    """A training step as one writes it in TensorFlow."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x, training=None):
        return self.dense(x)

    def train_step(self, data):
        x, y = data[:2]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
        weights = [v.value for v in self.trainable_variables]
        self.optimizer.apply(tape.gradient(loss, weights), self.trainable_variables)
        return {"loss": loss}


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_gradient_tape_in_a_train_step(run_eagerly):
    losses = []
    for model in (Native(), cornu.Sequential([layers.Input((6,)), layers.Dense(1)])):
        utils.set_random_seed(3)
        model.compile(optimizers.SGD(0.1), "mse", run_eagerly=run_eagerly)
        model(X)
        model.set_weights([np.ones((6, 1), "float32"), np.zeros(1, "float32")])
        losses.append(model.fit(X, Y, batch_size=48, epochs=4, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_native_assignments_in_a_train_step_are_seen():
    class Counting(Native):
        def build(self, input_shape):
            self.steps = self.add_weight((), "zeros", trainable=False)
            super().build(input_shape)

        def train_step(self, data):
            self.steps.value.assign_add(1.0)
            return {**super().train_step(data), "steps": self.steps.value}

    model = Counting()
    model.compile("sgd", "mse")
    assert model.fit(X, Y, batch_size=16, epochs=2, verbose=0).history["steps"] == [3, 6]


def test_gradient_of_an_embedding_is_dense():
    table, rows = np.ones((5, 2), "float32"), np.array([1, 1, 3])
    gradient = cornu.value_and_grad(lambda t: ops.sum(ops.take(t, rows, axis=0)))(table)[1]
    assert isinstance(gradient, tf.Tensor)
    np.testing.assert_array_equal(gradient, [[0, 0], [2, 2], [0, 0], [1, 1], [0, 0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups, dilation, strides", [(2, 1, 2), (4, 1, 1), (1, 2, 1), (2, 2, 2)])
def test_gradients_of_grouped_and_dilated_convolutions(dtype, groups, dilation, strides):
    rng = np.random.default_rng(1)
    x, kernel = rng.normal(size=(2, 9, 8, 4)).astype(dtype), rng.normal(size=(3, 2, 4 // groups, 8)).astype(dtype)
    params = {"strides": (strides,) * 2, "padding": ((1, 1), (0, 1)), "dilation": (dilation,) * 2, "groups": groups}

    def loss(x, kernel):
        y = P.conv(x, kernel, **params)
        return ops.sum(ops.multiply(y, np.cos(np.arange(np.prod(y.shape)).reshape(tuple(y.shape)))))

    found = {}
    for name in ("tensorflow", "numpy"):
        with cornu.engine(name) as engine:
            grads = cornu.value_and_grad(loss, argnums=(0, 1))(engine.asarray(x), engine.asarray(kernel))[1]
            found[name] = [engine.to_numpy(g) for g in grads]
    for got, wanted in zip(found["tensorflow"], found["numpy"]):
        np.testing.assert_allclose(
            got, wanted, rtol=1e-3 if dtype == "float32" else 1e-9, atol=1e-4 if dtype == "float32" else 1e-9
        )


def test_complex_gradients_are_those_of_the_other_engines():
    z = np.array([1 + 2j, -0.5 + 0.3j], "complex64")
    found = []
    for name in ("tensorflow", "numpy"):
        with cornu.engine(name) as engine:
            def loss(z):
                return ops.sum(ops.real(ops.multiply(z, ops.multiply(z, z)))), []

            found.append(engine.to_numpy(engine.value_and_grad(loss, [engine.asarray(z)])[2][0]))
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_the_import_is_quiet_and_happens_at_first_use():
    code = """
import sys, cornu
assert "tensorflow" not in sys.modules
with cornu.engine("tensorflow"):
    cornu.ops.matmul([[1.0]], [[2.0]])
assert "tensorflow" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_take_of_negative_indices_is_quiet():
    code = """
import cornu, numpy as np
with cornu.engine("tensorflow"):
    assert cornu.ops.take(np.arange(3.0), np.array([-1, 0, 9]), 0).numpy().tolist() == [2, 0, 2]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_variables_where_the_tables_gradient_is_taken():
    variable = cornu.Variable(np.array([1.0, -1.0, 0.0], "float32"))
    with tf.GradientTape() as tape:
        loss = ops.sum(P.maximum(variable, 0.0))
    np.testing.assert_allclose(tape.gradient(loss, variable.value), [1, 0, 0.5])


@pytest.mark.parametrize("compiled", [False, True])
def test_variables_beside_native_tensors_are_no_constants(in_charge, compiled):
    variable = cornu.Variable(np.array([1.0, -1.0], "float32"))
    x = np.array([3.0, 4.0], "float32")

    def step(x):
        return [cornu.grad(lambda: ops.sum(x * variable) + tf.tensordot(x, variable, 1), variables=[variable])()[0]]

    run = in_charge.compile(step, [x]) if compiled else lambda x: step(in_charge.asarray(x))
    np.testing.assert_allclose(run(x)[0], 2 * x)


def test_variables_beside_native_tensors_of_another_dtype_or_engine():
    variable = cornu.Variable(np.array([1.5, 2.0], "float32"))
    product = tf.constant([2, 4]) * variable
    assert product.dtype == "float32"
    np.testing.assert_array_equal(product, [3, 8])
    with cornu.engine("numpy"):
        foreign = cornu.Variable(np.ones(2, "float32"))
    with pytest.raises(TypeError, match="numpy"):
        tf.constant([1.0, 2.0]) * foreign


@pytest.mark.parametrize("reverse", [False, True])
def test_long_scans_are_loops_in_the_graph(in_charge, reverse):
    length = 70
    xs = np.random.default_rng(2).normal(size=(length, 3)).astype("float64")
    counts = []

    def body(state, count, x, weight):
        counts.append(1)
        state = P.tanh(P.add(P.multiply(state, weight), x))
        return [state, P.add(count, 1), P.multiply(state, state), count]

    def loss(xs, weight):
        params = {"body_fn": body, "n_carry": 2, "n_xs": 1, "length": length, "reverse": reverse}
        results = P.scan(np.zeros(3), np.array(0, "int32"), xs, weight, **params)
        return ops.add(ops.sum(results[0]), ops.sum(ops.multiply(results[2], np.cos(np.arange(3.0))))), results

    arrays = [xs, np.full(3, 0.7)]

    def program(*tensors):
        value, results, grads = in_charge.value_and_grad(loss, tensors)
        return [value, *results, *grads]

    looped = in_charge.compile(program, arrays)(*arrays)
    assert len(counts) == 2
    for got, wanted in zip(looped, program(*[in_charge.asarray(a) for a in arrays]), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10)
