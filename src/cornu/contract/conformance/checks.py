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
from cornu.contract.conformance.together import Together
from cornu.contract.engine import Engine
from cornu.contract.tracer import infer
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import TABLE, Primitive, lookup

Check = Callable[[], "str | None"]


def checks(engine: Engine, cases: Sequence[Case]) -> Iterator[tuple[str, Check]]:
    """The names of the checks of a primitive's cases, and functions that give what is wrong, or None."""
    # What is compiled alone is run eagerly as well; of the others an engine that compiles each call may compile many at once.
    joined = Together(engine, [case for case in cases if not case.compiled], functools.partial(_tensors, engine), _results)
    graded = Together(
        engine, [case for case in cases if case.gradient], functools.partial(gradients.tensors, engine), gradients.grade
    )
    for case in cases:
        yield case.name, functools.partial(check_values, engine, case, joined)
        if case.gradient:
            yield f"{case.name} gradient", functools.partial(check_gradient, engine, case, graded)
        if case.compiled or not engine.eager:  # a staged engine computes in compiled functions alone
            yield f"{case.name} compiled", functools.partial(check_compiled, engine, case, joined)


def _tensors(engine: Engine, case: Case) -> list[Any]:
    return [x for x in place(engine, case.operands) if hasattr(x, "shape")]


def _results(case: Case, *tensors: Any) -> list[Any]:
    """The results on the current engine, then (where there is a view) what is seen of them."""
    rest, engine = iter(tensors), context.current()
    _, results = case.call(*[next(rest) if hasattr(x, "shape") else x for x in case.operands])
    if any(not (engine.is_tensor(x) or engine.host.is_tensor(x)) for x in results):
        raise TypeError(f"the results are no tensors: {[type(x).__name__ for x in results]}")
    return results if case.view is None else [*results, *case.view(*results)]


def _eagerly(engine: Engine, case: Case) -> list[Any]:
    with context.use(engine):
        return _results(case, *_tensors(engine, case))


def _alone(engine: Engine, case: Case) -> list[Any]:
    with context.use(engine):
        tensors = _tensors(engine, case)
        return engine.compile(functools.partial(_results, case), tensors)(*tensors)


def check_values(engine: Engine, case: Case, joined: Together) -> str | None:
    """The results against the rules, the table's reference and an independent one."""
    results = (joined(case) if engine.eager else None) or _eagerly(engine, case)
    rules = _rules(engine, case)
    own, seen = results[: len(rules)], results[len(rules) :] or results
    specs = [(tuple(engine.shape_of(x)), engine.dtype_of(x)) for x in own]
    if specs != rules:
        return f"results {_specs(specs)} where the rules give {_specs(rules)}"
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


def _rules(engine: Engine, case: Case) -> list[tuple[Any, str]]:
    """Shapes and dtypes of the results by the table's rules."""
    specs = [(x.shape, dt.name_of(x.dtype)) for x in case.operands if hasattr(x, "shape")]

    def record(values: list[Any]) -> list[Any]:
        rest = iter(values)
        return case.call(*[next(rest) if hasattr(x, "shape") else x for x in case.operands])[1]

    with context.use(engine):
        return [(tuple(x.shape), dt.name_of(x.dtype)) for x in infer(engine, record, specs)]


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


def check_gradient(engine: Engine, case: Case, graded: Together) -> str | None:
    """The engine's gradient of a weighted sum against finite differences, or the table's rule at kinks."""
    value, *got = [engine.to_numpy(x) for x in graded(case) or gradients.by_engine(engine, case)]
    wanted_value, *by_rule = gradients.by_engine(REFERENCE, case)
    wanted = by_rule if case.kink else gradients.by_differences(case)
    if value.shape != () or not np.allclose(value, wanted_value, rtol=GRADIENT, atol=1e-9):
        return f"the loss is {value} instead of {wanted_value}"
    problem = gradient_difference(got, wanted)
    return problem and f"{problem}, {'by the table' if case.kink else 'by finite differences'}"


def check_compiled(engine: Engine, case: Case, joined: Together) -> str | None:
    """A compiled run against the eager one."""
    eager, results = _eagerly(engine, case), joined(case) or _alone(engine, case)
    if _dtypes(engine, results) != _dtypes(engine, eager):
        return f"compiled it gives {_dtypes(engine, results)} instead of {_dtypes(engine, eager)}"
    problem = _against([engine.to_numpy(x) for x in results], [engine.to_numpy(x) for x in eager], case)
    return problem and f"compiled: {problem}, which it gives eagerly"


def _dtypes(engine: Engine, tensors: Sequence[Any]) -> list[str]:
    return [engine.dtype_of(x) for x in tensors]
