"""Variables, constants, what tensors are, and the session that is no more."""

from __future__ import annotations

import contextlib
import math as _math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from cornu import config, context, ops
from cornu.backend.drawing import GraphVariable, drawn, draws
from cornu.backend.graph import eval, forget_learning_phase
from cornu.layers.layer import reset_names
from cornu.ops.common import dtype_of, shape_of
from cornu.ops.op import has_symbolic
from cornu.ops.symbolic import KerasTensor, apply, sizes_of
from cornu.primitives import dtypes as dt
from cornu.variable import Variable


class SparseTensor(NamedTuple):
    """The elements `values` at the rows of coordinates `indices` of a tensor of shape `dense_shape` that is zero elsewhere."""

    indices: Any
    values: Any
    dense_shape: Any


# Making them


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable.

    Args:
        value: its first value: array, number or tensor. dtype: `floatx()` by default, whatever the value's.
        name: of the variable. constraint: function of its value, for optimizers.

    Raises:
        ValueError: for a sparse matrix. TypeError: for a symbolic tensor.
    """
    if isinstance(value, KerasTensor):
        raise TypeError(f"variable: a symbolic tensor has no value to begin with: {value!r}. Give `K.eval` of it.")
    if hasattr(value, "tocoo"):
        raise ValueError("variable: sparse matrices are not supported; give `value.toarray()`.")
    made = GraphVariable(value, dtype=dt.name_of(dtype) if dtype is not None else config.floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """A tensor of the engine in charge.

    dtype: `floatx()` by default. shape: what the value, or one number, is brought to. name: kept for Keras, no effect.
    """
    array = np.asarray(value, dt.numpy_dtype(dt.name_of(dtype) if dtype is not None else config.floatx()))
    if shape is not None:
        array = np.full(shape, array) if array.size == 1 else array.reshape(shape)
    return ops.convert_to_tensor(array)


def _filled(shape: Any, dtype: Any, name: str | None, number: int) -> Any:
    dtype = dt.name_of(dtype) if dtype is not None else config.floatx()
    if has_symbolic((shape,)):
        return apply(_full, (tuple(shape), number, dtype), {})
    return variable(np.full(shape, number), dtype, name) if draws() else _full(shape, number, dtype)


def _full(shape: Any, number: int, dtype: str) -> Any:
    return ops.full(tuple(int(n) for n in shape), number, dtype)


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A variable of zeros; in layers' calls and compiled functions, a tensor.

    shape: of it; may hold symbolic sizes, which make it a symbolic tensor. dtype: `floatx()` by default. name: of the variable.
    """
    return _filled(shape, dtype, name, 0)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A variable of ones, or a tensor; see `zeros`."""
    return _filled(shape, dtype, name, 1)


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Any:
    """An identity matrix as a variable, or a tensor. size: number of rows, or (rows, columns). dtype, name: see `zeros`."""
    rows, columns = size if isinstance(size, (tuple, list)) else (size, size)
    dtype = dt.name_of(dtype) if dtype is not None else config.floatx()
    return variable(np.eye(rows, columns), dtype, name) if draws() else ops.eye(rows, columns, dtype=dtype)


@drawn
def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros of the shape of `x`, and of its dtype by default. name: kept for Keras, no effect."""
    return ops.zeros_like(x, dtype=dtype)


@drawn
def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones of the shape of `x`, and of its dtype by default. name: kept for Keras, no effect."""
    return ops.ones_like(x, dtype=dtype)


@drawn
def identity(x: Any, name: str | None = None) -> Any:
    """The same tensor. name: kept for Keras, no effect."""
    return ops.convert_to_tensor(x)


@drawn
def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype."""
    return ops.cast(x, dtype)


# What they are


def is_variable(x: Any) -> bool:
    """Whether `x` is a variable."""
    return isinstance(x, Variable)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of the engine in charge, a symbolic one, or a variable."""
    return isinstance(x, Variable) or ops.is_tensor(x)


def is_sparse(tensor: Any) -> bool:
    """Whether `tensor` is what `ctc_label_dense_to_sparse` gives."""
    return isinstance(tensor, SparseTensor)


def to_dense(tensor: Any) -> Any:
    """A sparse `tensor` as a dense one; others as they are."""
    return _dense(*tensor) if is_sparse(tensor) else tensor


@drawn
def _dense(indices: Any, values: Any, dense_shape: Any) -> Any:
    return ops.scatter(indices, values, tuple(int(n) for n in dense_shape))


def shape(x: Any) -> Any:
    """The shape as int32 numbers: an array; symbolic where `x` has unknown sizes, and usable where sizes are wanted then, too."""
    sizes = shape_of(x)
    return sizes_of(x) if None in sizes else np.asarray(sizes, "int32")


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, with None for unknown sizes."""
    return shape_of(x)


