"""Random bits: a 32-bit hash of each element's index, keyed by the stream.

A stream is a pair (seed, counter), and `draw` tells several uses of one pair apart. From these come two words `first` and
`second`, different pairs giving different words; element i is the multiply-xorshift hash "lowbias32" of C. Wellons
(https://nullprogram.com/blog/2018/07/31/) of `first + i * (second | 1)`. With a stride of its own no stream is a shifted copy
of another. It stands here twice: for the host in NumPy's uint32, for engines in wrapping int32 primitives.

Within one draw no 32-bit word comes twice before 2**32 elements (the hash is a bijection); the 24 bits that a float32
takes do repeat.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.op import op

M1, M2, GOLDEN = 0x7FEB352D, 0x846CA68B, 0x9E3779B9
LOW_WORD = 2**16  # of a 64-bit draw: the second word's `draw`, far above those of first words


def wide(dtype: str) -> str:
    """The dtype in which floats are drawn: float64 for itself, float32 for the others."""
    return dtype if dtype == "float64" else "float32"


def signed(value: int) -> int:
    """The int32 with the lower 32 bits of `value`."""
    value &= 0xFFFFFFFF
    return value - 2**32 if value >= 2**31 else value


def _mix_numpy(x: np.ndarray) -> np.ndarray:
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(M1)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(M2)
    return x ^ (x >> np.uint32(16))


def bits_numpy(seed: int, counter: int, size: int, draw: int = 0) -> np.ndarray:
    """`size` random uint32 of the stream (seed, counter), computed with NumPy.

    draw: an int that tells several uses of one pair apart.

    Raises:
        ValueError: for a size of 2**31 or more.
    """
    if size >= 2**31:
        raise ValueError(f"One draw has at most 2**31 - 1 numbers, not {size}.")

    def word(value: int) -> np.ndarray:
        return np.array(value & 0xFFFFFFFF, "uint32")

    with np.errstate(over="ignore"):
        first = _mix_numpy(word(seed) ^ _mix_numpy(word(counter) + word(GOLDEN * (draw + 1))))
        second = _mix_numpy(first + word(seed + GOLDEN))
        return _mix_numpy(np.arange(size, dtype="uint32") * (second | np.uint32(1)) + first)


def shifted(x: Any, places: int) -> Any:
    """Logical shift right of int32."""
    return P.bitwise_and(P.right_shift(x, places), (1 << (32 - places)) - 1)


def _mix(x: Any) -> Any:
    x = P.multiply(P.bitwise_xor(x, shifted(x, 16)), M1)
    x = P.multiply(P.bitwise_xor(x, shifted(x, 15)), signed(M2))
    return P.bitwise_xor(x, shifted(x, 16))


@op
def random_bits(stream, shape, draw=0):
    """32 random bits per element, as int32 of `shape`, of the stream (an int32 pair of seed and counter).

    draw: an int, or int32 scalar, that tells several uses of one pair apart.

    Raises:
        ValueError: for 2**31 elements or more.
    """
    size = math.prod(shape)
    if size >= 2**31:
        raise ValueError(f"One draw has at most 2**31 - 1 numbers, not {size}.")
    seed, counter = P.slice(stream, start=(0,), limit=(1,), strides=(1,)), P.slice(stream, start=(1,), limit=(2,), strides=(1,))
    use = signed(GOLDEN * (draw + 1)) if isinstance(draw, int) else P.multiply(P.add(draw, 1), signed(GOLDEN))
    first = _mix(P.bitwise_xor(seed, _mix(P.add(counter, use))))
    second = _mix(P.add(first, P.add(seed, signed(GOLDEN))))
    index = P.iota(shape=(size,), axis=0, dtype="int32")
    return P.reshape(_mix(P.add(P.multiply(index, P.bitwise_or(second, 1)), first)), shape=tuple(shape))
