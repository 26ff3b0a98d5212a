"""Projections of weights against numbers of real Keras and by hand."""

import json

import numpy as np
import pytest

from cornu import constraints, ops

W = np.random.default_rng(0).normal(size=(4, 3)).astype("float32") * 2


def numbers(x):
    return ops.convert_to_numpy(x)


def norms(x, axis=0):
    return np.linalg.norm(x, axis=axis)


@pytest.mark.parametrize("axis", [0, 1])
def test_norms(engine, axis):
    before = norms(W, axis)
    np.testing.assert_allclose(norms(numbers(constraints.MaxNorm(1.5, axis)(W)), axis), np.minimum(before, 1.5), rtol=1e-4)
    np.testing.assert_allclose(norms(numbers(constraints.UnitNorm(axis)(W)), axis), 1, rtol=1e-4)
    half = 0.5 * np.clip(before, 1, 2) + 0.5 * before
    np.testing.assert_allclose(norms(numbers(constraints.MinMaxNorm(1, 2, 0.5, axis)(W)), axis), half, rtol=1e-4)


def test_signs(engine):
    assert np.array_equal(numbers(constraints.NonNeg()(W)), np.maximum(W, 0))


def test_as_real_keras(engine, shared):
    folder = shared / "fixtures/traces/keras-3.15.1"
    arrays = np.load(folder / "regcon.npz")
    rows = [row for row in json.loads((folder / "regcon.json").read_text()) if row["module"] == "constraints"]
    assert rows
    for row in rows:
        made = constraints.get(row["serialized"])
        assert constraints.serialize(made) == row["serialized"]
        np.testing.assert_allclose(numbers(made(arrays[f"{row['key']}_in"])), arrays[f"{row['key']}_out"], rtol=1e-4, atol=1e-5)


def test_names():
    assert type(constraints.get("max_norm")) is constraints.MaxNorm and constraints.min_max_norm is constraints.MinMaxNorm
    assert constraints.get(None) is None
    with pytest.raises(ValueError, match="Unknown constraint: 'norm'"):
        constraints.get("norm")
    with pytest.raises(NotImplementedError, match="Constraint must implement"):
        constraints.Constraint()(W)


def test_there_and_back():
    made = constraints.deserialize(constraints.serialize(constraints.MinMaxNorm(0.5, 1.5, 0.25, 1)))
    assert type(made) is constraints.MinMaxNorm
    assert made.get_config() == {"min_value": 0.5, "max_value": 1.5, "rate": 0.25, "axis": 1}
