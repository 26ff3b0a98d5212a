"""Draws from distributions. Every one takes a `seed`, which `uniform` explains."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from cornu import config, ops
from cornu import primitives as P
from cornu.ops.common import axis_of, size_given
from cornu.ops.complaint import named
from cornu.primitives import dtypes as dt
from cornu.random.bits import LOW_WORD, random_bits, shifted, wide
from cornu.random.host import REDRAWS, below
from cornu.random.seeds import stream_of


def shape_of(shape: Any, where: str) -> tuple[int, ...]:
    """The shape as a tuple. Raises ValueError unless it is a sequence of sizes that are known."""
    try:
        sizes = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise ValueError(f"{where}: `shape` must be a tuple of integers, got {shape!r}.") from None
    if min(sizes, default=0) < 0:
        raise ValueError(f"{where}: `shape` has a negative size: {shape!r}.")
    return sizes


def float_of(dtype: Any, where: str) -> str:
    """The name of a float dtype, `floatx()` for None. Raises ValueError for another dtype."""
    name = dt.name_of(dtype) if dtype is not None else config.floatx()
    if not dt.is_float(name):
        raise ValueError(f"{where}: `dtype` must be a float dtype, got {name!r}.")
    return name


def _integer(dtype: Any, where: str) -> str:
    name = dt.name_of(dtype)
    if not dt.is_integer(name):
        raise ValueError(f"{where}: `dtype` must be an integer dtype, got {name!r}.")
    return name


def unit(stream: Any, shape: tuple[int, ...], dtype: str, draw: Any = 0) -> Any:
    """[0, 1) in float32 from 24 bits, in float64 from 53."""
    word = random_bits(stream, shape, draw)
    if dtype == "float32":
        return P.multiply(P.cast(shifted(word, 8), dtype=dtype), 2.0**-24)
    low = shifted(random_bits(stream, shape, draw + LOW_WORD if isinstance(draw, int) else P.add(draw, LOW_WORD)), 6)
    high = P.multiply(P.cast(shifted(word, 5), dtype=dtype), 2.0**-27)
    return P.add(high, P.multiply(P.cast(low, dtype=dtype), 2.0**-53))


@named
def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniform numbers in [minval, maxval).

    Args:
        shape: of the result. minval, maxval: bounds, numbers or tensors that broadcast. dtype: float, `floatx()` by default.
        seed: an int (always the same numbers), a `SeedGenerator` (moves on at each use), or None (the process's generator, see
            `set_seed`).

    Raises:
        ValueError: for a dtype that is no float, a wrong shape or seed, or numbers minval > maxval.
    """
    name = float_of(dtype, "uniform")
    numbers = isinstance(minval, (int, float)) and isinstance(maxval, (int, float))
    if numbers and minval > maxval:
        raise ValueError(f"uniform: minval={minval} is greater than maxval={maxval}.")
    values = unit(stream_of(seed), shape_of(shape, "uniform"), wide(name))
    if not numbers or (minval, maxval) != (0, 1):
        values = P.add(P.multiply(values, P.subtract(maxval, minval) if not numbers else maxval - minval), minval)
    values = P.cast(values, dtype=name)
    rounds_up = numbers and minval < maxval and (name != wide(name) or (minval, maxval) != (0, 1))
    return P.minimum(values, below(float(maxval), name)) if rounds_up else values


def standard_normal(stream: Any, shape: tuple[int, ...], dtype: str, draw: Any = 0) -> Any:
    """Standard normal numbers in float32 or float64 (Box and Muller, 1958). Uses the draws 2 * draw and 2 * draw + 1."""
    second = 2 * draw + 1 if isinstance(draw, int) else P.add(P.multiply(draw, 2), 1)
    u1 = P.subtract(1, unit(stream, shape, dtype, 2 * draw if isinstance(draw, int) else P.multiply(draw, 2)))
    u2 = unit(stream, shape, dtype, second)
    return P.multiply(P.sqrt(P.multiply(P.log(u1), -2.0)), P.cos(P.multiply(u2, 2 * math.pi)))


@named
def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers (Box and Muller, 1958).

    mean, stddev: numbers or tensors that broadcast. shape, dtype, seed, errors: as in `uniform`.
    """
    name = float_of(dtype, "normal")
    values = standard_normal(stream_of(seed), shape_of(shape, "normal"), wide(name))
    return P.cast(P.add(P.multiply(values, stddev), mean), dtype=name)


@named
def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers within two standard deviations of the mean; those outside are drawn again.

    mean, stddev: numbers or tensors that broadcast. shape, dtype, seed, errors: as in `uniform`.
    """
    name, stream = float_of(dtype, "truncated_normal"), stream_of(seed)
    sizes = shape_of(shape, "truncated_normal")
    values = standard_normal(stream, sizes, wide(name))
    for draw in range(1, REDRAWS):
        values = P.where(P.greater(P.abs(values), 2), standard_normal(stream, sizes, wide(name), draw), values)
    values = P.minimum(P.maximum(values, -2), 2)
    return P.cast(P.add(P.multiply(values, stddev), mean), dtype=name)


