"""Graph style: placeholders, functions, updates, phases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cornu
from cornu import backend as K

X = np.arange(6, dtype="float32").reshape(2, 3) / 3 - 0.7


def test_function(engine: Any) -> None:
    x, y = K.placeholder((None, 3)), K.placeholder(ndim=2)
    total = K.function([x, y], [K.sum(x * 2 + y, axis=1), x - 1.0])
    for rows in (2, 1, 2):
        a, b = total([X[:rows], np.ones((rows, 3))])  # float64 is brought to the placeholder's float32
        np.testing.assert_allclose(a, (X[:rows] * 2 + 1).sum(1), rtol=1e-6)
        np.testing.assert_allclose(b, X[:rows] - 1, rtol=1e-6)
        assert type(a) is np.ndarray and a.dtype == "float32"
    single = K.function([x], K.mean(x))
    np.testing.assert_allclose(single([X]), X.mean(), rtol=1e-6)
    assert len(total._program._compiled) == 2


def test_a_function_is_fed_an_intermediate_tensor(engine: Any) -> None:
    x = K.placeholder((2, 3))
    middle = K.exp(x)
    np.testing.assert_allclose(K.function([middle], [middle * 2])([X])[0], X * 2, rtol=1e-6)


def test_wrong_input(engine: Any) -> None:
    x, i = K.placeholder((None, 3), name="images"), K.placeholder((), dtype="int32", name="count")
    f = K.function([x, i], [K.sum(x) * K.cast(i, "float32")])
    with pytest.raises(ValueError, match=r"expected 2 input\(s\) \['images', 'count'\], got 1"):
        f([X])
    with pytest.raises(ValueError, match=r"input 0 \('images'\): expected shape \(None, 3\), got \(3, 2\)"):
        f([X.T, 1])
    with pytest.raises(TypeError, match=r"input 1 \('count'\): expected int32, got float32"):
        f([X, 1.5])
    for bad in ([["a", "b", "c"]], np.array([["a", "b", "c"]]), None, np.array([[None] * 3])):
        with pytest.raises(TypeError, match=r"input 0 \('images'\): expected numbers, got"):
            f([bad, 1])
    with pytest.raises(ValueError, match=r"input 0 \('images'\): .*inhomogeneous"):
        f([[[1, 2, 3], [1, 2]], 1])
    with pytest.raises(TypeError, match="symbolic"):
        f([x, 1])
    with pytest.raises(ValueError, match="images"):
        K.function([i], [K.sum(x)])
    with pytest.raises(ValueError, match="images"):
        K.eval(x)
    with pytest.raises(TypeError, match="inputs must be placeholders"):
        K.function([X], [K.sum(x)])
    with pytest.raises(ValueError, match="session"):
        K.function([x], [x], feed_dict={})
    with pytest.raises(TypeError, match="update"):
        K.function([x], [x], updates=[3])


def test_variables_are_read_when_it_runs(engine: Any) -> None:
    x, v = K.placeholder((None, 3)), K.variable(2.0)
    f = K.function([x], [K.sum(x) * v, v * 3, v])
    for value in (2.0, 5.0):
        K.set_value(v, value)
        np.testing.assert_allclose(np.stack(f([X])), [X.sum() * value, 3 * value, value], rtol=1e-5)
    assert K.eval(K.square(v) + v) == 30.0


def test_updates(engine: Any) -> None:
    x, v, w = K.placeholder((None, 3)), K.variable(1.0), K.variable(np.zeros(3))
    updates = [K.update_add(v, K.sum(x)), K.update_add(v, 1.0), (w, w + v), K.update_sub(w, [0.0, 0.0, 0.0])]
    f = K.function([x], [v + 0.0, w * 1], updates=updates)
    before = 1.0
    sums = np.zeros(3)
    for _ in range(3):
        now, now_w = f([X])
        np.testing.assert_allclose(now, before, rtol=1e-5)  # outputs and new values are computed from the old ones
        np.testing.assert_allclose(now_w, sums, rtol=1e-5)
        sums = sums + before
        before = before + X.sum() + 1
    np.testing.assert_allclose(K.get_value(v), before, rtol=1e-5)
    np.testing.assert_allclose(K.get_value(w), sums, rtol=1e-5)
    with pytest.raises(ValueError, match="shape"):
        K.update(v, x)
    with pytest.raises(TypeError, match="update_add: expected a variable"):
        K.update_add(x, 1)


def test_updates_change_nothing_before_a_function_runs(engine: Any) -> None:
    v = K.variable(1.0)
    change = K.moving_average_update(v, 3.0, 0.5)
    assert K.get_value(v) == 1.0
    K.function([], [], updates=[change])([])
    assert K.get_value(v) == 2.0


def test_learning_phase(engine: Any) -> None:
    x = K.placeholder((None, 3))
    y = K.in_train_phase(x * 2, lambda: x + 1)
    f = K.function([x, K.learning_phase()], [y, K.in_test_phase(x, x * 0), K.cast(K.learning_phase(), "float32")])
    for phase in (0, 1, 0):
        a, b, c = f([X, phase])
        np.testing.assert_allclose(a, X * 2 if phase else X + 1, rtol=1e-6)
        np.testing.assert_allclose(b, X * 0 if phase else X)
        assert c == phase
    g = K.function([x], [y])
    np.testing.assert_allclose(g([X])[0], X + 1)
    K.set_learning_phase(1)
    try:
        assert K.learning_phase() == 1
        np.testing.assert_allclose(g([X])[0], X * 2)
        assert K.in_train_phase(3, 4) == 3
    finally:
        K.clear_session()
    with pytest.raises(ValueError, match="0 or 1"):
        K.set_learning_phase(2)


def test_layers_follow_the_learning_phase(engine: Any) -> None:
    model = cornu.Sequential([cornu.Input((3,)), cornu.layers.Dropout(0.5), cornu.layers.Dense(2)])
    f = K.function([model.layers[0].input, K.learning_phase()], [model.layers[0].output, model.layers[-1].output])
    dropped, result = f([np.ones((50, 3)), 1])
    assert set(np.unique(dropped)) == {0.0, 2.0}
    np.testing.assert_allclose(result, dropped @ model.layers[-1].get_weights()[0], rtol=1e-5)
    np.testing.assert_array_equal(f([np.ones((2, 3)), 0])[0], 1)
    assert not np.array_equal(f([np.ones((50, 3)), 1])[0], dropped)


def test_layers_know_what_they_were_called_with(engine: Any) -> None:
    layer = cornu.layers.Dense(4)
    with pytest.raises(AttributeError, match="never been called"):
        layer.output  # noqa: B018
    a = cornu.Input((3,))
    first = layer(a)
    assert layer.input is a and layer.output is first
    assert layer.input_shape == (None, 3) and layer.output_shape == (None, 4)
    second = layer(cornu.Input((3,)))
    with pytest.raises(AttributeError, match="get_output_at"):
        layer.output  # noqa: B018
    assert layer.get_output_at(0) is first and layer.get_output_at(1) is second
    with pytest.raises(ValueError, match="called 2 time"):
        layer.get_input_at(2)


def test_random_tensors_are_drawn_at_each_run(engine: Any) -> None:
    x = K.placeholder((None, 3))
    f = K.function([x], [x + K.random_normal((2, 3)), K.dropout(x, 0.5, seed=3), K.random_uniform((2,), seed=1)])
    first, second = f([X]), f([X])
    for a, b in zip(first, second, strict=True):
        assert not np.array_equal(a, b)
    again = K.function([x], [x * 0 + K.random_uniform((2,), seed=1)[0]])([X])[0]
    np.testing.assert_allclose(again, first[2][0], rtol=1e-6)  # a seed names a stream


def test_print_tensor(engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    x = K.placeholder((2, 3))
    f = K.function([x], [K.sum(K.print_tensor(x, "x is"))])
    for value in (1, 2):
        f([X * 0 + value])
        assert capsys.readouterr().out.split() == f"x is [[{value}. {value}. {value}.] [{value}. {value}. {value}.]]".split()


def test_switch(engine: Any) -> None:
    x, y = K.placeholder((None, 3)), K.placeholder((None,))
    f = K.function([x, y], [K.switch(K.sum(x) > 0, x * 2, lambda: x), K.switch(y > 0, x, -x), K.switch(x > 0, x, x * 0)])
    a, b, c = f([X, [1, -1]])
    np.testing.assert_allclose(a, X * 2 if X.sum() > 0 else X)
    np.testing.assert_allclose(b, X * [[1], [-1]])
    np.testing.assert_allclose(c, np.maximum(X, 0))
    with pytest.raises(ValueError, match="switch"):
        K.switch(x > 0, y, y)


def test_what_tensors_are(engine: Any) -> None:
    x, v, c, i = K.placeholder((None, 3)), K.variable([1.0]), K.constant([1, 2]), cornu.Input((3,))
    assert [K.is_placeholder(t) for t in (x, v, c, i, x + 1)] == [True, False, False, True, False]
    assert [K.is_keras_tensor(t) for t in (x, v, c, i, cornu.layers.Dense(1)(i), 3)] == [False, False, False, True, True, False]
    assert [K.is_tensor(t) for t in (x, v, c, [1])] == [True, True, True, False]
    assert [K.is_variable(t) for t in (x, v, c)] == [False, True, False]
    assert K.int_shape(x) == (None, 3) and K.ndim(x) == 2 and K.dtype(c) == "float32"
    assert not K.is_sparse(x) and K.to_dense(c) is c
    assert isinstance(v, cornu.Variable)
    with pytest.raises(ValueError, match="unknown"):
        K.count_params(x)


def test_shape(engine: Any) -> None:
    x = K.placeholder((None, 3))
    sizes, count = K.function([x], [K.shape(x), K.size(x)])([X])
    assert sizes.tolist() == [2, 3] and count == 6
    assert K.shape(K.constant(X)).tolist() == [2, 3]


def test_eager_and_symbolic(engine: Any) -> None:
    v = K.variable([1.0, 2.0])
    assert isinstance(K.square(v), cornu.KerasTensor) and isinstance(v + 1, cornu.KerasTensor)
    np.testing.assert_allclose(K.get_value(K.eager(lambda: K.square(v) + 1)()), [2, 5])
    assert isinstance(K.symbolic(lambda: v * 2)(), cornu.KerasTensor)


def test_functions_in_layers_compute(engine: Any) -> None:
    class Scaled(cornu.Layer):
        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight((input_shape[-1],), initializer="ones")
            self.seen = self.add_weight((), initializer="zeros", trainable=False)

        def call(self, x: Any, training: Any = None) -> Any:
            K.update_add(self.seen, 1.0)
            noise = K.random_normal((K.shape(x)[0], 3)) * 0
            return K.in_train_phase(x * 0, x, training) * K.exp(K.log(self.scale)) + noise + K.zeros((3,))

    layer = Scaled()
    np.testing.assert_allclose(K.get_value(layer(X)), X, atol=1e-6)
    np.testing.assert_allclose(K.get_value(layer(X, training=True)), 0)
    assert K.get_value(layer.seen) == 2
    model = cornu.Sequential([cornu.Input((3,)), layer, cornu.layers.Dense(1)])
    model.compile("sgd", lambda t, p: K.mean(K.square(t - p), axis=-1))
    model.fit(X, np.ones((2, 1)), verbose=0)
    assert K.get_value(layer.seen) == 3


def test_values(engine: Any) -> None:
    v, w = K.variable(np.ones((2, 2))), K.zeros((3,), dtype="int32", name="w")
    K.batch_set_value([(v, X[:, :2]), (w, [1, 2, 3])])
    a, b = K.batch_get_value([v, w])
    np.testing.assert_array_equal(a, X[:, :2])
    assert b.tolist() == [1, 2, 3] and b.dtype == "int32" and w.name == "w"
    with pytest.raises(ValueError, match="shape"):
        K.set_value(v, [1.0])
    with pytest.raises(TypeError, match="set_value"):
        K.set_value(K.constant(1), 2)


def test_the_session(engine: Any) -> None:
    with pytest.raises(NotImplementedError, match=r"K\.function"):
        K.get_session()
    with pytest.warns(UserWarning, match="no sessions"):
        K.set_session(None)
    with pytest.warns(UserWarning, match="first values"):
        K.manual_variable_initialization(True)
    with K.name_scope("a") as name, K.control_dependencies([]):
        assert name == "a/"


def test_tensors_of_another_engine() -> None:
    with cornu.engine("numpy"):
        v = K.variable(1.0)
    installed = [name for name in cornu.contract.registry.names() if cornu.contract.registry.is_installed(name) and name != "numpy"]
    if not installed:
        pytest.skip("there is only one engine")
    with cornu.engine(installed[0]):
        with pytest.raises(TypeError, match="'numpy'"):
            K.square(v)
        assert K.function([], [v])([])[0] == 1.0


def test_layers_do_not_change_in_a_function(engine: Any) -> None:
    class Counting(cornu.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x: Any) -> Any:
            return x + K.update_add(self.count, 1.0)

    norm, counting = cornu.layers.BatchNormalization(), Counting()
    x = cornu.Input((3,))
    y = counting(norm(x))
    f = K.function([x, K.learning_phase()], [y], [K.update_sub(norm.beta, 1.0)])
    before = [w.copy() for w in norm.get_weights()]
    for run in range(2):
        np.testing.assert_allclose(f([np.eye(3), 1])[0].mean(0), 1.0 - run, atol=1e-5)
    before[1] -= 2
    for now, then in zip(norm.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert K.get_value(counting.count) == 0
    counting(np.zeros((2, 3), "float32"))
    assert K.get_value(counting.count) == 1


def test_functions_in_build_compute_at_once(engine: Any) -> None:
    class Scaled(cornu.Layer):
        def build(self, input_shape: Any) -> None:
            self.offset = K.variable(np.ones(input_shape[-1]))
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer=lambda shape, dtype=None: 2.0 * K.ones(shape, dtype))

        def call(self, x: Any) -> Any:
            return x * self.gain + self.offset

    x = np.arange(6, dtype="float32").reshape(2, 3)
    drawn = cornu.Sequential([cornu.Input((3,)), Scaled()])
    assert drawn.layers[0].trainable_weights == [drawn.layers[0].gain, drawn.layers[0].offset]
    np.testing.assert_allclose(drawn.predict(x, verbose=0), 2 * x + 1)
    np.testing.assert_allclose(K.get_value(Scaled()(x)), 2 * x + 1)
