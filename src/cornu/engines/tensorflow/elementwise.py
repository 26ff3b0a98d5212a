"""Elementwise primitives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.engines.tensorflow.library import by_table, define, kernels, raw, scalar, tf

kernels.take(
    tf.math,
    "expm1 log1p sin cos tan sinh cosh imag "
    "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not",
    arcsin="asin", arccos="acos", arctan="atan", arcsinh="asinh", arccosh="acosh", arctanh="atanh", arctan2="atan2",
    softplus="softplus",
)  # fmt: skip
kernels.take(tf.bitwise, "bitwise_and bitwise_or bitwise_xor left_shift right_shift")
kernels.take(tf, "stop_gradient")
kernels.take(raw, exp="Exp", log="Log", sqrt="Sqrt", rsqrt="Rsqrt", tanh="Tanh", sigmoid="Sigmoid")
kernels.take(raw, add="AddV2", subtract="Sub", multiply="Mul", divide="RealDiv", where="SelectV2")


def _floats_only(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x) if x.dtype.is_floating else x


kernels["floor"], kernels["ceil"] = _floats_only(tf.math.floor), _floats_only(tf.math.ceil)
kernels["round"] = _floats_only(tf.math.round)


def _divided(function: Callable[..., Any]) -> Callable[..., Any]:
    """Division of integers by zero is 0, as in NumPy; TensorFlow raises."""

    def kernel(x1: Any, x2: Any) -> Any:
        if x1.dtype.is_floating:
            return function(x1, x2)
        y = function(x1, tf.where(x2 == 0, tf.ones((), x2.dtype), x2))
        return tf.where(x2 == 0, tf.zeros((), y.dtype), y)

    return kernel


kernels["floor_divide"], kernels["mod"] = _divided(tf.math.floordiv), _divided(tf.math.floormod)


@define
def isfinite(x: Any) -> Any:
    if x.dtype.is_complex:
        return tf.math.is_finite(tf.math.real(x)) & tf.math.is_finite(tf.math.imag(x))
    return tf.math.is_finite(x) if x.dtype.is_floating else tf.ones(x.shape, "bool")


kernels["negative"] = lambda x: x if x.dtype == "bool" else 0 - x if x.dtype.is_unsigned else tf.math.negative(x)
kernels["abs"] = lambda x: x if x.dtype == "bool" or x.dtype.is_unsigned else tf.math.abs(x)


@define
def sign(x: Any) -> Any:
    if x.dtype == "bool" or x.dtype.is_unsigned:
        return tf.cast(x != 0, x.dtype) if x.dtype != "bool" else x
    y = tf.math.sign(x)
    return tf.where(x == x, y, x) if x.dtype.is_floating else y


kernels["erf"] = lambda x: tf.math.erf(tf.clip_by_value(x, -6, 6) if x.dtype == "float64" else x)  # of infinity it is NaN


@by_table
def erfinv(x: Any) -> Any:
    y = tf.math.erfinv(x)
    gap = (tf.math.erf(y) - x) * tf.math.exp(y * y) * (math.sqrt(math.pi) / 2)  # a Newton step: it loses digits around zero
    return tf.where(x == 0, x, tf.where(tf.math.abs(x) < 0.5, y - gap, y))


@define
def real(x: Any) -> Any:
    return tf.math.real(x) if x.dtype.is_complex else x


by_table(tf.math.maximum)
by_table(tf.math.minimum)


@by_table
def power(x1: Any, x2: Any) -> Any:
    if not x1.dtype.is_integer:
        return tf.math.pow(x1, x2)
    if x1.dtype.is_unsigned:
        return _unsigned_power(x1, x2)
    one = tf.ones((), x1.dtype)
    result = tf.math.pow(x1, tf.math.maximum(x2, 0))
    inverse = tf.where(x1 == one, one, tf.where(x1 == -one, tf.where(x2 % 2 == 0, one, -one), 0 * one))
    return tf.where(x2 < 0, inverse, result)


def _unsigned_power(x: Any, exponent: Any) -> Any:
    """By squaring, bit after bit of the exponent."""
    result, one = tf.ones(np.broadcast_shapes(tuple(x.shape), tuple(exponent.shape)), x.dtype), tf.ones((), x.dtype)
    for _ in range(8 * x.dtype.size):
        result *= tf.where(tf.bitwise.bitwise_and(exponent, one) == one, x, one)
        x, exponent = x * x, tf.bitwise.right_shift(exponent, one)
    return result


@by_table
def logaddexp(x1: Any, x2: Any) -> Any:
    gap = tf.where(x1 == x2, tf.zeros((), x1.dtype), -tf.math.abs(x1 - x2))
    return tf.math.maximum(x1, x2) + tf.math.log1p(tf.math.exp(gap))


@define
def complex_(re: Any, im: Any) -> Any:
    wide = "float64" if re.dtype == "float64" else "float32"
    return tf.dtypes.complex(*_broadcast(tf.cast(re, wide), tf.cast(im, wide)))


def _broadcast(x1: Any, x2: Any) -> tuple[Any, Any]:
    shape = np.broadcast_shapes(tuple(x1.shape), tuple(x2.shape))
    return tf.broadcast_to(x1, shape), tf.broadcast_to(x2, shape)


@define
def cast(x: Any, *, dtype: Any) -> Any:
    target = tf.as_dtype(dtype)
    if x.dtype.is_complex and not target.is_complex:
        return x != 0 if target == "bool" else tf.cast(tf.math.real(x), target)
    return raw.Cast(x, target)


kernels["bitcast"] = lambda x, *, dtype: tf.bitcast(x, dtype)
kernels["full"] = lambda *, shape, value, dtype: tf.fill(shape, scalar(value, dtype))


@define
def iota(*, shape: Any, axis: int, dtype: Any) -> Any:
    row = tf.cast(tf.range(shape[axis]), dtype)
    return tf.broadcast_to(tf.reshape(row, [-1 if i == axis else 1 for i in range(len(shape))]), shape)
