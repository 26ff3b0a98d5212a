"""The suite: all checks of an engine in order, their outcomes, and the report."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from rich.console import Console
from rich.table import Table

from cornu.contract import registry
from cornu.contract.conformance import contraction, control, elementwise, linalg, reduction, structure  # noqa: F401 (they enter cases)
from cornu.contract.conformance.case import GENERATORS
from cornu.contract.conformance.checks import Check, checks
from cornu.contract.conformance.expected import EXPECTED, Expected
from cornu.contract.conformance.independent import scipy
from cornu.contract.conformance.overrides import override_checks
from cornu.contract.conformance.reflection import kernel_checks
from cornu.contract.conformance.services import service_checks
from cornu.contract.engine import Engine
from cornu.primitives.primitive import TABLE


@dataclass(frozen=True)
class Outcome:
    """What came of one check. problem: what was wrong, or None; expected: the entry that foresaw it, or None."""

    family: str
    group: str
    case: str
    problem: str | None
    expected: Expected | None

    @property
    def failed(self) -> bool:
        """Whether it speaks against the engine: a failure not expected, or an expected one that did not come."""
        return (self.problem is None) != (self.expected is None)


def groups(engine: Engine) -> list[tuple[str, str]]:
    """Family and group of all checks: a group is a primitive, an overridden op, the kernels or the services."""
    primitives = [(record.family, name) for name, record in TABLE.items()]
    return [
        ("kernels", "kernels"),
        ("services", "services"),
        *primitives,
        *[("overrides", f"override {op}") for op in engine.kernels.overrides],
    ]


def checks_of(engine: Engine, family: str, group: str) -> Iterator[tuple[str, Check]]:
    """Case and check of all checks of a group."""
    if family == "kernels":
        yield from kernel_checks(engine)
    elif family == "services":
        yield from service_checks(engine)
    elif family == "overrides":
        yield from override_checks(engine, group.removeprefix("override "))
    elif group not in GENERATORS:
        yield "cases", functools.partial(str, f"the suite has no cases for {group}")
    elif group in engine.unsupported:
        yield "unsupported", functools.partial(_check_refusal, engine, group)
    else:
        yield from checks(engine, list(GENERATORS[group](group)))


def _check_refusal(engine: Engine, name: str) -> str | None:
    """Of a primitive that the engine declares unsupported: it must say why."""
    try:
        engine.kernel(TABLE[name])
    except NotImplementedError as error:
        return None if engine.unsupported[name] in str(error) else f"the error does not say why: {error}"
    return "it is declared unsupported, and yet there is a kernel"


def run(
    engine: Engine, select: Callable[[str, str], bool] | None = None, entries: Iterable[Expected] = EXPECTED
) -> list[Outcome]:
    """Run the checks of an engine.

    Args:
        engine: what is checked.
        select: which checks to run, by family and group; all by default.
        entries: the expected failures.

    Returns:
        An outcome for each check; and for each entry that covers none.
    """
    chosen = [(family, group) for family, group in groups(engine) if select is None or select(family, group)]
    outcomes = [outcome for family, group in chosen for outcome in run_group(engine, family, group, entries)]
    return outcomes + (_unused(engine, outcomes, entries) if select is None else [])


def run_group(engine: Engine, family: str, group: str, entries: Iterable[Expected] = EXPECTED) -> list[Outcome]:
    """Run the checks of one group."""
    outcomes = []
    with np.errstate(all="ignore"):
        for case, check in checks_of(engine, family, group):
            entry = next((e for e in entries if e.covers(engine.name, group, case)), None)
            outcomes.append(Outcome(family, group, case, _attempt(check), entry))
    return outcomes


def _unused(engine: Engine, outcomes: list[Outcome], entries: Iterable[Expected]) -> list[Outcome]:
    """An outcome for each expected failure that covers nothing."""
    used = {outcome.expected for outcome in outcomes}
    return [Outcome("kernels", e.group, e.case, None, e) for e in entries if e.engine == engine.name and e not in used]


def run_in_processes(name: str, jobs: int) -> list[Outcome]:
    """As `run`, with the groups shared out among `jobs` processes."""
    engine = registry.get(name)
    families, names = zip(*groups(engine), strict=True)
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        shares = pool.map(_run_named, [name] * len(names), families, names)
        outcomes = [outcome for share in shares for outcome in share]
    return outcomes + _unused(engine, outcomes, EXPECTED)


def _run_named(name: str, family: str, group: str) -> list[Outcome]:
    return run_group(registry.get(name), family, group)


def _attempt(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # whatever an engine raises is its answer
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def report(console: Console, engine: Engine, outcomes: list[Outcome], seconds: float) -> None:
    """Print the failures and the table of an engine."""
    for outcome in outcomes:
        if outcome.failed:
            what = outcome.problem or f"passes or does not exist, but is expected to fail: {outcome.expected.reason}"  # type: ignore[union-attr]
            console.print(f"[red]FAILED[/] {engine.name}: {outcome.group} · {outcome.case}: ", end="")
            console.print(what, markup=False, highlight=False)
    table = Table(title=f"{engine.name} ({engine.library} {engine.version()}), {seconds:.0f} s")
    for column in ("family", "checks", "passed", "expected failures", "failed"):
        table.add_column(column, justify="left" if column == "family" else "right")
    for family in [*dict.fromkeys(outcome.family for outcome in outcomes), "all"]:
        row = [outcome for outcome in outcomes if family in (outcome.family, "all")]
        failed = sum(outcome.failed for outcome in row)
        foreseen = sum(outcome.expected is not None and not outcome.failed for outcome in row)
        cells = [
            str(len(row)),
            str(len(row) - failed - foreseen),
            str(foreseen),
            f"[red]{failed}[/]" if failed else "0",
        ]
        table.add_row(family, *cells, end_section=family != "all" and family == outcomes[-1].family)
    console.print(table)


def main(names: list[str], jobs: int = 1) -> int:
    """Check the named engines (all that are installed, if none is named), each in `jobs` processes, and print a table.

    Returns:
        0 if all do what the contract says, else 1.
    """
    console = Console(soft_wrap=True)
    if scipy is None:
        console.print("SciPy is not installed: values are held against the NumPy references only.")
    failed = False
    for name in names or [name for name in registry.names() if registry.is_installed(name)]:
        try:
            engine = registry.get(name)
        except (ImportError, ValueError) as error:
            print(error, file=sys.stderr)
            return 2
        start = time.perf_counter()
        outcomes = run(engine) if jobs == 1 else run_in_processes(name, jobs)
        report(console, engine, outcomes, time.perf_counter() - start)
        failed = failed or any(outcome.failed for outcome in outcomes)
    return int(failed)
