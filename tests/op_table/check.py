"""Running a case on the engine in charge, and comparing what comes out with what must."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from operator import attrgetter
from typing import Any

import numpy as np

from cornu import context, ops, tree
from cornu.contract.conformance.compare import difference, ulp
from cornu.contract.program import Program
from cornu.ops.common import tensor
from cornu.primitives import dtypes as dt
from op_table.case import Array, Case

PLAIN = ("size", "ndim")  # give ints
DATA_DEPENDENT = ("nonzero", "bincount", "unique")  # the results' shapes depend on values: such ops can't be compiled


def results(found: Any) -> list[Array]:
    """Results as NumPy arrays."""
    return [np.asarray(x) if isinstance(x, int) else ops.convert_to_numpy(x) for x in tree.flatten(found)]


def run(case: Case) -> list[Array]:
    """The op's results, eagerly."""
    return results(case.call(attrgetter(case.spec.op)(ops), [tensor(x) for x in case.arrays()]))


def run_compiled(case: Case) -> list[Array]:
    """The op's results in a compiled function."""
    program = Program(lambda arrays: case.call(attrgetter(case.spec.op)(ops), arrays))
    return results(program([tensor(x) for x in case.arrays()]))


def runs_eagerly(case: Case) -> bool:
    """Whether the engine's own library computes it op by op; compiled, where that only runs whole graphs."""
    return context.current().eager or case.spec.op in DATA_DEPENDENT


def run_natively(case: Case) -> list[Array]:
    """As the engine's own library computes."""
    return run(case) if runs_eagerly(case) else run_compiled(case)


def problems(case: Case, found: list[Array]) -> Iterator[str]:
    """Where results differ from what the reference gives."""
    wanted = case.dtypes(len(found))
    if len(found) != len(wanted):
        yield f"{case.name}: {len(found)} results instead of {len(wanted)}"
        return
    for got, dtype in zip(found, wanted, strict=True):
        if dt.name_of(got.dtype) != dtype and case.spec.op not in PLAIN:
            yield f"{case.name}: dtype {dt.name_of(got.dtype)} instead of {dtype}"
            return
    results, expected = case.compared(found)
    if len(results) != len(expected):
        yield f"{case.name}: {len(results)} results instead of {len(expected)}"
        return
    for got, want in zip(results, expected, strict=True):
        problem = difference(got, want, case.spec.ulps, case.spec.by_largest, scale=case.scale())
        if problem:
            yield f"{case.name}: {problem}"


def flushed(case: Case, dtypes: Collection[str] = tuple(dt.FLOATS)) -> Case:
    """The case with numbers of these dtypes too small for normal floats as zeros, as which engines may treat them."""

    def flush(x: Any) -> Any:
        if not isinstance(x, np.ndarray) or dt.name_of(x.dtype) not in dtypes:
            return x
        least = np.asarray(dt.smallest_normal(dt.name_of(x.dtype)), x.dtype)
        return np.where(np.abs(x) < least, np.copysign(np.zeros_like(x), x), x)

    args, kwargs = tree.map_structure(flush, (case.args, case.kwargs))
    return dataclasses.replace(case, args=args, kwargs=kwargs)


def error_in_ulps(case: Case, found: list[Array]) -> float:
    """The largest error of finite floats, in units of the last place (of the largest element, where the table says so)."""
    worst = 0.0
    for got, want in zip(*case.compared(found), strict=True):
        name = dt.name_of(got.dtype)
        if name not in dt.FLOATS or got.shape != want.shape:
            continue
        a, b = got.astype("float64"), want.astype("float64")
        finite = np.isfinite(a) & np.isfinite(b) & ((np.abs(b) > 4 * dt.smallest_normal(name)) | (a == b))
        if finite.any():
            scale = np.maximum(np.abs(b[finite]).max() if case.spec.by_largest else np.abs(b[finite]), case.scale())
            gap = np.abs(a - b)[finite]
            worst = max(worst, float(np.max(gap / np.maximum(scale, 1e-300), initial=0)) / ulp(name))
    return worst
