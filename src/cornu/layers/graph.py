"""The graph of symbolic tensors: which nodes lead from one to another, and what they compute."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any

from cornu import tree
from cornu.layers.core import InputLayer
from cornu.layers.layer import continuing_call
from cornu.ops.symbolic import KerasTensor, Node


def nodes_between(inputs: Iterable[KerasTensor], outputs: Iterable[KerasTensor]) -> list[Node]:
    """The nodes that compute outputs from inputs, each after those that it needs.

    Raises:
        ValueError: if an output needs a tensor that is no input.
    """
    return _nodes_to(outputs, set(map(id, inputs)))


def _nodes_to(outputs: Iterable[KerasTensor], given: Container[int]) -> list[Node]:
    order: dict[Node, None] = {}

    def visit(tensor: KerasTensor) -> Iterator[Any]:
        """The tensors still to be visited first; a generator, so that depth costs no recursion."""
        if id(tensor) in given or tensor.node in order:
            return
        node = tensor.node
        if node is None or (not node.inputs and isinstance(node.operation, InputLayer)):
            raise ValueError(f"Graph disconnected: the outputs depend on {tensor!r}, which is not among the inputs.")
        yield from node.inputs
        order[node] = None

    for output in outputs:
        stack = [visit(output)]
        while stack:
            following = next(stack[-1], None)
            if following is None:
                stack.pop()
            else:
                stack.append(visit(following))
    return list(order)


def leaves_of(tensors: Iterable[KerasTensor]) -> list[KerasTensor]:
    """The inputs and placeholders on which tensors depend."""
    leaves: dict[int, KerasTensor] = {}
    seen: set[Node] = set()
    pending = list(tensors)
    while pending:
        x = pending.pop()
        if x.node is None or isinstance(x.node.operation, InputLayer):
            leaves[id(x)] = x
        elif x.node not in seen:
            seen.add(x.node)
            pending += x.node.inputs
    return list(leaves.values())


def known_values(structure: Any, known: dict[int, Any]) -> Any:
    """The structure with its symbolic tensors replaced by what is known of them. known: the id of a tensor -> its value."""
    return tree.map_structure(lambda x: known[id(x)] if isinstance(x, KerasTensor) else x, structure)


def evaluate(nodes: Iterable[Node], known: dict[int, Any]) -> None:
    """Run the nodes, in their order; their results become known. known: the id of a symbolic tensor -> its value."""
    for node in nodes:
        results = node.operation(*known_values(node.args, known), **known_values(node.kwargs, known))
        known.update(zip(map(id, node.results), [x for x in tree.flatten(results) if hasattr(x, "shape")], strict=True))


def value_in_call(tensor: KerasTensor) -> Any:
    """What a symbolic tensor of a functional model is in its last call inside `keep_masks`.

    Raises:
        ValueError: if it doesn't follow from the tensors of the model, or there was no such call.
    """
    with continuing_call() as known:
        if not known:
            raise ValueError(
                f"The value of {tensor!r} is known only in the step of its own functional model: in a step of your own, let the "
                "model give it as a further output, and update a metric with that."
            )
        evaluate(_nodes_to([tensor], known), known)
        return known[id(tensor)]
