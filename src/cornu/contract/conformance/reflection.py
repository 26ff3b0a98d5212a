"""The names, parameters and defaults of an engine's kernels against the contract, by reflection."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from cornu.contract.conformance.checks import Check
from cornu.contract.conformance.overrides import ops_of
from cornu.contract.engine import Engine
from cornu.contract.staged import StagedEngine
from cornu.primitives.primitive import TABLE, Primitive

NO_DEFAULT = inspect.Parameter.empty


def kernel_checks(engine: Engine) -> Iterator[tuple[str, Check]]:
    """One check for each primitive, kernel, expression and override."""
    for name in dict.fromkeys([*TABLE, *engine.kernels, *engine.unsupported]):
        yield f"{name}", functools.partial(_check_kernel, engine, name)
    if isinstance(engine, StagedEngine):
        for name in engine.lowering:
            yield f"lowering {name}", functools.partial(_check_lowering, engine, name)
    for name in engine.kernels.overrides:
        yield f"override {name}", functools.partial(_check_override, engine, name)


def _check_kernel(engine: Engine, name: str) -> str | None:
    if name not in TABLE:
        return "there is no such primitive"
    if name in engine.kernels and name in engine.unsupported:
        return "it has a kernel and is declared unsupported"
    if name not in engine.kernels:
        return None if name in engine.unsupported else "there is no kernel, and no reason in `unsupported`"
    return signature_problem(TABLE[name], engine.kernels[name])


def _check_lowering(engine: StagedEngine, name: str) -> str | None:
    if name not in TABLE:
        return "there is no such primitive"
    params = inspect.signature(engine.lowering[name]).parameters.values()
    open_ended = any(p.kind is p.VAR_KEYWORD for p in params)
    unknown = set(TABLE[name].params) - {p.name for p in params}
    return f"it does not take the parameters {sorted(unknown)}" if unknown and not open_ended else None


def signature_problem(primitive: Primitive, kernel: Callable[..., Any]) -> str | None:
    """Why `kernel` can't be called as the contract says, or None (also where a function shows no signature)."""
    try:
        signature = inspect.signature(kernel)
    except (TypeError, ValueError):
        return None
    operands = [object()] * (3 if primitive.variadic else len(primitive.operands))
    try:
        signature.bind(*operands, **dict.fromkeys(primitive.params, object()))
    except TypeError as error:
        return f"the kernel's signature is {signature}: {error}"
    for param, default in primitive.params.items():
        own = signature.parameters.get(param)
        if default is not NO_DEFAULT and own is not None and own.default != default:
            found = "missing" if own.default is NO_DEFAULT else own.default
            return f"the default of {param} is {found} instead of {default}"
    return None


def _check_override(engine: Engine, name: str) -> str | None:
    ops = ops_of()
    if name not in ops:
        return "there is no such op"
    own, wanted = inspect.signature(engine.kernels.overrides[name]), inspect.signature(ops[name].body)
    mine = [(p.name, p.kind, p.default) for p in own.parameters.values()]
    theirs = [(p.name, p.kind, p.default) for p in wanted.parameters.values()]
    return None if mine == theirs else f"its signature is {own} instead of {wanted}"
