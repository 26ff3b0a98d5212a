"""`python -m benchmarks.dispatch [ENGINE …]`: what an eager op costs over the engine's own call on the same small tensors.

The engine's own calls stand in benchmarks/native/ENGINE.py. Where it has none that computes the same, the op is left out.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import cornu
from cornu import ops
from cornu.contract import registry

ROUNDS = 300  # the least of many short rounds: what the machine does besides falls out
LIMIT = 3.0  # µs over the library's call


def arguments(x: Any, mask: Any, rows: Any) -> dict[str, tuple[Any, ...]]:
    """Those of each op, which are also those of the engine's own function."""
    return {
        **dict.fromkeys(("add", "multiply", "matmul"), (x, x)),
        **dict.fromkeys(("exp", "relu", "softmax"), (x,)),
        **dict.fromkeys(("sum", "mean", "max"), (x, 1)),
        "reshape": (x, (16,)),
        "transpose": (x, (1, 0)),
        "concatenate": ([x, x], 0),
        "where": (mask, x, x),
        "take": (x, rows, 0),
        "cast": (x, "float64"),
        "get_item": (x, 1),
    }


def microseconds(functions: list[Callable[..., Any]], given: tuple[Any, ...]) -> list[float]:
    """Time of a call of each; they take turns."""
    calls = [partial(function, *given) for function in functions]
    count = max(int(1e-3 / max(timeit.timeit(calls[0], number=20) / 20, 1e-7)), 5)
    rounds = [[timeit.timeit(call, number=count) for call in calls] for _ in range(ROUNDS)]
    return [min(times) / count * 1e6 for times in zip(*rounds, strict=True)]


def main(engines: list[str]) -> int:
    """Print the table; 1 if an op costs more than `LIMIT` over its library's call."""
    table = Table(title="Eager ops on 4 x 4 float32, µs per call")
    for column in ("engine", "op", "library", "cornu", "over"):
        table.add_column(column, justify="left" if column in ("engine", "op") else "right")
    worst = 0.0
    for engine in engines:
        own = import_module(f"benchmarks.native.{engine}").CALLS
        with cornu.engine(engine):
            x, mask = (ops.convert_to_tensor(np.ones((4, 4), dtype)) for dtype in ("float32", "bool"))
            for name, given in arguments(x, mask, ops.convert_to_tensor(np.array([0, 2], "int32"))).items():
                if name in own:
                    theirs, ours = microseconds([own[name], getattr(ops, name)], given)
                    table.add_row(engine, name, f"{theirs:.2f}", f"{ours:.2f}", f"{ours - theirs:.2f}")
                    worst = max(worst, ours - theirs)
    Console().print(table)
    return int(worst > LIMIT)


if __name__ == "__main__":
    known = [name for name in ("numpy", "jax", "torch", "tensorflow") if registry.is_installed(name)]
    sys.exit(main(sys.argv[1:] or known))
