"""Dropout, noise, and penalties on activity."""

from __future__ import annotations

import math
from typing import Any

from cornu import config, ops, random, regularizers
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer


class _Random(Layer):
    """Base of layers that disturb their input while training."""

    supports_masking = True
    arguments = "seed"

    def _set_rate(self, rate: float, seed: int | None) -> None:
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(
                f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. Received: rate={rate}"
            )
        self.rate = rate
        self._set_seed(seed)

    def _set_seed(self, seed: int | None) -> None:
        self.seed, self.seed_generator = seed, random.SeedGenerator(seed)


class Dropout(_Random):
    """Zeroes each element with probability `rate` while training, and scales the others up (Srivastava et al., 2014).

    Args:
        rate: in [0, 1]. noise_shape: sizes of 1 share one decision along an axis. seed: int; None for the process's next.
    """

    arguments = "rate noise_shape"

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_rate(rate, seed)
        self.noise_shape = noise_shape

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)


class _SpatialDropout(_Random):
    """Drops whole feature maps (Tompson et al., 2014)."""

    rank: int
    arguments = "rate data_format"

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        self._set_rate(rate, seed)
        self.data_format = data_format or config.image_data_format()
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        n, *rest = inputs.shape
        channels = -1 if self.data_format == "channels_last" else 0
        shape = [1] * len(rest)
        shape[channels] = rest[channels]
        return random.dropout(inputs, self.rate, (n, *shape), self.seed_generator)


class SpatialDropout1D(_SpatialDropout):
    """Drops whole features of sequences (N, steps, features) (Tompson et al., 2014). rate, seed: as in `Dropout`."""

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        kwargs.pop("data_format", None)
        super().__init__(rate, "channels_last", seed, name, dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Drops whole channels of images (Tompson et al., 2014). rate, seed: as in `Dropout`; data_format: as in `MaxPooling1D`."""

    rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Drops whole channels of volumes. rate, seed: as in `Dropout`; data_format: as in `MaxPooling1D`."""

    rank = 3


class GaussianDropout(_Random):
    """Multiplies by normal noise of mean 1 and variance rate / (1 - rate) while training (Srivastava et al., 2014).

    rate, seed: as in `Dropout`.
    """

    arguments = "rate"

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_rate(rate, seed)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        deviation = math.sqrt(self.rate / (1 - self.rate)) if self.rate < 1 else math.inf
        return ops.multiply(inputs, random.normal(inputs.shape, 1.0, deviation, self.compute_dtype, self.seed_generator))


class GaussianNoise(_Random):
    """Adds normal noise of standard deviation `stddev` while training. seed: as in `Dropout`."""

    arguments = "stddev"

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if stddev < 0:
            raise ValueError(
                f"Invalid value received for argument `stddev`. Expected a float value >= 0. Received: stddev={stddev}"
            )
        self.stddev = stddev
        self._set_seed(seed)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        return ops.add(inputs, random.normal(inputs.shape, 0.0, self.stddev, self.compute_dtype, self.seed_generator))


class AlphaDropout(Dropout):
    """Dropout that keeps mean and variance of self-normalizing networks (Klambauer et al., 2017). Arguments: as in `Dropout`."""

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        low = -1.0507009873554805 * 1.6732632423543772  # what SELU tends to
        shape = (
            inputs.shape
            if self.noise_shape is None
            else [n if k is None else k for k, n in zip(self.noise_shape, inputs.shape, strict=True)]
        )
        kept = ops.greater_equal(random.uniform(tuple(shape), seed=self.seed_generator), self.rate)
        scale = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        return ops.add(ops.multiply(ops.where(kept, inputs, low), scale), -scale * low * self.rate)


class ActivityRegularization(Layer):
    """Passes its input on and adds l1 * sum(|x|) + l2 * sum(x^2), per sample, to the loss."""

    supports_masking = True
    arguments = "l1 l2"

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]  # made of l1 and l2
        return config
