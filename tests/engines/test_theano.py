"""What is particular to the Theano engine: its compiled modes, and storage that is Theano's own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import layers, ops, utils
from cornu import primitives as P
from cornu.contract import registry
from cornu.contract.program import Program
from cornu.graph.graph import Graph, Node, Value
from cornu.primitives.primitive import lookup
from cornu.variable import Variable

pytestmark = pytest.mark.skipif(not registry.is_installed("theano"), reason="PyTensor is not installed")

X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")


def losses():
    utils.set_random_seed(2)
    model = cornu.Sequential([layers.Input((6,)), layers.Dense(5, "tanh"), layers.Dropout(0.3), layers.Dense(1)])
    model.compile("adam", "mse")
    return model.fit(X, X[:, :1], batch_size=8, epochs=2, verbose=0).history["loss"]


@pytest.mark.parametrize("mode", ["numba", "python"])
def test_compiled_training_equals_numpy(monkeypatch, mode):
    monkeypatch.setenv("CORNU_THEANO_MODE", mode)
    with cornu.engine("theano"):
        found = losses()
    with cornu.engine("numpy"):
        np.testing.assert_allclose(found, losses(), rtol=1e-5)


def test_an_unknown_mode_is_named(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "fast")
    with cornu.engine("theano"), pytest.raises(ValueError, match=r"CORNU_THEANO_MODE is 'fast'.*numba, c, python"):
        losses()


def test_variables_are_shared_variables():
    from pytensor.compile.sharedvalue import SharedVariable

    with cornu.engine("theano"):
        v = Variable(np.arange(3, dtype="float32"))
        assert isinstance(v.storage, SharedVariable)
        before = v.storage
        Program(lambda x: v.assign(ops.add(v, x)))(np.ones(3, "float32"))
        assert v.storage is before
        np.testing.assert_array_equal(v.numpy(), [1, 2, 3])
        v.storage.set_value(np.zeros(3, "float32"))
        np.testing.assert_array_equal(v.numpy(), np.zeros(3))


def test_results_do_not_change_later():
    with cornu.engine("theano"):
        v = Variable(np.zeros(2, "float32"))
        step = Program(lambda x: (v.assign_add(x), ops.multiply(v, 1.0), ops.reshape(v, (1, 2))))
        first = [np.array(y) for y in step(np.ones(2, "float32"))]
        kept = step(np.ones(2, "float32"))
        step(np.ones(2, "float32"))
        np.testing.assert_array_equal(first[1], [1, 1])
        np.testing.assert_array_equal(kept[1], [2, 2])
        np.testing.assert_array_equal(kept[2], [[2, 2]])


def test_sums_are_not_reordered(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")
    x, y = np.random.default_rng(1).normal(size=(2, 1000)).astype("float32")
    with cornu.engine("theano"):
        found = Program(lambda x, y: ops.subtract(ops.add(x, ops.multiply(ops.subtract(y, x), 0.1)), y))(x, y)
    np.testing.assert_array_equal(found, (x + (y - x) * np.float32(0.1)) - y)


def test_programs_with_ops_of_ours_come_from_the_cache(tmp_path):
    script = """
import os
import subprocess
import sys

import numpy as np
import cornu
from cornu import ops
from cornu.contract.program import Program
from numba.core import event

class Count(event.Listener):
    compiled = []
    def on_start(self, event): self.compiled.append(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event): pass

event.register("numba:compile", Count())
with cornu.engine("theano"):
    print(np.ravel(Program(lambda x: ops.sort(ops.add(x, 1.0)))(np.array([3, 1], "float32"))).tolist())
