"""Mutable state: cells that an engine stores, and the scope that turns reads and writes into plain data flow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cornu.contract.engine import Engine


class Cell:
    """A place that holds one tensor on one engine (a `Variable` is one).

    engine: where it lives. storage: the engine's own object: tf.Variable, torch Parameter, jax.Array, ndarray.
    dtype: that of `value`, which may be cast; storage_dtype: that of the storage.
    """

    engine: Engine
    storage: Any
    shape: tuple[int, ...]
    dtype: str
    storage_dtype: str

    @property
    def value(self) -> Any:
        """The tensor that it holds now."""
        return read(self)


class StateScope:
    """Inside the `with` block, cells are read from and written to this scope instead of their engine.

    values: what cells hold (given ones, those read, those written); written: the cells that were assigned, in order.
    Scopes nest: a cell unknown to the inner scope is read from the outer one.
    """

    def __init__(self, values: dict[Cell, Any] | None = None) -> None:
        self.values: dict[Cell, Any] = dict(values or {})
        self.written: dict[Cell, None] = {}
        self._token: Token[StateScope | None] | None = None
        self._outer: StateScope | None = None

    def __enter__(self) -> StateScope:
        self._outer = _scope.get()
        self._token = _scope.set(self)
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._token is not None
        _scope.reset(self._token)

    def read(self, cell: Cell) -> Any:
        """What `cell` holds here."""
        if cell not in self.values:
            self.values[cell] = self.before(cell)
        return self.values[cell]

    def load(self, cell: Cell) -> Any:
        """First read of a cell that no scope knows."""
        return cell.engine.snapshot(cell.storage)

    def before(self, cell: Cell) -> Any:
        """What `cell` held when the scope began."""
        return self._outer.read(cell) if self._outer else self.load(cell)

    def write(self, cell: Cell, tensor: Any) -> None:
        """Let `cell` hold `tensor` from here on."""
        self.values[cell] = tensor
        self.written[cell] = None

    def commit(self) -> None:
        """Hand the writes on to the surrounding scope, or to the engine. Call it after the block."""
        for cell in self.written:
            write(cell, self.values[cell])


_scope: ContextVar[StateScope | None] = ContextVar("cornu_state", default=None)


def current() -> StateScope | None:
    """The innermost scope."""
    return _scope.get()


@contextlib.contextmanager
def no_scope() -> Iterator[None]:
    """Inside the block cells are read from and written to their engines, whatever scopes surround it."""
    token = _scope.set(None)
    try:
        yield
    finally:
        _scope.reset(token)


def read(cell: Cell) -> Any:
    """The tensor that `cell` holds now."""
    scope = _scope.get()
    return scope.read(cell) if scope is not None else cell.engine.read(cell.storage)


def write(cell: Cell, tensor: Any) -> None:
    """Replace what `cell` holds."""
    scope = _scope.get()
    if scope is not None:
        scope.write(cell, tensor)
    else:
        cell.storage = cell.engine.assign(cell.storage, tensor)


def functionalize(fn: Callable[..., Any], cells: list[Cell], written: list[Cell]) -> Callable[..., Any]:
    """`fn(*args)` over cells as a pure function `(values of cells, args) -> (values of written cells, results)`."""

    def pure(values: Any, args: Any) -> tuple[list[Any], Any]:
        with StateScope(dict(zip(cells, values, strict=True))) as scope:
            results = fn(*args)
        return [scope.values[cell] for cell in written], results

    return pure
