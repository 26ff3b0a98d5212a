"""Adam and its kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import context, ops
from cornu.ops.updates import adam_update
from cornu.optimizers.optimizer import Optimizer
from cornu.variable import Variable


def _one_minus_power(base: float, exponent: Any) -> Any:
    """1 - base ** exponent, precise where it is small: the plain form differs between engines in the fifth digit."""
    return ops.negative(ops.expm1(ops.multiply(exponent, math.log(base)))) if base > 0 else 1.0


class Moments(Optimizer):
    """What has two decaying moments of gradients."""

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def get_config(self) -> dict[str, Any]:
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}


class Adam(Moments):
    """Adaptive moments (Kingma and Ba, 2014): momentum over the root of the gradients' mean square.

    Args:
        learning_rate: number, a schedule, or a function of no arguments, as of every `Optimizer`; the others, too, see there.
        beta_1, beta_2: what remains per step of the moving averages of gradients and of their squares.
        epsilon: added to the root, before its correction for the start at zero ("epsilon hat" of the paper).
        amsgrad: whether the largest second moment so far divides (Reddi et al., 2018).
    """

    def __init__(
        self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)
        self.amsgrad = amsgrad

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
        return {**super().get_config(), "amsgrad": self.amsgrad}


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019). Arguments: see `Adam`.

    Raises:
        ValueError: if `weight_decay` is None.
    """

    def __init__(
        self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
        epsilon: float = 1e-7, amsgrad: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float for AdamW. Received: weight_decay=None.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **kwargs)


class Adamax(Moments):
    """Adam with the largest gradient, decaying by beta_2, in place of the second moment (Kingma and Ba, 2014, section 7).

    epsilon: added to it. The other arguments: see `Adam`.
    """

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        self._m, self._u = self._slots_for("momentum"), self._slots_for("norm")

    def prepare_step(self, learning_rate: Any) -> Any:
        """The learning rate with the correction for the moment's start at zero."""
        return ops.divide(learning_rate, _one_minus_power(self.beta_1, ops.cast(ops.add(self.iterations, 1), "float32")))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        i, rate = self._index[variable], ops.cast(learning_rate, variable.dtype)
        m = ops.add(self._m[i], ops.multiply(ops.subtract(gradient, self._m[i]), 1 - self.beta_1))
        u = ops.maximum(ops.multiply(self._u[i], self.beta_2), ops.abs(gradient))
        self._m[i].assign(m)
        self._u[i].assign(u)
        variable.assign(ops.subtract(variable, ops.divide(ops.multiply(m, rate), ops.add(u, self.epsilon))))


class Nadam(Moments):
    """Adam with Nesterov's momentum, which grows to beta_1 (Dozat, 2015).

    epsilon: added to the root of the corrected second moment. The other arguments: see `Adam`.
    """

    def build(self, var_list: Any) -> None:
        super().build(var_list)
        self._m, self._v = self._slots_for("momentum"), self._slots_for("velocity")
        with context.use(var_list[0].engine if var_list else context.current()):
            self._product = Variable(np.asarray(1, "float32"), trainable=False, autocast=False, name="u_product")
        self._slots.append(self._product)

    def momentum(self, step: Any) -> Any:
        """The momentum of a step: it grows to `beta_1`."""
        return ops.multiply(ops.subtract(1.0, ops.multiply(ops.power(0.96, step), 0.5)), self.beta_1)

    def prepare_step(self, learning_rate: Any) -> Any:
        """The learning rate, the shares of moment and gradient in the step, and the second moment's correction."""
        step = ops.cast(ops.add(self.iterations, 1), "float32")
        now, following = self.momentum(step), self.momentum(ops.add(step, 1.0))
        product = ops.multiply(self._product, now)
        self._product.assign(product)
        of_moment = ops.divide(following, ops.subtract(1.0, ops.multiply(product, following)))
        of_gradient = ops.divide(ops.subtract(1.0, now), ops.subtract(1.0, product))
        return learning_rate, of_moment, of_gradient, _one_minus_power(self.beta_2, step)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        rate, of_moment, of_gradient, correction = [ops.cast(x, variable.dtype) for x in learning_rate]
        i = self._index[variable]
        m = ops.add(self._m[i], ops.multiply(ops.subtract(gradient, self._m[i]), 1 - self.beta_1))
        v = ops.add(self._v[i], ops.multiply(ops.subtract(ops.square(gradient), self._v[i]), 1 - self.beta_2))
        self._m[i].assign(m)
        self._v[i].assign(v)
        ahead = ops.add(ops.multiply(m, of_moment), ops.multiply(gradient, of_gradient))
        size = ops.add(ops.sqrt(ops.divide(v, correction)), self.epsilon)
        variable.assign(ops.subtract(variable, ops.divide(ops.multiply(ahead, rate), size)))
