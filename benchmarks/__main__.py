"""`python -m benchmarks [--engines …] [--jobs …]`: Cornu's `fit` and `predict` beside hand-written loops, and real Keras where there is one."""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import loops
from benchmarks.jobs import JOBS
from cornu.contract import registry

ROOT = Path(__file__).parents[1]
WRITTEN = [module.name for module in pkgutil.iter_modules(loops.__path__)]
ENGINES = [name for name in registry.names() if name in WRITTEN and registry.is_installed(name)]
EDITIONS = [name for name in registry.editions() if name.replace("-", "_") in WRITTEN and registry.is_installed(name)]
IMPORTS = 5  # times that an import is timed
LOSS_TOLERANCE = 0.02  # relative; libraries sum in different orders
KERAS_ENGINES = ("jax", "torch", "tensorflow")  # those that real Keras trains on


def run(python: str, *arguments: str, **environment: str) -> str:
    """The output of a Python process of its own, started beside the project."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    inherited = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    done = subprocess.run([python, *arguments], cwd=ROOT, env=inherited, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}:\n{done.stderr}")
    return done.stdout


def race(engine: str, name: str, rounds: int, keras: str | None, solo: bool) -> dict[str, Any]:
    """What the worker measured of Cornu and the hand-written loop in turn, and of each (and Keras) in a process of its own."""
    work = lambda python, *kinds: json.loads(  # noqa: E731
        run(python, "-m", "benchmarks.worker", name, engine, str(rounds if len(kinds) > 1 else 2), *kinds, KERAS_BACKEND=engine)
    )
    found = work(sys.executable, "cornu", "hand")
    for kind in ("cornu", "hand") if solo else ():
        alone = work(sys.executable, kind)[kind]
        found[kind].update(first_step_s=alone["first_step_s"], peak_mb=alone["peak_mb"])
    if keras and engine in KERAS_ENGINES:
        found |= work(keras, "keras")
    ours, hand = found["cornu"]["loss"], found["hand"]["loss"]
    if abs(ours - hand) > LOSS_TOLERANCE * hand:
        raise AssertionError(f"{engine}, {name}: the two don't compute the same: Cornu's loss is {ours}, the hand-written loop's {hand}.")
    pairs = zip(found["cornu"]["step_ms"], found["hand"]["step_ms"], strict=True)
    rows = zip(found["cornu"]["predict_ms"], found["hand"]["predict_ms"], strict=True)
    ratios = {"step_ratio": median(a / b for a, b in pairs), "predict_ratio": median(a / b for a, b in rows)}
    return {"engine": engine, "job": name, **ratios, **found}


def import_seconds(python: str, statement: str, **environment: str) -> float:
    """How long a statement takes after `import numpy`; median of several processes."""
    timed = f"import time, numpy; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    return median(float(run(python, "-c", timed, **environment).split()[-1]) for _ in range(IMPORTS))


def imports(engines: list[str], keras: str | None) -> dict[str, float]:
    """Statement -> seconds over `import numpy`."""
    found = {"import cornu": import_seconds(sys.executable, "import cornu")}
    for engine in engines:
        for module in registry.requirements(engine)[:1]:
            found[f"import {module}"] = import_seconds(sys.executable, f"import {module}")
        statement = f"import cornu; cornu.backend.set_backend('{engine}')"
        found[statement] = import_seconds(sys.executable, statement)
        if keras and engine in KERAS_ENGINES:
            found[f"import keras  # on {engine}"] = import_seconds(keras, "import keras", KERAS_BACKEND=engine)
    return found


def table(results: list[dict[str, Any]], keras: bool) -> Table:
    """All results, one line per engine and job."""
    shown = Table(title="ms per step of `fit` and per `predict` of one row; seconds of the first step; peak MB of the process")
    columns = ["engine", "job", "hand", "Cornu", "ratio", *(["Keras", "ratio"] if keras else [])]
    for column in [*columns, "predict", "Cornu", "ratio", "first", "Cornu", "peak", "Cornu"]:
        shown.add_column(column, justify="left" if column in ("engine", "job") else "right")
    for row in results:
        hand, cornu = row["hand"], row["cornu"]
        step = median(hand["step_ms"])
        cells = [f"{step:.3f}", f"{median(cornu['step_ms']):.3f}", f"{row['step_ratio']:.2f}"]
        if keras:
            theirs = median(row["keras"]["step_ms"]) if "keras" in row else None
            cells += [f"{theirs:.3f}", f"{theirs / step:.2f}"] if theirs else ["", ""]
        cells += [f"{median(hand['predict_ms']):.3f}", f"{median(cornu['predict_ms']):.3f}", f"{row['predict_ratio']:.2f}"]
        cells += [f"{who['first_step_s']:.2f}" for who in (hand, cornu)] + [f"{who['peak_mb']:.0f}" for who in (hand, cornu)]
        shown.add_row(row["engine"], row["job"], *cells)
    return shown


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=[*ENGINES, *EDITIONS], metavar="ENGINE", help=", ".join([*ENGINES, *EDITIONS]))
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=JOBS, metavar="JOB", help=", ".join(f"{k}: {j.what}" for k, j in JOBS.items()))
    parser.add_argument("--rounds", type=int, default=7, help="how often the two take turns (default 7)")
    parser.add_argument("--quick", action="store_true", help="no processes of their own for first step and peak memory, no imports")
    parser.add_argument("--keras", default=os.environ.get("KERAS_PYTHON"), help="Python of an environment with Keras 3 ($KERAS_PYTHON)")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    given = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    pairs = [(engine, name) for engine in given.engines for name in given.jobs]
    progress = track(pairs, "racing", console=Console(stderr=True), transient=True)
    results = [race(engine, name, given.rounds, given.keras, not given.quick) for engine, name in progress]
    console.print(table(results, bool(given.keras)))
    seconds = {} if given.quick else imports(given.engines, given.keras)
    for statement, took in seconds.items():
        console.print(f"{took * 1e3:6.0f} ms over `import numpy`: {statement}", highlight=False)
    if given.json:
        given.json.write_text(json.dumps({"jobs": results, "imports": seconds}, indent=1))


if __name__ == "__main__":
    main()
