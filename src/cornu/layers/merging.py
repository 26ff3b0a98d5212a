"""Layers that merge several inputs."""

from __future__ import annotations

from functools import reduce
from typing import Any

from cornu import ops
from cornu.layers.layer import Layer


def _several(layer: Layer, inputs: Any) -> list[Any]:
    if not isinstance(inputs, (list, tuple)) or len(inputs) < 1:
        raise ValueError(f"A merge layer should be called on a list of inputs. Layer {layer.name!r} got {inputs!r}.")
    return list(inputs)


class Add(Layer):
    """Sum of the inputs, which broadcast."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return reduce(ops.add, _several(self, inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        masks = [m for m in previous_mask or () if m is not None]
        return reduce(ops.logical_and, masks) if masks else None


class Concatenate(Layer):
    """Inputs joined along `axis`."""

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(_several(self, inputs), axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
