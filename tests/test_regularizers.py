"""Penalties against numbers of real Keras and by hand."""

import json

import numpy as np
import pytest

from cornu import ops, regularizers

W = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def value(x):
    return float(ops.convert_to_numpy(x))


def test_norms(engine):
    assert value(regularizers.L1(0.1)(W)) == pytest.approx(0.1 * np.abs(W).sum(), rel=1e-5)
    assert value(regularizers.L2(0.1)(W)) == pytest.approx(0.1 * (W**2).sum(), rel=1e-5)
    assert value(regularizers.L1L2(0.1, 0.2)(W)) == pytest.approx(0.1 * np.abs(W).sum() + 0.2 * (W**2).sum(), rel=1e-5)
    assert value(regularizers.L1L2()(W)) == 0


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonality(engine, mode):
    rows = W if mode == "rows" else W.T
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = [abs(rows[i] @ rows[j]) for i in range(len(rows)) for j in range(i)]
    assert value(regularizers.OrthogonalRegularizer(0.3, mode)(W)) == pytest.approx(0.3 * np.mean(pairs), rel=1e-4)
    assert value(regularizers.OrthogonalRegularizer()(np.eye(3, dtype="float32"))) == 0


def test_as_real_keras(engine, shared):
    folder = shared / "fixtures/traces/keras-3.15.1"
    arrays = np.load(folder / "regcon.npz")
    rows = [row for row in json.loads((folder / "regcon.json").read_text()) if row["module"] == "regularizers"]
    assert rows
    for row in rows:
        made = regularizers.get(row["serialized"])
        assert type(made).__name__ == row["class_name"] and made.get_config() == pytest.approx(row["config"])
        assert regularizers.serialize(made)["module"] == row["serialized"]["module"]
        np.testing.assert_allclose(value(made(arrays[f"{row['key']}_in"])), arrays[f"{row['key']}_out"], rtol=1e-4)


def test_names():
    for name, cls in (
        ("l1", regularizers.L1),
        ("L2", regularizers.L2),
        ("l1_l2", regularizers.L1L2),
        ("orthogonal_regularizer", regularizers.OrthogonalRegularizer),
    ):
        assert type(regularizers.get(name)) is cls
    assert regularizers.get(None) is None and regularizers.l2 is regularizers.L2
    made = regularizers.deserialize(regularizers.serialize(regularizers.OrthogonalRegularizer(0.2, "columns")))
    assert made.get_config() == {"factor": 0.2, "mode": "columns"}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: regularizers.L1(-0.1), "Invalid `l1`: expected a finite number that is not negative, got -0.1"),
        (lambda: regularizers.L2("a"), "Invalid `l2`"),
        (lambda: regularizers.L2(float("nan")), "Invalid `l2`"),
        (lambda: regularizers.OrthogonalRegularizer(mode="all"), "Invalid `mode`: expected 'rows' or 'columns', got 'all'"),
        (lambda: regularizers.OrthogonalRegularizer()(W[0]), r"needs a matrix, got shape \(3,\)"),
        (lambda: regularizers.get("l3"), "Unknown regularizer: 'l3'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_of_ones_own(engine):
    class Cubes(regularizers.Regularizer):
        def __init__(self, factor=2.0):
            self.factor = factor

        def __call__(self, x):
            return self.factor * ops.sum(ops.abs(x) ** 3)

        def get_config(self):
            return {"factor": self.factor}

    made = Cubes.from_config(Cubes(0.5).get_config())
    np.testing.assert_allclose(value(made(W)), 0.5 * np.sum(np.abs(W) ** 3), rtol=1e-5)
    assert regularizers.get(made) is made
