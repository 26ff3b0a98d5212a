"""Replay: straight-line source, inline expressions, values forgotten when they are done, functions of control nodes."""

import numpy as np

from cornu import context
from cornu import primitives as P
from cornu.contract.conformance.reference import REFERENCE
from cornu.contract.tracer import Recording
from cornu.graph.replay import replay

KERNELS = REFERENCE.kernels


def record(fn, *specs):
    return Recording(context.current(), fn, specs).graph


def lines(program):
    return [line.strip() for line in program.source.splitlines()]


def test_source_calls_kernels_and_forgets_what_is_done():
    graph = record(lambda x: [P.sum(P.add(P.exp(x), x), axes=(0,))], ((2, 3), "float32"))
    program = replay(graph, KERNELS)
    assert lines(program) == [
        "def program(v0):",
        "v1 = k_exp(v0)",
        "v2 = k_add(v1, v0)",
        "del v0, v1",
        "v3 = k_sum(v2, axes=(0,), keepdims=False)",
        "del v2",
        "return [v3]",
    ]
    x = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_allclose(program(x)[0], (np.exp(x) + x).sum(0), rtol=1e-6)


def test_inputs_and_outputs_are_kept():
    def program(x, y):
        z = P.exp(x)
        return [z, P.add(z, y), x, x]

    run = replay(record(program, ((2,), "float32"), ((2,), "float32")), KERNELS)
    x, y = np.zeros(2, "float32"), np.ones(2, "float32")
    assert [r.tolist() for r in run(x, y)] == [[1, 1], [2, 2], [0, 0], [0, 0]]
    assert [r.tolist() for r in run(y, y)][2] == [1, 1]


def test_results_that_nobody_uses_are_forgotten():
    def body(c, n):
        return [P.exp(c), P.add(n, 1)]

    def program(x):
        last, _ = P.scan(x, np.int32(0), body_fn=body, n_carry=2, n_xs=0, length=2, reverse=False)
        return [last]

    run = replay(record(program, ((), "float32")), KERNELS)
    assert any(line.startswith("del") for line in lines(run))
    np.testing.assert_allclose(run(np.float32(0).reshape(()))[0], np.e, rtol=1e-6)


def test_expressions_stand_inline():
    graph = record(lambda x: [P.reshape(P.multiply(P.add(x, 1.0), x), shape=(3, 2))], ((2, 3), "float32"))
    expressions = {"add": "x1 + x2", "multiply": "x1 * x2", "reshape": "x.reshape(shape)"}
    run = replay(graph, KERNELS, expressions)
    assert "v2 = v0 + v1" in lines(run)
    assert "v3 = v2 * v0" in lines(run)
    assert "v4 = v3.reshape((3, 2))" in lines(run)
    x = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(run(x)[0], ((x + 1) * x).reshape(3, 2))


def test_expressions_use_their_namespace():
    run = replay(record(lambda x: [P.exp(x)], ((), "float32")), {}, {"exp": "lib.exp(x)"}, {"lib": np})
    assert "v1 = lib.exp(v0)" in lines(run)
    assert run(np.float32(0))[0] == 1


def test_expressions_of_many_operands():
    graph = record(lambda x, y: [P.concatenate(x, y, x, axis=0)], ((1,), "float32"), ((2,), "float32"))
    run = replay(graph, {}, {"concatenate": "np.concatenate(xs, axis)"}, {"np": np})
    assert run(np.zeros(1), np.ones(2))[0].tolist() == [0, 1, 1, 0]


def test_constants_are_converted_once():
    converted = []

    def constant(array):
        converted.append(array)
        return array

    run = replay(record(lambda x: [P.add(x, np.arange(3.0))], ((3,), "float64")), KERNELS, constant=constant)
    run(np.zeros(3))
    assert len(converted) == 1
    assert run(np.ones(3))[0].tolist() == [1, 2, 3]


def test_numbers_without_a_literal():
    def program():
        return [P.full(shape=(1,), value=value, dtype="float32") for value in (np.inf, -np.inf, np.nan, 1e30)]

    values = [y.item() for y in replay(record(program), KERNELS)()]
    assert values[0] == np.inf and values[1] == -np.inf and np.isnan(values[2]) and values[3] == np.float32(1e30)


def test_functions_of_control_nodes_are_programs_too():
    def program(x, w):
        def body(c, e):
            c = P.add(P.multiply(c, w), e)
            return [c, P.cond(P.less(c, 3.0), c, true_fn=lambda v: [P.negative(v)], false_fn=lambda v: [P.add(v, w)])[0]]

        return P.scan(P.full(shape=(), value=0, dtype="float32"), x, body_fn=body, n_carry=1, n_xs=1, length=3, reverse=False)

    graph = record(program, ((3,), "float32"), ((), "float32"))
    graph.check()
    last, seen = replay(graph, KERNELS)(np.array([1, 1, 1], "float32"), np.float32(2))
    assert last == 7 and seen.tolist() == [-1, 5, 9]


def test_memory_is_used_again_where_nobody_sees_it():
    inline = {"exp": "np.exp(x, out)", "add": "np.add(x1, x2, out)", "reshape": "x.reshape(shape)"}

    def chain(x, y):
        a = P.exp(x)  # written over: nobody needs it after the sum
        b = P.add(a, y)
        c = P.exp(b)  # an output: stays
        d = P.reshape(P.add(c, y), shape=(6,))  # shows the sum's memory, so that e can't be written there
        e = P.add(P.reshape(d, shape=(2, 3)), y)
        return [c, P.add(d, 1.0), P.sum(e, axes=(0,))]

    graph = record(chain, ((2, 3), "float32"), ((2, 3), "float32"))
    program = replay(graph, KERNELS, inline, {"np": np}, fresh=["sum"])
    assert [line.split(" = ")[1] for line in lines(program) if "np." in line] == [
        "np.exp(v0, None)", "np.add(v3, v1, v3)", "np.exp(v4, v4)", "np.add(v5, v1, None)", "np.add(v6, v1, None)",
        "np.add(v7, v2, None)",
    ]  # fmt: skip
    x, y = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3), np.full((2, 3), 0.5, "float32")
    kept = x.copy(), y.copy()
    c, d, e = program(x, y)
    expected = np.exp(np.exp(x) + y)
    np.testing.assert_allclose(c, expected, rtol=1e-6)
    np.testing.assert_allclose(d, (expected + y).ravel() + 1, rtol=1e-6)
    np.testing.assert_allclose(e, (expected + 2 * y).sum(0), rtol=1e-6)
    np.testing.assert_array_equal((x, y), kept)
