"""`cornu.optimizers`: SGD, RMSprop, Adam, AdamW."""

from __future__ import annotations

import math
from typing import Any

from cornu import ops
from cornu._named import Names
from cornu.ops.updates import adam_update
from cornu.optimizers import schedules
from cornu.optimizers.optimizer import Optimizer
from cornu.variable import Variable


class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's variant (Sutskever et al., 2013)."""

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a float between [0, 1], got {momentum}.")
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        self.momentums = self._slots_for("momentum") if self.momentum else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        step = ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))
        if not self.momentum:
            variable.assign(ops.subtract(variable, step))
            return
        slot = self.momentums[self._index[variable]]
        velocity = ops.subtract(ops.multiply(slot, self.momentum), step)
        slot.assign(velocity)
        variable.assign(
            ops.add(variable, ops.subtract(ops.multiply(velocity, self.momentum), step) if self.nesterov else velocity)
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


class RMSprop(Optimizer):
    """Gradients divided by a moving average of their size (Hinton, 2012)."""

    def __init__(
        self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7, centered: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, **kwargs)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        self._velocities = self._slots_for("velocity")
        self._momentums = self._slots_for("momentum") if self.momentum > 0 else []
        self._average_gradients = self._slots_for("average_gradient") if self.centered else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, rate = self._index[variable], ops.cast(learning_rate, variable.dtype)
        velocity = ops.add(ops.multiply(self._velocities[i], self.rho), ops.multiply(ops.square(gradient), 1 - self.rho))
        self._velocities[i].assign(velocity)
        spread = velocity
        if self.centered:
            average = ops.add(ops.multiply(self._average_gradients[i], self.rho), ops.multiply(gradient, 1 - self.rho))
            self._average_gradients[i].assign(average)
            spread = ops.subtract(velocity, ops.square(average))
        step = ops.divide(ops.multiply(gradient, rate), ops.sqrt(ops.add(spread, self.epsilon)))
        if self.momentum > 0:
            step = ops.add(ops.multiply(self._momentums[i], self.momentum), step)
            self._momentums[i].assign(step)
        variable.assign(ops.subtract(variable, step))

    def get_config(self) -> dict[str, Any]:
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}


def _one_minus_power(base: float, exponent: Any) -> Any:
    """1 - base ** exponent, precise where it is small: the plain form differs between engines in the fifth digit."""
    return ops.negative(ops.expm1(ops.multiply(exponent, math.log(base)))) if base > 0 else 1.0


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba, 2014); `amsgrad` keeps the largest second moment (Reddi et al., 2018)."""

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        self._momentums, self._velocities = self._slots_for("momentum"), self._slots_for("velocity")
        self._largest = self._slots_for("velocity_hat") if self.amsgrad else []

    def prepare_step(self, learning_rate: Any) -> Any:
        """The learning rate with the correction for the moments' start at zero."""
        step = ops.cast(ops.add(self.iterations, 1), "float32")
        correction = ops.divide(ops.sqrt(_one_minus_power(self.beta_2, step)), _one_minus_power(self.beta_1, step))
        return ops.multiply(learning_rate, correction)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, alpha = self._index[variable], ops.cast(learning_rate, variable.dtype)
        m, v, largest = self._momentums[i], self._velocities[i], self._largest[i] if self.amsgrad else None
        moved = adam_update(variable, m, v, gradient, alpha, self.beta_1, self.beta_2, self.epsilon, largest)
        for slot, value in zip([variable, m, v, *self._largest[i : i + 1]], moved, strict=True):
            slot.assign(value)

    def get_config(self) -> dict[str, Any]:
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return {**super().get_config(), **own}


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019)."""

    def __init__(
        self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-7, amsgrad: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float for AdamW. Received: weight_decay=None.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **kwargs)


_names = Names("optimizer", "keras.optimizers", (SGD, RMSprop, Adam, AdamW), {"rmsprop": RMSprop, "adamw": AdamW})


def get(identifier: Any) -> Optimizer:
    """The optimizer for a name, a config or an instance. Raises ValueError for an unknown name."""
    return _names.get(identifier)


def serialize(optimizer: Any) -> Any:
    """Module, class name and config of an optimizer, as Keras writes them."""
    return _names.serialize(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer that `serialize` described."""
    return _names.get(config, custom_objects)


__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "deserialize", "get", "schedules", "serialize"]
