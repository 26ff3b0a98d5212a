"""Simplification: fewer nodes, the same results to the last bit."""

import numpy as np

from cornu import context
from cornu import primitives as P
from cornu.contract.conformance.reference import REFERENCE
from cornu.contract.tracer import Tracer
from cornu.graph.simplify import simplify

X = np.array([[1.0, -0.0, np.nan], [3.0, 4.0, np.inf]], "float32")


def record(fn):
    tracer = Tracer(REFERENCE)
    x = tracer.input(X.shape, "float32")
    with context.use(tracer):
        tracer.close([fn(x)])
    return tracer.graph


def simplified(fn):
    """The names of the nodes that are left, after a check of the results."""
    graph = record(fn)
    simple = simplify(graph)
    simple.check()
    with context.use(REFERENCE), np.errstate(all="ignore"):
        for got, wanted in zip(simple(X), graph(X), strict=True):
            assert np.asarray(got).tobytes() == np.asarray(wanted).tobytes()
    return [node.primitive.name for node in simple.nodes]


def test_identities_go():
    assert simplified(lambda x: P.exp(P.reshape(P.stop_gradient(P.transpose(x, axes=(0, 1))), shape=(2, 3)))) == ["exp"]
    assert simplified(
        lambda x: P.exp(
            P.slice(P.broadcast_to(P.cast(x, dtype="float32"), shape=(2, 3)), start=(0, 0), limit=(2, 3), strides=(1, 1))
        )
    ) == ["exp"]
    assert simplified(lambda x: P.stop_gradient(x)) == []
    assert simplified(lambda x: P.exp(P.multiply(P.multiply(x, 1.0), P.cast(1, dtype="float32")))) == ["exp"]


def test_division_by_a_power_of_two_is_multiplication():
    assert simplified(lambda x: P.divide(x, 4.0)) == simplified(lambda x: P.divide(x, -0.5)) == ["multiply"]
    for divisor in (3.0, 0.0, np.inf, 2.0**127, 2.0**-130):  # whose reciprocals aren't exact, or not normal numbers
        assert simplified(lambda x: P.divide(x, np.float32(divisor))) == ["divide"]  # noqa: B023


def test_what_changes_something_stays():
    assert simplified(lambda x: P.transpose(P.reshape(x, shape=(1, 2, 3)), axes=(1, 0, 2))) == ["reshape", "transpose"]
    assert simplified(lambda x: P.flip(x, axes=(0,))) == ["flip"]
    square = np.ones((2, 2), "float32")
    kept = simplified(lambda x: P.transpose(P.matmul(square, P.matmul(x, P.transpose(x, axes=(1, 0)))), axes=(1, 0)))
    assert kept.count("transpose") == 2
    assert simplified(lambda x: P.add(x, 0.0)) == ["add"]  # -0.0 + 0.0 is 0.0
    assert simplified(lambda x: P.multiply(x, np.ones((2, 1), "float64"))) == ["cast", "multiply"]


def test_reshapes_chain():
    assert simplified(lambda x: P.exp(P.reshape(P.reshape(x, shape=(6,)), shape=(3, 2)))) == ["reshape", "exp"]
    assert simplified(lambda x: P.exp(P.reshape(P.reshape(x, shape=(6,)), shape=(2, 3)))) == ["exp"]


def test_repeating_is_left_to_broadcasting():
    row = lambda x: P.reshape(P.sum(x, axes=(0,)), shape=(1, 3))  # noqa: E731
    repeated = lambda x: P.broadcast_to(row(x), shape=(2, 3))  # noqa: E731
    assert simplified(lambda x: P.multiply(repeated(x), x)) == ["sum", "reshape", "multiply"]
    assert simplified(lambda x: P.multiply(repeated(x), repeated(x))).count("broadcast_to") == 1
    assert "broadcast_to" in simplified(lambda x: P.concatenate(repeated(x), x, axis=0))


def test_reductions_of_nothing():
    assert simplified(lambda x: P.exp(P.max(P.min(P.reshape(x, shape=(2, 3, 1)), axes=(2,), keepdims=True), axes=()))) == [
        "reshape",
        "exp",
    ]


def test_constants_are_computed():
    def fn(x):
        return P.add(x, P.multiply(P.full(shape=(), value=2.0, dtype="float32"), P.exp(np.array([1.0, 2.0, 3.0], "float32"))))

    assert simplified(fn) == ["add"]
    assert simplified(lambda x: P.add(x, P.full(shape=(2, 3), value=2.0, dtype="float32"))) == ["full", "add"]


def test_equal_constants_are_one():
    two = lambda: P.full(shape=(), value=2.0, dtype="float32")  # noqa: E731
    assert simplified(lambda x: P.multiply(P.add(x, two()), P.add(x, P.multiply(two(), 1.0)))) == ["add", "multiply"]


def _relu(x):
    return P.where(P.less_equal(x, 0.0), 0.0, x)


def _with_gradient_of_relu_and_pool(numbers, more=lambda r: [], **how):
    """The simplified nodes of max_pool(relu(x)), its gradient, and `more` of relu(x); results are checked to the last bit."""
    tracer = Tracer(REFERENCE)
    x = tracer.input(numbers.shape, "float32")
    with context.use(tracer):
        r = _relu(x)
        y = P.max_pool(r, **how)
        g = tracer.input(y.shape, "float32")
        tracer.close([y, P.where(P.less_equal(x, 0.0), 0.0, P.max_pool_grad(r, y, g, **how)), *more(r)])
    simple = simplify(tracer.graph)
    simple.check()
    cotangent = np.random.default_rng(1).normal(size=g.shape).astype("float32")
    cotangent.flat[:3] = np.inf, np.nan, -np.inf
    with context.use(REFERENCE), np.errstate(all="ignore"):
        for got, wanted in zip(simple(numbers, cotangent), tracer.graph(numbers, cotangent), strict=True):
            assert np.asarray(got).tobytes() == np.asarray(wanted).tobytes()
    return simple.nodes


def test_pooled_before_it_is_rectified():
    values = np.array([-2, -1, -0.0, 0, 1, 2, np.nan, np.inf, -np.inf], "float32")
    numbers = np.random.default_rng(0).choice(values, size=(3, 7, 8, 2))
    numbers[0, :4] = -np.abs(numbers[0, :4])  # windows without positive numbers
    tiles = dict(window=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)))
    overlapping = dict(window=(3, 2), strides=(2, 1), padding=((1, 2), (0, 1)))
    for how in (tiles, overlapping):
        nodes = _with_gradient_of_relu_and_pool(numbers, **how)
        assert sorted(node.primitive.name for node in nodes) == ["less_equal", "max_pool", "max_pool_grad", "where", "where"]
        assert all(node.results[0].shape != numbers.shape for node in nodes if node.primitive.name in ("where", "less_equal"))
    beyond = dict(window=(2, 2), strides=(2, 2), padding=((2, 0), (0, 0)))  # windows in the padding: -inf
    for more, how in ((lambda r: [], beyond), (lambda r: [P.exp(r)], tiles)):
        nodes = _with_gradient_of_relu_and_pool(numbers, more, **how)
        assert any(node.results[0].shape == numbers.shape for node in nodes if node.primitive.name == "where")


def test_functions_of_control_nodes():
    def fn(x):
        return P.scan(x, body_fn=lambda s: [P.reshape(P.exp(s), shape=(2, 3))], n_carry=1, n_xs=0, length=2, reverse=False)[0]

    graph = record(fn)
    (node,) = simplify(graph).nodes
    assert [inner.primitive.name for inner in node.params["body_fn"].nodes] == ["exp"]
