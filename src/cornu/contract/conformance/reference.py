"""The table's NumPy references as an engine: what the others are held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.contract.engine import Kernels, default_dtype
from cornu.contract.recorded import RecordedEngine
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import TABLE


class ReferenceEngine(RecordedEngine):
    """Computes each primitive by its definition, however slowly."""

    name = "reference"
    library = "numpy"
    kernels = Kernels()

    def is_tensor(self, x: Any) -> bool:
        return isinstance(x, (np.ndarray, np.generic))

    def asarray(self, x: Any, dtype: str | None = None) -> np.ndarray:
        return np.asarray(x, dt.numpy_dtype(dtype or default_dtype(x)))

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def dtype_of(self, x: Any) -> str:
        return dt.name_of(x.dtype)


ReferenceEngine.kernels.update({name: record.reference for name, record in TABLE.items()})
REFERENCE = ReferenceEngine()
