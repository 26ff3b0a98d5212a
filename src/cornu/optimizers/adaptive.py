"""Steps divided by the size that gradients have had: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.optimizers.optimizer import Optimizer
from cornu.variable import Variable


class RMSprop(Optimizer):
    """Gradients divided by a moving average of their size (Hinton, 2012).

    Args:
        rho: what remains per step of the moving average of squares.
        momentum: share of the last step that is added to each.
        epsilon: added to the average, under the root.
        centered: whether the square of a moving average of gradients is taken off it, for their variance.
        The others: see `Optimizer`.
    """

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


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of their squares so far (Duchi et al., 2011).

    initial_accumulator_value: with which the sum begins. epsilon: added to it, under the root. The others: see `Optimizer`.
    """

    def __init__(
        self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        self._accumulated = self._slots_for("accumulator", self.initial_accumulator_value)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        slot, rate = self._accumulated[self._index[variable]], ops.cast(learning_rate, variable.dtype)
        total = ops.add(slot, ops.square(gradient))
        slot.assign(total)
        variable.assign(ops.subtract(variable, ops.divide(ops.multiply(gradient, rate), ops.sqrt(ops.add(total, self.epsilon)))))

    def get_config(self) -> dict[str, Any]:
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class Adadelta(Optimizer):
    """Steps of the size that steps have had, over the size that gradients have had (Zeiler, 2012).

    rho: what remains per step of the moving averages of both squares. epsilon: added to both, under the roots. The others: see
    `Optimizer`.
    """

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho, self.epsilon = rho, epsilon

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        self._gradients, self._steps = self._slots_for("accumulated_grad"), self._slots_for("accumulated_delta_var")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, rate = self._index[variable], ops.cast(learning_rate, variable.dtype)

        def average(slot: Variable, x: Any) -> Any:
            return ops.add(ops.multiply(slot, self.rho), ops.multiply(ops.square(x), 1 - self.rho))

        def size(squares: Any) -> Any:
            return ops.sqrt(ops.add(squares, self.epsilon))

        squares = average(self._gradients[i], gradient)
        step = ops.divide(ops.multiply(gradient, size(self._steps[i])), size(squares))
        self._gradients[i].assign(squares)
        self._steps[i].assign(average(self._steps[i], step))
        variable.assign(ops.subtract(variable, ops.multiply(step, rate)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
