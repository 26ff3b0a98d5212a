"""Which engine is in charge: one slot, and the way to fill it for the duration of a block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cornu.contract.engine import Engine

_slot: ContextVar[Engine | None] = ContextVar("cornu_engine", default=None)
_default: Engine | None = None
_find_default: Callable[[], Engine] | None = None


def current() -> Engine:
    """The engine that computes now: that of the innermost `use` block, else the process's default."""
    return _slot.get() or _default or set_default(None)


def set_default(engine: Engine | None) -> Engine:
    """Make `engine` the process's default; None asks the registry for the configured one."""
    global _default
    if engine is None:
        assert _find_default is not None, "the registry has not been imported"
        engine = _find_default()
    _default = engine
    return engine


def find_default_with(find: Callable[[], Engine]) -> None:
    """Let the registry, which stands floors above, say what the default engine is."""
    global _find_default
    _find_default = find


@contextlib.contextmanager
def use(engine: Engine) -> Iterator[Engine]:
    """Put `engine` in charge inside a `with` block."""
    token = _slot.set(engine)
    try:
        yield engine
    finally:
        _slot.reset(token)
