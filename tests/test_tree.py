"""Nested structures."""

from collections import OrderedDict, defaultdict, namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornu import tree

Point = namedtuple("Point", "x y")

NESTED = [
    (1, [1]),
    (None, [None]),
    ([1, 2], [1, 2]),
    ((1, (2, [3])), [1, 2, 3]),
    ({"b": 1, "a": [2, 3]}, [2, 3, 1]),
    ({2: "x", 1: "y"}, ["x", "y"]),
    (Point(1, [2]), [1, 2]),
    ([], []),
    ({}, []),
    ([(), {"a": None}], [None]),
]


@pytest.mark.parametrize("nested, leaves", NESTED)
def test_flatten_and_back(nested, leaves):
    assert tree.flatten(nested) == leaves
    found, structure = tree.flatten_with_structure(nested)
    again = tree.unflatten(structure, found)
    assert again == nested and type(again) is type(nested)


structures = st.recursive(
    st.integers() | st.none() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    | st.tuples(inner, inner).map(lambda pair: Point(*pair)),
    max_leaves=12,
)


@given(structures)
def test_any_structure_comes_back(nested):
    leaves, structure = tree.flatten_with_structure(nested)
    assert tree.unflatten(structure, leaves) == nested
    assert tree.pack_sequence_as(nested, leaves) == nested
    assert tree.map_structure(lambda x: x, nested) == nested
    tree.assert_same_structure(nested, tree.map_structure(lambda x: 0, nested))


@given(structures)
def test_structures_are_hashable_and_comparable(nested):
    first, second = tree.flatten_with_structure(nested)[1], tree.flatten_with_structure(nested)[1]
    assert first == second and hash(first) == hash(second)


def test_dictionaries_keep_their_kind():
    assert tree.map_structure(str, OrderedDict(b=1, a=2)) == OrderedDict(b="1", a="2")
    assert tree.flatten(OrderedDict(b=1, a=2)) == [1, 2]
    assert type(tree.map_structure(str, OrderedDict(a=1))) is OrderedDict
    assert tree.map_structure(str, defaultdict(list, a=1)) == {"a": "1"}


def test_map_structure_over_several():
    assert tree.map_structure(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]}) == {"x": 11, "y": [22]}
    assert tree.map_structure(lambda x: 1, [None, 2]) == [1, 1]
    assert tree.map_structure(lambda x: 1, [None, 2], none_is_leaf=False) == [None, 1]


@pytest.mark.parametrize("a, b", [([1], [1, 2]), ([1], (1,)), ({"a": 1}, {"b": 1}), ([1], 1), ([[1]], [1])])
def test_different_structures(a, b):
    with pytest.raises(ValueError, match="differ"):
        tree.assert_same_structure(a, b)
    with pytest.raises(ValueError, match="differ"):
        tree.map_structure(lambda x, y: x, a, b)


def test_wrong_number_of_leaves():
    with pytest.raises(ValueError, match=r"2 leaves, but 3"):
        tree.pack_sequence_as([1, 2], [1, 2, 3])


def test_what_is_nested():
    assert all(tree.is_nested(x) for x in ([], (), {}, Point(1, 2)))
    assert not any(tree.is_nested(x) for x in (1, None, "abc", {1}))
