"""Seeds: of the process, of generators; what follows from them."""

from __future__ import annotations

import numpy as np
import pytest

import cornu
from cornu import random
from cornu.utils import set_random_seed


def numbers(engine, x):
    return np.asarray(engine.to_numpy(x))


def test_an_integer_always_gives_the_same_and_a_generator_moves_on(engine):
    one, two = (numbers(engine, random.uniform((5,), seed=3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    generator = random.SeedGenerator(3)
    first, second = (numbers(engine, random.uniform((5,), seed=generator)) for _ in range(2))
    np.testing.assert_array_equal(first, one)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(generator.state.numpy(), [3, 2])
    again = random.SeedGenerator.from_config(generator.get_config())
    np.testing.assert_array_equal(numbers(engine, random.uniform((5,), seed=again)), first)


def test_without_a_seed_the_processs_generator_moves_on(engine):
    set_random_seed(7)
    first = [numbers(engine, random.normal((4,))) for _ in range(2)]
    assert not np.array_equal(*first)
    set_random_seed(7)
    np.testing.assert_array_equal([numbers(engine, random.normal((4,))) for _ in range(2)], first)


def test_every_engine_gives_the_same_numbers_after_a_seed(engine):
    def drawn(on):
        set_random_seed(9)
        return [numbers(on, random.uniform((4,))) for _ in range(2)]

    found = drawn(engine)
    with cornu.engine("numpy") as reference:
        np.testing.assert_array_equal(found, drawn(reference))


def test_generators_without_a_seed_differ_and_follow_from_the_processs():
    set_random_seed(5)
    seeds = [random.SeedGenerator().seed for _ in range(100)]
    assert len(set(seeds)) == 100
    set_random_seed(5)
    assert [random.SeedGenerator().seed for _ in range(100)] == seeds
    set_random_seed(6)
    assert random.SeedGenerator().seed not in seeds


def test_seeds_are_no_draws_of_the_processs_generator():
    set_random_seed(5)
    seeds = {random.next_seed() for _ in range(50)}
    draws = {int(random.bits_numpy(5, counter, 1)[0]) for counter in range(60)}
    assert not seeds & draws


def test_large_and_negative_seeds():
    seeds = [0, 1, -1, -2, 2**31, 2**32, 2**32 + 1, 2**64, 2**64 + 1, 2**96, -(2**40), 3 * 2**32]
    with cornu.engine("numpy"):
        rows = {tuple(np.asarray(random.uniform((4,), seed=seed)).tolist()) for seed in seeds}
        assert len(rows) == len(seeds)
        with pytest.raises(ValueError, match="seed must be an integer"):
            random.SeedGenerator(1.5)


def test_inside_compiled_functions_a_generator_moves_on(engine):
    generator = random.SeedGenerator(3)
    run = engine.compile(lambda: [random.uniform((5,), seed=generator)], [])
    first, second = (numbers(engine, run()[0]).copy() for _ in range(2))
    np.testing.assert_array_equal(first, numbers(engine, random.uniform((5,), seed=3)))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(generator.state.numpy(), [3, 2])


@pytest.mark.parametrize("seed", ["a", 1.5, (1, 2, 3), np.zeros((3,), "int32")])
def test_what_is_no_seed(seed):
    with pytest.raises(ValueError, match="`seed` must be an integer, a `SeedGenerator` or None"):
        random.uniform((2,), seed=seed)


def test_process_seed_is_checked():
    for bad in (-1, 1.5, None, True, "1"):
        with pytest.raises(ValueError, match="seed must be an integer"):
            set_random_seed(bad)
    with pytest.raises(TypeError, match="unexpected arguments: sed"):
        random.SeedGenerator(sed=1)


def test_permutation():
    set_random_seed(1)
    orders = np.array([random.permutation(6) for _ in range(3000)])
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.broadcast_to(np.arange(6), orders.shape))
    for place in range(6):
        assert np.abs(np.bincount(orders[:, place], minlength=6) - 500).max() < 5 * np.sqrt(500)
    assert sorted(random.permutation(70_000)) == list(range(70_000))
    assert random.permutation(0).tolist() == []
