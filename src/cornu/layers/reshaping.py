"""Layers that move elements: flatten, reshape, permute, repeat, pad, crop, enlarge."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from cornu import config, ops
from cornu.layers.convolution import sizes
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer


class Flatten(Layer):
    """All but the batch axis as one: (N, ...) -> (N, product of the other sizes).

    data_format: with "channels_first" channels are moved last before; by default keras.json's.
    """

    arguments = "data_format"

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or config.image_data_format()
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        if self.data_format == "channels_first" and len(inputs.shape) > 2:
            inputs = ops.moveaxis(inputs, 1, -1)
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))


class Reshape(Layer):
    """The same elements per sample in `target_shape` (without the batch axis); one size may be -1 and follows from the others."""

    arguments = "target_shape"

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = (target_shape,) if isinstance(target_shape, int) else tuple(target_shape)

    def call(self, inputs: Any) -> Any:
        per_sample = math.prod(inputs.shape[1:])
        known = math.prod(n for n in self.target_shape if n != -1)
        if self.target_shape.count(-1) > 1 or (per_sample % known if -1 in self.target_shape else per_sample != known):
            raise ValueError(
                f"Layer {self.name!r}: samples of shape {tuple(inputs.shape[1:])} can't be reshaped to {self.target_shape}."
            )
        shape = tuple(per_sample // known if n == -1 else n for n in self.target_shape)
        return ops.reshape(inputs, (inputs.shape[0], *shape))


class Permute(Layer):
    """The axes of each sample in another order: `dims` are their numbers, from 1.

    Raises:
        ValueError: if these aren't 1 to their count.
    """

    arguments = "dims"

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"`dims` must be the numbers 1 to {len(self.dims)} in some order, got {dims}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Each vector (N, features) n times, as a sequence (N, n, features)."""

    arguments = "n"

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)


class _Spatial(Layer):
    """Base of layers that change the spatial dimensions alone."""

    rank: ClassVar[int]
    data_format = "channels_last"

    def _set_data_format(self, data_format: str | None) -> None:
        self.data_format = data_format or config.image_data_format()
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _axes(self) -> range:
        first = 1 if self.data_format == "channels_last" else 2
        return range(first, first + self.rank)


def _pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """(before, after) per spatial dimension from an int, one int each, or pairs (of one dimension also a pair alone)."""
    rows = (value,) * rank if isinstance(value, int) else tuple(value)
    if rank == 1 and len(rows) == 2:
        rows = (rows,)
    pairs = tuple((row, row) if isinstance(row, int) else tuple(row) for row in rows)
    if len(pairs) != rank or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ValueError(f"`{name}` must be an int, or an int or a pair of ints for each of {rank} dimension(s), got {value!r}.")
    return pairs  # type: ignore[return-value]


class _ZeroPadding(_Spatial):
    """Zeros around. Args: padding: an int, an int per spatial dimension, or a pair (before, after) per dimension."""

    arguments = "padding data_format"

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        self._pairs = _pairs(padding, self.rank, "padding")
        self.padding: Any = self._pairs if self.rank > 1 else self._pairs[0]

    def call(self, inputs: Any) -> Any:
        widths = [(0, 0)] * len(inputs.shape)
        for axis, pair in zip(self._axes(), self._pairs, strict=True):
            widths[axis] = pair
        return ops.pad(inputs, widths)


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after sequences.

    padding: an int for both sides, or a pair (before, after). data_format: as in `MaxPooling1D`.
    """

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images.

    padding: an int, or for each dimension an int or a pair (before, after). data_format: as in `MaxPooling1D`.
    """

    rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes. Arguments: as in `ZeroPadding2D`."""

    rank = 3


class _Cropping(_Spatial):
    arguments = "cropping"

    def __init__(self, cropping: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        self._pairs = _pairs(cropping, self.rank, "cropping")
        self.cropping: Any = self._pairs if self.rank > 1 else self._pairs[0]

    def call(self, inputs: Any) -> Any:
        key = [slice(None)] * len(inputs.shape)
        for axis, (before, after) in zip(self._axes(), self._pairs, strict=True):
            if before + after >= inputs.shape[axis]:
                raise ValueError(
                    f"Layer {self.name!r}: cropping={self.cropping} leaves nothing of an input of shape {tuple(inputs.shape)}."
                )
            key[axis] = slice(before, inputs.shape[axis] - after)
        return ops.get_item(inputs, tuple(key))


class Cropping1D(_Cropping):
    """Steps cut off at the ends of sequences: `cropping` is an int for both sides, or a pair (before, after)."""

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, "channels_last", **kwargs)


class Cropping2D(_Cropping):
    """Rows and columns cut off at the edges of images.

    cropping: an int, or for each dimension an int or a pair (before, after). data_format: as in `MaxPooling1D`.
    """

    rank = 2
    arguments = "data_format"

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """What lies at the faces of volumes cut off. Arguments: as in `Cropping2D`."""

    rank = 3
    arguments = "data_format"

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


class _UpSampling(_Spatial):
    arguments = "size"

    def __init__(self, size: Any = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_data_format(data_format)
        self._times = sizes(size, self.rank, "size")
        self.size: Any = self._times if self.rank > 1 else self._times[0]

    def call(self, inputs: Any) -> Any:
        for axis, times in zip(self._axes(), self._times, strict=True):
            inputs = ops.repeat(inputs, times, axis=axis)
        return inputs


class UpSampling1D(_UpSampling):
    """Each step of sequences `size` times."""

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, "channels_last", **kwargs)


class UpSampling2D(_UpSampling):
    """Images enlarged `size` (an int, or one per dimension) times.

    interpolation: "nearest" for repetition, "bilinear", "bicubic", "lanczos3" or "lanczos5", as `ops.image.resize` has them.
    data_format: as in `MaxPooling1D`.
    """

    rank = 2
    arguments = "data_format interpolation"

    def __init__(self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any) -> None:
        super().__init__(size, data_format, **kwargs)
        known = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        if interpolation not in known:
            raise ValueError(f"`interpolation` must be one of {', '.join(known)}, got {interpolation!r}.")
        self.interpolation = interpolation

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        target = tuple(inputs.shape[axis] * times for axis, times in zip(self._axes(), self._times, strict=True))
        return ops.image.resize(inputs, target, interpolation=self.interpolation, data_format=self.data_format)


class UpSampling3D(_UpSampling):
    """Volumes enlarged `size` (an int, or one per dimension) times by repetition. data_format: as in `MaxPooling1D`."""

    rank = 3
    arguments = "data_format"

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(size, data_format, **kwargs)
