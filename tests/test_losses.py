"""Losses against the numbers of real Keras, and against NumPy where its files are not there."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from cornu import layers, losses, ops
from cornu.layers.layer import keep_masks

RNG = np.random.default_rng(0)
P = RNG.uniform(0.05, 0.95, (6, 4)).astype("float32")
T = (RNG.random((6, 4)) < 0.5).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[RNG.integers(0, 4, 6)]
SIMPLEX = P / P.sum(-1, keepdims=True)
LABELS = ONE_HOT.argmax(-1)


def _logs(p):
    return -np.log(p)


# name -> (targets, predictions, arguments, expected value per sample)
REFERENCES = {
    "mean_squared_error": (T, P, {}, ((T - P) ** 2).mean(-1)),
    "mean_absolute_error": (T, P, {}, np.abs(T - P).mean(-1)),
    "mean_absolute_percentage_error": (T + 1, P, {}, 100 * np.abs((T + 1 - P) / (T + 1)).mean(-1)),
    "mean_squared_logarithmic_error": (T, P, {}, ((np.log1p(np.maximum(T, 1e-7)) - np.log1p(P)) ** 2).mean(-1)),
    "huber": (
        3 * T,
        P,
        {"delta": 0.7},
        np.where(abs(3 * T - P) <= 0.7, (3 * T - P) ** 2 / 2, 0.7 * (abs(3 * T - P) - 0.35)).mean(-1),
    ),
    "log_cosh": (T, P, {}, np.log(np.cosh(P - T)).mean(-1)),
    "hinge": (2 * T - 1, P, {}, np.maximum(1 - (2 * T - 1) * P, 0).mean(-1)),
    "squared_hinge": (T, P, {}, (np.maximum(1 - (2 * T - 1) * P, 0) ** 2).mean(-1)),
    "categorical_hinge": (ONE_HOT, P, {}, np.maximum(1 + ((1 - ONE_HOT) * P).max(-1) - (ONE_HOT * P).sum(-1), 0)),
    "cosine_similarity": (T + 1, P, {}, -((T + 1) * P).sum(-1) / np.linalg.norm(T + 1, axis=-1) / np.linalg.norm(P, axis=-1)),
    "kl_divergence": (SIMPLEX[::-1], SIMPLEX, {}, (SIMPLEX[::-1] * np.log(SIMPLEX[::-1] / SIMPLEX)).sum(-1)),
    "poisson": (T, P, {}, (P - T * np.log(P)).mean(-1)),
    "binary_crossentropy": (
        T,
        P,
        {"label_smoothing": 0.2},
        ((0.8 * T + 0.1) * _logs(P) + (0.9 - 0.8 * T) * _logs(1 - P)).mean(-1),
    ),
    "categorical_crossentropy": (ONE_HOT, SIMPLEX, {}, (ONE_HOT * _logs(SIMPLEX)).sum(-1)),
    "sparse_categorical_crossentropy": (LABELS, SIMPLEX, {}, (ONE_HOT * _logs(SIMPLEX)).sum(-1)),
    "categorical_focal_crossentropy": (ONE_HOT, SIMPLEX, {}, 0.25 * (ONE_HOT * (1 - SIMPLEX) ** 2 * _logs(SIMPLEX)).sum(-1)),
    "categorical_generalized_cross_entropy": (LABELS, SIMPLEX, {"q": 0.5}, (1 - (ONE_HOT * SIMPLEX).sum(-1) ** 0.5) / 0.5),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_values_per_sample(engine, name):
    y_true, y_pred, arguments, expected = REFERENCES[name]
    found = losses.get(name)(y_true, y_pred, **arguments)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=2e-5, atol=2e-6)


def test_a_weight_for_each_class(engine):
    alpha = [0.1, 0.2, 0.3, 0.4]
    found = losses.categorical_focal_crossentropy(ONE_HOT[:4], SIMPLEX[:4], alpha)
    expected = (alpha * ONE_HOT * (1 - SIMPLEX) ** 2 * _logs(SIMPLEX)).sum(-1)[:4]
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=2e-5)


def test_logits_equal_probabilities(engine):
    logits = RNG.normal(size=(6, 4)).astype("float32")
    soft = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for name, target, p in (
        ("categorical_crossentropy", ONE_HOT, soft),
        ("sparse_categorical_crossentropy", LABELS, soft),
        ("binary_crossentropy", T, 1 / (1 + np.exp(-logits))),
    ):
        fn = losses.get(name)
        a, b = fn(target, logits, from_logits=True), fn(target, p.astype("float32"))
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-4)


def test_reductions_and_weights(engine):
    weights = np.arange(6, dtype="float32")
    each = ((T - P) ** 2).mean(-1)
    for reduction, expected in {
        "sum_over_batch_size": (each * weights).mean(),
        "mean": (each * weights).mean(),
        "sum": (each * weights).sum(),
        "mean_with_sample_weight": (each * weights).sum() / weights.sum(),
        None: each * weights,
    }.items():
        found = losses.MeanSquaredError(reduction=reduction)(T, P, sample_weight=weights)
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


def test_half_precision_is_widened(engine):
    found = losses.MeanSquaredError()(T, ops.cast(ops.convert_to_tensor(P), "float16"))
    assert ops.dtype(found) == "float32"


def test_integer_labels_for_one_hot_ones(engine):
    with pytest.raises(ValueError, match="integer labels"):
        losses.categorical_crossentropy(LABELS, SIMPLEX)


def test_ignored_class(engine):
    labels = np.where(np.arange(6) % 2, LABELS, 255)
    found = losses.SparseCategoricalCrossentropy(ignore_class=255, reduction=None)(labels, SIMPLEX)
    values = np.where(labels < 255, (ONE_HOT * _logs(SIMPLEX)).sum(-1), 0)
    np.testing.assert_allclose(ops.convert_to_numpy(found), values, rtol=1e-5)
    weight = np.arange(6, dtype="float32")
    for reduction, expected in (
        ("sum_over_batch_size", (values * weight).sum() / 3),  # three of six count
        ("sum", (values * weight).sum()),
        ("mean_with_sample_weight", (values * weight).sum() / weight[labels < 255].sum()),
    ):
        found = losses.SparseCategoricalCrossentropy(ignore_class=255, reduction=reduction)(labels, SIMPLEX, weight)
        np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


def test_masked_predictions(engine):
    tokens, labels = np.array([[1, 2, 0], [3, 0, 0]]), np.array([[0, 1, 1], [9, 1, 1]])
    embedding = layers.Embedding(4, 2, mask_zero=True)
    with keep_masks():
        logits = embedding(tokens)
        mean = losses.MeanSquaredError()(np.ones((2, 3, 2), "float32"), logits)
        one_left_out = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=9)(labels, logits)
    e = embedding.embeddings.numpy()
    np.testing.assert_allclose(ops.convert_to_numpy(mean), np.mean((e[1:] - 1) ** 2), rtol=1e-5)
    expected = np.mean([np.log(np.exp(e[token]).sum()) - e[token][label] for token, label in ((1, 0), (2, 1))])
    np.testing.assert_allclose(ops.convert_to_numpy(one_left_out), expected, rtol=1e-5)


def test_names_and_configs():
    assert losses.get("mse") is losses.get("MSE") is losses.mean_squared_error
    huber = losses.get({"class_name": "Huber", "config": {"delta": 2.0}})
    assert huber.get_config() == {"name": "huber_loss", "reduction": "sum_over_batch_size", "delta": 2.0}
    assert losses.deserialize(losses.serialize(huber)).get_config() == huber.get_config()
    with pytest.raises(ValueError, match="Unknown loss function"):
        losses.get("mean_squared_terror")
    with pytest.raises(TypeError, match=r"Huber: .*'slope'.*delta"):
        losses.Huber(slope=1)
    with pytest.raises(ValueError, match="reduction"):
        losses.MeanSquaredError(reduction="average")


def test_traces_of_real_keras(shared, engine):
    rows = json.loads((shared / "fixtures/traces/keras-3.15.1/losses.json").read_text())
    arrays = np.load(shared / "fixtures/traces/keras-3.15.1/losses.npz")
    done = 0
    for row in rows:
        if not hasattr(losses, row["class_name"]):
            continue
        kind = getattr(losses, row["class_name"])
        known = inspect.signature(kind).parameters
        assert set(row["serialized"]["config"]) <= set(known), row["class_name"]
        ours, theirs = losses.serialize(kind(**row["config"])), row["serialized"]
        assert ours == {**theirs, "config": {**ours["config"], **theirs["config"]}}, row["key"]  # Keras forgets some arguments
        key = row["key"]
        for reduction, expected in row["values"].items():
            weight = arrays[f"{key}_sw"] if reduction.endswith("/weighted") else None
            config = {**row["config"], "reduction": reduction.removesuffix("/weighted")}
            found = kind(**config)(arrays[f"{key}_true"], arrays[f"{key}_pred"], sample_weight=weight)
            np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4, atol=1e-5, err_msg=f"{key} {reduction}")
            done += 1
    assert done > 100


def test_a_wrapped_function_is_in_the_config():
    wrapped = losses.LossFunctionWrapper(losses.huber, delta=2.0)
    assert wrapped.get_config() == {"name": "huber", "reduction": "sum_over_batch_size", "fn": "huber", "delta": 2.0}
    again = losses.LossFunctionWrapper.from_config(wrapped.get_config())
    assert again.fn is losses.huber and again.get_config() == wrapped.get_config()
    assert "fn" not in losses.Huber().get_config()


def test_plain_lists(engine):
    y_true, y_pred = [[0.0, 1.0], [0.0, 0.0]], [[0.6, 0.4], [0.4, 0.6]]
    for kind in (losses.MeanSquaredError, losses.BinaryCrossentropy, losses.Huber, losses.CategoricalCrossentropy):
        found, expected = kind()(y_true, y_pred), kind()(np.array(y_true, "float32"), np.array(y_pred, "float32"))
        np.testing.assert_array_equal(ops.convert_to_numpy(found), ops.convert_to_numpy(expected))
    assert float(losses.MeanSquaredError()([1.0, 2.0], [3.0, 2.0])) == 2.0
    assert float(losses.SparseCategoricalCrossentropy()([1, 0], y_pred)) == pytest.approx(-np.log([0.4, 0.4]).mean())
