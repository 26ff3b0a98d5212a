"""Programs: nested arguments, static ones, one compiled form for each signature."""

import numpy as np

from cornu import context
from cornu import primitives as P
from cornu.contract import registry
from cornu.contract.program import Program


def test_arguments_and_results_nest():
    program = Program(lambda batch, more: {"sum": P.add(batch["x"], more[0]), "list": [batch["y"], (more[1],)]})
    x, y = np.array([1.0, 2.0]), np.array(3)
    result = program({"x": x, "y": y}, (x, y))
    assert list(result) == ["list", "sum"]
    assert result["sum"].tolist() == [2, 4]
    assert isinstance(result["list"][1], tuple) and result["list"][1][0] == 3


def test_compiled_once_for_each_signature():
    calls = []

    def fn(x, training):
        calls.append((x.shape, training))
        return P.exp(x) if training else P.negative(x)

    program = Program(fn)
    for shape in ((2,), (3,), (2,)):
        for training in (True, False, True):
            result = program(np.zeros(shape, "float32"), training)
            assert result.tolist() == [1.0 if training else 0.0] * shape[0]
    assert sorted(calls) == [((2,), False), ((2,), True), ((3,), False), ((3,), True)]
    program(np.zeros(2, "float64"), True)
    assert len(calls) == 5


def test_static_arguments_of_equal_value_but_other_type():
    program = Program(lambda x, n: P.full(shape=(), value=n, dtype="float32") if isinstance(n, bool) else P.add(x, n))
    x = np.array(5.0)
    assert program(x, 1) == 6
    assert program(x, True) == 1
    assert program(x, 1.0) == 6


def test_plain_arguments_are_told_apart(engine):
    program = Program(lambda x, *more: P.add(x, more[0]) if more else P.negative(x))
    x, whole = (engine.asarray(np.ones((2, 2)), dtype) for dtype in ("float32", "int32"))
    for _ in range(2):  # the second time it knows all these
        for args, expected in (((x, x), 2), ((x,), -1), ((x[:1], x[:1]), 2), ((x, whole), 2), ((whole,), -1)):
            found = engine.to_numpy(program(*args))
            assert (found == expected).all() and found.shape == tuple(args[0].shape)
            assert found.dtype == engine.to_numpy(args[0]).dtype
    with context.use(registry.get("numpy")):
        assert isinstance(program(np.ones((2, 2), "float32")), np.ndarray)


def test_results_that_are_no_tensors_become_tensors():
    result = Program(lambda x: (x, 2.0))(np.array([1.0]))
    assert result[0].tolist() == [1] and result[1] == 2
