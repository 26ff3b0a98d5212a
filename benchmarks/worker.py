"""One process: contestants train one job on one engine, in turn, round after round. Prints what was measured as JSON.

Called by `python -m benchmarks`: `python -m benchmarks.worker JOB ENGINE ROUNDS CONTESTANT...`; contestants: cornu, hand, keras.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.jobs import JOBS, Job

ROUND = 0.5  # seconds that a contestant trains in a round, about
PAUSE = 0.3  # seconds before that: OpenMP's threads wait awake for 0.2 s, on cores that the next contestant wants
CHECKED_EPOCHS = 2  # trained without shuffling, whose losses are compared


class Trained:
    """A model of Cornu or Keras in the race."""

    def __init__(self, job: Job, library: Any) -> None:
        library.utils.set_random_seed(1)
        self.job, self.model = job, job.compiled(library)
        self.weights = self.model.get_weights()

    def fit(self, x: Any, y: Any, epochs: int, shuffle: bool = True) -> float:
        """Train; returns the last epoch's mean loss."""
        return self.model.fit(x, y, self.job.batch, epochs, verbose=0, shuffle=shuffle).history["loss"][-1]

    def predict(self, row: Any) -> Any:
        """Logits."""
        return self.model.predict(row, verbose=0)


class Handwritten:
    """An expert's loop in the race."""

    def __init__(self, job: Job, name: str, engine: str, weights: Any) -> None:
        self.job, self.loop = job, getattr(importlib.import_module(f"benchmarks.loops.{engine.replace('-', '_')}"), name)(weights)

    def fit(self, x: Any, y: Any, epochs: int, shuffle: bool = True) -> float:
        """Train; returns the last epoch's mean loss."""
        return self.loop.fit(x, y, self.job.batch, epochs, shuffle)

    def predict(self, row: Any) -> Any:
        """Logits."""
        return self.loop.predict(row)


def seconds(function: Callable[..., Any], *args: Any) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def contestant(kind: str, name: str, engine: str) -> Any:
    """A contestant at its start. The hand-written loop starts from Cornu's weights, Keras from its own."""
    if kind == "keras":
        return Trained(JOBS[name], importlib.import_module("keras"))
    import cornu

    cornu.backend.set_backend("numpy" if kind == "hand" else engine)
    made = Trained(JOBS[name], cornu)
    return made if kind == "cornu" else Handwritten(JOBS[name], name, engine, made.weights)


def measure(name: str, engine: str, rounds: int, kinds: list[str]) -> dict[str, Any]:
    """Kind -> first_step_s, loss (of the checked epochs), step_ms and predict_ms (a list over rounds), peak_mb (of the process)."""
    job = JOBS[name]
    x, y = job.data()
    found: dict[str, Any] = {}
    racers = {}
    for kind in kinds:
        racers[kind] = racer = contestant(kind, name, engine)
        first = seconds(racer.fit, x[: job.batch], y[: job.batch], 1, False)
        found[kind] = {"first_step_s": first, "loss": racer.fit(x, y, CHECKED_EPOCHS, False), "step_ms": [], "predict_ms": []}
        racer.predict(x[:1])
    epoch = {kind: seconds(racer.fit, x, y, 1) for kind, racer in racers.items()}
    epochs = max(1, round(ROUND / min(epoch.values())))
    for _ in range(rounds):
        for kind, racer in racers.items():
            time.sleep(PAUSE)
            found[kind]["step_ms"].append(seconds(racer.fit, x, y, epochs) / (epochs * job.steps) * 1e3)
        for kind, racer in racers.items():
            time.sleep(PAUSE)
            found[kind]["predict_ms"].append(float(np.median([seconds(racer.predict, x[i : i + 1]) for i in range(100)])) * 1e3)
    for kind in kinds:
        found[kind]["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


if __name__ == "__main__":
    job_name, engine_name, count, *contestants = sys.argv[1:]
    with open(os.dup(1), "w") as out:
        os.dup2(2, 1)  # libraries may print
        json.dump(measure(job_name, engine_name, int(count), contestants), out)
