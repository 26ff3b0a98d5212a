"""Seeds: that of the process, and streams of draws that follow from one."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from cornu import context
from cornu import primitives as P
from cornu.contract import state
from cornu.primitives import dtypes as dt
from cornu.random.bits import bits_numpy, signed
from cornu.variable import Variable


class _Global:
    """The process's seed, how often it was asked for a new one, and the generator of draws without a seed, per engine."""

    seed = int.from_bytes(os.urandom(4), "little")
    count = 0
    generators: dict[str, SeedGenerator] = {}


def set_seed(seed: int) -> None:
    """Let all draws from now on follow from `seed`, an int that is not negative: initial weights, dropout, shuffles.

    (Keras: `utils.set_random_seed`.)

    Raises:
        ValueError: for another seed.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer that is not negative, got {seed!r}.")
    _Global.seed, _Global.count = int(seed), 0
    _Global.generators.clear()


def next_seed() -> int:
    """A new seed that follows from the process's."""
    _Global.count += 1
    return int(bits_numpy(_Global.seed, _Global.count, 1, draw=-1)[0])  # a draw that the process's generator never uses


def permutation(count: int) -> np.ndarray:
    """A random order of `count` things, on the host."""
    seed = next_seed()
    if count < 2**16:
        return np.argsort(bits_numpy(seed, 0, count), kind="stable")
    keys = bits_numpy(seed, 0, count).astype("uint64") << np.uint64(32) | bits_numpy(seed, 1, count)
    return np.argsort(keys, kind="stable")


class SeedState(Variable):
    """The seed and the counter of a `SeedGenerator`."""


class SeedGenerator:
    """A stream of random draws; each use moves its counter.

    Args:
        seed: an integer; None takes the next of the process (see `set_seed`).
        name: of the generator.
        kwargs: none is known.

    Raises:
        ValueError: for a seed that is no integer. TypeError: for other arguments.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise TypeError(f"SeedGenerator got unexpected arguments: {', '.join(kwargs)}.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
            raise ValueError(f"seed must be an integer or None, got {seed!r}.")
        self.name = name or "seed_generator"
        self.seed = next_seed() if seed is None else int(seed)
        first = np.array([_fold(self.seed), 0], "uint32")
        self.state = SeedState(first, trainable=False, autocast=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """The present (seed, counter), a uint32 tensor; moves the counter. ordered: accepted for Keras, no effect."""
        now = P.bitcast(self.state, dtype="int32")
        self.state.assign(P.bitcast(P.add(now, np.array([0, 1], "int32")), dtype="uint32"))
        return now

    def get_config(self) -> dict[str, Any]:
        """What rebuilds it."""
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator from its config."""
        return cls(**config)


def _fold(seed: int) -> int:
    """32 bits of a seed of any size, which those above change too."""
    high = seed >> 32
    return (seed ^ int(bits_numpy(_fold(high), 0, 1, draw=-2)[0]) if high not in (0, -1) else seed) & 0xFFFFFFFF


def stream_of(seed: Any) -> Any:
    """(seed, counter) as an int32 tensor: of an int, a SeedGenerator (which moves on), None (the process's), or such a pair.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        engine = context.current().host
        if engine.name not in _Global.generators:
            with state.no_scope():
                _Global.generators[engine.name] = SeedGenerator(_Global.seed)
        return _Global.generators[engine.name].next()
    if isinstance(seed, (int, np.integer)):
        return np.array([signed(_fold(int(seed))), 0], "int32")
    if tuple(getattr(seed, "shape", ())) != (2,):
        raise ValueError(f"`seed` must be an integer, a `SeedGenerator` or None, got {seed!r}.")
    return P.bitcast(seed, dtype="int32") if dt.name_of(seed.dtype) == "uint32" else P.cast(seed, dtype="int32")
