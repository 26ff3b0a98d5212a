"""Gradients of cases: a weighted sum through the primitive, differentiated by an engine and by finite differences."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import context
from cornu.contract.conformance.case import Case
from cornu.contract.conformance.reference import REFERENCE
from cornu.contract.engine import Engine
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import lookup

STEP = 1e-3


def split(case: Case) -> list[np.ndarray]:
    """The real numbers by which the case is differentiated: its operands, complex ones as two."""
    parts: list[np.ndarray] = []
    for i in case.gradient:
        x = case.operands[i]
        parts += [np.real(x).copy(), np.imag(x).copy()] if np.iscomplexobj(x) else [x]
    return parts


def loss(case: Case, parts: Sequence[Any]) -> Any:
    """The weighted sum of the case's results on the current engine, as a function of those numbers."""
    engine = context.current()
    rest = iter(parts)
    operands: list[Any] = []
    for i, x in enumerate(case.operands):
        if i not in case.gradient:
            operands.append(engine.asarray(x) if hasattr(x, "shape") else x)
        elif np.iscomplexobj(x):
            operands.append(lookup("complex")(next(rest), next(rest)))
        else:
            operands.append(next(rest))
    terms = [_weighted_sum(y) for y in case.comparable(*operands) if dt.is_differentiable(engine.dtype_of(y))]
    return functools.reduce(lookup("add"), terms)


def _weighted_sum(y: Any) -> Any:
    shape = tuple(y.shape)
    weights = np.cos(np.arange(1, 1 + int(np.prod(shape)))).reshape(shape)
    if context.current().dtype_of(y) in dt.COMPLEXES:
        return lookup("add")(
            _weighted_sum(lookup("real")(y)), _weighted_sum(lookup("multiply")(lookup("imag")(y), 1.7))
        )
    return lookup("sum")(lookup("multiply")(y, weights), axes=tuple(range(len(shape))))


def tensors(engine: Engine, case: Case) -> list[Any]:
    """Those numbers as tensors."""
    return [engine.asarray(x) for x in split(case)]


def grade(case: Case, *values: Any) -> list[Any]:
    """The loss and its gradients by these tensors, on the current engine."""
    value, _, found = context.current().value_and_grad(lambda *parts: (loss(case, parts), []), values)
    return [value, *found]


def by_engine(engine: Engine, case: Case) -> list[Any]:
    """The loss and its gradients, computed by the engine."""
    with context.use(engine):
        return grade(case, *tensors(engine, case))


def by_differences(case: Case) -> list[np.ndarray]:
    """The gradients by finite differences on the references."""
    parts = [np.asarray(x, "float64") for x in split(case)]
    with context.use(REFERENCE):
        return [differences(functools.partial(_loss_at, case, parts, i), x) for i, x in enumerate(parts)]


def _loss_at(case: Case, parts: Sequence[Any], i: int, x: np.ndarray) -> float:
    return float(loss(case, [*parts[:i], x, *parts[i + 1 :]]))


def differences(fn: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The gradient of `fn` at x (double precision) by central differences of fourth order."""
    gradient = np.zeros_like(x)
    for spot in np.ndindex(x.shape):

        def moved(steps: float, spot: tuple[int, ...] = spot) -> float:
            y = x.copy()
            y[spot] += steps * STEP
            return fn(y)

        gradient[spot] = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * STEP)
    return gradient
