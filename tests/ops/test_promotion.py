"""Dtypes of results by Keras's lattice (JAX's), Python numbers weak: every pair on every engine, and what comes out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cornu import ops
from cornu.primitives import dtypes as dt

WEAK = {"int": 1, "float": 1.0, "complex": 1j}
NAMES = [name for name in dt.DTYPES if name not in ("uint64", "complex128")]
PAIRS = [pair for pair in itertools.product([*NAMES, *WEAK], repeat=2) if not set(pair) <= set(WEAK)]


def operand(name):
    return WEAK[name] if name in WEAK else np.ones(2, dt.numpy_dtype(name))


@pytest.fixture(scope="module")
def lattice():
    jax = pytest.importorskip("jax", reason="JAX, whose lattice is the reference, is not installed")
    with jax.enable_x64(True):
        sums = {pair: jax.numpy.add(*map(operand, pair)) for pair in PAIRS}
    # What is weak takes its default size, which is of 32 bits in Keras.
    default = {"i": "int32", "f": "float32", "c": "complex64"}
    return {pair: default[x.dtype.kind] if x.weak_type else x.dtype.name for pair, x in sums.items()}


@pytest.mark.parametrize("op, value", [("add", 2), ("multiply", 1), ("maximum", 1), ("where", 1)])
def test_every_pair(engine, lattice, op, value):
    for a, b in PAIRS:
        complex_ones = "complex" in a or "complex" in b
        if op == "maximum" and complex_ones:
            continue
        one, other = operand(a), operand(b)
        got = ops.where(np.array([True, False]), one, other) if op == "where" else getattr(ops, op)(one, other)
        assert ops.dtype(got) == lattice[a, b], (op, a, b)
        if not complex_ones:
            wanted = 1 if lattice[a, b] == "bool" else value
            assert ops.convert_to_numpy(got).astype("float64").tolist() == [wanted, wanted], (op, a, b)
