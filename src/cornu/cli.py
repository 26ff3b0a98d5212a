"""The command line: `cornu engines`, `cornu conformance`, `cornu demo`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import cornu


def _engines() -> int:
    from rich.console import Console
    from rich.table import Table

    from cornu.contract import registry
    from cornu.primitives import TABLE

    table = Table()
    for column in ("engine", "version", "devices", "primitives"):
        table.add_column(column)
    for name in registry.names():
        if not registry.is_installed(name):
            table.add_row(name, "not installed", registry.install_command(name), "")
            continue
        try:
            engine = registry.get(name)
        except Exception as error:
            table.add_row(name, "fails to load", f"{type(error).__name__}: {error}", "")
            continue
        missing = [primitive for primitive in TABLE if primitive not in engine.kernels]
        can = f"{len(TABLE) - len(missing)} of {len(TABLE)}" + (f", not {', '.join(missing)}" if missing else "")
        table.add_row(name, engine.version(), ", ".join(engine.devices()), can)
    Console().print(table)
    return 0


def _install(parser: argparse.ArgumentParser, name: str | None) -> int:
    from cornu.contract import registry

    if name not in registry.names():
        parser.error(f"which engine? One of: {', '.join(registry.names())}")
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