print("numba_funcified_fgraph" in Count.compiled)
"""
    environment = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={tmp_path}", "CORNU_THEANO_MODE": "numba"}
    runs = [subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [run.stdout.split("\n")[:2] for run in runs] == [["[2.0, 4.0]", "True"], ["[2.0, 4.0]", "False"]], runs[1].stderr


@pytest.mark.parametrize("mode", ["numba", "python"])
def test_integers_wrap_within_fused_loops(monkeypatch, mode):
    monkeypatch.setenv("CORNU_THEANO_MODE", mode)
    x = np.array([3, 70000, 2**31 - 1, -(2**31)], "int32")

    def signs(x):
        return [ops.less(y, 0) for y in (ops.multiply(x, 70001), ops.add(x, 1), ops.subtract(x, 1), ops.negative(x), ops.abs(x))]

    with cornu.engine("theano"):
        found = Program(signs)(x)
    one, factor = np.int32(1), np.int32(70001)
    np.testing.assert_array_equal(found, [y < 0 for y in (x * factor, x + one, x - one, -x, np.abs(x))])


def test_dropout_drops_what_numpy_drops(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")

    def dropped():
        utils.set_random_seed(1)
        layer = layers.Dropout(0.25)
        return np.array(Program(lambda x: layer(x, training=True))(np.ones(300, "float32")))

    with cornu.engine("theano"):
        found = dropped()
    with cornu.engine("numpy"):
        np.testing.assert_array_equal(found, dropped())


@pytest.mark.parametrize("mode", ["numba", "python"])
def test_a_variable_in_another_order_is_read_right(monkeypatch, mode):
    monkeypatch.setenv("CORNU_THEANO_MODE", mode)
    x = np.arange(6, dtype="float32").reshape(2, 3)
    with cornu.engine("theano"):
        v = Variable(np.zeros((2, 3), "float32"))
        v.storage.set_value(np.asfortranarray(x), borrow=True)
        found = Program(lambda: (ops.reshape(v, (6,)), ops.add(v, 1.0), ops.transpose(v)))()
    for result, wanted in zip(found, (x.reshape(6), x + 1, x.T), strict=True):
        np.testing.assert_array_equal(result, wanted)


def test_what_is_made_of_constants_is_computed_before(monkeypatch):
    import pytensor

    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")
    graph = Graph()
    x, *made = [Value(graph, (1,), "float32") for _ in range(4)]
    y, product, total = made
    graph.inputs, graph.outputs = [x], [total]
    graph.constants = {y: np.array([3], "float32")}
    graph.nodes = [
        Node(lookup("multiply"), [y, y], {}, [product]),
        Node(lookup("exp"), [product], {}, [total]),
    ]
    with pytensor.config.change_flags(on_opt_error="raise"):  # PyTensor would but print what it caught
        (found,) = registry.get("theano").lower(graph, [], [])(np.ones(1, "float32"))
        with cornu.engine("theano"):
            row = Program(lambda x: lookup("take")(x, np.array(1, "int32"), axis=0))(np.eye(3, dtype="float32"))
    np.testing.assert_allclose(found, [np.exp(9)], rtol=1e-6)
    np.testing.assert_array_equal(row, [0, 1, 0])


def memory():
    """The process's, in megabytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
def test_copies_of_what_does_not_lie_in_order_are_released(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")
    x = np.random.default_rng(0).normal(size=(2, 500, 400)).astype("float32")

    def uses(x):
        cut, turned = x[0, ::2], ops.flip(x, axis=1)
        return ops.matmul(cut, ops.transpose(x[1, ::2])), ops.reshape(turned, (400, 1000)), ops.exp(turned), ops.max(turned)

    with cornu.engine("theano"):
        program = Program(uses)
        found = program(x)
        before = memory()
        for _ in range(50):
            program(x)
    assert memory() - before < 20  # a copy of x is 1.5
    turned = x[:, ::-1]
    wanted = x[0, ::2] @ x[1, ::2].T, turned.reshape(400, 1000), np.exp(turned), turned.max()
    for result, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(result, right, rtol=1e-5, atol=1e-4)


def test_rows_columns_and_numbers_are_products_too(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")
    x = np.random.default_rng(0).normal(size=(3, 4))
    pairs = [(x, x.T), (x.T, x), (x[:1], x.T), (x, x[:1].T), (x[:1], x[:1].T), (x[:, :1], x[:1]), (x.T[:1], x), (x.T, x[:, :1])]
    with cornu.engine("theano"):
        found = Program(lambda x: [
            ops.matmul(a, b) for a, b in [
                (x, ops.transpose(x)), (ops.transpose(x), x), (x[:1], ops.transpose(x)), (x, ops.transpose(x[:1])),
                (x[:1], ops.transpose(x[:1])), (x[:, :1], x[:1]), (ops.transpose(x)[:1], x), (ops.transpose(x), x[:, :1]),
            ]
        ])(x)  # fmt: skip
    for result, (a, b) in zip(found, pairs, strict=True):
        np.testing.assert_allclose(result, a @ b, rtol=1e-12)


def test_an_error_on_the_host_reaches_the_caller(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")
    with cornu.engine("theano"), pytest.raises(np.linalg.LinAlgError):
        Program(lambda x: ops.linalg.inv(x) + 1.0)(np.zeros((2, 2), "float32"))


def test_complex_numbers_of_two_real_ones(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")
    x = np.arange(6, dtype="float32").reshape(2, 3)
    with cornu.engine("theano"):
        found = Program(lambda x: P.multiply(P.complex(x, P.add(x, 1.0)), 2.0))(x)
    np.testing.assert_array_equal(np.asarray(found), (2 * x + 2j * (x + 1)).astype("complex64"))
