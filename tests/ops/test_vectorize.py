"""`ops.vectorize` against `numpy.vectorize`; `ops.vectorized_map` against loops."""

from __future__ import annotations

import numpy as np
import pytest

import cornu
from cornu import Variable, context, layers, ops, tree
from cornu.contract.program import Program
from cornu.contract.tracer import Recording

A, B = np.arange(6.0).reshape(2, 3), np.arange(3.0)


def test_scalars_broadcast(engine):
    vectorized = ops.vectorize(lambda a, b: ops.where(a > b, a - b, a + b))
    expected = np.vectorize(lambda a, b: a - b if a > b else a + b)(A, B)
    np.testing.assert_allclose(ops.convert_to_numpy(vectorized(A, B)), expected)


def test_signature_and_excluded(engine):
    vectorized = ops.vectorize(lambda m, v, scale: ops.matmul(m, v) * scale, excluded={2}, signature="(m,n),(n)->(m)")
    m = np.arange(24.0).reshape(4, 2, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(vectorized(m, B, 2.0)), m @ B * 2)


def test_a_signature_that_does_not_fit():
    with pytest.raises(ValueError, match="can't read the signature"):
        ops.vectorize(ops.sum, signature="n->")
    with pytest.raises(ValueError, match=r"doesn't fit arguments of shapes \(3,\)"):
        ops.vectorize(ops.sum, signature="(m,n)->()")(B)


# vectorized_map

RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 3, 2))
W = RNG.normal(size=(2, 5))
TABLE = RNG.normal(size=(6, 3))
PLACES = np.array([[2, 0]])


def loop(function, *arrays):
    """NumPy's function of each element, stacked; of results in tuples, each."""
    rows = [function(*row) for row in zip(*arrays, strict=True)]
    return tuple(map(np.stack, zip(*rows, strict=True))) if isinstance(rows[0], tuple) else np.stack(rows)


def primitives(function, *arrays):
    """Names of the primitives that a function of tensors is recorded as."""
    specs = [(x.shape, x.dtype.name) for x in arrays]
    recording = Recording(context.current(), lambda *xs: tree.flatten(function(*xs)), specs)
    return [node.primitive.name for node in recording.graph.nodes]


# Function of one element by ops, the same by NumPy.
FAMILIES = {
    "elementwise": (lambda x: ops.exp(x) * ops.max(x) + x[0], lambda x: np.exp(x) * x.max() + x[0]),
    "where": (lambda x: ops.where(x > 0, x, ops.sum(x)), lambda x: np.where(x > 0, x, x.sum())),
    "reduction": (
        lambda x: (ops.mean(x, axis=0), ops.max(x, axis=-1, keepdims=True)),
        lambda x: (x.mean(0), x.max(-1, keepdims=True)),
    ),
    "cumulative": (lambda x: ops.cumsum(x, axis=0), lambda x: x.cumsum(0)),
    "order": (lambda x: (ops.sort(x, axis=0), ops.flip(x, axis=1)), lambda x: (np.sort(x, 0), x[:, ::-1])),
    "concatenate": (lambda x: ops.concatenate([x, W.T[:, :2]], axis=0), lambda x: np.concatenate([x, W.T[:, :2]])),
    "shape": (lambda x: ops.reshape(ops.transpose(x), (3, 2)) * x, lambda x: x.T.reshape(3, 2) * x),
    "broadcast_to": (lambda x: ops.broadcast_to(x[0], (2, 3, 2)), lambda x: np.broadcast_to(x[0], (2, 3, 2))),
    "expand": (lambda x: x[:, None] - x[None], lambda x: x[:, None] - x[None]),
    "slice": (lambda x: x[1:, ::-1][::2], lambda x: x[1:, ::-1][::2]),
    "pad": (lambda x: ops.pad(x, ((1, 0), (0, 2))), lambda x: np.pad(x, ((1, 0), (0, 2)))),
    "matmul": (lambda x: ops.matmul(x, W), lambda x: x @ W),
    "matmul of batched": (lambda x: ops.matmul(W.T, ops.transpose(x)) @ x, lambda x: W.T @ x.T @ x),
    "matmul of ranks": (lambda x: ops.matmul(X, ops.transpose(x)), lambda x: X @ x.T),
    "unbatched": (lambda x: (ops.sum(x), ops.ones((2,)) * 3), lambda x: (x.sum(), np.full(2, 3.0))),
    "iota": (lambda x: x * ops.arange(2, dtype="float32"), lambda x: x * np.arange(2)),
    "linear algebra": (
        lambda x: ops.linalg.solve(ops.transpose(x) @ x + ops.eye(2), x[0]),
        lambda x: np.linalg.solve(x.T @ x + np.eye(2), x[0]),
    ),
    "take along": (lambda x: ops.take_along_axis(x, PLACES, axis=0), lambda x: np.take_along_axis(x, PLACES, 0)),
    "take": (lambda x: ops.take(x, np.array([2, 0]), axis=0), lambda x: x[[2, 0]]),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_batched(family, check):
    function, expected = FAMILIES[family]
    batched = lambda x: ops.vectorized_map(function, x)  # noqa: E731
    check(batched, X, expected=loop(expected, X))
    assert "scan" not in primitives(batched, X)


def test_integers(engine):
    for axis in (0, 1):
        indices = np.array([[0, 2], [1, 1], [2, 0]])
        batched = lambda i: ops.vectorized_map(lambda i: ops.take(TABLE, i, axis=axis), i)  # noqa: B023, E731
        got = ops.convert_to_numpy(batched(indices))
        np.testing.assert_allclose(got, loop(lambda i: np.take(TABLE, i, axis), indices), rtol=1e-6)  # noqa: B023
        assert "scan" not in primitives(batched, indices)
    got = ops.vectorized_map(lambda x: (ops.argmax(x, axis=0), ops.argsort(x, axis=0)), X)
    for y, right in zip(got, loop(lambda x: (x.argmax(0), x.argsort(0)), X), strict=True):
        assert np.array_equal(ops.convert_to_numpy(y), right)


def test_nested_elements_and_results(check):
    function = lambda e: {"sum": e["a"] + e["b"], "none": None}  # noqa: E731
    got = ops.vectorized_map(function, {"a": A[0], "b": B})
    assert got["none"] is None
    np.testing.assert_allclose(ops.convert_to_numpy(got["sum"]), A[0] + B)
    pairs = lambda a, b: ops.vectorized_map(lambda e: e[0] * ops.sum(e[1]), (a, b))  # noqa: E731
    check(pairs, X[:, 0, 0], X, expected=X[:, 0, 0] * X.sum((1, 2)))


@pytest.mark.parametrize(
    ("function", "expected", "loops"),
    [
        (lambda x, w: ops.vectorized_map(lambda row: ops.tanh(row @ w), x), np.tanh(X @ W), 0),
        (
            lambda x, w: ops.vectorized_map(lambda row: ops.grad(lambda w: ops.sum(ops.square(row @ w)))(w), x),
            loop(lambda row: 2 * row.T @ row @ W, X),
            0,
        ),
        (
            lambda x, w: ops.vectorized_map(lambda row: ops.sum(row) * ops.fori_loop(0, 2, lambda i, v: v * w[0, 0], w[0, 0]), x),
            X.sum((1, 2)) * W[0, 0] ** 3,
            1,
        ),
    ],
    ids=["function", "gradient for each element", "loop that is the same for all"],
)
def test_closures_have_gradients(function, expected, loops, check):
    for call in (function, Program(function)):
        got = call(ops.convert_to_tensor(X), ops.convert_to_tensor(W))
        np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-5)
    check.gradient(function, [X, W])
    assert primitives(function, X, W).count("scan") == loops


