"""Gradients, products with Jacobians, and functions that bring their own gradient."""

import numpy as np
import pytest

from cornu import ops
from cornu.contract.program import Program
from cornu.ops.symbolic import KerasTensor
from cornu.variable import Variable

X = np.array([0.5, -2.0, 3.0], "float32")
Y = np.array([1.0, 0.25, -1.5], "float32")


def numbers(x):
    return ops.convert_to_numpy(x)


@ops.custom_gradient
def clipped(x):
    return ops.multiply(x, 1.0), lambda g: ops.clip(g, -1.0, 1.0)


@ops.custom_gradient
def log1pexp(x):
    e = ops.exp(x)
    return ops.log(ops.add(1.0, e)), lambda g: ops.multiply(g, ops.subtract(1.0, ops.divide(1.0, ops.add(1.0, e))))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_a_gradient_of_ones_own(engine):
    weights = np.array([5.0, 0.5, -7.0], "float32")
    grad = ops.grad(lambda x: ops.sum(ops.multiply(clipped(x), weights)))
    np.testing.assert_allclose(numbers(grad(X)), [1.0, 0.5, -1.0])
    np.testing.assert_allclose(numbers(Program(grad)(ops.convert_to_tensor(X))), [1.0, 0.5, -1.0])
    np.testing.assert_allclose(numbers(clipped(X)), X)


def test_it_saves_what_the_plain_one_loses(engine):
    grad = ops.grad(lambda x: ops.sum(log1pexp(x)))(np.array([100.0, 0.0, 1.0], "float32"))
    np.testing.assert_allclose(numbers(grad), [1.0, 0.5, sigmoid(1)], rtol=1e-6)


def test_it_has_a_second_gradient(engine):
    x = np.array([0.0, 1.0, -2.0], "float32")
    second = ops.grad(lambda x: ops.sum(ops.grad(lambda y: ops.sum(log1pexp(y)))(x)))(x)
    np.testing.assert_allclose(numbers(second), sigmoid(x) * (1 - sigmoid(x)), rtol=1e-5)


def test_in_a_scan_and_a_branch(engine):
    def loss(x):
        last, _ = ops.scan(lambda c, t: (ops.add(ops.multiply(clipped(c), 3.0), t), c), ops.zeros(()), x)
        return ops.cond(ops.greater(last, -1e9), lambda: clipped(last), lambda: last)

    # Each step backwards multiplies by 3, then clips to 1.
    np.testing.assert_allclose(numbers(ops.grad(loss)(X)), [1.0, 1.0, 1.0])


def test_several_arguments_and_results(engine):
    @ops.custom_gradient
    def both(x, factor, y):
        def gradient(first, second):
            return ops.multiply(first, 10.0), None, ops.multiply(second, factor)

        return (ops.add(x, y), ops.subtract(x, y)), gradient

    grads = ops.grad(lambda xy: ops.sum(ops.add(both(xy[0], 7.0, xy[1])[0], ops.multiply(both(xy[0], 7.0, xy[1])[1], 2.0))))(
        (X, Y)
    )
    np.testing.assert_allclose(numbers(grads[0]), np.full(3, 10.0))
    np.testing.assert_allclose(numbers(grads[1]), np.full(3, 14.0))


def test_variables_that_it_closes_over(engine):
    scale = Variable(np.array(3.0, "float32"))

    @ops.custom_gradient
    def scaled(x):
        return ops.multiply(x, scale), lambda g: ops.multiply(g, scale)

    np.testing.assert_allclose(numbers(ops.grad(lambda x: ops.sum(scaled(x)))(X)), np.full(3, 3.0))


def test_it_takes_symbols():
    y = clipped(KerasTensor((None, 3)))
    assert y.shape == (None, 3) and y.node.operation is clipped


def test_gradients_that_do_not_fit(engine):
    wrong_shape = ops.custom_gradient(lambda x: (ops.multiply(x, 2.0), lambda g: ops.sum(g)))
    with pytest.raises(ValueError, match=r"custom_gradient: the gradient of .* has shape \(\) for an argument of shape \(3,\)"):
        ops.grad(lambda x: ops.sum(wrong_shape(x)))(X)
    too_many = ops.custom_gradient(lambda x: (ops.multiply(x, 2.0), lambda g: (g, g)))
    with pytest.raises(ValueError, match=r"custom_gradient: .* takes 1 tensors, but its gradient gives 2"):
        ops.grad(lambda x: ops.sum(too_many(x)))(X)


