"""Random arguments of Fourier transforms and of complex numbers as pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.primitives import dtypes as dt
from op_table.case import Array, floating
from op_table.drawing import Draw, Numbers, fuzzed

SIGNALS = Numbers("if")


def parts(*dtypes: str) -> str:
    """Of a complex number's parts: half precision has none."""
    return dt.real_part(dt.with_imaginary(floating(*dtypes)))


def _pair(z: Array) -> list[Array]:
    return [z.real, z.imag]


def _drawn(d: Draw, *shapes: Any) -> Any:
    """A real and an imaginary part of one dtype."""
    re = d.tensor(d.of(*shapes), SIGNALS)
    return re, d.tensor(re.shape, SIGNALS, re.dtype.name)


def _of_pair(transform: Any) -> Any:
    return lambda x: _pair(transform(x[0] + 1j * x[1]))


for _op, _transform, _shapes in (
    ("fft", np.fft.fft, [(1,), (4,), (2, 5), (0, 3)]),
    ("fft2", np.fft.fft2, [(2, 3), (2, 4, 1)]),
    ("ifft2", np.fft.ifft2, [(2, 3), (2, 4, 1)]),
):
    fuzzed(_op, _of_pair(_transform), (parts, parts), 64.0, True)(lambda d, shapes=_shapes: ((_drawn(d, *shapes),), {}))


@fuzzed("rfft", lambda x, fft_length: _pair(np.fft.rfft(x, fft_length)), (parts, parts), 64.0, True)
def _rfft(d: Draw) -> Any:
    return (d.tensor(d.of((1,), (6,), (2, 5)), SIGNALS), d.of(None, 4, 7, 1)), {}


@fuzzed("irfft", lambda x, fft_length: np.fft.irfft(x[0] + 1j * x[1], fft_length), parts, 64.0, True)
def _irfft(d: Draw) -> Any:
    return (_drawn(d, (4,), (2, 3), (1,)), d.of(None, 4, 7, 1)), {}


def _window(name: str | None, length: int, fft_length: int) -> Array:
    angle = 2 * np.pi * np.arange(length) / length
    shape = {"hann": 0.5 - 0.5 * np.cos(angle), "hamming": 0.54 - 0.46 * np.cos(angle), None: np.ones(length)}[name]
    left = (fft_length - length) // 2
    return np.pad(shape, (left, fft_length - length - left))


def _stft(x: Array, length: int, stride: int, fft_length: int, window: str | None, center: bool) -> Any:
    if center:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2,) * 2], mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(x, fft_length, -1)[..., ::stride, :]
    return _pair(np.fft.rfft(frames * _window(window, length, fft_length)))


def _istft(x: Any, length: int, stride: int, fft_length: int, window: str | None, center: bool) -> Array:
    """Each frame added where it lies, divided by the windows' squares there."""
    frames, shape = np.fft.irfft(x[0] + 1j * x[1], fft_length), _window(window, length, fft_length)
    count = frames.shape[-2]
    total = np.zeros((*frames.shape[:-2], stride * (count - 1) + fft_length))
    weight = np.zeros(total.shape[-1])
    for i in range(count):
        total[..., i * stride : i * stride + fft_length] += frames[..., i, :] * shape
        weight[i * stride : i * stride + fft_length] += shape**2
    y = total / np.where(weight > 1e-11, weight, 1)
    return y[..., fft_length // 2 : -(fft_length // 2)] if center else y


FRAMES = [(6, 3, 8), (8, 4, 8), (4, 1, 4)]  # sequence_length, sequence_stride, fft_length
WINDOWS = ("hann", "hamming", None)


def _settings(d: Draw) -> Any:
    return {"window": d.of(*WINDOWS), "center": d.yes()}


@fuzzed("stft", _stft, (parts, parts), 64.0, True)
def _short_time(d: Draw) -> Any:
    return (d.tensor(d.of((9,), (2, 12)), SIGNALS), *d.of(*FRAMES)), _settings(d)


@fuzzed("istft", _istft, parts, 256.0, True)
def _inverse_short_time(d: Draw) -> Any:
    frames = d.of(*FRAMES)
    return (_drawn(d, (3, frames[2] // 2 + 1), (2, 4, frames[2] // 2 + 1)), *frames), _settings(d)


@fuzzed("view_as_complex", lambda x: x[..., 0] + 1j * x[..., 1], lambda dtype: dt.with_imaginary(floating(dtype)), 0.0)
def _as_complex(d: Draw) -> Any:
    return (d.tensor(d.of((2,), (3, 2), (0, 2)), SIGNALS),), {}


@fuzzed("view_as_real", lambda x: np.stack([x.real, x.imag], -1), "real_first", 0.0)
def _as_real(d: Draw) -> Any:
    return (d.tensor(d.shape(), Numbers("c")),), {}


@fuzzed("polar", lambda size, angle: size * np.exp(1j * angle), lambda *dtypes: dt.with_imaginary(floating(*dtypes)), 16.0, True)
def _polar(d: Draw) -> Any:
    size = d.tensor(d.shape(), Numbers("f", 0.0, 3.0))
    return (size, d.tensor(size.shape, Numbers("f", -4.0, 4.0), size.dtype.name)), {}
