"""Random bits: the same on every engine, and statistically sound. Fixed seeds; thresholds of about five standard deviations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cornu.random import bits_numpy, random_bits

N = 1 << 16
STREAMS = [(0, 0), (1, 0), (0, 1), (12345, 678), (2**32 - 1, 2**32 - 1)]


def on(engine, seed, counter, shape, draw=0):
    stream = np.array([seed, counter], "uint32").view("int32")
    return np.asarray(engine.to_numpy(random_bits(stream, shape, draw))).view("uint32")


def bits_of(words):
    """(32, size) of 0 and 1, the lowest bit first."""
    return (words >> np.arange(32, dtype="uint32")[:, None]) & np.uint32(1)


def centred(words):
    """Numbers with mean 0 and variance 1."""
    return (words / 2.0**32 - 0.5) * np.sqrt(12)


@pytest.mark.parametrize("draw", [0, 1, 7, 2**16])
def test_the_same_on_every_engine_and_on_the_host(engine, draw):
    for seed, counter in STREAMS:
        np.testing.assert_array_equal(on(engine, seed, counter, (3, 5, 7), draw).ravel(), bits_numpy(seed, counter, 105, draw))


def test_a_draw_that_only_the_running_program_knows(engine):
    np.testing.assert_array_equal(on(engine, 3, 4, (9,), engine.asarray(np.array(5, "int32"))), bits_numpy(3, 4, 9, 5))


def test_they_do_not_change_between_versions():
    assert bits_numpy(1, 2, 3).tolist() == [2354614275, 1569597239, 24703005]


def test_a_longer_draw_begins_like_a_shorter_one():
    np.testing.assert_array_equal(bits_numpy(8, 9, 100)[:10], bits_numpy(8, 9, 10))


def test_nothing_and_too_much(engine):
    assert on(engine, 1, 1, (0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match="at most"):
        random_bits(np.zeros(2, "int32"), (2**16, 2**16))
    with pytest.raises(ValueError, match="at most"):
        bits_numpy(0, 0, 2**31)


@pytest.mark.parametrize("seed, counter", STREAMS)
def test_uniformity(seed, counter):
    words = bits_numpy(seed, counter, N)
    assert stats.kstest(words / 2.0**32, "uniform").pvalue > 1e-5
    for places in (24, 12, 0):  # the upper, middle and lower bits
        assert stats.chisquare(np.bincount(words >> np.uint32(places) & np.uint32(255), minlength=256)).pvalue > 1e-5


@pytest.mark.parametrize("seed, counter", STREAMS)
def test_bit_balance_and_serial_correlation(seed, counter):
    words = bits_numpy(seed, counter, N)
    assert np.abs(bits_of(words).mean(axis=1) - 0.5).max() < 5 * 0.5 / np.sqrt(N)
    x = centred(words)
    for lag in (1, 2, 3, 8, 64, 1024):
        assert abs(np.mean(x[lag:] * x[:-lag])) < 5 / np.sqrt(N - lag), lag


def test_consecutive_triples_fill_the_cube():
    cells = (bits_numpy(3, 1, 3 << 19) >> np.uint32(27)).reshape(-1, 3) @ np.array([1024, 32, 1], "uint32")
    assert stats.chisquare(np.bincount(cells, minlength=32**3)).pvalue > 1e-5


def test_z_scores_over_many_streams_are_normal():
    """The means of many streams scatter as those of independent ones: neither too much nor too little."""
    means = [centred(bits_numpy(seed, counter, 1024)).mean() * 32 for seed in range(40) for counter in range(50)]
    assert stats.kstest(means, "norm").pvalue > 1e-4


@pytest.mark.parametrize("what", ["seed", "counter", "draw"])
def test_neighbouring_streams_are_independent(what):
    size = 1 << 14
    for k in range(50):
        a = bits_numpy(k, 7, size)
        b = bits_numpy(k + (what == "seed"), 7 + (what == "counter"), size, int(what == "draw"))
        assert abs(np.mean(centred(a) * centred(b))) < 5 / np.sqrt(size)
        flipped = bits_of(a ^ b).mean(axis=1)  # half of each bit, or an observer could tell
        assert np.abs(flipped - 0.5).max() < 5.5 * 0.5 / np.sqrt(size)


@pytest.mark.parametrize("what", ["seed", "counter"])
def test_avalanche(what):
    """Any bit of the key flips each bit of the result half of the time."""
    count = 4096
    for bit in range(32):
        changed = np.zeros(32)
        for k in range(count // 64):
            seed, counter = (k ^ (1 << bit), 5) if what == "seed" else (5, k ^ (1 << bit))
            old = bits_numpy(*((k, 5) if what == "seed" else (5, k)), 64)
            changed += bits_of(old ^ bits_numpy(seed, counter, 64)).sum(axis=1)
        assert np.abs(changed / count - 0.5).max() < 5.5 * 0.5 / np.sqrt(count), bit


def test_avalanche_of_the_index():
    words = bits_numpy(11, 13, N)
    for bit in range(15):
        flipped = bits_of(words ^ words[np.arange(N) ^ (1 << bit)]).mean(axis=1)
        assert np.abs(flipped - 0.5).max() < 6 * 0.5 / np.sqrt(N / 2), bit


def test_streams_do_not_collide():
    """Birthdays: pairs of first words of 2**17 streams repeat as seldom as 64 random bits, first words as often as 32."""
    streams = [bits_numpy(seed, counter, 2) for seed in range(256) for counter in range(512)]
    pairs = np.array(streams).astype("uint64")
    assert len(np.unique(pairs[:, 0] << np.uint64(32) | pairs[:, 1])) == len(pairs)
    expected = len(pairs) ** 2 / 2 / 2**32  # two
    assert len(pairs) - len(np.unique(pairs[:, 0])) <= expected + 5 * np.sqrt(expected)


def test_no_stream_is_a_shifted_copy_of_another():
    """Windows of many streams share values as often as independent ones would, and never two values at the same distance."""
    size, count = 4096, 64
    where: dict[int, list[tuple[int, int]]] = {}
    for counter in range(count):
        for i, word in enumerate(bits_numpy(21, counter, size).tolist()):
            where.setdefault(word, []).append((counter, i))
    shared = [tuple(spots) for spots in where.values() if len(spots) > 1]
    expected = (size * count) ** 2 / 2 / 2**32
    assert len(shared) < expected + 6 * np.sqrt(expected)
    distances = [(a[0], b[0], b[1] - a[1]) for a, b, *_ in shared]
    assert len(set(distances)) == len(distances)


def test_birthdays_within_a_stream():
    """As many repetitions among the 24 bits that a float takes as chance gives."""
    words = bits_numpy(2, 2, 1 << 18) >> np.uint32(8)
    expected = (1 << 18) + 2**24 * np.expm1(-(2**18) / 2**24)
    assert abs((1 << 18) - len(np.unique(words)) - expected) < 5 * np.sqrt(expected)
