"""What is checked of a case on an engine: values, rules, gradient, compiled run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cornu import context
from cornu.contract.conformance import gradients
from cornu.contract.conformance.case import Case, place
from cornu.contract.conformance.compare import BY_LARGEST, GRADIENT, ULPS, difference, gradient_difference
from cornu.contract.conformance.independent import INDEPENDENT
from cornu.contract.conformance.reference import REFERENCE
from cornu.contract.engine import Engine
from cornu.contract.tracer import infer
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import TABLE, Primitive, lookup

Check = Callable[[], "str | None"]


def checks(engine: Engine, case: Case) -> Iterator[tuple[str, Check]]:
    """The names of the checks of a case, and functions that give what is wrong, or None."""
    yield case.name, functools.partial(check_values, engine, case)
    if case.gradient:
        yield f"{case.name} gradient", functools.partial(check_gradient, engine, case)
    if case.compiled or not engine.eager:  # a staged engine computes in compiled functions alone
        yield f"{case.name} compiled", functools.partial(check_compiled, engine, case)


def check_values(engine: Engine, case: Case) -> str | None:
    """The results against the rules, the table's reference and an independent one."""
    with context.use(engine):
        tensors = place(engine, case.operands)
        _, results = case.call(*tensors)
        seen = results if case.view is None else case.view(*results)
        problem = _against_rules(engine, case, results)
    if problem:
        return problem
    got = [engine.to_numpy(x) for x in seen]
    problem = _against(got, expected(case), case)
    if problem:
        return f"{problem}, which the table's reference gives"
    independent = INDEPENDENT.get(case.primitive)
    if independent and case.view is None and case.prepare is None:
        record = lookup(case.primitive)
        values = independent(*_promoted(record, case), **{**_defaults(record), **case.params})
        wanted = values if values is None or isinstance(values, list) else [values]
        problem = None if wanted is None else _against(got, wanted, case, signed_zeros=False)
        if problem:
            return f"{problem}, which SciPy or NumPy gives"
    return None


def _against_rules(engine: Engine, case: Case, results: Sequence[Any]) -> str | None:
    """Shapes and dtypes of the results against the table's rules."""
    specs = [(x.shape, dt.name_of(x.dtype)) for x in case.operands if hasattr(x, "shape")]

    def record(values: list[Any]) -> list[Any]:
        rest = iter(values)
        return case.call(*[next(rest) if hasattr(x, "shape") else x for x in case.operands])[1]

    rules = [(tuple(x.shape), dt.name_of(x.dtype)) for x in infer(engine, record, specs)]
    if any(not engine.is_tensor(x) for x in results):
        return f"the results are no tensors: {[type(x).__name__ for x in results]}"
    got = [(tuple(engine.shape_of(x)), engine.dtype_of(x)) for x in results]
    return None if got == rules else f"results {_specs(got)} where the rules give {_specs(rules)}"


def _specs(specs: Sequence[tuple[Any, str]]) -> str:
    return ", ".join(f"{dtype}{list(shape)}" for shape, dtype in specs)


def _defaults(record: Primitive) -> dict[str, Any]:
    return {name: value for name, value in record.params.items() if value is not inspect.Parameter.empty}


def _promoted(record: Primitive, case: Case, wide: bool = True) -> list[np.ndarray]:
    """The operands in the dtypes to which they promote, then (rounded so) in double precision."""
    have = [dt.name_of(x.dtype) if hasattr(x, "shape") else dt.WEAK[type(x)] for x in case.operands]
    promoted = [
        np.asarray(x).astype(dt.numpy_dtype(d))
        for x, d in zip(case.operands, record.dtype.operands(*have), strict=True)
    ]
    return [_widened(x) for x in promoted] if wide else promoted


def _widened(x: np.ndarray) -> np.ndarray:
    name = dt.name_of(x.dtype)
    return x.astype("complex128" if name in dt.COMPLEXES else "float64") if dt.is_differentiable(name) else x


def expected(case: Case) -> list[np.ndarray]:
    """The results by the table's reference, in double precision where that is right."""
    record = lookup(case.primitive)
    with context.use(REFERENCE), np.errstate(all="ignore"):
        operands = list(case.operands) if case.prepare else _promoted(record, case, case.widen)
        if case.prepare:
            operands = [_widened(np.asarray(x)) for x in operands]
        return [np.asarray(x) for x in case.comparable(*operands)]


def _against(got: Sequence[np.ndarray], wanted: Sequence[Any], case: Case, signed_zeros: bool = True) -> str | None:
    if len(got) != len(wanted):
        return f"{len(got)} results instead of {len(wanted)}"
    family = TABLE[case.primitive].family
    ulps = ULPS[family] if case.ulps is None else case.ulps
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        problem = difference(a, b, ulps, family in BY_LARGEST, signed_zeros and case.signed_zeros)
        if problem:
            return f"result {i}: {problem}" if len(got) > 1 else problem
    return None


def check_gradient(engine: Engine, case: Case) -> str | None:
    """The engine's gradient of a weighted sum against finite differences, or the table's rule at kinks."""
    value, got = gradients.by_engine(engine, case)
    wanted_value, by_rule = gradients.by_engine(REFERENCE, case)
    wanted = by_rule if case.kink else gradients.by_differences(case)
    if value.shape != () or not np.allclose(value, wanted_value, rtol=GRADIENT, atol=1e-9):
        return f"the loss is {value} instead of {wanted_value}"
    problem = gradient_difference(got, wanted)
    return problem and f"{problem}, {'by the table' if case.kink else 'by finite differences'}"


def check_compiled(engine: Engine, case: Case) -> str | None:
    """A compiled run against the eager one."""
    with context.use(engine):
        tensors = place(engine, case.operands)
        _, eager = case.call(*tensors)

        def program(*values: Any) -> list[Any]:
            rest = iter(values)
            return case.call(*[next(rest) if hasattr(x, "shape") else x for x in case.operands])[1]

        run = engine.compile(program, [x for x in tensors if hasattr(x, "shape")])
        results = run(*[x for x in tensors if hasattr(x, "shape")])
    if _dtypes(engine, results) != _dtypes(engine, eager):
        return f"compiled it gives {_dtypes(engine, results)} instead of {_dtypes(engine, eager)}"
    problem = _against([engine.to_numpy(x) for x in results], [engine.to_numpy(x) for x in eager], case)
    return problem and f"compiled: {problem}, which it gives eagerly"


def _dtypes(engine: Engine, tensors: Sequence[Any]) -> list[str]:
    return [engine.dtype_of(x) for x in tensors]
