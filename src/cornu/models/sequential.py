"""A stack of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cornu.layers.core import Input, InputLayer
from cornu.layers.layer import Layer
from cornu.models.functional import Functional
from cornu.models.model import Model
from cornu.ops.symbolic import KerasTensor


class Sequential(Model):
    """Layers, each called on the output of the one before.

    Args:
        layers: the first may be an `Input`. Without one the model is built when it first sees data, or by `build(input_shape)`.
        trainable, name: as for layers.
    """

    def __init__(self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._stack: list[Any] = []
        self._functional: Functional | None = None
        self._drawn: dict[Any, Any] = {}  # layer and its input -> its output: each layer is called once on the same
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top. rebuild: whether to build at once, where the shapes are known.

        Raises:
            ValueError: if it is no layer, or its name is taken.
        """
        if isinstance(layer, KerasTensor) and layer.node is not None and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Only instances of `Layer` can be added to a Sequential model. Received: {layer!r} (of type {type(layer)})"
            )
        if not self._stack and getattr(layer, "_input_shape_arg", None) is not None:
            self._stack.append(Input(batch_shape=layer._input_shape_arg).node.operation)  # type: ignore[union-attr]
        if any(other.name == layer.name for other in self._stack):
            raise ValueError(
                f"All layers added to a Sequential model should have unique names. Name {layer.name!r} is already used."
            )
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(f"Sequential model {self.name!r} has already layers: an Input can only be the first.")
        self._stack.append(layer)
        self._changed(rebuild)

    def pop(self, rebuild: bool = True) -> Any:
        """Take the last layer off, and return it. rebuild: as in `add`."""
        layer = self._stack.pop()
        self._changed(rebuild)
        return layer

    def _changed(self, rebuild: bool) -> None:
        """Forget what was made of another stack; make it anew with `rebuild`."""
        self.built, self._functional = False, None
        self._forget_structure()
        if rebuild:
            self._rebuild()

    def build(self, input_shape: Any = None) -> None:
        """Build all layers for inputs of this shape (with the batch axis)."""
        if input_shape is not None and not (self._stack and isinstance(self._stack[0], InputLayer)):
            self._stack.insert(0, InputLayer(batch_shape=tuple(input_shape)))
        self._rebuild()

    def _rebuild(self) -> None:
        if len(self._stack) < 2 or not isinstance(self._stack[0], InputLayer):
            return
        x = self._stack[0].output
        for layer in self._stack[1:]:
            key = layer, id(x)
            if key not in self._drawn:
                self._drawn[key] = layer(x)
            x = self._drawn[key]
        self._functional = Functional(self._stack[0].output, x, name=self.name)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self._functional is not None:
            return self._functional.call(inputs, training, mask)
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    def _maybe_build(self, args: Any, kwargs: dict[str, Any]) -> None:
        if not self.layers:
            raise ValueError(f"Sequential model {self.name!r} has no layers: give it some by `add`.")
        if not self.built and hasattr(args[0], "shape"):
            shape = tuple(args[0].shape)
            dtype = args[0].dtype if isinstance(args[0].dtype, str) else str(args[0].dtype).rpartition(".")[2]
            if not (self._stack and isinstance(self._stack[0], InputLayer)):
                self._stack.insert(0, InputLayer(batch_shape=(None, *shape[1:]), dtype=dtype))
            self._rebuild()

    def _children(self) -> Any:
        return (layer for layer in self._stack if not isinstance(layer, InputLayer))

    @property
    def layers(self) -> list[Layer]:
        return list(self._children())

    def _needs_build(self) -> None:
        if self._functional is None:
            raise ValueError(f"Sequential model {self.name!r} is not built yet: it has no known input shape.")

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input."""
        self._needs_build()
        return self._functional.inputs  # type: ignore[union-attr]

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic output."""
        self._needs_build()
        return self._functional.outputs  # type: ignore[union-attr]

    @property
    def input(self) -> KerasTensor:
        """The symbolic input."""
        return self.inputs[0]

    @property
    def output(self) -> KerasTensor:
        """The symbolic output."""
        return self.outputs[0]

    @property
    def input_shape(self) -> Any:
        """Shape of the input."""
        return self.inputs[0].shape

    @property
    def output_shape(self) -> Any:
        """Shape of the output."""
        return self.outputs[0].shape

    @property
    def output_names(self) -> list[str]:
        """Name of the last layer."""
        return [self._stack[-1].name]
