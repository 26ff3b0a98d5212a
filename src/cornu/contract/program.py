"""Functions over nested arguments and variables, compiled once per signature and engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu import context, tree
from cornu.contract.engine import Engine


class Program:
    """`fn` compiled by the current engine, once for each signature of its arguments.

    fn: takes and gives nested structures of tensors; it may read and assign variables and is otherwise pure. Arguments
        that are no arrays or tensors (None, bools, numbers, strings) are static: another value is another program.
    compiles: False to run `fn` op by op instead, for debugging.
    """

    def __init__(self, fn: Callable[..., Any], compiles: bool = True) -> None:
        self.fn, self.compiles = fn, compiles
        self._compiled: dict[Any, Compiled] = {}
        self._recent: Compiled | None = None  # mostly the next arguments are like the last

    def __call__(self, *args: Any) -> Any:
        recent = self._recent
        if recent is not None and recent.takes(args):
            return recent.nest(recent.run(*args))
        leaves, structure = tree.flatten_with_structure(args)
        compiled = self._recent = self.compiled(leaves, structure)
        return compiled.nest(compiled.run(*arrays(leaves)))

    def compiled(self, leaves: Sequence[Any], structure: Any) -> Compiled:
        """The program for arguments like these, whose `run` takes the flat arrays alone."""
        engine = context.current()
        key = (engine.name, structure, *[(tuple(x.shape), x.dtype) if hasattr(x, "shape") else (type(x), x) for x in leaves])
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = Compiled(engine, self.fn, leaves, structure, self.compiles)
        return found


class Compiled:
    """One compiled form. run: flat arrays -> flat results."""

    def __init__(self, engine: Engine, fn: Callable[..., Any], leaves: Sequence[Any], structure: Any, compiles: bool) -> None:
        self._structure: Any = None  # of the results; known after the first run
        self._engine = engine
        shapes = [hasattr(x, "shape") for x in leaves]
        plain = all(shapes) and structure == tree.flatten_with_structure(tuple(leaves))[1]
        self._signature = [(type(x), x.shape, x.dtype) for x in leaves] if plain else None
        static = [None if is_array else x for is_array, x in zip(shapes, leaves, strict=True)]

        def flat(*values: Any) -> list[Any]:
            given = iter(values)
            result = fn(
                *tree.unflatten(structure, [next(given) if is_array else x for is_array, x in zip(shapes, static, strict=True)])
            )
            results, self._structure = tree.flatten_with_structure(result)
            now = context.current()
            return [x if now.is_tensor(x) else now.asarray(x) for x in results]

        self.run = engine.compile(flat, arrays(leaves)) if compiles else lambda *values: flat(*map(engine.asarray, values))

    def takes(self, args: Sequence[Any]) -> bool:
        """Whether these are tensors like those it was compiled for. A quick look: it says no to nested and static ones."""
        signature = self._signature
        if signature is None or len(signature) != len(args) or context.current() is not self._engine:
            return False
        for x, (kind, shape, dtype) in zip(args, signature, strict=True):
            if type(x) is not kind or x.shape != shape or x.dtype != dtype:
                return False
        return True

    def nest(self, results: Sequence[Any]) -> Any:
        """The flat results in the structure that `fn` gave them."""
        return tree.unflatten(self._structure, results)


def arrays(leaves: Sequence[Any]) -> list[Any]:
    """Those of the leaves that are arrays or tensors."""
    return [x for x in leaves if hasattr(x, "shape")]


__all__ = ["Compiled", "Program", "arrays"]
