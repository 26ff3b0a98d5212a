"""Gradients of random cases, beside the NumPy engine's, which the conformance suite holds against finite differences."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

import cornu
from cornu import ops, tree
from cornu.contract.program import Program
from cornu.ops.common import tensor
from cornu.primitives import dtypes as dt
from op_table.case import Array, Case
from op_table.check import runs_eagerly

TOLERANCE = 2e-3  # relative to the largest element: single precision, and sums in other orders


def judge_gradient(case: Case) -> str | None:
    """How the gradient by all floats of the engine in charge is wrong; None: not at all, or it can't be judged.

    Judged are cases of ordinary real numbers and of one right answer (not the signs of singular vectors, say). What is
    differentiated is the sum of all results, each times a number of its own.
    """
    sources = [i for i, x in enumerate(case.arrays()) if x.dtype in ("float32", "float64")]
    if case.spec.canonical is not None or not all(map(_ordinary, case.arrays())) or not sources:
        return None
    try:
        with cornu.engine("numpy"):
            expected = _gradients(case, sources)
    except NotImplementedError:  # it says for what there is none
        return None
    try:
        found = _gradients(case, sources)
    except Exception as error:
        return f"{case.name}: gradient: {type(error).__name__}: {error}"
    for one, other in zip(found, expected, strict=True):
        if one.shape != other.shape or one.dtype != other.dtype:
            return f"{case.name}: gradient: {one.dtype} {one.shape} instead of {other.dtype} {other.shape}"
        size = np.abs(other[np.isfinite(other)]).max(initial=1e-3)
        if not np.allclose(one, other, TOLERANCE, TOLERANCE * size, equal_nan=True):
            return f"{case.name}: gradient: {one} instead of {other}"
    return None


def _ordinary(x: Array) -> bool:
    if x.dtype.kind == "c":
        return False
    size = np.abs(x.astype("float64"))
    return bool(((size == 0) | ((size > 1e-4) & (size < 1e4))).all())


def _gradients(case: Case, sources: list[int]) -> list[Array]:
    tensors = [tensor(x) for x in case.arrays()]

    def loss(*floats: Any) -> Any:
        given = dict(enumerate(tensors)) | dict(zip(sources, floats, strict=True))
        found = tree.flatten(case.call(attrgetter(case.spec.op)(ops), list(given.values())))
        floating = [ops.cast(y, "float64") for y in found if dt.is_float(ops.dtype(y))]
        return sum((ops.sum(ops.multiply(y, _weights(tuple(y.shape)))) for y in floating), ops.zeros((), "float64"))

    slope = ops.grad(loss, argnums=list(range(len(sources))))
    slope = slope if runs_eagerly(case) else Program(slope)
    return [ops.convert_to_numpy(g) for g in slope(*[tensors[i] for i in sources])]


def _weights(shape: tuple[int, ...]) -> Array:
    return np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape)
