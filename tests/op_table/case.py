"""A case of an op: arguments, and what an independent implementation gives for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cornu import tree
from cornu.contract.conformance.data import edges, numbers
from cornu.primitives import dtypes as dt

Array = np.ndarray
DtypeRule = Callable[..., Any]


# What comes out for operands of these dtypes (weak names for Python numbers): Keras's rules, each in one line.


def joined(*dtypes: str) -> str:
    """The least upper bound."""
    return dt.result_type(*dtypes)


def floating(*dtypes: str) -> str:
    """The least upper bound; `floatx()` unless that is a float."""
    return dt.to_float(joined(*dtypes))


def real_floating(*dtypes: str) -> str:
    """As `floating`, of complex numbers the real part's."""
    return dt.real_part(floating(*dtypes))


def counting(*dtypes: str) -> str:
    """The least upper bound, int32 for bools."""
    return "int32" if joined(*dtypes) == "bool" else joined(*dtypes)


def first(*dtypes: str) -> str:
    """That of the first operand."""
    return dt.strong(dtypes[0])


def real_first(*dtypes: str) -> str:
    """That of the first operand's real part."""
    return dt.real_part(first(*dtypes))


def summed(*dtypes: str) -> str:
    """That of sums: small integers and bools in 32 bits."""
    return dt.accumulate(first(*dtypes))


def widened(*dtypes: str) -> str:
    """Of products: the least upper bound, int32 for two int8."""
    return "int32" if set(dtypes) == {"int8"} else joined(*dtypes)


def fixed(name: Any) -> DtypeRule:
    """Always this one."""
    return lambda *dtypes: name


RULES = {
    "joined": joined,
    "floating": floating,
    "real_floating": real_floating,
    "counting": counting,
    "first": first,
    "real_first": real_first,
    "summed": summed,
    "widened": widened,
    **{name: fixed(name) for name in dt.DTYPES},
}


PROMOTING = {**dict.fromkeys(("joined", "widened", "counting", "bool"), joined), "floating": floating, "real_floating": floating}


@dataclass(frozen=True)
class Spec:
    """An op's independent definition.

    reference: NumPy's or SciPy's function of the same arguments; it gets floats in double precision.
    dtype: a rule, or the name of one above or of a dtype; a tuple for several results.
    ulps: allowed error, in units of the last place; by_largest: of the largest element.
    canonical: for an op with several right answers, what all of them have in common: of the list of its results and of its
        arguments, gives what the reference gives (of the arguments alone). Errors are measured there.
    scale: for sums whose terms may cancel, the size of the terms, of the arguments: what is left of them has their errors.
    """

    op: str
    reference: Callable[..., Any]
    dtype: Any = "floating"
    ulps: float = 16.0
    by_largest: bool = False
    canonical: Callable[..., Any] | None = None
    scale: Callable[..., float] | None = None


@dataclass(frozen=True)
class Case:
    """One call. `args` and `kwargs` hold NumPy arrays for tensors.

    gradient: compare the gradient by the floats with finite differences (double precision only).
    symbolic: which of the arrays may be symbolic: "all", or "none". unknown: whether their first dimensions may be unknown.
    compiled: whether it runs inside compiled functions.
    """

    spec: Spec
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    gradient: bool = False
    symbolic: bool = True
    unknown: bool = True
    compiled: bool = False

    def arrays(self) -> list[Array]:
        """The tensors among the arguments."""
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, np.ndarray)]

    def call(self, function: Callable[..., Any], arrays: list[Any]) -> Any:
        """`function` of the arguments, with these in place of the arrays."""
        leaves, structure = tree.flatten_with_structure((self.args, self.kwargs))
        rest = iter(arrays)
        args, kwargs = tree.unflatten(structure, [next(rest) if isinstance(x, np.ndarray) else x for x in leaves])
        return function(*args, **kwargs)

    def reference(self) -> list[Array]:
        """What the reference gives, of floats in double precision."""
        return self._in_double(self.spec.reference)

    def expected(self) -> list[Array]:
        """What the reference gives, in the dtypes that the rule says."""
        found = self.reference()
        return [cast(x, dtype) for x, dtype in zip(found, self.dtypes(len(found)), strict=True)]

    def compared(self, found: list[Array]) -> tuple[list[Array], list[Array]]:
        """What is held against each other: results and what is expected, or what all right answers have in common."""
        canonical = self.spec.canonical
        if canonical is None:
            return found, self.expected()
        dtype = dt.result_type(*[dt.name_of(x.dtype) for x in found])
        forms = self._in_double(lambda *args, **kwargs: canonical([_wide(x) for x in found], *args, **kwargs))
        return [cast(x, dtype) for x in forms], [cast(x, dtype) for x in self.reference()]

    def scale(self) -> float:
        """The size of terms that may have cancelled."""
        return 0.0 if self.spec.scale is None else float(self._in_double(self.spec.scale)[0])

    def _in_double(self, function: Callable[..., Any]) -> list[Array]:
        with np.errstate(all="ignore"):
            found = self.call(function, [_wide(x) for x in self._promoted()])
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def dtypes(self, count: int) -> list[str]:
        """Dtypes of the results."""
        wanted = self.kwargs.get("dtype") or self.spec.dtype
        rules = wanted if isinstance(wanted, tuple) else (wanted,) * count
        return [(rule if callable(rule) else RULES[rule])(*self._names()) for rule in rules]

    def _names(self) -> list[str]:
        """Dtypes of the operands, weak ones of Python numbers."""
        operands = [x for x in tree.flatten(self.args) if isinstance(x, (np.ndarray, bool, int, float, complex))]
        return [dt.WEAK[type(x)] if type(x) in dt.WEAK else dt.name_of(x.dtype) for x in operands]

    def _promoted(self) -> list[Array]:
        """The tensors in the dtype in which the op computes, where that is one for all."""
        rule = PROMOTING.get(self.spec.dtype) if isinstance(self.spec.dtype, str) else None
        if rule is None:
            return self.arrays()
        with np.errstate(all="ignore"):
            return [x.astype(dt.numpy_dtype(rule(*self._names()))) for x in self.arrays()]


