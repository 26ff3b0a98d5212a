"""Distributions: the same numbers on every engine, moments and shapes as theory says, and what users get wrong."""

from __future__ import annotations

import inspect
import json

import ml_dtypes
import numpy as np
import pytest
from scipy import stats

import cornu
from cornu import layers, random

N = 20_000
DRAWS = {
    "uniform": lambda shape, dtype: random.uniform(shape, -1.0, 3.0, dtype=dtype, seed=5),
    "normal": lambda shape, dtype: random.normal(shape, 2.0, 0.5, dtype=dtype, seed=5),
    "truncated_normal": lambda shape, dtype: random.truncated_normal(shape, 2.0, 0.5, dtype=dtype, seed=5),
    "gamma": lambda shape, dtype: random.gamma(shape, 1.5, dtype=dtype, seed=5),
    "beta": lambda shape, dtype: random.beta(shape, 0.5, 2.0, dtype=dtype, seed=5),
    "binomial": lambda shape, dtype: random.binomial(shape, 30, 0.4, dtype=dtype, seed=5),
}


def numbers(engine, x):
    return np.asarray(engine.to_numpy(x))


@pytest.fixture
def on_numpy():
    """Statistics are taken on one engine; the others give the same numbers."""
    with cornu.engine("numpy") as engine:
        yield engine


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_the_same_numbers_on_every_engine(engine, name, dtype):
    x = DRAWS[name]((4, 50), dtype)
    assert engine.dtype_of(x) == dtype
    assert tuple(x.shape) == (4, 50)
    with cornu.engine("numpy") as reference:
        expected = numbers(reference, DRAWS[name]((4, 50), dtype)).astype("float64")
    rounding = {"float32": 2e-6, "float64": 1e-13, "bfloat16": 2**-7}[dtype]
    np.testing.assert_allclose(numbers(engine, x).astype("float64"), expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal"])
def test_the_host_draws_the_same_numbers(on_numpy, name, dtype):
    """Those of float64 have digits of their own below the 24 bits of float32."""
    kwargs = {"minval": 0.0, "maxval": 1.0} if name == "uniform" else {"mean": 0.0, "stddev": 1.0}
    drawn = numbers(on_numpy, getattr(random, name)((400,), **kwargs, dtype=dtype, seed=5))
    host = getattr(random, f"{name}_numpy")(5, 0, (400,), dtype=dtype)
    assert host.dtype == dtype
    rounding = {"float32": 2e-6, "float64": 1e-13}[dtype]
    np.testing.assert_allclose(host, drawn, rtol=rounding, atol=rounding)


def test_the_same_integers_on_every_engine(engine):
    def draw(on):
        return [
            numbers(on, x).tolist()
            for x in (
                random.randint((20,), -3, 9, seed=5),
                random.randint((20,), -(2**40), 2**61, dtype="int64", seed=5),
                random.randint((20,), 0, 256, dtype="uint8", seed=5),
                random.categorical(np.log([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-9]]).astype("float32"), 30, seed=5),
                random.shuffle(np.arange(24).reshape(2, 12), axis=-1, seed=5),
            )
        ]

    found = draw(engine)
    with cornu.engine("numpy") as reference:
        assert found == draw(reference)


def test_inside_compiled_functions(engine):
    generator = random.SeedGenerator(4)

    def program():
        return [random.gamma((10,), 0.7, seed=generator), random.binomial((10,), 100, 0.3, seed=generator),
                random.randint((10,), 0, 5, seed=generator)]  # fmt: skip

    run = engine.compile(program, [])
    found = [numbers(engine, x) for x in run()]
    again = random.SeedGenerator(4)
    generator = again
    for got, expected in zip(found, program(), strict=True):
        np.testing.assert_allclose(got, numbers(engine, expected), rtol=1e-5)


# What theory says

