"""The elementwise end of training steps, computed in blocks."""

import numpy as np
import pytest

from cornu import context
from cornu import primitives as P
from cornu.contract import registry, state
from cornu.contract.conformance.services import TestCell
from cornu.contract.tracer import Recording
from cornu.engines.remote.tail import BLOCK, Tail, tail
from cornu.graph.graph import Graph


@pytest.fixture
def numpy_engine():
    engine = registry.get("numpy")
    with context.use(engine):
        yield engine


def momentum_step(engine, shapes):
    """A step over variables of these shapes whose gradients come from products; a counter of steps decides on the rate."""
    rng = np.random.default_rng(0)
    weights = [TestCell(engine, rng.normal(size=shape).astype("float32")) for shape in shapes]
    speeds = [TestCell(engine, rng.normal(size=shape).astype("float32")) for shape in shapes]
    count = TestCell(engine, np.array(3, "int32"))

    def step(x):
        rate = P.divide(0.1, P.cast(count.value, dtype="float32"))
        total = 0.0
        for w, s in zip(weights, speeds):
            g = P.matmul(P.matmul(w.value, P.transpose(w.value, axes=(1, 0))), w.value)
            total = P.add(P.sum(P.multiply(g, x), axes=(0, 1)), total)
            speed = P.subtract(P.multiply(s.value, 0.9), P.multiply(g, rate))
            state.write(s, speed)
            state.write(w, P.add(w.value, P.maximum(speed, -0.5)))
        state.write(count, P.add(count.value, 1))
        return [total, P.multiply(total, 2.0)]

    return [*weights, *speeds, count], step


def run_in_parts(engine, step, *args):
    """New values of what the step writes, and its results, with the tail apart from the rest."""
    recording = Recording(engine, step, [(np.shape(x), "float32") for x in args])
    graph, written = recording.graph, len(recording.written)
    nodes = tail(graph, written)
    end = Tail(engine.replay, graph, nodes)
    head = Graph()
    head.inputs, head.constants, head.nodes = graph.inputs, graph.constants, [node for node in graph.nodes if node not in nodes]
    made = [v for node in head.nodes for v in node.results]
    head.outputs = made
    known = {**graph.constants, **dict(zip(graph.inputs, [*[cell.storage for cell in recording.cells], *args]))}
    known.update(zip(made, engine.replay(head)(*[known[v] for v in graph.inputs])))
    places = {v: np.zeros(v.shape, v.dtype) for v in graph.outputs[:written]}
    end(known, places)
    whole = dict(zip(graph.outputs, engine.replay(graph)(*[known[v] for v in graph.inputs])))
    return nodes, known, whole


@pytest.mark.parametrize("shapes", [[(2, 3)], [(150, 120), (2, 3), (120, 150)], [(1, BLOCK), (BLOCK + 1, 1), (2, BLOCK)]])
def test_parts_give_what_the_whole_gives(numpy_engine, shapes):
    _, step = momentum_step(numpy_engine, shapes)
    nodes, known, whole = run_in_parts(numpy_engine, step, np.float32(0.5))
    assert {node.primitive.name for node in nodes} <= {"add", "subtract", "multiply", "divide", "maximum", "cast"}
    assert len(nodes) >= 5 * len(shapes)
    for value, right in whole.items():
        assert np.array_equal(known[value], right), value


def test_what_others_need_stays(numpy_engine):
    weight = TestCell(numpy_engine, np.ones((2, 3), "float32"))

    def step(x):
        new = P.add(P.matmul(x, weight.value), 1.0)
        state.write(weight, new)
        return [P.multiply(new, 2.0), P.sum(new, axes=(0, 1))]

    nodes, *_ = run_in_parts(numpy_engine, step, np.ones((2, 2), "float32"))
    assert nodes == []


def test_programs_that_are_elementwise_or_write_nothing_stay_whole(numpy_engine):
    weight = TestCell(numpy_engine, np.ones(3, "float32"))

    def elementwise(x):
        state.write(weight, P.add(weight.value, x))
        return []

    graph = Recording(numpy_engine, elementwise, [((3,), "float32")]).graph
    assert tail(graph, 1) == []
    graph = Recording(numpy_engine, lambda x: [P.exp(P.sum(x, axes=(0,)))], [((3,), "float32")]).graph
    assert tail(graph, 0) == []


def test_other_shapes_are_not_flattened(numpy_engine):
    weight = TestCell(numpy_engine, np.ones((2, 3), "float32"))

    def step(x):
        state.write(weight, P.multiply(P.add(P.sum(x, axes=(0,)), weight.value), 0.5))
        return []

    nodes, known, whole = run_in_parts(numpy_engine, step, np.ones((4, 3), "float32"))
    assert [node.primitive.name for node in nodes] == ["multiply"]
    assert all(np.array_equal(known[v], right) for v, right in whole.items())
