"""A case: a primitive, operands and parameters. Families of cases are generated for each primitive of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cornu.contract.engine import Engine
from cornu.primitives.primitive import lookup


@dataclass(frozen=True)
class Case:
    """What to compute, and how closely to look.

    primitive, name: together they name the case in reports. The name starts with the dtype.
    operands: NumPy arrays, or Python numbers (weak operands). params: the primitive's parameters.
    gradient: operands (float64 or complex128) to differentiate by: compared with finite differences.
    kink: compare the gradient with the table's rule instead, where there is no derivative and all must choose alike.
    compiled: compare a compiled run with the eager one too.
    prepare: makes the primitive's operands of these, by primitives (so that a gradient stays among symmetric matrices).
    view: makes of the results, by primitives, tensors without free choices (such as the sign of an eigenvector).
    widen: compute the expected value in double precision (False: in the operands' own, for operations on bits).
    ulps: allowed error in units of the last place; by default that of the family.
    signed_zeros: whether 0.0 and -0.0 differ.
    """

    primitive: str
    name: str
    operands: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)
    gradient: tuple[int, ...] = ()
    kink: bool = False
    compiled: bool = False
    prepare: Callable[..., list[Any]] | None = None
    view: Callable[..., list[Any]] | None = None
    widen: bool = True
    ulps: float | None = None
    signed_zeros: bool = False

    def call(self, *operands: Any) -> tuple[list[Any], list[Any]]:
        """The prepared operands and the results on the current engine."""
        prepared = list(operands) if self.prepare is None else self.prepare(*operands)
        results = lookup(self.primitive)(*prepared, **self.params)
        return prepared, list(results) if isinstance(results, (list, tuple)) else [results]

    def comparable(self, *operands: Any) -> list[Any]:
        """The results on the current engine, seen through `view`."""
        _, results = self.call(*operands)
        return results if self.view is None else self.view(*results)


def place(engine: Engine, operands: Iterable[Any]) -> list[Any]:
    """Operands as tensors of `engine`; Python numbers stay."""
    return [engine.asarray(x) if hasattr(x, "shape") else x for x in operands]


Generator = Callable[[str], Iterator[Case]]
GENERATORS: dict[str, Generator] = {}


def cases_of(*primitives: str) -> Callable[[Generator], Generator]:
    """Decorator: this function of a primitive's name yields the cases of these primitives."""

    def enter(generator: Generator) -> Generator:
        for name in primitives:
            assert name not in GENERATORS, name
            GENERATORS[name] = generator
        return generator

    return enter
