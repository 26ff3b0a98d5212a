"""Native forms of derived ops against the ops' bodies: values and gradients."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from cornu import context, tree
from cornu.contract.conformance.checks import Check
from cornu.contract.conformance.compare import difference
from cornu.contract.conformance.op_cases import OP_CASES, OpCase
from cornu.contract.engine import Engine
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import lookup

ULPS = 64.0


def ops_of() -> dict[str, Any]:
    """All derived ops. They stand on a higher floor than this, and are loaded only to be checked."""
    importlib.import_module("cornu.ops")
    return importlib.import_module("cornu.ops.op").OPS


def override_checks(engine: Engine, op: str) -> Iterator[tuple[str, Check]]:
    """Case and check, for an op of which the engine has its own form."""
    if op not in OP_CASES:
        yield "cases", functools.partial(str, f"the suite has no cases for the op {op}")
        return
    for case in OP_CASES[op]():
        yield case.name, functools.partial(_check_values, engine, op, case)
        if case.gradient and _floats(case):
            yield f"{case.name} gradient", functools.partial(_check_gradient, engine, op, case)


def _call(op: str, case: OpCase, arrays: list[Any]) -> list[Any]:
    """The op's results on the current engine, with these tensors in place of the arrays."""
    leaves, structure = tree.flatten_with_structure((case.args, case.kwargs))
    rest = iter(arrays)
    args, kwargs = tree.unflatten(structure, [next(rest) if isinstance(x, np.ndarray) else x for x in leaves])
    return tree.flatten(ops_of()[op](*args, **kwargs))


def _arrays(case: OpCase) -> list[np.ndarray]:
    return [x for x in tree.flatten((case.args, case.kwargs)) if isinstance(x, np.ndarray)]


def _floats(case: OpCase) -> list[int]:
    """Which of the arrays are differentiated by."""
    return [i for i, x in enumerate(_arrays(case)) if dt.is_float(dt.name_of(x.dtype))]


def _check_values(engine: Engine, op: str, case: OpCase) -> str | None:
    with context.use(engine):
        tensors = [engine.asarray(x) for x in _arrays(case)]
        native = _call(op, case, tensors)
        with engine.bodies_only():
            body = _call(op, case, tensors)
        specs = [(tuple(engine.shape_of(x)), engine.dtype_of(x)) for x in native]
        wanted = [(tuple(engine.shape_of(x)), engine.dtype_of(x)) for x in body]
        if specs != wanted:
            return f"results {specs} where the body gives {wanted}"
        return _first_difference(engine, native, body)


def _first_difference(engine: Engine, native: list[Any], body: list[Any]) -> str | None:
    for a, b in zip(native, body, strict=True):
        problem = difference(engine.to_numpy(a), engine.to_numpy(b), ULPS, by_largest=True)
        if problem:
            return f"{problem}, which the body gives"
    return None


def _check_gradient(engine: Engine, op: str, case: OpCase) -> str | None:
    arrays, kept = _arrays(case), _floats(case)

    def loss(*floats: Any) -> tuple[Any, list[Any]]:
        tensors = [context.current().asarray(x) for x in arrays]
        for i, x in zip(kept, floats, strict=True):
            tensors[i] = x
        total: Any = 0.0
        for y in _call(op, case, tensors):
            if dt.is_float(context.current().dtype_of(y)):
                weights = np.cos(np.arange(int(np.prod(y.shape)), dtype="float32")).reshape(tuple(y.shape))
                total = lookup("add")(
                    total, lookup("sum")(lookup("multiply")(y, weights), axes=tuple(range(len(y.shape))))
                )
        return total, []

    with context.use(engine):
        tensors = [engine.asarray(arrays[i]) for i in kept]
        _, _, native = engine.value_and_grad(loss, tensors)
        with engine.bodies_only():
            _, _, body = engine.value_and_grad(loss, tensors)
        problem = _first_difference(engine, native, body)
        return problem and f"gradient: {problem}"
