"""The base of optimizers: state, clipping, decay, accumulation, averages."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cornu import context, ops
from cornu._named import snake_case
from cornu.contract import state
from cornu.contract.state import StateScope, read
from cornu.optimizers import schedules
from cornu.primitives import dtypes as dt
from cornu.variable import Variable


class Optimizer:
    """Base class. A subclass makes slots in `build(var_list)` and updates one variable in `update_step`.

    A subclass's constructor names its own arguments and hands the rest on by `**kwargs`; its signature shows all of them.

    Args:
        learning_rate: number, a schedule, or a function of no arguments.
        weight_decay: share of each weight subtracted per step, times the learning rate.
        clipnorm: bound on each gradient's norm; clipvalue: on its elements; global_clipnorm: on the norm of all together. One of
            the three at most.
        use_ema: keep a moving average of the weights, with `ema_momentum`; it takes their place every
            `ema_overwrite_frequency` steps and at the end of `fit`.
        loss_scale_factor: the loss is multiplied by it and the gradients divided.
        gradient_accumulation_steps: update once for so many steps, with the mean of their gradients.
        name: of the optimizer.

    Raises:
        ValueError: for values out of range, or other arguments.
    """

    def __init__(
        self, learning_rate: Any, weight_decay: float | None = None, clipnorm: float | None = None,
        clipvalue: float | None = None,
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
        for what, count, least in (
            ("ema_overwrite_frequency", ema_overwrite_frequency, 1),
            ("gradient_accumulation_steps", gradient_accumulation_steps, 2),
        ):
            if count is not None and (not isinstance(count, int) or count < least):
                raise ValueError(f"`{what}` must be an integer of at least {least} or None, got {count!r}.")
        self.name = name or snake_case(type(self).__name__)
        self.weight_decay, self.clipnorm, self.clipvalue, self.global_clipnorm = (
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
        )
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor, self.gradient_accumulation_steps = loss_scale_factor, gradient_accumulation_steps
        self.built = False
        self._slots: list[Variable] = []
        self._not_decayed: set[Variable] = set()
        self._not_decayed_names: list[str] = []
        self._iterations = Variable(np.asarray(0, "int32"), trainable=False, autocast=False, name="iteration")
        learning_rate = schedules.deserialize(learning_rate) if isinstance(learning_rate, dict) else learning_rate
        self._schedule: Any = learning_rate if callable(learning_rate) and not isinstance(learning_rate, Variable) else None
        if self._schedule is None and not isinstance(learning_rate, numbers.Real) and not hasattr(learning_rate, "shape"):
            raise ValueError(f"`learning_rate` must be a number, a schedule or a function without arguments: {learning_rate!r}.")
        first = 0.0 if self._schedule is not None else learning_rate
        self._learning_rate = Variable(np.asarray(first, "float32"), trainable=False, autocast=False, name="learning_rate")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = list(inspect.signature(cls.__init__).parameters.values())[1:]
        if "__init__" in vars(cls) and own[-1:] and own[-1].kind is inspect.Parameter.VAR_KEYWORD:
            names = {p.name for p in own}
            common = [p for p in _COMMON if p.name not in names]
            cls.__signature__ = inspect.Signature([*own[:-1], *common, own[-1]])  # type: ignore[attr-defined]

    # State

    @property
    def iterations(self) -> Any:
        """How often it updated."""
        steps = self.gradient_accumulation_steps
        return self._iterations if steps is None else ops.floor_divide(self._iterations, steps)

    @property
    def learning_rate(self) -> Any:
        """The present learning rate; assign a number to change it.

        Raises:
            TypeError: when a number is assigned where a schedule is in force.
        """
        if isinstance(self._schedule, schedules.LearningRateSchedule):
            return self._schedule(self.iterations)
        return self._schedule() if self._schedule is not None else self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if callable(value) and not isinstance(value, Variable):
            if self.built:
                raise TypeError(f"{self.name}: training has begun; a learning rate schedule must be given to the constructor.")
            self._schedule = value
        elif self._schedule is not None:
            raise TypeError(
                f"{self.name}: its learning rate follows a schedule and can't be set. Make the optimizer with a number instead."
            )
        else:
            self._learning_rate.assign(value)

    @property
    def variables(self) -> list[Variable]:
        """Iteration count, learning rate, slots."""
        return [self._iterations, self._learning_rate, *self._slots]

    def build(self, var_list: Sequence[Variable]) -> None:
        """Make the slots for the variables `var_list`."""
        self._trainable = list(var_list)
        self._index = {variable: i for i, variable in enumerate(var_list)}
        for variable in (self._iterations, self._learning_rate):
            if self._trainable:
                variable.to(self._trainable[0].engine)
        self._averages = self._slots_for("average") if self.use_ema else []
        self._accumulators = self._slots_for("gradient_accumulator") if self.gradient_accumulation_steps else []
        self.built = True

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A slot shaped like reference_variable, on its engine; `name` becomes the end of its own.

        initializer: "zeros", a number, or a function `(shape, dtype)`.
        """
        with context.use(reference_variable.engine):
            shape, dtype = reference_variable.shape, dt.numpy_dtype(reference_variable.storage_dtype)
            fill = 0 if initializer == "zeros" else initializer
            start = fill(shape, reference_variable.storage_dtype) if callable(fill) else np.full(shape, fill, dtype)
            slot = Variable(start, trainable=False, autocast=False, name=f"{reference_variable.name}_{name}")
        slot.path = f"{self.name}/{reference_variable.path.replace('/', '_')}_{name}"
        self._slots.append(slot)
        return slot

    def _slots_for(self, name: str, initializer: Any = "zeros") -> list[Variable]:
        return [self.add_variable_from_reference(v, name, initializer) for v in self._trainable]

    # Updates

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Update variables from grads_and_vars, pairs `(gradient, variable)`; returns the iteration count."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(grads, variables)
        return self._iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Update variables by their gradients.

        Args:
            grads: one per variable. trainable_variables: those given to `build` by default.

        Raises:
            ValueError: if the numbers differ, or a variable was not known at `build`.
        """
        if trainable_variables is None and not self.built:
            raise ValueError(f"{self.name}: the first `apply` needs `trainable_variables`.")
        variables = list(self._trainable if trainable_variables is None else trainable_variables)
        if not self.built:
            self.build(variables)
        if len(grads) != len(variables):
            raise ValueError(f"{type(self).__name__} got {len(grads)} gradients for {len(variables)} variables.")
        unknown = [v.path for v in variables if v not in self._index]
        if unknown:
            raise ValueError(
                f"Unknown variables: {unknown}. This optimizer was built for other variables: make a new one, or compile again."
            )
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if self.loss_scale_factor is not None:
            pairs = [(ops.divide(g, self.loss_scale_factor), v) for g, v in pairs]
        if self.gradient_accumulation_steps is None:
            self._update(pairs)
        else:
            self._accumulate(pairs, self.gradient_accumulation_steps)
        if self.use_ema:
            self._average()
        for _, variable in pairs:
            if variable.constraint is not None:
                variable.assign(variable.constraint(read(variable)))
        self._iterations.assign_add(1)

    def _update(self, pairs: list[tuple[Any, Variable]]) -> None:
        grads = self._clip([g for g, _ in pairs])
        rate = ops.cast(self.learning_rate, "float32")
        self._decay([v for _, v in pairs], rate)
        shared = self.prepare_step(rate)
        for gradient, (_, variable) in zip(grads, pairs, strict=True):
            self.update_step(gradient, variable, shared)

    def prepare_step(self, learning_rate: Any) -> Any:
        """What all calls of `update_step` share in a step and get as their `learning_rate`: by default that."""
        return learning_rate

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Update `variable` by its `gradient`; learning_rate: what `prepare_step` gives."""
        raise NotImplementedError(f"{type(self).__name__} must implement update_step.")

    def _accumulate(self, pairs: list[tuple[Any, Variable]], steps: int) -> None:
        """Add to the sums of gradients; at every `steps`-th call update with their mean and start the sums again."""
        due = ops.equal(ops.mod(ops.add(self._iterations, 1), steps), 0)
        sums = [(ops.add(g, self._accumulators[self._index[v]]), v) for g, v in pairs]
        _assign_where(due, lambda: self._update([(ops.divide(total, steps), v) for total, v in sums]))
        for total, variable in sums:
            self._accumulators[self._index[variable]].assign(ops.where(due, 0.0, total))

    def _average(self) -> None:
        """Move the averages of the weights; put them in the weights' place when it is time."""
        momentum = ops.where(ops.equal(self.iterations, 0), 0.0, self.ema_momentum)
        for average, variable in zip(self._averages, self._trainable, strict=True):
            share = ops.cast(momentum, variable.dtype)
            average.assign(ops.add(ops.multiply(average, share), ops.multiply(variable, ops.subtract(1, share))))
        if self.ema_overwrite_frequency is not None:
            due = ops.equal(ops.mod(ops.add(self.iterations, 1), self.ema_overwrite_frequency), 0)
            _assign_where(due, lambda: self.finalize_variable_values(self._trainable))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put the moving averages (`use_ema`) into the variables var_list; `fit` does it at its end."""
        for variable in var_list if self.use_ema else ():
            variable.assign(read(self._averages[self._index[variable]]))

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Spare variables from `weight_decay`: those in var_list, and those whose path contains one of var_names.

        Raises:
            ValueError: after `build`.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be called before the optimizer is built.")
        self._not_decayed |= set(var_list or ())
        self._not_decayed_names += var_names or ()

    def _decay(self, variables: Sequence[Variable], rate: Any) -> None:
        if not self.weight_decay:
            return
        share = ops.multiply(rate, self.weight_decay)
        for variable in variables:
            if variable not in self._not_decayed and not any(name in variable.path for name in self._not_decayed_names):
                variable.assign(ops.subtract(variable, ops.multiply(variable, ops.cast(share, variable.dtype))))

    def _clip(self, grads: list[Any]) -> list[Any]:
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

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """`apply` on values, of which nothing is assigned.

        Args:
            optimizer_variables: values of `variables`. grads: one per trained variable. trainable_variables: values of those.

        Returns:
            The new values of the trained variables and of the optimizer's, two lists.

        Raises:
            ValueError: before `build`, or if a number of values is wrong.
        """
        if not self.built:
            raise ValueError(f"{self.name}: call `build(variables)` before `stateless_apply`.")
        cells, values = [*self._trainable, *self.variables], [*trainable_variables, *optimizer_variables]
        if len(cells) != len(values):
            raise ValueError(
                f"{self.name} has {len(cells)} variables (trained ones and its own), but {len(values)} values were given."
            )
        with StateScope(dict(zip(cells, values, strict=True))) as scope:
            self.apply(grads)
        return [scope.values[v] for v in self._trainable], [scope.values[v] for v in self.variables]

    # Config

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        rate = float(self._learning_rate.numpy()) if self._schedule is None else schedules.serialize(self._schedule)
        names = [p.name for p in _COMMON if p.name != "learning_rate"]
        return {"name": self.name, "learning_rate": rate, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Optimizer:
        """An optimizer from its config. custom_objects: accepted for Keras, no effect."""
        return cls(**config)


_COMMON = [
    p for p in inspect.signature(Optimizer).parameters.values() if p.name != "learning_rate" and p.kind is not p.VAR_KEYWORD
]


def _assign_where(condition: Any, do: Callable[[], None]) -> None:
    """What `do` assigns holds where the scalar `condition` does; else variables keep their values."""
    with StateScope() as scope:
        do()
    for cell in scope.written:
        state.write(cell, ops.where(condition, scope.values[cell], read(cell)))


def _norm(grads: Sequence[Any]) -> Any:
    total: Any = 0.0
    for g in grads:
        total = ops.add(total, ops.sum(ops.square(g)))
    return ops.sqrt(total)
