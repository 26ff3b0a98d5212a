"""What is said of a call that failed: the same on every engine, with the op's name and what it was called with."""

from __future__ import annotations

import contextlib
import functools
import reprlib
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from cornu import context, tree
from cornu.contract.state import Cell
from cornu.contract.tracer import Tracer, infer
from cornu.graph.graph import Unknown
from cornu.primitives import TABLE
from cornu.primitives import dtypes as dt

Function = TypeVar("Function", bound=Callable[..., Any])
PLAIN = (ValueError, TypeError, IndexError)
# What Python raises at arguments that a body did not expect: for the user they are of a wrong type.
UNEXPECTED = (AttributeError, KeyError, OverflowError, ZeroDivisionError, AssertionError)
NAMES: set[str] = {*TABLE, "shape", "dtype", "result_type", "convert_to_tensor"}  # of functions; a message may begin with one


def complain(body: Callable[..., Any], args: Any, kwargs: dict[str, Any], error: Exception, again: bool = True) -> None:
    """After `body(*args, **kwargs)`, or what an engine has for it, failed: raise what is wrong with the arguments.

    An op says itself, in its body and by its primitives' rules, what it can't take, whatever the engine's library says: so the
    body runs `again`, on shapes alone. If it finds nothing, `error` gets the op's name. Errors from within functions among the
    arguments, and of libraries where the arguments are right, stay as they are.
    """
    name = body.__name__.rstrip("_")
    leaves, structure = tree.flatten_with_structure((list(args), kwargs))
    functions = [x for x in leaves if callable(x) and not isinstance(x, type)]
    if functions and _passed_through(functions, error):
        return
    found = error
    if again and not functions and not hasattr(error, "reason") and not isinstance(context.current(), Tracer):
        found = _objection(body, leaves, structure) or error
    if isinstance(found, UNEXPECTED):
        found = TypeError(f"can't take these arguments ({type(found).__name__}: {found})")
    if not isinstance(found, PLAIN) or type(found).__module__.partition(".")[0] not in ("builtins", "cornu", np.__name__):
        return
    reason = getattr(found, "reason", None) or _reason(str(found))
    call = ", ".join([*map(_shown, args), *[f"{key}={_shown(x)}" for key, x in kwargs.items()]])
    found.args = (f"{name}: {reason} Call: {name}({call}); engine: {context.current().name}.",)
    found.reason = reason  # type: ignore[union-attr]  # without what is told around it, for the op that called this one
    if found is not error:
        raise found from error


def _passed_through(functions: list[Any], error: Exception) -> bool:
    """Whether one of the functions was running when the error was raised."""
    codes = {getattr(x, "__code__", None) or getattr(type(x).__call__, "__code__", None) for x in functions}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def named(function: Function) -> Function:
    """Decorator for functions beside the ops: their errors are told in the same way."""
    NAMES.add(function.__name__)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            complain(function, args, kwargs, error, again=False)
            raise

    return call  # type: ignore[return-value]


def _objection(body: Callable[..., Any], leaves: list[Any], structure: Any) -> Exception | None:
    """What the body says against the arguments, with values without numbers for the tensors; integers may be needed as they are."""
    engine = context.current()
    tensors = [x for x in leaves if engine.is_tensor(x) or isinstance(x, (np.ndarray, Cell))]
    for taken in (tensors, [x for x in tensors if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu"]):
        own = {id(x) for x in taken}
        try:
            specs = [(tuple(x.shape), dt.name_of(x.dtype)) if isinstance(x, (np.ndarray, Cell)) else (engine.shape_of(x), engine.dtype_of(x)) for x in taken]
        except ValueError:  # an array of objects, say
            return None
        if any(None in shape for shape, _ in specs):
            return None

        def check(values: list[Any], own: set[int] = own) -> None:
            each = iter(values)
            args, kwargs = tree.unflatten(structure, [next(each) if id(x) in own else x for x in leaves])
            body(*args, **kwargs)

        try:
            infer(engine.host, check, specs)
        except Unknown:
            continue
        except (*PLAIN, *UNEXPECTED) as objection:
            return objection
        return None
    return None


def _reason(message: str) -> str:
    """A message without names of ops and primitives before it, and with a full stop."""
    name, colon, rest = message.partition(": ")
    if colon and name in NAMES:
        return _reason(rest)
    return message if message.endswith(".") else message + "."


def _shown(x: Any) -> str:
    """An argument: of a tensor, whosever it is, its dtype and shape."""
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        with contextlib.suppress(ValueError, TypeError):
            return f"{dt.name_of(x.dtype)}{list(x.shape)}"
    if isinstance(x, dict) and len(x) < 7:
        return f"{{{', '.join(f'{key!r}: {_shown(value)}' for key, value in x.items())}}}"
    if isinstance(x, (list, tuple)) and len(x) < 7:
        inner = ", ".join(map(_shown, x))
        return f"[{inner}]" if isinstance(x, list) else f"({inner}{',' * (len(x) == 1)})"
    return reprlib.repr(x)
