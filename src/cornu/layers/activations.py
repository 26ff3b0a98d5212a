"""Activations with arguments or weights of their own, as layers."""

from __future__ import annotations

from typing import Any

from cornu import activations, ops
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer
from cornu.layers.weights import Weighted


class Activation(Layer):
    """An activation function, or one by its name, as a layer: `activation(inputs)`."""

    supports_masking = True
    arguments = "activation"

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


class ReLU(Layer):
    """x from `threshold` on, at most `max_value` (None: no limit); below it, `negative_slope` * (x - threshold).

    Raises:
        ValueError: for negative arguments.
    """

    supports_masking = True
    arguments = "max_value negative_slope threshold"

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)):
            if (value is None and name != "max_value") or (value is not None and value < 0):
                raise ValueError(f"{name} of a ReLU layer cannot be a negative value. Received: {name}={value}")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """x where positive, negative_slope * x elsewhere (Maas et al., 2013)."""

    supports_masking = True
    arguments = "negative_slope"

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                f"The negative_slope value of a Leaky ReLU layer cannot be None or negative. Received: {negative_slope}"
            )
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, self.negative_slope)


class ELU(Layer):
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2016)."""

    supports_masking = True
    arguments = "alpha"

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return ops.elu(inputs, self.alpha)


class Softmax(Layer):
    """Softmax along `axis` (or several); where the mask, a second argument of the call, is False the result is 0."""

    supports_masking = True
    arguments = "axis"

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            inputs = ops.where(mask, inputs, -3e4 if inputs.dtype == "float16" else -1e9)
        return ops.softmax(inputs, axis=self.axis)


class PReLU(Weighted):
    """x where positive, alpha * x elsewhere, alpha trained per element (He et al., 2015).

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of alpha.
        shared_axes: an axis (from 1), or several, along which alpha is shared; none by default.
    """

    supports_masking = True
    arguments = "shared_axes"

    def __init__(
        self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._keep_weight_arguments(locals())
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else (None if shared_axes is None else list(shared_axes))

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = self._add("alpha", shape)
        fixed = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in (self.shared_axes or ())}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=fixed)

    def call(self, inputs: Any) -> Any:
        return ops.add(ops.relu(inputs), ops.multiply(ops.minimum(inputs, 0), self.alpha))
