"""Random cases of ops on all engines against NumPy and SciPy.

    python scripts/fuzz.py --cases 10000 -n 2             all engines that are installed, in two processes; exit status 1 if one is wrong
    python scripts/fuzz.py --cases 1000000 --seed 7 -n 8  a long run of other cases
    python scripts/fuzz.py --cases 1000 --gradients       gradients too, beside the NumPy engine's
    python scripts/fuzz.py --cases 20000 --document > docs/accuracy.md   the page of measured errors
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
import warnings
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import hypothesis

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

import cornu  # noqa: E402
from cornu.contract import registry  # noqa: E402
from op_table import FUZZED, Case  # noqa: E402
from op_table.check import error_in_ulps  # noqa: E402
from op_table.draw import DISAGREEMENTS, UNDRAWN, cases, judge  # noqa: E402
from op_table.gradients import judge_gradient  # noqa: E402

PAGE = """# Accuracy of ops

The largest error that {count} random cases (ordinary numbers, infinities, NaNs, zeros, huge and tiny ones; all dtypes) have shown, in units of
the last place of the result's dtype, against NumPy and SciPy in double precision. Sums are measured at their largest element or, where
terms may cancel, at the terms. Factorizations, which have several right answers, are measured at what these have in common: their
product, orthogonality, eigenvalues. "Allowed" is what fails the suite. Written by
`python scripts/fuzz.py --cases {count} --engines {engines} -n {jobs} --document > docs/accuracy.md`.

Engines that only run whole graphs (ONNX Runtime, Theano, CNTK) run each case in a compiled function. Primitives and dtypes that their
libraries lack (`python -m cornu engines` lists them) are the host's there, which is NumPy.
"""


SHARE = 5_000  # the most cases of a process: libraries keep what they compiled


class Found(NamedTuple):
    """Of (op, engine) pairs: the largest errors in units of the last place, and a description of the first failure."""

    errors: dict[tuple[str, str], float]
    failures: dict[tuple[str, str], str]


def run(cases_of: int, seed: int, engines: list[str], ops: list[str], gradients: bool) -> Found:
    """Judge that many cases, with their gradients if that is wanted."""
    found = Found(defaultdict(float), {})

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases_of,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases(tuple(ops)))
    def attempt(case: Case) -> None:
        for engine in engines:
            with cornu.engine(engine):
                key = case.spec.op, engine
                problem, results = judge(case)
                problem = problem or (judge_gradient(case) if gradients and results else None)
                if problem and key not in found.failures:
                    found.failures[key] = problem
                    print(f"{engine}: {case.spec.op}: {problem}", file=sys.stderr, flush=True)  # at once: long runs may be cut short
                elif not problem and results:
                    found.errors[key] = max(found.errors[key], error_in_ulps(case, results))

    warnings.simplefilter("ignore")
    attempt()
    return found


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(description="Random cases of ops on all engines.")
    parser.add_argument("--cases", type=int, default=10_000, help="how many; 10000 by default")
    parser.add_argument("--engines", nargs="*", help="names; all that are installed by default")
    parser.add_argument("--ops", nargs="*", default=[], help="names; all by default")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other cases")
    parser.add_argument("-n", "--jobs", type=int, default=1, help="processes among which the cases are shared out")
    parser.add_argument("--gradients", action="store_true", help="judge gradients, too")
    parser.add_argument("--document", action="store_true", help="print the page of measured errors")
    given = parser.parse_args()
    engines = given.engines or [name for name in registry.names() if registry.is_installed(name)]
    shares = max(given.jobs, -(-given.cases // SHARE))
    jobs = [(-(-given.cases // shares), given.seed * shares + i, engines, given.ops, given.gradients) for i in range(shares)]
    parts = []
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for part in pool.map(run, *zip(*jobs, strict=True)):
            parts.append(part)
            if shares > given.jobs:
                print(f"{len(parts)} of {shares} shares done", file=sys.stderr, flush=True)
    errors = {key: max(part.errors.get(key, 0.0) for part in parts) for key in {key for part in parts for key in part.errors}}
    failures = {key: problem for part in parts for key, problem in part.failures.items()}
    if given.document:
        _document(errors, engines, given)
    print(f"{given.cases} cases on {', '.join(engines)}: {len(failures)} (op, engine) pairs wrong.", file=sys.stderr)
    return int(bool(failures))


def _document(errors: dict[tuple[str, str], float], engines: list[str], given: argparse.Namespace) -> None:
    print(PAGE.format(count=given.cases, engines=" ".join(engines), jobs=given.jobs))
    print(f"| op | allowed | {' | '.join(engines)} |\n|---|---|{'---|' * len(engines)}")
    for op in sorted({op for op, _ in errors}):
        row = " | ".join(f"{errors.get((op, engine), 0.0):.1f}" for engine in engines)
        print(f"| `{op}` | {FUZZED[op].spec.ulps:.0f} | {row} |")
    print("\n## Where engines may differ\n")
    for entry in DISAGREEMENTS:
        print(f"- {entry.what}: {entry.why}")
    print("\n## Without random cases\n")
    for why, group in itertools.groupby(UNDRAWN, UNDRAWN.__getitem__):
        print(f"- {', '.join(f'`{op}`' for op in group)}: {why}")


if __name__ == "__main__":
    sys.exit(main())
