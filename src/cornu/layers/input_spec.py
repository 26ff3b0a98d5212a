"""What a layer asks of its input."""

from __future__ import annotations

from typing import Any

from cornu import tree


class InputSpec:
    """Rank, sizes and dtype that an input must have.

    Args:
        dtype, shape, ndim, max_ndim, min_ndim: None for anything.
        axes: axis -> size (or None).
    """

    def __init__(
        self, dtype: Any = None, shape: Any = None, ndim: int | None = None, max_ndim: int | None = None,
        min_ndim: int | None = None, axes: dict[int, int | None] | None = None,
    ) -> None:  # fmt: skip
        self.dtype, self.shape = dtype, tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, axes or {}


def assert_compatible(spec: Any, inputs: Any, name: str) -> None:
    """Raise ValueError, in the words that Keras users know, where an input breaks its spec."""
    specs, given = tree.flatten(spec), tree.flatten(inputs)
    for i, (one, x) in enumerate(zip(specs, given, strict=False)):
        shape = tuple(x.shape)
        head = f'Input {i} of layer "{name}" is incompatible with the layer: '
        if one.ndim is not None and len(shape) != one.ndim:
            raise ValueError(f"{head}expected ndim={one.ndim}, found ndim={len(shape)}. Full shape received: {shape}")
        if one.max_ndim is not None and len(shape) > one.max_ndim:
            raise ValueError(f"{head}expected max_ndim={one.max_ndim}, found ndim={len(shape)}")
        if one.min_ndim is not None and len(shape) < one.min_ndim:
            raise ValueError(f"{head}expected min_ndim={one.min_ndim}, found ndim={len(shape)}. Full shape received: {shape}")
        for axis, size in one.axes.items():
            if size is not None and shape[axis] not in (size, None):
                raise ValueError(f"{head}expected axis {axis} of input shape to have value {size}, but received input with shape {shape}")
        for size, got in zip(one.shape or (), shape, strict=False):
            if size is not None and got is not None and size != got:
                raise ValueError(f"{head}expected shape={one.shape}, found shape={shape}")
