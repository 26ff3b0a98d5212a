"""Fourier transforms. Complex numbers come and go as pairs (real part, imaginary part), as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import as_float, dtype_of, shape_of, size_given, slice_axis, widened
from cornu.ops.layout import pad_axes, window_places
from cornu.ops.numpy.manipulation import pad
from cornu.ops.op import export, op

Tensor = Any


def _complex(x: Any, where: str) -> Tensor:
    if not isinstance(x, (tuple, list)) or len(x) != 2 or shape_of(x[0]) != shape_of(x[1]):
        what = [shape_of(part) for part in x] if isinstance(x, (tuple, list)) else x
        raise ValueError(f"{where}: expected a pair of real and imaginary part with the same shape, got {what!r}.")
    return P.complex(*x)


def _pair(z: Tensor) -> tuple[Tensor, Tensor]:
    return P.real(z), P.imag(z)


def _rank(x: Tensor, least: int, where: str) -> int:
    rank = len(shape_of(x))
    if rank < least:
        raise ValueError(f"{where}: expected a tensor of rank {least} or more, got shape {shape_of(x)}.")
    return rank


def _planes(transform: Any, z: Tensor, where: str) -> Tensor:
    """A transform over the last two axes."""
    rank = _rank(z, 2, where)
    swap = (*range(rank - 2), rank - 1, rank - 2)
    return P.transpose(transform(P.transpose(transform(z), axes=swap)), axes=swap)


@op
def fft(x):
    """Discrete Fourier transform over the last axis. x: a pair of real and imaginary part; gives such a pair."""
    return _pair(P.fft(_complex(x, "fft")))


@op
def fft2(x):
    """Discrete Fourier transform over the last two axes. x: a pair of real and imaginary part; gives such a pair."""
    return _pair(_planes(P.fft, _complex(x, "fft2"), "fft2"))


@op
def ifft2(x):
    """Inverse of `fft2`."""
    return _pair(_planes(P.ifft, _complex(x, "ifft2"), "ifft2"))


def _sized(x: Tensor, count: int) -> Tensor:
    """x cropped, or padded with zeros, to `count` elements along the last axis."""
    rank = len(shape_of(x))
    return pad_axes(x, {rank - 1: (0, count - shape_of(x)[-1])})


@op
def rfft(x, fft_length=None):
    """Fourier transform of a real signal over the last axis: the first fft_length // 2 + 1 bins, as a pair.

    fft_length: the signal is cropped or padded with zeros to it; by default its own length.
    """
    rank = _rank(x, 1, "rfft")
    x = as_float(x)
    n = shape_of(x)[-1] if fft_length is None else size_given(fft_length, "rfft: fft_length", 1)
    z = P.fft(_sized(x, n))
    return _pair(slice_axis(z, rank - 1, 0, n // 2 + 1))


@op
def irfft(x, fft_length=None):
    """Inverse of `rfft`: from a pair of bins to a real signal of `fft_length`, 2 * (bins - 1) by default."""
    z = _complex(x, "irfft")
    _rank(z, 1, "irfft")
    n = 2 * (shape_of(z)[-1] - 1) if fft_length is None else size_given(fft_length, "irfft: fft_length", 1)
    if n < 1:
        raise ValueError(f"irfft: a signal of length {n} can't come from bins of shape {shape_of(z)}.")
    bins = n // 2 + 1
    # Bins that have a mirror image count twice in the real part of the sum.
    weights = np.full(bins, 2, "float32")
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    z = P.multiply(_sized(z, bins), weights)
    return P.real(P.ifft(_sized(z, n)))


def _frames(x: Tensor, length: int, stride: int, where: str) -> Tensor:
    places = window_places(shape_of(x)[-1], size_given(length, f"{where}: length", 1), size_given(stride, f"{where}: sequence_stride", 1), 1, where)
    return P.take(x, places, axis=len(shape_of(x)) - 1)


@op
def extract_sequences(x, sequence_length, sequence_stride):
    """Windows of `sequence_length` every `sequence_stride` elements of the last axis: (..., n) -> (..., count, sequence_length)."""
    _rank(x, 1, "extract_sequences")
    return _frames(x, sequence_length, sequence_stride, "extract_sequences")


# Windows that overlap, periodic as for spectra: a generalized cosine each.
_COSINES = {"hann": 0.5, "hamming": 0.54}


def _window(window: Any, length: int, fft_length: int, dtype: str, where: str) -> Tensor:
    """The window as a vector of `fft_length`, its `length` elements in the middle."""
    length, fft_length = size_given(length, f"{where}: sequence_length", 1), size_given(fft_length, f"{where}: fft_length", 1)
    if window is None:
        values: Any = np.ones(length, dtype)
    elif isinstance(window, str):
        if window not in _COSINES:
            raise ValueError(f"{where}: there is no window {window!r}, only {', '.join(map(repr, _COSINES))}; or give a vector, or None.")
        a = _COSINES[window]
        values = (a - (1 - a) * np.cos(2 * np.pi * np.arange(length) / length)).astype(dtype)
    else:
        values = window
    if shape_of(values) != (length,) or fft_length < length:
        raise ValueError(
            f"{where}: a window of shape {shape_of(values)} doesn't fit sequence_length {length} and fft_length {fft_length}, "
            "which must not be shorter."
        )
    left = (fft_length - length) // 2
    return pad_axes(values, {0: (left, fft_length - length - left)})


@op
def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """Short-time Fourier transform: windows of a real signal, each transformed: (..., n) -> pair of (..., count, fft_length // 2 + 1).

    Args:
        x: floats, the signal along the last axis.
        sequence_length: of the window, in samples.
        sequence_stride: between windows, in samples.
        fft_length: of each transform; at least sequence_length.
        window: "hann", "hamming", a vector of sequence_length, or None (rectangular).
        center: whether window t is centred at sample t * sequence_stride, the signal mirrored beyond its ends.
    """
    rank = _rank(x, 1, "stft")
    x, fft_length = widened(x)[0], size_given(fft_length, "stft: fft_length", 1)
    if center:
        x = pad(x, [(0, 0)] * (rank - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    frames = _frames(x, fft_length, sequence_stride, "stft")
    return rfft(P.multiply(frames, _window(window, sequence_length, fft_length, dtype_of(x), "stft")), fft_length)


def _overlapped(frames: Tensor, stride: int) -> Tensor:
    """Frames (..., count, length) summed where they lie over each other."""
    *lead, count, length = shape_of(frames)
    rank = len(lead)
    size = length + stride * (count - 1)
    places = window_places(size, length, stride, 1, "istft")
    rows = P.transpose(frames, axes=(rank, rank + 1, *range(rank)))
    zero = P.full(shape=(size, *lead), value=0, dtype=dtype_of(frames))
    return P.transpose(P.scatter(zero, places[..., None], rows, mode="add"), axes=(*range(1, rank + 1), 0))


@op
def istft(x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    """Inverse of `stft`, by overlapping and adding (Griffin and Lim, 1984); x is a pair of (..., count, fft_length // 2 + 1).

    sequence_length, sequence_stride, fft_length, window, center: as in `stft`. length: of the result, in samples; by default all
    that the windows cover (without the padding that `center` added).
    """
    frames, stride = irfft(x, fft_length), size_given(sequence_stride, "istft: sequence_stride", 1)
    length = None if length is None else size_given(length, "istft: length")
    _rank(frames, 2, "istft")
    shape = _window(window, sequence_length, fft_length, dtype_of(frames), "istft")
    signal = _overlapped(P.multiply(frames, shape), stride)
    square = P.broadcast_to(P.multiply(shape, shape), shape=shape_of(frames)[-2:])
    weight = _overlapped(square, stride)
    signal = P.divide(signal, P.where(P.greater(weight, 1e-11), weight, 1))
    n, skipped = shape_of(signal)[-1], fft_length // 2 if center else 0
    end = n - skipped if length is None else min(skipped + length, n)
    return _sized(slice_axis(signal, len(shape_of(signal)) - 1, skipped, end), end - skipped if length is None else length)


@op
def view_as_complex(x):
    """Pairs along the last axis as complex numbers: (..., 2) -> (...)."""
    rank = _rank(x, 1, "view_as_complex")
    if shape_of(x)[-1] != 2:
        raise ValueError(f"view_as_complex: the last axis must hold real and imaginary part, got shape {shape_of(x)}.")
    parts = [P.reshape(slice_axis(x, rank - 1, i, i + 1), shape=shape_of(x)[:-1]) for i in (0, 1)]
    return P.complex(*parts)


@op
def view_as_real(x):
    """Complex numbers as pairs along a new last axis: (...) -> (..., 2)."""
    shape = shape_of(x)
    return P.concatenate(*[P.reshape(part, shape=(*shape, 1)) for part in _pair(x)], axis=len(shape))


export(globals())
