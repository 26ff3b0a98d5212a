"""Distributions that are drawn by rejection: gamma, beta, binomial. Each element is drawn again until it is accepted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from cornu import ops
from cornu import primitives as P
from cornu.ops.complaint import named
from cornu.random.bits import wide
from cornu.random.distributions import float_of, shape_of, standard_normal, unit
from cornu.random.seeds import stream_of

# Draws of turn t of a loop: STEP * t + its first one. All stay below bits.LOW_WORD.
STEP, TURNS, APART = 4, 500, 4096


def _draw(turn: Any, first: int) -> Any:
    return P.add(P.multiply(turn, STEP), first)


def _accepted(propose: Callable[[Any], tuple[Any, Any]], shape: tuple[int, ...], dtype: str) -> Any:
    """For each element the first value that `propose(turn) -> (values, whether accepted)` accepts; NaN where none is."""

    def again(turn: Any, done: Any, values: Any) -> tuple[Any, Any, Any]:
        fresh, good = propose(turn)
        return P.add(turn, 1), P.logical_or(done, good), P.where(P.logical_and(good, P.logical_not(done)), fresh, values)

    def unfinished(turn: Any, done: Any, values: Any) -> Any:
        return P.logical_not(P.all(done, axes=tuple(range(len(shape)))))

    start = (P.full(shape=(), value=0, dtype="int32"), P.full(shape=shape, value=False, dtype="bool"),
             P.full(shape=shape, value=math.nan, dtype=dtype))  # fmt: skip
    return ops.while_loop(unfinished, again, start, maximum_iterations=TURNS)[2]


def _parameter(value: Any, shape: tuple[int, ...], dtype: str, name: str, low: float, high: float = math.inf) -> Any:
    """A parameter as a tensor of `shape`; numbers are checked."""
    if isinstance(value, (int, float)) and not low <= value <= high:
        raise ValueError(f"{name} must be {f'between {low} and {high}' if high < math.inf else f'at least {low}'}, got {value}.")
    return P.broadcast_to(ops.convert_to_tensor(value, dtype), shape=shape)


def _log_gamma(stream: Any, shape: tuple[int, ...], alpha: Any, dtype: str, first: int = 0) -> Any:
    """Logarithms of gamma variates (Marsaglia and Tsang, 2000). In logarithms tiny shape parameters do not underflow."""
    small = P.less(alpha, 1.0)
    d = P.subtract(P.where(small, P.add(alpha, 1.0), alpha), 1 / 3)
    c = P.rsqrt(P.multiply(d, 9.0))

    def propose(turn: Any) -> tuple[Any, Any]:
        z = standard_normal(stream, shape, dtype, P.add(P.multiply(turn, STEP // 2), first // 2))
        v = P.add(P.multiply(c, z), 1.0)
        positive = P.greater(v, 0)
        v = P.where(positive, P.multiply(P.multiply(v, v), v), 1.0)
        bound = P.add(P.multiply(P.multiply(z, z), 0.5), P.multiply(d, P.add(P.subtract(1.0, v), P.log(v))))
        u = P.subtract(1, unit(stream, shape, dtype, _draw(turn, first + 2)))
        return P.log(P.multiply(d, v)), P.logical_and(positive, P.less(P.log(u), bound))

    # A variate of alpha is one of alpha + 1 times u ** (1 / alpha).
    lift = P.divide(P.log(P.subtract(1, unit(stream, shape, dtype, first + 3))), P.where(small, alpha, 1.0))
    return P.add(_accepted(propose, shape, dtype), P.where(small, lift, 0.0))


@named
def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers of the gamma distribution with scale 1 (Marsaglia and Tsang, 2000).

    Args:
        shape: of the result. alpha: shape parameters, not negative, broadcast to `shape`. dtype: float, `floatx()` by default.
        seed: as in `uniform`.

    Raises:
        ValueError: for a negative number as alpha, a wrong dtype, shape or seed. In tensors bad values give NaN.
    """
    name, sizes = float_of(dtype, "gamma"), shape_of(shape, "gamma")
    alpha = _parameter(alpha, sizes, wide(name), "gamma: alpha", 0.0)
    return P.cast(P.exp(_log_gamma(stream_of(seed), sizes, alpha, wide(name))), dtype=name)


@named
def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers of the beta distribution: x / (x + y) of gamma variates x of `alpha` and y of `beta`. Arguments as in `gamma`."""
    name, sizes, stream = float_of(dtype, "beta"), shape_of(shape, "beta"), stream_of(seed)
    alpha = _parameter(alpha, sizes, wide(name), "beta: alpha", 0.0)
    beta = _parameter(beta, sizes, wide(name), "beta: beta", 0.0)
    x = _log_gamma(stream, sizes, alpha, wide(name))
    y = _log_gamma(stream, sizes, beta, wide(name), APART)
    return P.cast(P.sigmoid(P.subtract(x, y)), dtype=name)


def _log_factorial(k: Any) -> Any:
    """log(k!) in float64: Stirling's series at k + 8."""
    product, x = P.add(k, 1.0), P.add(k, 9.0)
    for i in range(2, 9):
        product = P.multiply(product, P.add(k, float(i)))
    square = P.divide(1.0, P.multiply(x, x))
    series = P.divide(P.subtract(1 / 12, P.multiply(square, P.subtract(1 / 360, P.multiply(square, 1 / 1260)))), x)
    log_x = P.log(x)
    return P.subtract(
        P.add(P.subtract(P.multiply(P.subtract(x, 0.5), log_x), x), P.add(series, 0.5 * math.log(2 * math.pi))), P.log(product)
    )


