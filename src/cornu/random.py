"""Random numbers that are the same on every engine.

A stream is a pair (seed, counter). Element i of a draw is a 32-bit hash of i keyed by the pair: the multiply-xorshift hash
"lowbias32" of C. Wellons (https://nullprogram.com/blog/2018/07/31/), with a second key mixed in half way, so that no stream is a
shifted copy of another. It is written in wrapping int32 primitives; `bits_numpy` is the same function for work on the host.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from cornu import config, context
from cornu import primitives as P
from cornu.contract import state
from cornu.ops.op import op
from cornu.primitives import dtypes as dt
from cornu.variable import Variable

M1, M2, GOLDEN = 0x7FEB352D, 0x846CA68B, 0x9E3779B9


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - 2**32 if value >= 2**31 else value


# On the host


def _mix_numpy(x: np.ndarray, key: Any = 0) -> np.ndarray:
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(M1)
    x = x ^ key
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(M2)
    return x ^ (x >> np.uint32(16))


def bits_numpy(seed: int, counter: int, size: int, draw: int = 0) -> np.ndarray:
    """`size` random uint32 of the stream (seed, counter), computed with NumPy. `draw` tells several uses of one pair apart."""
    if size >= 2**32:
        raise ValueError(f"One draw has at most 2**32 - 1 numbers, not {size}.")
    with np.errstate(over="ignore"):
        word = lambda v: np.array(v & 0xFFFFFFFF, "uint32")  # noqa: E731
        first = _mix_numpy(word(seed) ^ _mix_numpy(word(counter) + word(GOLDEN * (draw + 1))))
        second = _mix_numpy(first + word(GOLDEN))
        return _mix_numpy(np.arange(size, dtype="uint32") + first, second)


def uniform_numpy(seed: int, counter: int, shape: Any, draw: int = 0) -> np.ndarray:
    """float32 in [0, 1) on the host, the same numbers as `uniform`."""
    bits = bits_numpy(seed, counter, math.prod(shape), draw)
    return ((bits >> np.uint32(8)).astype("float32") * np.float32(2**-24)).reshape(shape)


def normal_numpy(seed: int, counter: int, shape: Any, draw: int = 0) -> np.ndarray:
    """Standard normal float32 on the host (Box and Muller, 1958)."""
    u1 = 1 - uniform_numpy(seed, counter, shape, 2 * draw).astype("float64")
    u2 = uniform_numpy(seed, counter, shape, 2 * draw + 1).astype("float64")
    return (np.sqrt(-2 * np.log(u1)) * np.cos(2 * np.pi * u2)).astype("float32")


def truncated_normal_numpy(seed: int, counter: int, shape: Any) -> np.ndarray:
    """Standard normal float32 within two standard deviations, on the host: values outside are drawn again."""
    values = normal_numpy(seed, counter, shape)
    for draw in range(1, 16):
        outside = np.abs(values) > 2
        if not outside.any():
            return values
        values = np.where(outside, normal_numpy(seed, counter, shape, draw), values)
    return np.clip(values, -2, 2)


class _Global:
    """The process's seed, how often it was asked for a new one, and the generator of draws without a seed, per engine."""

    seed = int.from_bytes(os.urandom(4), "little")
    count = 0
    generators: dict[str, SeedGenerator] = {}


def set_seed(seed: int) -> None:
    """Make all that follows reproducible: initial weights, dropout, shuffles. (Keras: `utils.set_random_seed`.)"""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer that is not negative, got {seed!r}.")
    _Global.seed, _Global.count = int(seed), 0
    _Global.generators.clear()


def next_seed() -> int:
    """A new seed that follows from the process's."""
    _Global.count += 1
    return int(bits_numpy(_Global.seed, _Global.count, 1)[0])


def permutation(count: int) -> np.ndarray:
    """A random order of `count` things, on the host."""
    seed = next_seed()
    if count < 2**16:
        return np.argsort(bits_numpy(seed, 0, count), kind="stable")
    keys = bits_numpy(seed, 0, count).astype("uint64") << np.uint64(32) | bits_numpy(seed, 1, count)
    return np.argsort(keys, kind="stable")


class SeedGenerator:
    """A stream of random draws; each use moves its counter.

    Args:
        seed: an integer; None takes the next of the process (see `set_seed`).
        name: of the generator.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise TypeError(f"SeedGenerator got unexpected arguments: {', '.join(kwargs)}.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
            raise ValueError(f"seed must be an integer or None, got {seed!r}.")
        self.name = name or "seed_generator"
        self.seed = next_seed() if seed is None else int(seed)
        first = np.array([self.seed & 0xFFFFFFFF, 0], "uint32")
        self.state = Variable(first, trainable=False, autocast=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """The present (seed, counter), a uint32 tensor; moves the counter."""
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


def _stream(seed: Any) -> Any:
    """(seed, counter) as an int32 tensor."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        engine = context.current().host
        if engine.name not in _Global.generators:
            with state.no_scope():
                _Global.generators[engine.name] = SeedGenerator(_Global.seed)
        return _Global.generators[engine.name].next()
    if isinstance(seed, (int, np.integer)):
        return np.array([_signed(int(seed)), 0], "int32")
    return P.bitcast(seed, dtype="int32") if dt.name_of(seed.dtype) == "uint32" else P.cast(seed, dtype="int32")


