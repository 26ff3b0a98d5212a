"""Pooling layers."""

from __future__ import annotations

from typing import Any

from cornu import config, ops
from cornu.layers.convolution import sizes
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer


class _Pooling(Layer):
    """A window of `pool_size` moved by `strides` (pool_size by default) with padding "valid" or "same"."""

    rank = 2
    pool: Any = None

    def __init__(
        self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid", data_format: str | None = None,
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

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "pool_size": self.pool_size, "strides": self.strides, "padding": self.padding,
            "data_format": self.data_format,
        }  # fmt: skip


class MaxPooling2D(_Pooling):
    """The largest of each window of images."""

    pool = staticmethod(ops.max_pool)


class AveragePooling2D(_Pooling):
    """The mean of each window of images."""

    pool = staticmethod(ops.average_pool)


class GlobalAveragePooling2D(Layer):
    """The mean over height and width; with `keepdims` they stay with size 1."""

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format, self.keepdims = data_format or config.image_data_format(), keepdims
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=(1, 2) if self.data_format == "channels_last" else (2, 3), keepdims=self.keepdims)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}