CASES = [
    ("uniform", lambda s: random.uniform((N,), -1.0, 3.0, seed=s), stats.uniform(-1, 4)),
    ("normal", lambda s: random.normal((N,), 2.0, 0.5, seed=s), stats.norm(2, 0.5)),
    ("truncated_normal", lambda s: random.truncated_normal((N,), 2.0, 0.5, seed=s), stats.truncnorm(-2, 2, 2, 0.5)),
    *((f"gamma {a}", lambda s, a=a: random.gamma((N,), a, dtype="float64", seed=s), stats.gamma(a))
      for a in (0.05, 0.5, 1.0, 2.5, 100.0)),
    *((f"beta {a} {b}", lambda s, a=a, b=b: random.beta((N,), a, b, dtype="float64", seed=s), stats.beta(a, b))
      for a, b in ((0.3, 0.3), (1.0, 1.0), (2.0, 0.5), (50.0, 20.0))),
]  # fmt: skip


@pytest.mark.parametrize(("draw", "law"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_continuous_laws(on_numpy, draw, law):
    for seed in (1, 2):
        x = draw(seed).astype("float64")
        assert stats.kstest(x, law.cdf).pvalue > 1e-4
        mean, variance = law.stats("mv")
        assert abs(x.mean() - mean) < 5 * np.sqrt(variance / N)
    generator = random.SeedGenerator(1)
    x, y = draw(generator), draw(generator)
    assert abs(np.corrcoef(x, y)[0, 1]) < 5 / np.sqrt(N)


def test_moments_of_the_normal(on_numpy):
    x = np.concatenate([random.normal((1 << 18,), seed=seed).astype("float64") for seed in range(4)])
    n = len(x)
    assert abs(x.mean()) < 5 / np.sqrt(n)
    assert abs(x.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((x**3).mean()) < 5 * np.sqrt(15 / n)
    assert abs((x**4).mean() - 3) < 5 * np.sqrt(96 / n)
    assert np.isfinite(x).all()
    assert 4.5 < np.abs(x).max() < 5.9


def test_truncated_normal_stays_inside(on_numpy):
    x = random.truncated_normal((1 << 17,), seed=3)
    assert np.abs(x).max() <= 2
    assert (np.abs(x) == 2).sum() == 0
    assert abs(x.std() - 0.87962566) < 0.01


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.5), (10, 0.3), (10, 0.9), (100, 0.05), (25, 0.4), (1000, 0.7), (10**6, 0.2), (40, 1e-6)]
)
def test_binomial(on_numpy, n, p):
    x = random.binomial((N,), n, p, dtype="float64", seed=8)
    assert (x == np.round(x)).all()
    assert x.min() >= 0
    assert x.max() <= n
    assert abs(x.mean() - n * p) < 5 * np.sqrt(n * p * (1 - p) / N) + 1e-9
    kinds, seen = np.unique(x, return_counts=True)
    wanted = stats.binom.pmf(kinds, n, p) * N
    rare = wanted < 10
    if (~rare).sum() > 1:
        rest = [seen[rare].sum()], [N - wanted[~rare].sum()]
        got, expected = np.append(seen[~rare], rest[0]), np.append(wanted[~rare], rest[1])
        keep = expected > 1
        assert stats.chisquare(got[keep], expected[keep] * got[keep].sum() / expected[keep].sum()).pvalue > 1e-4


def test_certain_and_impossible(on_numpy):
    assert random.binomial((4,), 7, [0.0, 1.0, 0.0, 1.0], seed=1).tolist() == [0, 7, 0, 7]
    assert random.binomial((2,), 0, 0.5, seed=1).tolist() == [0, 0]
    assert np.isnan(random.binomial((3,), np.array([1.0, -1.0, 5.0]), np.array([1.5, 0.5, -0.1]), seed=1)).all()
    assert np.isnan(random.gamma((1,), np.array([-1.0]), seed=1)).all()
    assert random.gamma((3,), 0.0, seed=1).tolist() == [0, 0, 0]


def test_parameters_broadcast(engine):
    x = numbers(engine, random.gamma((2000, 2), np.array([1.0, 100.0], "float32"), seed=3))
    np.testing.assert_allclose(x.mean(axis=0), [1, 100], rtol=0.15)
    y = numbers(engine, random.binomial((2000, 2), np.array([10, 1000]), np.array([0.5, 0.1]), seed=3))
    np.testing.assert_allclose(y.mean(axis=0), [5, 100], rtol=0.05)
    assert np.abs(np.corrcoef(x.T)[0, 1]) < 0.12


# Integers


