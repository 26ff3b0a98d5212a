"""The base of optimizers: state, clipping, decay, averages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cornu import context, ops
from cornu.contract.state import read
from cornu.primitives import dtypes as dt
from cornu.variable import Variable


class Optimizer:
    """Base class. A subclass makes slots in `build(variables)` and updates one variable in `update_step`.

    Args:
        learning_rate: number, or a function of the iteration count (a schedule).
        weight_decay: share of each weight subtracted per step, times the learning rate.
        clipnorm: bound on each gradient's norm; clipvalue: on its elements; global_clipnorm: on the norm of all together.
        use_ema, ema_momentum, ema_overwrite_frequency: keep a moving average of the weights (and put it in their place so often).
        loss_scale_factor: the loss is multiplied by it and the gradients divided.
        gradient_accumulation_steps: update once for so many calls, with the mean of their gradients.
        name: of the optimizer.
    """

    def __init__(
        self, learning_rate: Any, weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
        global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if kwargs:
            raise ValueError(f"Argument(s) not recognized by {type(self).__name__}: {', '.join(kwargs)}.")
        if sum(x is not None for x in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError("Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set.")
        for what, value in (("clipnorm", clipnorm), ("clipvalue", clipvalue), ("global_clipnorm", global_clipnorm)):
            if value is not None and value <= 0:
                raise ValueError(f"`{what}` must be positive, got {value}.")
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"`ema_momentum` must be in [0, 1], got {ema_momentum}.")
        if gradient_accumulation_steps is not None and gradient_accumulation_steps < 2:
            raise ValueError(f"`gradient_accumulation_steps` must be at least 2, got {gradient_accumulation_steps}.")
        if use_ema or gradient_accumulation_steps is not None:
            raise NotImplementedError(f"{type(self).__name__}: `use_ema` and `gradient_accumulation_steps` are not supported yet.")
        self.name = name or re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", type(self).__name__).lower()
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = weight_decay, clipnorm, clipvalue, global_clipnorm
        self.loss_scale_factor = loss_scale_factor
        self.built = False
        self._slots: list[Variable] = []
        self._schedule = learning_rate if callable(learning_rate) and not isinstance(learning_rate, Variable) else None
        self.iterations = Variable(np.asarray(0, "int32"), trainable=False, name="iteration")
        self._learning_rate = Variable(
            np.asarray(0.0 if self._schedule else learning_rate, "float32"), trainable=False, autocast=False, name="learning_rate"
        )

    @property
    def learning_rate(self) -> Any:
        """The present learning rate; assign a number to change it."""
        return self._schedule(self.iterations) if self._schedule is not None else self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value):
            self._schedule = value
        else:
            self._schedule = None
            self._learning_rate.assign(value)

    @property
    def variables(self) -> list[Variable]:
        """Iteration count, learning rate, slots."""
        return [self.iterations, self._learning_rate, *self._slots]

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots for these variables."""
        self._trainable = list(variables)
        self._index = {variable: i for i, variable in enumerate(variables)}
        for variable in (self.iterations, self._learning_rate):
            if variables:
                variable.to(variables[0].engine)
        self.built = True

    def add_variable_from_reference(self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros") -> Variable:
        """A slot shaped like a variable, on its engine."""
        with context.use(reference_variable.engine):
            start = np.full(reference_variable.shape, 0, dt.numpy_dtype(reference_variable.storage_dtype))
            slot = Variable(start, trainable=False, autocast=False, name=f"{reference_variable.name}_{name}")
        slot.path = f"{self.name}/{reference_variable.path.replace('/', '_')}_{name}"
        self._slots.append(slot)
        return slot

    def _slots_for(self, name: str) -> list[Variable]:
        return [self.add_variable_from_reference(v, name) for v in self._trainable]

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Update variables from `(gradient, variable)` pairs; returns the iteration count."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(grads, variables)
        return self.iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update variables by their gradients.

        Args:
            grads: one per variable. trainable_variables: those given to `build` by default.

        Raises:
            ValueError: if the numbers differ, or a variable was not known at `build`.
        """
        variables = list(self._trainable if trainable_variables is None else trainable_variables)
        if not self.built:
            self.build(variables)
        if len(grads) != len(variables):
            raise ValueError(f"{type(self).__name__} got {len(grads)} gradients for {len(variables)} variables.")
        unknown = [v.path for v in variables if v not in self._index]
        if unknown:
            raise ValueError(f"Unknown variables: {unknown}. This optimizer was built for other variables: make a new one, or compile again.")
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        grads = self._transform([g for g, _ in pairs])
        rate = self._rate()
        for gradient, (_, variable) in zip(grads, pairs, strict=True):
            if self.weight_decay:
                decay = ops.multiply(getattr(self, "_plain_rate", rate), self.weight_decay)
                variable.assign(ops.subtract(variable, ops.multiply(variable, decay)))
            self.update_step(gradient, variable, rate)
            if variable.constraint is not None:
                variable.assign(variable.constraint(read(variable)))
        self.iterations.assign_add(1)

    def _rate(self) -> Any:
        return ops.cast(self.learning_rate, "float32")

    def _transform(self, grads: list[Any]) -> list[Any]:
        if self.loss_scale_factor is not None:
            grads = [ops.divide(g, self.loss_scale_factor) for g in grads]
        if self.clipvalue is not None:
            return [ops.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        if self.clipnorm is not None:
            return [ops.multiply(g, ops.minimum(1.0, ops.divide(self.clipnorm, ops.maximum(_norm([g]), 1e-30)))) for g in grads]
        if self.global_clipnorm is not None:
            scale = ops.minimum(1.0, ops.divide(self.global_clipnorm, ops.maximum(_norm(grads), 1e-30)))
            return [ops.multiply(g, scale) for g in grads]
        return grads

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else ops.multiply(loss, self.loss_scale_factor)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Update one variable."""
        raise NotImplementedError(f"{type(self).__name__} must implement update_step.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        rate = self._schedule if self._schedule is not None else float(self._learning_rate.numpy())
        names = "name weight_decay clipnorm clipvalue global_clipnorm loss_scale_factor"
        return {"learning_rate": rate, **{name: getattr(self, name) for name in names.split()}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Optimizer:
        """An optimizer from its config."""
        return cls(**config)


def _norm(grads: Sequence[Any]) -> Any:
    total: Any = 0.0
    for g in grads:
        total = ops.add(total, ops.sum(ops.square(g)))
    return ops.sqrt(total)
