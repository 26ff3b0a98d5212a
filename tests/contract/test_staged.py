"""Staged engines: programs are cut into steps on the host and on the engine; state stays there between steps."""

import numpy as np
import pytest

from cornu import context
from cornu import primitives as P
from cornu.contract import state
from cornu.contract.conformance.services import TestCell, cell
from cornu.contract.conformance.suite import run as conformance
from cornu.contract.staged import StagedEngine
from cornu.engines.numpy import NumpyEngine
from cornu.primitives import TABLE


class Box:
    """A storage."""

    def __init__(self, array):
        self.array = np.array(array)


class Toy(StagedEngine, NumpyEngine):
    """A staged engine that computes by the references, and counts."""

    name = "toy"
    lowering = {name: record.reference for name, record in TABLE.items()}

    def __init__(self):
        super().__init__()
        self.lowered, self.downloads = [], 0

    def lower(self, graph, storages, written):
        graph.check()
        self.lowered.append(graph)
        apply = lambda node, *xs: self.lowering[node.primitive.name](*xs, **node.params)  # noqa: E731

        def program(*args):
            for x, value in zip(args, graph.inputs[len(storages) :], strict=True):
                assert (
                    isinstance(x, np.ndarray) and x.flags.c_contiguous and x.shape == value.shape and x.dtype.name == value.dtype
                )
            results = [np.array(y) for y in graph.evaluate([*[box.array for box in storages], *args], apply)]
            for i, value in zip(written, results, strict=False):
                storages[i].array = value
            return results[len(written) :]

        return program

    def upload(self, array):
        return Box(array)

    def download(self, storage):
        self.downloads += 1
        return np.array(storage.array)

    def update(self, storage, array):
        storage.array = np.array(array)


def without(*names, dtypes=None):
    """A toy that lacks primitives or dtypes."""

    class Lacking(Toy):
        lowering = {name: function for name, function in Toy.lowering.items() if name not in names}

    engine = Lacking()
    if dtypes:
        engine.dtypes = frozenset(dtypes)
    return engine


def used(graph):
    """Names of the primitives in a graph."""
    return [node.primitive.name for node in graph.nodes]


X = np.array([1.0, 2.0, 3.0], "float32")


def test_conformance_of_a_toy():
    wrong = [
        outcome
        for outcome in conformance(Toy(), lambda family, group: family in ("kernels", "services", "control"))
        if outcome.failed
    ]
    assert not wrong


def test_one_step_and_state_stays():
    engine = Toy()
    with context.use(engine):
        weight = cell(engine, X)

        def step(x):
            state.write(weight, P.add(weight.value, x))
            return [P.sum(weight.value, axes=(0,))]

        run = engine.compile(step, [X])
        results = [float(run(X)[0]) for _ in range(3)]
        assert results == [12, 18, 24]
        assert len(engine.lowered) == 1 and engine.downloads == 0
        assert weight.value.tolist() == [4, 8, 12] and engine.downloads == 1


def test_values_between_engine_and_host():
    """engine -> host -> engine, with a gradient through all of it, equal to NumPy's."""
    engine = without("tanh", "sort")
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 3)).astype("float32"), rng.normal(size=(3, 2)).astype("float32")

    def train(on):
        with context.use(on):
            weight = TestCell(on, w)

            def loss(v):
                hidden = P.tanh(P.matmul(x, v))
                return P.sum(P.multiply(P.sort(hidden, axis=0), hidden), axes=(0, 1)), []

            def step(x):
                value, _, (gradient,) = context.current().value_and_grad(loss, [weight.value])
                state.write(weight, P.subtract(weight.value, P.multiply(gradient, 0.1)))
                return [value]

            run = on.compile(step, [x])
            return [float(run(x)[0]) for _ in range(4)], weight.value

    losses, final = train(engine)
    wanted, right = train(NumpyEngine())
    np.testing.assert_allclose(losses, wanted, rtol=1e-6)
    np.testing.assert_allclose(final, right, rtol=1e-5)
    assert len(engine.lowered) > 1
    assert not {"tanh", "sort"} & {name for graph in engine.lowered for name in used(graph)}


