"""Dimensions that only the running model knows: a program for any batch size from recordings with two sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.graph.graph import Graph, Node, Value
from cornu.primitives.primitive import lookup


class Dim:
    """`factor * batch + offset`, for a batch size that is not known yet."""

    __slots__ = ("factor", "offset")

    def __init__(self, factor: int, offset: int = 0) -> None:
        self.factor, self.offset = factor, offset

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Dim):
            raise ValueError("a size that grows with the square of the batch size has no form here")
        return Dim(self.factor * other, self.offset * other) if other else 0

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Any:
        other = other if isinstance(other, Dim) else Dim(0, other)
        factor, offset = self.factor + other.factor, self.offset + other.offset
        return Dim(factor, offset) if factor else offset

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + other * -1

    def __rsub__(self, other: Any) -> Any:
        return self * -1 + other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and (self.factor, self.offset) == (other.factor, other.offset)

    def __hash__(self) -> int:
        return hash((self.factor, self.offset))

    def __repr__(self) -> str:
        return f"{self.factor} * batch + {self.offset}"


class BatchDependent(ValueError):
    """What is computed depends on the batch size in more than its shapes."""


def generalize(first: Graph, second: Graph, sizes: tuple[int, int]) -> Graph:
    """The program of which both are instances: `first` for batches of `sizes[0]`, `second` of `sizes[1]`.

    Shapes and parameters that differ hold `Dim`s. Such a graph is to be written, not run.

    Raises:
        BatchDependent: if they differ in more than sizes that grow with the batch.
    """
    return _Pair(sizes).graph(first, second)


class _Pair:
    def __init__(self, sizes: tuple[int, int]) -> None:
        self.sizes = sizes
        self.known: dict[Value, Value] = {}

    def graph(self, first: Graph, second: Graph) -> Graph:
        made = Graph()
        if len(first.inputs) != len(second.inputs) or [n.primitive for n in first.nodes] != [n.primitive for n in second.nodes]:
            raise BatchDependent("other steps are taken for another batch size")
        made.inputs = [self.value(a, b) for a, b in zip(first.inputs, second.inputs, strict=True)]
        constants = dict(zip(first.constants, second.constants, strict=True))
        for a, b in constants.items():
            self.constant(made, a, b, first.constants[a], second.constants[b])
        for one, two in zip(first.nodes, second.nodes, strict=True):
            params = {key: self.param(value, two.params[key]) for key, value in one.params.items()}
            operands = [self.known[a] for a in one.operands]
            if any(self.known.get(b) is not v for b, v in zip(two.operands, operands, strict=True)):
                raise BatchDependent("values flow otherwise for another batch size")
            results = [self.value(a, b) for a, b in zip(one.results, two.results, strict=True)]
            made.nodes.append(Node(one.primitive, operands, params, results))
        made.outputs = [self.known[v] for v in first.outputs]
        return made

    def value(self, a: Value, b: Value) -> Value:
        made = Value(a.graph, self.param(a.shape, b.shape), a.dtype)
        self.known[a] = self.known[b] = made
        return made

    def constant(self, graph: Graph, a: Value, b: Value, one: np.ndarray, two: np.ndarray) -> None:
        made = self.value(a, b)
        if one.shape == two.shape and one.tobytes() == two.tobytes():
            graph.constants[made] = one
        elif one.size and two.size and (one == one.flat[0]).all() and (two == one.flat[0]).all():
            params = {"shape": made.shape, "value": one.flat[0].item(), "dtype": made.dtype}
            graph.nodes.append(Node(lookup("full"), [], params, [made]))
        else:
            raise BatchDependent(f"a constant of shape {one.shape} differs for another batch size")

    def param(self, a: Any, b: Any) -> Any:
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            return tuple(self.param(x, y) for x, y in zip(a, b, strict=True))
        if isinstance(a, Graph):
            return self.graph(a, b)
        if type(a) is type(b) is int and a != b:
            factor, rest = divmod(b - a, self.sizes[1] - self.sizes[0])
            if not rest:
                return Dim(factor, a - factor * self.sizes[0])
        if a != b:
            raise BatchDependent(f"a number is {a} for a batch of {self.sizes[0]}, and {b} for one of {self.sizes[1]}")
        return a
