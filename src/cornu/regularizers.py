"""Penalties on weights and outputs."""

from __future__ import annotations

import math
from typing import Any

from cornu import ops
from cornu._named import Names


class Regularizer:
    """Base: `regularizer(x)` gives a scalar penalty."""

    def __call__(self, x: Any) -> Any:
        """The penalty."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """A regularizer from its config."""
        return cls(**config)


def _number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"Invalid `{name}`: expected a finite number that is not negative, got {value!r}.")


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2)."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = l1 or 0.0, l2 or 0.0
        _number("l1", self.l1)
        _number("l2", self.l2)

    def __call__(self, x: Any) -> Any:
        penalty: Any = 0.0
        if self.l1:
            penalty = ops.add(penalty, ops.multiply(ops.sum(ops.absolute(x)), self.l1))
        if self.l2:
            penalty = ops.add(penalty, ops.multiply(ops.sum(ops.square(x)), self.l2))
        return penalty

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """l1 * sum(|x|)."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(L1L2):
    """l2 * sum(x^2)."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """How far the rows (or columns) of a matrix are from right angles: factor times the mean |cosine| of their pairs.

    Args:
        factor: of the penalty.
        mode: "rows" or "columns".
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        _number("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(f"Invalid `mode`: expected 'rows' or 'columns', got {mode!r}.")
        self.factor, self.mode = factor, mode

    def __call__(self, x: Any) -> Any:
        if len(ops.shape(x)) != 2:
            raise ValueError(f"OrthogonalRegularizer needs a matrix, got shape {ops.shape(x)}.")
        rows = ops.normalize(x if self.mode == "rows" else ops.transpose(x), axis=1)
        count = ops.shape(rows)[0]
        cosines = ops.multiply(ops.matmul(rows, ops.transpose(rows)), ops.subtract(1.0, ops.eye(count, dtype=ops.dtype(rows))))
        return ops.multiply(ops.sum(ops.absolute(cosines)), self.factor * 0.5 / max(count * (count - 1) / 2, 1))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_names = Names("regularizer", "keras.regularizers", (L1L2, L1, L2, OrthogonalRegularizer), {"l1_l2": L1L2})


def get(identifier: Any) -> Any:
    """The regularizer for `identifier`: a name, a config, an instance or a function.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(identifier)


def serialize(regularizer: Any) -> Any:
    """Module, class name and config of `regularizer`, as Keras writes them."""
    return _names.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer that `serialize` described by `config`. custom_objects: further classes by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)
