"""Scopes: reads and writes of cells as data flow."""

import numpy as np

from cornu import context
from cornu.contract import state
from cornu.contract.conformance.services import TestCell


def cell(values):
    return TestCell(context.current(), np.array(values, "float32"))


def test_writes_stay_in_the_scope():
    one = cell([1])
    with state.StateScope() as scope:
        state.write(one, np.float32([5]))
        assert one.value.tolist() == [5]
    assert one.value.tolist() == [1]
    assert list(scope.written) == [one]
    scope.commit()
    assert one.value.tolist() == [5]


def test_given_values_are_read():
    one, two = cell([1]), cell([2])
    with state.StateScope({one: np.float32([7])}) as scope:
        assert one.value.tolist() == [7] and two.value.tolist() == [2]
    assert not scope.written and set(scope.values) == {one, two}


def test_inner_scopes_read_from_outer_ones():
    one = cell([1])
    with state.StateScope() as outer:
        state.write(one, np.float32([5]))
        with state.StateScope() as inner:
            assert one.value.tolist() == [5]
            state.write(one, np.float32([6]))
        assert one.value.tolist() == [5]
        inner.commit()
        assert one.value.tolist() == [6]
    assert one.value.tolist() == [1]
    outer.commit()
    assert one.value.tolist() == [6]


def test_no_scope_goes_around_all():
    one = cell([1])
    with state.StateScope({one: np.float32([7])}):
        with state.no_scope():
            assert one.value.tolist() == [1]
        assert one.value.tolist() == [7]


def test_a_scope_ends_with_an_error():
    one = cell([1])
    try:
        with state.StateScope({one: np.float32([7])}):
            raise KeyError
    except KeyError:
        pass
    assert one.value.tolist() == [1]


def test_functionalize():
    one, two = cell([1]), cell([2])

    def fn(x):
        state.write(one, one.value + x)
        return one.value * two.value

    pure = state.functionalize(fn, [one, two], [one])
    written, result = pure([np.float32([10]), np.float32([3])], [np.float32(1)])
    assert written[0].tolist() == [11] and result.tolist() == [33]
    assert one.value.tolist() == [1]
