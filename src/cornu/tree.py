"""Nested structures: dicts, lists, tuples and named tuples of anything."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any


class Leaf:
    """The structure of what is no container."""

    def __repr__(self) -> str:
        return "*"


LEAF = Leaf()
Structure = Any  # LEAF, or (type, keys or None, tuple of structures): hashable and comparable


def flatten_with_structure(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of `tree` in order, and what puts them back (see `unflatten`).

    Entries of a dict come by sorted key, of an OrderedDict as they stand.
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list[Any]) -> Structure:
    kind = type(tree)
    if kind is tuple or kind is list or isinstance(tree, (tuple, list)):
        return kind, None, tuple([_flatten(item, leaves) for item in tree])
    if isinstance(tree, dict):
        in_order = kind is OrderedDict or not all(isinstance(k, str) for k in tree)
        keys = tuple(tree) if in_order else tuple(sorted(tree))
        kind = dict if kind is defaultdict else kind  # one can't be made of its items alone
        return kind, keys, tuple([_flatten(tree[key], leaves) for key in keys])
    leaves.append(tree)
    return LEAF


def unflatten(structure: Structure, leaves: Any) -> Any:
    """Put leaves into a structure."""
    return _unflatten(structure, iter(leaves))


def _unflatten(structure: Structure, leaves: Any) -> Any:
    if structure is LEAF:
        return next(leaves)
    kind, keys, parts = structure
    items = [_unflatten(part, leaves) for part in parts]
    if keys is not None:
        return kind(zip(keys, items, strict=True)) if kind is not dict else dict(zip(keys, items, strict=True))
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def flatten(structure: Any) -> list[Any]:
    """The leaves of a nested structure, in order."""
    return flatten_with_structure(structure)[0]


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a container: a dict, list or tuple."""
    return isinstance(structure, (dict, list, tuple))


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` to the leaves of structures alike; gives a structure like the first.

    Args:
        func: takes one leaf of each structure.
        structures: nested structures with the same shape.
        none_is_leaf: whether `func` is called on None too; else None stays.

    Raises:
        ValueError: if the structures differ.
    """
    leaves, structure = flatten_with_structure(structures[0])
    rows = [leaves]
    for other in structures[1:]:
        more, its_structure = flatten_with_structure(other)
        if its_structure != structure:
            raise ValueError(f"The structures differ: {its_structure} and {structure}.")
        rows.append(more)
    results = [
        None if not none_is_leaf and items[0] is None else func(*items) for items in zip(*rows, strict=True)
    ]
    return unflatten(structure, results)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise ValueError unless `a` and `b` are nested alike. check_types: without effect, as in Keras."""
    first, second = flatten_with_structure(a)[1], flatten_with_structure(b)[1]
    if first != second:
        raise ValueError(f"The structures differ: {first} and {second}.")


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The leaves `flat_sequence` nested like `structure`.

    Raises:
        ValueError: if their number differs.
    """
    leaves, shape = flatten_with_structure(structure)
    flat = list(flat_sequence)
    if len(flat) != len(leaves):
        raise ValueError(f"The structure has {len(leaves)} leaves, but {len(flat)} were given.")
    return unflatten(shape, flat)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of a leaf's path (keys and indices from the root of `structure`) and the leaf, in order."""
    return list(_paths(structure, ()))


def _paths(tree: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if not is_nested(tree):
        yield path, tree
        return
    keys = _flatten(tree, [])[1] if isinstance(tree, dict) else getattr(tree, "_fields", range(len(tree)))
    items = [tree[key] for key in keys] if isinstance(tree, dict) else list(tree)
    for key, item in zip(keys, items, strict=True):
        yield from _paths(item, (*path, key))


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless `a` and `b` have leaves at the same paths (lists and tuples count as alike)."""
    first, second = ({path for path, _ in flatten_with_path(x)} for x in (a, b))
    if first != second:
        raise ValueError(
            f"The structures have different paths: only the first has {first - second}, only the second {second - first}."
        )


def lists_to_tuples(structure: Any) -> Any:
    """`structure` with tuples in place of lists."""
    return traverse(lambda x: tuple(x) if type(x) is list else None, structure, top_down=False)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Apply `func` to the parts of `structures` that stand where `shallow_structure` has leaves.

    Raises:
        ValueError: where a structure is not nested like the shallow one, as far as that goes.
    """
    _, shape = flatten_with_structure(shallow_structure)
    rows = [list(_parts_at(shape, structure)) for structure in structures]
    return unflatten(shape, [func(*parts) for parts in zip(*rows, strict=True)])


def _parts_at(shape: Structure, tree: Any) -> Iterator[Any]:
    if shape is LEAF:
        yield tree
        return
    kind, keys, parts = shape
    if (
        not isinstance(tree, dict if keys is not None else kind)
        or len(tree) != len(parts)
        or (keys is not None and set(tree) != set(keys))
    ):
        raise ValueError(f"The structures differ: expected {kind.__name__} with {len(parts)} entries, got {tree!r}.")
    for part, item in zip(parts, [tree[key] for key in keys] if keys is not None else tree, strict=True):
        yield from _parts_at(part, item)


def map_shape_structure(func: Callable[..., Any], structure: Any) -> Any:
    """Apply `func` to the shapes in a nested structure: the lists and tuples of nothing but ints and None."""
    if isinstance(structure, (list, tuple)) and all(size is None or isinstance(size, int) for size in structure):
        return func(tuple(structure))
    if isinstance(structure, dict):
        return {key: map_shape_structure(func, item) for key, item in structure.items()}
    if not isinstance(structure, (list, tuple)):
        raise ValueError(f"map_shape_structure: expected nested shapes, got {structure!r}.")
    items = [map_shape_structure(func, item) for item in structure]
    return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)


class MAP_TO_NONE:
    """What a function returns in `traverse` to put None into a place (None itself means: leave it)."""


def traverse(func: Callable[..., Any], structure: Any, top_down: bool = True) -> Any:
    """Replace parts of a nested structure: what `func` gives for a container or a leaf stands in its place, unless it is None.

    Args:
        func: of a part; gives its replacement, None to leave it, or MAP_TO_NONE for None.
        structure: nested.
        top_down: containers come before what is in them; what was replaced is not entered.
    """

    def replaced(part: Any) -> Any:
        found = func(part)
        return part if found is None else None if found is MAP_TO_NONE or isinstance(found, MAP_TO_NONE) else found

    def entered(part: Any) -> Any:
        if isinstance(part, dict):
            entries = {key: traverse(func, part[key], top_down) for key in part}
            return entries if type(part) in (dict, defaultdict) else type(part)(entries)
        items = [traverse(func, item, top_down) for item in part]
        return type(part)(*items) if hasattr(part, "_fields") else type(part)(items)

    if top_down:
        part = replaced(structure)
        return entered(part) if part is structure and is_nested(part) else part
    return replaced(entered(structure) if is_nested(structure) else structure)
