"""The command line: `cornu engines`, `cornu conformance`, `cornu demo`, `cornu run`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cornu

if TYPE_CHECKING:
    from cornu.contract.engine import Engine


def _engines() -> int:
    """Print a table of all engines, and below it what some of them can't do."""
    from rich.console import Console
    from rich.table import Table

    from cornu.contract import registry

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("engine", "version", "devices", "primitives", "dtypes"):
        table.add_column(column)
    notes: list[str] = []
    for name in registry.names():
        if not registry.is_installed(name):
            table.add_row(name, "not installed", style="dim")
            notes.append(f"{name} is not installed: {registry.install_command(name)}")
            continue
        try:
            engine = registry.get(name)
            table.add_row(name, engine.version(), ", ".join(engine.devices()), _primitives(engine), _dtypes(engine))
            notes += _gaps(engine)
        except Exception as error:  # one broken library must not hide the others
            table.add_row(name, "[red]fails to load[/]")
            notes.append(f"{name} fails to load: {type(error).__name__}: {error}")
    notes += [_edition(name) for name in registry.editions()]
    console = Console(soft_wrap=True)
    console.print(table)
    for note in ["", *notes] if notes else []:
        console.print(note, markup=False, highlight=False)
    return 0


def _edition(name: str) -> str:
    """How another edition of an engine is chosen, or installed."""
    from cornu.contract import registry

    engine, _, edition = name.partition("-")
    if registry.is_installed(name):
        return f"{name} is another edition of {engine}: CORNU_{engine.upper()}={edition} chooses it"
    return f"{name}, another edition of {engine}, is not installed: {registry.install_command(name)}"


ELSEWHERE = {"custom": "computes by NumPy, in operators of ours inside its programs", "host": "leaves to NumPy on the host"}


def _primitives(engine: Engine) -> str:
    """How many it computes in its own programs."""
    from cornu.primitives import TABLE

    own = sum(engine.support(primitive) in ("native", "custom") for primitive in TABLE)
    return f"all {own}" if own == len(TABLE) else f"{own} of {len(TABLE)}"


def _dtypes(engine: Engine) -> str:
    """In which dtypes it computes: all, all but a few, or a list."""
    from cornu.primitives.dtypes import DTYPES

    has, lacks = ([name for name in DTYPES if (name in engine.dtypes) is wanted] for wanted in (True, False))
    return f"all {len(has)}" if not lacks else f"all but {', '.join(lacks)}" if len(lacks) < len(has) else ", ".join(has)


def _gaps(engine: Engine) -> list[str]:
    """What it does not compute with the library's own operators, and what it can't do, with the reasons."""
    from cornu.primitives import TABLE

    groups: dict[str, list[str]] = {}
    for primitive in TABLE:
        groups.setdefault(engine.support(primitive), []).append(primitive)
    notes = [f"{engine.name} {what}: {', '.join(groups[how])}" for how, what in ELSEWHERE.items() if how in groups]
    reasons: dict[str, list[str]] = {}
    for primitive in groups.get("none", []):
        reasons.setdefault(engine.unsupported.get(primitive, "no kernel"), []).append(primitive)
    return notes + [f"{engine.name} can't compute {', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _install(parser: argparse.ArgumentParser, name: str | None) -> int:
    from cornu.contract import registry

    known = [*registry.names(), *registry.editions()]
    if name not in known:
        parser.error(f"which engine? One of: {', '.join(known)}")
    own = registry.installer(name)
    if own is None:
        print(f"Run: {registry.install_command(name)}")
        return 0 if registry.is_installed(name) else 1
    try:
        own.install()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Run a script with `keras` meaning Cornu. What it raises is the process's end, as with `python script.py`."""
    from cornu.contract import registry
    from cornu.legacy.run import run, split

    try:
        script, own, backend = split(arguments)
        if backend is not None:
            registry.require(backend)  # loading is for later: TensorFlow would import the other Keras
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    if script is None:
        parser.error("run which script? cornu run script.py [arguments] [--backend NAME]")
    if not os.path.isfile(script):
        parser.error(f"can't open {script!r}: there is no such file")
    run(script, own, backend)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="cornu", description="Keras, done again from scratch, on every engine.")
    parser.add_argument("--version", action="version", version=cornu.__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    engines = commands.add_parser("engines", help="list the engines: version, devices, what each can do, or how to install it")
    engines.add_argument("action", nargs="?", choices=["install"], help="install what an engine needs")
    engines.add_argument("name", nargs="?", help="the engine to install")
    conformance = commands.add_parser("conformance", help="check engines against the table of primitives")
    conformance.add_argument("engine", nargs="*", help="names; all that are installed by default")
    conformance.add_argument("-n", "--jobs", type=int, default=1, help="processes among which the checks are shared out")
    commands.add_parser("demo", help="train a small network on handwritten digits, on each engine installed")
    commands.add_parser(
        "run",
        add_help=False,
        help="run a script that imports keras: run script.py [arguments] [--backend NAME]; `run` may be left out",
    )
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and (arguments[0] == "run" or arguments[0].endswith(".py")):
        return _run(parser, arguments[arguments[0] == "run" :])
    given = parser.parse_args(arguments)
    if given.command == "engines":
        return _install(parser, given.name) if given.action else _engines()
    if given.command == "demo":
        from cornu.demo.digits import main as demo

        return demo()
    from cornu.contract import registry
    from cornu.contract.conformance import main as check

    return check(given.engine or [name for name in registry.names() if registry.is_installed(name)], given.jobs)


if __name__ == "__main__":
    sys.exit(main())
