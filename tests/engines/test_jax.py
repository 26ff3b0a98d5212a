"""The JAX engine: eager calls of derived ops as one compiled call."""

import numpy as np
import pytest

import cornu
from cornu import config, ops
from cornu.contract import registry
from cornu.contract.program import Program
from cornu.ops.op import OPS

if not registry.is_installed("jax"):
    pytest.skip("JAX is not installed", allow_module_level=True)

import jax


@pytest.fixture(autouse=True)
def engine():
    with cornu.engine("jax") as engine:
        yield engine


def test_an_eager_call_is_one_compiled_function(engine, monkeypatch):
    x = ops.convert_to_tensor(np.arange(12, dtype="float32").reshape(3, 4))
    np.testing.assert_allclose(ops.softmax(x), jax.nn.softmax(x), rtol=1e-6)
    for name in ("multiply", "subtract", "exp", "max", "sum"):
        monkeypatch.setitem(engine.kernels, name, None)  # what is compiled calls no kernel again
    engine.plans.clear()
    np.testing.assert_allclose(ops.softmax(x), jax.nn.softmax(x), rtol=1e-6)
    engine.plans.clear()


def test_all_of_them_are_ops(engine):
    assert engine.whole <= set(OPS)


def test_settings_of_other_types_are_other_functions():
    x = ops.convert_to_tensor(np.array([-2, 3], "int32"))
    assert [ops.leaky_relu(x, slope).dtype.name for slope in (1, 1.0, True)] == ["int32", "float32", "int32"]
    assert ops.sum(x, None, True).shape == (1,) and ops.sum(x, axis=0, keepdims=False).shape == ()


def test_the_default_dtype_of_the_moment_counts():
    x = ops.convert_to_tensor(np.array([1, 2], "int32"))
    assert ops.mean(x).dtype.name == "float32"
    try:
        config.set_floatx("float64")
        assert ops.mean(x).dtype.name == "float64"
    finally:
        config.set_floatx("float32")
    assert ops.mean(x).dtype.name == "float32"


def test_errors_are_those_of_the_op():
    x = ops.convert_to_tensor(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="softmax: axis 5 is out of bounds"):
        ops.softmax(x, 5)
    with pytest.raises(ValueError, match="max: there is no extremum"):
        ops.max(x[:0], 0)


def test_numbers_variables_and_tracers_go_through_the_body():
    x = ops.convert_to_tensor(np.array([3.0, -1.0], "float32"))
    variable = cornu.Variable(np.array([3.0, -1.0], "float32"))
    assert float(ops.take(x, 1, 0)) == float(ops.take(variable, 1, 0)) == -1
    assert float(ops.relu(-2.0)) == 0 and float(ops.mean(variable)) == 1
    np.testing.assert_allclose(ops.grad(lambda x: ops.mean(ops.relu(x)))(x), [0.5, 0])
    np.testing.assert_allclose(Program(lambda x: ops.softmax(x))(x), jax.nn.softmax(x), rtol=1e-6)


@pytest.mark.parametrize("name", ["log1p", "arctanh"])
def test_logarithms_near_one_to_the_last_places(name):
    x = np.linspace(-0.99, 0.99, 2001)
    np.testing.assert_allclose(np.asarray(getattr(ops, name)(x)), getattr(np, name)(x), rtol=2e-15)
