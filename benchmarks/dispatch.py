"""`python -m benchmarks.dispatch [ENGINE …]`: what an eager op costs over the engine's own call on the same small tensors."""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import cornu
from cornu import ops
from cornu.contract import registry

ROUNDS = 300  # the least of many short rounds: what the machine does besides falls out


def calls(library: Any, x: Any, mask: Any) -> dict[str, Callable[[], Any]]:
    """The same calls of `cornu.ops` and of an engine's library."""
    total = getattr(library, "reduce_sum", None) or library.sum
    return {
        "add": lambda: library.add(x, x),
        "exp": lambda: library.exp(x),
        "matmul": lambda: library.matmul(x, x),
        "sum": lambda: total(x, 1),
        "reshape": lambda: library.reshape(x, (16,)),
        "where": lambda: library.where(mask, x, x),
    }


def microseconds(function: Callable[[], Any]) -> float:
    """Time of a call."""
    function()
    count = max(int(1e-3 / max(timeit.timeit(function, number=20) / 20, 1e-7)), 5)
    return min(timeit.repeat(function, number=count, repeat=ROUNDS)) / count * 1e6


def main(engines: list[str]) -> int:
    """Print the table; 1 if an op costs more than 3 µs over its library's call."""
    table = Table(title="Eager ops on 4 x 4 float32, µs per call")
    for column in ("engine", "op", "library", "cornu", "over"):
        table.add_column(column, justify="left" if column in ("engine", "op") else "right")
    worst = 0.0
    for engine in engines:
        with cornu.engine(engine):
            x, mask = (ops.convert_to_tensor(np.ones((4, 4), dtype)) for dtype in ("float32", "bool"))
            native = calls(import_module({"jax": "jax.numpy"}.get(engine, engine)), x, mask)
            for name, own in calls(ops, x, mask).items():
                theirs, ours = microseconds(native[name]), microseconds(own)
                table.add_row(engine, name, f"{theirs:.2f}", f"{ours:.2f}", f"{ours - theirs:.2f}")
                worst = max(worst, ours - theirs)
    Console().print(table)
    return int(worst > 3)


if __name__ == "__main__":
    known = [name for name in ("numpy", "jax", "torch", "tensorflow") if registry.is_installed(name)]
    sys.exit(main(sys.argv[1:] or known))
