"""Initializers: against numbers of real Keras where they are determined, statistically where they are random."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest
from scipy import signal, stats

import cornu
from cornu import initializers, layers, random

RANDOM = [
    initializers.RandomNormal, initializers.TruncatedNormal, initializers.RandomUniform, initializers.VarianceScaling,
    initializers.Orthogonal, initializers.GlorotUniform, initializers.GlorotNormal, initializers.HeUniform,
    initializers.HeNormal, initializers.LecunUniform, initializers.LecunNormal,
]  # fmt: skip
ALL = [*RANDOM, initializers.Zeros, initializers.Ones, initializers.Constant, initializers.Identity, initializers.STFT]


def fixtures(shared):
    return json.loads((shared / "fixtures" / "traces" / "keras-3.15.1" / "initializers.json").read_text())


def test_against_keras(shared):
    for row in fixtures(shared):
        made = getattr(initializers, row["class_name"])(**row["config"])
        x = made(tuple(row["shape"])).astype("float64")
        assert x.shape == tuple(row["shape"]), row["key"]
        assert abs(x.mean() - row["mean"]) <= row["mean_tolerance"], row["key"]
        assert abs(x.std() - row["std"]) <= row["std_rtol"] * row["std"] + 1e-12, row["key"]
        if row.get("exact"):
            assert x.min() == pytest.approx(row["min"], abs=1e-7), row["key"]
            assert x.max() == pytest.approx(row["max"], abs=1e-7), row["key"]
        else:  # the range of a few thousand draws, and hard bounds where there are some
            assert x.max() < row["max"] + 2 * row["std"], row["key"]
            assert x.min() > row["min"] - 2 * row["std"], row["key"]
        ours, theirs = initializers.serialize(made), row["serialized"]
        if row["class_name"] == "Identity":
            theirs["config"]["gain"] = 1.0  # which Keras forgets
        assert ours == theirs, row["key"]
        again = initializers.deserialize(row["serialized"])
        assert type(again) is type(made), row["key"]
        np.testing.assert_array_equal(again(tuple(row["shape"])), made(tuple(row["shape"])))


def test_names_and_signatures_are_keras(shared):
    table = json.loads((shared / "api" / "keras-3.15.json").read_text())
    for name, entry in table.items():
        if name.startswith("keras.initializers."):
            ours = getattr(initializers, name.rpartition(".")[2])
            parameters = [p.replace(annotation=p.empty) for p in inspect.signature(ours).parameters.values()]
            signature = str(inspect.Signature(parameters))
            assert signature == entry["signature"], name


def laws(shape):
    """Keras's documentation, as distributions."""
    fan_in, fan_out = shape[-2] * int(np.prod(shape[:-2])), shape[-1] * int(np.prod(shape[:-2]))

    def uniform(scale, n):
        limit = np.sqrt(3 * scale / n)
        return stats.uniform(-limit, 2 * limit)

    def truncated(scale, n):
        stddev = np.sqrt(scale / n) / 0.87962566103423978
        return stats.truncnorm(-2, 2, 0, stddev)

    average = (fan_in + fan_out) / 2
    return {
        "RandomNormal": stats.norm(0, 0.05), "TruncatedNormal": stats.truncnorm(-2, 2, 0, 0.05),
        "RandomUniform": stats.uniform(-0.05, 0.1), "VarianceScaling": truncated(1, fan_in),
        "GlorotUniform": uniform(1, average), "GlorotNormal": truncated(1, average), "HeUniform": uniform(2, fan_in),
        "HeNormal": truncated(2, fan_in), "LecunUniform": uniform(1, fan_in), "LecunNormal": truncated(1, fan_in),
    }  # fmt: skip


