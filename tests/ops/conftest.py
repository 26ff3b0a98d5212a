"""The fixture `check`: an op against expected values, eagerly, symbolically, compiled; its gradient by finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cornu
from cornu import ops, tree
from cornu.contract.program import Program
from cornu.ops.symbolic import KerasTensor


def _flat(nested: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in tree.flatten(nested)]


def _numbers(nested: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(x) for x in tree.flatten(nested)]


def _symbols(arrays: Any, unknown: bool) -> list[KerasTensor]:
    """Symbols for the arrays; with `unknown`, without the size of their first dimension."""
    return [KerasTensor((None, *x.shape[1:]) if unknown and x.ndim else x.shape, x.dtype.name) for x in arrays]


def _weighted(fn: Any, arrays: Any) -> Any:
    """A scalar that depends on every element of the results."""
    total = 0.0
    for y in tree.flatten(fn(*arrays)):
        shape = tuple(y.shape)
        weights = np.cos(np.arange(1, 1 + int(np.prod(shape)))).reshape(shape)
        total = ops.add(total, ops.sum(ops.multiply(y, weights)))
    return total


def _slope(fn: Any, arrays: list[np.ndarray], directions: list[np.ndarray], step: float = 1e-5) -> float:
    """Derivative of the weighted sum in a direction, by NumPy in double precision."""
    with cornu.engine("numpy"):
        ends = [float(_weighted(fn, [x + sign * step * v for x, v in zip(arrays, directions, strict=True)])) for sign in (1, -1)]
    return (ends[0] - ends[1]) / (2 * step)


class Check:
    """check(fn, *arrays, expected=..., gradient=True, unknown=True, rtol=1e-5, atol=1e-6).

    fn: of tensors for the arrays. expected: what it gives, nested. unknown: try symbols whose first size is unknown, too.
    gradient: compare the gradient by all arrays (double precision) with finite differences.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def __call__(
        self,
        fn: Any,
        *arrays: np.ndarray,
        expected: Any = None,
        gradient: bool = True,
        unknown: bool = True,
        rtol: float = 1e-5,
        atol: float = 1e-6,
    ) -> None:
        arrays = tuple(np.asarray(x) for x in arrays)
        tensors = [ops.convert_to_tensor(x) for x in arrays]
        got = fn(*tensors)
        if expected is not None:
            wanted = _flat(expected)
            assert len(_numbers(got)) == len(wanted)
            for y, right in zip(_numbers(got), wanted, strict=True):
                assert y.shape == right.shape, f"shape {y.shape}, not {right.shape}"
                np.testing.assert_allclose(y, right, rtol=rtol, atol=atol)
        for y, again in zip(_numbers(got), _numbers(Program(fn)(*tensors)), strict=True):
            np.testing.assert_allclose(again, y, rtol=max(rtol, 1e-5), atol=atol, err_msg="compiled")
        for some_unknown in (False, True) if unknown else (False,):
            self.symbolic(fn, arrays, got, some_unknown)
        if gradient:
            self.gradient(fn, [x.astype("float64") for x in arrays])

    def symbolic(self, fn: Any, arrays: Any, got: Any, unknown: bool) -> None:
        """Inferred shapes and dtypes are those that came out."""
        inferred = fn(*_symbols(arrays, unknown))
        for symbol, y in zip(tree.flatten(inferred), tree.flatten(got), strict=True):
            assert symbol.dtype == ops.dtype(y)
            assert len(symbol.shape) == len(y.shape)
            assert all((a is None and unknown) or a == b for a, b in zip(symbol.shape, y.shape, strict=True)), (
                symbol.shape,
                y.shape,
            )

    def gradient(self, fn: Any, arrays: list[np.ndarray]) -> None:
        """The slope in a random direction."""
        rng = np.random.default_rng(7)
        directions = [rng.normal(size=x.shape) for x in arrays]
        grads = ops.grad(lambda xs: _weighted(fn, xs))([ops.convert_to_tensor(x) for x in arrays])
        slope = sum(float(np.sum(g * v)) for g, v in zip(_numbers(grads), directions, strict=True))
        np.testing.assert_allclose(slope, _slope(fn, arrays, directions), rtol=1e-5, atol=1e-7)


@pytest.fixture
def check(engine: Any) -> Check:
    return Check(engine)