def test_random_bits_are_fed_in():
    """An engine without integers: what depends on the stream alone runs before the one step on the engine."""
    from cornu.random import dropout

    def draw(on):
        with context.use(on):
            stream = TestCell(on, np.array([7, 0], "int32"))

            def step(x):
                now = stream.value
                state.write(stream, P.add(now, np.array([0, 1], "int32")))
                return [P.multiply(dropout(P.multiply(x, 2.0), 0.5, seed=now), 3.0)]

            run = on.compile(step, [np.ones((8, 8), "float32")])
            return [run(np.ones((8, 8), "float32"))[0] for _ in range(3)], stream.value

    engine = without("greater_equal", dtypes=["float32", "bool"])
    for (got, counter), (wanted, right) in [(draw(engine), draw(NumpyEngine()))]:
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(counter, right)
        assert not np.array_equal(got[0], got[1])
    assert [used(graph) for graph in engine.lowered] == [used(engine.lowered[0])]
    assert set(used(engine.lowered[0])) <= {"multiply", "where"}


def test_control_nodes_run_where_their_functions_can():
    engine = without("tanh")

    def loop(inner):
        return lambda x: P.scan(
            x, body_fn=lambda s: [inner(s)], n_carry=1, n_xs=0, length=3, reverse=False
        )

    with context.use(engine):
        for inner, native in ((P.exp, True), (P.tanh, False)):
            engine.lowered.clear()
            got = engine.compile(loop(inner), [X])(X)[0]
            with context.use(NumpyEngine()):
                np.testing.assert_allclose(got, loop(inner)(X)[0], rtol=1e-6)
            assert bool(engine.lowered) == native


def test_cells_of_dtypes_that_the_engine_lacks_stay_on_the_host():
    engine = without(dtypes=["float32"])
    with context.use(engine):
        count, weight = cell(engine, 0, "int32"), cell(engine, X)
        assert isinstance(count.storage, np.ndarray) and isinstance(weight.storage, Box)

        def step():
            state.write(count, P.add(count.value, 1))
            state.write(weight, P.multiply(weight.value, P.cast(count.value, dtype="float32")))
            return [count.value]

        run = engine.compile(step, [])
        assert [int(run()[0]) for _ in range(3)] == [1, 2, 3]
        assert weight.value.tolist() == (X * 6).tolist() and int(count.value) == 3


def test_a_cell_written_early_and_read_late():
    """What a later step on the engine reads is the old value."""
    engine = without("sort")
    with context.use(engine):
        weight = cell(engine, X)

        def step(x):
            old = weight.value
            state.write(weight, P.add(old, 1))
            return [P.multiply(P.sort(P.negative(P.add(x, 0.5)), axis=0), old)]

        run = engine.compile(step, [X])
        for turn in range(2):
            np.testing.assert_allclose(run(X)[0], np.sort(-(X + 0.5)) * (X + turn))
        assert weight.value.tolist() == (X + 2).tolist()


@pytest.mark.parametrize("lacking", [(), ("add",), tuple(TABLE)])
def test_outputs_that_are_inputs_or_constants(lacking):
    engine = without(*lacking)
    with context.use(engine):
        first, second, third = cell(engine, X), cell(engine, X * 2), cell(engine, X)

        def step(x):
            one, two = first.value, second.value
            state.write(first, two)
            state.write(second, one)
            state.write(third, np.zeros(3, "float32"))
            return [x, P.add(x, one), P.full(shape=(2,), value=1, dtype="float32"), x]

        results = engine.compile(step, [X])(X)
        for got, wanted in zip(results, (X, X * 2, np.ones(2), X), strict=True):
            np.testing.assert_array_equal(got, wanted)
        assert [c.value.tolist() for c in (first, second, third)] == [(X * 2).tolist(), X.tolist(), [0, 0, 0]]


def test_a_cell_that_went_away_and_came_back():
    engine = Toy()
    with context.use(engine):
        weight = cell(engine, X)
        run = engine.compile(lambda: [P.add(weight.value, 1)], [])
        run()
        weight.storage = engine.create_storage(X * 10, True)
        assert run()[0].tolist() == (X * 10 + 1).tolist()


def test_support():
    engine = without("eig")
    assert engine.support("add") == "native" and engine.support("eig") == "host"
    assert NumpyEngine().support("eig") == "native"
