"""What is known of a primitive, in one record, and how a call reaches the engine."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from cornu import config, context
from cornu.primitives import dtypes as dt

Shape = tuple[int, ...]


@dataclass(frozen=True)
class DtypeRule:
    """How operands promote, and what comes out.

    operands: dtypes of the operands (weak names among them) -> dtypes to which they are cast before an engine sees them.
    result: those dtypes and the parameters -> dtype of the result, or a tuple of them for several results.
    """

    operands: Callable[..., Sequence[str]]
    result: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Primitive:
    """One entry of the table. Calling it computes on the current engine; so does `call`, a function, which Python calls faster.

    name: as in NumPy and Keras.
    reference: the definition in NumPy. Its positional arguments are the tensor operands, its keyword-only ones the static
        parameters; its docstring is the primitive's.
    dtype, shape: rules; `shape(*operand shapes, **parameters)` gives the shape of the result, or a list of shapes.
    checked: whether the shape rule is asked before each eager call, too: where a library says nothing to operands that don't fit.
    vjp: `vjp(g, y, *operands, **parameters)` gives the cotangent of each operand (None: no gradient), written in primitives.
        Broadcasting is undone by the gradient transformation. None where nothing is differentiable.
    """

    name: str
    reference: Callable[..., Any]
    dtype: DtypeRule
    shape: Callable[..., Any]
    vjp: Callable[..., Sequence[Any]] | None
    family: str
    checked: bool = False
    operands: tuple[str, ...] = field(init=False)
    variadic: bool = field(init=False)
    params: dict[str, Any] = field(init=False)
    call: Callable[..., Any] = field(init=False)

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.reference).parameters.values()
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
        object.__setattr__(self, "operands", tuple(p.name for p in positional))
        object.__setattr__(self, "variadic", any(p.kind is p.VAR_POSITIONAL for p in positional))
        object.__setattr__(self, "params", {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY})
        object.__setattr__(self, "call", _caller(self))

    @property
    def doc(self) -> str:
        """What it computes."""
        return inspect.getdoc(self.reference) or ""

    def __call__(self, *operands: Any, **params: Any) -> Any:
        return self.call(*operands, **params)

    def result_dtypes(self, dtypes: Sequence[str], params: dict[str, Any]) -> tuple[str, ...]:
        """Dtypes of the results for promoted operand dtypes."""
        result = self.dtype.result(*dtypes, **params)
        return (result,) if isinstance(result, str) else tuple(result)

    def result_shapes(self, shapes: Sequence[Shape], params: dict[str, Any]) -> list[Shape]:
        """Shapes of the results. Raises ValueError where the operands don't fit."""
        result = self.shape(*shapes, **params)
        return result if isinstance(result, list) else [result]

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> Any:
        return lookup, (self.name,)


_CALL = """def call({operands}{star}{names}):
    _engine = context.current()
    _key = (record, config.floatx(), {kinds})
    _plan = _engine.plans.get(_key) or _engine.plan(_key, ({operands}))
    try:
        return _plan({operands}{params})
    except Exception as _error:
        _engine.explain(record, ({operands}), dict({params}), _error)
        raise
"""


@functools.cache
def _compiled(source: str) -> CodeType:
    """Once for all primitives of a signature: compiling takes longest."""
    return compile(source, "<primitive>", "exec")


def _caller(record: Primitive) -> Callable[..., Any]:
    """The hot path of every eager op, written out for the primitive's signature: no loop over operands, no dict of parameters."""
    operands = list(record.operands)
    kinds = [f"type({x}), getattr({x}, 'dtype', None), " for x in operands]
    if record.variadic:
        kinds[-1] = f"*[(type(x), getattr(x, 'dtype', None)) for x in {operands[-1]}]"
        operands[-1] = f"*{operands[-1]}"
    source = _CALL.format(
        operands="".join([f"{x}, " for x in operands]),
        star="*, " if record.params and not record.variadic else "",
        names=", ".join(record.params),
        kinds="".join(kinds),
        params=", ".join([f"{name}={name}" for name in record.params]),
    )
    namespace: dict[str, Any] = {"record": record, "config": config, "context": context}
    exec(_compiled(source), namespace)
    call: Any = functools.wraps(record.reference)(namespace["call"])
    call.__kwdefaults__ = {name: value for name, value in record.params.items() if value is not inspect.Parameter.empty}
    call.record = record
    return call