def test_variables_and_layers(engine):
    layer = layers.Dense(5, activation="tanh")
    layer.build((None, 2))
    weights = [ops.convert_to_numpy(w) for w in layer.weights]
    got = ops.convert_to_numpy(ops.vectorized_map(layer, X.astype("float32")))
    np.testing.assert_allclose(got, np.tanh(X @ weights[0] + weights[1]), rtol=1e-5, atol=1e-6)


def test_empty_batch(engine):
    got = ops.vectorized_map(lambda x: (ops.sum(x, axis=0) + B[:2], ops.matmul(x, W)), X[:0].astype("float32"))
    assert [tuple(y.shape) for y in got] == [(0, 2), (0, 3, 5)]


def test_nested(check):
    function = lambda x: ops.vectorized_map(lambda a: ops.vectorized_map(lambda b: ops.sum(b * a[0]) + B, a), x)  # noqa: E731
    check(function, X, expected=(X @ X[:, 0, :, None]) + B)
    assert "scan" not in primitives(function, X)


def test_one_after_the_other_where_there_is_no_rule(check):
    function = lambda row: ops.scatter(np.array([[1], [3]]), row, (5,))  # noqa: E731
    rows = X[:, :2, 0]
    expected = np.zeros((4, 5))
    expected[:, [1, 3]] = rows
    check(lambda x: ops.vectorized_map(function, x), rows, expected=expected)
    assert "scan" in primitives(lambda x: ops.vectorized_map(function, x), rows)
    check(lambda x: ops.vectorized_map(lambda row: ops.take(row, ops.argsort(row), axis=0), x), rows, expected=np.sort(rows))
    turns = lambda n: ops.while_loop(lambda i: i < n, lambda i: i * 2, 1)  # noqa: E731
    check(lambda n: ops.vectorized_map(turns, n), np.array([3, 9, 1], "int32"), expected=np.array([4, 16, 1]), gradient=False)


def test_one_after_the_other_where_it_cannot_be_recorded():
    with cornu.engine("numpy"):  # which computes each element as it comes
        count = Variable(0.0)

        def counting(x):
            count.assign_add(1.0)
            return x * 2 if x > 1 else x

        np.testing.assert_allclose(ops.vectorized_map(counting, B), [0, 1, 4])
        assert float(count.value) == 3
        np.testing.assert_allclose(ops.vectorized_map(lambda x: x + count.assign_add(1.0), B), [4, 6, 8])


def test_what_is_wrong_is_said(engine):
    with pytest.raises(ValueError, match="matmul"):
        ops.vectorized_map(lambda x: ops.matmul(x, TABLE), X)