@pytest.mark.parametrize("span", [1, 2, 3, 6, 7, 10, 256, 1000])
def test_randint_small_spans(on_numpy, span):
    x = random.randint((50 * 1000,), -2, span - 2, seed=span)
    counts = np.bincount(x + 2, minlength=span)
    assert len(counts) == span
    assert span == 1 or stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("span", [2**24 + 1, 3 * 2**29, 2**32 - 5, 3 * 2**61, 2**62 + 1, 2**63 - 1])
def test_randint_large_spans(on_numpy, span):
    """Where 24 or 63 bits modulo the span would favour small numbers, or leave the lowest digits empty."""
    x = random.randint((N,), 0, span, dtype="int64", seed=4)
    assert x.min() >= 0
    assert x.max() < span
    assert stats.kstest(x.astype("float64") / span, "uniform").pvalue > 1e-4
    for modulus in (2, 3, 7, 256):
        assert stats.chisquare(np.bincount(x % modulus, minlength=modulus)).pvalue > 1e-4
    assert len(np.unique(x)) > N - 60


def test_randint_fills_its_dtype(on_numpy):
    for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32"):
        info = np.iinfo(dtype)
        x = random.randint((4096,), int(info.min), int(info.max) + 1, dtype=dtype, seed=1)
        assert x.dtype == dtype
        assert x.min() < info.min + (int(info.max) - int(info.min)) / 40
        assert x.max() > info.max - (int(info.max) - int(info.min)) / 40
    x = random.randint((100,), 2**63 + 5, 2**64, dtype="uint64", seed=1)
    assert x.dtype == "uint64"
    assert x.min() >= 2**63 + 5


def test_randint_errors():
    for low, high in ((3, 3), (4, 1)):
        with pytest.raises(ValueError, match=r"randint: there is no integer in \[minval="):
            random.randint((2,), low, high)
    with pytest.raises(ValueError, match="does not fit in int8"):
        random.randint((2,), 0, 200, dtype="int8")
    with pytest.raises(ValueError, match="does not fit in uint8"):
        random.randint((2,), -1, 2, dtype="uint8")
    with pytest.raises(ValueError, match=r"minval and maxval must be integers, got 0.5 and 2"):
        random.randint((2,), 0.5, 2)
    with pytest.raises(ValueError, match="`dtype` must be an integer dtype, got 'float32'"):
        random.randint((2,), 0, 2, dtype="float32")


# Floats


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (1.0, 2.0), (-0.3, 0.1), (5.0, 5.0)])
def test_uniform_never_reaches_its_upper_bound(on_numpy, dtype, bounds):
    x = random.uniform((1 << 16,), *bounds, dtype=dtype, seed=2).astype("float64")
    low = float(np.array(bounds[0]).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype))
    assert x.min() >= min(low, bounds[0])
    assert x.max() < bounds[1] or bounds[0] == bounds[1]


def test_float64_has_more_than_24_bits(on_numpy):
    x = random.uniform((4096,), dtype="float64", seed=2)
    assert (np.mod(x * 2.0**24, 1) != 0).mean() > 0.99
    assert stats.kstest(np.mod(x * 2.0**24, 1), "uniform").pvalue > 1e-4
    np.testing.assert_allclose(x, random.uniform((4096,), dtype="float32", seed=2), atol=2**-23)


@pytest.mark.parametrize("name", DRAWS)
def test_errors_of_floats(name):
    with pytest.raises(ValueError, match=f"{name}: `dtype` must be a float dtype, got 'int32'"):
        DRAWS[name]((2,), "int32")
    with pytest.raises(ValueError, match=f"{name}: `shape` must be a tuple of integers, got 3"):
        DRAWS[name](3, None)
    with pytest.raises(ValueError, match=f"{name}: `shape` must be a tuple of integers"):
        DRAWS[name]((None, 2), None)
    with pytest.raises(ValueError, match=f"{name}: `shape` has a negative size"):
        DRAWS[name]((-1,), None)
    assert DRAWS[name]((0, 3), None).shape == (0, 3)
    assert DRAWS[name]((), None).shape == ()