def _few(stream: Any, shape: tuple[int, ...], n: Any, q: Any) -> Any:
    """Binomial numbers where n * q is small: how many geometric waiting times fit into n trials."""
    log_miss = P.log1p(P.negative(q))

    def again(turn: Any, count: Any, trials: Any) -> tuple[Any, Any, Any]:
        u = P.subtract(1, unit(stream, shape, "float64", _draw(turn, APART)))
        trials = P.add(trials, P.maximum(P.ceil(P.divide(P.log(u), log_miss)), 1.0))
        return P.add(turn, 1), P.add(count, P.cast(P.less_equal(trials, n), dtype="float64")), trials

    def unfinished(turn: Any, count: Any, trials: Any) -> Any:
        return P.any(P.less_equal(trials, n), axes=tuple(range(len(shape))))

    zeros = P.full(shape=shape, value=0.0, dtype="float64")
    return ops.while_loop(unfinished, again, (P.full(shape=(), value=0, dtype="int32"), zeros, zeros), maximum_iterations=TURNS)[
        1
    ]


def _many(stream: Any, shape: tuple[int, ...], n: Any, q: Any) -> Any:
    """Binomial numbers where n * q is at least 10: transformed rejection (Hörmann, 1993, "BTRS")."""
    odds = P.divide(q, P.subtract(1.0, q))
    spread = P.sqrt(P.multiply(P.multiply(n, q), P.subtract(1.0, q)))
    b = P.add(P.multiply(spread, 2.53), 1.15)
    a = P.add(P.add(P.multiply(b, 0.0248), P.multiply(q, 0.01)), -0.0873)
    alpha = P.multiply(P.add(P.divide(5.1, b), 2.83), spread)
    mode = P.floor(P.multiply(P.add(n, 1.0), q))
    at_mode = P.add(_log_factorial(mode), _log_factorial(P.subtract(n, mode)))

    def propose(turn: Any) -> tuple[Any, Any]:
        u = P.subtract(unit(stream, shape, "float64", _draw(turn, 0)), 0.5)
        v = P.subtract(1, unit(stream, shape, "float64", _draw(turn, 1)))
        us = P.subtract(0.5, P.abs(u))
        k = P.floor(P.add(P.multiply(P.add(P.divide(P.multiply(a, 2.0), us), b), u), P.add(P.multiply(n, q), 0.5)))
        inside = P.logical_and(P.greater_equal(k, 0.0), P.less_equal(k, n))
        k = P.where(inside, k, 0.0)
        height = P.log(P.divide(P.multiply(v, alpha), P.add(P.divide(a, P.multiply(us, us)), b)))
        ratio = P.subtract(at_mode, P.add(_log_factorial(k), _log_factorial(P.subtract(n, k))))
        wanted = P.add(ratio, P.multiply(P.subtract(k, mode), P.log(odds)))
        return k, P.logical_and(inside, P.less_equal(height, wanted))

    return _accepted(propose, shape, "float64")


@named
def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers of successes in `counts` trials, each with its probability (by rejection: Hörmann, 1993).

    Args:
        shape: of the result. counts, probabilities: broadcast to `shape`. dtype: float, `floatx()` by default.
        seed: as in `uniform`.

    Raises:
        ValueError: for negative counts or probabilities outside [0, 1] (in tensors these give NaN), a wrong dtype, shape or seed.
    """
    name, sizes, stream = float_of(dtype, "binomial"), shape_of(shape, "binomial"), stream_of(seed)
    n = P.floor(_parameter(counts, sizes, "float64", "binomial: counts", 0.0))
    p = _parameter(probabilities, sizes, "float64", "binomial: probabilities", 0.0, 1.0)
    swapped = P.greater(p, 0.5)
    q = P.where(swapped, P.subtract(1.0, p), p)
    valid = P.logical_and(P.greater_equal(n, 0.0), P.greater_equal(q, 0.0))
    large = P.logical_and(valid, P.greater_equal(P.multiply(n, q), 10.0))
    few = _few(stream, sizes, P.where(P.logical_or(large, P.logical_not(valid)), 0.0, n), P.where(valid, q, 0.5))
    many = _many(stream, sizes, P.where(large, n, 40.0), P.where(large, q, 0.5))
    successes = P.where(large, many, few)
    successes = P.where(swapped, P.subtract(n, successes), successes)
    return P.cast(P.where(valid, successes, math.nan), dtype=name)
