"""A recorded program, once over a whole batch: each primitive is called once, on operands with one more dimension in front.

Operands that are the same for all elements of the batch keep their shapes. A rule calls a node's primitive on its operands, of
which one at least is batched, and gives the batched result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu.graph.graph import Graph, Node
from cornu.primitives.primitive import TABLE, Shape, lookup


def batchable(graph: Graph, batched: Sequence[bool]) -> bool:
    """Whether each node has a rule for its operands, where these inputs are batched."""
    varying = {v for v, is_batched in zip(graph.inputs, batched, strict=True) if is_batched}
    for node in graph.nodes:
        places = [i for i, v in enumerate(node.operands) if v in varying]
        if places:
            if node.primitive.name not in RULES or places not in _ALLOWED.get(node.primitive.name, [places]):
                return False
            varying.update(node.results)
    return True


def run_batched(graph: Graph, operands: Sequence[Any], batched: Sequence[bool], size: int) -> list[Any]:
    """The outputs for a batch, computed by the primitives on the current engine. For graphs that are `batchable`.

    Args:
        operands: for the inputs; batched: which of them have the batch as their first dimension.
        size: of the batch. Outputs that don't depend on it are repeated.
    """

    def apply(node: Node, *given: tuple[Any, bool]) -> list[tuple[Any, bool]]:
        xs, which = [x for x, _ in given], [is_batched for _, is_batched in given]
        varies = True in which
        results = RULES[node.primitive.name](node, xs, which, size) if varies else node.primitive(*xs, **node.params)
        return [(y, varies) for y in (results if isinstance(results, (list, tuple)) else [results])]

    found = graph.evaluate(list(zip(operands, batched, strict=True)), apply, lambda array: (array, False))
    shapes = [(size, *v.shape) for v in graph.outputs]
    return [y if varies else lookup("broadcast_to")(y, shape=shape) for (y, varies), shape in zip(found, shapes, strict=True)]


def _widened(x: Any, shape: Shape, rank: int, size: int) -> Any:
    """A batched operand whose elements have `shape`, with dimensions of size 1 in front of these up to `rank`."""
    return x if len(shape) == rank else lookup("reshape")(x, shape=(size, *(1,) * (rank - len(shape)), *shape))


def _aligned(node: Node, xs: list[Any], batched: list[bool], size: int) -> Any:
    """Leading dimensions broadcast: batched operands of lower rank than others get dimensions behind the batch's."""
    rank = max(v.ndim for v in node.operands)
    wide = [_widened(x, v.shape, rank, size) if yes else x for x, v, yes in zip(xs, node.operands, batched, strict=True)]
    return node.primitive(*wide, **node.params)


def _shifted(node: Node, xs: list[Any], batched: list[bool], size: int) -> Any:
    """The axes are one further; operands that are not batched are repeated."""
    shapes = [(size, *v.shape) for v in node.operands]
    whole = [x if yes else lookup("broadcast_to")(x, shape=shape) for x, shape, yes in zip(xs, shapes, batched, strict=True)]
    params = dict(node.params)
    if "axis" in params:
        params["axis"] += 1
    else:
        params["axes"] = tuple(axis + 1 for axis in params["axes"])
    return node.primitive(*whole, **params)


def _leading(**front: Callable[[int], int]) -> Callable[..., Any]:
    """Each of these parameters has one number for each dimension of the first operand: what it is for the batch."""

    def rule(node: Node, xs: list[Any], batched: list[bool], size: int) -> Any:
        return node.primitive(*xs, **{key: (front[key](size), *value) for key, value in node.params.items()})

    return rule


def _transpose(node: Node, xs: list[Any], batched: list[bool], size: int) -> Any:
    return node.primitive(xs[0], axes=(0, *[axis + 1 for axis in node.params["axes"]]))


def _broadcast_to(node: Node, xs: list[Any], batched: list[bool], size: int) -> Any:
    shape = node.params["shape"]
    return node.primitive(_widened(xs[0], node.operands[0].shape, len(shape), size), shape=(size, *shape))


def _take(node: Node, xs: list[Any], batched: list[bool], size: int) -> Any:
    """From batched tables at the same places; or from one table at batched ones, whose dimension then moves to the front."""
    axis = node.params["axis"]
    if batched[0]:
        return node.primitive(*xs, axis=axis + 1)
    taken, rank = node.primitive(*xs, axis=axis), node.results[0].ndim + 1
    return lookup("transpose")(taken, axes=(axis, *range(axis), *range(axis + 1, rank))) if axis else taken


def _as_it_is(node: Node, xs: list[Any], batched: list[bool], size: int) -> Any:
    return node.primitive(*xs, **node.params)


_SHIFTED = "sum prod max min any all argmax argmin cumsum cumprod sort argsort flip concatenate take_along_axis"
RULES: dict[str, Callable[..., Any]] = {
    **{name: _aligned for name, record in TABLE.items() if record.family in ("elementwise", "linalg")},
    "matmul": _aligned,
    **dict.fromkeys(_SHIFTED.split(), _shifted),
    "reshape": _leading(shape=lambda size: size),
    "slice": _leading(start=lambda size: 0, limit=lambda size: size, strides=lambda size: 1),
    "pad": _leading(low=lambda size: 0, high=lambda size: 0, interior=lambda size: 0),
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "take": _take,
    "searchsorted": _as_it_is,
}
_ALLOWED = {"pad": [[0]], "searchsorted": [[1]], "take": [[0], [1]]}  # which operands may be batched, where not any may
