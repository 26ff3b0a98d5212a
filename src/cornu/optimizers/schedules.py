"""Learning rates that depend on the number of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu._named import Names


class LearningRateSchedule:
    """Base class: a subclass gives the learning rate for a step (a number or an integer tensor, from 0) in `__call__`.

    Every subclass takes a `name`, for its config.
    """

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(step).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """A schedule from its config."""
        return cls(**config)


def _float(step: Any) -> Any:
    return ops.cast(ops.convert_to_tensor(step), "float32")


def _positive(schedule: str, what: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"{schedule}: `{what}` must be positive, got {value}.")


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate ** (step / decay_steps).

    staircase: whether step / decay_steps is rounded down.

    Raises:
        ValueError: unless decay_steps is positive.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        _positive("ExponentialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> Any:
        p = _periods(step, self.decay_steps, self.staircase)
        return ops.multiply(ops.power(float(self.decay_rate), p), self.initial_learning_rate)


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    staircase: whether step / decay_steps is rounded down.

    Raises:
        ValueError: unless decay_steps is positive.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        _positive("InverseTimeDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> Any:
        p = _periods(step, self.decay_steps, self.staircase)
        return ops.divide(self.initial_learning_rate, ops.add(ops.multiply(p, self.decay_rate), 1.0))


def _periods(step: Any, decay_steps: float, staircase: bool) -> Any:
    p = ops.divide(_float(step), decay_steps)
    return ops.floor(p) if staircase else p


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including step boundaries[i], the last value beyond.

    Raises:
        ValueError: unless there is one value more than boundaries.
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay: {len(boundaries)} boundaries need {len(boundaries) + 1} values, got {len(values)}."
            )
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step: Any) -> Any:
        step, rate = _float(step), self.values[-1]
        for boundary, value in zip(reversed(self.boundaries), reversed(self.values[:-1]), strict=True):
            rate = ops.where(ops.less_equal(step, boundary), value, rate)
        return rate


class PolynomialDecay(LearningRateSchedule):
    """From initial_learning_rate to end_learning_rate within `decay_steps`: the rest falls as (1 - step / decay_steps) ** power.

    cycle: whether at the end the next multiple of decay_steps takes its place, so that the rate jumps up and falls again; else it
    stays.

    Raises:
        ValueError: unless decay_steps is positive.
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001, power: float = 1.0,
        cycle: bool = False, name: str = "PolynomialDecay",
    ) -> None:  # fmt: skip
        _positive("PolynomialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.end_learning_rate = (
            initial_learning_rate,
            decay_steps,
            end_learning_rate,
        )
        self.power, self.cycle, self.name = power, cycle, name

    def __call__(self, step: Any) -> Any:
        p = ops.divide(_float(step), self.decay_steps)
        p = ops.divide(p, ops.maximum(ops.ceil(p), 1.0)) if self.cycle else ops.minimum(p, 1.0)
        left = ops.power(ops.subtract(1.0, p), self.power)
        return ops.add(ops.multiply(left, self.initial_learning_rate - self.end_learning_rate), self.end_learning_rate)


def _cosine(share: Any, floor: float) -> Any:
    """From 1 down to `floor` as `share` goes from 0 to 1, along half a cosine."""
    falling = ops.multiply(ops.add(ops.cos(ops.multiply(share, math.pi)), 1.0), 0.5)
    return ops.add(ops.multiply(falling, 1 - floor), floor)


class CosineDecay(LearningRateSchedule):
    """Half a cosine from initial_learning_rate to `alpha` times it within `decay_steps` (Loshchilov and Hutter, 2017).

    With `warmup_target` the rate first grows along a line from the initial one to the target within `warmup_steps`, and then
    decays from there to alpha times the target.

    Raises:
        ValueError: unless decay_steps is positive.
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str = "CosineDecay",
        warmup_target: float | None = None, warmup_steps: int = 0,
    ) -> None:  # fmt: skip
        _positive("CosineDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = initial_learning_rate, decay_steps, alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: Any) -> Any:
        step = _float(step)
        if self.warmup_target is None:
            return ops.multiply(
                _cosine(ops.minimum(ops.divide(step, self.decay_steps), 1.0), self.alpha), self.initial_learning_rate
            )
        share = ops.clip(ops.divide(ops.subtract(step, self.warmup_steps), self.decay_steps), 0.0, 1.0)
        decayed = ops.multiply(_cosine(share, self.alpha), self.warmup_target)
        slope = (self.warmup_target - self.initial_learning_rate) / max(self.warmup_steps, 1)
        warming = ops.add(ops.multiply(step, slope), self.initial_learning_rate)
        return ops.where(ops.less(step, self.warmup_steps), warming, decayed)


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each `t_mul` times as long and `m_mul` times as high (Loshchilov and Hutter, 2017).

    The first goes down from initial_learning_rate within `first_decay_steps`; all of them end at `alpha` times
    initial_learning_rate, above which their height counts.

    Raises:
        ValueError: unless first_decay_steps is positive.
    """

    def __init__(
        self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:  # fmt: skip
        _positive("CosineDecayRestarts", "first_decay_steps", first_decay_steps)
        self.initial_learning_rate, self.first_decay_steps, self.t_mul = initial_learning_rate, first_decay_steps, t_mul
        self.m_mul, self.alpha, self.name = m_mul, alpha, name

    def __call__(self, step: Any) -> Any:
        p = ops.divide(_float(step), self.first_decay_steps)
        if self.t_mul == 1.0:
            restart = ops.floor(p)
            share = ops.subtract(p, restart)
        else:
            grown = ops.log(ops.subtract(1.0, ops.multiply(p, 1.0 - self.t_mul)))
            restart = ops.floor(ops.divide(grown, math.log(self.t_mul)))
            length = ops.power(float(self.t_mul), restart)
            share = ops.divide(ops.subtract(p, ops.divide(ops.subtract(1.0, length), 1.0 - self.t_mul)), length)
        height = ops.multiply(ops.power(float(self.m_mul), restart), self.initial_learning_rate)
        falling = ops.multiply(ops.multiply(ops.add(ops.cos(ops.multiply(share, math.pi)), 1.0), 0.5), height)
        return ops.add(ops.multiply(falling, 1 - self.alpha), self.alpha * self.initial_learning_rate)


_names = Names(
    "learning rate schedule", "keras.optimizers.schedules",
    (ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts),
)  # fmt: skip


def serialize(learning_rate_schedule: Any) -> Any:
    """Module, class name and config of `learning_rate_schedule`, as Keras writes them."""
    return _names.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The schedule that `serialize` described by `config`. custom_objects: further classes by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)
