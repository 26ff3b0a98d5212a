"""Variables, on the references alone (what engines do with storage is in the conformance suite)."""

import numpy as np
import pytest

from cornu import context, ops
from cornu import primitives as P
from cornu.contract.conformance.reference import REFERENCE, ReferenceEngine
from cornu.contract.program import Program
from cornu.contract.state import StateScope
from cornu.variable import Variable, autocast


class OtherEngine(ReferenceEngine):
    """Another one."""

    name = "other"


OTHER = OtherEngine()


@pytest.fixture(autouse=True)
def reference():
    with context.use(REFERENCE):
        yield


@pytest.mark.parametrize(
    "value, dtype, expected",
    [
        (np.ones((2, 3), "float32"), None, "float32"),
        (np.ones(3, "float64"), None, "float64"),
        (1.5, None, "float32"),
        (1, None, "int32"),
        (True, None, "bool"),
        ([1, 2], "float16", "float16"),
        (1, "bfloat16", "bfloat16"),
        (np.ones(2, "int64"), "float", "float32"),
    ],
)
def test_made_from_a_value(value, dtype, expected):
    variable = Variable(value, dtype=dtype)
    assert variable.dtype == expected and variable.shape == np.shape(value) and variable.ndim == np.ndim(value)
    np.testing.assert_array_equal(variable.numpy().astype("float64"), np.asarray(value, "float64"))


def test_made_by_an_initializer():
    asked = []

    def initializer(shape, dtype):
        asked.append((shape, dtype))
        return np.full(shape, 7, dtype)

    assert Variable(initializer, shape=(2, 1)).numpy().tolist() == [[7], [7]]
    assert Variable(initializer, shape=[2], dtype="float16").dtype == "float16"
    assert asked == [((2, 1), "float32"), ((2,), "float16")]
    with pytest.raises(ValueError, match="'w' needs a complete shape"):
        Variable(initializer, name="w")
    with pytest.raises(ValueError, match=r"complete shape.*None"):
        Variable(initializer, shape=(2, None))


def test_the_shape_must_fit():
    with pytest.raises(ValueError, match=r"shape=\(3,\), but its value has shape \(2,\)"):
        Variable([1, 2], shape=(3,))


def test_made_from_another_variable():
    one = Variable([1.0, 2.0])
    two = Variable(one)
    one.assign([5.0, 6.0])
    assert two.numpy().tolist() == [1, 2]


def test_it_owns_its_value():
    array = np.ones(3, "float32")
    variable = Variable(array)
    array[:] = 9
    assert variable.numpy().tolist() == [1, 1, 1]
    variable.numpy()[:] = 9
    assert variable.numpy().tolist() == [1, 1, 1]


@pytest.mark.parametrize("value", [[3, 4], (3, 4), np.array([3, 4]), np.array([3.0, 4.0], "float64"), Variable])
def test_assign(value):
    variable = Variable([1.0, 2.0])
    variable.assign(Variable([3.0, 4.0]) if value is Variable else value)
    assert variable.numpy().tolist() == [3, 4] and variable.numpy().dtype == "float32"


def test_assign_add_and_sub():
    variable = Variable([1, 2])
    variable.assign_add([10, 20])
    variable.assign_sub(1)
    assert variable.numpy().tolist() == [10, 21] and variable.dtype == "int32"
    variable.assign_add(0.6)
    assert variable.numpy().tolist() == [10, 21], "the dtype stays"


def test_assigning_another_shape():
    variable = Variable([1.0, 2.0], name="w")
    with pytest.raises(ValueError, match=r"'w' has shape \(2,\); a value of shape \(3,\)"):
        variable.assign([1, 2, 3])
    assert variable.numpy().tolist() == [1, 2]


def test_it_is_an_operand():
    variable = Variable([1.0, 2.0])
    assert P.multiply(variable, variable).tolist() == [1, 4]
    assert P.add(variable, 1).tolist() == [2, 3]
    assert np.asarray(variable).tolist() == [1, 2] and np.asarray(variable, "int32").dtype == "int32"


def test_autocast():
    variable, integer, fixed = Variable([1.5]), Variable([1]), Variable([1.5], autocast=False)
    with autocast("float16"):
        assert variable.dtype == "float16" and variable.value.dtype == "float16"
        assert integer.dtype == "int32" and fixed.dtype == "float32"
        assert P.add(variable, 1).dtype == "float16"
        with autocast(None):
            assert variable.dtype == "float32"
        variable.assign([2.5])
    assert variable.dtype == "float32" and variable.numpy().tolist() == [2.5]
    assert P.add(variable, 1).dtype == "float32"


def test_scopes():
    variable = Variable([1.0])
    with StateScope() as scope:
        variable.assign_add([4.0])
        assert variable.value.tolist() == [5]
    assert variable.numpy().tolist() == [1]
    scope.commit()
    assert variable.numpy().tolist() == [5]


def test_it_lives_on_its_engine():
    with context.use(OTHER):
        variable = Variable([1.0, 2.0])
    assert variable.engine is OTHER
    with pytest.raises(TypeError, match=r"variable of shape \(2,\) of the engine 'other' while 'reference'"):
        P.add(variable, 1)


def test_it_is_assigned_from_another_engine():
    with context.use(OTHER):
        variable = Variable([1.0, 2.0])
    variable.assign(np.array([3.0, 4.0]))
    variable.assign_add(1)
    assert variable.numpy().tolist() == [4, 5]


def test_it_moves():
    variable = Variable([1.0, 2.0])
    storage = variable.storage
    variable.to(REFERENCE)
    assert variable.storage is storage
    variable.to(OTHER)
    assert variable.engine is OTHER and variable.numpy().tolist() == [1, 2]
    with context.use(OTHER):
        assert P.add(variable, 1).tolist() == [2, 3]


def test_options():
    variable = Variable([1], trainable=False, name="count", aggregation="sum", synchronization="on_read")
    assert not variable.trainable and variable.name == variable.path == "count"
    assert (variable.aggregation, variable.synchronization) == ("sum", "on_read")
    assert repr(variable) == "<Variable path=count, shape=(1,), dtype=int32, engine=reference>"
    with pytest.raises(TypeError, match="unexpected arguments: wrong"):
        Variable(1, wrong=2)


@pytest.mark.parametrize("compiled", [False, True])
def test_operators_with_tensors_of_the_engine(engine, compiled):
    """`x * self.kernel` in a layer's call, where x is the engine's own tensor."""
    w = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    variable = Variable(w)

    def fn(x):
        return [x * variable, variable * x, x - variable, variable - x, x @ variable, x / variable]

    x = np.array([[5.0, 6.0], [7.0, 8.0]], "float32")
    found = Program(fn)(x) if compiled else fn(engine.host.asarray(x))
    for value, expected in zip(found, [x * w, w * x, x - w, w - x, x @ w, x / w], strict=True):
        assert np.allclose(ops.convert_to_numpy(value), expected)
