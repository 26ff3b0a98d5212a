"""Recording: inputs, constants, captured values, cells, and inference without numbers."""

import gc

import numpy as np
import pytest

from cornu import context
from cornu import primitives as P
from cornu.contract import state
from cornu.contract.conformance.services import TestCell
from cornu.contract.tracer import Recording, Tracer, infer
from cornu.engines.numpy import NumpyEngine


def record(fn, *specs):
    recording = Recording(context.current(), fn, specs)
    recording.graph.check()
    return recording


def names(graph):
    return [node.primitive.name for node in graph.nodes]


def cell(values, dtype="float32"):
    return TestCell(context.current(), np.array(values, dtype))


def test_numbers_alone_are_computed_not_recorded():
    graph = record(lambda x: [P.add(x, P.sum(P.exp(np.zeros(3)), axes=(0,)))], ((), "float64")).graph
    assert names(graph) == ["add"]
    (constant,) = graph.constants.values()
    assert constant == 3


def test_constants_of_one_array_are_one():
    table = np.arange(3.0)
    graph = record(lambda x: [P.add(P.add(x, table), table), P.add(x, 1.0), P.multiply(x, 1.0)], ((3,), "float64")).graph
    assert len(graph.constants) == 2


def test_numbers_of_several_dtypes_are_several_constants():
    graph = record(lambda x, n: [P.add(x, 1), P.add(n, 1)], ((), "float32"), ((), "int32")).graph
    assert sorted(v.dtype for v in graph.constants) == ["float32", "int32"]


def test_constants_that_are_gone_are_not_mistaken():
    """An array made on the way may get the place in memory of one that was made before."""

    def program(x):
        for n in range(1, 20):
            x = P.add(x, np.full(3, n, "int32"))
            gc.collect()
        return [x]

    (y,) = record(program, ((3,), "float64")).graph(np.zeros(3))
    assert y.tolist() == [190] * 3


def test_captured_values_become_operands():
    def program(x, w):
        doubled = P.multiply(w, 2)

        def body(c):
            return [P.add(P.multiply(c, doubled), w)]

        return P.scan(x, body_fn=body, n_carry=1, n_xs=0, length=2, reverse=False)

    graph = record(program, ((2,), "float32"), ((2,), "float32")).graph
    scan = graph.nodes[-1]
    assert names(graph) == ["multiply", "scan"]
    assert scan.operands == [graph.inputs[0], graph.nodes[0].results[0], graph.inputs[1]]
    body = scan.params["body_fn"]
    assert len(body.inputs) == 3 and len(body.outputs) == 1
    assert graph(np.ones(2, "float32"), np.full(2, 3, "float32"))[0].tolist() == [57, 57]


def test_both_branches_take_all_captured_values():
    def program(p, x, y):
        return P.cond(p, true_fn=lambda: [P.exp(x)], false_fn=lambda: [P.multiply(y, x)])

    graph = record(program, ((), "bool"), ((2,), "float32"), ((2,), "float32")).graph
    cond = graph.nodes[-1]
    assert cond.operands == graph.inputs
    for name in ("true_fn", "false_fn"):
        assert [v.shape for v in cond.params[name].inputs] == [(2,), (2,)]
    x, y = np.zeros(2, "float32"), np.full(2, 3, "float32")
    assert graph(np.array(True), x, y)[0].tolist() == [1, 1]
    assert graph(np.array(False), x, y)[0].tolist() == [0, 0]


def test_a_branch_may_give_back_what_only_it_captured():
    def program(p, x):
        known = P.exp(x)
        return P.cond(p, true_fn=lambda: [P.multiply(x, 2.0)], false_fn=lambda: [known])

    cond = record(program, ((), "bool"), ((2,), "float32")).graph.nodes[-1]
    assert len(cond.operands) - 1 == len(cond.params["true_fn"].inputs) == len(cond.params["false_fn"].inputs) == 2


def test_capturing_through_two_levels():
    def program(x, w):
        def outer(c):
            return P.scan(c, body_fn=lambda d: [P.multiply(d, w)], n_carry=1, n_xs=0, length=2, reverse=False)

        return P.scan(x, body_fn=outer, n_carry=1, n_xs=0, length=2, reverse=False)

    graph = record(program, ((), "float32"), ((), "float32")).graph
    assert graph(np.float32(1), np.float32(3))[0] == 81


