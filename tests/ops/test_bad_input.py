"""What users get wrong: the same error on every engine, with the op's name and what it got."""

from __future__ import annotations

import numpy as np
import pytest

from cornu import ops
from cornu.ops.symbolic import KerasTensor

X = np.ones((2, 3), "float32")
V = np.ones(4, "float32")

# call, error, what the message must tell
CALLS = {
    "softmax axis": (lambda x: ops.softmax(x, axis=5), ValueError, "softmax: axis 5 is out of bounds"),
    "layer normalization axis": (lambda x: ops.layer_normalization(x, axis=7), ValueError, "layer_normalization: axis 7"),
    "axis": (lambda x: ops.sum(x, 2), ValueError, "sum: axis 2 is out of bounds"),
    "negative axis": (lambda x: ops.flip(x, -3), ValueError, "flip: axis -3 is out of bounds"),
    "axis twice": (lambda x: ops.mean(x, (0, -2)), ValueError, "mean: duplicate axes"),
    "argmax": (lambda x: ops.argmax(x, 5), ValueError, "argmax: axis 5"),
    "concatenate axis": (lambda x: ops.concatenate([x, x], 2), ValueError, "concatenate: axis 2"),
    "concatenate shapes": (lambda x: ops.concatenate([x, V], 0), ValueError, r"concatenate: .*\(2, 3\).*\(4,\)"),
    "concatenate nothing": (lambda x: ops.concatenate([]), ValueError, "concatenate: there are no tensors"),
    "stack": (lambda x: ops.stack([x, V]), ValueError, r"stack: the shapes differ: \(2, 3\), \(4,\)"),
    "broadcast": (lambda x: ops.add(x, V), ValueError, r"add: shapes \(2, 3\), \(4,\).*float32\[2, 3\], float32\[4\]\); engine"),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (2, 4)), ValueError, r"broadcast_to: .*\(2, 3\).*\(2, 4\)"),
    "matmul": (lambda x: ops.matmul(x, x), ValueError, r"matmul: shapes \(2, 3\) and \(2, 3\)"),
    "matmul scalars": (lambda x: ops.matmul(2.0, x), ValueError, "matmul: scalars"),
    "tensordot": (lambda x: ops.tensordot(x, V, 1), ValueError, "tensordot: .*differ in size"),
    "einsum subscripts": (lambda x: ops.einsum("ij,jk", x), ValueError, "einsum: can't read 'ij,jk'"),
    "einsum sizes": (lambda x: ops.einsum("ij,j->i", x, V), ValueError, "einsum: the sizes of 'j'"),
    "einsum letters": (lambda x: ops.einsum("ij->ik", x), ValueError, "einsum: the result's letters"),
    "reshape": (lambda x: ops.reshape(x, (4, 2)), ValueError, r"reshape: .*\(2, 3\).*\(4, 2\)"),
    "reshape -1": (lambda x: ops.reshape(x, (-1, 4)), ValueError, r"reshape: .*\(2, 3\).*-1, 4"),
    "reshape two unknown": (lambda x: ops.reshape(x, (-1, -1)), ValueError, "reshape: the size of -1"),
    "squeeze": (lambda x: ops.squeeze(x, 0), ValueError, r"squeeze: dimension 0 of shape \(2, 3\) is not 1"),
    "transpose": (lambda x: ops.transpose(x, (0, 0)), ValueError, r"transpose: .*no permutation"),
    "moveaxis": (lambda x: ops.moveaxis(x, (0, 1), 0), ValueError, "moveaxis: "),
    "split": (lambda x: ops.split(x, 2, axis=1), ValueError, "split: 3 elements along axis 1"),
    "pad mode": (lambda x: ops.pad(x, 1, mode="mirror"), ValueError, "pad: there is no mode 'mirror'"),
    "pad width": (lambda x: ops.pad(x, ((1, 2), (1, 2), (3, 4))), ValueError, "pad: pad_width"),
    "pad negative": (lambda x: ops.pad(x, -1), ValueError, "pad: pad_width must not be negative"),
    "pad constant": (lambda x: ops.pad(x, 1, mode="edge", constant_values=1), ValueError, "pad: constant_values"),
    "repeat": (lambda x: ops.repeat(x, [1, 2], axis=1), ValueError, "repeat: repeats must be"),
    "zeros": (lambda x: ops.zeros((2, -1)), ValueError, r"zeros: .*\(2, -1\)"),
    "zeros unknown": (lambda x: ops.zeros((None, 2)), ValueError, r"zeros: .*complete shape"),
    "zeros of floats": (lambda x: ops.zeros((2.5,)), TypeError, "zeros: sizes must be ints"),
    "dtype": (lambda x: ops.ones((2,), dtype="float31"), ValueError, "Invalid dtype: 'float31'"),
    "linspace": (lambda x: ops.linspace(0, 1, -1), ValueError, "linspace: num"),
    "arange": (lambda x: ops.arange(0, 3, 0), ValueError, "arange: the step"),
    "max of nothing": (lambda x: ops.max(x[:0]), ValueError, "max: there is no extremum"),
    "order of complex numbers": (lambda x: ops.maximum(ops.cast(x, "complex64"), 0), TypeError, "maximum: expected real numbers"),
    "bits of floats": (lambda x: ops.bitwise_and(x, x), TypeError, "bitwise_and: expected integers or bool, got float32"),
    "gcd": (lambda x: ops.gcd(x, 2), TypeError, "gcd: expected integers"),
    "indices": (lambda x: ops.take(x, V), TypeError, "take: indices must be integers, got float32"),
    "take_along_axis": (
        lambda x: ops.take_along_axis(x, np.zeros(2, "int32"), 1),
        ValueError,
        "take_along_axis: .*differ in rank",
    ),
    "index": (lambda x: ops.get_item(x, 2), IndexError, r"get_item: index 2 is out of bounds for axis 0 of shape \(2, 3\)"),
    "indices, too many": (lambda x: ops.get_item(x, (0, 0, 0)), IndexError, "get_item: too many indices"),
    "index of a strange type": (lambda x: ops.get_item(x, "a"), TypeError, "get_item: expected ints"),
    "where": (lambda x: ops.where(x, x), ValueError, "where: give both"),
    "searchsorted side": (lambda x: ops.searchsorted(V, x, side="up"), ValueError, "searchsorted: side"),
    "searchsorted rank": (lambda x: ops.searchsorted(x, x), ValueError, "searchsorted: .*vector"),
    "quantile method": (lambda x: ops.quantile(x, 0.5, method="best"), ValueError, "quantile: the method"),
    "quantile range": (lambda x: ops.quantile(x, 1.5), ValueError, "quantile: quantiles lie between 0 and 1"),
    "histogram": (lambda x: ops.histogram(x, bins=0), ValueError, "histogram: bins must be positive"),
    "histogram bins": (lambda x: ops.histogram(x, bins=V), TypeError, "histogram: bins must be an int"),
    "cross": (lambda x: ops.cross(V, V), ValueError, "cross: vectors have 2 or 3 components"),
    "correlate": (lambda x: ops.correlate(V, V, mode="half"), ValueError, "correlate: mode"),
    "diagonal": (lambda x: ops.diagonal(V), ValueError, "diagonal: expected at least 2 dimensions"),
    "rot90": (lambda x: ops.rot90(x, axes=(0, 0)), ValueError, "rot90: expected two different axes"),
    "roll": (lambda x: ops.roll(x, 1.5), TypeError, "roll: expected an int"),
    "view": (lambda x: ops.view(x, "float64"), ValueError, "view: float32 of shape"),
    "text": (lambda x: ops.exp("text"), TypeError, "exp: "),
}


