"""Shape rules against NumPy, on shapes at random; what they refuse, NumPy refuses too."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cornu.primitives.primitive import broadcast, lookup

sizes = st.integers(0, 4)
shapes = st.lists(sizes, max_size=4).map(tuple)


@st.composite
def relatives(draw, count=2):
    """Shapes that mostly broadcast together."""
    whole = draw(st.lists(st.integers(0, 3), max_size=4))
    row = []
    for _ in range(count):
        part = whole[draw(st.integers(0, len(whole))) :]
        row.append(tuple(1 if draw(st.booleans()) else n for n in part))
    if draw(st.integers(0, 4)) == 0:
        row[0] = draw(shapes)
    return row


@given(relatives(count=3))
def test_broadcasting(row):
    try:
        wanted = np.broadcast_shapes(*row)
    except ValueError:
        with pytest.raises(ValueError, match="can't be broadcast together"):
            broadcast(*row)
    else:
        assert broadcast(*row) == wanted


@given(shapes, shapes)
def test_broadcast_to(x, shape):
    try:
        np.broadcast_to(np.zeros(x), shape)
    except ValueError:
        with pytest.raises(ValueError, match="can't be broadcast to"):
            lookup("broadcast_to").result_shapes([x], {"shape": shape})
    else:
        assert lookup("broadcast_to").result_shapes([x], {"shape": shape}) == [shape]


@given(shapes, shapes)
def test_reshape(x, shape):
    try:
        np.zeros(x).reshape(shape)
    except ValueError:
        with pytest.raises(ValueError, match="can't be reshaped to"):
            lookup("reshape").result_shapes([x], {"shape": shape})
    else:
        assert lookup("reshape").result_shapes([x], {"shape": shape}) == [shape]


@st.composite
def calls(draw):
    """A primitive of one operand, a shape that fits, parameters that fit."""
    x = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple))
    axes = tuple(sorted(draw(st.sets(st.integers(0, len(x) - 1)))))
    axis = draw(st.integers(0, len(x) - 1))
    start = tuple(draw(st.integers(0, n)) for n in x)
    limit = tuple(draw(st.integers(a, n)) for a, n in zip(start, x))
    few = st.tuples(*[st.integers(0, 2) for _ in x])
    name, params = draw(
        st.sampled_from(
            [
                ("sum", {"axes": axes, "keepdims": draw(st.booleans())}),
                ("max", {"axes": axes, "keepdims": draw(st.booleans())}),
                ("argmin", {"axis": axis}),
                ("cumsum", {"axis": axis, "reverse": draw(st.booleans())}),
                ("sort", {"axis": axis}),
                ("flip", {"axes": axes}),
                ("transpose", {"axes": tuple(draw(st.permutations(range(len(x)))))}),
                ("slice", {"start": start, "limit": limit, "strides": tuple(draw(st.integers(1, 3)) for _ in x)}),
                ("pad", {"low": draw(few), "high": draw(few), "interior": draw(few)}),
            ]
        )
    )
    return name, x, params


@given(calls())
@settings(max_examples=200)
def test_rules_agree_with_references(call):
    name, x, params = call
    operands = [np.ones(x, "float32"), np.float32(0)][: len(lookup(name).operands)]
    result = lookup(name)(*operands, **params)
    assert lookup(name).result_shapes([np.shape(v) for v in operands], params) == [result.shape]


@given(st.lists(shapes, min_size=1, max_size=3), st.integers(0, 3))
def test_concatenate(row, axis):
    try:
        wanted = np.concatenate([np.zeros(shape) for shape in row], axis).shape
    except ValueError:
        with pytest.raises(ValueError, match=r"out of bounds|differ outside"):
            lookup("concatenate").result_shapes(row, {"axis": axis})
    else:
        assert lookup("concatenate").result_shapes(row, {"axis": axis}) == [wanted]


@given(shapes, shapes, st.integers(0, 3))
def test_take(x, indices, axis):
    assume(axis < len(x) and x[axis] > 0)
    wanted = np.take(np.zeros(x), np.zeros(indices, int), axis).shape
    assert lookup("take").result_shapes([x, indices], {"axis": axis}) == [wanted]


@pytest.mark.parametrize(
    "name, operands, params, message",
    [
        ("sum", [(2, 3)], {"axes": (2,)}, "axis 2 is out of bounds"),
        ("max", [(0, 3)], {"axes": (0,)}, "no extremum over the empty axes"),
        ("argmax", [(0, 3)], {"axis": 0}, "no extremum"),
        ("sort", [()], {"axis": 0}, "axis 0 is out of bounds"),
        ("transpose", [(2, 3)], {"axes": (0, 0)}, "no permutation"),
        ("slice", [(3,)], {"start": (0,), "limit": (4,), "strides": (1,)}, "out of bounds"),
        ("slice", [(3,)], {"start": (0,), "limit": (3,), "strides": (0,)}, "out of bounds"),
        ("slice", [(3,)], {"start": (), "limit": (), "strides": ()}, "one entry per dimension"),
        ("pad", [(3,), ()], {"low": (-2,), "high": (-2,), "interior": (0,)}, "crops more than there is"),
        ("pad", [(3,), (1,)], {"low": (0,), "high": (0,), "interior": (0,)}, "scalar value"),
        ("take", [(0, 2), (1,)], {"axis": 0}, "nothing to take"),
        ("take_along_axis", [(2, 3), (3, 1)], {"axis": 1}, "differ from shape"),
        ("scatter", [(3, 2), (4, 1), (4, 3)], {"mode": "add"}, "don't fit"),
        ("scatter", [(3,), (4, 1), (4,)], {"mode": "divide"}, "no scatter mode 'divide'"),
        ("dynamic_slice", [(3,), (1,)], {"sizes": (4,)}, "doesn't fit"),
        ("dynamic_update_slice", [(3,), (4,), (1,)], {}, "doesn't fit"),
        ("searchsorted", [(3, 3), (2,)], {"side": "left"}, "must have one dimension"),
        ("matmul", [(2, 3), (4, 2)], {}, r"\(2, 3\)"),
        ("cholesky", [(2, 3)], {}, "square"),
    ],
)
def test_what_the_rules_refuse(name, operands, params, message):
    with pytest.raises(ValueError, match=message):
        lookup(name).result_shapes(operands, params)


@pytest.mark.parametrize(
    "name, dtypes, message",
    [
        ("bitwise_and", ("float32", "int32"), "expected integers or bool"),
        ("erf", ("complex64",), "expected real numbers"),
        ("arctan2", ("float32", "complex"), "expected real numbers"),
        ("less", ("complex64", "float32"), "expected real numbers"),
        ("maximum", ("float32", "complex"), "expected real numbers"),
        ("max", ("complex64",), "expected real numbers"),
        ("argsort", ("complex64",), "expected real numbers"),
        ("searchsorted", ("complex64", "complex64"), "expected real numbers"),
        ("round", ("complex64",), "expected real numbers"),
        ("take", ("float32", "float32"), "indices must be integers"),
        ("take_along_axis", ("float32", "bool"), "indices must be integers"),
        ("scatter", ("float32", "float", "float32"), "indices must be integers"),
    ],
)
def test_what_the_dtype_rules_refuse(name, dtypes, message):
    with pytest.raises(TypeError, match=message):
        lookup(name).dtype.operands(*dtypes)
