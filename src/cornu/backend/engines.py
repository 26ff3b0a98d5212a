"""The choice of the engine, and what Keras 3's `keras.backend` says of dtypes."""

from __future__ import annotations

from typing import Any

from cornu import config, context
from cornu.contract.registry import set_backend
from cornu.primitives import dtypes as dt


def backend() -> str:
    """Name of the engine in charge."""
    return context.current().name


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype (a name, a NumPy dtype, or an engine's); `floatx()` for None."""
    return config.floatx() if dtype is None else dt.name_of(dtype)


def is_float_dtype(dtype: Any) -> bool:
    """Whether it is a float dtype."""
    return dt.is_float(standardize_dtype(dtype))


def is_int_dtype(dtype: Any) -> bool:
    """Whether it is an integer dtype (bool is not)."""
    return dt.is_integer(standardize_dtype(dtype))


def result_type(*dtypes: Any) -> str:
    """The dtype to which operands of these dtypes (and Python's int, float, bool) promote together."""
    if not dtypes:
        return dt.strong("float")
    return dt.result_type(*[dt.WEAK.get(x) or standardize_dtype(getattr(x, "dtype", x)) for x in dtypes])


__all__ = ["backend", "is_float_dtype", "is_int_dtype", "result_type", "set_backend", "standardize_dtype"]
