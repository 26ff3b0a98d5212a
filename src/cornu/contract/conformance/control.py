"""Cases for control flow. The functions are written in primitives, with and without what they capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cornu.contract.conformance.case import Case, cases_of
from cornu.contract.conformance.data import numbers
from cornu.primitives.primitive import lookup


def _add(x: Any, y: Any) -> Any:
    return lookup("add")(x, y)


def _multiply(x: Any, y: Any) -> Any:
    return lookup("multiply")(x, y)


def _less(x: Any, y: Any) -> Any:
    return lookup("less")(x, y)


def _tanh(x: Any) -> Any:
    return lookup("tanh")(x)


def _full(value: float) -> Any:
    return lookup("full")(shape=(2,), value=value, dtype="float32")


@cases_of("cond")
def cond(primitive: str) -> Iterator[Case]:
    """Both ways, one and several results, dtypes mixed, predicates that are no bools, gradients."""
    operands: tuple[Any, ...]
    params = {
        "true_fn": lambda x, y, n: [_multiply(x, y), _add(n, 1)],
        "false_fn": lambda x, y, n: [_add(x, y), _multiply(n, 2)],
    }
    for dtype in ("float32", "float64"):
        for taken in (True, False):
            operands = (
                np.array(taken),
                numbers(dtype, (2, 3)),
                numbers(dtype, (2, 3), seed=1),
                np.array([1, 2], "int32"),
            )
            gradient = (1, 2) if dtype == "float64" else ()
            yield Case(primitive, f"{dtype} {taken}", operands, params, gradient=gradient, compiled=not gradient)
    constant = {"true_fn": lambda: [_full(1)], "false_fn": lambda: [_full(0)]}
    yield Case(primitive, "no operands", (np.array(True),), constant)
    yield Case(primitive, "int32 predicate", (np.array(3, "int32"),), constant)
    yield Case(primitive, "weak bool", (False,), constant)
    one_sided = {"true_fn": lambda x, y: [x], "false_fn": lambda x, y: [y]}
    operands = np.array(True), numbers("float64", (3,)), numbers("float64", (3,), seed=1)
    yield Case(primitive, "float64 one operand each", operands, one_sided, gradient=(1, 2))


@cases_of("while_loop")
def while_loop(primitive: str) -> Iterator[Case]:
    """Turns that depend on data, no turns, several states, constants."""
    params = {
        "cond_fn": lambda i, x, step: [_less(i, 5)],
        "body_fn": lambda i, x, step: [_add(i, 1), _add(_multiply(x, 0.5), step)],
        "n_state": 2,
    }
    for start in (0, 3, 9):
        operands = np.array(start, "int32"), numbers("float32", (2, 3)), numbers("float32", (3,))
        yield Case(primitive, f"float32 from {start}", operands, params, compiled=start < 9)
    doubling = {
        "cond_fn": lambda x: [_less(lookup("sum")(x, axes=(0,)), 100.0)],
        "body_fn": lambda x: [_multiply(x, 2)],
        "n_state": 1,
    }
    yield Case(primitive, "float32 until large", (np.array([1.0, 2.0], "float32"),), doubling, compiled=True)


@cases_of("scan")
def scan(primitive: str) -> Iterator[Case]:
    """Carries, sequences and constants in all combinations; backwards; integers on the way; one step; gradients."""
    operands: tuple[Any, ...]

    def body(state: Any, count: Any, x: Any, weight: Any) -> list[Any]:
        state = _tanh(_add(_multiply(state, weight), x))
        return [state, _add(count, 1), _multiply(state, state), count]

    for reverse in (False, True):
        for dtype in ("float32", "float64"):
            params = {"body_fn": body, "n_carry": 2, "n_xs": 1, "length": 4, "reverse": reverse}
            operands = numbers(dtype, (3,)), np.array(0, "int32"), numbers(dtype, (4, 3)), numbers(dtype, (3,), seed=1)
            gradient = (0, 2, 3) if dtype == "float64" else ()
            yield Case(
                primitive, f"{dtype} reverse {reverse}", operands, params, gradient=gradient, compiled=not gradient
            )
    plain = {"n_carry": 1, "n_xs": 0, "length": 3, "reverse": False}
    repeated = {**plain, "body_fn": lambda state: [_multiply(state, 2)]}
    yield Case(primitive, "float32 carry only", (numbers("float32", (2,)),), repeated)
    each = {"n_carry": 0, "n_xs": 2, "length": 3, "reverse": False, "body_fn": lambda x, y: [_add(x, y)]}
    operands = numbers("float32", (3, 2)), numbers("float32", (3,), seed=1)
    yield Case(primitive, "float32 sequences only", operands, each, compiled=True)
    once = {**plain, "n_xs": 1, "length": 1, "body_fn": lambda state, x: [_add(state, x), x]}
    yield Case(primitive, "float32 one step", (numbers("float32", (2,)), numbers("float32", (1, 2))), once)

    def nested(state: Any, row: Any) -> list[Any]:
        def inner(c: Any, x: Any) -> list[Any]:
            return [_tanh(_add(c, x)), _multiply(c, state)]

        return lookup("scan")(state, row, body_fn=inner, n_carry=1, n_xs=1, length=3, reverse=False)

    params = {"body_fn": nested, "n_carry": 1, "n_xs": 1, "length": 2, "reverse": False}
    operands = numbers("float32", ()), numbers("float32", (2, 3))
    yield Case(primitive, "float32 nested", operands, params, compiled=True)
    operands = numbers("float64", ()), numbers("float64", (2, 3))
    yield Case(primitive, "float64 nested", operands, params, gradient=(0, 1))


@cases_of("with_gradient")
def with_gradient(primitive: str) -> Iterator[Case]:
    """Results pass as they are; gradients are those of the function, by constants and by what it captures, and twice."""
    x, y = numbers("float64", (2, 3)), numbers("float64", (2, 3), seed=1)
    params = {"backward_fn": lambda g, x, y: [_multiply(g, y), _multiply(g, x)], "n_results": 1, "n_inputs": 2}
    yield Case(primitive, "float64 product", (x, y), params, prepare=lambda x, y: [_multiply(x, y), x, y, x, y], gradient=(0, 1))
    two = {
        "backward_fn": lambda g, h, x: [_add(_multiply(g, 2.0), _multiply(_multiply(h, x), 2.0))],
        "n_results": 2,
        "n_inputs": 1,
    }
    yield Case(
        primitive, "float64 two results", (x,), two, prepare=lambda x: [_multiply(x, 2.0), _multiply(x, x), x, x], gradient=(0,)
    )
    single = numbers("float32", (3,)), np.array([1, 2], "int32")
    kept = {"backward_fn": lambda g, h: [g], "n_results": 2, "n_inputs": 1}
    yield Case(primitive, "float32 and int32", (*single, single[0]), kept, compiled=True)
