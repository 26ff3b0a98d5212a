"""Random cases for hypothesis: an op of the table, shapes, dtypes, axes, ordinary numbers and those at the edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cornu import context
from cornu.primitives import dtypes as dt
from op_table.case import FUZZED, Array, Case, Domain
from op_table.check import flushed, problems, run

# Few shapes, so that engines that compile per shape don't spend their time on that; the numbers are what differs.
SHAPES = [(), (1,), (4,), (2, 3), (0,), (2, 0), (2, 1, 3)]
PAIRS = [((2, 3), (3,)), ((4,), (4,)), ((2, 1), (3,)), ((), (4,)), ((4,), ()), ((), ()), ((0, 3), (3,)), ((2, 1, 3), (4, 1))]
KINDS = {
    "b": ("bool",),
    "u": ("uint8", "uint16", "uint32"),
    "i": ("int8", "int16", "int32", "int64"),
    "f": ("float32", "float32", "float32", "float64", "float16", "bfloat16"),  # the commonest most often
    "c": ("complex64",),
}
WEIGHTS = {"f": 4, "i": 2}


def _dtype(kinds: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name for kind in kinds for name in KINDS[kind] * WEIGHTS.get(kind, 1)])


def _numbers(draw: Any, dtype: str, count: int, domain: Domain) -> Array:
    """A vector of ordinary numbers from a seed, with a few of its places taken by edges."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype == "bool":
        return rng.random(count) < 0.5
    if dt.is_integer(dtype):
        info = np.iinfo(dtype)
        low = max(int(np.ceil(domain.low)), int(info.min)) if domain.low > 0 or dtype in dt.UINTS else -9
        x = rng.integers(max(low, int(info.min)), 12, count).astype(dtype)
        special = [info.min, info.max, 0, 1, info.max - 1] if domain.edges == "all" else []
    else:
        x = rng.uniform(domain.low, domain.high, count)
        x = x + 1j * rng.uniform(domain.low, domain.high, count) if dtype in dt.COMPLEXES else x
        top = dt.largest(dtype) if dtype in dt.FLOATS else 0
        tiny = 2.0 ** {"float16": -20, "float64": -1040}.get(dtype, -135)
        special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0] if domain.edges and top else []
        special += [top, -top, tiny, -tiny] if domain.edges == "all" and top else []
    x = x.astype(dt.numpy_dtype(dtype))
    for place in range(count) if special else ():
        if draw(st.integers(0, 3)) == 0:
            x[place] = special[draw(st.integers(0, len(special) - 1))]
    return x


def _tensor(draw: Any, shape: tuple[int, ...], domain: Domain) -> Array:
    return _numbers(draw, draw(_dtype(domain.kinds)), int(np.prod(shape)), domain).reshape(shape)


@st.composite
def cases(draw: Any, ops: tuple[str, ...] = ()) -> Case:
    """A case of one of these ops; of all that can be fuzzed by default."""
    domain = FUZZED[draw(st.sampled_from(sorted(ops or FUZZED)))]
    kwargs: dict[str, Any] = {}
    if domain.operands == 2:
        shapes = draw(st.sampled_from(PAIRS))
    else:
        shapes = (draw(st.sampled_from(SHAPES)),)
    if domain.operands == 0:
        rank = len(shapes[0])
        axes = [None, *range(-rank, rank), *([(0, -1)] if domain.several and rank > 1 else [])]
        kwargs["axis"] = draw(st.sampled_from(axes))
        if domain.keepdims:
            kwargs["keepdims"] = draw(st.booleans())
    args = tuple(_tensor(draw, shape, domain) for shape in shapes)
    return Case(domain.spec, f"{domain.spec.op} {args} {kwargs}", args, kwargs)


@dataclass(frozen=True)
class Disagreement:
    """Where an engine may give something else, and why that is not wrong."""

    what: str
    why: str
    holds: Callable[[Case, str], bool]


def _divides_at_limits(case: Case, engine: str) -> bool:
    if "divide" not in case.spec.op or case.arrays()[1].dtype.kind == "c":
        return False
    divisor, least = np.abs(case.arrays()[1].astype("float64")), dt.smallest_normal("float32")
    return bool((((divisor > 0) & (divisor < least)) | (divisor > 1 / least)).any())


def _turns_subnormals(case: Case, engine: str) -> bool:
    if case.spec.op not in ("arctan2", "angle") or engine != "tensorflow":
        return False
    least = dt.smallest_normal("float64")
    return any(bool(((np.abs(x) > 0) & (np.abs(x) < least)).any()) for x in case.arrays() if x.dtype == "float64")


DISAGREEMENTS = [
    Disagreement(
        "The angle of subnormal numbers on TensorFlow",
        "They count as zeros there in some steps of the computation and not in others.",
        _turns_subnormals,
    ),
    Disagreement(
        "Division by numbers that are subnormal in float32, or so large that their reciprocals are",
        "The one may count as zero, and the other be divided by through its reciprocal, which may count as zero.",
        _divides_at_limits,
    ),
    Disagreement(
        "Division of complex numbers by zero",
        "Infinity or NaN in either part, as the library's division has it.",
        lambda case, engine: (
            "divide" in case.spec.op and any(x.dtype.kind == "c" for x in case.arrays()) and not case.arrays()[1].all()
        ),
    ),
]


def disagreement(case: Case, engine: str) -> Disagreement | None:
    """The entry of the list that excuses this case on this engine."""
    return next((entry for entry in DISAGREEMENTS if entry.holds(case, engine)), None)


def judge(case: Case) -> tuple[str | None, list[Array]]:
    """What the engine in charge gets wrong (None: nothing), and the results that can be measured.

    Where the reference raises an error, so must the op. Numbers too small for normal floats may count as zeros.
    """
    try:
        case.expected()
        refused = False
    except (ValueError, TypeError):
        refused = True
    try:
        found = run(case)
    except (ValueError, TypeError) as error:
        return None if refused else f"{case.name}: {type(error).__name__}: {error}", []
    if refused:
        return f"{case.name}: no error", []
    problem = next(problems(case, found), None)
    if problem is None or next(problems(flushed(case), found), None) is None:
        return None, found if problem is None else []
    return (None if disagreement(case, context.current().name) else problem), []
