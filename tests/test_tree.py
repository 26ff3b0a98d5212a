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


def test_paths():
    nested = {"b": [1, (2, 3)], "a": {"c": 4}, "p": Point(5, 6)}
    assert tree.flatten_with_path(nested) == [
        (("a", "c"), 4), (("b", 0), 1), (("b", 1, 0), 2), (("b", 1, 1), 3), (("p", "x"), 5), (("p", "y"), 6),
    ]  # fmt: skip
    assert [leaf for _, leaf in tree.flatten_with_path(nested)] == tree.flatten(nested)
    tree.assert_same_paths([1, 2], (3, 4))
    with pytest.raises(ValueError, match="different paths"):
        tree.assert_same_paths({"a": 1}, {"b": 1})


def test_tuples_for_lists():
    assert tree.lists_to_tuples({"a": [1, [2, (3, [4])]], "b": 5}) == {"a": (1, (2, (3, (4,)))), "b": 5}


def test_map_up_to():
    assert tree.map_structure_up_to([1, 2], lambda x, y: (x, y), [[1], 2], [3, [4, 5]]) == [([1], 3), (2, [4, 5])]
    assert tree.map_structure_up_to({"a": 0}, len, {"a": [1, 2]}) == {"a": 2}
    for wrong in ([1], (1, 2), {"a": 1}):
        with pytest.raises(ValueError, match="differ"):
            tree.map_structure_up_to([1, 2], lambda x: x, wrong)


def test_map_shapes():
    shapes = {"a": (None, 2), "b": [(1, 2), [3, 4, 5]], "p": Point((1,), ())}
    assert tree.map_shape_structure(len, shapes) == {"a": 2, "b": [2, 3], "p": Point(1, 0)}
    with pytest.raises(ValueError, match="expected nested shapes"):
        tree.map_shape_structure(len, {"a": "b"})


def test_traverse():
    to_tuple = lambda x: tuple(x) if isinstance(x, list) else None  # noqa: E731
    assert tree.traverse(to_tuple, [1, [2, [3]]]) == (1, [2, [3]])
    assert tree.traverse(to_tuple, [1, [2, [3]]], top_down=False) == (1, (2, (3,)))
    tenfold = lambda x: tree.MAP_TO_NONE if x == 1 else x * 10 if isinstance(x, int) else None  # noqa: E731
    assert tree.traverse(tenfold, [1, (2, {"a": 3})]) == [None, (20, {"a": 30})]
    assert tree.traverse(lambda x: None, Point(1, [2])) == Point(1, [2])
