"""Batch and layer normalization."""

from __future__ import annotations

from typing import Any

from cornu import constraints, initializers, ops, regularizers
from cornu.layers.core import weights_config
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer


class _Normalization(Layer):
    """Scale gamma and offset beta with their initializers, regularizers and constraints."""

    supports_masking = True

    def _set_weights_arguments(self, **given: Any) -> None:
        for name, value in given.items():
            family = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}[name.rpartition("_")[2]]
            setattr(self, name, family.get(value))

    def _add(self, name: str, shape: Any) -> Any:
        return self.add_weight(
            shape, getattr(self, f"{name}_initializer"), regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"), name=name,
        )  # fmt: skip


class BatchNormalization(_Normalization):
    """Normalizes each channel over the batch while training, by moving averages otherwise (Ioffe and Szegedy, 2015).

    Args:
        axis: the channels. momentum: of the moving averages. epsilon: added to the variance. center, scale: whether to learn
        an offset and a factor. Frozen (`trainable=False`) it uses the moving averages while training too.
    """

    moving_mean_initializer: Any
    moving_variance_initializer: Any

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 0.001, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, synchronized: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon, self.center, self.scale = axis, momentum, epsilon, center, scale
        self.synchronized = synchronized
        self._set_weights_arguments(
            beta_initializer=beta_initializer, gamma_initializer=gamma_initializer, moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer, beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint, gamma_constraint=gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[self.axis],)
        self.gamma = self._add("gamma", shape) if self.scale else None
        self.beta = self._add("beta", shape) if self.center else None
        self.moving_mean = self.add_weight(
            shape, self.moving_mean_initializer, trainable=False, autocast=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, autocast=False, name="moving_variance"
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        dtype = inputs.dtype
        x = ops.cast(inputs, "float32") if self.compute_dtype in ("float16", "bfloat16") else inputs
        if training and self.trainable:
            axes = tuple(i for i in range(len(x.shape)) if i != self.axis % len(x.shape))
            mean, variance = self._moments(x, axes, mask)
            keep = lambda old, new: old * self.momentum + ops.cast(new, old.dtype) * (1 - self.momentum)  # noqa: E731
            self.moving_mean.assign(keep(self.moving_mean, mean))
            self.moving_variance.assign(keep(self.moving_variance, variance))
        else:
            mean, variance = self.moving_mean, self.moving_variance
        y = ops.batch_normalization(x, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)
        return y if x is inputs else ops.cast(y, dtype)

    def _moments(self, x: Any, axes: Any, mask: Any) -> Any:
        if mask is None:
            return ops.moments(x, axes)
        weight = ops.cast(ops.reshape(mask, (*mask.shape, *(1,) * (len(x.shape) - len(mask.shape)))), x.dtype)
        weight = ops.broadcast_to(weight, x.shape)
        count = ops.sum(weight, axes, keepdims=True)
        mean = ops.divide(ops.sum(ops.multiply(x, weight), axes, keepdims=True), count)
        spread = ops.divide(ops.sum(ops.multiply(ops.square(ops.subtract(x, mean)), weight), axes, keepdims=True), count)
        return ops.squeeze(mean, axes), ops.squeeze(spread, axes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "axis": self.axis, "momentum": self.momentum, "epsilon": self.epsilon, "center": self.center,
            "scale": self.scale, "synchronized": self.synchronized,
            **weights_config(self, "beta", "gamma", "moving_mean", "moving_variance"),
        }  # fmt: skip


class LayerNormalization(_Normalization):
    """Normalizes each sample over `axis` (Ba et al., 2016).

    Args:
        axis: an int or several of the last axes. epsilon: added to the variance. center, scale: whether to learn offset and factor.
    """

    def __init__(
        self, axis: Any = -1, epsilon: float = 0.001, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale
        self._set_weights_arguments(
            beta_initializer=beta_initializer, gamma_initializer=gamma_initializer, beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint, gamma_constraint=gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        shape = tuple(input_shape[a] for a in axes)
        self.gamma = self._add("gamma", shape) if self.scale else None
        self.beta = self._add("beta", shape) if self.center else None

    def call(self, inputs: Any) -> Any:
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "axis": self.axis, "epsilon": self.epsilon, "center": self.center, "scale": self.scale,
            **weights_config(self, "beta", "gamma"),
        }  # fmt: skip
