"""A few random cases of ops on every engine (`make test` runs ten thousand by `scripts/fuzz.py`), and what others have found."""

from __future__ import annotations

from typing import Any

import hypothesis
import ml_dtypes
import numpy as np
import pytest

from cornu import ops
from op_table import FUZZED, Case
from op_table.draw import UNDRAWN, cases, judge
from op_table.gradients import judge_gradient

GROUPS = 8
NAMES = sorted(FUZZED)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("group", range(GROUPS))
def test_random_cases(engine, group):
    @hypothesis.settings(
        max_examples=50, database=None, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(cases(tuple(NAMES[group::GROUPS])))
    def attempt(case):
        assert judge(case)[0] is None

    attempt()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_random_gradients(engine):
    @hypothesis.settings(
        max_examples=60, database=None, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(cases())
    def attempt(case):
        assert judge_gradient(case) is None

    attempt()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op", ["relu6", "sparse_plus", "maximum"])
def test_gradients_of_nothing(engine, op):
    args = (np.zeros((0, 3), "float32"), np.arange(3, dtype="int32"))[: 2 if op == "maximum" else 1]
    assert judge_gradient(Case(FUZZED[op].spec, op, args, {})) is None


def floats(*values: Any, dtype: Any = "float32") -> np.ndarray:
    return np.array(values, dtype)


ONES = np.ones((2, 3), bool)
SIGNAL = np.sin(np.arange(9)).astype("float16")
# op, arguments, keywords of cases on which an engine or all were wrong
FOUND: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("norm", (floats(np.nan, 1),), {}),
    ("norm", (np.zeros((0,), "int16"),), {"ord": np.inf, "axis": 0}),
    ("norm", (np.zeros((0,), "int16"),), {"ord": -np.inf, "axis": 0}),
    ("cdist", (floats([np.nan, 1]), floats([0, 1])), {}),
    ("cdist", (floats([0, 1], dtype="float16"), np.array([[3, 4]], "int16")), {}),
    ("lstsq", (np.array([[5, -1], [-1, 4], [1, -1]], "int8"), floats(1, 2, 3, dtype=ml_dtypes.bfloat16)), {}),
    ("polar", (floats(0.14, 1.45, dtype=ml_dtypes.bfloat16), floats(0.61, 1.34, dtype=ml_dtypes.bfloat16)), {}),
    ("stft", (SIGNAL, 6, 3, 8), {"window": "hann", "center": True}),
    ("norm", (np.zeros((2, 0), "float32"),), {"ord": -2, "axis": (1, 0), "keepdims": False}),
    ("norm", (np.zeros((2, 0), "float32"),), {"ord": 1, "axis": (0, 1), "keepdims": False}),
    ("saturate_cast", (floats(np.inf, dtype=ml_dtypes.bfloat16),), {"dtype": "float16"}),
    ("floor_divide", (floats(3.57812, dtype=ml_dtypes.bfloat16), floats(1.19531, dtype=ml_dtypes.bfloat16)), {}),
    ("less_equal", (np.array([-(2**31)], "int32"), floats(-np.inf, dtype="float16")), {}),
    ("take", (np.array([65534], "uint16"), np.zeros(0, "int32")), {"axis": 0}),
    (
        "max_pool",
        (np.where(np.arange(32) % 5, np.arange(32), np.nan).astype("float32").reshape(1, 4, 4, 2), 2),
        {"strides": 2, "padding": "valid", "data_format": "channels_last"},
    ),
    ("log", (floats(1e-30, 1e-57, 1e-60, 1e-300, 3e-308, dtype="float64"),), {}),
    ("log", (floats(1e-30, 1e-37, 1.2e-38),), {}),
    ("hypot", (floats(-8.5e-314, 3, dtype="float64"), floats(0, 4, dtype="float64")), {}),
    ("irfft", ((floats(0.5), floats(1)), None), {}),
    ("einsum", ("ij,jk->ik", np.full((1, 2), 7, "int8"), ONES[:, :2]), {}),
    ("matmul", (ONES, ONES.T), {}),
    ("vdot", (np.zeros(0, "uint32"), np.zeros(0, "uint32")), {}),
    ("repeat", (np.ones(1, bool), [0]), {"axis": None}),
    ("tile", (np.ones((2, 1, 3), "uint16"), 0), {}),
    ("vsplit", (np.ones(2), 1), {}),
    (
        "image.resize",
        (np.linspace(0, 1, 16).reshape(1, 4, 4, 1), (3, 4)),
        {"interpolation": "lanczos3", "antialias": False, "data_format": "channels_last"},
    ),
    (
        "dot_product_attention",
        tuple(np.cos(np.arange(12 * n)).reshape(1, 3, n, 4) for n in (4, 2, 2)),  # four heads of queries, two of keys
        {"bias": None, "mask": None, "scale": None, "is_causal": True, "attn_logits_soft_cap": None},
    ),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op, args, kwargs", FOUND)
def test_what_was_found(engine, op, args, kwargs):
    assert judge(Case(FUZZED[op].spec, op, args, kwargs))[0] is None


def test_every_op_has_random_cases():
    names = {name for name in dir(ops) if callable(getattr(ops, name)) and not name.startswith("_")} - {"KerasTensor"}
    names |= {f"image.{name}" for name in dir(ops.image) if callable(getattr(ops.image, name)) and not name.startswith("_")}
    assert names - set(FUZZED) == set(UNDRAWN), "enter what is missing in tests/op_table, or say in `UNDRAWN` why it is"
