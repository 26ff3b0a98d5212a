"""Gradients of the symbolic graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from cornu import context, ops
from cornu.backend.drawing import drawn
from cornu.backend.graph import Run, run_within, running
from cornu.contract.state import StateScope, read
from cornu.graph.gradient import reaching
from cornu.layers.graph import evaluate, leaves_of, nodes_between
from cornu.ops.autodiff import grad
from cornu.ops.symbolic import KerasTensor, Node, infer_outputs
from cornu.primitives import dtypes as dt
from cornu.variable import Variable


@drawn
def stop_gradient(variables: Any) -> Any:
    """`variables`, a tensor or a list of them, as they are; no gradient flows through."""
    if isinstance(variables, (list, tuple)):
        return [ops.stop_gradient(x) for x in variables]
    return ops.stop_gradient(variables)


def gradients(loss: Any, variables: Any) -> list[Any]:
    """Symbolic gradients of the sum of `loss`, which may be used in further expressions and be differentiated again.

    Args:
        loss: a symbolic tensor of any shape, or a list of them.
        variables: variables, placeholders or other symbolic tensors on the way to the loss; a list, or one.

    Returns:
        A list with a tensor of its shape for each of `variables`: None where no differentiable way leads from it to the loss.

    Raises:
        TypeError: for a loss or a variable that is not symbolic.
    """
    losses = list(loss) if isinstance(loss, (list, tuple)) else [loss]
    targets = list(variables) if isinstance(variables, (list, tuple)) else [variables]
    for x in losses:
        if not isinstance(x, KerasTensor):
            raise TypeError(
                f"gradients: the loss must be symbolic, got {x!r}. Let it follow from placeholders or variables by functions of "
                "`K`; for tensors that have values use `cornu.grad` or `cornu.value_and_grad`."
            )
    for x in targets:
        if not isinstance(x, (KerasTensor, Variable)):
            raise TypeError(
                f"gradients: expected variables or symbolic tensors to differentiate by, got {x!r}. A constant is "
                "none: use `K.variable`."
            )
    return Derivative(losses, targets).draw()


class Derivative:
    """The operation of a node that gives the gradients of losses with respect to symbolic tensors and variables.

    The node gets the values of placeholders and of the `symbols`, and computes the losses again. It differentiates by the values
    of symbols that can follow from no other source. To the others it adds zeros and differentiates by these: so each gradient is
    total, also where one symbol follows from another. cells: the variables.
    """

    def __init__(self, losses: Sequence[KerasTensor], targets: Sequence[Any]) -> None:
        self.losses, self.targets = list(losses), targets
        self.leaves = leaves_of(losses)
        self.nodes = nodes_between(self.leaves, self.losses)
        inside = {id(x) for node in self.nodes for x in [*node.inputs, *node.results]} | set(map(id, losses))
        distinct = {id(x): x for x in targets}
        self.symbols = [x for key, x in distinct.items() if key in inside and dt.is_differentiable(x.dtype)]
        self.cells = [x for x in distinct.values() if isinstance(x, Variable) and dt.is_differentiable(x.storage_dtype)]
        self.direct: list[KerasTensor] = []
        connected = self._connected()
        self.symbols = [x for x in self.symbols if id(x) in connected]
        self.cells = [x for x in self.cells if id(x) in connected]
        self.direct = self._independent()
        self.nodes = nodes_between([*self.leaves, *self.direct], self.losses)

    def _independent(self) -> list[KerasTensor]:
        """The symbols that follow from no other source."""
        sources = set(map(id, self.symbols))
        following: set[int] = set()
        for node in self.nodes:
            if any(id(x) in sources or id(x) in following for x in node.inputs):
                following.update(map(id, node.results))
        free = set(map(id, self.leaves)) if self.cells else sources - following  # layers may hide that they use a variable
        return [x for x in self.symbols if id(x) in free]

    def draw(self) -> list[Any]:
        """The gradient, or None, of each target."""
        sources: list[Any] = [*self.symbols, *self.cells]
        found = {id(x): KerasTensor(x.shape, x.dtype if isinstance(x, KerasTensor) else x.storage_dtype) for x in sources}
        if found:
            Node(self, (self.leaves, self.symbols), {}, list(found.values()))
        return [found.get(id(x)) for x in self.targets]

    def __call__(self, leaves: Sequence[Any], points: Sequence[Any]) -> list[Any]:
        now = running()
        # What the losses write has been written by the nodes that computed them: here they begin as these did, and it is dropped.
        start = {cell: now.scope.before(cell) for cell in now.scope.written} if now is not None else {}
        with StateScope(start):
            own = [point if x in self.direct else ops.zeros_like(point) for x, point in zip(self.symbols, points, strict=True)]
            return grad(lambda sources: self._total(leaves, sources))([*own, *map(read, self.cells)])

    def _total(self, leaves: Sequence[Any], sources: Sequence[Any]) -> Any:
        count = len(self.symbols)
        own = dict(zip(map(id, self.symbols), sources[:count], strict=True))
        with StateScope(dict(zip(self.cells, sources[count:], strict=True))) as scope, run_within(Run(scope)):
            known = self._evaluate(leaves, own, lambda x, value: ops.add(value, own[id(x)]))
            parts = [ops.sum(known[id(x)]) for x in self.losses]
        return functools.reduce(ops.add, parts)

    def _evaluate(self, leaves: Sequence[Any], own: dict[int, Any], shifted: Callable[[KerasTensor, Any], Any]) -> dict[int, Any]:
        """Values of all tensors by their ids: of direct symbols their own, of other symbols what `shifted` makes of them."""
        direct = {id(x): own[id(x)] for x in self.direct}
        known = {**dict(zip(map(id, self.leaves), leaves, strict=True)), **direct}
        wanted = {id(x) for x in self.symbols}.difference(direct)

        def shift(tensors: list[KerasTensor]) -> None:
            known.update({id(x): shifted(x, known[id(x)]) for x in tensors if id(x) in wanted})

        shift(self.leaves)
        for node in self.nodes:
            evaluate([node], known)
            shift(node.results)
        return known

    def _connected(self) -> set[int]:
        """Ids of the symbols and cells from which a differentiable way leads to the losses."""
        found: set[int] = set()

        def probe(leaves: list[Any]) -> Any:
            tracer: Any = context.current()
            values = {id(x): tracer.input(x.shape, x.storage_dtype) for x in self.cells}

            def shifted(x: KerasTensor, value: Any) -> Any:
                values[id(x)] = tracer.input(tuple(value.shape), x.dtype)
                return ops.add(value, values[id(x)])

            with StateScope({x: values[id(x)] for x in self.cells}) as scope, run_within(Run(scope)):
                known = self._evaluate(leaves, {}, shifted)
            reached = reaching(tracer.graph.nodes, [tracer.lift(known[id(x)]) for x in self.losses])
            found.update(key for key, value in values.items() if value in reached)
            return [known[id(x)] for x in self.losses]

        infer_outputs(probe, (self.leaves,), {})
        return found


__all__ = ["gradients", "stop_gradient"]
