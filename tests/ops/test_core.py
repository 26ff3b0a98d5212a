"""Control flow, pieces, casts and patterns."""

import numpy as np
import pytest

from cornu import ops
from cornu.contract.program import Program
from cornu.ops.symbolic import KerasTensor
from cornu.primitives import dtypes as dt

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3)).astype("float32")


def numbers(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_associative_scan(check, count, reverse):
    turned = (lambda x: x[::-1]) if reverse else (lambda x: x)
    expected = turned(np.cumsum(turned(X[:count]), 0))
    check(lambda x: ops.associative_scan(ops.add, x, reverse), X[:count], expected=expected, unknown=False)
    along = lambda x: ops.associative_scan(ops.multiply, x, reverse, axis=1)  # noqa: E731
    expected = np.cumprod(X[:count, ::-1], 1)[:, ::-1] if reverse else np.cumprod(X[:count], 1)
    check(along, X[:count], expected=expected)


def test_associative_scan_of_what_does_not_commute(engine):
    scale, shift = X[:, 0], X[:, 1]
    both = lambda a, b: (ops.multiply(a[0], b[0]), ops.add(ops.multiply(a[1], b[0]), b[1]))  # noqa: E731
    _, got = ops.associative_scan(both, (scale, shift))
    state, expected = 0.0, []
    for a, b in zip(scale, shift, strict=True):
        state = a * state + b
        expected.append(state)
    np.testing.assert_allclose(numbers(got), expected, rtol=1e-5)
    assert ops.associative_scan(ops.add, KerasTensor((None, 3))).shape == (None, 3)


def test_map(check):
    check(lambda x: ops.map(lambda row: (ops.sum(row), ops.multiply(row, 2)), x), X, expected=(X.sum(1), 2 * X))
    check(lambda x: ops.vectorized_map(lambda row: ops.sum(ops.square(row)), x), X, expected=(X**2).sum(1))
    got = ops.map(lambda pair: ops.add(pair["a"], pair["b"]), {"a": X, "b": X})
    np.testing.assert_allclose(numbers(got), 2 * X)


def test_switch(check):
    branches = [lambda x: x, lambda x: ops.multiply(x, -1), lambda x: ops.multiply(x, 9)]
    for index, factor in ((-3, 1), (0, 1), (1, -1), (2, 9), (5, 9)):
        assert np.array_equal(numbers(ops.switch(index, branches, X)), factor * X)
        got = Program(lambda i, x: ops.switch(i, branches, x))(
            ops.convert_to_tensor(np.array(index, "int32")), ops.convert_to_tensor(X)
        )
        np.testing.assert_allclose(numbers(got), factor * X)
    check(lambda x: ops.switch(ops.convert_to_tensor(np.array(1, "int32")), branches, x), X, expected=-X)


def test_control_flow_on_symbols():
    x = KerasTensor((None, 3))
    assert ops.cond(KerasTensor((), "bool"), lambda: ops.zeros((2,)), lambda: ops.ones((2,))).shape == (2,)
    assert ops.scan(lambda c, row: (ops.add(c, row), ops.sum(row)), ops.zeros((3,)), KerasTensor((5, 3)))[1].shape == (5,)
    assert ops.fori_loop(0, 3, lambda i, v: ops.multiply(v, 2), x).shape == (None, 3)
    assert ops.while_loop(lambda v: ops.less(ops.sum(v), 9), lambda v: ops.multiply(v, 2), [x])[0].shape == (None, 3)
    assert ops.map(ops.sum, x).shape == (None,)


def test_loops(engine):
    assert numbers(ops.fori_loop(2, 5, lambda i, v: ops.add(v, i), np.array(0, "int32"))).item() == 9
    last = ops.while_loop(
        lambda i, v: ops.less(i, 100), lambda i, v: (ops.add(i, 1), ops.multiply(v, 2.0)), (0, 1.0), maximum_iterations=5
    )
    assert numbers(last[1]).item() == 32
    carry, seen = ops.scan(lambda c, x: (ops.add(c, x), c), np.float32(0), np.arange(4, dtype="float32"), reverse=True)
    assert numbers(carry).item() == 6 and numbers(seen).tolist() == [6, 5, 3, 0]


def test_pieces(check):
    check(lambda x: ops.slice(x, (1, 0), (3, 2)), X, expected=X[1:4, :2], unknown=False)
    check(lambda x: ops.slice(x, np.array([2, 1]), (-1, 1)), X, expected=X[2:, 1:2], unknown=False)
    for start, shape in (((5, 0), (3, 2)), ((-1, 0), (1, 2)), ((8, 0), (-1, 2))):
        with pytest.raises(ValueError, match=r"slice: the block of shape .* is not within a tensor of shape \(7, 3\)"):
            ops.slice(X, start, shape)
    with pytest.raises(ValueError, match=r"slice: the rest .* start_indices given as ints"):
        Program(lambda x, i: ops.slice(x, i, (-1, 2)))(ops.convert_to_tensor(X), ops.convert_to_tensor(np.array([1, 0])))
    check(lambda x: ops.unstack(x, axis=1), X, expected=[X[:, i] for i in range(3)])
    updated = X.copy()
    updated[2:4, 1:] = 5
    fives = np.full((2, 2), 5, "float32")
    check(lambda x, u: ops.slice_update(x, (2, 1), u), X, fives, expected=updated, unknown=False)
    rows = np.array([[0], [3], [0]])
    values = RNG.normal(size=(3, 3)).astype("float32")
    expected = X.copy()
    np.add.at(expected, rows[:, 0], values)
    check(lambda x, v: ops.scatter_update(x, rows, v, "add"), X, values, expected=expected, unknown=False)
    check(lambda v: ops.scatter(rows, v, (7, 3)), values, expected=expected - X, unknown=False)


@pytest.mark.parametrize(
    "values, source, target, expected",
    [
        ([-3.7, 300.0, np.nan, 2e10], "float32", "uint8", [0, 255, 0, 255]),
        ([3e9, -3e9, 7.9], "float32", "int32", [2147483647, -2147483648, 7]),
        ([-5, 300], "int32", "uint8", [0, 255]),
        ([-5, 300], "int32", "int8", [-5, 127]),
        ([5, 300], "uint16", "int8", [5, 127]),
        ([1e6, -1e6, 2.5], "float32", "float16", [65504, -65504, 2.5]),
        ([70000, 3], "int32", "float16", [65504, 3]),
        ([0.0, 2.0], "float32", "bool", [False, True]),
    ],
)
def test_saturate_cast(engine, values, source, target, expected):
    got = ops.saturate_cast(np.array(values, source), target)
    assert ops.dtype(got) == target and numbers(got).astype("float64").tolist() == [float(v) for v in expected]


@pytest.mark.parametrize("target", ["int8", "uint16", "int32", "int64", "uint64", "float16", "bfloat16", "float32"])
@pytest.mark.parametrize("source", ["float16", "bfloat16", "float64"])
def test_saturate_cast_to_the_very_limits(engine, source, target):
    kind = dt.numpy_dtype(target)
    least, most = (float(x) for x in dt.limits(target))
    with np.errstate(over="ignore"):
        x = np.array([np.inf, -np.inf, 3, -3, 65400, 1e30, -1e30, 2.0**31, 2.0**53, 2.0**63, 2.0**64])
        x = x.astype(dt.numpy_dtype(source))
    exact = [dt.limits(target)[int(v > 0)] if not least < v < most else kind.type(v) for v in x.astype("float64")]
    for call in (lambda x: ops.saturate_cast(x, target), Program(lambda x: ops.saturate_cast(x, target))):
        np.testing.assert_array_equal(numbers(call(ops.convert_to_tensor(x))), np.array(exact, kind))


def test_rounding_to_half_precision_is_not_left_out(engine):
    """ONNX Runtime joins casts: 4097 is 4096 in float16."""
    x, halves = ops.convert_to_tensor(np.array([4097, 70000], "int32")), np.array([4096, np.inf], "float16")
    same = Program(lambda x: ops.equal(ops.cast(x, "float16"), halves))
    padded = Program(lambda x: ops.cast(ops.pad(ops.cast(x, "float16"), 1), "float32"))
    assert numbers(same(x)).all()
    assert numbers(padded(x)).tolist() == [0, 4096, np.inf, 0]


def test_rearrange(check):
    x = RNG.normal(size=(2, 3, 4)).astype("float32")
    expected = x.reshape(2, 3, 2, 2).transpose(3, 0, 2, 1).reshape(4, 2, 3)
    check(lambda x: ops.rearrange(x, "a b (c d) -> (d a) c b", d=2), x, expected=expected)
    check(lambda x: ops.rearrange(x, "a ... -> ... 1 a"), x, expected=x.transpose(1, 2, 0)[:, :, None])
    check(lambda x: ops.rearrange(x, "a b c -> (a b c)"), x, expected=x.ravel())
    assert ops.rearrange(KerasTensor((None, 8, 3)), "n (h p) c -> n h (p c)", p=2).shape == (None, 4, 6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ops.rearrange(X, "a b"), "rearrange: the pattern 'a b' has no '->'"),
        (lambda: ops.rearrange(X, "a b c -> c b a"), r"names 3 dimensions of a tensor of shape \(7, 3\)"),
        (lambda: ops.rearrange(X, "a (b c) -> a b c"), "give the sizes of all but one of b, c"),
        (lambda: ops.rearrange(X, "a (b c) -> a b c", b=2), "the sizes .* don't fit the pattern"),
        (lambda: ops.rearrange(X, "a b -> a"), "must have the same names"),
        (lambda: ops.rearrange(X, "a (b -> a b"), "has an open bracket"),
        (lambda: ops.rearrange(X, "a b -> b a!"), "can't read '!'"),
        (lambda: ops.unstack(X, num=4), r"unstack: axis 0 of shape \(7, 3\) has 7 slices, not 4"),
        (lambda: ops.switch(0, []), "switch: there are no branches"),
        (lambda: ops.map(ops.sum, (X, X[:2])), "map: tensors that share the size of axis 0 are needed"),
        (lambda: ops.scan(ops.add, 0.0), "scan: the length must be given once"),
        (lambda: ops.scatter_update(X, [[0]], X[:1], "sub"), "scatter_update: reduction must be one of"),
    ],
)
def test_bad_input(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_shape_of_a_tensor_is_a_new_shape(engine):
    """TensorFlow's is no tuple."""
    x = ops.convert_to_tensor(np.zeros((2, 3), "float32"))
    assert tuple(ops.reshape(np.arange(6), x.shape).shape) == tuple(ops.zeros(x.shape).shape) == (2, 3)
