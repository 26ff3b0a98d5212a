"""Random cases of ops on all engines against NumPy and SciPy.

    python scripts/fuzz.py --cases 10000                  all engines that are installed; the exit status is 1 if one is wrong
    python scripts/fuzz.py --cases 1000000 --seed 7       a long run of other cases
    python scripts/fuzz.py --cases 20000 --document > docs/accuracy.md   the page of measured errors
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import hypothesis

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

import cornu  # noqa: E402
from cornu.contract import registry  # noqa: E402
from op_table import FUZZED, Case  # noqa: E402
from op_table.check import error_in_ulps  # noqa: E402
from op_table.draw import DISAGREEMENTS, cases, judge  # noqa: E402

PAGE = """# Accuracy of ops

The largest error that {count} random cases (ordinary numbers, infinities, NaNs, zeros, huge and tiny ones; all dtypes) have shown, in units of
the last place of the result's dtype, against NumPy and SciPy in double precision. Sums are measured at their largest element. "Allowed" is
what fails the suite. Written by `python scripts/fuzz.py --cases {count} --document > docs/accuracy.md`.
"""


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(description="Random cases of ops on all engines.")
    parser.add_argument("--cases", type=int, default=10_000, help="how many; 10000 by default")
    parser.add_argument("--engines", nargs="*", help="names; all that are installed by default")
    parser.add_argument("--ops", nargs="*", default=(), help="names; all by default")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other cases")
    parser.add_argument("--document", action="store_true", help="print the page of measured errors")
    given = parser.parse_args()
    engines = given.engines or [name for name in registry.names() if registry.is_installed(name)]
    errors: dict[tuple[str, str], float] = defaultdict(float)
    failures: dict[tuple[str, str], str] = {}

    @hypothesis.seed(given.seed)
    @hypothesis.settings(
        max_examples=given.cases,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases(tuple(given.ops)))
    def attempt(case: Case) -> None:
        for engine in engines:
            with cornu.engine(engine):
                key = case.spec.op, engine
                problem, found = judge(case)
                if problem:
                    failures.setdefault(key, problem)
                elif found:
                    errors[key] = max(errors[key], error_in_ulps(case, found))

    warnings.simplefilter("ignore")
    attempt()
    if given.document:
        _document(errors, engines, given.cases)
    for (op, engine), problem in sorted(failures.items()):
        print(f"{engine}: {op}: {problem}", file=sys.stderr)
    print(f"{given.cases} cases on {', '.join(engines)}: {len(failures)} (op, engine) pairs wrong.", file=sys.stderr)
    return int(bool(failures))


def _document(errors: dict[tuple[str, str], float], engines: list[str], count: int) -> None:
    print(PAGE.format(count=count))
    print(f"| op | allowed | {' | '.join(engines)} |\n|---|---|{'---|' * len(engines)}")
    for op in sorted({op for op, _ in errors}):
        row = " | ".join(f"{errors[op, engine]:.1f}" for engine in engines)
        print(f"| `{op}` | {FUZZED[op].spec.ulps:.0f} | {row} |")
    print("\n## Where engines may differ\n")
    for entry in DISAGREEMENTS:
        print(f"- {entry.what}: {entry.why}")


if __name__ == "__main__":
    sys.exit(main())
