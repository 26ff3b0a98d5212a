"""Dimensions named and rearranged by a pattern, in the notation of einops (Rogozhnikov, 2022)."""

from __future__ import annotations

import math
import re

from cornu.ops.common import permuted, shape_of
from cornu.ops.numpy.manipulation import reshape
from cornu.ops.op import export, op

Group = list[str]  # axes of one dimension; [] is a dimension of size 1, ["..."] all that have no name


def _parse(side: str, pattern: str) -> list[Group]:
    """One side of a pattern: "a (b c) 1 ..." -> [["a"], ["b", "c"], [], ["..."]]."""
    groups: list[Group] = []
    inside = False
    for token in re.findall(r"\(|\)|\.\.\.|\w+|\S", side):
        if token == "(" and not inside:
            groups.append([])
            inside = True
        elif token == ")" and inside:
            inside = False
        elif token == "1" or (token.isidentifier() or token == "..."):
            if not inside:
                groups.append([])
            groups[-1] += [] if token == "1" else [token]
        else:
            raise ValueError(f"rearrange: can't read {token!r} in the pattern {pattern!r}.")
    names = [name for group in groups for name in group]
    if inside or len(set(names)) != len(names) or any("..." in group and len(group) > 1 for group in groups):
        raise ValueError(f"rearrange: the pattern {pattern!r} has an open bracket, a name twice, or '...' in brackets.")
    return groups


def _sizes(groups: list[Group], shape: tuple[int, ...], given: dict[str, int], pattern: str) -> dict[str, int]:
    """Size of each named axis."""
    if len(groups) != len(shape):
        raise ValueError(f"rearrange: the pattern {pattern!r} names {len(groups)} dimensions of a tensor of shape {shape}.")
    sizes = dict(given)
    for group, size in zip(groups, shape, strict=True):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: give the sizes of all but one of {', '.join(unknown)} (pattern {pattern!r}, shape {shape}).")
        if (size % known if known and unknown else size != known) or (unknown and not known):
            raise ValueError(f"rearrange: the sizes {given} don't fit the pattern {pattern!r} for a tensor of shape {shape}.")
        for name in unknown:
            sizes[name] = size // known
    return sizes


@op
def rearrange(tensor, pattern, **axes_lengths):
    """Transpose, split and join dimensions: `rearrange(x, "n (h p) w c -> n h (w p c)", p=2)`.

    Args:
        tensor: any.
        pattern: names of dimensions before and after "->". Brackets: several axes laid out in one dimension, the last the fastest;
            "1": a dimension of size 1; "...": all that have no name.
        axes_lengths: sizes of names, where they don't follow.

    Raises:
        ValueError: for a pattern that can't be read, or doesn't fit.
    """
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ValueError(f"rearrange: the pattern {pattern!r} has no '->'.")
    before, after = _parse(left, pattern), _parse(right, pattern)
    shape = shape_of(tensor)
    extra = len(shape) - len(before) + 1
    unnamed = [[f"...{i}"] for i in range(max(extra, 0))]
    expand = lambda groups: [g for group in groups for g in (unnamed if group == ["..."] else [group])]  # noqa: E731
    before, after = expand(before), expand(after)
    axes, wanted = ([name for group in groups for name in group] for groups in (before, after))
    if sorted(axes) != sorted(wanted) or not set(axes_lengths) <= set(axes):
        raise ValueError(f"rearrange: both sides of the pattern {pattern!r} must have the same names, among them {list(axes_lengths)}.")
    sizes = _sizes(before, shape, axes_lengths, pattern)
    apart = reshape(tensor, tuple(sizes[name] for name in axes))
    moved = permuted(apart, [axes.index(name) for name in wanted])
    return reshape(moved, tuple(math.prod(sizes[name] for name in group) for group in after))


export(globals())