def ndim(x: Any) -> int:
    """Number of dimensions."""
    return len(shape_of(x))


def dtype(x: Any) -> str:
    """Name of the dtype."""
    return dtype_of(x)


@drawn
def size(x: Any, name: str | None = None) -> Any:
    """Number of elements, an int32 scalar. name: kept for Keras, no effect."""
    return ops.convert_to_tensor(np.asarray(_math.prod(shape_of(x)), "int32"))


def count_params(x: Any) -> int:
    """Number of elements.

    Raises:
        ValueError: where a size is unknown.
    """
    if None in shape_of(x):
        raise ValueError(f"count_params: {x!r} has an unknown size.")
    return _math.prod(shape_of(x))


# Values


def get_value(x: Any) -> np.ndarray:
    """The value of a variable (or tensor) as a NumPy array."""
    return eval(x)


def batch_get_value(ops: Sequence[Any]) -> list[np.ndarray]:
    """The values of several variables, `ops`, as NumPy arrays."""
    return [get_value(x) for x in ops]


def set_value(x: Any, value: Any) -> None:
    """Give a variable another value, at once.

    Raises:
        TypeError: if `x` is no variable. ValueError: for another shape.
    """
    if not isinstance(x, Variable):
        raise TypeError(f"set_value: expected a variable, got {x!r}.")
    x.assign(value if context.current().is_tensor(value) else np.asarray(value, dt.numpy_dtype(x.storage_dtype)))


def batch_set_value(tuples: Sequence[tuple[Any, Any]]) -> None:
    """Give several variables other values; `tuples`: pairs (variable, value)."""
    for x, value in tuples:
        set_value(x, value)


# Names


_uids: dict[str, int] = {}


def get_uid(prefix: str = "") -> int:
    """1 at the first call with a prefix, then 2, 3, …"""
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


def reset_uids() -> None:
    """Let `get_uid` count anew."""
    _uids.clear()


class name_scope:
    """Context manager that gives its name, for Keras: names of variables come from their layers.

    Args:
        name, default_name: of the scope. values: without effect.
    """

    def __init__(self, name: str | None, default_name: str | None = None, values: Any = None) -> None:
        self.name = name or default_name
        if not isinstance(self.name, str):
            raise TypeError(f"name_scope: expected a string, got name={name!r} and default_name={default_name!r}.")

    def __enter__(self) -> str:
        return f"{self.name}/"

    def __exit__(self, *exception: object) -> None:
        pass


@contextlib.contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """Context manager without effect, whatever `control_inputs`: what is computed follows from the data.

    Updates are given to `K.function`.
    """
    yield


# The session


def clear_session(free_memory: bool = True) -> None:
    """Number layers and names anew, and forget the learning phase that was set. free_memory: without effect."""
    reset_names()
    reset_uids()
    forget_learning_phase()


def get_session() -> Any:
    """There is none.

    Raises:
        NotImplementedError: saying what to do instead.
    """
    raise NotImplementedError(
        "get_session: there are no sessions. Compute a tensor by `K.eval(x)` or `K.function(inputs, outputs)`, read and write "
        "variables by `K.get_value` and `K.set_value`. Variables have their first values when they are made."
    )


def set_session(session: Any) -> None:
    """Without effect, whatever `session`, but for a warning: there are no sessions."""
    warnings.warn(
        "set_session: there are no sessions, so it has no effect. Options of devices are those of the engine's library.",
        stacklevel=2,
    )


def manual_variable_initialization(value: bool) -> None:
    """Without effect, with a warning if `value` is true: variables have their first values when they are made."""
    if value:
        warnings.warn("manual_variable_initialization: variables have their first values when they are made.", stacklevel=2)


__all__ = [
    "SparseTensor", "batch_get_value", "batch_set_value", "cast", "clear_session", "constant", "control_dependencies",
    "count_params", "dtype", "eye", "get_session", "get_uid", "get_value", "identity", "int_shape", "is_sparse",
    "is_tensor", "is_variable", "manual_variable_initialization", "name_scope", "ndim", "ones", "ones_like",
    "reset_uids", "set_session", "set_value", "shape", "size", "to_dense", "variable", "zeros", "zeros_like",
]  # fmt: skip
