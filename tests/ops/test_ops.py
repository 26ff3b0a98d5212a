"""Each op of the table on each engine against its independent definition: eagerly, compiled, symbolic, and its gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cornu
from cornu import context, ops, tree
from cornu.ops.common import tensor
from cornu.ops.op import OPS
from cornu.ops.symbolic import KerasTensor
from cornu.primitives import dtypes as dt
from op_table import CASES, Case
from op_table.check import DATA_DEPENDENT, problems, run, run_compiled


def function(op: str) -> Callable[..., Any]:
    return getattr(ops, op)


def attempt(check: Callable[[Case], Iterator[str]], cases: list[Case]) -> None:
    """All cases, so that a failure shows everything that is wrong with an op."""
    found: list[str] = []
    for case in cases:
        try:
            found.extend(check(case))
        except Exception as error:
            found.append(f"{case.name}: {type(error).__name__}: {str(error)[:300]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("op", CASES)
def test_values(engine, op):
    def check(case: Case) -> Iterator[str]:
        yield from problems(case, run(case))

    attempt(check, CASES[op])


@pytest.mark.parametrize("op", [op for op, cases in CASES.items() if any(case.compiled for case in cases)])
def test_compiled(engine, op):
    def check(case: Case) -> Iterator[str]:
        yield from problems(case, run_compiled(case))

    attempt(check, [case for case in CASES[op] if case.compiled])


@pytest.mark.parametrize("op", [op for op, cases in CASES.items() if any(case.symbolic and case.arrays() for case in cases)])
def test_inferred(op):
    """Shapes and dtypes of symbolic results are those that come out, with unknown dimensions too."""

    def check(case: Case) -> Iterator[str]:
        expected = [(x.shape, dt.name_of(x.dtype)) for x in case.expected()]
        data_dependent = op in (*DATA_DEPENDENT, "where") and not case.compiled
        for unknown in (False, True) if case.unknown else (False,):
            symbolic = [_symbolic(x, unknown) for x in case.arrays()]
            inferred = [(x.shape, x.dtype) for x in tree.flatten(case.call(function(op), symbolic))]
            fits = len(inferred) == len(expected) and all(
                d == dtype and len(s) == len(shape) and all(m is None or m == n for m, n in zip(s, shape, strict=True))
                for (s, d), (shape, dtype) in zip(inferred, expected, strict=True)
            )
            if not fits or (not unknown and not data_dependent and inferred != expected):
                sizes = "unknown" if unknown else "known"
                yield f"{case.name} (first dimensions {sizes}): inferred {inferred} instead of {expected}"

    with cornu.engine("numpy"):
        attempt(check, [case for case in CASES[op] if case.symbolic and case.arrays()])


def _symbolic(x: np.ndarray, unknown: bool) -> KerasTensor:
    shape = (None, *x.shape[1:]) if unknown and x.ndim > 1 else x.shape
    return KerasTensor(shape, dt.name_of(x.dtype))


@pytest.mark.parametrize("op", [op for op, cases in CASES.items() if any(case.gradient for case in cases)])
def test_gradient(engine, op):
    """By finite differences of a weighted sum of the reference."""

    def check(case: Case) -> Iterator[str]:
        arrays = case.arrays()
        places = [i for i, x in enumerate(arrays) if x.dtype == "float64"]

        def loss(*floats: Any) -> Any:
            given = [tensor(x) for x in arrays]
            for i, x in zip(places, floats, strict=True):
                given[i] = x
            return _weighted(ops, tree.flatten(case.call(function(op), given)))

        tensors = [tensor(arrays[i]) for i in places]
        found = ops.grad(loss, argnums=tuple(range(len(places))))(*tensors)
        for place, got in zip(places, found, strict=True):
            yield from _differences(case, place, ops.convert_to_numpy(got))

    attempt(check, [case for case in CASES[op] if case.gradient])


def _weighted(library: Any, results: list[Any]) -> Any:
    """A scalar to which each element contributes differently."""
    total: Any = 0.0
    for y in results:
        weights = np.cos(np.arange(int(np.prod(y.shape)), dtype="float64")).reshape(tuple(y.shape))
        total = total + library.sum(library.multiply(y, weights))
    return total


def _differences(case: Case, place: int, got: np.ndarray, step: float = 1e-6) -> Iterator[str]:
    arrays = case.arrays()
    want = np.zeros_like(arrays[place])
    for spot in np.ndindex(*want.shape):
        sides = []
        for sign in (1, -1):
            moved = [np.array(x) for x in arrays]
            moved[place][spot] += sign * step
            found = case.call(case.spec.reference, moved)
            sides.append(_weighted(np, list(found) if isinstance(found, (list, tuple)) else [found]))
        want[spot] = (sides[0] - sides[1]) / (2 * step)
    if got.shape != want.shape or got.dtype != want.dtype or not np.allclose(got, want, rtol=1e-5, atol=1e-6):
        yield f"{case.name}: gradient by operand {place} is\n{got}\ninstead of\n{want}"


def test_every_op_has_cases():
    missing = [name for name in ops.numpy.__all__ if name not in CASES and name != "vectorize"]
    assert not missing, f"ops without a case in tests/op_table: {missing}"


def test_every_op_is_registered():
    """What stands in a namespace is an op, found under its name."""
    for name in ops.numpy.__all__:
        op = getattr(ops.numpy, name)
        assert name == "vectorize" or OPS[op.__name__] is op
    assert context.current() is not None
