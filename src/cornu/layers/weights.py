"""Layers whose weights have an initializer, a regularizer and a constraint each."""

from __future__ import annotations

from typing import Any

from cornu import constraints, initializers, regularizers
from cornu.layers.layer import Layer
from cornu.variable import Variable

FAMILIES: dict[str, Any] = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


class Weighted(Layer):
    """Base class: keeps the constructor's `WEIGHT_initializer`, `WEIGHT_regularizer` and `WEIGHT_constraint`."""

    _weight_arguments: tuple[str, ...] = ()

    def _keep_weight_arguments(self, arguments: dict[str, Any]) -> None:
        """Keep, of the constructor's arguments (`locals()`), those of the weights."""
        given = {
            name: value
            for name, value in arguments.items()
            if name.rpartition("_")[2] in FAMILIES and name != "activity_regularizer"
        }
        for name, value in given.items():
            setattr(self, name, FAMILIES[name.rpartition("_")[2]].get(value))
        self._weight_arguments = tuple(given)

    def _add(self, weight: str, shape: Any, arguments_of: str | None = None, initializer: Any = None, **options: Any) -> Variable:
        """Make the weight of that name, by the arguments of that name (or of another weight's)."""
        prefix = arguments_of or weight
        return self.add_weight(
            shape, initializer or getattr(self, f"{prefix}_initializer"), name=weight, **options,
            regularizer=getattr(self, f"{prefix}_regularizer", None), constraint=getattr(self, f"{prefix}_constraint", None),
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        kept = {name: FAMILIES[name.rpartition("_")[2]].serialize(getattr(self, name)) for name in self._weight_arguments}
        return {**super().get_config(), **kept}
