"""`python -m benchmarks.curves`: how far the loss of each step is from NumPy's, for each job and engine, from the same seed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

import cornu
from benchmarks.jobs import JOBS, Job
from cornu import utils
from cornu.contract import registry


def curve(job: Job, engine: str, steps: int) -> np.ndarray:
    """The loss of each of the first steps."""
    with cornu.engine(engine):
        utils.set_random_seed(1)
        model = job.compiled(cornu)
        x, y = job.data()
        batches = [slice(i * job.batch, (i + 1) * job.batch) for i in (step % job.steps for step in range(steps))]
        return np.array([model.train_on_batch(x[rows], y[rows]) for rows in batches])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; the exit status tells whether all stay within the bound."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curves", description=__doc__)
    installed = [name for name in registry.names() if registry.is_installed(name)]
    parser.add_argument("--engines", nargs="+", choices=installed, default=[n for n in installed if n != "numpy"])
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--steps", type=int, default=20, help="how many (default 20)")
    parser.add_argument("--bound", type=float, default=1e-3, help="largest relative difference allowed (default 1e-3)")
    given = parser.parse_args(arguments)
    table = Table(title=f"Largest relative difference of a loss from NumPy's within {given.steps} steps")
    for column in ("job", *given.engines):
        table.add_column(column, justify="left" if column == "job" else "right")
    worst = 0.0
    for name in given.jobs:
        reference = curve(JOBS[name], "numpy", given.steps)
        apart = [float(np.max(np.abs(curve(JOBS[name], engine, given.steps) / reference - 1))) for engine in given.engines]
        worst = max(worst, *apart)
        table.add_row(name, *[f"{difference:.1e}" for difference in apart])
    Console().print(table)
    return int(worst > given.bound)


if __name__ == "__main__":
    sys.exit(main())
