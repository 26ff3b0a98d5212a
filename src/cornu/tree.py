"""Nested structures: dicts, lists, tuples and named tuples of anything."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any


class Leaf:
    """The structure of what is no container."""

    def __repr__(self) -> str:
        return "*"


LEAF = Leaf()
Structure = Any  # LEAF, or (type, keys or None, tuple of structures): hashable and comparable


def flatten_with_structure(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves in order (entries of a dict by sorted key, of an OrderedDict as they stand), and what puts them back."""
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
    """Whether it is a container."""
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


def assert_same_structure(a: Any, b: Any) -> None:
    """Raise ValueError unless both are nested alike."""
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
