"""Penalties on weights and outputs."""

from __future__ import annotations

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


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2)."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = l1 or 0.0, l2 or 0.0
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f"Invalid `{name}`: expected a number that is not negative, got {value!r}.")

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


_names = Names("regularizer", (L1L2, L1, L2), {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2}, "keras.regularizers")


def get(identifier: Any) -> Any:
    """The regularizer for a name, a config, an instance or a function. Raises ValueError for an unknown name."""
    return _names.get(identifier)


serialize, deserialize = _names.serialize, _names.get