def test_stop_gradient(engine):
    grad = ops.grad(lambda x: ops.sum(ops.multiply(x, ops.stop_gradient(x))))(X)
    np.testing.assert_allclose(numbers(grad), X)


def product(a, b):
    return ops.multiply(a, ops.sin(b)), {"sum": ops.sum(a)}


def test_jvp(engine):
    da, db = np.ones(3, "float32"), Y
    outputs, tangents = ops.jvp(product, (X, Y), (da, db))
    np.testing.assert_allclose(numbers(outputs[0]), X * np.sin(Y), rtol=1e-6)
    np.testing.assert_allclose(numbers(tangents[0]), da * np.sin(Y) + X * np.cos(Y) * db, rtol=1e-5)
    np.testing.assert_allclose(numbers(tangents[1]["sum"]), 3.0)
    _, tangent, aux = ops.jvp(lambda a: (ops.square(a), "aux"), (X,), (Y,), has_aux=True)
    np.testing.assert_allclose(numbers(tangent), 2 * X * Y, rtol=1e-6)
    assert aux == "aux" and ops.linalg.jvp is ops.jvp


def test_jvp_compiled(engine):
    run = Program(lambda x, v: ops.jvp(lambda a: ops.tanh(a), (x,), (v,))[1])
    got = run(ops.convert_to_tensor(X), ops.convert_to_tensor(Y))
    np.testing.assert_allclose(numbers(got), Y / np.cosh(X) ** 2, rtol=1e-5, atol=1e-7)


def test_vjp(engine):
    _, pull = ops.vjp(product, X, Y)
    da, db = pull((Y, {"sum": np.float32(2)}))
    np.testing.assert_allclose(numbers(da), np.sin(Y) * Y + 2, rtol=1e-6)
    np.testing.assert_allclose(numbers(db), X * np.cos(Y) * Y, rtol=1e-6)
    _, pull, aux = ops.vjp(lambda x: (ops.square(x), 5), X, has_aux=True)
    np.testing.assert_allclose(numbers(pull(Y)[0]), 2 * X * Y, rtol=1e-6)
    assert aux == 5


def test_hvp(engine):
    fn = lambda a, b: ops.sum(ops.multiply(ops.multiply(a, a), b))  # noqa: E731
    da, db = ops.hvp(fn, (X, Y), (Y, X))
    np.testing.assert_allclose(numbers(da), 2 * Y * Y + 2 * X * X, rtol=1e-5)
    np.testing.assert_allclose(numbers(db), 2 * X * Y, rtol=1e-5)


def test_directions_that_do_not_fit(engine):
    with pytest.raises(ValueError, match=r"jvp: tangents must have the shapes \[\(3,\)\], got \[\(2,\)\]"):
        ops.jvp(ops.sin, (X,), (X[:2],))
    with pytest.raises(ValueError, match="hvp: tangents must have the shapes"):
        ops.hvp(ops.sum, (X,), (X[:2],))
    with pytest.raises(ValueError, match="vjp: cotangents must have the shapes"):
        ops.vjp(ops.sin, X)[1](X[:2])
    with pytest.raises(TypeError, match="jvp: primals and tangents must be tuples or lists"):
        ops.jvp(ops.sin, X, X)


def test_gradients_by_complex_numbers(engine):
    """d/da - i d/db of a real function of a + ib, as JAX has it."""
    z = np.array([1 + 2j, 0.5 - 1j], "complex64")
    for function, expected in (
        (lambda z: ops.real(ops.multiply(z, z)), 2 * z),
        (lambda z: ops.square(ops.abs(z)), 2 * z.conj()),
        (lambda z: ops.real(ops.multiply(ops.conj(z), 1j)), np.full(2, -1j)),
    ):
        slope = ops.grad(lambda z, f=function: ops.sum(f(z)))
        np.testing.assert_allclose(numbers(slope(ops.convert_to_tensor(z))), expected, rtol=1e-5)
        np.testing.assert_allclose(numbers(Program(slope)(ops.convert_to_tensor(z))), expected, rtol=1e-5)
    pulled = ops.vjp(lambda z: ops.multiply(z, z), ops.convert_to_tensor(z))[1](ops.convert_to_tensor(np.ones(2, "complex64")))
    np.testing.assert_allclose(numbers(pulled[0] if isinstance(pulled, (list, tuple)) else pulled), 2 * z, rtol=1e-5)