TABLE: dict[str, Primitive] = {}


def lookup(name: str) -> Primitive:
    """The primitive of that name."""
    return TABLE[name]


def primitive(
    dtype: DtypeRule, shape: Callable[..., Any], vjp: Callable[..., Any] | None = None, checked: bool = False
) -> Callable[[Callable[..., Any]], Primitive]:
    """Enter the decorated NumPy reference into the table under its own name (a trailing underscore is dropped)."""

    def enter(reference: Callable[..., Any]) -> Primitive:
        name = reference.__name__.rstrip("_")
        family = reference.__module__.rpartition(".")[2]
        assert name not in TABLE, name
        TABLE[name] = Primitive(name, reference, dtype, shape, vjp, family, checked)
        return TABLE[name]

    return enter


# Dtype rules.

ORDERED = ("bool", *dt.UINTS, *dt.INTS, *dt.FLOATS)


def _join(*dtypes: str) -> tuple[str, ...]:
    return (dt.result_type(*dtypes),) * len(dtypes)


def _float(*dtypes: str) -> tuple[str, ...]:
    return (dt.to_float(dt.result_type(*dtypes)),) * len(dtypes)


def _count(*dtypes: str) -> tuple[str, ...]:
    """Bools count as numbers."""
    joined = dt.result_type(*dtypes)
    return ("int32" if joined == "bool" else joined,) * len(dtypes)


def _keep(*dtypes: str) -> tuple[str, ...]:
    return tuple(dt.strong(d) for d in dtypes)


def _first(*dtypes: str, **params: Any) -> str:
    return dtypes[0]


def _bool(*dtypes: str, **params: Any) -> str:
    return "bool"


def _int32(*dtypes: str, **params: Any) -> str:
    return "int32"


def _require(what: str, allowed: Sequence[str], promote: Callable[..., Sequence[str]]) -> Callable[..., Sequence[str]]:
    def operands(*dtypes: str) -> Sequence[str]:
        promoted = promote(*dtypes)
        for name in promoted:
            if name not in allowed:
                raise TypeError(f"expected {what}, got {', '.join(dtypes)}")
        return promoted

    return operands


def keep_result(result: Callable[..., Any]) -> DtypeRule:
    """Operands keep their own dtypes; `result(*dtypes, **params)` says what comes out."""
    return DtypeRule(_keep, result)


joined = DtypeRule(_join, _first)
counting = DtypeRule(_count, _first)
floating = DtypeRule(_float, _first)
kept = DtypeRule(_keep, _first)
comparison = DtypeRule(_join, _bool)
predicate = DtypeRule(_keep, _bool)
logical = DtypeRule(lambda *dtypes: ("bool",) * len(dtypes), _bool)
bitwise = DtypeRule(_require("integers or bool", ("bool", *dt.UINTS, *dt.INTS), _join), _first)
shifting = DtypeRule(_require("integers or bool", (*dt.UINTS, *dt.INTS), _count), _first)
ordered = DtypeRule(_require("real numbers", ORDERED, _join), _first)
ordered_counting = DtypeRule(_require("real numbers", ORDERED, _count), _first)
ordered_comparison = DtypeRule(ordered.operands, _bool)
ordered_kept = DtypeRule(_require("real numbers", ORDERED, _keep), _first)
ordering = DtypeRule(ordered_kept.operands, _int32)
real_floating = DtypeRule(_require("real numbers", dt.FLOATS, _float), _first)
to_complex = DtypeRule(
    lambda *dtypes: tuple(dt.with_imaginary(d) if d not in dt.COMPLEXES else d for d in _float(*dtypes)), _first
)
parameter = DtypeRule(_keep, lambda *dtypes, dtype, **params: dtype)

# Shape rules.


def broadcast(*shapes: Shape, **params: Any) -> Shape:
    """NumPy broadcasting. Raises ValueError where sizes clash."""
    if all(shape == shapes[0] for shape in shapes):
        return shapes[0]
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise ValueError(f"shapes {', '.join(map(str, shapes))} can't be broadcast together")
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def same(shape: Shape, *others: Shape, **params: Any) -> Shape:
    """The first operand's shape."""
    return shape
