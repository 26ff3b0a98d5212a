"""Running a case on the engine in charge, and comparing what comes out with what must."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from cornu import ops, tree
from cornu.contract.conformance.compare import difference, ulp
from cornu.ops.common import tensor
from cornu.primitives import dtypes as dt
from op_table.case import Array, Case

PLAIN = ("size", "ndim")  # give ints


def results(found: Any) -> list[Array]:
    """Results as NumPy arrays."""
    return [np.asarray(x) if isinstance(x, int) else ops.convert_to_numpy(x) for x in tree.flatten(found)]


def run(case: Case) -> list[Array]:
    """The op's results, eagerly."""
    return results(case.call(getattr(ops, case.spec.op), [tensor(x) for x in case.arrays()]))


def problems(case: Case, found: list[Array]) -> Iterator[str]:
    """Where results differ from what the reference gives."""
    expected = case.expected()
    if len(found) != len(expected):
        yield f"{case.name}: {len(found)} results instead of {len(expected)}"
        return
    for got, want in zip(found, expected, strict=True):
        if dt.name_of(got.dtype) != dt.name_of(want.dtype) and case.spec.op not in PLAIN:
            yield f"{case.name}: dtype {dt.name_of(got.dtype)} instead of {dt.name_of(want.dtype)}"
            continue
        problem = difference(got, want, case.spec.ulps, case.spec.by_largest)
        if problem:
            yield f"{case.name}: {problem}"


def flushed(case: Case) -> Case:
    """The case with numbers too small for normal floats as zeros, as which engines may treat them."""

    def flush(x: Any) -> Any:
        if not isinstance(x, np.ndarray) or dt.name_of(x.dtype) not in dt.FLOATS:
            return x
        least = np.asarray(dt.smallest_normal(dt.name_of(x.dtype)), x.dtype)
        return np.where(np.abs(x) < least, np.copysign(np.zeros_like(x), x), x)

    return dataclasses.replace(case, args=tuple(map(flush, case.args)))


def error_in_ulps(case: Case, found: list[Array]) -> float:
    """The largest error of finite floats, in units of the last place (of the largest element, where the table says so)."""
    worst = 0.0
    for got, want in zip(found, case.expected(), strict=True):
        name = dt.name_of(got.dtype)
        if name not in dt.FLOATS or got.shape != want.shape:
            continue
        a, b = got.astype("float64"), want.astype("float64")
        finite = np.isfinite(a) & np.isfinite(b) & ((np.abs(b) > 4 * dt.smallest_normal(name)) | (a == b))
        if finite.any():
            scale = np.abs(b[finite]).max() if case.spec.by_largest else np.abs(b[finite])
            gap = np.abs(a - b)[finite]
            worst = max(worst, float(np.max(gap / np.maximum(scale, 1e-300), initial=0)) / ulp(name))
    return worst