def _shifted(x: Any, places: int) -> Any:
    """Logical shift right of int32."""
    return P.bitwise_and(P.right_shift(x, places), (1 << (32 - places)) - 1)


def _mix(x: Any, key: Any = None) -> Any:
    x = P.multiply(P.bitwise_xor(x, _shifted(x, 16)), M1)
    x = x if key is None else P.bitwise_xor(x, key)
    x = P.multiply(P.bitwise_xor(x, _shifted(x, 15)), _signed(M2))
    return P.bitwise_xor(x, _shifted(x, 16))


@op
def random_bits(stream, shape, draw=0):
    """32 random bits per element, as int32, of the stream (an int32 pair of seed and counter)."""
    size = math.prod(shape)
    if size >= 2**31:
        raise ValueError(f"One draw has at most 2**31 - 1 numbers, not {size}.")
    seed, counter = P.slice(stream, start=(0,), limit=(1,), strides=(1,)), P.slice(stream, start=(1,), limit=(2,), strides=(1,))
    first = _mix(P.bitwise_xor(seed, _mix(P.add(counter, _signed(GOLDEN * (draw + 1))))))
    second = _mix(P.add(first, _signed(GOLDEN)))
    index = P.iota(shape=(size,), axis=0, dtype="int32")
    return P.reshape(_mix(P.add(index, first), second), shape=tuple(shape))


def _unit(bits: Any, dtype: str) -> Any:
    """[0, 1) from the upper 24 bits."""
    wide = dtype if dtype in ("float32", "float64") else "float32"
    return P.multiply(P.cast(_shifted(bits, 8), dtype=wide), 2.0**-24)


def _floats(dtype: Any) -> str:
    name = dt.name_of(dtype) if dtype is not None else config.floatx()
    if not dt.is_float(name):
        raise ValueError(f"Random floats need a float dtype, got {name!r}.")
    return name


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniform numbers in [minval, maxval).

    Args:
        shape: of the result. minval, maxval: bounds. dtype: float, `floatx()` by default.
        seed: an int (always the same numbers), a SeedGenerator (moves on), or None (the process's generator).
    """
    name = _floats(dtype)
    unit = _unit(random_bits(_stream(seed), tuple(shape)), name)
    return P.cast(P.add(P.multiply(unit, maxval - minval), minval), dtype=name)


def _standard_normal(stream: Any, shape: Any, name: str, draw: int = 0) -> Any:
    u1 = P.subtract(1, _unit(random_bits(stream, shape, 2 * draw), name))
    u2 = _unit(random_bits(stream, shape, 2 * draw + 1), name)
    return P.multiply(P.sqrt(P.multiply(P.log(u1), -2.0)), P.cos(P.multiply(u2, 2 * math.pi)))


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers (Box and Muller, 1958). Arguments as in `uniform`."""
    name = _floats(dtype)
    return P.cast(P.add(P.multiply(_standard_normal(_stream(seed), tuple(shape), name), stddev), mean), dtype=name)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers within two standard deviations of the mean; those outside are drawn again."""
    name, stream = _floats(dtype), _stream(seed)
    values = _standard_normal(stream, tuple(shape), name)
    for draw in range(1, 6):
        values = P.where(P.greater(P.abs(values), 2), _standard_normal(stream, tuple(shape), name, draw), values)
    values = P.minimum(P.maximum(values, -2), 2)
    return P.cast(P.add(P.multiply(values, stddev), mean), dtype=name)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers in [minval, maxval)."""
    unit = _unit(random_bits(_stream(seed), tuple(shape)), "float64")
    return P.cast(P.add(P.floor(P.multiply(unit, float(maxval - minval))), float(minval)), dtype=dt.name_of(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Each element zeroed with probability `rate`, the others scaled by 1 / (1 - rate) (Srivastava et al., 2014)."""
    shape = tuple(inputs.shape) if noise_shape is None else tuple(
        n if k is None else k for k, n in zip(noise_shape, inputs.shape, strict=True)
    )
    bits = random_bits(_stream(seed), shape)
    keep = P.greater_equal(bits, min(round(rate * 2**32) - 2**31, 2**31 - 1))
    return P.where(keep, P.multiply(inputs, 1 / (1 - rate)), 0)
