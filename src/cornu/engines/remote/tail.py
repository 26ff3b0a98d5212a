"""The end of a training step, which is elementwise: what optimizers make of the gradients.

A library that makes a pass over memory for each operation would take longer for that than for the gradients. Here NumPy computes it, many
operations on one block of each variable while that lies in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cornu.graph.graph import Graph, Node, Value

BLOCK = 1 << 14  # elements
Replay = Callable[[Graph], Callable[..., list[Any]]]


def tail(graph: Graph, written: int) -> list[Node]:
    """The nodes that only the first `written` outputs need (and results that are scalars), elementwise all the way.

    None, if that is the whole graph.
    """
    kept = set(graph.outputs[written:])
    needed: set[Value] = {v for v in kept if v.shape}
    nodes: list[Node] = []
    for node in reversed(graph.nodes if written else []):
        (result, *others) = node.results
        plain = node.operands and node.primitive.family == "elementwise" and all(v.shape in ((), result.shape) for v in node.operands)
        if plain and not others and result not in needed:
            nodes.append(node)
        else:
            needed.update(node.operands)
    return nodes[::-1] if len(nodes) < len(graph.nodes) else []


class Tail:
    """Those nodes as a function. inputs: the values that it takes from elsewhere."""

    def __init__(self, replay: Replay, graph: Graph, nodes: Sequence[Node]) -> None:
        groups: dict[int, list[Node]] = {}
        for node in nodes:
            size = math.prod(node.results[0].shape)
            groups.setdefault(size if size > BLOCK else 0, []).append(node)
        made = {v for node in nodes for v in node.results}
        self.parts = [_Part(replay, graph, groups[size], size, made) for size in sorted(groups)]  # small ones first: scalars are among them
        self.inputs = [v for v in dict.fromkeys(v for part in self.parts for v in part.inputs) if v not in made]

    def __call__(self, known: dict[Value, Any], places: Mapping[Value, np.ndarray]) -> None:
        """Add the results to the known arrays. places: arrays for those of more than `BLOCK` elements."""
        for part in self.parts:
            part(known, places)


class _Part:
    """Nodes of one size (0: of all small ones)."""

    def __init__(self, replay: Replay, graph: Graph, nodes: list[Node], size: int, made: set[Value]) -> None:
        self.size = size
        own = {v for node in nodes for v in node.results}
        taken = dict.fromkeys(v for node in nodes for v in node.operands if v not in own)
        part = Graph()
        part.constants = {v: graph.constants[v] for v in taken if v in graph.constants and not v.shape}
        part.inputs = self.inputs = [v for v in taken if v not in part.constants]
        part.nodes = nodes
        elsewhere = {*graph.outputs, *[v for node in graph.nodes if node.results[0] not in own for v in node.operands]}
        part.outputs = self.outputs = [v for v in own if v in elsewhere]
        self.program = replay(part)

    def __call__(self, known: dict[Value, Any], places: Mapping[Value, np.ndarray]) -> None:
        if not self.size:
            known.update(zip(self.outputs, self.program(*[known[v] for v in self.inputs])))
            return
        flat = [(known[v].reshape(-1), True) if v.shape else (known[v], False) for v in self.inputs]
        new = [places[v].reshape(-1) for v in self.outputs]
        for start in range(0, self.size, BLOCK):
            block = slice(start, start + BLOCK)
            results = self.program(*[x[block] if long else x for x, long in flat])
            for y, result in zip(new, results):
                y[block] = result
        known.update({v: places[v] for v in self.outputs})


__all__ = ["Tail", "tail"]
