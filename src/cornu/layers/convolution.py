"""Convolution layers of one, two and three dimensions."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from cornu import activations, config, ops
from cornu.layers.input_spec import InputSpec
from cornu.layers.weights import Weighted


def sizes(value: Any, rank: int, name: str) -> tuple[int, ...]:
    """One positive int per spatial dimension. Raises ValueError."""
    found = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(found) != rank or any(not isinstance(n, int) or n < 1 for n in found):
        raise ValueError(f"The `{name}` argument must be a positive int or a tuple of {rank}, got {value!r}.")
    return found


class _Convolution(Weighted):
    """What all have in common: windows, padding, an activation, and a bias per output channel."""

    rank: ClassVar[int]
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")
    arguments = "kernel_size strides padding data_format dilation_rate activation use_bias"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Show the defaults per dimension, as Keras does."""
        super().__init_subclass__(**kwargs)
        if vars(cls).get("rank", 1) > 1:
            shown = inspect.signature(cls)
            ones = {name: shown.parameters[name].replace(default=(1,) * cls.rank) for name in ("strides", "dilation_rate")}
            cls.__signature__ = shown.replace(parameters=[ones.get(p.name, p) for p in shown.parameters.values()])  # type: ignore[attr-defined]

    def _keep(
        self, kernel_size: Any, strides: Any, padding: str, data_format: Any, dilation_rate: Any, activation: Any, use_bias: bool
    ) -> None:
        if padding.lower() not in self.paddings:
            raise ValueError(f"`padding` must be one of {', '.join(map(repr, self.paddings))}, got {padding!r}.")
        self.kernel_size, self.padding = sizes(kernel_size, self.rank, "kernel_size"), padding.lower()
        self.strides, self.dilation_rate = sizes(strides, self.rank, "strides"), sizes(dilation_rate, self.rank, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"`strides > 1` not supported in conjunction with `dilation_rate > 1`, got {strides} and {dilation_rate}."
            )
        self.data_format = data_format or config.image_data_format()
        if self.data_format not in config.IMAGE_DATA_FORMATS:
            raise ValueError(f"`data_format` must be one of {', '.join(config.IMAGE_DATA_FORMATS)}, got {data_format!r}.")
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2)

    def _channels(self, input_shape: Any) -> int:
        """The number of input channels, which is fixed from here on."""
        axis = -1 if self.data_format == "channels_last" else 1
        if input_shape[axis] is None:
            raise ValueError(
                f"Layer {self.name!r}: the number of channels must be known, got an input of shape {tuple(input_shape)}."
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={axis: input_shape[axis]})
        return input_shape[axis]

    def _finish(self, x: Any) -> Any:
        """Bias and activation."""
        if self.bias is not None:
            shape = (1,) * (self.rank + 1) + (-1,) if self.data_format == "channels_last" else (1, -1) + (1,) * self.rank
            x = ops.add(x, ops.reshape(self.bias, shape))
        return self.activation(x)

    bias: Any = None