def test_a_body_may_give_back_what_it_captured():
    def program(x, w):
        return P.scan(x, body_fn=lambda c: [c, w, P.exp(w)], n_carry=1, n_xs=0, length=2, reverse=False)

    last, same, powers = record(program, ((), "float32"), ((), "float32")).graph(np.float32(1), np.float32(0))
    assert last == 1 and same.tolist() == [0, 0] and powers.tolist() == [1, 1]


@pytest.mark.parametrize(
    "body, match",
    [
        (lambda c: [P.broadcast_to(c, shape=(2, 3))], "must stay"),
        (lambda c: [P.cast(c, dtype="float64")], "carries of dtypes"),
    ],
)
def test_carries_must_stay(body, match):
    with pytest.raises((ValueError, TypeError), match=match):
        record(
            lambda x: P.scan(x, body_fn=body, n_carry=1, n_xs=0, length=2, reverse=False),
            ((3,), "float32"),
        )


@pytest.mark.parametrize(
    "other, match",
    [(lambda x: [P.cast(x, dtype="int32")], "different dtypes"), (lambda x: [P.sum(x, axes=(0,))], "different shapes")],
)
def test_branches_must_be_alike(other, match):
    with pytest.raises((ValueError, TypeError), match=match):
        record(
            lambda p, x: P.cond(p, x, true_fn=lambda x: [P.exp(x)], false_fn=other), ((), "bool"), ((3,), "float32")
        )


def test_cells_become_inputs_and_outputs():
    total, scale = cell([0, 0]), cell([2, 3])

    def program(x):
        state.write(total, P.add(total.value, P.multiply(x, scale.value)))
        return [P.negative(total.value)]

    recording = record(program, ((2,), "float32"))
    assert recording.cells == [total, scale] and recording.written == [total]
    assert len(recording.graph.inputs) == 3 and len(recording.graph.outputs) == 2
    assert total.value.tolist() == [0, 0], "recording must not compute"
    one = np.ones(2, "float32")
    new, result = recording.graph(one, one * 5, one)
    assert new.tolist() == [6, 6] and result.tolist() == [-6, -6]


def test_cells_inside_bodies_are_captured():
    scale = cell(3)
    recording = record(
        lambda x: P.scan(x, body_fn=lambda c: [P.multiply(c, scale.value)], n_carry=1, n_xs=0, length=2, reverse=False),
        ((), "float32"),
    )
    assert recording.cells == [scale]
    assert recording.graph(np.float32(2), np.float32(1))[0] == 4


def test_a_branch_on_data_is_refused():
    with pytest.raises(TypeError, match="no truth while a function is being compiled"):
        record(lambda x: [x if x else P.exp(x)], ((), "float32"))


def test_errors_name_primitive_shapes_and_engine():
    with pytest.raises(ValueError, match=r"add: shapes .*\(2, 3\), \(4,\).*float32\[2, 3\], float32\[4\].*reference"):
        record(lambda x, y: [P.add(x, y)], ((2, 3), "float32"), ((4,), "float32"))


def test_inference_computes_nothing():
    def program(values):
        huge = P.broadcast_to(values[0], shape=(10**9, 10**9))
        return P.sum(huge, axes=(0,), keepdims=True)

    result = infer(context.current(), program, [((), "bfloat16")])
    assert result.shape == (1, 10**9) and result.dtype == "bfloat16"


def test_inference_reads_cells():
    one = cell([1, 2, 3])
    result = infer(context.current(), lambda values: P.multiply(values[0], one), [((2, 1), "float32")])
    assert result.shape == (2, 3)
    assert isinstance(context.current(), Tracer) is False


def test_gradients_are_recorded():
    def program(x):
        now = context.current()
        return now.value_and_grad(lambda x: (P.sum(P.multiply(x, x), axes=(0,)), []), [x])[2]

    graph = record(program, ((3,), "float32")).graph
    x = np.array([1, 2, 3], "float32")
    np.testing.assert_allclose(graph(x)[0], 2 * x)


def test_a_branch_that_returns_an_outer_value():
    """Both branches must be callable with the node's operands."""

    def fn(x):
        doubled = P.multiply(x, 2)
        return P.cond(P.less(P.sum(x, axes=(0,)), 0), true_fn=lambda: [x], false_fn=lambda: [doubled])

    graph = Recording(NumpyEngine(), fn, [((2,), "float32")]).graph
    (node,) = [node for node in graph.nodes if node.primitive.name == "cond"]
    assert {len(g.inputs) for g in node.params.values()} == {len(node.operands) - 1}
