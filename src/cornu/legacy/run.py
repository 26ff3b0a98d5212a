"""Run a script as `python script.py` would, with `keras` meaning Cornu."""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from cornu.contract import registry


def split(arguments: Sequence[str]) -> tuple[str | None, list[str], str | None]:
    """The script, its arguments, and the engine of `--backend NAME`, which may stand anywhere before a `--`; what follows that is the script's.

    Raises:
        ValueError: if `--backend` has no name, or comes twice.
    """
    ours, after = list(arguments), []
    if "--" in ours:
        at = ours.index("--")
        ours, after = ours[:at], ours[at + 1 :]
    rest: list[str] = []
    engines: list[str] = []
    items = iter(ours)
    for item in items:
        if item == "--backend":
            engines.append(next(items, ""))
        elif item.startswith("--backend="):
            engines.append(item.partition("=")[2])
        else:
            rest.append(item)
    if len(engines) > 1 or "" in engines:
        raise ValueError("--backend needs the name of one engine. (What stands after `--` is the script's own.)")
    rest += after
    return (rest[0] if rest else None), rest[1:], engines[0] if engines else None


def run(script: str, arguments: Sequence[str] = (), backend: str | None = None) -> dict[str, Any]:
    """Run a script of Keras's on Cornu, as the process's main program: `sys.argv`, `sys.path[0]` and `__main__` are the script's.

    Args:
        script: its path. arguments: of the script. backend: engine, for child processes too; by default as configured.

    Returns:
        The script's globals. What it raises (SystemExit too) passes through; a traceback that nobody catches shows the script's frames alone.

    Raises:
        FileNotFoundError: if there is no such script. ValueError, ImportError: for an engine that is unknown or not installed.
    """
    with io.open_code(os.path.abspath(script)) as file:
        source = file.read()
    from cornu import as_keras  # what this does to the process is wanted now, not when this file is imported

    as_keras.install()
    if backend is not None:
        registry.set_backend(backend)
        os.environ["KERAS_BACKEND"] = backend
    main = ModuleType("__main__")
    main.__dict__.update(__file__=script, __builtins__=builtins, __cached__=None, __package__=None)
    sys.argv = [script, *arguments]
    sys.path[0:1] = [str(Path(script).resolve().parent)]
    sys.modules["__main__"] = main
    sys.excepthook = _excepthook
    exec(compile(source, script, "exec"), main.__dict__)
    return main.__dict__


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback without the frames that led to the script."""
    script = sys.argv[0]
    found = trace
    while found is not None and found.tb_frame.f_code.co_filename != script:
        found = found.tb_next
    sys.__excepthook__(kind, error.with_traceback(found), found)