@pytest.mark.parametrize("shape", [(100, 80), (3, 3, 20, 40)])
def test_laws(shape):
    for name, law in laws(shape).items():
        x = getattr(initializers, name)(seed=3)(shape)
        assert x.dtype == "float32"
        assert stats.kstest(x.ravel(), law.cdf).pvalue > 1e-4, name
        assert abs(x.std() / law.std() - 1) < 0.05, name


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_scaling(mode, distribution):
    shape, fans = (5, 40, 60), {"fan_in": 200, "fan_out": 300, "fan_avg": 250}
    x = initializers.VarianceScaling(2.0, mode, distribution, seed=1)(shape)
    assert x.var() == pytest.approx(2 / fans[mode], rel=0.05)
    axes = initializers.VarianceScaling(2.0, mode, distribution, seed=1, input_axes=(0, 1), output_axes=(-1,))
    fans = {"fan_in": 200, "fan_out": 60, "fan_avg": 130}
    assert axes(shape).var() == pytest.approx(2 / fans[mode], rel=0.05)


def test_fans():
    assert initializers.compute_fans(()) == (1, 1)
    assert initializers.compute_fans((7,)) == (7, 7)
    assert initializers.compute_fans((2, 3)) == (2, 3)
    assert initializers.compute_fans((5, 6, 2, 3)) == (60, 90)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 5, 7), (5, 5)])
def test_orthogonal(shape):
    x = initializers.Orthogonal(gain=2.0, seed=4)(shape, dtype="float64").reshape(-1, shape[-1])
    short = x.T @ x if x.shape[0] >= x.shape[1] else x @ x.T
    np.testing.assert_allclose(short, 4 * np.eye(len(short)), atol=1e-12)


def test_orthogonal_matrices_are_spread_evenly():
    """Entries of Haar-distributed matrices have mean 0 and variance 1 / n; a QR without its signs mended has a bias."""
    x = np.array([initializers.Orthogonal(seed=k)((4, 4)) for k in range(2000)])
    assert np.abs(x.mean(axis=0)).max() < 5 * 0.5 / np.sqrt(2000)
    assert np.abs(x.var(axis=0) - 0.25).max() < 0.04


def test_seeds():
    for kind in RANDOM:
        once, twice = kind(seed=7), kind(seed=7)
        np.testing.assert_array_equal(once((4, 3)), twice((4, 3)))
        np.testing.assert_array_equal(once((4, 3)), once.clone()((4, 3)))
        assert not np.array_equal(once((4, 3)), kind(seed=8)((4, 3)))
        free = kind()
        np.testing.assert_array_equal(free((4, 3)), free((4, 3)))
        assert not np.array_equal(free((4, 3)), kind()((4, 3)))
        moving = kind(seed=random.SeedGenerator(7))
        first, second = moving((4, 3)), moving((4, 3))
        np.testing.assert_array_equal(first, once((4, 3)))
        assert not np.array_equal(first, second)
        again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(moving))))
        np.testing.assert_array_equal(again((4, 3)), first)
        with pytest.raises(ValueError, match="`seed` must be an integer, a `SeedGenerator` or None, got 'a'"):
            kind(seed="a")


@pytest.mark.parametrize("kind", RANDOM)
def test_float64_has_more_random_digits_than_float32(kind):
    """Not float32 numbers written wider: those have 29 zero bits at their end."""
    words = kind(seed=3)((8, 8), dtype="float64").view("uint64")
    assert np.any(words & np.uint64(2**29 - 1))
    if kind is initializers.RandomUniform:  # nearly equal, as the same stream's first 24 bits come first
        wide, narrow = (initializers.RandomUniform(0.0, 1.0, seed=3)((64,), dtype=dtype) for dtype in ("float64", "float32"))
        assert 0 < np.abs(wide - narrow).max() <= 2.0**-24


def test_a_seed_gives_every_engine_the_same_weights(engine):
    layer = layers.Dense(5, kernel_initializer=initializers.GlorotNormal(seed=3))
    layer.build((None, 4))
    np.testing.assert_array_equal(layer.kernel.numpy(), initializers.GlorotNormal(seed=3)((4, 5)))


