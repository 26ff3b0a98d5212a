"""Cases for reductions, cumulative ops and sorting."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from cornu.contract.conformance.case import Case, cases_of
from cornu.contract.conformance.data import distinct, dtypes_of, edges, numbers
from cornu.primitives import dtypes as dt

SHAPE = (2, 3, 4)
AXES = tuple(axes for count in range(4) for axes in itertools.combinations(range(3), count))


@cases_of("sum", "prod", "max", "min", "any", "all")
def reductions(primitive: str) -> Iterator[Case]:
    """Each dtype, each set of axes, empty axes, values that are not finite, the gradient with zeros and ties."""
    extremum = primitive in ("max", "min")
    kinds = {"sum": "buifc", "prod": "buifc", "max": "buif", "min": "buif"}.get(primitive, "buifc")
    for dtype in dtypes_of(kinds):
        yield Case(primitive, f"{dtype} (2, 3)", (numbers(dtype, (2, 3)),), {"axes": (1,)})
    for dtype in dtypes_of("buif" if extremum else "bui"):
        yield Case(primitive, f"{dtype} edges", (edges(dtype)[edges(dtype) == edges(dtype)],), {"axes": (0,)})
    for axes in AXES:
        for keepdims in (False, True):
            params = {"axes": axes, "keepdims": keepdims}
            yield Case(
                primitive,
                f"float32 axes {axes} keepdims {keepdims}",
                (numbers("float32", SHAPE),),
                params,
                compiled=axes == (0, 2),
            )
    for dtype in dt.FLOATS:
        rows = [[1, np.inf, 2], [1, -np.inf, 2], [np.inf, -np.inf, 1], [np.nan, 1, 2], [1, 2, np.nan], [0.0, -0.0, 0.0]]
        x = np.array(rows).astype(dt.numpy_dtype(dtype))
        yield Case(primitive, f"{dtype} not finite", (x,), {"axes": (1,)})
    yield Case(primitive, "float32 scalar", (numbers("float32", ()),), {"axes": ()})
    yield Case(primitive, "float32 rows of none", (np.zeros((0, 3), "float32"),), {"axes": (1,)})
    if not extremum:
        yield Case(primitive, "float32 over none", (np.zeros((0, 3), "float32"),), {"axes": (0,)})
    if primitive in ("any", "all"):
        return
    for axes in ((1,), (0, 2), (0, 1, 2)):
        for keepdims in (False, True):
            params = {"axes": axes, "keepdims": keepdims}
            yield Case(
                primitive,
                f"float64 axes {axes} keepdims {keepdims}",
                (distinct("float64", SHAPE) / 4,),
                params,
                gradient=(0,),
            )
    if primitive == "prod":
        x = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]])
        yield Case(primitive, "float64 zeros", (x,), {"axes": (1,)}, gradient=(0,))
    if extremum:
        x = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 2.0]])
        yield Case(primitive, "float64 ties", (x,), {"axes": (1,)}, gradient=(0,), kink=True)
    if kinds.endswith("c"):
        yield Case(primitive, "complex128 (2, 4)", (numbers("complex128", (2, 4), 0.3),), {"axes": (1,)}, gradient=(0,))


@cases_of("argmax", "argmin")
def arg_extrema(primitive: str) -> Iterator[Case]:
    """Each dtype (with ties), each axis, NaNs."""
    for dtype in dtypes_of("buif"):
        yield Case(primitive, f"{dtype}", (numbers(dtype, (3, 7)),), {"axis": 1})
    for axis in range(3):
        yield Case(primitive, f"float32 axis {axis}", (numbers("float32", SHAPE),), {"axis": axis}, compiled=axis == 1)
    for dtype in dt.FLOATS:
        rows = [[1, np.nan, 5, np.nan], [np.inf, 1, np.inf, -np.inf], [2, 2, 1, 1], [-np.inf] * 4]
        yield Case(primitive, f"{dtype} not finite", (np.array(rows).astype(dt.numpy_dtype(dtype)),), {"axis": 1})
    yield Case(primitive, "float32 rows of none", (np.zeros((0, 3), "float32"),), {"axis": 1})


@cases_of("cumsum", "cumprod")
def cumulative(primitive: str) -> Iterator[Case]:
    """Each dtype, each axis, both directions, empty ones, the gradient with zeros."""
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype}", (numbers(dtype, (2, 5), 1, 3),), {"axis": 1})
    for axis in range(3):
        for reverse in (False, True):
            params = {"axis": axis, "reverse": reverse}
            yield Case(
                primitive,
                f"float32 axis {axis} reverse {reverse}",
                (numbers("float32", SHAPE),),
                params,
                compiled=axis == 1,
            )
    yield Case(primitive, "int8 wraps", (np.array([100, 100, 3], "int8"),), {"axis": 0})
    yield Case(primitive, "float32 empty", (np.zeros((0, 3), "float32"),), {"axis": 0})
    yield Case(primitive, "float32 not finite", (np.array([1, np.inf, 2, -np.inf, 1], "float32"),), {"axis": 0})
    for reverse in (False, True):
        for axis in (0, 1):
            params = {"axis": axis, "reverse": reverse}
            yield Case(
                primitive,
                f"float64 axis {axis} reverse {reverse}",
                (numbers("float64", (3, 4)),),
                params,
                gradient=(0,),
            )
        if primitive == "cumprod":
            x = np.array([[2.0, 0.0, 3.0, 4.0], [0.0, 2.0, 0.0, 1.0]])
            yield Case(
                primitive, f"float64 zeros reverse {reverse}", (x,), {"axis": 1, "reverse": reverse}, gradient=(0,)
            )


@cases_of("sort", "argsort")
def sorting(primitive: str) -> Iterator[Case]:
    """Each dtype (with ties, which show whether the order is stable), each axis, NaNs and infinities."""
    for dtype in dtypes_of("buif"):
        yield Case(primitive, f"{dtype} ties", (numbers(dtype, (2, 40), 0, 3),), {"axis": 1})
        yield Case(primitive, f"{dtype} edges", (edges(dtype)[::-1],), {"axis": 0})
    for axis in range(3):
        yield Case(primitive, f"float32 axis {axis}", (numbers("float32", SHAPE),), {"axis": axis}, compiled=axis == 1)
    yield Case(primitive, "float32 empty", (np.zeros((0, 3), "float32"),), {"axis": 0})
    if primitive == "sort":
        for axis in (0, 1):
            yield Case(primitive, f"float64 axis {axis}", (distinct("float64", (3, 4)),), {"axis": axis}, gradient=(0,))


@cases_of("searchsorted")
def searchsorted(primitive: str) -> Iterator[Case]:
    """Each dtype, both sides, values outside, mixed dtypes, nothing to search."""
    for dtype in dtypes_of("uif"):
        for side in ("left", "right"):
            operands = np.array([0, 1, 1, 3, 5], dt.numpy_dtype(dtype)), numbers(dtype, (2, 6), 0, 6)
            yield Case(primitive, f"{dtype} {side}", operands, {"side": side}, compiled=dtype == "float32")
    operands = np.array([0, 1, 3], "int32"), np.array([-1.0, 0.5, 3.0, np.inf], "float32")
    yield Case(primitive, "int32 with float32", operands)
    yield Case(primitive, "float32 in none", (np.zeros(0, "float32"), numbers("float32", (3,))))
    yield Case(primitive, "float32 none", (numbers("float32", (3,), 1, 1), np.zeros((0, 2), "float32")))
    yield Case(primitive, "float32 scalar", (np.array([0.0, 1.0], "float32"), np.array(0.5, "float32")))
    for side in ("left", "right"):
        operands = np.array([0.0, 2.0, np.inf, np.nan, np.nan], "float32"), np.array([1.0, 2.0, np.inf, np.nan], "float32")
        yield Case(primitive, f"float32 NaNs {side}", operands, {"side": side})
