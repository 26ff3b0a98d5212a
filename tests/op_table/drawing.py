"""What fuzzing draws arguments with: shapes, axes, ordinary numbers and those at the edges of a dtype."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from cornu.primitives import dtypes as dt
from op_table.case import CASES, FUZZED, Array, Fuzz, Spec

# Few shapes, so that engines that compile per shape don't spend their time on that; the numbers are what differs.
SHAPES = [(), (1,), (4,), (2, 3), (0,), (2, 0), (2, 1, 3)]
PAIRS = [((2, 3), (3,)), ((4,), (4,)), ((2, 1), (3,)), ((), (4,)), ((4,), ()), ((), ()), ((0, 3), (3,)), ((2, 1, 3), (4, 1))]
KINDS = {
    "b": ("bool",),
    "u": ("uint8", "uint16", "uint32"),
    "i": ("int8", "int16", "int32", "int64"),
    "f": ("float32", "float32", "float32", "float64", "float16", "bfloat16"),  # the commonest most often
    "c": ("complex64",),
}
WEIGHTS = {"f": 4, "i": 2}


@dataclass(frozen=True)
class Numbers:
    """Which numbers to draw.

    kinds: of dtypes, of b(ool), u(nsigned), i(nteger), f(loat), c(omplex).
    low, high: of ordinary numbers. edges: "" for none but these, "mild" for infinities, NaNs and zeros too, "small" for tiny
    numbers as well, "all" for huge ones and the extremes of integers as well.
    """

    kinds: str = "buifc"
    low: float = -2.0
    high: float = 2.0
    edges: str = ""


ANY = Numbers(edges="all")
REAL = Numbers("buif", edges="all")
FLOATS = Numbers("f")


class Draw:
    """Draws arguments by hypothesis's `draw`."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw

    def of(self, *values: Any) -> Any:
        """One of these."""
        return values[self.int(0, len(values) - 1)]

    def int(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return self.draw(st.integers(low, high))

    def yes(self) -> bool:
        """True or false."""
        return self.draw(st.booleans())

    def shape(self, low: int = 0, high: int = 3, empty: bool = True) -> tuple[int, ...]:
        """A shape with so many dimensions."""
        return self.of(*[shape for shape in SHAPES if low <= len(shape) <= high and (empty or 0 not in shape)])

    def dtype(self, kinds: str) -> str:
        """A dtype of these kinds."""
        return self.of(*[name for kind in kinds for name in KINDS[kind] * WEIGHTS.get(kind, 1)])

    def axis(self, rank: int) -> int:
        """An axis, often a negative one."""
        return self.int(-rank, rank - 1)

    def axes(self, rank: int) -> Any:
        """No axis, one, or several."""
        return self.of(None, *range(-rank, rank), *([(0, -1), (-1, 0)] if rank > 1 else []))

    def permutation(self, count: int) -> tuple[int, ...]:
        """Of 0, 1, ..., count - 1."""
        return tuple(self.draw(st.permutations(range(count))))

    def tensor(self, shape: tuple[int, ...], wanted: Numbers = ANY, dtype: str | None = None) -> Array:
        """Ordinary numbers from a seed, with a few of their places taken by edges."""
        return self.vector(dtype or self.dtype(wanted.kinds), int(np.prod(shape)), wanted).reshape(shape)

    def indices(self, shape: tuple[int, ...], size: int, negative: bool = True) -> Array:
        """Integers that are places among `size`."""
        rng = np.random.default_rng(self.int(0, 2**32 - 1))
        dtype = self.of("int32", "int32", "int64", "int8")
        return rng.integers(-size if negative else 0, max(size, 1), shape).astype(dtype)

    def vector(self, dtype: str, count: int, wanted: Numbers) -> Array:
        """So many numbers."""
        rng = np.random.default_rng(self.int(0, 2**32 - 1))
        if dtype == "bool":
            return rng.random(count) < 0.5
        if dt.is_integer(dtype):
            info = np.iinfo(dtype)
            low = max(int(np.ceil(wanted.low)), int(info.min)) if wanted.low > 0 or dtype in dt.UINTS else -9
            x = rng.integers(max(low, int(info.min)), 12, count).astype(dtype)
            special = [info.min, info.max, 0, 1, info.max - 1] if wanted.edges == "all" else []
        else:
            x = rng.uniform(wanted.low, wanted.high, count)
            x = x + 1j * rng.uniform(wanted.low, wanted.high, count) if dtype in dt.COMPLEXES else x
            top = dt.largest(dtype) if dtype in dt.FLOATS else 0
            tiny = 2.0 ** {"float16": -20, "float64": -1040}.get(dtype, -135)
            special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0] if wanted.edges and top else []
            special += [tiny, -tiny] if wanted.edges in ("small", "all") and top else []
            special += [top, -top] if wanted.edges == "all" and top else []
        x = x.astype(dt.numpy_dtype(dtype))
        for place in range(count) if special else ():
            if self.int(0, 3) == 0:
                x[place] = self.of(*special)
        return x


Arguments = Callable[[Draw], Any]


def elementwise(operands: int, wanted: Numbers) -> Arguments:
    """One tensor, or two that broadcast."""

    def arguments(d: Draw) -> Any:
        shapes = d.of(*PAIRS) if operands == 2 else (d.shape(),)
        return tuple(d.tensor(shape, wanted) for shape in shapes), {}

    return arguments


def reducing(wanted: Numbers, several: bool, keepdims: bool) -> Arguments:
    """A tensor and axes."""

    def arguments(d: Draw) -> Any:
        x = d.tensor(d.shape(), wanted)
        axes = d.axes(x.ndim) if several else d.of(None, *range(-x.ndim, x.ndim))
        return (x,), {"axis": axes, **({"keepdims": d.yes()} if keepdims else {})}

    return arguments


def fuzzed(op: str, *definition: Any) -> Callable[[Arguments], Arguments]:
    """Decorator: this draws the op's arguments. definition: of its `Spec`; without, that of the op's first case."""
    spec = Spec(op, *definition) if definition else CASES[op][0].spec

    def enter(arguments: Arguments) -> Arguments:
        FUZZED[op] = Fuzz(spec, arguments)
        return arguments

    return enter

