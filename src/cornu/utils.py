"""Utilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.random import set_seed as set_random_seed


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """One-hot vectors for integer classes.

    Args:
        x: integers of any shape (a last axis of size 1 is dropped). num_classes: the largest class plus one by default.
    """
    labels = np.asarray(x, dtype="int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = int(num_classes or labels.max() + 1)
    return (labels[..., None] == np.arange(count)).astype("float32")


__all__ = ["set_random_seed", "to_categorical"]
