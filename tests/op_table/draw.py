"""Random cases for hypothesis: an op of the table, shapes, dtypes, axes, ordinary numbers and those at the edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cornu import context
from cornu.primitives import dtypes as dt
from op_table.case import FUZZED, Array, Case
from op_table.check import flushed, problems, run_natively
from op_table.drawing import Draw


@st.composite
def cases(draw: Any, ops: tuple[str, ...] = ()) -> Case:
    """A case of one of these ops; of all that can be fuzzed by default."""
    op = draw(st.sampled_from(sorted(ops or FUZZED)))
    args, kwargs = FUZZED[op].arguments(Draw(draw))
    return Case(FUZZED[op].spec, f"{op} {args} {kwargs}", args, kwargs)


@dataclass(frozen=True)
class Disagreement:
    """Where an engine may give something else, and why that is not wrong.

    errors: it may raise an error, too, or none where the reference does.
    """

    what: str
    why: str
    holds: Callable[[Case, str], bool]
    errors: bool = False


def _divides_at_limits(case: Case, engine: str) -> bool:
    if "divide" not in case.spec.op or case.arrays()[1].dtype.kind == "c":
        return False
    divisor, least = np.abs(case.arrays()[1].astype("float64")), dt.smallest_normal("float32")
    return bool((((divisor > 0) & (divisor < least)) | (divisor > 1 / least)).any())


def _turns_subnormals(case: Case, engine: str) -> bool:
    if case.spec.op not in ("arctan2", "angle", "log", "log2", "log10") or engine != "tensorflow":
        return False
    floats = [x for x in case.arrays() if x.dtype in ("float32", "float64")]
    return any(bool(((np.abs(x) > 0) & (np.abs(x) < dt.smallest_normal(x.dtype.name))).any()) for x in floats)


PRODUCTS = ("matmul", "dot", "inner", "outer", "vdot", "kron", "cross", "tensordot", "einsum")


def _multiplies_infinities(case: Case, engine: str) -> bool:
    arrays = [x for x in case.arrays() if x.dtype.kind not in "bui"]
    has_complex = any(x.dtype.kind == "c" for x in arrays)
    return case.spec.op in PRODUCTS and has_complex and not all(np.isfinite(x).all() for x in arrays)


def _is_singular(case: Case, engine: str) -> bool:
    if case.spec.op not in ("solve", "inv", "solve_triangular"):
        return False
    matrices = case.arrays()[0].astype("complex128")
    matrices = np.tril(matrices) if case.kwargs.get("lower") else np.triu(matrices) if "lower" in case.kwargs else matrices
    return bool((np.linalg.matrix_rank(matrices) < matrices.shape[-1]).any())


def _divides_by_minus_zero(case: Case, engine: str) -> bool:
    if "divide" not in case.spec.op or engine != "cntk" or dt.name_of(case.arrays()[1].dtype) not in dt.FLOATS:
        return False
    divisor = case.arrays()[1]
    return bool((np.signbit(divisor) & (divisor == 0)).any())


DISAGREEMENTS = [
    Disagreement(
        "Products of complex numbers with infinities and NaNs",
        "Infinity or NaN in either part, as the library multiplies.",
        _multiplies_infinities,
    ),
    Disagreement(
        "Angles and logarithms of subnormal numbers on TensorFlow",
        "They count as zeros there in some steps of the computation and not in others.",
        _turns_subnormals,
    ),
    Disagreement(
        "Division by numbers that are subnormal in float32, or so large that their reciprocals are",
        "The one may count as zero, and the other be divided by through its reciprocal, which may count as zero.",
        _divides_at_limits,
    ),
    Disagreement(
        "`solve`, `inv` and `solve_triangular` of singular matrices",
        "The library's error, or infinities and NaN (JAX; PyTorch and TensorFlow for triangular ones).",
        _is_singular,
        errors=True,
    ),
    Disagreement(
        "Singular values of matrices with infinities or NaN",
        "NaN, or the library's error that they can't be found (NumPy, PyTorch).",
        lambda case, engine: case.spec.op == "svd" and not np.isfinite(case.arrays()[0]).all(),
        errors=True,
    ),
    Disagreement(
        "Division by minus zero on CNTK",
        "It is 0.0 there, so the quotient is inf for -inf.",
        _divides_by_minus_zero,
    ),
    Disagreement(
        "Division of complex numbers by zero",
        "Infinity or NaN in either part, as the library's division has it.",
        lambda case, engine: (
            "divide" in case.spec.op and any(x.dtype.kind == "c" for x in case.arrays()) and not case.arrays()[1].all()
        ),
    ),
]


# Functions of `cornu.ops` without random cases, and why.
UNDRAWN = {
    **dict.fromkeys(("convert_to_numpy", "convert_to_tensor", "is_tensor", "dtype", "shape"), "It computes nothing."),
    **dict.fromkeys(("empty", "empty_like"), "Its numbers are not specified."),
    "image.elastic_transform": "It draws random numbers itself.",
    "cond": "Its functions have no operands; `switch`, which is made of it, has random cases.",
    "vectorize": "It makes a function; `vectorized_map` has random cases.",
    **dict.fromkeys(("ctc_loss", "ctc_decode"), "Its reference walks through all paths: tests/ops/test_ctc.py."),
    "lstm": "Its reference is a loop over gates; the tests of the LSTM layer hold it against that.",
    **dict.fromkeys(
        ("custom_gradient", "grad", "value_and_grad", "vjp", "jvp", "hvp"),
        "It is about derivatives, which the conformance suite compares with finite differences.",
    ),
}


def excused(case: Case, engine: str, error: bool) -> bool:
    """Whether an entry of the list excuses the case on this engine. error: that one was raised, or none where one should be."""
    return any(entry.holds(case, engine) for entry in DISAGREEMENTS if entry.errors or not error)


def judge(case: Case) -> tuple[str | None, list[Array]]:
    """What the engine in charge gets wrong (None: nothing), and the results that can be measured.

    Where the reference raises an error, so must the op. Numbers too small for normal floats may count as zeros.
    """
    engine = context.current().name
    try:
        case.reference()
        refused = False
    except (ValueError, TypeError):
        refused = True
    try:
        found = run_natively(case)
    except Exception as error:
        right = (refused and isinstance(error, (ValueError, TypeError))) or excused(case, engine, error=True)
        return None if right else f"{case.name}: {type(error).__name__}: {error}", []
    if refused:
        return None if excused(case, engine, error=True) else f"{case.name}: no error", []
    problem = next(problems(case, found), None)
    # Where numbers of several dtypes meet, those of float16 may have become normal ones before.
    zeroed = flushed(case), flushed(case, ("float32", "float64", "bfloat16"))
    if problem is None or any(next(problems(other, found), None) is None for other in zeroed):
        return None, found if problem is None else []
    return (None if excused(case, engine, error=False) else problem), []
