"""Variables: named cells that layers, optimizers and metrics keep their state in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from cornu import config, context
from cornu.contract import state
from cornu.contract.engine import Engine
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import lookup

_autocast: ContextVar[str | None] = ContextVar("cornu_autocast", default=None)


@contextlib.contextmanager
def autocast(dtype: str | None) -> Iterator[None]:
    """Inside the block, floating-point variables made with `autocast=True` read as `dtype` (None: as they are)."""
    token = _autocast.set(dtype)
    try:
        yield
    finally:
        _autocast.reset(token)


class Variable(state.Cell):
    """A tensor that can be assigned. It lives on the engine that was in charge when it was made.

    Args:
        initializer: its first value (array, tensor, number), or a function `(shape, dtype)` that gives it.
        shape: needed with a function.
        dtype: by default that of the value; `floatx()` with a function.
        trainable: whether optimizers should update it.
        autocast: whether it reads in the compute dtype of a layer with mixed precision.
        aggregation, synchronization, layout: kept for distributed training; no effect on one device.
        name: shown in summaries and paths.
        kwargs: none is known.

    Raises:
        ValueError: for a function without a shape, or a shape with unknown dimensions.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"Variable got unexpected arguments: {', '.join(kwargs)}.")
        self.engine: Engine = context.current().host
        self.name = name or "variable"
        self.path = self.name
        self.trainable = self.made_trainable = bool(
            trainable
        )  # the latter keeps the order of a layer's weights when they are frozen
        self.autocast = bool(autocast)
        self.aggregation, self.synchronization, self._layout = aggregation, synchronization, layout
        self.regularizer: Callable[[Any], Any] | None = None
        self.constraint: Callable[[Any], Any] | None = None
        self.overwrite_with_gradient = False
        array = self._first_value(initializer, shape, dtype)
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.storage_dtype = dt.name_of(array.dtype)
        self.storage = self.engine.create_storage(array, self.trainable and dt.is_float(self.storage_dtype))

    def _first_value(self, initializer: Any, shape: Any, dtype: Any) -> np.ndarray:
        dtype = dt.name_of(dtype) if dtype is not None else None
        with context.use(self.engine), state.no_scope():
            if callable(initializer) and not hasattr(initializer, "shape"):
                if shape is None or None in tuple(shape):
                    raise ValueError(f"Variable {self.name!r} needs a complete shape for its initializer, got shape={shape}.")
                initializer = initializer(tuple(shape), dtype=dtype or config.floatx())
            if isinstance(initializer, Variable):
                initializer = initializer.numpy()
            array = self.engine.to_numpy(self.engine.asarray(initializer, dtype))
        if shape is not None and tuple(shape) != array.shape:
            raise ValueError(f"Variable {self.name!r}: shape={tuple(shape)}, but its value has shape {array.shape}.")
        return array

    @property
    def dtype(self) -> str:  # type: ignore[override]
        """The dtype in which it reads."""
        target = _autocast.get()
        return target if target and self.autocast and dt.is_float(self.storage_dtype) else self.storage_dtype

    @property
    def value(self) -> Any:
        """The tensor that it holds now: the engine's own storage, cast where a layer computes in another dtype."""
        tensor = state.read(self)
        if self.dtype != self.storage_dtype:
            tensor = context.current().kernel(lookup("cast"))(tensor, dtype=self.dtype)
        return tensor

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def assign(self, value: Any) -> Any:
        """Replace the value; the shape stays.

        Raises:
            ValueError: if the shape differs.
        """
        engine = context.current()
        if engine.host is not self.engine:
            if isinstance(value, Variable) or not isinstance(value, (np.ndarray, np.generic, int, float, bool, list, tuple)):
                owner = value.engine if isinstance(value, Variable) else engine
                value = owner.to_numpy(owner.asarray(value.value if isinstance(value, Variable) else value))
            engine = self.engine
        if isinstance(value, Variable):
            value = state.read(value)
        if not engine.is_tensor(value) or engine.dtype_of(value) != self.storage_dtype:
            value = _convert(engine, value, self.storage_dtype)
        if tuple(engine.shape_of(value)) != self.shape:
            raise ValueError(
                f"Variable {self.path!r} has shape {self.shape}; a value of shape {tuple(value.shape)} can't be assigned to it."
            )
        state.write(self, value)
        return value

    def assign_add(self, value: Any) -> Any:
        """Add to the value."""
        return self.assign(_in_charge(self, "add", value))

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value."""
        return self.assign(_in_charge(self, "subtract", value))

    def numpy(self) -> np.ndarray:
        """A copy of the value as a NumPy array."""
        return np.array(self.engine.to_numpy(state.read(self)))

    def to(self, engine: Engine) -> None:
        """Move it, with its value, to another engine."""
        if engine is not self.engine:
            array = self.numpy()
            self.engine = engine
            self.storage = engine.create_storage(array, self.trainable and dt.is_float(self.storage_dtype))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        return array.astype(dtype) if dtype is not None else array

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.storage_dtype}, engine={self.engine.name}>"


def _convert(engine: Engine, value: Any, dtype: str) -> Any:
    if engine.is_tensor(value):
        return engine.kernel(lookup("cast"))(value, dtype=dtype)
    return engine.asarray(value, dtype)


def _in_charge(variable: Variable, primitive: str, value: Any) -> Any:
    engine = context.current()
    with context.use(engine if engine.host is variable.engine else variable.engine):
        return lookup(primitive)(state.read(variable), value)