def _positive(layer: Any, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{type(layer).__name__}: `{name}` must be a positive integer, got {value!r}.")
    return value


class _Conv(_Convolution):
    """Convolution over the spatial dimensions.

    Args:
        filters: number of output channels. kernel_size, strides, dilation_rate: an int, or one per spatial dimension.
        padding: "valid", "same", or for sequences "causal" (an output does not see what comes later).
        data_format: "channels_last" (N, *spatial, channels) or "channels_first" (N, channels, *spatial); by default keras.json's.
        groups: channels are split into so many groups with filters of their own.
        activation, use_bias, *_initializer, *_regularizer, *_constraint: as in `Dense`.
    """

    arguments = "filters groups"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = 1, groups: int = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters, self.groups = _positive(self, "filters", filters), _positive(self, "groups", groups)
        if filters % groups:
            raise ValueError(
                f"{type(self).__name__}: `filters` must be a multiple of `groups`, got filters={filters}, groups={groups}."
            )
        self._keep(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self._keep_weight_arguments(locals())

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(f"Layer {self.name!r}: {channels} input channels are no multiple of groups={self.groups}.")
        self.kernel = self._add("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        padding = self.padding
        if padding == "causal":
            before, padding = self.dilation_rate[0] * (self.kernel_size[0] - 1), "valid"
            steps = 1 if self.data_format == "channels_last" else 2
            inputs = ops.pad(inputs, [(before if axis == steps else 0, 0) for axis in range(3)])
        return self._finish(ops.conv(inputs, self.kernel, self.strides, padding, self.data_format, self.dilation_rate))


class Conv1D(_Conv):
    rank = 1
    paddings = ("valid", "same", "causal")
    __doc__ = _Conv.__doc__


class Conv2D(_Conv):
    rank = 2
    __doc__ = _Conv.__doc__


class Conv3D(_Conv):
    rank = 3
    __doc__ = _Conv.__doc__


class _ConvTranspose(_Convolution):
    """The gradient of a convolution in its input, used forward: outputs are `strides` times as large.

    Args:
        output_padding: how much larger the output is at its end; None lets padding and strides decide.
        The others: as in `Conv2D`.
    """

    arguments = "filters output_padding"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None,
        data_format: str | None = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = _positive(self, "filters", filters)
        self.output_padding = (output_padding,) * self.rank if isinstance(output_padding, int) else output_padding
        self._keep(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self._keep_weight_arguments(locals())

    def build(self, input_shape: Any) -> None:
        self.kernel = self._add("kernel", (*self.kernel_size, self.filters, self._channels(input_shape)))
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self._finish(
            ops.conv_transpose(
                inputs, self.kernel, self.strides, self.padding, self.output_padding, self.data_format, self.dilation_rate
            )
        )


class Conv1DTranspose(_ConvTranspose):
    rank = 1
    __doc__ = _ConvTranspose.__doc__


class Conv2DTranspose(_ConvTranspose):
    rank = 2
    __doc__ = _ConvTranspose.__doc__


class Conv3DTranspose(_ConvTranspose):
    rank = 3
    __doc__ = _ConvTranspose.__doc__

    def __init__(  # output_padding after data_format, where Keras has it for this rank
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
        output_padding: Any = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
            bias_constraint, **kwargs,
        )  # fmt: skip


class _DepthwiseConv(_Convolution):
    """Each channel convolved with `depth_multiplier` filters of its own. The other arguments: as in `Conv2D`."""

    arguments = "depth_multiplier"

    def __init__(
        self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.depth_multiplier = _positive(self, "depth_multiplier", depth_multiplier)
        self._keep(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self._keep_weight_arguments(locals())

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        self.bias = self._add("bias", (channels * self.depth_multiplier,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self._finish(
            ops.depthwise_conv(inputs, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        )


class DepthwiseConv1D(_DepthwiseConv):
    rank = 1
    __doc__ = _DepthwiseConv.__doc__


class DepthwiseConv2D(_DepthwiseConv):
    rank = 2
    __doc__ = _DepthwiseConv.__doc__


class _SeparableConv(_Convolution):
    """A depthwise convolution, then a pointwise one that mixes the channels (Chollet, 2017).

    depth_multiplier: number of depthwise filters per channel. The other arguments: as in `Conv2D`.
    """

    arguments = "filters depth_multiplier"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
        dilation_rate: Any = 1, depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform", pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, depthwise_constraint: Any = None,
        pointwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters, self.depth_multiplier = (
            _positive(self, "filters", filters),
            _positive(self, "depth_multiplier", depth_multiplier),
        )
        self._keep(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias)
        self._keep_weight_arguments(locals())

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.depthwise_kernel = self._add("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        pointwise = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add("pointwise_kernel", pointwise, "pointwise")
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        kernels = self.depthwise_kernel, self.pointwise_kernel
        return self._finish(
            ops.separable_conv(inputs, *kernels, self.strides, self.padding, self.data_format, self.dilation_rate)
        )


class SeparableConv1D(_SeparableConv):
    rank = 1
    __doc__ = _SeparableConv.__doc__


class SeparableConv2D(_SeparableConv):
    rank = 2
    __doc__ = _SeparableConv.__doc__
