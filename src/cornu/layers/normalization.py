"""Batch and layer normalization."""

from __future__ import annotations

import math
from typing import Any

from cornu import ops
from cornu.layers.input_spec import InputSpec
from cornu.layers.weights import Weighted
from cornu.ops.common import aligned
from cornu.ops.updates import normalize_batch


def _move(average: Any, new: Any, momentum: float) -> None:
    """Let a moving average take in a new value."""
    average.assign(ops.add(ops.multiply(average, momentum), ops.multiply(ops.cast(new, average.dtype), 1 - momentum)))


class BatchNormalization(Weighted):
    """Normalizes each channel over the batch while training, by moving averages otherwise (Ioffe and Szegedy, 2015).

    Frozen (`trainable=False`) it uses the moving averages while training too.

    Args:
        axis: the channels. momentum: of the moving averages. epsilon: added to the variance.
        center, scale: whether to learn an offset (beta) and a factor (gamma).
        *_initializer, *_regularizer, *_constraint: of beta, gamma and the moving averages.
        renorm: batch renormalization (Ioffe, 2017): while training too the output follows moving averages, those of
            `renorm_momentum`, by a correction that `renorm_clipping` bounds: a dictionary with "rmin", "rmax" and "dmax".
        synchronized: kept for distributed training; no effect on one device.
    """

    moving_mean_initializer: Any
    moving_variance_initializer: Any

    supports_masking = True
    arguments = "axis momentum epsilon center scale renorm renorm_clipping renorm_momentum synchronized"

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 0.001, center: bool = True, scale: bool = True,
        beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
        renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        unknown = set(renorm_clipping or {}) - {"rmax", "rmin", "dmax"}
        if unknown:
            raise ValueError(f"`renorm_clipping` has the keys 'rmax', 'rmin' and 'dmax'; got {sorted(unknown)}.")
        self.renorm, self.renorm_clipping, self.renorm_momentum = renorm, renorm_clipping, renorm_momentum
        self.axis, self.momentum, self.epsilon, self.center, self.scale = axis, momentum, epsilon, center, scale
        self.synchronized = synchronized
        self._keep_weight_arguments(locals())

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[self.axis],)
        self.gamma = self._add("gamma", shape) if self.scale else None
        self.beta = self._add("beta", shape) if self.center else None
        average = lambda name, initializer: self.add_weight(shape, initializer, trainable=False, autocast=False, name=name)  # noqa: E731
        self.moving_mean = average("moving_mean", self.moving_mean_initializer)
        self.moving_variance = average("moving_variance", self.moving_variance_initializer)
        if self.renorm:
            deviation = lambda shape, dtype: self.moving_variance_initializer(shape, dtype=dtype) ** 0.5  # noqa: E731
            self.moving_stddev = average("moving_stddev", deviation)
            self.renorm_mean = average("renorm_mean", self.moving_mean_initializer)
            self.renorm_stddev = average("renorm_stddev", deviation)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        dtype = inputs.dtype
        x = ops.cast(inputs, "float32") if self.compute_dtype in ("float16", "bfloat16") else inputs
        if not training or not self.trainable:
            y = ops.batch_normalization(x, self.moving_mean, self.moving_variance, self.axis, self.beta, self.gamma, self.epsilon)
            return y if x is inputs else ops.cast(y, dtype)
        if self.renorm or mask is not None:
            axes = tuple(i for i in range(len(x.shape)) if i != self.axis % len(x.shape))
            mean, variance = self._moments(x, axes, mask)
        if self.renorm:
            y = self._renormalized(x, mean, variance)
        elif mask is not None:
            y = ops.batch_normalization(x, mean, variance, self.axis, self.beta, self.gamma, self.epsilon)
        else:
            y, mean, variance = normalize_batch(x, self.axis, self.beta, self.gamma, self.epsilon)
        _move(self.moving_mean, mean, self.momentum)
        if not self.renorm:
            _move(self.moving_variance, variance, self.momentum)
        return y if x is inputs else ops.cast(y, dtype)

    def _renormalized(self, x: Any, mean: Any, variance: Any) -> Any:
        deviation = ops.sqrt(ops.add(variance, self.epsilon))
        bounds = {"rmin": 0.0, "rmax": math.inf, "dmax": math.inf, **(self.renorm_clipping or {})}
        r = ops.clip(ops.divide(deviation, self.renorm_stddev), bounds["rmin"], bounds["rmax"])
        d = ops.clip(ops.divide(ops.subtract(mean, self.renorm_mean), self.renorm_stddev), -bounds["dmax"], bounds["dmax"])
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, deviation, self.renorm_momentum)
        _move(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(ops.maximum(ops.subtract(ops.square(self.moving_stddev), self.epsilon), 0.0))
        shape = [1] * len(x.shape)
        shape[self.axis] = -1
        y = ops.batch_normalization(x, mean, variance, self.axis, None, None, self.epsilon)
        for op, factor in (
            (ops.multiply, ops.stop_gradient(r)),
            (ops.add, ops.stop_gradient(d)),
            (ops.multiply, self.gamma),
            (ops.add, self.beta),
        ):
            y = y if factor is None else op(y, ops.reshape(factor, shape))
        return y

    def _moments(self, x: Any, axes: Any, mask: Any) -> Any:
        if mask is None:
            return ops.moments(x, axes)
        weight = ops.broadcast_to(ops.cast(aligned(mask, x), x.dtype), x.shape)
        count = ops.sum(weight, axes, keepdims=True)
        mean = ops.divide(ops.sum(ops.multiply(x, weight), axes, keepdims=True), count)
        spread = ops.divide(ops.sum(ops.multiply(ops.square(ops.subtract(x, mean)), weight), axes, keepdims=True), count)
        return ops.squeeze(mean, axes), ops.squeeze(spread, axes)


class LayerNormalization(Weighted):
    """Normalizes each sample over `axis` (Ba et al., 2016).

    Args:
        axis: an int or several. epsilon: added to the variance.
        center, scale: whether to learn an offset (beta) and a factor (gamma), in the sizes of these axes.
        *_initializer, *_regularizer, *_constraint: of beta and gamma.
        rms_scaling: a keyword of older Keras, which its configs hold; see `ops.layer_normalization`. False by default.
    """

    supports_masking = True
    arguments = "axis epsilon center scale rms_scaling"

    def __init__(
        self, axis: Any = -1, epsilon: float = 0.001, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
        beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.rms_scaling = kwargs.pop("rms_scaling", False)
        super().__init__(**kwargs)
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale
        self._keep_weight_arguments(locals())

    def build(self, input_shape: Any) -> None:
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        shape = tuple(input_shape[a] for a in axes)
        self.gamma = self._add("gamma", shape) if self.scale else None
        self.beta = self._add("beta", shape) if self.center else None

    def call(self, inputs: Any) -> Any:
        older = {"rms_scaling": True} if self.rms_scaling else {}
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon, **older)
