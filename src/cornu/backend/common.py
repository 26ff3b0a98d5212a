"""Settings, as `K` and as Keras 1's `K.common` have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.backend.drawing import ORDERINGS
from cornu.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from cornu.primitives import dtypes as dt


def cast_to_floatx(x: Any) -> np.ndarray:
    """A NumPy array (or what becomes one) in the dtype `floatx()`."""
    return np.asarray(x, dtype=dt.numpy_dtype(floatx()))


def normalize_data_format(value: str | None) -> str:
    """A data_format, `value`, in lower case; `image_data_format()` for None.

    "channels_last" is (N, *spatial, channels), "channels_first" (N, channels, *spatial).

    Raises:
        ValueError: for anything but these two.
    """
    name = image_data_format() if value is None else str(value).lower()
    if name not in ("channels_first", "channels_last"):
        raise ValueError(f"data_format must be 'channels_first' or 'channels_last', got {value!r}.")
    return name


def image_dim_ordering() -> str:
    """Keras 1's name of the data format: "th" (channels first) or "tf"."""
    return next(old for old, name in ORDERINGS.items() if name == image_data_format())


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the data format by its name in Keras 1, `dim_ordering`: "th" (channels first) or "tf".

    Raises:
        ValueError: for another name.
    """
    if dim_ordering not in ORDERINGS:
        raise ValueError(f"Unknown dim_ordering {dim_ordering!r}: 'th' (channels_first) or 'tf' (channels_last) is expected.")
    set_image_data_format(ORDERINGS[dim_ordering])


__all__ = [
    "cast_to_floatx", "epsilon", "floatx", "image_data_format", "image_dim_ordering", "normalize_data_format",
    "set_epsilon", "set_floatx", "set_image_data_format", "set_image_dim_ordering",
]  # fmt: skip
