"""What op bodies share: reading their arguments, and small steps that are no ops themselves."""

from __future__ import annotations

import contextlib
import math
import operator
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from cornu import config, context
from cornu import primitives as P
from cornu.graph.graph import Unknown
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import broadcast

Tensor = Any
Axis = Any


def shape_of(x: Tensor) -> tuple[int, ...]:
    """Static shape of anything that can be an operand. Raises TypeError for what can't."""
    try:
        return tuple(x.shape)
    except AttributeError:
        context.current().describe(x, "shape")
        return np.shape(x)


def dtype_of(x: Tensor) -> str:
    """Dtype name of anything that can be an operand (of a Python number, the dtype that it becomes)."""
    if isinstance(getattr(x, "dtype", None), str):
        return x.dtype
    return dt.strong(context.current().describe(x, "dtype"))


def tensor(x: Tensor) -> Tensor:
    """`x` as a tensor of the engine in charge."""
    engine = context.current()
    if engine.is_tensor(x):
        return x
    if hasattr(x, "value") and hasattr(x, "storage"):
        return x.value
    engine.describe(x, "convert_to_tensor")
    return engine.asarray(x)


def rank_of(x: Tensor) -> int:
    """Number of dimensions of anything that can be an operand."""
    try:
        return len(x.shape)
    except AttributeError:
        return np.ndim(x)


def axis_of(axis: int, rank: int, where: str) -> int:
    """A non-negative axis. Raises ValueError naming the op where it is out of range, TypeError where it is no int."""
    if type(axis) is not int:
        axis = an_int(axis, where)
    if -rank <= axis < rank:
        return axis if axis >= 0 else axis + rank
    raise ValueError(f"{where}: axis {axis} is out of bounds for a tensor of rank {rank}.")


def axes_of(axis: Axis, rank: int, where: str) -> tuple[int, ...]:
    """Sorted non-negative axes for None (all), an int, or a sequence."""
    if type(axis) is int and 0 <= axis < rank:  # the commonest, at once
        return (axis,)
    if axis is None:
        return tuple(range(rank))
    if not isinstance(axis, Sequence):
        return (axis_of(axis, rank, where),)
    axes = [axis_of(a, rank, where) for a in axis]
    if len(set(axes)) != len(axes):
        raise ValueError(f"{where}: duplicate axes in {axis}.")
    return tuple(sorted(axes))


def joined(*xs: Tensor) -> str:
    """The dtype to which operands promote together; Python numbers are weak."""
    describe = context.current().describe
    return dt.result_type(*[describe(x, "result_type") for x in xs])


def cast(x: Tensor, dtype: str) -> Tensor:
    """x in another dtype. Numbers and lists go there at once: not through `floatx()`, which might lose digits."""
    if isinstance(x, (bool, int, float, complex, list, tuple)):
        return context.current().asarray(np.asarray(x).astype(dt.numpy_dtype(dtype)))
    return x if dtype_of(x) == dtype and not isinstance(x, np.ndarray) else P.cast(x, dtype=dtype)


def as_float(x: Tensor) -> Tensor:
    """x in floating point: floats and complex numbers stay, all else becomes `floatx()`."""
    return cast(x, dt.to_float(dtype_of(x)))


def as_floats(*xs: Tensor) -> list[Tensor]:
    """Operands in the floating dtype to which they promote together."""
    dtype = dt.to_float(joined(*xs))
    return [cast(x, dtype) for x in xs]


def wide(dtype: str) -> str:
    """The dtype to compute in: half precision in float32."""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def widened(x: Tensor) -> tuple[Tensor, str]:
    """x in floating point of at least 32 bits, to compute in; and the dtype to return."""
    dtype = dt.to_float(dtype_of(x))
    return cast(x, wide(dtype)), dtype


def counted(x: Tensor) -> Tensor:
    """x with bools as int32."""
    return cast(x, "int32") if dtype_of(x) == "bool" else x


def dtype_or(dtype: Any, default: str | None = None) -> str:
    """The name of a given dtype, else `default`, else `floatx()`."""
    return dt.name_of(dtype) if dtype is not None else default or config.floatx()


def shape_given(shape: Any, where: str) -> tuple[int, ...]:
    """A shape given as an int or a sequence of ints.

    Raises:
        ValueError: for unknown or negative sizes.
        TypeError: for what is no int.
    """
    given = (shape,) if type(shape) is int else tuple(shape) if np.iterable(shape) else (shape,)
    try:
        sizes = tuple(map(operator.index, given))
    except TypeError:
        if None not in given:
            raise TypeError(f"{where}: sizes must be ints, got {given}.") from None
        sizes = (-1,)
    if sizes and min(sizes) < 0:
        raise ValueError(f"{where}: a tensor needs a complete shape of sizes that are not negative, got {given}.")
    return sizes


