"""Projections of weights, applied after each update."""

from __future__ import annotations

from typing import Any

from cornu import config, ops
from cornu._named import Names


class Constraint:
    """Base: `constraint(w)` gives the projected weights."""

    def __call__(self, w: Any) -> Any:
        """The projection."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(w).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """A constraint from its config."""
        return cls(**config)


def _norm(w: Any, axis: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Norms along `axis` (an int or several) at most `max_value`; shorter weights stay."""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        norms = _norm(w, self.axis)
        return ops.multiply(w, ops.divide(ops.clip(norms, 0, self.max_value), ops.add(norms, config.epsilon())))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """No negative weights."""

    def __call__(self, w: Any) -> Any:
        return ops.maximum(w, 0)


class UnitNorm(Constraint):
    """Norms along `axis` (an int or several) one."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        return ops.divide(w, ops.add(_norm(w, self.axis), config.epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms along `axis` (an int or several) moved into [min_value, max_value]: by `rate` of the way, 1 for all of it."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        norms = _norm(w, self.axis)
        limited = ops.clip(norms, self.min_value, self.max_value)
        target = ops.add(ops.multiply(limited, self.rate), ops.multiply(norms, 1 - self.rate))
        return ops.multiply(w, ops.divide(target, ops.add(norms, config.epsilon())))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
_names = Names("constraint", "keras.constraints", (MaxNorm, NonNeg, UnitNorm, MinMaxNorm))


def get(identifier: Any) -> Any:
    """The constraint for `identifier`: a name, a config, an instance or a function.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(identifier)


def serialize(constraint: Any) -> Any:
    """Module, class name and config of `constraint`, as Keras writes them."""
    return _names.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint that `serialize` described by `config`. custom_objects: further classes by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)
