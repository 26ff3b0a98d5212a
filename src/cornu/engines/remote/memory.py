"""Memory shared with a worker: chunks of anonymous memory, cut into blocks.

The chunks have no name in any file system (`memfd_create`), so nothing is left behind however the processes end.
"""

from __future__ import annotations

import math
import mmap
import os
from typing import Any

import numpy as np

from cornu.engines.remote.worker.wire import CHUNK_BITS

CHUNK = 1 << 22
ALIGNMENT = 64


class Memory:
    """Gives out blocks and takes them back. chunks: (descriptor, size) of each, in order."""

    def __init__(self) -> None:
        self.chunks: list[tuple[int, int]] = []
        self._maps: list[mmap.mmap] = []
        self._end = self._left = 0
        self._free: dict[int, list[int]] = {}

    def block(self, nbytes: int) -> Block:
        """A block of at least so many bytes."""
        size = _rounded(nbytes)
        free = self._free.setdefault(size, [])
        return Block(self, free.pop() if free else self._new(size), size)

    def _new(self, size: int) -> int:
        if size > self._left:
            total = max(CHUNK, size)
            descriptor = os.memfd_create("cornu", os.MFD_CLOEXEC)
            os.ftruncate(descriptor, total)
            self._maps.append(mmap.mmap(descriptor, total))
            self._end, self._left = len(self.chunks) << CHUNK_BITS, total
            self.chunks.append((descriptor, total))
        address = self._end
        self._end, self._left = self._end + size, self._left - size
        return address

    def view(self, address: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """The array at an address."""
        chunk, offset = address >> CHUNK_BITS, address & ((1 << CHUNK_BITS) - 1)
        return np.frombuffer(self._maps[chunk], dtype, math.prod(shape), offset).reshape(shape)

    def release(self, address: int, size: int) -> None:
        """Take a block back; the next of its size gets it."""
        self._free[size].append(address)

    def close(self) -> None:
        """Close the descriptors; the memory goes when the last array in it does."""
        for descriptor, _ in self.chunks:
            os.close(descriptor)
        self.chunks = []


class Block:
    """A piece of shared memory, given back when the last reference to this object goes. Arrays from `view` don't count."""

    def __init__(self, memory: Memory, address: int, size: int) -> None:
        self.memory, self.address, self.size = memory, address, size

    def view(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        """The block as an array."""
        return self.memory.view(self.address, shape, dtype)

    def __del__(self) -> None:
        self.memory.release(self.address, self.size)


def _rounded(nbytes: int) -> int:
    """Sizes in steps of an eighth of a power of two, so that blocks fit others after them."""
    step = max(ALIGNMENT, 1 << max(nbytes.bit_length() - 4, 0))
    return -(-max(nbytes, 1) // step) * step


__all__: list[Any] = ["Block", "Memory"]
