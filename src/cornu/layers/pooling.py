"""Pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from cornu import config, ops
from cornu.layers.convolution import sizes
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer


class _Pooling(Layer):
    """A window of `pool_size` moved by `strides` (pool_size by default) with padding "valid" or "same"."""

    rank: ClassVar[int]
    pool: ClassVar[Any]
    arguments = "pool_size strides padding data_format"

    def __init__(
        self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: str | None = None,
        name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, **kwargs)
        if padding.lower() not in ("valid", "same"):
            raise ValueError(f"`padding` must be 'valid' or 'same', got {padding!r}.")
        self.pool_size = sizes(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else sizes(strides, self.rank, "strides")
        self.padding, self.data_format = padding.lower(), data_format or config.image_data_format()
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self).pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class _GlobalPooling(Layer):
    """Over all places; with `keepdims` the spatial dimensions stay with size 1."""

    rank: ClassVar[int]
    reduce: ClassVar[Any]
    arguments = "data_format keepdims"

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format, self.keepdims = data_format or config.image_data_format(), keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def call(self, inputs: Any) -> Any:
        return type(self).reduce(inputs, axis=self._axes(), keepdims=self.keepdims)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean over the steps of sequences; masked steps do not count. Arguments: as in `GlobalMaxPooling1D`."""

    rank, reduce = 1, staticmethod(ops.mean)
    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        axis = self._axes()[0]
        weight = ops.expand_dims(ops.cast(mask, inputs.dtype), 3 - axis)
        total = ops.sum(ops.multiply(inputs, weight), axis=axis, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(weight, axis=axis, keepdims=self.keepdims))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None


class _AdaptivePooling(Layer):
    """Windows chosen so that the output has `output_size` places."""

    rank: ClassVar[int]
    pool: ClassVar[Any]
    arguments = "output_size data_format"

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = sizes(output_size, self.rank, "output_size")
        self.data_format = data_format or config.image_data_format()
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self).pool(inputs, self.output_size, self.data_format)


class MaxPooling1D(_Pooling):
    """The largest of each window of sequences (N, steps, channels).

    Args:
        pool_size: of the window. This and `strides`: an int, or one per spatial dimension.
        strides: steps of the window, its size by default.
        padding: "valid" (windows that lie inside) or "same" (ceil(size / stride) windows; padding never wins).
        data_format: "channels_last" (N, *spatial, channels) or "channels_first" (N, channels, *spatial); by default keras.json's.
    """

    rank, pool = 1, staticmethod(ops.max_pool)


class MaxPooling2D(_Pooling):
    """The largest of each window of images. Arguments: as in `MaxPooling1D`."""

    rank, pool = 2, staticmethod(ops.max_pool)


class MaxPooling3D(_Pooling):
    """The largest of each window of volumes. Arguments: as in `MaxPooling1D`."""

    rank, pool = 3, staticmethod(ops.max_pool)


class AveragePooling1D(_Pooling):
    """The mean of each window of sequences, of what is not padding. Arguments: as in `MaxPooling1D`."""

    rank, pool = 1, staticmethod(ops.average_pool)


class AveragePooling2D(_Pooling):
    """The mean of each window of images, of what is not padding. Arguments: as in `MaxPooling1D`."""

    rank, pool = 2, staticmethod(ops.average_pool)


class AveragePooling3D(_Pooling):
    """The mean of each window of volumes, of what is not padding. Arguments: as in `MaxPooling1D`."""

    rank, pool = 3, staticmethod(ops.average_pool)


class GlobalMaxPooling1D(_GlobalPooling):
    """The largest over all steps of sequences (N, steps, channels): (N, channels).

    Args:
        data_format: "channels_last" (N, *spatial, channels) or "channels_first" (N, channels, *spatial); by default keras.json's.
        keepdims: whether the spatial dimensions stay, with size 1.
    """

    rank, reduce = 1, staticmethod(ops.max)


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest over all places of images. Arguments: as in `GlobalMaxPooling1D`."""

    rank, reduce = 2, staticmethod(ops.max)


class GlobalMaxPooling3D(_GlobalPooling):
    """The largest over all places of volumes. Arguments: as in `GlobalMaxPooling1D`."""

    rank, reduce = 3, staticmethod(ops.max)


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean over all places of images. Arguments: as in `GlobalMaxPooling1D`."""

    rank, reduce = 2, staticmethod(ops.mean)


class GlobalAveragePooling3D(_GlobalPooling):
    """The mean over all places of volumes. Arguments: as in `GlobalMaxPooling1D`."""

    rank, reduce = 3, staticmethod(ops.mean)


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """The largest of each of `output_size` windows that cover sequences evenly.

    output_size: an int, or one per spatial dimension. data_format: as in `MaxPooling1D`.
    """

    rank, pool = 1, staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """The largest of each of `output_size` windows that cover images evenly. Arguments: as in `AdaptiveMaxPooling1D`."""

    rank, pool = 2, staticmethod(ops.adaptive_max_pool)


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """The largest of each of `output_size` windows that cover volumes evenly. Arguments: as in `AdaptiveMaxPooling1D`."""

    rank, pool = 3, staticmethod(ops.adaptive_max_pool)


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """The mean of each of `output_size` windows that cover sequences evenly. Arguments: as in `AdaptiveMaxPooling1D`."""

    rank, pool = 1, staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """The mean of each of `output_size` windows that cover images evenly. Arguments: as in `AdaptiveMaxPooling1D`."""

    rank, pool = 2, staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """The mean of each of `output_size` windows that cover volumes evenly. Arguments: as in `AdaptiveMaxPooling1D`."""

    rank, pool = 3, staticmethod(ops.adaptive_average_pool)
