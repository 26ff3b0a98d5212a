"""Data that gives its batches by number."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Base class of data for `fit`: define `__len__`, the number of batches, and `__getitem__(i)`, the i-th batch.

    A batch is `x`, `(x, y)` or `(x, y, sample_weight)`. `fit` takes them in another order each epoch unless `shuffle=False`.

    Args:
        workers, use_multiprocessing, max_queue_size: accepted, no effect: batches are made one after the other.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no `__len__` that gives the number of batches.")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no `__getitem__` that gives a batch.")

    @property
    def num_batches(self) -> int:
        """Batches in an epoch."""
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before each pass over the data."""

    def on_epoch_end(self) -> None:
        """Called after each pass over the data."""


Sequence = PyDataset  # its name in Keras 2
