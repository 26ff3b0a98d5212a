"""What a layer was called with in symbolic graphs."""

from __future__ import annotations

from typing import Any

from cornu import tree
from cornu.ops.symbolic import Node


class History:
    """Base of layers: the symbolic tensors of their calls."""

    name: str
    _inbound_nodes: list[Node]

    def _node_at(self, index: int) -> Node:
        if not -len(self._inbound_nodes) <= index < len(self._inbound_nodes):
            raise ValueError(
                f"Layer {self.name!r} was called {len(self._inbound_nodes)} time(s) on symbolic tensors; there is no call "
                f"{index}."
            )
        return self._inbound_nodes[index]

    def _only_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(
                f"Layer {self.name!r} has never been called on a symbolic tensor and thus has no defined {what}."
            )
        if len(self._inbound_nodes) > 1:
            raise AttributeError(
                f"Layer {self.name!r} was called {len(self._inbound_nodes)} times: {what} is ambiguous. Use "
                f"`get_{what}_at(index)` instead."
            )
        return self._inbound_nodes[0]

    @property
    def input(self) -> Any:
        """The symbolic tensor(s) with which it was called, if it was once.

        Raises:
            AttributeError: if it was never called, or several times.
        """
        return _given(self._only_node("input"))

    @property
    def output(self) -> Any:
        """The symbolic tensor(s) that it gave, if it was called once.

        Raises:
            AttributeError: if it was never called, or several times.
        """
        return self._only_node("output").outputs

    def get_input_at(self, node_index: int) -> Any:
        """The symbolic input of its call number `node_index`. Raises ValueError if there was none."""
        return _given(self._node_at(node_index))

    def get_output_at(self, node_index: int) -> Any:
        """The symbolic output of its call number `node_index`. Raises ValueError if there was none."""
        return self._node_at(node_index).outputs

    @property
    def input_shape(self) -> Any:
        """Shape(s) of `input`."""
        return tree.map_structure(lambda x: x.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shape(s) of `output`."""
        return tree.map_structure(lambda x: x.shape, self.output)


def _given(node: Node) -> Any:
    """The first argument; of an input layer, what it gives."""
    return node.args[0] if node.args else next(iter(node.kwargs.values()), node.outputs)
