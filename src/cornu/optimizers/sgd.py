"""Gradient descent."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.optimizers.optimizer import Optimizer
from cornu.variable import Variable


class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's variant (Sutskever et al., 2013).

    momentum: share of the last step, in [0, 1], that is added to each. nesterov: whether the gradient counts as if taken after
    that part of the step. The others: see `Optimizer`.

    Raises:
        ValueError: for another momentum.
    """

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
