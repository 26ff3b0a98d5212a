"""Symbolic tensors: shapes with unknown dimensions and dtypes come out of the ops' own bodies; nodes remember the calls."""

import numpy as np
import pytest

from cornu import context, layers, ops
from cornu import primitives as P
from cornu.contract.conformance.reference import REFERENCE
from cornu.ops.op import OPS, op
from cornu.ops.symbolic import KerasTensor, infer_outputs
from cornu.variable import Variable


@pytest.fixture(autouse=True)
def reference():
    with context.use(REFERENCE):
        yield


@pytest.fixture(autouse=True, scope="module")
def no_traces():
    """The ops made here leave the table as it was."""
    before = dict(OPS)
    yield
    OPS.clear()
    OPS.update(before)


@op
def soften(x, axis=-1):
    axis = axis % len(x.shape)
    e = P.exp(P.subtract(x, P.max(x, axes=(axis,), keepdims=True)))
    return P.divide(e, P.sum(e, axes=(axis,), keepdims=True))


@op
def flat(x):
    size = int(np.prod(x.shape[1:]))
    return P.reshape(x, shape=(x.shape[0], size))


@op
def halves(xs):
    first = [P.slice(x, start=(0, 0), limit=(x.shape[0] // 2, x.shape[1]), strides=(1, 1)) for x in xs]
    return {"first": first, "count": len(xs)}


def of_ten(x):
    """What takes few sizes, but more than one, does not make the size known."""
    if x.shape[0] > 10:
        raise ValueError("too many")
    return x


@pytest.mark.parametrize(
    "fn, shapes, result",
    [
        (lambda x: soften(x), [(None, 3)], (None, 3)),
        (lambda x: soften(x, axis=0), [(None, None)], (None, None)),
        (lambda x: flat(x), [(None, 4, 5)], (None, 20)),
        (lambda x: P.transpose(x, axes=(1, 0)), [(None, 3)], (3, None)),
        (lambda x: P.sum(x, axes=(0,)), [(None, 3)], (3,)),
        (lambda x: P.sum(x, axes=(0, 1)), [(None, None)], ()),
        (lambda x, y: P.add(x, y), [(None, 3), (3,)], (None, 3)),
        (lambda x, y: P.add(x, y), [(None, 3), (None, 1)], (None, 3)),
        (lambda x, y: P.add(x, y), [(None, 1), (1, 3)], (None, 3)),
        (lambda x, y: P.matmul(x, y), [(None, 2, 3), (3, 4)], (None, 2, 4)),
        (lambda x, y: P.concatenate(x, y, axis=0), [(None, 3), (2, 3)], (None, 3)),
        (lambda x, y: P.concatenate(x, y, axis=1), [(None, 3), (None, 2)], (None, 5)),
        (lambda x: P.reshape(x, shape=(x.shape[0] * x.shape[1], 4)), [(None, 3, 4)], (None, 4)),
        (lambda x: P.full(shape=(2,), value=0, dtype="float32"), [(None, 3)], (2,)),
        (lambda x, y: P.add(x, y), [(None, 3), (4, 3)], (4, 3)),
        (lambda x, y: P.add(x, y), [(None, None), (4, 3)], (4, 3)),
        (lambda x, y: P.matmul(x, y), [(None, None), (4, 3)], (None, 3)),
        (lambda x, y: P.concatenate(x, y, axis=1), [(None, 2), (3, None)], (3, None)),
        (lambda x: of_ten(x), [(None, 3)], (None, 3)),
        (lambda x: P.pad(x, 0, low=(1, 1), high=(0, 1), interior=(0, 0)), [(None, 3)], (None, 5)),
    ],
)
def test_unknown_dimensions(fn, shapes, result):
    inferred = infer_outputs(fn, [KerasTensor(shape) for shape in shapes], {})
    assert inferred.shape == result and inferred.dtype == "float32"


@pytest.mark.parametrize(
    "dtypes, result",
    [
        (("int32", "float16"), "float16"),
        (("bool", "int8"), "int8"),
        (("bfloat16", "float16"), "float32"),
        (("uint8", "int8"), "int16"),
    ],
)
def test_dtypes(dtypes, result):
    tensors = [KerasTensor((None, 3), dtype) for dtype in dtypes]
    assert infer_outputs(P.add, tensors, {}).dtype == result


def test_operands_that_are_no_symbols():
    x = KerasTensor((None, 3), "float16")
    weights = Variable(np.ones((3, 2), "float32"))
    assert infer_outputs(lambda x: P.matmul(x, weights), [x], {}).shape == (None, 2)
    assert infer_outputs(lambda x: P.add(x, np.ones(3, "float16")), [x], {}).dtype == "float16"
    assert infer_outputs(lambda x: P.add(x, 1), [x], {}).dtype == "float16"


def test_scan_over_an_unknown_batch():
    def fn(xs, state):
        return P.scan(state, xs, body_fn=lambda c, x: [P.add(c, x), P.exp(c)], n_carry=1, n_xs=1, length=5, reverse=False)

    last, seen = infer_outputs(fn, [KerasTensor((5, None, 3)), KerasTensor((None, 3))], {})
    assert last.shape == (None, 3) and seen.shape == (5, None, 3)


def test_nested_results_and_plain_ones():
    result = halves([KerasTensor((None, 3)), KerasTensor((4, 3))])
    assert [x.shape for x in result["first"]] == [(None, 3), (2, 3)] and result["count"] == 2


def test_nodes_remember_the_call():
    x = KerasTensor((None, 4, 5), name="x")
    y = flat(x)
    z = soften(y, axis=1)
    assert x.node is None
    assert y.node.operation is flat and y.node.inputs == [x] and y.node.args == (x,)
    assert z.node.operation is soften and z.node.kwargs == {"axis": 1} and z.node.parents == [y.node]
    assert halves([y])["first"][0].index == 0


def test_nothing_is_computed():
    huge = KerasTensor((10**6, 10**6))
    assert soften(huge).shape == (10**6, 10**6)


def test_a_mismatch_is_refused():
    with pytest.raises(ValueError, match=r"add: shapes .*can't be broadcast"):
        infer_outputs(P.add, [KerasTensor((None, 3)), KerasTensor((4,))], {})
    with pytest.raises(ValueError, match=r"shapes \(None, 2\), \(4, 3\)"):
        infer_outputs(P.add, [KerasTensor((None, 2)), KerasTensor((4, 3))], {})


def test_eager_calls_run_the_body():
    x = np.array([[0.0, 0.0]], "float32")
    assert soften(x).tolist() == [[0.5, 0.5]]
    assert soften.body(x).tolist() == [[0.5, 0.5]]
    assert OPS["soften"] is soften and soften.__name__ == "soften"


def test_overrides():
    engine = REFERENCE
    engine.overrides = {"soften": lambda x, axis=-1: "native" if axis == -1 else NotImplemented}
    try:
        x = np.zeros((1, 2), "float32")
        assert soften(x) == "native"
        assert soften(x, axis=1).tolist() == [[0.5, 0.5]]
        assert soften(KerasTensor((None, 2))).shape == (None, 2)
        with engine.bodies_only():
            assert soften(x).tolist() == [[0.5, 0.5]]
    finally:
        engine.overrides = {}


def test_overrides_get_tensors():
    got = []
    REFERENCE.overrides = {"soften": lambda x, axis=-1: got.append(x) or x}
    try:
        soften(Variable([1.0]))
        soften(np.float32(1))
    finally:
        REFERENCE.overrides = {}
    assert all(REFERENCE.is_tensor(x) for x in got) and len(got) == 2


def test_symbols_have_no_numbers():
    x = KerasTensor((None, 3), "int32", name="x")
    assert repr(x) == "<KerasTensor shape=(None, 3), dtype=int32, sparse=False, ragged=False, name=x>"
    for use in (bool, np.asarray, len, list):
        with pytest.raises((TypeError, ValueError)):
            use(x)
    assert len(KerasTensor((4, 3))) == 4


def test_symbolic_in_a_dict() -> None:
    found = ops.vectorized_map(lambda pair: pair["a"] + pair["b"], {"a": KerasTensor((None, 3)), "b": KerasTensor((None, 3))})
    assert isinstance(found, KerasTensor)
    assert found.shape == (None, 3)


@pytest.mark.parametrize("take", [lambda x, b: x + b, lambda x, b: b, lambda x, b: ops.exp(b) * x])
def test_symbols_from_outside_of_a_layer_are_refused(take) -> None:
    a, b = layers.Input((3,)), layers.Input((3,))
    with pytest.raises(TypeError, match="further input"):
        layers.Lambda(lambda x: take(x, b))(a)
