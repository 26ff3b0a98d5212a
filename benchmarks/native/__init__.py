"""Hot ops as an expert writes them: one file per engine.

Each has `OPS`: the names of `benchmarks.ops.JOBS` -> a function of the library's tensors (NumPy: that gives a function back, too);
`form(function, arrays, gradient)`: a call of it, compiled as the library has it, which gives its result, or with `gradient` the gradients
by all floats of the sum of the results times `weights`; and `wait(results)` until they are computed.
"""

from __future__ import annotations

import numpy as np


def weights(shape: tuple[int, ...]) -> np.ndarray:
    """Fixed numbers, by which results are multiplied before they are summed."""
    return np.cos(np.arange(np.prod(shape, dtype=int), dtype="float32")).reshape(shape)