def _bits63(stream: Any, shape: tuple[int, ...], draw: int = 0) -> Any:
    """63 random bits per element, as int64 that is not negative."""
    high = P.cast(shifted(random_bits(stream, shape, draw), 1), dtype="int64")
    low = P.bitwise_and(P.cast(random_bits(stream, shape, draw + LOW_WORD), dtype="int64"), 0xFFFFFFFF)
    return P.bitwise_or(P.left_shift(high, 32), low)


@named
def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers in [minval, maxval), each with the same probability.

    63 bits modulo the span; bits of the last, incomplete span are drawn again, until a bias of more than 2**-40 is excluded.

    Args:
        shape: of the result. minval, maxval: bounds, ints at most 2**63 - 1 apart. dtype: an integer dtype.
        seed: as in `uniform`.

    Raises:
        ValueError: for an empty range or one that the dtype can't hold, a dtype that is no integer, a wrong shape or seed.
    """
    name = _integer(dtype, "randint")
    try:
        low, span = operator.index(minval), operator.index(maxval) - operator.index(minval)
    except TypeError:
        raise ValueError(f"randint: minval and maxval must be integers, got {minval!r} and {maxval!r}.") from None
    info = np.iinfo(name)
    if span <= 0:
        raise ValueError(f"randint: there is no integer in [minval={minval}, maxval={maxval}).")
    if low < info.min or low + span - 1 > info.max or span >= 2**63:
        raise ValueError(f"randint: [minval={minval}, maxval={maxval}) does not fit in {name}, or is wider than 2**63 - 1.")
    stream, sizes, excess = stream_of(seed), shape_of(shape, "randint"), 2**63 % span
    values = _bits63(stream, sizes)
    for draw in range(1, math.ceil(40 / (63 - math.log2(excess))) if excess else 1):
        values = P.where(P.greater_equal(values, 2**63 - excess), _bits63(stream, sizes, draw), values)
    values = P.add(P.mod(values, span), low if low < 2**63 else low - 2**64)
    return P.bitcast(values, dtype=name) if name == "uint64" else P.cast(values, dtype=name)


@named
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Each element zeroed with probability `rate`, the others scaled by 1 / (1 - rate) (Srivastava et al., 2014).

    Args:
        inputs: a tensor. rate: in [0, 1]. noise_shape: of the decisions, broadcast to the inputs; None in it is the input's size.
        seed: as in `uniform`.

    Raises:
        ValueError: for a rate outside [0, 1], or a noise_shape of another rank.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: `rate` must be between 0 and 1, got {rate}.")
    inputs = inputs if hasattr(inputs, "shape") else ops.convert_to_tensor(inputs)
    sizes = tuple(inputs.shape)
    if noise_shape is not None:
        if len(noise_shape) != len(sizes):
            raise ValueError(f"dropout: noise_shape={tuple(noise_shape)} for inputs of shape {sizes}; the ranks differ.")
        sizes = tuple(n if k is None else k for k, n in zip(noise_shape, sizes, strict=True))
    keep = P.greater_equal(random_bits(stream_of(seed), sizes), min(round(rate * 2**32) - 2**31, 2**31 - 1))
    return P.where(keep, P.multiply(inputs, 1 / (1 - rate) if rate < 1 else 0), 0)


@named
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """`x` with its slices along `axis` in random order. seed: as in `uniform`.

    Raises:
        ValueError: for an axis that x doesn't have.
    """
    x = ops.convert_to_tensor(x)
    axis = axis_of(axis, len(x.shape), "shuffle")
    order = P.argsort(_bits63(stream_of(seed), (x.shape[axis],)), axis=0)
    return P.take(x, order, axis=axis)


@named
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Classes drawn with the probabilities `softmax(logits)`.

    Args:
        logits: (batch, classes). num_samples: draws per row. dtype: an integer dtype. seed: as in `uniform`.

    Returns:
        Integers of shape (batch, num_samples).

    Raises:
        ValueError: for logits of another rank, or a dtype that is no integer.
    """
    name = _integer(dtype, "categorical")
    logits, num_samples = ops.convert_to_tensor(logits), size_given(num_samples, "categorical: num_samples")
    if len(logits.shape) != 2:
        raise ValueError(f"categorical: `logits` must have the shape (batch, classes), got {tuple(logits.shape)}.")
    kind = wide(dt.name_of(logits.dtype))
    odds = P.exp(P.subtract(P.cast(logits, dtype=kind), P.max(P.cast(logits, dtype=kind), axes=(1,), keepdims=True)))
    cumulative = P.cumsum(odds, axis=1)
    batch, classes = logits.shape
    total = P.slice(cumulative, start=(0, classes - 1), limit=(batch, classes), strides=(1, 1))
    spots = P.multiply(unit(stream_of(seed), (batch, num_samples), kind), total)  # below the total, also after rounding
    passed = P.less_equal(P.reshape(cumulative, shape=(batch, 1, classes)), P.reshape(spots, shape=(batch, num_samples, 1)))
    return P.cast(P.sum(P.cast(passed, dtype="int32"), axes=(2,)), dtype=name)
