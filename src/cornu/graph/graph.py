"""A recorded program, as plain data.

The specification, which `Graph.check` enforces:

- A `Value` has a static shape (ints) and a dtype name. It is an input of its graph, a constant of it (a NumPy array), or a result
  of exactly one of its nodes.
- A `Node` applies a primitive of the table to values that come before it, with parameters that are plain data: None, bool, int,
  float, complex, str, tuples of these, or graphs (the functions of control primitives). Its results have the shapes and dtypes
  that the primitive's rules give.
- Operands stand in the dtypes to which the primitive promotes them. Nothing is implicit but broadcasting.
- Outputs are values of the graph; one may stand several times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import Primitive, Shape


class Unknown(TypeError):
    """The numbers of a tensor are needed where there are none yet."""


class Value:
    """A tensor of a recorded program: a shape and a dtype, no numbers."""

    __slots__ = ("__weakref__", "dtype", "graph", "shape")

    def __init__(self, graph: Graph, shape: Shape, dtype: str) -> None:
        self.graph = graph
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<recorded {self.dtype}{list(self.shape)}>"

    def __bool__(self) -> bool:
        raise Unknown(
            "A value that depends on the data has no truth while a function is being compiled. Use `ops.cond`, `ops.where` or "
            "`ops.while_loop`, or compile the model with `run_eagerly=True`."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise Unknown("A recorded value has no numbers yet: it can't become a NumPy array while a function is being compiled.")

    def __index__(self) -> int:
        raise Unknown("A recorded value has no numbers yet: it can't become an int while a function is being compiled.")

    def __iter__(self) -> Iterator[Any]:
        raise Unknown("A recorded value has no numbers yet: it can't be iterated over while a function is being compiled.")


class Node:
    """One application of a primitive."""

    __slots__ = ("operands", "params", "primitive", "results")

    def __init__(self, primitive: Primitive, operands: Sequence[Value], params: dict[str, Any], results: Sequence[Value]) -> None:
        self.primitive = primitive
        self.operands = list(operands)
        self.params = params
        self.results = list(results)


class Graph:
    """A program: inputs, constants, nodes in order, outputs."""

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.constants: dict[Value, np.ndarray] = {}
        self.nodes: list[Node] = []
        self.outputs: list[Value] = []

    def __call__(self, *operands: Any) -> list[Any]:
        """Run (or, on a recording engine, inline) the program, primitive by primitive, on the current engine."""
        return self.evaluate(operands, lambda node, *xs: node.primitive(*xs, **node.params))

    def evaluate(
        self, operands: Sequence[Any], apply: Callable[..., Any], constant: Callable[[np.ndarray], Any] = lambda array: array
    ) -> list[Any]:
        """Walk the program; returns what became of its outputs.

        Args:
            operands: what stands for the inputs. apply: `apply(node, *operands)` gives the node's result, or a list of them.
            constant: what stands for a constant.
        """
        known: dict[Value, Any] = {v: constant(array) for v, array in self.constants.items()}
        known.update(zip(self.inputs, operands, strict=True))
        for node in self.nodes:
            results = apply(node, *[known[v] for v in node.operands])
            known.update(zip(node.results, results if isinstance(results, (list, tuple)) else [results], strict=True))
        return [known[v] for v in self.outputs]

    def subgraphs(self) -> Iterator[Graph]:
        """The functions of control nodes, one level down."""
        for node in self.nodes:
            yield from (value for value in node.params.values() if isinstance(value, Graph))

    def prune(self) -> Graph:
        """Drop nodes that no output needs and compute equal nodes once; returns a new graph over the same values."""
        same: dict[Any, list[Value]] = {}
        instead: dict[Value, Value] = {}
        merged: list[Node] = []
        for node in self.nodes:
            operands = [instead.get(v, v) for v in node.operands]
            key = (node.primitive, *map(id, operands), repr(sorted(node.params.items(), key=lambda item: item[0])))
            if key in same:
                instead.update(zip(node.results, same[key], strict=True))
            else:
                same[key] = node.results
                merged.append(Node(node.primitive, operands, node.params, node.results))
        pruned = Graph()
        pruned.inputs = self.inputs
        pruned.outputs = [instead.get(v, v) for v in self.outputs]
        needed = set(pruned.outputs)
        for node in reversed(merged):
            if not needed.isdisjoint(node.results):
                needed.update(node.operands)
                pruned.nodes.append(node)
        pruned.nodes.reverse()
        pruned.constants = {v: array for v, array in self.constants.items() if v in needed}
        return pruned

    def check(self) -> None:
        """Hold the program against the specification at the top of this file.

        Raises:
            ValueError: naming the first node that breaks it.
        """
        known = set(self.inputs) | set(self.constants)
        for value, array in self.constants.items():
            if (array.shape, dt.name_of(array.dtype)) != (value.shape, value.dtype):
                raise ValueError(f"constant {value} holds an array {array.dtype}{list(array.shape)}")
        for index, node in enumerate(self.nodes):
            problem = _problem(node, known)
            if problem:
                raise ValueError(f"node {index} ({node.primitive.name}): {problem}\n{self}")
            known.update(node.results)
        if not known.issuperset(self.outputs):
            raise ValueError(f"an output is computed by no node\n{self}")
        for graph in self.subgraphs():
            graph.check()

    def __str__(self) -> str:
        return "\n".join(_lines(self, _namer()))

    def __repr__(self) -> str:
        # By identity: two functions of control nodes are never taken for equal.
        return f"<graph {id(self):x}: {len(self.inputs)} inputs, {len(self.nodes)} nodes, {len(self.outputs)} outputs>"


def _problem(node: Node, known: set[Value]) -> str | None:
    if not known.issuperset(node.operands):
        return "an operand is used before it is computed"
    for name, value in node.params.items():
        if not _is_plain(value):
            return f"parameter {name} is a {type(value).__name__}, which is not plain data"
        taken = _operands_taken(node)
        if isinstance(value, Graph) and len(value.inputs) != taken:
            return f"{name} has {len(value.inputs)} inputs, but gets {taken} operands"
    if node.params.keys() != node.primitive.params.keys():
        return f"parameters {sorted(node.params)} instead of {sorted(node.primitive.params)}"
    dtypes = [v.dtype for v in node.operands]
    if tuple(node.primitive.dtype.operands(*dtypes)) != tuple(dtypes):
        return f"operands of dtypes {dtypes} are not promoted"
    shapes = [tuple(s) for s in node.primitive.result_shapes([v.shape for v in node.operands], node.params)]
    expected = list(zip(shapes, node.primitive.result_dtypes(dtypes, node.params), strict=True))
    got = [(v.shape, v.dtype) for v in node.results]
    return None if expected == got else f"results {got} where the rules give {expected}"


def _operands_taken(node: Node) -> int:
    """How many of its operands a control node hands to its functions."""
    skipped = {"cond": 1, "with_gradient": node.params.get("n_inputs", 0)}
    return len(node.operands) - skipped.get(node.primitive.name, 0)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, complex, str, Graph))


def _namer() -> Callable[[Value], str]:
    names: dict[Value, str] = {}
    return lambda value: names.setdefault(value, f"v{len(names)}")


def _lines(graph: Graph, name: Callable[[Value], str], indent: str = "") -> Iterator[str]:
    typed = lambda v: f"{name(v)}: {v.dtype}{list(v.shape)}"  # noqa: E731
    yield f"{indent}graph({', '.join(map(typed, graph.inputs))}):"
    for value, array in graph.constants.items():
        what = repr(array.item()) if array.ndim == 0 else "array"
        yield f"{indent}  {typed(value)} = constant {what}"
    for node in graph.nodes:
        plain = [f"{key}={value}" for key, value in node.params.items() if not isinstance(value, Graph)]
        arguments = ", ".join([*map(name, node.operands), *plain])
        yield f"{indent}  {', '.join(map(typed, node.results))} = {node.primitive.name}({arguments})"
        for key, value in node.params.items():
            if isinstance(value, Graph):
                yield f"{indent}    {key} ="
                yield from _lines(value, name, indent + "      ")
    yield f"{indent}  return {', '.join(map(name, graph.outputs))}"
