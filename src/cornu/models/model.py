"""The base of all models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from cornu.layers.layer import Layer
from cornu.models.export import export_onnx
from cornu.models.summary import print_summary
from cornu.training.loop import Trainer


class Model(Trainer):
    """A layer that can be trained.

    `Model(inputs, outputs)` makes a functional model of symbolic tensors; a subclass with `call` (and `train_step`, if it
    likes) is a model of its own.

    Args:
        args: inputs and outputs, nested symbolic tensors. kwargs: these by name; name, dtype, trainable: as for layers.
    """

    functional: ClassVar[type[Model]]  # what `Model(inputs, outputs)` makes; its module sets it

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        Functional = cls.functional
        if (args or "inputs" in kwargs) and not issubclass(cls, Functional) and (len(args) > 1 or "outputs" in kwargs):
            # Also for a subclass that only changes `train_step`: its instances are functional models.
            return super().__new__(
                Functional if cls is Model else type(cls.__name__, (cls, Functional), {"__module__": cls.__module__})
            )
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside."""
        return self._layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or index.

        Raises:
            ValueError: if there is none.
        """
        if (name is None) == (index is None):
            raise ValueError("Provide either a layer name or a layer index.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index}, but the model only has {len(self.layers)} layers."
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in self.layers]}.")

    def reset_states(self) -> None:
        """Set what the stateful layers inside remember to zero."""
        for layer in self._flatten_layers()[1:]:
            if getattr(layer, "stateful", False):
                layer.reset_states()  # type: ignore[attr-defined]

    def summary(
        self, line_length: int | None = None, positions: Any = None, print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None,
    ) -> None:  # fmt: skip
        """Print a table of the layers, their output shapes and parameters.

        Args:
            line_length: width. print_fn: gets the text instead of the terminal. expand_nested: list the layers of inner models.
            show_trainable: a column for it. positions, layer_range: accepted, no effect.
        """
        print_summary(self, line_length, print_fn, expand_nested, show_trainable)

    def export(
        self, filepath: Any, format: str = "tf_saved_model", verbose: Any = None, input_signature: Any = None, **kwargs: Any
    ) -> None:
        """Write the model for inference elsewhere.

        Args:
            filepath: of the file. format: "onnx"; need not be given for a file called "….onnx". verbose: print where it went.
            input_signature: nested things with `shape` (None for the batch) and `dtype`, for a model that is not functional.
            kwargs: `opset_version`, of ONNX.

        Raises:
            ValueError: for another format, or a model that has no form in it.
        """
        if format != "onnx" and not (format == "tf_saved_model" and str(filepath).endswith(".onnx")):
            raise ValueError(f"Models are exported as 'onnx', not as {format!r}: pass format='onnx', or a file called '….onnx'.")
        export_onnx(self, filepath, input_signature, verbose=verbose, **kwargs)
