"""Hand-written training loops, as an expert writes them: one file per engine, one function per job.

Each function takes the initial weights in the order of Cornu's `get_weights()` and returns a `Loop`, so that both start at the same
place, see the same batches, and must arrive at the same loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Loop(NamedTuple):
    """A training loop.

    step: (x, y) of a batch -> its loss, which need not be computed yet. predict: rows -> logits as a NumPy array.
    prepare: turns the whole data, and the order of the samples, into what batches are taken from by indexing.
    """

    step: Callable[[Any, Any], Any]
    predict: Callable[[Any], np.ndarray]
    prepare: Callable[[np.ndarray], Any] = lambda array: array

    def fit(self, x: np.ndarray, y: np.ndarray, batch: int, epochs: int, shuffle: bool = True) -> float:
        """Train; returns the last epoch's mean loss."""
        rng = np.random.default_rng(0)
        data, labels = self.prepare(x), self.prepare(y)
        for _ in range(epochs):
            order = self.prepare(rng.permutation(len(x)) if shuffle else np.arange(len(x)))
            losses = []
            for start in range(0, len(x), batch):
                rows = order[start : start + batch]
                losses.append(self.step(data[rows], labels[rows]))
            mean = float(np.mean([float(loss) for loss in losses]))
        return mean


def fused_attention(weights: list[Any]) -> tuple[Any, Any, Any, Any]:
    """The weights of a `MultiHeadAttention` as matrices: (query, key and value side by side: kernel, bias; output: kernel, bias)."""
    wq, bq, wk, bk, wv, bv, wo, bo = weights
    width = len(wq)
    kernel = np.concatenate([w.reshape(width, -1) for w in (wq, wk, wv)], axis=1)
    return kernel, np.concatenate([b.ravel() for b in (bq, bk, bv)]), wo.reshape(-1, width), bo