def an_int(value: Any, what: str) -> int:
    """An int, from any type of ints. Raises TypeError naming `what`: the op, or the op and the parameter."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what}: expected an int, got {value!r}.") from None


def size_given(value: Any, what: str, least: int = 0) -> int:
    """An int of at least `least`. what: the op and the parameter, as in "top_k: k"."""
    size = an_int(value, what)
    if size < least:
        raise ValueError(f"{what} must be at least {least}, got {value!r}.")
    return size


def ints(value: Any, where: str) -> tuple[int, ...]:
    """An int, or a sequence of ints, as a tuple."""
    try:
        several = isinstance(value, (tuple, list)) or np.iterable(value)
        return tuple([operator.index(n) for n in value]) if several else (operator.index(value),)
    except TypeError:
        raise TypeError(f"{where}: expected an int or a sequence of ints, got {value!r}.") from None


def broadcast_shapes(where: str, *shapes: Any) -> tuple[int, ...]:
    """The common shape by NumPy's rules. Raises ValueError naming the op."""
    try:
        return broadcast(*shapes)
    except ValueError as error:
        raise ValueError(f"{where}: {error}.") from None


def numbers(x: Tensor, where: str) -> np.ndarray:
    """The values of x, for an op whose result's shape depends on them.

    Raises:
        TypeError: while a function is being compiled, when there are no values yet.
    """
    engine = context.current()
    if isinstance(x, (bool, int, float, complex, list, tuple, np.ndarray, np.generic)):
        return np.asarray(x)
    x = tensor(x)
    try:
        return np.asarray(engine.to_numpy(x))
    except (TypeError, AttributeError, NotImplementedError, RuntimeError) as error:
        raise Unknown(
            f"{where}: the shape of the result depends on values, which are not known while a function is being compiled. "
            "Call it eagerly, or use a form with a fixed size."
        ) from error


class Indivisible(ValueError):
    """A size that doesn't divide by `divisor`. While shapes are inferred, the stand-in for unknown dimensions may be to blame."""

    def __init__(self, message: str, divisor: int) -> None:
        super().__init__(message)
        self.divisor = divisor


def check_divides(divisor: int, size: int, message: str) -> None:
    """Raises ValueError with that message unless `size` is a multiple of `divisor`."""
    if divisor < 1 or size % divisor:
        raise Indivisible(message, divisor)


@dataclass
class StandIn:
    """While shapes are inferred: what stands for sizes that depend on values. turn: 0 or 1; used: whether there was such a size."""

    turn: int
    unbounded: int
    used: bool = False


_stand_in: ContextVar[StandIn | None] = ContextVar("cornu_stand_in", default=None)


@contextlib.contextmanager
def inferring(turn: int, unbounded: int) -> Iterator[StandIn]:
    """Inside the block sizes that depend on values are stood in for."""
    sizes = StandIn(turn, unbounded)
    token = _stand_in.set(sizes)
    try:
        yield sizes
    finally:
        _stand_in.reset(token)


def is_inferring() -> bool:
    """Whether shapes are being inferred: what runs, runs on values without numbers and may run again."""
    return _stand_in.get() is not None


def data_size(count: Tensor, where: str, most: int | None = None) -> int:
    """A size that depends on values, at most `most`. While shapes are inferred, a stand-in for it."""
    try:
        return int(numbers(count, where))
    except TypeError:
        sizes = _stand_in.get()
        if sizes is None:
            raise
        sizes.used = True
        return sizes.unbounded if most is None else max(most - sizes.turn, 0)


def number(x: Any, where: str) -> Any:
    """A Python number from one, or from a tensor of one element that has its value."""
    if isinstance(x, (bool, int, float, complex)):
        return x
    if math.prod(shape_of(x)) != 1:
        raise ValueError(f"{where}: expected a number, got a tensor of shape {shape_of(x)}.")
    return numbers(x, where).item()


def constant(value: Any, x: Tensor) -> Tensor:
    """A scalar of x's dtype."""
    return P.full(shape=(), value=value, dtype=dtype_of(x))


def slice_axis(x: Tensor, axis: int, start: int, limit: int, stride: int = 1) -> Tensor:
    """Elements from `start` up to `limit` along `axis`."""
    shape = shape_of(x)
    return P.slice(
        x,
        start=tuple(start if i == axis else 0 for i in range(len(shape))),
        limit=tuple(limit if i == axis else n for i, n in enumerate(shape)),
        strides=tuple(stride if i == axis else 1 for i in range(len(shape))),
    )


def aligned(x: Tensor, values: Tensor) -> Tensor:
    """x, which has a number for each sample (or step) of `values`, with dimensions of size 1 behind, so that it broadcasts to them.

    Where x has one dimension more than `values`, of size 1, it is dropped.
    """
    shape, more = shape_of(x), rank_of(values) - rank_of(x)
    if more > 0:
        return P.reshape(x, shape=(*shape, *(1,) * more))
    return P.reshape(x, shape=shape[:-1]) if more == -1 and shape[-1] == 1 else x


def permuted(x: Tensor, order: Sequence[int]) -> Tensor:
    """x with its dimensions in that order."""
    return tensor(x) if list(order) == list(range(len(order))) else P.transpose(x, axes=tuple(order))


def wrapped(indices: Tensor, size: int) -> Tensor:
    """Indices with negative ones counted from the end."""
    if isinstance(indices, (int, np.integer)):
        return int(indices) + size if indices < 0 else int(indices)
    if dtype_of(indices) in dt.UINTS:
        return indices
    return P.where(P.less(indices, 0), P.add(indices, size), indices)
