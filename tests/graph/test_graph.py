"""The specification of recorded programs: what the checker refuses, how a program prints, what pruning keeps."""

import numpy as np
import pytest

from cornu import context
from cornu import primitives as P
from cornu.contract.tracer import Recording
from cornu.graph import Graph, Node, Value
from cornu.primitives import lookup


def record(fn, *specs):
    return Recording(context.current(), fn, specs).graph


def small():
    """graph(x: float32[2, 3]) -> sum(exp(x) + 1)"""
    return record(lambda x: [P.sum(P.add(P.exp(x), 1.0), axes=(0,))], ((2, 3), "float32"))


def refused(graph, match):
    with pytest.raises(ValueError, match=match):
        graph.check()


def test_recorded_programs_pass():
    small().check()


def test_an_operand_must_be_computed_before():
    graph = small()
    graph.nodes.reverse()
    refused(graph, r"node 0 \(sum\): an operand is used before it is computed")


def test_results_must_have_the_shape_of_the_rules():
    graph = small()
    graph.nodes[0].results[0].shape = (2, 4)
    refused(graph, r"node 0 \(exp\): results .*2, 4.* where the rules give .*2, 3")


def test_results_must_have_the_dtype_of_the_rules():
    graph = small()
    graph.nodes[-1].results[0].dtype = "float64"
    refused(graph, r"\(sum\): results .*float64.* where the rules give .*float32")


def test_operands_must_be_promoted():
    graph = Graph()
    x, y = (Value(graph, (2,), dtype) for dtype in ("int32", "float32"))
    graph.inputs = [x, y]
    graph.nodes = [Node(lookup("add"), [x, y], {}, [Value(graph, (2,), "float32")])]
    refused(graph, r"\(add\): operands of dtypes \['int32', 'float32'\] are not promoted")


def test_operands_must_fit():
    graph = Graph()
    graph.inputs = [Value(graph, (2,), "float32"), Value(graph, (3,), "float32")]
    graph.nodes = [Node(lookup("add"), graph.inputs, {}, [Value(graph, (3,), "float32")])]
    refused(graph, "can't be broadcast")


@pytest.mark.parametrize("axes", [[0], np.int64(0), (np.int64(0),), {0}])
def test_parameters_must_be_plain(axes):
    graph = small()
    graph.nodes[-1].params = {"axes": axes, "keepdims": False}
    refused(graph, r"\(sum\): parameter axes is a .* which is not plain data")


@pytest.mark.parametrize("params", [{}, {"axes": (0,)}, {"axes": (0,), "keepdims": False, "more": 1}])
def test_parameters_must_be_complete(params):
    graph = small()
    graph.nodes[-1].params = params
    refused(graph, r"\(sum\): parameters .* instead of \['axes', 'keepdims'\]")


def test_outputs_must_be_computed():
    graph = small()
    graph.outputs = [Value(graph, (3,), "float32")]
    refused(graph, "an output is computed by no node")


def test_constants_must_have_their_shape_and_dtype():
    graph = small()
    (value,) = graph.constants
    graph.constants[value] = np.ones(3, "float32")
    refused(graph, r"holds an array float32\[3\]")


def test_functions_of_control_nodes_are_checked():
    graph = record(
        lambda x: P.scan(x, body_fn=lambda c: [P.exp(c)], n_carry=1, n_xs=0, length=3, reverse=False), ((2,), "float32")
    )
    body = graph.nodes[0].params["body_fn"]
    body.nodes[0].results[0].dtype = "float16"
    body.outputs = body.inputs
    refused(graph, r"node 0 \(exp\)")


def test_printing():
    assert str(small()).splitlines() == [
        "graph(v0: float32[2, 3]):",
        "  v1: float32[] = constant 1.0",
        "  v2: float32[2, 3] = exp(v0)",
        "  v3: float32[2, 3] = add(v2, v1)",
        "  v4: float32[3] = sum(v3, axes=(0,), keepdims=False)",
        "  return v4",
    ]


def test_printing_of_functions():
    def choose(p, x):
        return P.cond(p, x, true_fn=lambda v: [P.exp(v)], false_fn=lambda v: [v])

    assert str(record(choose, ((), "bool"), ((2,), "float32"))).splitlines() == [
        "graph(v0: bool[], v1: float32[2]):",
        "  v2: float32[2] = cond(v0, v1)",
        "    true_fn =",
        "      graph(v3: float32[2]):",
        "        v4: float32[2] = exp(v3)",
        "        return v4",
        "    false_fn =",
        "      graph(v5: float32[2]):",
        "        return v5",
        "  return v2",
    ]


def names(graph):
    return [node.primitive.name for node in graph.nodes]


def test_pruning_drops_what_no_output_needs():
    def program(x):
        P.sin(P.cos(x))
        return [P.exp(x)]

    graph = record(program, ((2,), "float32"))
    assert names(graph) == ["exp"]
    graph.check()


def test_pruning_computes_equal_nodes_once():
    graph = record(lambda x: [P.add(P.exp(x), P.exp(x)), P.exp(x)], ((2,), "float32"))
    assert names(graph) == ["exp", "add"]
    assert graph.nodes[1].operands == [graph.outputs[1]] * 2


@pytest.mark.parametrize(
    "other",
    [
        lambda x: P.sum(x, axes=(1,), keepdims=False),
        lambda x: P.sum(x, axes=(0,), keepdims=True),
        lambda x: P.prod(x, axes=(0,), keepdims=False),
    ],
)
def test_pruning_keeps_nodes_that_differ(other):
    graph = record(lambda x: [P.sum(x, axes=(0,), keepdims=False), other(x)], ((2, 2), "float32"))
    assert len(graph.nodes) == 2


def test_pruning_tells_numbers_apart():
    graph = record(
        lambda x: [P.add(x, P.full(shape=(2,), value=value, dtype="float32")) for value in (0.0, -0.0, 1, True)],
        ((), "float32"),
    )
    assert names(graph).count("full") == 4


def test_pruning_never_merges_functions():
    def program(x):
        def loop(scale):
            return P.scan(x, body_fn=lambda c: [P.multiply(c, scale)], n_carry=1, n_xs=0, length=2, reverse=False)[0]

        return [loop(2.0), loop(3.0)]

    graph = record(program, ((2,), "float32"))
    assert names(graph) == ["scan", "scan"]
    assert [y.tolist() for y in graph(np.ones(2, "float32"))] == [[4, 4], [9, 9]]


def test_pruning_drops_constants_that_nobody_needs():
    def program(x):
        P.add(x, np.ones(3, "float32"))
        return [x]

    assert not record(program, ((3,), "float32")).constants


def test_a_program_runs():
    x = np.array([[0, 1, 2], [0, 0, 0]], "float32")
    (y,) = small()(x)
    np.testing.assert_allclose(y, np.sum(np.exp(x) + 1, axis=0), rtol=1e-6)


def test_values_have_no_truth_and_no_numbers():
    x = Value(Graph(), (2,), "float32")
    with pytest.raises(TypeError, match="no truth"):
        bool(x)
    with pytest.raises(TypeError, match="no numbers"):
        np.asarray(x)
