"""How a call reaches the engine: promotion, plans, errors, the kernel table."""

import numpy as np
import pytest

from cornu import context
from cornu import primitives as P
from cornu.contract.conformance.reference import REFERENCE, ReferenceEngine
from cornu.contract.conformance.services import TestCell
from cornu.contract.engine import Kernels, default_dtype


class Counting(ReferenceEngine):
    """Notes what its kernels get."""

    name = "counting"
    kernels = Kernels()


seen = []


@Counting.kernels.define
def add(x1, x2):
    seen.append((x1, x2))
    return np.add(x1, x2)


@pytest.fixture
def counting():
    seen.clear()
    Counting.kernels["cast"] = P.TABLE["cast"].reference
    with context.use(Counting()) as engine:
        yield engine


def test_kernels_get_promoted_tensors(counting):
    for first, second, dtype in [
        (np.ones(2, "int32"), np.ones(2, "float16"), "float16"),
        (np.ones(2, "int8"), 2, "int8"),
        (np.ones(2, "int8"), 2.5, "float32"),
        (True, np.ones(2, "uint8"), "uint8"),
        (1, 2, "int32"),
        (1, 2.0, "float32"),
        ([1, 2], np.ones(2, "int64"), "int64"),
        (TestCell(counting, np.ones(2, "float32")), np.ones(2, "float64"), "float64"),
    ]:
        result = P.add(first, second)
        assert result.dtype == dtype, (first, second)
        assert all(isinstance(x, (np.ndarray, np.generic)) and x.dtype == dtype for x in seen[-1])


def test_a_plan_for_numbers_takes_other_numbers(counting):
    x = np.zeros(1, "float32")
    assert [P.add(x, n).item() for n in (1, 2, 3)] == [1, 2, 3]
    assert len(counting.plans) == 1
    assert P.add(x, 1.5) == 1.5 and P.add(x, True) == 1
    assert len(counting.plans) == 3


def test_a_plan_for_a_list_is_for_that_list(counting):
    assert P.add([1, 2], 0).dtype == "int32"
    assert P.add([1.5, 2.0], 0).tolist() == [1.5, 2.0]


def test_plans_follow_floatx(counting, monkeypatch):
    assert P.add(1, 2.0).dtype == "float32"
    monkeypatch.setattr("cornu.config.floatx", lambda: "float64")
    assert P.add(1, 2.0).dtype == "float64"


def test_a_missing_kernel_is_named(counting):
    with pytest.raises(NotImplementedError, match="'counting' can't compute 'exp': the engine has no kernel"):
        P.exp(1.0)
    Counting.unsupported = {"exp": "it has no exponentials"}
    with pytest.raises(NotImplementedError, match="it has no exponentials"):
        P.exp(1.0)
    Counting.unsupported = {}


def test_errors_name_primitive_operands_and_engine():
    with pytest.raises(ValueError, match=r"add: shapes \(2,\), \(3,\).*float32\[2\], int32\[3\]; engine: reference"):
        P.add(np.ones(2, "float32"), np.ones(3, "int32"))
    with pytest.raises(TypeError, match=r"bitwise_and: expected integers or bool, got float32, int.*reference"):
        P.bitwise_and(np.ones(2, "float32"), 1)
    with pytest.raises(TypeError, match=r"add: expected a tensor, an array or a number, got 'x' of type str"):
        P.add("x", 1)
    with pytest.raises(ValueError, match=r"sum: axis 2 is out of bounds for a tensor of shape \(2,\)"):
        P.sum(np.ones(2), axes=(2,))


def test_tensors_of_another_engine_are_refused(counting):
    mine = TestCell(counting, np.ones(2, "float32"))
    with context.use(REFERENCE):
        P.add(TestCell(REFERENCE, np.ones(2, "float32")), 1)  # leaves a plan for cells
    with (
        context.use(REFERENCE),
        pytest.raises(TypeError, match=r"got a variable of shape \(2,\) of the engine 'counting' while 'reference'"),
    ):
        P.add(mine, 1)


def test_kernels_are_taken_renamed_defined_and_inlined():
    kernels = Kernels()
    kernels.take(np, "exp log", floor_divide="floor_divide", abs="absolute")

    @kernels.define
    def sum_(x, *, axes, keepdims):
        return x

    @kernels.override
    def max_(x):
        return x

    kernels.inline({"np": np}, reshape="x.reshape(shape)", iota="np.arange(shape[axis])", concatenate="np.concatenate(xs, axis)")
    assert set(kernels) == {"exp", "log", "floor_divide", "abs", "sum", "reshape", "iota", "concatenate"}
    assert kernels["abs"] is np.absolute and kernels["sum"] is sum_ and kernels.overrides == {"max": max_}
    assert kernels["reshape"](np.ones(4), shape=(2, 2)).shape == (2, 2)
    assert kernels["iota"](shape=(3,), axis=0, dtype="int32").tolist() == [0, 1, 2]
    assert kernels["concatenate"](np.ones(1), np.zeros(1), axis=0).tolist() == [1, 0]


def test_bodies_only():
    engine = ReferenceEngine()
    engine.overrides = {"softmax": abs}
    with engine.bodies_only():
        assert not engine.overrides
    assert engine.overrides == {"softmax": abs}


@pytest.mark.parametrize(
    "value, dtype",
    [
        (1, "int32"),
        (1.0, "float32"),
        (True, "bool"),
        ([1, 2.0], "float32"),
        ([], "float32"),
        (1j, "complex64"),
        (np.uint8(1), "uint8"),
        (np.ones(1), "float64"),
    ],
)
def test_default_dtypes(value, dtype):
    assert default_dtype(value) == dtype


def test_what_is_no_number_has_no_dtype():
    with pytest.raises(TypeError, match="expected numbers"):
        default_dtype(["a"])
