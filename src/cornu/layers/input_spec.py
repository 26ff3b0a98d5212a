"""What a layer asks of its input."""

from __future__ import annotations

from typing import Any

from cornu import tree


class InputSpec:
    """Rank, sizes and dtype that an input must have.

    Args:
        dtype, shape, ndim, max_ndim, min_ndim: None for anything.
        axes: axis -> size (or None).
        allow_last_axis_squeeze: a last axis of size 1 may be missing or too many.
        name: of the input. optional: whether None may be given.
    """

    def __init__(
        self, dtype: Any = None, shape: Any = None, ndim: int | None = None, max_ndim: int | None = None,
        min_ndim: int | None = None, axes: dict[int, int | None] | None = None, allow_last_axis_squeeze: bool = False,
        name: str | None = None, optional: bool = False,
    ) -> None:  # fmt: skip
        self.dtype, self.shape = dtype, tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        ndim = None if self.shape is not None else self.ndim
        names = ("dtype", "shape", "max_ndim", "min_ndim", "axes", "allow_last_axis_squeeze", "name", "optional")
        return {**{name: getattr(self, name) for name in names}, "ndim": ndim}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """A spec from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        told = {name: value for name, value in self.get_config().items() if value}
        return f"InputSpec({', '.join(f'{name}={value}' for name, value in told.items())})"


def _squeezed(shape: tuple[Any, ...], spec: InputSpec) -> tuple[Any, ...]:
    """The shape with its last axis of size 1 dropped or added, where the spec allows it and the rank asks for it."""
    if spec.allow_last_axis_squeeze and spec.ndim is not None:
        if len(shape) == spec.ndim + 1 and shape[-1] == 1:
            return shape[:-1]
        if len(shape) == spec.ndim - 1 and (spec.shape is None or spec.shape[-1] == 1):
            return (*shape, 1)
    return shape


def assert_compatible(spec: Any, inputs: Any, name: str) -> None:
    """Raise ValueError, in the words that Keras users know, where an input breaks its spec."""
    specs, given = tree.flatten(spec), tree.flatten(inputs)
    for i, (one, x) in enumerate(zip(specs, given, strict=False)):
        if x is None and one.optional:
            continue
        if not hasattr(x, "shape"):
            raise ValueError(f'Input {i} of layer "{name}" must be a tensor or an array, got {x!r} of type {type(x).__name__}.')
        shape = _squeezed(tuple(x.shape), one)
        head = f'Input {i} of layer "{name}" is incompatible with the layer: '
        if one.ndim is not None and len(shape) != one.ndim:
            raise ValueError(f"{head}expected ndim={one.ndim}, found ndim={len(shape)}. Full shape received: {shape}")
        if one.max_ndim is not None and len(shape) > one.max_ndim:
            raise ValueError(f"{head}expected max_ndim={one.max_ndim}, found ndim={len(shape)}")
        if one.min_ndim is not None and len(shape) < one.min_ndim:
            raise ValueError(f"{head}expected min_ndim={one.min_ndim}, found ndim={len(shape)}. Full shape received: {shape}")
        for axis, size in one.axes.items():
            if size is not None and shape[axis] not in (size, None):
                raise ValueError(
                    f"{head}expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
                )
        for size, got in zip(one.shape or (), shape, strict=False):
            if size is not None and got is not None and size != got:
                raise ValueError(f"{head}expected shape={one.shape}, found shape={shape}")
