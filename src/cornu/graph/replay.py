"""Replay: a recorded program as one straight-line Python function."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from cornu.graph.graph import Graph, Node, Value


def replay(
    graph: Graph,
    kernels: dict[str, Callable[..., Any]],
    expressions: dict[str, str] | None = None,
    namespace: dict[str, Any] | None = None,
    constant: Callable[[np.ndarray], Any] = lambda array: array,
    special: Callable[[Node, Graph], str | None] = lambda node, graph: None,
    fresh: Collection[str] = (),
) -> Callable[..., list[Any]]:
    """Generate and compile the program's source.

    An expression may name `out`: None, or an array of the result's shape and dtype that nobody needs any more (it may be one of
    the operands), for the result to be written into.

    Args:
        graph: the program.
        kernels: the function of each primitive.
        expressions: primitive -> expression over its operands' and parameters' names, to stand in place of a call.
        namespace: what those expressions refer to.
        constant: turns a constant's NumPy array into what kernels take.
        special: a better expression for a node of a graph, if there is one.
        fresh: primitives whose results share memory with no operand. Those with `out` in their expression are taken for such.

    Returns:
        A function of the graph's inputs that returns the list of its outputs. Its attribute `source` is the text.
    """
    writer = _Writer(kernels, expressions or {}, dict(namespace or {}), constant, special, fresh)
    head = f"def program({', '.join(writer.name(v) for v in graph.inputs)}):"
    source = "\n".join([head, *writer.body(graph)])
    exec(compile(source, "<recorded program>", "exec"), writer.namespace)
    program = writer.namespace["program"]
    program.source = source
    return program


_OUT = re.compile(r"\bout\b")


class _Writer:
    def __init__(
        self,
        kernels: Any,
        expressions: dict[str, str],
        namespace: dict[str, Any],
        constant: Any,
        special: Any,
        fresh: Collection[str],
    ) -> None:
        self.kernels = kernels
        self.expressions = expressions
        self.namespace = namespace
        self.constant, self.special, self.fresh = constant, special, fresh
        self.names: dict[Value, str] = {}

    def name(self, value: Value) -> str:
        return self.names.setdefault(value, f"v{len(self.names)}")

    def body(self, graph: Graph) -> list[str]:
        for value, array in graph.constants.items():
            self.namespace[self.name(value)] = self.constant(array)
        last_use = {value: i for i, node in enumerate(graph.nodes) for value in node.operands}
        kept = {*graph.outputs, *graph.constants}
        written = [self.special(node, graph) or self.expressions.get(node.primitive.name) for node in graph.nodes]
        own = self.unshared(graph, written) - kept
        lines = []
        for i, (node, expression) in enumerate(zip(graph.nodes, written, strict=True)):
            results = ", ".join(self.name(v) for v in node.results)
            single = len(node.results) == 1 and not _gives_list(node)
            done = {v for v in (*node.operands, *node.results) if last_use.get(v, i) == i and v not in kept}
            like = (node.results[0].shape, node.results[0].dtype)
            spare = next((v for v in node.operands if v in own and v in done and v.shape and (v.shape, v.dtype) == like), None)
            lines.append(f"    {results if single else f'[{results}]'} = {self.call(node, expression, spare)}")
            if done:
                lines.append(f"    del {', '.join(sorted(self.name(v) for v in done))}")
        return [*lines, f"    return [{', '.join(self.name(v) for v in graph.outputs)}]"]

    def unshared(self, graph: Graph, written: Sequence[str | None]) -> set[Value]:
        """Results whose memory is their own, and stays so."""
        own: set[Value] = set()
        shared: set[Value] = set()
        for node, expression in zip(graph.nodes, written, strict=True):
            if node.primitive.name in self.fresh or (expression and _OUT.search(expression)):
                own.update(node.results)
            else:
                shared.update(node.operands)
        return own - shared

    def call(self, node: Node, expression: str | None, spare: Value | None) -> str:
        name = node.primitive.name
        operands = [self.name(v) for v in node.operands]
        params = {key: self.literal(value) for key, value in node.params.items()}
        if expression is not None:
            names = node.primitive.operands
            if node.primitive.variadic:
                fixed = len(names) - 1
                operands = [*operands[:fixed], f"({', '.join(operands[fixed:])},)"]
            params["out"] = self.name(spare) if spare is not None else "None"
            return _substitute(expression, dict(zip(names, operands, strict=True)), params)
        self.namespace[f"k_{name}"] = self.kernels[name]
        return f"k_{name}({', '.join([*operands, *[f'{key}={value}' for key, value in params.items()]])})"

    def literal(self, value: Any) -> str:
        if isinstance(value, Graph):
            value = replay(value, self.kernels, self.expressions, self.namespace, self.constant, self.special, self.fresh)
        elif not (isinstance(value, float) and (value != value or value in (float("inf"), float("-inf")))):
            return repr(value)
        name = f"p{len(self.namespace)}"
        self.namespace[name] = value
        return name


def _gives_list(node: Node) -> bool:
    return isinstance(node.primitive.shape(*[v.shape for v in node.operands], **node.params), list)


def _substitute(expression: str, operands: dict[str, str], params: dict[str, str]) -> str:
    names = {**operands, **params}

    class Rename(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return ast.parse(names[node.id], mode="eval").body if node.id in names else node

    return ast.unparse(Rename().visit(ast.parse(expression, mode="eval")))


__all__: Sequence[str] = ["replay"]