def test_constants():
    assert initializers.Zeros()((2, 3), dtype="int32").dtype == "int32"
    assert initializers.Ones()((2,)).tolist() == [1, 1]
    assert initializers.Constant(3)((2,)).tolist() == [3, 3]
    assert initializers.Constant([1.0, 2.0])((2, 2)).tolist() == [[1, 2], [1, 2]]
    assert initializers.Identity(2.0)((2, 3)).tolist() == [[2, 0, 0], [0, 2, 0]]
    values = initializers.Constant(np.array([1.0, 2.0]))
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(values))))
    assert again((2,)).tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"Constant: a value of shape \(2,\) does not fit shape=\(3,\)"):
        values((3,))
    with pytest.raises(ValueError, match=r"Identity makes matrices only, not shape=\(2, 3, 4\)"):
        initializers.Identity()((2, 3, 4))


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "bartlett", "boxcar"])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
def test_stft(window, periodic, scaling):
    length, frequencies = 6, 9
    w = signal.get_window(window, length, fftbins=periodic)
    w = w / {"density": np.sqrt((w**2).sum()), "spectrum": w.sum(), None: 1.0}[scaling]
    spectrum = np.fft.rfft(np.diag(w), n=2 * (frequencies - 1), axis=1)
    for side, wanted in (("real", spectrum.real), ("imag", spectrum.imag)):
        x = initializers.STFT(side, window, scaling, periodic)((length, 1, frequencies), dtype="float64")
        np.testing.assert_allclose(x[:, 0], wanted, atol=1e-12)


def test_stft_windows_of_ones_own_and_errors():
    own = np.arange(1.0, 5.0)
    x = initializers.STFT(window=own, scaling=None)((4, 1, 3))
    np.testing.assert_array_equal(x[:, 0, 0], own)
    np.testing.assert_array_equal(initializers.STFT(window=None)((4, 1, 3))[:, 0, 0], np.ones(4))
    with pytest.raises(ValueError, match=r"the window has the shape \(4,\), the kernels are 5 long"):
        initializers.STFT(window=own)((5, 1, 3))
    with pytest.raises(ValueError, match=r"kernels of shape \(window length, 1, frequencies\), not \(4, 3\)"):
        initializers.STFT()((4, 3))
    for wrong in ({"side": "left"}, {"window": "nosuch"}, {"scaling": "l3"}):
        with pytest.raises(ValueError, match=f"STFT: .*`{next(iter(wrong))}`"):
            initializers.STFT(**wrong)


def test_dtypes():
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        for kind in ALL:
            shape = (4, 1, 3) if kind is initializers.STFT else (4, 3)
            assert kind()(shape, dtype=dtype).dtype.name == dtype
    x = initializers.RandomUniform(1.0, 2.0, seed=1)((1 << 14,), dtype="bfloat16").astype("float32")
    assert x.max() < 2
    assert x.min() >= 1


def test_wrong_arguments():
    for wrong in ({"scale": 0.0}, {"scale": -1.0}, {"mode": "fan"}, {"distribution": "cauchy"}):
        with pytest.raises(ValueError, match=f"`{next(iter(wrong))}`"):
            initializers.VarianceScaling(**wrong)
    with pytest.raises(ValueError, match="Orthogonal needs at least two dimensions"):
        initializers.Orthogonal()((3,))


def test_get():
    assert isinstance(initializers.get("glorot_uniform"), initializers.GlorotUniform)
    assert isinstance(initializers.get("GlorotUniform"), initializers.GlorotUniform)
    assert isinstance(initializers.get("IdentityInitializer"), initializers.Identity)
    assert isinstance(initializers.get(initializers.Zeros), initializers.Zeros)
    assert initializers.get({"class_name": "Constant", "config": {"value": 2.0}})((1,)).tolist() == [2]
    assert initializers.get(None) is None
    assert initializers.get(np.eye(2))((2, 2)).tolist() == [[1, 0], [0, 1]]
    for bad in ("nosuch", 3, {"class_name": "Nosuch"}):
        with pytest.raises(ValueError, match="nitializer"):
            initializers.get(bad)


def test_ones_own():
    class Sevens(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 7, dtype)

    config = initializers.serialize(Sevens())
    assert config["registered_name"] == "Sevens"
    assert isinstance(initializers.deserialize(config, custom_objects={"Sevens": Sevens}), Sevens)
    with cornu.engine("numpy"):
        layer = layers.Dense(2, kernel_initializer=lambda shape, dtype=None: np.full(shape, 5, dtype), bias_initializer=Sevens())
        assert layer(np.ones((1, 1), "float32")).tolist() == [[12, 12]]
    with pytest.raises(NotImplementedError, match="must implement __call__"):
        initializers.Initializer()((2,))
