"""Shapes and elements of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import config, ops
from cornu.backend.common import normalize_data_format
from cornu.backend.drawing import drawn
from cornu.ops.common import dtype_of, shape_of


@drawn
def transpose(x: Any) -> Any:
    """The axes in the opposite order."""
    return ops.transpose(x)


@drawn
def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in the order of `pattern`."""
    return ops.transpose(x, axes=tuple(pattern))


@drawn
def reshape(x: Any, shape: Any) -> Any:
    """x in another shape; a size of -1 follows from the others."""
    return ops.reshape(x, tuple(-1 if n is None else int(n) for n in shape))


@drawn
def flatten(x: Any) -> Any:
    """A vector of all elements."""
    return ops.reshape(x, (-1,))


@drawn
def batch_flatten(x: Any) -> Any:
    """(N, ...) -> (N, product of the other sizes)."""
    n, *rest = shape_of(x)
    return ops.reshape(x, (n, math.prod(rest)))


@drawn
def expand_dims(x: Any, axis: int = -1) -> Any:
    """An axis of size 1 at `axis`."""
    return ops.expand_dims(x, axis)


@drawn
def squeeze(x: Any, axis: int) -> Any:
    """x without `axis`, whose size is 1."""
    return ops.squeeze(x, axis)


@drawn
def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """`tensors` one after the other along `axis`."""
    return ops.concatenate(list(tensors), axis=axis)


@drawn
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Tensors of one shape side by side along a new axis."""
    return ops.stack(list(x), axis=axis)


@drawn
def repeat(x: Any, n: int) -> Any:
    """(N, d) -> (N, n, d), each row n times.

    Raises:
        ValueError: for another rank.
    """
    if len(shape_of(x)) != 2:
        raise ValueError(f"repeat: a tensor of rank 2 is needed, got shape {shape_of(x)}.")
    return ops.repeat(ops.expand_dims(x, 1), int(n), axis=1)


@drawn
def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element along `axis` `rep` times."""
    return ops.repeat(x, int(rep), axis=axis)


def _ints(values: Any) -> Any:
    """Sizes, which may be arrays without axes, as Python's numbers."""
    return tuple(int(n) for n in values) if np.ndim(values) or isinstance(values, (list, tuple)) else int(values)


@drawn
def tile(x: Any, n: Any) -> Any:
    """x repeated n times: one number for each axis, or one for the last."""
    return ops.tile(x, _ints(n))


@drawn
def reverse(x: Any, axes: Any) -> Any:
    """x backwards along `axes`, an int or several."""
    return ops.flip(x, axis=axes if isinstance(axes, int) else tuple(axes))


@drawn
def slice(x: Any, start: Any, size: Any) -> Any:
    """The block of `size` that begins at `start`: a number for each axis; a size of -1 takes the rest.

    Raises:
        ValueError: if there are not as many numbers as axes.
    """
    if not (shape_of(start)[0] == shape_of(size)[0] == len(shape_of(x))):
        raise ValueError(f"slice: start={start} and size={size} need a number for each axis of shape {shape_of(x)}.")
    return ops.slice(x, _ints(start), _ints(size))


@drawn
def gather(reference: Any, indices: Any) -> Any:
    """Rows of `reference` at `indices`."""
    return ops.take(reference, ops.cast(indices, "int32"), axis=0)


@drawn
def one_hot(indices: Any, num_classes: int) -> Any:
    """`indices` as vectors of `num_classes` numbers along a last axis, 1 at the index and 0 elsewhere."""
    return ops.one_hot(ops.cast(indices, "int32"), num_classes, dtype=config.floatx())


@drawn
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Any:
    """Numbers from `start` (0, if there is no `stop`) to before `stop`; none where the steps lead away from it.

    step: between them. dtype: of the numbers.
    """
    start, stop, step = (n.item() if isinstance(n, np.ndarray) else n for n in (start, stop, step))
    return ops.arange(start, stop, step, dtype=dtype)


# Padding


def _padded(x: Any, padding: Any, data_format: str | None) -> Any:
    pairs = [tuple(pair) for pair in padding]
    rank = len(shape_of(x))
    if rank != len(pairs) + 2 or any(len(pair) != 2 for pair in pairs):
        raise ValueError(
            f"padding={padding} is wrong for a tensor of shape {shape_of(x)}: a pair (before, after) is needed for each "
            "spatial dimension."
        )
    last = normalize_data_format(data_format) == "channels_last"
    return ops.pad(x, [(0, 0), *pairs, (0, 0)] if last else [(0, 0), (0, 0), *pairs])


@drawn
def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Zeros before and after the middle axis of (N, time, d); padding: how many, a pair."""
    return _padded(x, (padding,), "channels_last")


@drawn
def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around images; padding: ((top, bottom), (left, right)). data_format: see `normalize_data_format`."""
    return _padded(x, padding, data_format)


@drawn
def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around volumes; padding: a pair (before, after) for each of three dimensions.

    data_format: see `normalize_data_format`.
    """
    return _padded(x, padding, data_format)


# Resizing


@drawn
def resize_images(x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest") -> Any:
    """Images larger by whole factors, `height_factor` and `width_factor`.

    Args:
        data_format: see `normalize_data_format`.
        interpolation: "nearest", or "bilinear": between the pixels' upper left corners, as Keras 2 had it
            (`ops.image.resize` goes between their centers).

    Raises:
        ValueError: for another interpolation.
    """
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"resize_images: interpolation must be 'nearest' or 'bilinear', got {interpolation!r}.")
    first = 1 if normalize_data_format(data_format) == "channels_last" else 2
    for axis, factor in enumerate((height_factor, width_factor), first):
        x = ops.repeat(x, factor, axis=axis) if interpolation == "nearest" else _between(x, factor, axis)
    return x


def _between(x: Any, factor: int, axis: int) -> Any:
    """`factor` points from each element to the next one along `axis`; the last element has none after it."""
    size = shape_of(x)[axis]
    place = np.arange(size * factor)
    share = ((place % factor) / factor).reshape(-1, *(1,) * (len(shape_of(x)) - 1 - axis))
    here, after = (
        ops.take(x, i.astype("int32"), axis=axis) for i in (place // factor, np.minimum(place // factor + 1, size - 1))
    )
    return ops.add(here, ops.multiply(ops.subtract(after, here), ops.cast(share, dtype_of(x))))


@drawn
def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Any:
    """Volumes larger by whole factors, `depth_factor`, `height_factor` and `width_factor`: elements are repeated.

    data_format: see `normalize_data_format`.
    """
    first = 1 if normalize_data_format(data_format) == "channels_last" else 2
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), first):
        x = ops.repeat(x, factor, axis=axis)
    return x


__all__ = [
    "arange", "batch_flatten", "concatenate", "expand_dims", "flatten", "gather", "one_hot", "permute_dimensions",
    "repeat", "repeat_elements", "reshape", "resize_images", "resize_volumes", "reverse", "slice", "spatial_2d_padding",
    "spatial_3d_padding", "squeeze", "stack", "temporal_padding", "tile", "transpose",
]  # fmt: skip
