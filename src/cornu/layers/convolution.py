"""Convolution layers."""

from __future__ import annotations

from typing import Any

from cornu import activations, config, constraints, initializers, ops, regularizers
from cornu.layers.core import weights_config
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer


def sizes(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """One positive int per spatial dimension. Raises ValueError."""
    found = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(found) != rank or any(not isinstance(n, int) or n < 1 for n in found):
        raise ValueError(f"The `{name}` argument must be a positive int or a tuple of {rank}, got {value!r}.")
    return found


class Conv2D(Layer):
    """2-D convolution of images.

    Args:
        filters: number of output channels. kernel_size, strides, dilation_rate: an int or a pair. padding: "valid" or "same".
        data_format: "channels_last" (N, height, width, channels) or "channels_first"; from keras.json by default.
        groups: channels are split into so many groups with filters of their own.
        activation, use_bias, *_initializer, *_regularizer, *_constraint: as in `Dense`.
    """

    rank = 2

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = (1, 1), groups: int = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(filters, int) or filters <= 0 or filters % groups:
            raise ValueError(f"`filters` must be a positive multiple of `groups`, got filters={filters!r}, groups={groups}.")
        if padding.lower() not in ("valid", "same"):
            raise ValueError(f"`padding` must be 'valid' or 'same', got {padding!r}.")
        self.filters, self.groups, self.padding = filters, groups, padding.lower()
        self.kernel_size = sizes(kernel_size, self.rank, "kernel_size")
        self.strides, self.dilation_rate = sizes(strides, self.rank, "strides"), sizes(dilation_rate, self.rank, "dilation_rate")
        self.data_format = data_format or config.image_data_format()
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2)

    def build(self, input_shape: Any) -> None:
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels is None or channels % self.groups:
            raise ValueError(f"Layer {self.name!r}: the number of input channels must be a multiple of groups={self.groups}, got {input_shape}.")
        self.kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters), self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint, name="kernel",
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.filters,), self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias"
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={axis: channels})

    def call(self, inputs: Any) -> Any:
        x = ops.conv(inputs, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        if self.bias is not None:
            shape = (1,) * (self.rank + 1) + (-1,) if self.data_format == "channels_last" else (1, -1) + (1,) * self.rank
            x = ops.add(x, ops.reshape(self.bias, shape))
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size, "strides": self.strides,
            "padding": self.padding, "data_format": self.data_format, "dilation_rate": self.dilation_rate, "groups": self.groups,
            "activation": activations.serialize(self.activation), "use_bias": self.use_bias, **weights_config(self, "kernel", "bias"),
        }  # fmt: skip
