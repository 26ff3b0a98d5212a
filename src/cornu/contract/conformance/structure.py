"""Cases for primitives that move elements."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from cornu.contract.conformance.case import Case, cases_of
from cornu.contract.conformance.data import distinct, dtypes_of, numbers
from cornu.primitives import dtypes as dt
from cornu.primitives.structure import SCATTER_MODES

SHAPE = (2, 3, 4)


def _moves(primitive: str, shape: tuple[int, ...], variants: dict[str, Any]) -> Iterator[Case]:
    """Cases of a primitive of one operand: each dtype with the first variant; each variant, with its gradient."""
    first = next(iter(variants.values()))
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype}", (numbers(dtype, shape),), first)
    for name, params in variants.items():
        yield Case(primitive, f"float32 {name}", (numbers("float32", shape),), params, compiled=True)
        yield Case(primitive, f"float64 {name}", (numbers("float64", shape),), params, gradient=(0,))


@cases_of("reshape")
def reshape(primitive: str) -> Iterator[Case]:
    """To fewer, more and no dimensions."""
    yield from _moves(
        primitive, SHAPE, {"merged": {"shape": (6, 4)}, "flat": {"shape": (24,)}, "split": {"shape": (1, 2, 3, 2, 2)}}
    )
    yield Case(primitive, "float32 scalar", (numbers("float32", (1, 1)),), {"shape": ()})
    yield Case(primitive, "float32 from scalar", (numbers("float32", ()),), {"shape": (1,)})
    yield Case(primitive, "float32 empty", (np.zeros((0, 3), "float32"),), {"shape": (2, 0)})


@cases_of("transpose")
def transpose(primitive: str) -> Iterator[Case]:
    """Permutations of three axes, of none."""
    yield from _moves(primitive, SHAPE, {f"{axes}": {"axes": axes} for axes in ((2, 0, 1), (1, 2, 0), (0, 2, 1))})
    yield Case(primitive, "float32 scalar", (numbers("float32", ()),), {"axes": ()})
    yield Case(primitive, "float32 empty", (np.zeros((0, 3), "float32"),), {"axes": (1, 0)})


@cases_of("broadcast_to")
def broadcast_to(primitive: str) -> Iterator[Case]:
    """Sizes of one widened, dimensions added, a dimension of none."""
    variants = {
        "(2, 3, 4)": {"shape": (2, 3, 4)},
        "(5, 2, 3, 1)": {"shape": (5, 2, 3, 1)},
        "same": {"shape": (2, 3, 1)},
        "(2, 3, 0)": {"shape": (2, 3, 0)},
    }
    yield from _moves(primitive, (2, 3, 1), variants)
    yield Case(primitive, "float64 (1, 3)", (numbers("float64", (1, 3)),), {"shape": (2, 3)}, gradient=(0,))
    yield Case(primitive, "float32 scalar", (numbers("float32", ()),), {"shape": (2, 2)})
    yield Case(primitive, "float32 to none", (numbers("float32", (1, 3)),), {"shape": (0, 3)})
    yield Case(primitive, "weak int", (1,), {"shape": (2,)})


@cases_of("concatenate")
def concatenate(primitive: str) -> Iterator[Case]:
    """One, two and three tensors, each axis, mixed dtypes, an empty one."""
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype}", (numbers(dtype, (2, 3)), numbers(dtype, (2, 1), seed=1)), {"axis": 1})
    for axis in range(3):
        for dtype in ("float32", "float64"):
            operands = tuple(
                numbers(dtype, tuple(2 + count if i == axis else n for i, n in enumerate(SHAPE))) for count in range(3)
            )
            gradient = (0, 1, 2) if dtype == "float64" else ()
            yield Case(
                primitive, f"{dtype} axis {axis}", operands, {"axis": axis}, gradient=gradient, compiled=not gradient
            )
    yield Case(primitive, "float32 one", (numbers("float32", (2,)),), {"axis": 0})
    yield Case(primitive, "int32 with float16", (numbers("int32", (2,)), numbers("float16", (3,))), {"axis": 0})
    yield Case(primitive, "float32 with none", (np.zeros((0, 3), "float32"), numbers("float32", (2, 3))), {"axis": 0})


@cases_of("pad")
def pad(primitive: str) -> Iterator[Case]:
    """Wider, cropped, spread out, and all of it at once."""
    variants = {
        "wider": {"low": (1, 0, 2), "high": (0, 1, 1), "interior": (0, 0, 0)},
        "cropped": {"low": (0, -1, 0), "high": (0, -1, -2), "interior": (0, 0, 0)},
        "spread": {"low": (0, 0, 0), "high": (0, 0, 0), "interior": (1, 0, 2)},
        "all": {"low": (1, -1, -1), "high": (-1, 2, 1), "interior": (2, 1, 1)},
        "nothing": {"low": (0, 0, 0), "high": (0, 0, 0), "interior": (0, 0, 0)},
    }
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype}", (numbers(dtype, SHAPE), numbers(dtype, (), seed=1)), variants["wider"])
    for name, params in variants.items():
        yield Case(primitive, f"float32 {name}", (numbers("float32", SHAPE), 0.5), params, compiled=True)
        operands = numbers("float64", SHAPE), np.array(0.5)
        yield Case(primitive, f"float64 {name}", operands, params, gradient=(0, 1))
    empty = {"low": (1, 0), "high": (1, 0), "interior": (2, 0)}
    yield Case(primitive, "float32 of none", (np.zeros((0, 3), "float32"), 1.0), empty)
    yield Case(primitive, "float32 scalar", (numbers("float32", ()), 1.0), {"low": (), "high": (), "interior": ()})
    yield Case(primitive, "float32 with infinity", (numbers("float32", (2, 3)), -np.inf), {**empty, "interior": (0, 0)})
    yield Case(primitive, "int32 with weak int", (numbers("int32", (2, 3)), 7), empty)


@cases_of("slice")
def slice_(primitive: str) -> Iterator[Case]:
    """Parts, steps, nothing, everything."""
    variants = {
        "part": {"start": (0, 1, 1), "limit": (2, 3, 3), "strides": (1, 1, 1)},
        "steps": {"start": (0, 0, 1), "limit": (2, 3, 4), "strides": (2, 2, 2)},
        "beyond": {"start": (1, 0, 0), "limit": (2, 3, 4), "strides": (5, 3, 3)},
        "a part in steps": {"start": (1, 1, 0), "limit": (2, 3, 3), "strides": (1, 1, 2)},
        "all": {"start": (0, 0, 0), "limit": (2, 3, 4), "strides": (1, 1, 1)},
    }
    yield from _moves(primitive, SHAPE, variants)
    none = {"start": (0, 2), "limit": (2, 2), "strides": (1, 1)}
    yield Case(primitive, "float32 none", (numbers("float32", (2, 3)),), none)
    yield Case(primitive, "float32 scalar", (numbers("float32", ()),), {"start": (), "limit": (), "strides": ()})


@cases_of("flip")
def flip(primitive: str) -> Iterator[Case]:
    """Along each axis, several, none."""
    yield from _moves(primitive, SHAPE, {f"axes {axes}": {"axes": axes} for axes in ((0,), (1,), (2,), (0, 2), ())})
    yield Case(primitive, "float32 empty", (np.zeros((0, 3), "float32"),), {"axes": (0,)})


OUTSIDE = np.array([[0, 2, 1], [1, -1, 9]])  # with repetitions, and indices out of range, which are clipped


@cases_of("take")
def take(primitive: str) -> Iterator[Case]:
    """Each dtype of elements and of indices, each axis, indices of each rank, out of range, none."""
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype}", (numbers(dtype, (3, 2)), np.array([2, 0, 2], "int32")), {"axis": 0})
    for dtype in dtypes_of("ui"):
        indices = np.array([[0, 2, 1], [1, 0, 9]], dtype)
        yield Case(primitive, f"float32 at {dtype}", (numbers("float32", (3, 2)), indices), {"axis": 0})
    for axis in range(3):
        operands = numbers("float32", SHAPE), OUTSIDE.astype("int32")
        yield Case(primitive, f"float32 axis {axis}", operands, {"axis": axis}, compiled=True)
        operands = numbers("float64", SHAPE), OUTSIDE.astype("int32")
        yield Case(primitive, f"float64 axis {axis}", operands, {"axis": axis}, gradient=(0,))
    yield Case(primitive, "float32 scalar index", (numbers("float32", SHAPE), np.array(1, "int32")), {"axis": 1})
    yield Case(primitive, "float32 weak index", (numbers("float32", SHAPE), 1), {"axis": 1})
    yield Case(primitive, "float64 scalar index", (numbers("float64", SHAPE), np.array(1)), {"axis": 1}, gradient=(0,))
    yield Case(primitive, "float32 no indices", (numbers("float32", SHAPE), np.zeros((0,), "int32")), {"axis": 1})


@cases_of("take_along_axis")
def take_along_axis(primitive: str) -> Iterator[Case]:
    """Each dtype of elements and of indices, each axis, out of range."""
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype}", (numbers(dtype, (2, 5)), OUTSIDE.astype("int32")), {"axis": 1})
    for dtype in dtypes_of("ui"):
        yield Case(
            primitive,
            f"float32 at {dtype}",
            (numbers("float32", (2, 5)), np.array([[0, 2, 1], [1, 0, 9]], dtype)),
            {"axis": 1},
        )
    for axis in range(3):
        shape = tuple(5 if i == axis else n for i, n in enumerate(SHAPE))
        indices = numbers("int32", shape, -1, 4)
        yield Case(
            primitive, f"float32 axis {axis}", (numbers("float32", SHAPE), indices), {"axis": axis}, compiled=True
        )
        yield Case(
            primitive, f"float64 axis {axis}", (numbers("float64", SHAPE), indices), {"axis": axis}, gradient=(0,)
        )
    yield Case(primitive, "float32 no indices", (numbers("float32", (2, 3)), np.zeros((2, 0), "int32")), {"axis": 1})


@cases_of("scatter")
def scatter(primitive: str) -> Iterator[Case]:
    """As below. Rows may be added up in any order."""
    yield from (dataclasses.replace(case, ulps=32) for case in _scatters(primitive))


def _scatters(primitive: str) -> Iterator[Case]:
    """Each mode, dtype and depth of indices; rows out of range are dropped."""
    for mode in SCATTER_MODES:
        kinds = "uifc" if mode in ("add", "update", "multiply") else "uif"
        rows = np.array([[0], [2], [2], [7], [-1]], "int32") if mode != "update" else np.array([[2], [0], [7]], "int32")
        for dtype in dtypes_of(kinds):
            operands = distinct(dtype, (4, 3)), rows, distinct(dtype, (len(rows), 3), seed=1)
            yield Case(primitive, f"{dtype} {mode}", operands, {"mode": mode}, compiled=dtype == "float32")
        operands = distinct("float64", (4, 3)), rows, distinct("float64", (len(rows), 3), seed=1) + 0.07
        yield Case(primitive, f"float64 {mode} rows", operands, {"mode": mode}, gradient=(0, 2))
        points = np.array([[[0, 1], [2, 2]], [[3, 0], [2, 9]]], "int32")
        for dtype in ("float32", "float64"):
            operands = (
                distinct(dtype, (4, 3)),
                points,
                distinct(dtype, (2, 2), seed=1) + dt.numpy_dtype(dtype).type(0.07),
            )
            yield Case(
                primitive,
                f"{dtype} {mode} points",
                operands,
                {"mode": mode},
                gradient=(0, 2) if dtype == "float64" else (),
            )
        yield Case(
            primitive,
            f"float32 {mode} nothing",
            (numbers("float32", (4, 3)), np.zeros((0, 1), "int32"), np.zeros((0, 3), "float32")),
            {"mode": mode},
        )
    yield Case(
        primitive,
        "bool update",
        (numbers("bool", (4,)), np.array([[1], [3]], "int32"), np.array([True, False])),
        {"mode": "update"},
    )
    for dtype in dtypes_of("ui"):
        operands = numbers("float32", (4, 3)), np.array([[1], [3]], dtype), numbers("float32", (2, 3), seed=1)
        yield Case(primitive, f"float32 at {dtype}", operands, {"mode": "add"})
    operands = numbers("float32", (4, 3)), np.array([[1], [3]], "int32"), numbers("int32", (2, 3))
    yield Case(primitive, "float32 with int32", operands, {"mode": "add"})
    x, updates = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 5.0])
    for mode in ("max", "min"):
        operands = x, np.array([[0], [1], [1]], "int32"), updates
        yield Case(primitive, f"float64 {mode} ties", operands, {"mode": mode}, gradient=(0, 2), kink=True)


STARTS = {"inside": (1, 0, 1), "sticking out": (9, -3, 3)}


@cases_of("dynamic_slice")
def dynamic_slice(primitive: str) -> Iterator[Case]:
    """Each dtype; blocks inside, and sticking out, which are moved inside."""
    for dtype in dt.DTYPES:
        yield Case(primitive, f"{dtype}", (numbers(dtype, (3, 4)), np.array([1, 2], "int32")), {"sizes": (2, 2)})
    for name, start in STARTS.items():
        params = {"sizes": (1, 2, 2)}
        operands = numbers("float32", SHAPE), np.array(start, "int32")
        yield Case(primitive, f"float32 {name}", operands, params, compiled=True)
        operands = numbers("float64", SHAPE), np.array(start, "int32")
        yield Case(primitive, f"float64 {name}", operands, params, gradient=(0,))
    yield Case(primitive, "float32 at int64", (numbers("float32", (5,)), np.array([2], "int64")), {"sizes": (2,)})
    yield Case(primitive, "float32 scalar", (numbers("float32", ()), np.zeros(0, "int32")), {"sizes": ()})
    yield Case(primitive, "float32 none", (numbers("float32", (5,)), np.array([2], "int32")), {"sizes": (0,)})


@cases_of("dynamic_update_slice")
def dynamic_update_slice(primitive: str) -> Iterator[Case]:
    """Each dtype; blocks inside, and sticking out, which are moved inside."""
    for dtype in dt.DTYPES:
        yield Case(
            primitive, f"{dtype}", (numbers(dtype, (3, 4)), numbers(dtype, (2, 2), seed=1), np.array([1, 2], "int32"))
        )
    for name, start in STARTS.items():
        for dtype in ("float32", "float64"):
            operands = numbers(dtype, SHAPE), numbers(dtype, (1, 2, 2), seed=1), np.array(start, "int32")
            gradient = (0, 1) if dtype == "float64" else ()
            yield Case(primitive, f"{dtype} {name}", operands, gradient=gradient, compiled=not gradient)
    operands = numbers("float32", (5,)), numbers("int32", (2,)), np.array([2], "int64")
    yield Case(primitive, "float32 with int32 at int64", operands)
    yield Case(
        primitive, "float32 scalar", (numbers("float32", ()), numbers("float32", (), seed=1), np.zeros(0, "int32"))
    )
