"""Hand-written loops in a process of their own under a Python of their own, which train whole epochs by themselves (../serving.py)."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cornu.engines.remote.process import Host


class Trainer:
    """A `Loop` (see there) in such a process. host: what runs it. script: the file in `benchmarks`."""

    def __init__(self, host: Callable[[str], Host], script: str, job: str, weights: list[Any]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        np.savez(self._path("weights.npz"), *weights)
        runs = host(str(Path(__file__).parents[1] / script))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [runs.python, "-sB", runs.library, job, self._path("weights.npz")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, **runs.variables},
            text=True,
        )
        self._saved: dict[int, Any] = {}

    def _path(self, name: str) -> str:
        return str(Path(self.folder.name) / name)

    def _file(self, array: np.ndarray) -> str:
        if id(array) not in self._saved:
            self._saved[id(array)] = array
            np.save(self._path(f"{id(array)}.npy"), array)
        return self._path(f"{id(array)}.npy")

    def _ask(self, *words: Any) -> str:
        assert self.process.stdin and self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def fit(self, x: np.ndarray, y: np.ndarray, batch: int, epochs: int, shuffle: bool = True) -> float:
        """Train; returns the last epoch's mean loss."""
        return float(self._ask("fit", self._file(x), self._file(y), batch, epochs, shuffle))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Rows -> logits."""
        np.save(self._path("row.npy"), x)
        self._ask("predict", self._path("row.npy"), self._path("out.npy"))
        return np.load(self._path("out.npy"))

