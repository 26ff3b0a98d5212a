"""Activations by name, against numbers of real Keras and by hand."""

import json

import numpy as np
import pytest

from cornu import activations, ops

X = np.array([-3.0, -0.5, 0.0, 0.7, 8.0], "float32")


def numbers(x):
    return ops.convert_to_numpy(x)


def test_as_real_keras(engine, shared):
    rows = [
        row
        for row in json.loads((shared / "fixtures/manifest.json").read_text())["fixtures"]
        if row["kind"] == "trace_activation"
    ]
    assert len(rows) > 25
    for row in rows:
        if row["key"] == "sparsemax":
            continue  # Keras on PyTorch, which wrote the numbers, mixes the rows of a batch: they don't sum to 1
        arrays = np.load(shared / "fixtures" / row["arrays"])
        got = numbers(getattr(activations, row["key"])(arrays["x"], *row["extra_args"]))
        np.testing.assert_allclose(got, arrays[row["key"]], rtol=row["rtol"], atol=row["atol"], err_msg=row["key"])


def test_relu(engine):
    got = activations.relu(X, negative_slope=0.1, max_value=6.0, threshold=0.5)
    np.testing.assert_allclose(numbers(got), [-0.35, -0.1, -0.05, 0.7, 6.0], rtol=1e-6)
    assert numbers(activations.relu(X, threshold=0.7))[3] == np.float32(0.7)


def test_by_hand(engine):
    np.testing.assert_allclose(numbers(activations.mish(X)), X * np.tanh(np.log1p(np.exp(X))), rtol=1e-5, atol=1e-6)
    assert activations.linear(X) is X
    assert not np.allclose(numbers(activations.gelu(X)), numbers(activations.gelu(X, approximate=True)), atol=1e-6)


def test_names():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu and activations.get("hard_swish") is activations.hard_silu
    assert activations.get({"class_name": "function", "config": "mish"}) is activations.mish
    assert activations.get(np.tanh) is np.tanh
    for name in ("relu", "gelu", "sparsemax", "tanh", "exponential"):
        assert activations.serialize(activations.get(name)) == name
    mine = lambda x: x  # noqa: E731
    assert activations.deserialize("mine", {"mine": mine}) is mine
    with pytest.raises(ValueError, match="Unknown activation function: 'rely'"):
        activations.get("rely")
    with pytest.raises(ValueError, match=r"Not a name, .*: 3 \(as activation function\)"):
        activations.get(3)


def test_sigmoid(engine):
    np.testing.assert_allclose(numbers(activations.sigmoid(X)), 1 / (1 + np.exp(-X.astype("float64"))), rtol=1e-6)
