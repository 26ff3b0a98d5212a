"""Hot ops as an expert writes them: one file per engine.

Each has `OPS`: the names of `benchmarks.ops.JOBS` -> a function of the library's tensors (NumPy: that gives a function back, too);
`form(function, arrays, gradient)`: a call of it, compiled as the library has it, which gives its result, or with `gradient` the gradients
by all floats of the sum of the results times `weights`.

`CALLS`: names of `benchmarks.dispatch` -> the library's public eager function of the same arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def weights(shape: tuple[int, ...]) -> np.ndarray:
    """Fixed numbers, by which results are multiplied before they are summed."""
    return np.cos(np.arange(np.prod(shape, dtype=int), dtype="float32")).reshape(shape)


def named(namespace: Any, names: str) -> dict[str, Any]:
    """Those functions of a library's namespace, by name."""
    return {name: getattr(namespace, name) for name in names.split()}
