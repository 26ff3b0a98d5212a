"""Models drawn with symbolic tensors."""

from __future__ import annotations

from typing import Any

from cornu import tree
from cornu.layers.core import InputLayer
from cornu.layers.graph import evaluate, known_values, nodes_between
from cornu.layers.layer import Layer, known_in_call
from cornu.models.model import Model
from cornu.ops.symbolic import KerasTensor, Node


class Functional(Model):
    """A model from symbolic inputs to symbolic outputs; both may be nested.

    Args:
        inputs: KerasTensors (from `Input`, or of a layer). outputs: what is computed from them. name: of the model.

    Raises:
        ValueError: if the outputs don't follow from the inputs.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        Model.__init__(self, name=name, **kwargs)
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            wrong = [x for x in tree.flatten(structure) if not isinstance(x, KerasTensor)]
            if wrong:
                raise ValueError(
                    f"All `{what}` values must be KerasTensors. Received: {what}={structure}, including {wrong[0]!r}."
                )
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self.inputs, self.outputs = tree.flatten(inputs), tree.flatten(outputs)
        self._nodes = nodes_between(self.inputs, self.outputs)
        sources = [x.node.operation for x in self.inputs if x.node and isinstance(x.node.operation, InputLayer)]
        used = [node.operation for node in self._nodes if isinstance(node.operation, Layer)]
        self._graph_layers = list(dict.fromkeys([*sources, *used]))
        self.input_names = [x.name for x in self.inputs]
        self.output_names = _distinct([getattr(getattr(x.node, "operation", None), "name", x.name) for x in self.outputs])
        self.symbolic_losses: list[KerasTensor] = []
        self._loss_nodes: list[Node] = []  # what they need beside the outputs' nodes
        self.built = True

    def add_loss(self, loss: Any) -> None:
        """Add to what training minimizes.

        Args:
            loss: symbolic tensors that follow from the model's inputs, for all calls; or, from inside `call`, a scalar.

        Raises:
            ValueError: if a symbolic loss doesn't follow from the inputs.
        """
        symbols = [x for x in tree.flatten(loss) if isinstance(x, KerasTensor)]
        super().add_loss([x for x in tree.flatten(loss) if not isinstance(x, KerasTensor)])
        if symbols:
            known, losses = set(self._nodes), [*self.symbolic_losses, *symbols]
            nodes = nodes_between(self.inputs, [*self.outputs, *losses])
            self.symbolic_losses, self._loss_nodes = losses, [node for node in nodes if node not in known]
            used = [node.operation for node in self._loss_nodes if isinstance(node.operation, Layer)]
            self._graph_layers = list(dict.fromkeys([*self._graph_layers, *used]))
            self._forget_programs()

    @property
    def layers(self) -> list[Layer]:
        return self._graph_layers

    @property
    def input(self) -> Any:
        """The symbolic inputs."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs."""
        return self._outputs_struct

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs."""
        return tree.map_structure(lambda x: x.shape, self._inputs_struct)

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs."""
        return tree.map_structure(lambda x: x.shape, self._outputs_struct)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        known = known_in_call()
        known = {} if known else known  # models inside this one may be called several times
        known.update(zip(map(id, self.inputs), self._flat_inputs(inputs), strict=True))
        evaluate(self._nodes, known)
        if self.symbolic_losses:
            evaluate(self._loss_nodes, known)
            super().add_loss(known_values(self.symbolic_losses, known))
        return known_values(self._outputs_struct, known)

    def _flat_inputs(self, inputs: Any) -> list[Any]:
        if isinstance(inputs, dict) and isinstance(self._inputs_struct, dict):
            missing = [name for name in self._inputs_struct if name not in inputs]
            if missing:
                raise ValueError(f"Model {self.name!r}: missing inputs {missing}; got {sorted(inputs)}.")
            inputs = {name: inputs[name] for name in self._inputs_struct}
        elif isinstance(inputs, dict):
            inputs = [inputs[name] for name in self.input_names]
        flat = tree.flatten(inputs)
        if len(flat) != len(self.inputs):
            raise ValueError(f"Model {self.name!r} expects {len(self.inputs)} input(s) {self.input_names}, but got {len(flat)}.")
        for x, symbol in zip(flat, self.inputs, strict=True):
            shape = tuple(x.shape)
            fits = len(shape) == symbol.ndim and all(
                b is None or a is None or a == b for a, b in zip(shape, symbol.shape, strict=True)
            )
            if not fits:
                raise ValueError(
                    f'Input of model "{self.name}" is incompatible: input {symbol.name!r} expects shape {symbol.shape}, '
                    f"found shape {shape}."
                )
        return flat


def _distinct(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}_{seen[name] - 1}")
    return result


Model.functional = Functional
