"""Initial values of weights. They are drawn on the host, so that a seed gives the same weights on every engine.

Each class has Keras's snake-case name too (`glorot_uniform` is `GlorotUniform`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import config, random
from cornu._named import Names, snake_case
from cornu.primitives import dtypes as dt
from cornu.random.bits import wide
from cornu.random.host import below


class Initializer:
    """Base: `initializer(shape, dtype=None)` gives a NumPy array; the dtype is `floatx()` by default."""

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

    def clone(self) -> Initializer:
        """Another one with the same arguments."""
        return type(self).from_config(self.get_config())


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
    """All `value`: a number, or an array that broadcasts to the shape."""

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        try:
            return _cast(np.broadcast_to(self.value, shape), dtype)
        except ValueError:
            raise ValueError(f"Constant: a value of shape {np.shape(self.value)} does not fit shape={tuple(shape)}.") from None

    def get_config(self) -> dict[str, Any]:
        if not isinstance(self.value, np.ndarray):
            return {"value": self.value}
        array = {"value": self.value.tolist(), "dtype": self.value.dtype.name}
        return {"value": {"class_name": "__numpy__", "config": array}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        value = config.get("value", 0.0)
        if isinstance(value, dict):
            value = np.array(value["config"]["value"], value["config"]["dtype"])
        return cls(value)


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
        if isinstance(seed, dict):  # as `get_config` says it
            seed = random.SeedGenerator.from_config({"seed": seed["config"]["seed"]})
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer, random.SeedGenerator))):
            raise ValueError(f"{type(self).__name__}: `seed` must be an integer, a `SeedGenerator` or None, got {seed!r}.")
        self._given_seed = seed
        self.seed = random.next_seed() if seed is None else seed

    def _draw(self, distribution: Callable[..., np.ndarray], shape: Any, dtype: Any) -> np.ndarray:
        """Random values, float64 where the weight is, else float32."""
        if isinstance(self.seed, random.SeedGenerator):
            seed, counter = self.seed.state.numpy().tolist()
            self.seed.next()
        else:
            seed, counter = int(self.seed), 0
        return distribution(seed, counter, tuple(shape), dtype=wide(dt.name_of(dtype or config.floatx())))

    def get_config(self) -> dict[str, Any]:
        seed: Any = self._given_seed
        if isinstance(seed, random.SeedGenerator):
            seed = {"module": "keras.random", "class_name": "SeedGenerator", "config": seed.get_config(), "registered_name": None}
        return {"seed": seed}


class RandomNormal(_Random):
    """Normal values of that `mean` and standard deviation `stddev`.

    seed: an int or None gives the same values at each call (None: the next of the process, see `random.set_seed`); a
    `random.SeedGenerator` moves on.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(self.mean + self.stddev * self._draw(random.normal_numpy, shape, dtype), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normal values within two standard deviations of the mean. Arguments: as in `RandomNormal`."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return _cast(self.mean + self.stddev * self._draw(random.truncated_normal_numpy, shape, dtype), dtype)


class RandomUniform(_Random):
    """Uniform values in [minval, maxval). seed: as in `RandomNormal`."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        values = self.minval + (self.maxval - self.minval) * self._draw(random.uniform_numpy, shape, dtype)
        name = dt.name_of(dtype or config.floatx())
        return np.minimum(_cast(values, name), np.array(below(self.maxval, name)).astype(dt.numpy_dtype(name)))

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

    Args:
        scale: positive. mode: whether n counts inputs, outputs, or is their mean.
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: as in `RandomNormal`.
        input_axes, output_axes: if both are given, n is the product of these sizes instead of what `compute_fans` says.

    Raises:
        ValueError: for anything else.
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None,
        input_axes: Any = None, output_axes: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(seed)
        if not scale > 0:
            raise ValueError(f"`scale` must be positive, got {scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode`: {mode!r}. Expected 'fan_in', 'fan_out' or 'fan_avg'.")
        distribution = {"normal": "truncated_normal"}.get(distribution.lower(), distribution.lower())
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                f"Invalid `distribution`: {distribution!r}. Expected 'truncated_normal', 'untruncated_normal' or 'uniform'."
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def _fans(self, shape: tuple[int, ...]) -> tuple[int, int]:
        if self.input_axes is None or self.output_axes is None:
            return compute_fans(shape)
        return math.prod(shape[i] for i in self.input_axes), math.prod(shape[i] for i in self.output_axes)

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        shape = tuple(shape)
        fan_in, fan_out = self._fans(shape)
        variance = self.scale / max(1.0, {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            values = (2 * self._draw(random.uniform_numpy, shape, dtype) - 1) * limit
        elif self.distribution == "untruncated_normal":
            values = self._draw(random.normal_numpy, shape, dtype) * math.sqrt(variance)
        else:  # truncation shrinks the standard deviation to 0.8796... of it
            values = self._draw(random.truncated_normal_numpy, shape, dtype) * (math.sqrt(variance) / 0.87962566103423978)
        return _cast(values, dtype)

    def _axes_config(self) -> dict[str, Any]:
        return {**super().get_config(), "input_axes": self.input_axes, "output_axes": self.output_axes}

    def get_config(self) -> dict[str, Any]:
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, **self._axes_config()}


def _scaled(name: str, scale: float, mode: str, distribution: str, doc: str) -> type[VarianceScaling]:
    def __init__(self: Any, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        VarianceScaling.__init__(self, scale, mode, distribution, seed, input_axes, output_axes)

    doc = f"{doc} Arguments: as in `VarianceScaling`."
    members = {"__init__": __init__, "__doc__": doc, "get_config": VarianceScaling._axes_config, "__module__": __name__}
    return type(name, (VarianceScaling,), members)


GlorotUniform = _scaled(
    "GlorotUniform", 1.0, "fan_avg", "uniform", "Uniform values for tanh-like layers (Glorot and Bengio, 2010)."
)
GlorotNormal = _scaled(
    "GlorotNormal", 1.0, "fan_avg", "truncated_normal", "Normal values for tanh-like layers (Glorot and Bengio, 2010)."
)
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", "Uniform values for ReLU layers (He et al., 2015).")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", "Normal values for ReLU layers (He et al., 2015).")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", "Uniform values with variance 1 / inputs (LeCun et al., 1998).")
LecunNormal = _scaled(
    "LecunNormal", 1.0, "fan_in", "truncated_normal", "Normal values with variance 1 / inputs (LeCun et al., 1998)."
)


class Orthogonal(_Random):
    """`gain` times a random matrix with orthonormal rows or columns (Saxe et al., 2014), whichever are fewer.

    All dimensions but the last count as rows. seed: as in `RandomNormal`.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs at least two dimensions, got shape={tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        flat = self._draw(random.normal_numpy, (max(rows, columns), min(rows, columns)), dtype).astype("float64")
        q, r = np.linalg.qr(flat)
        q = q * np.sign(np.diag(r))
        return _cast(self.gain * (q if rows >= columns else q.T).reshape(shape), dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, **super().get_config()}


_WINDOWS: dict[str, Any] = {
    "hann": np.hanning,
    "hamming": np.hamming,
    "blackman": np.blackman,
    "bartlett": np.bartlett,
    "boxcar": np.ones,
}


class STFT(Initializer):
    """Kernels of convolutions that compute a short-time Fourier transform: shape (window length, 1, frequencies).

    Args:
        side: "real" or "imag". window: "hann", "hamming", "blackman", "bartlett" or "boxcar", the values themselves, or None.
        scaling: "density" or "spectrum" divides the window by its L2 norm or its sum; None leaves it.
        periodic: whether the window is one period (for spectra) or symmetric (for filters).

    Raises:
        ValueError: for anything else.
    """

    def __init__(self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"STFT: `side` must be 'real' or 'imag', got {side!r}.")
        if isinstance(window, str) and window not in _WINDOWS:
            raise ValueError(f"STFT: unknown `window` {window!r}. Known: {', '.join(_WINDOWS)}; or give its values.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f"STFT: `scaling` must be 'density', 'spectrum' or None, got {scaling!r}.")
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def _window(self, length: int) -> np.ndarray:
        if self.window is None:
            return np.ones(length)
        if isinstance(self.window, str):
            values = _WINDOWS[self.window](length + self.periodic)[:length]
        else:
            values = np.asarray(self.window, "float64")
        if values.shape != (length,):
            raise ValueError(f"STFT: the window has the shape {values.shape}, the kernels are {length} long.")
        scale = {"density": np.sqrt((values**2).sum()), "spectrum": abs(values.sum()), None: 1.0}[self.scaling]
        return values / scale

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ValueError(f"STFT makes kernels of shape (window length, 1, frequencies), not {tuple(shape)}.")
        length, _, frequencies = shape
        period = 2 * (frequencies - 1)
        turns = np.outer(np.arange(length), np.arange(frequencies)) % period / period
        waves = np.cos(2 * np.pi * turns) if self.side == "real" else -np.sin(2 * np.pi * turns)
        return _cast((self._window(length)[:, None] * waves)[:, None, :], dtype)

    def get_config(self) -> dict[str, Any]:
        return {"side": self.side, "window": self.window, "scaling": self.scaling, "periodic": self.periodic}


_CLASSES = (
    Zeros, Ones, Constant, Identity, RandomNormal, TruncatedNormal, RandomUniform, VarianceScaling, Orthogonal, STFT,
    GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal,
)  # fmt: skip
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
globals().update({snake_case(cls.__name__): cls for cls in _CLASSES})
_names = Names(
    "initializer", "keras.initializers", _CLASSES,
    {"uniform": RandomUniform, "normal": RandomNormal, "one": Ones, "zero": Zeros, "IdentityInitializer": Identity,
     "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT},
)  # fmt: skip


def get(identifier: Any) -> Any:
    """The initializer for `identifier`: a name, a config, a class, an instance, a function `(shape, dtype)`, or an array.

    Raises:
        ValueError: for anything else.
    """
    if hasattr(identifier, "shape") and not callable(identifier):
        return Constant(np.asarray(identifier))
    return _names.get(identifier)


def serialize(initializer: Any) -> Any:
    """Module, class name and config of `initializer`, as Keras writes them."""
    return _names.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer that `serialize` described by `config`; `custom_objects`: further classes and functions by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)
