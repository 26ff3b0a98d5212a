"""`python -m benchmarks.ops [--engines …] [--ops …]`: hot ops, forward and with their gradient, beside the engine's best native form.

Both are compiled as the engine has it (JAX `jit`, TensorFlow `tf.function`, PyTorch and NumPy eagerly; ours through a `Program`), get
the same arrays, must give the same numbers, and take turns on them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import cornu
from benchmarks import native
from cornu import ops
from cornu.contract import registry
from cornu.contract.program import Program
from cornu.ops.updates import normalize_batch

WRITTEN = [module.name for module in pkgutil.iter_modules(native.__path__)]
ENGINES = [name for name in registry.names() if name in WRITTEN and registry.is_installed(name)]
TURN = 0.02  # seconds that one of the two computes before the other does, about
TOLERANCE = 2e-3  # relative to the largest element: sums of thousands of float32 products in different orders
NUMBERS = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    """Ordinary float32 numbers."""
    return NUMBERS.standard_normal(shape, "float32")


def places(high: int, *shape: int) -> np.ndarray:
    """Indices below `high`."""
    return NUMBERS.integers(0, high, shape).astype("int32")


# Name -> (Cornu's op, its arguments). The same names stand in benchmarks/native/ENGINE.py. Gradients are by all floats.
JOBS: dict[str, tuple[Callable[..., Any], Sequence[np.ndarray]]] = {
    "matmul": (ops.matmul, [normal(512, 512), normal(512, 512)]),
    "einsum": (lambda q, k: ops.einsum("bthd,bshd->bhts", q, k), [normal(16, 64, 4, 32), normal(16, 64, 4, 32)]),
    "conv": (lambda x, w: ops.conv(x, w, 1, "same"), [normal(16, 32, 32, 32), normal(3, 3, 32, 64)]),
    "conv strides 2": (lambda x, w: ops.conv(x, w, 2, "valid"), [normal(16, 33, 33, 32), normal(3, 3, 32, 64)]),
    "conv 1-D": (lambda x, w: ops.conv(x, w, 1, "same"), [normal(16, 256, 64), normal(5, 64, 64)]),
    "depthwise_conv": (lambda x, w: ops.depthwise_conv(x, w, 1, "same"), [normal(16, 32, 32, 32), normal(3, 3, 32, 1)]),
    "conv_transpose": (lambda x, w: ops.conv_transpose(x, w, 2, "valid"), [normal(16, 16, 16, 32), normal(2, 2, 32, 32)]),
    "max_pool": (lambda x: ops.max_pool(x, 2), [normal(16, 32, 32, 64)]),
    "average_pool": (lambda x: ops.average_pool(x, 2), [normal(16, 32, 32, 64)]),
    "softmax": (ops.softmax, [normal(1024, 512)]),
    "log_softmax": (ops.log_softmax, [normal(1024, 512)]),
    "gelu": (ops.gelu, [normal(1024, 512)]),
    "layer_normalization": (lambda x, g, b: ops.layer_normalization(x, g, b, epsilon=1e-5), [normal(1024, 512), normal(512), normal(512)]),
    "batch_normalization": (
        lambda x, g, b: normalize_batch(x, -1, b, g, 1e-3)[0],
        [normal(16, 32, 32, 32), normal(32), normal(32)],
    ),
    "attention": (ops.dot_product_attention, [normal(8, 128, 4, 32), normal(8, 128, 4, 32), normal(8, 128, 4, 32)]),
    "lstm": (
        lambda x, h, c, w, r, b: ops.nn.lstm(x, h, c, w, r, b)[0],
        [normal(32, 32, 32), 0 * normal(32, 64), 0 * normal(32, 64), normal(32, 256) / 6, normal(64, 256) / 8, normal(256) / 8],
    ),
    "top_k": (lambda x: ops.top_k(x, 10)[0], [normal(256, 1000)]),
    "take": (lambda x, i: ops.take(x, i, 0), [normal(1000, 64), places(1000, 64, 128)]),
    "scatter_update": (
        lambda x, i, u: ops.scatter_update(x, i, u, "add"),
        [normal(1000, 64), places(1000, 8192, 1), normal(8192, 64)],
    ),
    "segment_sum": (lambda x, i: ops.segment_sum(x, i, 1000), [normal(8192, 64), places(1000, 8192)]),
}


def cornu_form(op: Callable[..., Any], arrays: Sequence[Any], gradient: bool) -> Callable[[], Any]:
    """A call of the op in a compiled function; with `gradient`, of that of the sum of its results times fixed numbers."""
    tensors = [ops.convert_to_tensor(x) for x in arrays]
    if not gradient:
        forward = Program(lambda *xs: op(*xs))
        return lambda: forward(*tensors)
    floats = [i for i, x in enumerate(arrays) if x.dtype == "float32"]
    weights = ops.convert_to_tensor(native.weights(ops.convert_to_numpy(op(*tensors)).shape))
    slope = Program(ops.grad(lambda w, *xs: ops.sum(ops.multiply(op(*xs), w)), argnums=[i + 1 for i in floats]))
    return lambda: list(slope(weights, *tensors))


def race(engine: str, name: str, gradient: bool, rounds: int) -> dict[str, Any]:
    """Milliseconds of both, per round, after a look at whether they compute the same."""
    library = importlib.import_module(f"benchmarks.native.{engine}")
    op, arrays = JOBS[name]
    with cornu.engine(engine) as chosen:
        theirs = library.form(library.OPS[name], arrays, gradient)
        forms = {"native": _waiting(chosen, theirs), "cornu": _waiting(chosen, cornu_form(op, arrays, gradient))}
        _compare(f"{engine}: {name}", *[[np.asarray(x) for x in _listed(form())] for form in forms.values()])
        counts = {kind: max(round(TURN / _seconds(form, 3)), 1) for kind, form in forms.items()}
        found: dict[str, Any] = {kind: [] for kind in forms}
        for _ in range(rounds):
            for kind, form in forms.items():
                found[kind].append(_seconds(form, counts[kind]) * 1e3)
    ratio = median(a / b for a, b in zip(found["cornu"], found["native"], strict=True))
    return {"engine": engine, "op": name, "gradient": gradient, "ratio": ratio, **found}


def _waiting(engine: Any, form: Callable[[], Any]) -> Callable[[], Any]:
    """A call that ends when its results are computed."""

    def call() -> Any:
        results = _listed(form())
        engine.synchronize(results)
        return results

    return call


def _listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (list, tuple)) else [results]


def _compare(what: str, native_results: list[np.ndarray], cornu_results: list[np.ndarray]) -> None:
    for one, other in zip(native_results, cornu_results, strict=True):
        gap = np.abs(one - other).max() / max(np.abs(one).max(), 1e-6)
        if one.shape != other.shape or not gap < TOLERANCE:
            raise AssertionError(f"{what}: the two don't compute the same: shapes {one.shape} and {other.shape}, they differ by {gap}.")


def _seconds(form: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        form()
    return (time.perf_counter() - start) / count


def table(results: list[dict[str, Any]], markdown: bool) -> Table | str:
    """One line per op; for each engine the ratio forward and with the gradient."""
    engines = list(dict.fromkeys(row["engine"] for row in results))
    names = list(dict.fromkeys(row["op"] for row in results))
    ratios = {(row["engine"], row["op"], row["gradient"]): row["ratio"] for row in results}
    columns = ["op", *[f"{engine}{what}" for engine in engines for what in ("", ", gradient")]]
    rows = [[name, *[f"{ratios[engine, name, gradient]:.2f}" for engine in engines for gradient in (False, True)]] for name in names]
    if markdown:
        return "\n".join(f"| {' | '.join(row)} |" for row in [columns, ["---"] * len(columns), *rows])
    shown = Table(title="Cornu's time over the native form's (median of the rounds' ratios)")
    for column in columns:
        shown.add_column(column, justify="left" if column == "op" else "right")
    for row in rows:
        shown.add_row(*row)
    return shown


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ops", description=__doc__)
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--ops", nargs="+", default=list(JOBS), choices=JOBS, metavar="OP", help=", ".join(JOBS))
    parser.add_argument("--rounds", type=int, default=15, help="how often the two take turns (default 15)")
    parser.add_argument("--markdown", action="store_true", help="print the table as in docs/benchmarks.md")
    parser.add_argument("--json", type=Path, help="write all that was measured to this file")
    given = parser.parse_args()
    results = [race(engine, name, gradient, given.rounds) for engine in given.engines for name in given.ops for gradient in (False, True)]
    Console(width=None if sys.stdout.isatty() else 150).print(table(results, given.markdown), soft_wrap=given.markdown, markup=False)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
