"""Finding, loading and choosing engines. They register in the entry-point group `cornu.engines`.

An engine that no package installer can install registers a module in the group `cornu.installers` under its name:
`is_installed()` says whether what it needs is there, `install(say)` builds it and reports by `say(text)`; `cornu engines install
NAME` calls that.

An engine may have another edition, whose entry points are named NAME-EDITION: with the environment variable CORNU_NAME=EDITION it
is what NAME means in this process.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from cornu import config, context
from cornu.contract.engine import LOADED, Engine

PREFERENCE = (
    "tensorflow",
    "jax",
    "torch",
    "onnxruntime",
    "numpy",
    "theano",
    "cntk",
)  # as the best one installed, when nobody chose

_lock = threading.RLock()


@functools.cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="cornu.engines")}


def names() -> list[str]:
    """Names of all registered engines, installed or not: the built-in ones in order of preference, then the others."""
    known = [name for name in PREFERENCE if name in _entries()]
    return known + sorted({name for name in _entries() if "-" not in name} - set(known))


def editions() -> list[str]:
    """Other editions of these engines, as NAME-EDITION."""
    return sorted(name for name in _entries() if "-" in name)


def requirements(name: str) -> list[str]:
    """Import names of the libraries that the engine needs: those of the extra that its entry point names."""
    entry = _entry(name)
    needed = (entry.dist.requires or []) if entry.dist else []
    found = []
    for requirement in needed:
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", requirement)
        if extra and extra[1] in entry.extras:
            found.append(re.match(r"[A-Za-z0-9_.-]+", requirement)[0].replace("-", "_"))  # type: ignore[index]
    return found


def installer(name: str) -> ModuleType | None:
    """The module that installs what the engine needs; None if a package installer does."""
    return _installers().get(_entry(name).name)


@functools.cache
def _installers() -> dict[str, ModuleType]:
    return {entry.name: entry.load() for entry in entry_points(group="cornu.installers")}


def is_installed(name: str) -> bool:
    """Whether the libraries that the engine needs are there. Imports none of them."""
    own = installer(name)
    if own is not None:
        return bool(own.is_installed())
    # What has no origin is an empty folder, or what stands for a library in old scripts.
    found = map(importlib.util.find_spec, requirements(name))
    return all(spec is not None and spec.origin is not None for spec in found)


def install_command(name: str) -> str:
    """The command that installs what the engine needs."""
    entry = _entry(name)
    if installer(name) is not None:
        return f"cornu engines install {entry.name}"
    package = entry.dist.name if entry.dist else "cornu"
    return f'pip install "{package}[{",".join(entry.extras)}]"' if entry.extras else f"pip install {package}"


def get(name: str | Engine) -> Engine:
    """The engine of that name, loaded at its first use.

    Raises:
        ValueError: if there is no such engine.
        ImportError: if its library is not installed; the message has the command that installs it.
    """
    if isinstance(name, Engine):
        return name
    engine = LOADED.get(name)
    if engine is None:
        with _lock:
            engine = LOADED.get(name) or _load(name)
            LOADED[name] = engine
    return engine


def require(name: str) -> None:
    """Make sure that there is such an engine and that it is installed, without loading it. Errors as in `get`."""
    if not is_installed(name):
        raise ImportError(f"The engine {name!r} is not installed. Install it with: {install_command(name)}")


def _load(name: str) -> Engine:
    require(name)
    return _entry(name).load()()


def _entry(name: str) -> EntryPoint:
    """Of the engine, or of the edition of it that the environment chooses."""
    if name not in _entries():
        raise ValueError(f"There is no engine {name!r}. The engines are: {', '.join(names())}.")
    variable = f"CORNU_{name.upper()}"
    edition = os.environ.get(variable)
    chosen = f"{name}-{edition}" if edition else name
    if chosen not in _entries():
        known = [repr(other.partition("-")[2]) for other in editions() if other.startswith(f"{name}-")]
        raise ValueError(f"The environment variable {variable} is {edition!r}, expected {' or '.join(known) or 'nothing'}.")
    return _entries()[chosen]


def best() -> str:
    """The best engine that is installed."""
    return next(name for name in names() if is_installed(name))


@contextlib.contextmanager
def engine(name: str | Engine) -> Iterator[Engine]:
    """Compute on the named engine inside the `with` block.

    Args:
        name: "numpy", "jax", "torch", "tensorflow", or the name of any engine that an installed package registers.

    Raises:
        ValueError: if there is no such engine.
        ImportError: if its library is not installed; the message has the command that installs it.
    """
    with context.use(get(name)) as chosen:
        yield chosen


def set_backend(name: str) -> None:
    """Compute on the engine of that `name` from here on, in the whole process (outside `with cornu.engine(...)` blocks).

    Raises:
        ValueError: if there is no such engine. ImportError: if its library is not installed.
    """
    context.set_default(get(name))


def _configured() -> Engine:
    name, source = config.backend_name()
    if name not in _entries():
        raise ValueError(f"{source} is {name!r}, but there is no such engine. The engines are: {', '.join(names())}.")
    try:
        return get(name)
    except ImportError as error:
        raise ImportError(f"{error}  ({source} is {name!r}.)") from error


config.best_backend_with(best)
context.find_default_with(_configured)
