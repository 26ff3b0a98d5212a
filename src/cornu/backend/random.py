"""Random tensors. Drawn symbolic ones have new numbers at each run. A seed names a stream of numbers, along which they go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu import config, context, ops, random
from cornu.backend.drawing import draws, eager, renaming
from cornu.backend.variables import variable
from cornu.contract.state import no_scope
from cornu.ops.op import has_symbolic
from cornu.ops.symbolic import apply
from cornu.primitives import dtypes as dt
from cornu.variable import Variable

_streams: dict[tuple[str, int], random.SeedGenerator] = {}  # engine and seed -> what draws outside of a graph go on with


def _stream(seed: int | None) -> random.SeedGenerator | None:
    if seed is None:
        return None  # the process's generator
    key = context.current().name, int(seed)
    if key not in _streams:
        with no_scope():
            _streams[key] = random.SeedGenerator(int(seed))
    return _streams[key]


def _sample(draw: Callable[..., Any], seed: int | None, *args: Any, **kwargs: Any) -> Any:
    """`draw(*args, seed=…, **kwargs)`; a node with a generator of its own in a graph."""
    if has_symbolic(args) or draws():
        return apply(eager(draw), args, {**kwargs, "seed": random.SeedGenerator(seed)})
    return draw(*args, **kwargs, seed=_stream(seed))


@renaming
def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Normal numbers of that mean and standard deviation `stddev`.

    shape: of the result. dtype: `floatx()` by default. seed: an int names a stream of numbers, along which each call goes on;
    None: that of the process.
    """
    return _sample(random.normal, seed, tuple(shape), mean, stddev, dtype=dtype)


@renaming
def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Uniform numbers in [minval, maxval). shape, dtype, seed: see `random_normal`."""
    return _sample(random.uniform, seed, tuple(shape), minval, maxval, dtype=dtype)


@renaming
def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Normal numbers within two standard deviations of the mean; arguments: see `random_normal`."""
    return _sample(random.truncated_normal, seed, tuple(shape), mean, stddev, dtype=dtype)


def _bernoulli(shape: Any, p: float, dtype: Any, seed: Any) -> Any:
    return ops.cast(ops.less(random.uniform(shape, seed=seed), p), dtype)


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Any:
    """1 with probability p, else 0. shape, dtype, seed: see `random_normal`."""
    return _sample(_bernoulli, seed, tuple(shape), p, dt.name_of(dtype) if dtype is not None else config.floatx())


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of uniform numbers in [low, high).

    shape: of it. dtype: `floatx()` by default. name: of the variable. seed: an int gives the same numbers at each call; None: the
    next of the process.
    """
    return variable(random.uniform(tuple(shape), low, high, dtype=dtype, seed=seed), dtype, name)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of normal numbers; scale: their standard deviation about `mean`. The others: see `random_uniform_variable`."""
    return variable(random.normal(tuple(shape), mean, scale, dtype=dtype, seed=seed), dtype, name)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Any:
    """Each element zero with probability `level`, the others divided by 1 - level.

    noise_shape: of the decisions, which are broadcast to x; None in it is the size of x. seed: see `random_normal`.
    """
    return _sample(random.dropout, seed, x, level, None if noise_shape is None else tuple(noise_shape))


__all__ = [
    "dropout", "random_binomial", "random_normal", "random_normal_variable", "random_uniform",
    "random_uniform_variable", "truncated_normal",
]  # fmt: skip
