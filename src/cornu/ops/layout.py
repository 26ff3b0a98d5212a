"""Where channels and spatial dimensions stand, and how windows walk over them: shared by convolution, pooling and images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import config
from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of

Tensor = Any
Pairs = tuple[tuple[int, int], ...]


def channels_last(data_format: str | None, where: str) -> bool:
    """Whether channels come last under `data_format` (None: the configured one).

    Raises:
        ValueError: naming the op `where`, for an unknown data format.
    """
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{where}: data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    return data_format == "channels_last"


def to_last(x: Tensor) -> Tensor:
    """(N, C, *spatial) -> (N, *spatial, C)."""
    rank = len(shape_of(x))
    return P.transpose(x, axes=(0, *range(2, rank), 1))


def to_first(x: Tensor) -> Tensor:
    """(N, *spatial, C) -> (N, C, *spatial)."""
    rank = len(shape_of(x))
    return P.transpose(x, axes=(0, rank - 1, *range(1, rank - 1)))


def with_channels_last(x: Tensor, data_format: str | None, where: str, body: Callable[[Tensor], Tensor]) -> Tensor:
    """`body` of (N, *spatial, C) inputs, whatever the data format; what it gives goes back to that format."""
    return body(x) if channels_last(data_format, where) else to_first(body(to_last(x)))


def spatial_rank(x: Tensor, where: str) -> int:
    """Number of spatial dimensions of a batch: 1, 2 or 3.

    Raises:
        ValueError: for another rank.
    """
    rank = len(shape_of(x)) - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"{where}: expected a batch with channels and 1 to 3 spatial dimensions, got shape {shape_of(x)}.")
    return rank


def per_dimension(value: Any, rank: int, what: str, least: int = 1) -> tuple[int, ...]:
    """An int, or `rank` of them, as a tuple; each at least `least`."""
    sizes = (value,) * rank if type(value) is int or not np.iterable(value) else tuple(value)
    if len(sizes) != rank or any(not isinstance(n, (int, np.integer)) or n < least for n in sizes):
        kind = "positive int" if least == 1 else f"int not less than {least}"
        raise ValueError(f"{what} must be a {kind} or {rank} of them, got {value!r}.")
    return tuple(int(n) for n in sizes)


def padding_name(padding: Any, where: str) -> str:
    """ "valid" or "same", in lower case."""
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ValueError(f"{where}: padding must be 'valid' or 'same', got {padding!r}.")
    return padding.lower()


def explicit_padding(padding: Any, sizes: Any, window: Any, strides: Any, dilation: Any, where: str) -> Pairs:
    """Explicit (low, high) zeros per spatial dimension for "valid" or "same" (as TensorFlow: the odd one at the end).

    Raises:
        ValueError: for another padding, or where a window has no place.
    """
    same = padding_name(padding, where) == "same"
    for n, k, d in zip(sizes, window, dilation, strict=True):
        if n < (1 if same else (k - 1) * d + 1):
            apart = "" if all(d == 1 for d in dilation) else f" with dilation {tuple(dilation)}"
            raise ValueError(
                f"{where}: a window of {tuple(window)}{apart} is larger than the inputs, whose spatial sizes are {tuple(sizes)}; "
                "use padding='same', a smaller window or larger inputs."
            )
    if not same:
        return ((0, 0),) * len(sizes)
    pairs = []
    for n, k, s, d in zip(sizes, window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return tuple(pairs)


def pad_axes(x: Tensor, pairs: dict[int, tuple[int, int]], value: float = 0) -> Tensor:
    """`value` before and after x along some axes (negative: cropped)."""
    if not any(map(any, pairs.values())):
        return x
    rank = len(shape_of(x))
    low, high = ([pairs.get(i, (0, 0))[side] for i in range(rank)] for side in (0, 1))
    return P.pad(x, P.cast(value, dtype=dtype_of(x)), low=tuple(low), high=tuple(high), interior=(0,) * rank)


def window_places(size: int, window: int, stride: int, dilation: int, where: str) -> np.ndarray:
    """Indices (count, window) of what a window sees at each of its places along an axis.

    Raises:
        ValueError: where it has no place.
    """
    count = (size - (window - 1) * dilation - 1) // stride + 1
    if count < 1:
        raise ValueError(f"{where}: a window of {window} with dilation {dilation} is larger than the {size} elements of its axis.")
    return (np.arange(count, dtype="int32")[:, None] * stride + np.arange(window, dtype="int32") * dilation).astype("int32")


def on_batch(images: Tensor, data_format: str | None, where: str, body: Callable[[Tensor], Tensor], spatial: int = 2) -> Tensor:
    """`body` of a batch with its channels last, for a batch or a single image in the data format.

    Raises:
        ValueError: for another rank.
    """
    rank = len(shape_of(images))
    if rank not in (spatial + 1, spatial + 2):
        raise ValueError(f"{where}: expected one image or a batch, of rank {spatial + 1} or {spatial + 2}, got shape {shape_of(images)}.")
    if rank == spatial + 2:
        return with_channels_last(images, data_format, where, body)
    y = with_channels_last(P.reshape(images, shape=(1, *shape_of(images))), data_format, where, body)
    return P.reshape(y, shape=shape_of(y)[1:])
