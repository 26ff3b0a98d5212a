"""Names of dtypes and the one promotion lattice, with weak Python scalars.

The lattice is the one of JAX (https://docs.jax.dev/en/latest/type_promotion.html), which Keras 3 adopted: `join(a, b)` is the
least upper bound. Python scalars are weak: "int" and "float" and "complex" stand below the sized types of their kind.
"""

from __future__ import annotations

import functools
from typing import Any

import ml_dtypes
import numpy as np

from cornu import config

UINTS = ("uint8", "uint16", "uint32", "uint64")
INTS = ("int8", "int16", "int32", "int64")
FLOATS = ("bfloat16", "float16", "float32", "float64")
COMPLEXES = ("complex64", "complex128")
DTYPES = ("bool", *UINTS, *INTS, *FLOATS, *COMPLEXES)
WEAK = {bool: "bool", int: "int", float: "float", complex: "complex"}

_PARENTS = {
    "bool": ("int",),
    "int": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16", "complex"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}


@functools.cache
def _above(name: str) -> frozenset[str]:
    return frozenset({name}).union(*(_above(parent) for parent in _PARENTS[name]))


@functools.cache
def join(first: str, second: str) -> str:
    """Least upper bound of two dtype names in the lattice; weak names may be among them and may come out."""
    common = _above(first) & _above(second)
    return next(name for name in common if common <= _above(name))


def result_type(*dtypes: str) -> str:
    """The dtype to which `dtypes` (names, weak ones too) promote together.

    A result that is weak takes its default size: "int" becomes int32, "float" `floatx()`, "complex" complex64 (complex128
    where floatx is float64).
    """
    return strong(functools.reduce(join, dtypes))


def strong(name: str) -> str:
    """The sized dtype that a weak one stands for; sized ones stay."""
    if name == "float":
        return config.floatx()
    if name == "complex":
        return "complex128" if config.floatx() == "float64" else "complex64"
    return "int32" if name == "int" else name


def to_float(name: str) -> str:
    """The dtype in which a function of real numbers computes: floats and complexes stay, all else is `floatx()`."""
    return name if name in FLOATS or name in COMPLEXES else strong(join(name, "float"))


def is_float(name: str) -> bool:
    """Whether `name` is a real floating dtype."""
    return name in FLOATS


def is_integer(name: str) -> bool:
    """Whether `name` is an integer dtype (bool is not)."""
    return name in INTS or name in UINTS


def is_differentiable(name: str) -> bool:
    """Whether gradients flow through tensors of this dtype."""
    return name in FLOATS or name in COMPLEXES


def real_part(name: str) -> str:
    """The dtype of the real part."""
    return {"complex64": "float32", "complex128": "float64"}.get(name, name)


def with_imaginary(name: str) -> str:
    """The complex dtype whose parts have the dtype `name`."""
    return "complex128" if name == "float64" else "complex64"


def itemsize(name: str) -> int:
    """Bytes per element."""
    return numpy_dtype(name).itemsize


def limits(name: str) -> tuple[Any, Any]:
    """The least and the greatest number of a dtype of integers or floats, finite ones, of that dtype."""
    info: Any = np.iinfo(name) if is_integer(name) else ml_dtypes.finfo(numpy_dtype(name))
    return numpy_dtype(name).type(info.min), numpy_dtype(name).type(info.max)


def largest(name: str) -> float:
    """The largest finite number of a floating dtype."""
    return float(limits(name)[1])


def smallest_normal(name: str) -> float:
    """The smallest positive number of a floating dtype with all its digits."""
    return float(ml_dtypes.finfo(numpy_dtype(name)).smallest_normal)


def accumulate(name: str) -> str:
    """The dtype in which a sum of `name` is taken: small integers and bool widen to 32 bits, as in Keras."""
    return {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}.get(name, name)


@functools.cache
def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype of a name (bfloat16 comes from `ml_dtypes`)."""
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


@functools.cache
def _name_of_numpy(dtype: np.dtype) -> str:
    return dtype.name  # a property that NumPy computes anew each time


def name_of(dtype: Any) -> str:
    """The name of what a user may give as a dtype: a name, a NumPy dtype or scalar type, a Python type, an engine's dtype.

    Raises:
        ValueError: if it is no dtype that Cornu knows.
    """
    if isinstance(dtype, np.dtype):
        name = _name_of_numpy(dtype)
    elif isinstance(dtype, str):
        name = config.floatx() if dtype == "float" else "int32" if dtype == "int" else dtype
    elif dtype in WEAK:
        name = strong(WEAK[dtype])
    elif isinstance(dtype, type) and issubclass(dtype, np.generic):
        name = np.dtype(dtype).name
    else:
        name = getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]
    if name not in DTYPES:
        raise ValueError(f"Invalid dtype: {dtype!r}. Expected one of: {', '.join(DTYPES)}.")
    return name