def test_errors_of_parameters():
    with pytest.raises(ValueError, match=r"uniform: minval=2.0 is greater than maxval=1.0"):
        random.uniform((2,), 2.0, 1.0)
    with pytest.raises(ValueError, match=r"gamma: alpha must be at least 0.0, got -1"):
        random.gamma((2,), -1)
    with pytest.raises(ValueError, match=r"beta: beta must be at least 0.0, got -1"):
        random.beta((2,), 1, -1)
    with pytest.raises(ValueError, match=r"binomial: probabilities must be between 0.0 and 1.0, got 1.5"):
        random.binomial((2,), 1, 1.5)


# Categorical, shuffle, dropout


def test_categorical(on_numpy):
    odds = np.array([[0.1, 0.0, 0.2, 0.7, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        logits = (np.log(odds) + 300).astype("float32")
    x = random.categorical(logits, N, seed=6)
    assert x.shape == (2, N)
    assert x.dtype == "int32"
    counts = np.bincount(x[0], minlength=5)
    assert counts[[1, 4]].tolist() == [0, 0]
    assert stats.chisquare(counts[[0, 2, 3]], N * odds[0, [0, 2, 3]]).pvalue > 1e-4
    assert (x[1] == 1).all()
    assert random.categorical(logits, 3, dtype="int64", seed=1).dtype == "int64"
    with pytest.raises(ValueError, match=r"categorical: `logits` must have the shape \(batch, classes\), got \(5,\)"):
        random.categorical(logits[0], 2)
    with pytest.raises(ValueError, match="categorical: `dtype` must be an integer dtype"):
        random.categorical(logits, 2, dtype="float32")


def test_shuffle(on_numpy):
    x = np.arange(12).reshape(3, 4)
    for axis in (0, 1, -1):
        y = random.shuffle(x, axis=axis, seed=3)
        assert sorted(np.moveaxis(y, axis, 0).tolist()) == np.moveaxis(x, axis, 0).tolist()
    generator = random.SeedGenerator(1)
    orders = np.array([random.shuffle(np.arange(4), seed=generator) for _ in range(2400)]) @ [64, 16, 4, 1]
    kinds, counts = np.unique(orders, return_counts=True)
    assert len(kinds) == 24
    assert stats.chisquare(counts).pvalue > 1e-4
    with pytest.raises(ValueError, match="shuffle: axis 2 is out of bounds for a tensor of rank 2"):
        random.shuffle(x, axis=2)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.999, 1.0, 1e-12])
def test_dropout(on_numpy, rate):
    x = random.dropout(np.full((100, 200), 3.0, "float32"), rate, seed=2)
    dropped = (x == 0).mean()
    assert abs(dropped - rate) <= 5 * np.sqrt(rate * (1 - rate) / N) + 1e-9
    np.testing.assert_allclose(x[x != 0], 3 / (1 - rate) if rate < 1 else 0, rtol=1e-6)


def test_dropout_masks_of_consecutive_steps_are_independent(on_numpy):
    generator = random.SeedGenerator(1)
    masks = [random.dropout(np.ones((N,), "float32"), 0.5, seed=generator) - 1 for _ in range(20)]
    correlations = np.corrcoef(masks)[np.triu_indices(20, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(N)


def test_dropout_noise_shape_and_errors(engine):
    x = np.ones((4, 50, 3), "float32")
    y = numbers(engine, random.dropout(x, 0.5, noise_shape=(None, 1, 3), seed=2))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert 0 < (y == 0).mean() < 1
    assert numbers(engine, random.dropout([1.0, 2.0], 0.0, seed=1)).tolist() == [1, 2]
    for rate in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="dropout: `rate` must be between 0 and 1, got"):
            random.dropout(x, rate)
    with pytest.raises(ValueError, match=r"noise_shape=\(4, 1\) for inputs of shape \(4, 50, 3\); the ranks differ"):
        random.dropout(x, 0.5, noise_shape=(4, 1))
    layer = layers.Dropout(0.5, seed=3)
    first, second = (numbers(engine, layer(x, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_signatures_are_keras(shared):
    table = json.loads((shared / "api" / "keras-3.15.json").read_text())
    for name, entry in table.items():
        if name.startswith("keras.random."):
            ours = getattr(random, name.rpartition(".")[2])
            parameters = [p.replace(annotation=p.empty) for p in inspect.signature(ours).parameters.values()]
            assert str(inspect.Signature(parameters)) == entry["signature"], name
