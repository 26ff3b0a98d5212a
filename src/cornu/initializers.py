"""Initial values of weights. They are drawn on the host, so that a seed gives the same weights on every engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import config, random
from cornu._named import Names
from cornu.primitives import dtypes as dt


class Initializer:
    """Base: `initializer(shape, dtype=None)` gives a NumPy array."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """The array of initial values."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(shape, dtype).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """An initializer from its config."""
        return cls(**config)


def _cast(values: np.ndarray, dtype: Any) -> np.ndarray:
    return np.asarray(values).astype(dt.numpy_dtype(dt.name_of(dtype or config.floatx())))


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(np.zeros(shape), dtype)


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(np.ones(shape), dtype)


class Constant(Initializer):
    """All `value`."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(np.broadcast_to(self.value, shape), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


class Identity(Initializer):
    """`gain` times the identity matrix."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices only, not shape={tuple(shape)}.")
        return _cast(self.gain * np.eye(*shape), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


class _Random(Initializer):
    """An initializer with a seed: an int or None gives the same values at each call; a SeedGenerator moves on."""

    def __init__(self, seed: Any = None) -> None:
        self._given_seed = seed
        self.seed = random.next_seed() if seed is None else seed

    def _pair(self) -> tuple[int, int]:
        if isinstance(self.seed, random.SeedGenerator):
            seed, counter = self.seed.state.numpy().tolist()
            self.seed.next()
            return seed, counter
        return int(self.seed), 0

    def get_config(self) -> dict[str, Any]:
        return {"seed": self._given_seed if not isinstance(self._given_seed, random.SeedGenerator) else None}


class RandomNormal(_Random):
    """Normal values."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(self.mean + self.stddev * random.normal_numpy(*self._pair(), tuple(shape)), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normal values within two standard deviations."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(self.mean + self.stddev * random.truncated_normal_numpy(*self._pair(), tuple(shape)), dtype)


class RandomUniform(_Random):
    """Uniform values in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(self.minval + (self.maxval - self.minval) * random.uniform_numpy(*self._pair(), tuple(shape)), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


def compute_fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Numbers of inputs and outputs of a weight of this shape (for kernels: per window element, times its size)."""
    if len(shape) < 2:
        n = shape[0] if shape else 1
        return n, n
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class VarianceScaling(_Random):
    """Values with variance scale / n, n by `mode`: "fan_in", "fan_out" or "fan_avg" (Glorot and Bengio, 2010; He et al., 2015).

    distribution: "truncated_normal", "untruncated_normal" or "uniform".
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None
    ) -> None:
        super().__init__(seed)
        if scale <= 0:
            raise ValueError(f"`scale` must be positive, got {scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode`: {mode!r}. Expected 'fan_in', 'fan_out' or 'fan_avg'.")
        distribution = {"normal": "truncated_normal"}.get(distribution.lower(), distribution.lower())
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(f"Invalid `distribution`: {distribution!r}.")
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        shape = tuple(shape)
        fan_in, fan_out = compute_fans(shape)
        variance = self.scale / max(1.0, {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode])
        pair = self._pair()
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            values = (2 * random.uniform_numpy(*pair, shape) - 1) * limit
        elif self.distribution == "untruncated_normal":
            values = random.normal_numpy(*pair, shape) * math.sqrt(variance)
        else:  # truncation shrinks the standard deviation to 0.8796... of it
            values = random.truncated_normal_numpy(*pair, shape) * (math.sqrt(variance) / 0.87962566103423978)
        return _cast(values, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, **super().get_config()}


def _scaled(name: str, scale: float, mode: str, distribution: str, doc: str) -> type:
    def __init__(self: Any, seed: Any = None) -> None:
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    return type(name, (VarianceScaling,), {"__init__": __init__, "__doc__": doc, "get_config": _Random.get_config})


GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform", "Uniform values for tanh-like layers (Glorot and Bengio, 2010).")
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal", "Normal values for tanh-like layers (Glorot and Bengio, 2010).")
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", "Uniform values for ReLU layers (He et al., 2015).")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", "Normal values for ReLU layers (He et al., 2015).")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", "Uniform values with variance 1 / inputs (LeCun et al., 1998).")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal", "Normal values with variance 1 / inputs (LeCun et al., 1998).")


class Orthogonal(_Random):
    """`gain` times a random matrix with orthonormal rows or columns (Saxe et al., 2014)."""

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs at least two dimensions, got shape={tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        flat = random.normal_numpy(*self._pair(), (max(rows, columns), min(rows, columns))).astype("float64")
        q, r = np.linalg.qr(flat)
        q = q * np.sign(np.diag(r))
        return _cast(self.gain * (q if rows >= columns else q.T).reshape(shape), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, **super().get_config()}


_names = Names(
    "initializer",
    (Zeros, Ones, Constant, Identity, RandomNormal, TruncatedNormal, RandomUniform, VarianceScaling, Orthogonal,
     GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal),
    {"uniform": RandomUniform, "normal": RandomNormal, "one": Ones, "zero": Zeros},
)  # fmt: skip


def get(identifier: Any) -> Any:
    """The initializer for a name, a config, an instance or a function. Raises ValueError for an unknown name."""
    return _names.get(identifier)


serialize, deserialize = _names.serialize, _names.get
