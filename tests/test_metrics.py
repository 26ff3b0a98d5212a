"""Metrics against the numbers of real Keras, over several batches with weights, and against NumPy."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from cornu import losses, metrics, ops
from cornu.contract import state

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 20)
SCORES = RNG.random((20, 4)).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
WEIGHTS = RNG.random(20).astype("float32")
RIGHT = SCORES.argmax(-1) == LABELS
TOP2 = np.array([label in row.argsort()[-2:] for row, label in zip(SCORES, LABELS, strict=True)])


@pytest.mark.parametrize(
    ("metric", "y_true", "each"),
    [
        (metrics.SparseCategoricalAccuracy, LABELS, RIGHT),
        (metrics.CategoricalAccuracy, ONE_HOT, RIGHT),
        (lambda: metrics.SparseTopKCategoricalAccuracy(2), LABELS, TOP2),
        (lambda: metrics.TopKCategoricalAccuracy(k=2), ONE_HOT, TOP2),
        (lambda: metrics.BinaryAccuracy(threshold=0.3), ONE_HOT, ((SCORES > 0.3) == ONE_HOT).mean(-1)),
        (metrics.MeanAbsoluteError, ONE_HOT, np.abs(ONE_HOT - SCORES).mean(-1)),
    ],
)
def test_weighted_mean_over_batches(engine, metric, y_true, each):
    made = metric()
    for rows in (slice(0, 13), slice(13, 20)):
        made.update_state(y_true[rows], SCORES[rows], sample_weight=WEIGHTS[rows])
    np.testing.assert_allclose(ops.convert_to_numpy(made.result()), (each * WEIGHTS).sum() / WEIGHTS.sum(), rtol=1e-5)
    made.reset_state()
    np.testing.assert_allclose(ops.convert_to_numpy(made(y_true, SCORES)), each.mean(), rtol=1e-5)


def test_root_mean_squared_error_and_sum(engine):
    root, total = metrics.RootMeanSquaredError(), metrics.Sum()
    for rows in (slice(0, 13), slice(13, 20)):
        root.update_state(ONE_HOT[rows], SCORES[rows])
        total.update_state(WEIGHTS[rows])
    np.testing.assert_allclose(ops.convert_to_numpy(root.result()), np.sqrt(((ONE_HOT - SCORES) ** 2).mean()), rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(total.result()), WEIGHTS.sum(), rtol=1e-5)


def test_stateless(engine):
    mean = metrics.Mean()
    mean.update_state([1.0, 3.0])
    after = mean.stateless_update_state([v.value for v in mean.variables], [8.0])
    assert float(ops.convert_to_numpy(mean.stateless_result(after))) == 4.0
    assert float(ops.convert_to_numpy(mean.result())) == 2.0
    assert [float(ops.convert_to_numpy(v)) for v in mean.stateless_reset_state()] == [0.0, 0.0]
    assert float(ops.convert_to_numpy(state.read(mean.total))) == 4.0
    with pytest.raises(ValueError, match="2 variables"):
        mean.stateless_result([])


def test_names_and_configs(engine):
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    made = metrics.deserialize(metrics.serialize(metrics.BinaryAccuracy(threshold=0.7)))
    assert made.get_config() == {"name": "binary_accuracy", "dtype": "float32", "threshold": 0.7}
    with pytest.raises(ValueError, match="Unknown metric"):
        metrics.get("accurateness")
    assert metrics.get(lambda y_true, y_pred: y_pred).name == "<lambda>"


def test_traces_of_real_keras(shared, engine):
    rows = json.loads((shared / "fixtures/traces/keras-3.15.1/metrics.json").read_text())
    arrays = np.load(shared / "fixtures/traces/keras-3.15.1/metrics.npz")
    done = 0
    for row in rows:
        if not hasattr(metrics, row["class_name"]):
            continue
        kind = getattr(metrics, row["class_name"])
        assert set(row["serialized"]["config"]) <= set(inspect.signature(kind).parameters) | {"fn"}, row["class_name"]
        made, key = kind(**row["config"]), row["key"]
        ours, theirs = metrics.serialize(made), row["serialized"]
        assert ours == {**theirs, "config": {**ours["config"], **theirs["config"]}}, key  # Keras forgets some arguments
        for i, expected in enumerate(row["values"]):
            given = [arrays[f"{key}_{part}{i}"] for part in ("true", "pred", "sw") if f"{key}_{part}{i}" in arrays]
            made.update_state(*given)
            np.testing.assert_allclose(ops.convert_to_numpy(made.result()), expected, rtol=1e-4, atol=1e-5, err_msg=key)
            done += 1
    assert done > 50


@pytest.mark.parametrize("fn", [losses.huber, metrics.binary_accuracy])
def test_a_wrapped_function_is_in_the_config(fn):
    wrapped = metrics.MeanMetricWrapper(fn, "mine")
    assert wrapped.get_config() == {"name": "mine", "dtype": "float32", "fn": fn.__name__}
    assert metrics.MeanMetricWrapper.from_config(wrapped.get_config())._fn is fn
    assert "fn" not in metrics.BinaryAccuracy().get_config()


def test_plain_lists(engine):
    metric = metrics.BinaryAccuracy()
    metric.update_state([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]])
    assert float(metric.result()) == 0.75
