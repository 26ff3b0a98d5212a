"""Functions over nested arguments and variables, compiled once per signature and engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu import context, tree
from cornu.contract.engine import Engine


class Program:
    """`fn` compiled by the current engine, once for each signature of its arguments.

    fn: takes and gives nested structures of tensors; it may read and assign variables and is otherwise pure. Arguments
        that are no arrays or tensors (None, bools, numbers, strings) are static: another value is another program.
    """

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self._compiled: dict[Any, Compiled] = {}

    def __call__(self, *args: Any) -> Any:
        leaves, structure = tree.flatten_with_structure(args)
        compiled = self.compiled(leaves, structure)
        results = compiled.run(*[x for x in leaves if hasattr(x, "shape")])  # the structure may be known only afterwards
        return tree.unflatten(compiled.structure, results)

    def compiled(self, leaves: list[Any], structure: Any) -> Compiled:
        """The program for arguments like these, whose `run` takes the flat arrays alone."""
        engine = context.current()
        key = (engine.name, structure, *[(tuple(x.shape), x.dtype) if hasattr(x, "shape") else (type(x), x) for x in leaves])
        if key not in self._compiled:
            self._compiled[key] = Compiled(engine, self.fn, leaves, structure)
        return self._compiled[key]

    def clear(self) -> None:
        """Forget all compiled forms."""
        self._compiled.clear()


class Compiled:
    """One compiled form. run: flat arrays -> flat results; structure: how the results nest (known after the first run)."""

    def __init__(self, engine: Engine, fn: Callable[..., Any], leaves: list[Any], structure: Any) -> None:
        self.structure: Any = None
        tensors = [x for x in leaves if hasattr(x, "shape")]

        def flat(*values: Any) -> list[Any]:
            given = iter(values)
            result = fn(*tree.unflatten(structure, [next(given) if hasattr(x, "shape") else x for x in leaves]))
            results, self.structure = tree.flatten_with_structure(result)
            now = context.current()
            return [x if now.is_tensor(x) else now.asarray(x) for x in results]

        self.run = engine.compile(flat, tensors)


__all__ = ["Compiled", "Program"]
