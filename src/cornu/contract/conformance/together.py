"""Many cases in one compiled program, for engines on which each call is a compilation of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu import context
from cornu.contract.conformance.case import Case
from cornu.contract.engine import Engine


class Together:
    """Results of cases of one primitive, all computed by one program when the first is asked for.

    engine: where to compute; where calls don't compile, nothing is computed together. cases: which.
    operands: from a case to its tensors. compute: from a case and its tensors to a list of tensors.
    """

    def __init__(
        self, engine: Engine, cases: Sequence[Case], operands: Callable[[Case], list[Any]], compute: Callable[..., list[Any]]
    ) -> None:
        self.engine, self.operands, self.compute = engine, operands, compute
        self._waiting = list(cases) if engine.compiles_calls else []
        self._found: dict[str, list[Any]] = {}

    def __call__(self, case: Case) -> list[Any] | None:
        """The results of a case, or None: it has to be computed alone, and fails or not."""
        if self._waiting:
            cases, self._waiting = self._waiting, []
            with context.use(self.engine):
                self._found = self._all(cases) or self._all([c for c in cases if self._all([c], run=False) is not None]) or {}
        return self._found.get(case.name)

    def _all(self, cases: Sequence[Case], run: bool = True) -> dict[str, list[Any]] | None:
        """Name -> results of these cases, or None if one of them fails. Not run, they are only compiled."""
        given = [self.operands(case) for case in cases]
        tensors = [x for operands in given for x in operands]
        counts: list[int] = []

        def program(*values: Any) -> list[Any]:
            rest, results = iter(values), []
            counts.clear()
            for case, operands in zip(cases, given, strict=True):
                found = self.compute(case, *[next(rest) for _ in operands])
                counts.append(len(found))
                results += found
            return results

        try:
            compiled = self.engine.compile(program, tensors)
            results = iter(compiled(*tensors) if run else [])
        except Exception:  # the one that fails is computed alone, and its error becomes the outcome
            return None
        return {case.name: [next(results) for _ in range(count)] for case, count in zip(cases, counts)} if run else {}