@pytest.mark.parametrize("name", CALLS)
def test_errors_name_the_op_and_the_shapes(engine, name):
    call, error, message = CALLS[name]
    with pytest.raises(error, match=message):
        call(ops.convert_to_tensor(X))


@pytest.mark.parametrize("name", [name for name in CALLS if name != "text"])
def test_errors_of_symbolic_tensors(name):
    call, error, message = CALLS[name]
    with pytest.raises(error, match=message):
        call(KerasTensor((2, 3)))


@pytest.mark.parametrize("op", [ops.nonzero, ops.unique, lambda x: ops.bincount(ops.cast(x, "int32"))])
def test_sizes_that_depend_on_values_cannot_be_compiled(engine, op):
    from cornu.contract.program import Program

    if engine.name == "torch":
        pytest.skip("compiled functions of this engine see values")
    with pytest.raises(TypeError, match="depends on values"):
        Program(op)(ops.convert_to_tensor(V))


def test_sizes_that_depend_on_values_are_unknown_in_symbolic_tensors():
    assert [x.shape for x in ops.nonzero(KerasTensor((3, 4)))] == [(None,), (None,)]
    assert ops.unique(KerasTensor((3, 4), "int32")).shape == (None,)
    assert ops.unique(KerasTensor((3, 4), "int32"), size=5).shape == (5,)
    assert ops.bincount(KerasTensor((3,), "int32")).shape == (None,)
    assert ops.size(KerasTensor((None, 3))).dtype == "int32"


def test_operators_of_symbolic_tensors():
    x, y = KerasTensor((None, 3)), KerasTensor((None, 3), "int32")
    for found, dtype in [
        (x != y, "bool"),
        (~x, "bool"),
        (x & y, "bool"),
        (round(x), "float32"),
        (-y, "int32"),
        (2**y, "int32"),
        (y / 2, "float32"),
    ]:
        assert found.shape == (None, 3) and found.dtype == dtype
    assert (x == y) is False and len({x, y}) == 2
    assert x.reshape((-1, 13)).shape == (None, 13) and KerasTensor((1, 3)).squeeze().shape == (3,)