def _wide(x: Array) -> Array:
    """Floats in double precision."""
    if x.dtype.name in ("bfloat16", "float16", "float32"):
        return x.astype("float64")
    return x.astype("complex128") if x.dtype == "complex64" else x


def cast(x: Any, dtype: str) -> Array:
    """x in another dtype; floats are integers by way of int64."""
    x = np.asarray(x)
    if dt.is_integer(dtype) and x.dtype.kind == "f":
        x = x.astype("int64")
    with np.errstate(all="ignore"):
        return x.astype(dt.numpy_dtype(dtype))


def _largest(x: Array) -> float:
    """The largest finite size."""
    sizes = np.abs(x)
    return float(np.max(sizes[np.isfinite(sizes)], initial=0.0))


def factors(*args: Any, **kwargs: Any) -> float:
    """The size of products of the arguments' elements."""
    return float(np.prod([_largest(x) for x in args if isinstance(x, np.ndarray)]))


CASES: dict[str, list[Case]] = {}


@dataclass(frozen=True)
class Fuzz:
    """How fuzzing calls an op. arguments: draws the positional arguments and the keywords from a `drawing.Draw`."""

    spec: Spec
    arguments: Callable[[Any], tuple[tuple[Any, ...], dict[str, Any]]]


FUZZED: dict[str, Fuzz] = {}


def spec(op: str, reference: Callable[..., Any], dtype: Any = "joined", ulps: float = 16.0, by_largest: bool = False) -> Spec:
    """An op's definition, entered into the table."""
    CASES.setdefault(op, [])
    return Spec(op, reference, dtype, ulps, by_largest)


def add(definition: Spec, *args: Any, case: str = "", **settings: Any) -> None:
    """A case of an op. Keywords of `Case` are settings, the others the op's own."""
    own = {name: settings.pop(name) for name in ("gradient", "symbolic", "unknown", "compiled") if name in settings}
    name = case or _describe(args, settings)
    CASES[definition.op].append(Case(definition, name, args, settings, **own))


def _describe(args: Any, kwargs: dict[str, Any]) -> str:
    def one(x: Any) -> str:
        return f"{x.dtype}{list(x.shape)}" if isinstance(x, np.ndarray) else repr(x)

    def several(x: Any) -> str:
        return f"[{', '.join(map(one, x))}]" if isinstance(x, (list, tuple)) else one(x)

    return ", ".join([*map(several, args), *[f"{key}={several(x)}" for key, x in kwargs.items()]])


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reference that leaves the dtype to the rule."""
    return lambda *args, dtype=None, **kwargs: function(*args, **kwargs)


def f(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0, dtype: str = "float64") -> Array:
    """Ordinary numbers, in double precision by default."""
    return numbers(dtype, shape, low, high, seed)


def i(*shape: int, low: int = -3, high: int = 5, seed: int = 0, dtype: str = "int32") -> Array:
    """Ordinary integers."""
    return numbers(dtype, shape, low, high, seed)


__all__ = ["CASES", "FUZZED", "Case", "Fuzz", "Spec", "add", "cast", "edges", "f", "factors", "i", "numbers", "plain", "spec"]
