"""Random numbers that are the same on every engine: pure functions of a stream (seed, counter), written in integer primitives."""

from cornu.random.bits import bits_numpy, random_bits
from cornu.random.distributions import categorical, dropout, normal, randint, shuffle, truncated_normal, uniform
from cornu.random.host import normal_numpy, truncated_normal_numpy, uniform_numpy
from cornu.random.rejection import beta, binomial, gamma
from cornu.random.seeds import SeedGenerator, next_seed, permutation, set_seed

__all__ = [
    "SeedGenerator", "beta", "binomial", "bits_numpy", "categorical", "dropout", "gamma", "next_seed", "normal", "normal_numpy",
    "permutation", "randint", "random_bits", "set_seed", "shuffle", "truncated_normal", "truncated_normal_numpy", "uniform",
    "uniform_numpy",
]  # fmt: skip
