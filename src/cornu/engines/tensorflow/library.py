"""TensorFlow, imported without its chatter; the table of kernels, and what kernels of several families share."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np

from cornu.contract.engine import Kernels
from cornu.primitives import TABLE
from cornu.primitives import dtypes as dt


@contextmanager
def _without_chatter() -> Any:
    """TensorFlow greets on stderr while it is imported: informational lines, before its log level counts, are left out."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with tempfile.TemporaryFile() as log:
        stderr = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            log.seek(0)
            for line in log.read().decode(errors="replace").splitlines(keepends=True):
                if not line.startswith(("I0000", "WARNING: All log messages before absl")):
                    sys.stderr.write(line)


with _without_chatter():
    import tensorflow as tf

    tf.constant(0)  # greets once more

kernels = Kernels()
define = kernels.define


class _Raw:
    """TensorFlow's bare operations, by position: what its functions do before the hottest takes longer than the operation."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(tf.raw_ops, name).__wrapped__  # which is called by keywords alone
        setattr(self, name, found)
        return found


raw = _Raw()


def by_table(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a kernel whose gradient is the table's, where TensorFlow has none, or another one at kinks."""
    name = kernel.__name__.rstrip("_")
    vjp = TABLE[name].vjp
    assert vjp is not None

    def differentiable(*operands: Any, **params: Any) -> Any:
        given = {**TABLE[name].params, **params}

        @tf.custom_gradient
        def call(*xs: Any) -> Any:
            y = kernel(*xs, **params)

            def backward(*g: Any) -> Any:
                # TensorFlow's cotangents of complex numbers are conjugates of ours.
                seeds = tuple(conj(c) for c in g)
                found = vjp(seeds, tuple(y), *xs, **given) if isinstance(y, list) else vjp(seeds[0], y, *xs, **given)
                return [None if c is None else _unbroadcast(conj(c), x) for c, x in zip(found, xs, strict=True)]

            return y, backward

        return call(*[tf.convert_to_tensor(x) for x in operands])  # a variable is read here, where tapes see it

    kernels[name] = differentiable
    return differentiable


def conj(x: Any) -> Any:
    """The complex conjugate."""
    return tf.math.conj(x) if x.dtype.is_complex else x


def _unbroadcast(cotangent: Any, operand: Any) -> Any:
    """Sum a cotangent over the dimensions along which its operand was repeated."""
    have, want = tuple(cotangent.shape), tuple(operand.shape)
    if have != want:
        if np.broadcast_shapes(have, want) == want:
            return tf.cast(tf.broadcast_to(cotangent, want), operand.dtype)
        extra = len(have) - len(want)
        axes = [i for i, size in enumerate(have) if i < extra or want[i - extra] == 1 != size]
        cotangent = tf.reshape(tf.reduce_sum(cotangent, axes), want)
    return tf.cast(cotangent, operand.dtype)


@functools.lru_cache(4096)
def vector(numbers: tuple[int, ...]) -> Any:
    """Sizes or axes as an array, which is converted several times faster than a tuple."""
    return np.array(numbers, "int32" if max(numbers, default=0) < 2**31 else "int64")


def scalar(value: Any, dtype: Any) -> Any:
    """A number as a constant of that dtype."""
    return tf.constant(np.asarray(value, dt.numpy_dtype(dt.name_of(dtype))))
