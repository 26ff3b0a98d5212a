"""Random arguments of ops that take functions, with references by a loop or by NumPy's function for it all."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import ops
from op_table.case import Array, factors
from op_table.drawing import FLOATS, Draw, Numbers, fuzzed

NUMBERS = Numbers("if")
RUNNING = {ops.add: np.add, ops.maximum: np.maximum}


def _partial_results(f: Any, x: Array, reverse: bool, axis: int) -> Array:
    turned = np.flip(x, axis) if reverse else x
    y = RUNNING[f].accumulate(turned, axis)
    return np.flip(y, axis) if reverse else y


@fuzzed("associative_scan", _partial_results, "first", 32.0, True, None, lambda f, x, **kwargs: factors(x))
def _associative_scan(d: Draw) -> Any:
    x = d.tensor(d.of((1,), (4,), (2, 3), (5, 1)), NUMBERS)
    return (d.of(*RUNNING), x), {"reverse": d.yes(), "axis": d.axis(x.ndim)}


def _running(carry: Any, x: Any) -> Any:
    """Sums, and what each was multiplied by 2."""
    total = ops.add(carry, x)
    return total, ops.multiply(total, 2)


def _scan(f: Any, init: Array, xs: Array, reverse: bool) -> Any:
    steps = xs[::-1] if reverse else xs
    totals = init + np.cumsum(steps, 0)
    seen = (totals[::-1] if reverse else totals) * 2
    return [totals[-1] if len(xs) else init, seen]


@fuzzed("scan", _scan, ("first", "first"), 32.0, True, None, lambda f, init, xs, **kwargs: factors(init) + factors(xs))
def _scanning(d: Draw) -> Any:
    xs = d.tensor(d.of((3,), (1, 2), (4, 2)), NUMBERS)
    return (_running, d.tensor(xs.shape[1:], NUMBERS, xs.dtype.name), xs), {"reverse": d.yes()}


def _squares(row: Any) -> Any:
    return ops.sum(ops.multiply(row, row)), ops.add(row, 1)


for _op in ("map", "vectorized_map"):

    @fuzzed(_op, lambda f, x: [(x * x).reshape(len(x), -1).sum(1), x + 1], ("first", "first"), 32.0, True)
    def _mapping(d: Draw) -> Any:
        return (_squares, d.tensor(d.of((3, 2), (1, 4), (2, 1, 3)), FLOATS)), {}


def _doubled(i: Any, value: Any) -> Any:
    return ops.multiply(value, 2)


@fuzzed("fori_loop", lambda low, high, f, x: x * 2.0 ** max(high - low, 0), lambda *dtypes: dtypes[-1], 0.0)
def _counted(d: Draw) -> Any:
    return (d.int(0, 2), d.int(0, 4), _doubled, d.tensor(d.shape(), FLOATS)), {}


def _below_nine(x: Any) -> Any:
    return ops.less(ops.sum(x), 9)


def _and_one(x: Any) -> Any:
    return ops.add(x, 1)


def _while(go_on: Any, step: Any, x: Array) -> Array:
    while x.sum() < 9:
        x = x + 1
    return x


@fuzzed("while_loop", _while, "first", 32.0, True, None, lambda go_on, step, x: 9.0)
def _looping(d: Draw) -> Any:
    return (_below_nine, _and_one, d.tensor(d.of((), (1,), (2, 3)), FLOATS, d.of("float32", "float64"))), {}


BRANCHES = [ops.negative, ops.square, ops.abs]


def _chosen(index: Array, branches: Any, x: Array) -> Array:
    return [np.negative, np.square, np.abs][int(np.clip(index, 0, 2))](x)


@fuzzed("switch", _chosen, lambda index, x: x, 0.0)
def _switch(d: Draw) -> Any:
    return (np.array(d.int(-1, 4), "int32"), BRANCHES, d.tensor(d.shape(), FLOATS)), {}
