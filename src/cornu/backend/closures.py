"""Python functions of tensors in graph style: they may use symbolic tensors that are not among their arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu import tree
from cornu.backend.drawing import draws, eager, has_variable
from cornu.layers.graph import evaluate, known_values, leaves_of, nodes_between
from cornu.ops.common import dtype_of, shape_of
from cornu.ops.op import has_symbolic
from cornu.ops.symbolic import KerasTensor, apply


class Closure:
    """A function of tensors, called once on symbolic ones.

    captured: the symbolic tensors that it uses and that don't follow from its arguments. They are computed once, before it
        is called.
    """

    def __init__(self, fn: Callable[..., Any], *args: Any) -> None:
        self._args, self._outputs = args, fn(*args)
        results = [x for x in tree.flatten(self._outputs) if isinstance(x, KerasTensor)]
        inside = {id(x): x for x in tree.flatten(args) if isinstance(x, KerasTensor)}
        self._nodes = []
        used = list(results)
        for node in nodes_between(leaves_of(results), results):
            if any(id(x) in inside for x in node.inputs):
                self._nodes.append(node)
                inside.update((id(x), x) for x in node.results)
                used += node.inputs
        self.captured = list({id(x): x for x in used if id(x) not in inside}.values())

    def over(self, captured: Sequence[Any]) -> Callable[..., Any]:
        """The function of values, for values of the captured tensors."""

        def call(*args: Any) -> Any:
            known = dict(zip(map(id, self.captured), captured, strict=True))
            known.update((id(x), value) for x, value in zip(tree.flatten(self._args), tree.flatten(args), strict=True))
            evaluate(self._nodes, known)
            return known_values(self._outputs, known)

        return call


def element(structure: Any, axis: int = 0) -> Any:
    """Symbolic tensors like the elements of nested tensors along `axis`."""
    return tree.map_structure(lambda x: KerasTensor((*shape_of(x)[:axis], *shape_of(x)[axis + 1 :]), dtype_of(x)), structure)


def like(structure: Any) -> Any:
    """Symbolic tensors of the shapes and dtypes of nested tensors."""
    return tree.map_structure(lambda x: KerasTensor(shape_of(x), dtype_of(x)), structure)


def with_function(body: Callable[..., Any], fn: Callable[..., Any], symbols: Callable[[], Sequence[Any]], *args: Any) -> Any:
    """`body(fn, *args)`, drawn where its arguments, or what `fn` captures, are symbolic.

    symbols: gives symbolic arguments for `fn`.
    """
    symbolic = has_symbolic(args) or (draws() and has_variable(args))
    if symbolic or draws():
        closure = Closure(fn, *symbols())
        if symbolic or closure.captured:
            return apply(eager(lambda captured, *args: body(closure.over(captured), *args)), (closure.captured, *args), {})
    return body(fn, *args)
