"""TensorFlow's own forms of derived ops, for speed. What they can't do as the op's body does is left to the body (NotImplemented)."""

from __future__ import annotations

from typing import Any

from cornu import config
from cornu.engines.tensorflow.control import scan
from cornu.engines.tensorflow.library import kernels, tf
from cornu.engines.tensorflow.structure import as_integers


@kernels.override
def relu(x: Any) -> Any:
    return tf.nn.relu(x) if _is_floating(x) else NotImplemented


@kernels.override
def softmax(x: Any, axis: Any = -1) -> Any:
    return tf.nn.softmax(x, axis) if _is_floating(x) and isinstance(axis, int) else NotImplemented


@kernels.override
def log_softmax(x: Any, axis: Any = -1) -> Any:
    return tf.nn.log_softmax(x, axis) if _is_floating(x) and isinstance(axis, int) else NotImplemented


@kernels.override
def average_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: Any = None) -> Any:
    last = (data_format or config.image_data_format()) == "channels_last"
    if not _are_single(inputs) or inputs.shape.rank != 4 or not last or padding not in ("valid", "same"):
        return NotImplemented
    return tf.nn.avg_pool2d(inputs, pool_size, pool_size if strides is None else strides, padding.upper())


@kernels.override
def top_k(x: Any, k: Any, sorted: Any = True) -> Any:
    if not _are_single(x):
        return NotImplemented
    indices = tf.math.top_k(as_integers(x), k).indices
    return tf.gather(x, indices, batch_dims=x.shape.rank - 1), indices


@kernels.override
def lstm(
    inputs: Any, initial_h: Any, initial_c: Any, kernel: Any, recurrent_kernel: Any, bias: Any = None, mask: Any = None,
    activations: Any = None, reverse: Any = False,
) -> Any:  # fmt: skip
    if mask is not None or activations is not None or inputs.shape.rank != 3:
        return NotImplemented
    if not _are_single(inputs, initial_h, initial_c, kernel, recurrent_kernel, *([] if bias is None else [bias])):
        return NotImplemented

    def step(h: Any, c: Any, x: Any, weights: Any) -> list[Any]:
        i, f, g, o = tf.split(x + tf.matmul(h, weights), 4, 1)  # whose gradient puts the four together in one step
        c = tf.math.sigmoid(f) * c + tf.math.sigmoid(i) * tf.math.tanh(g)
        h = tf.math.sigmoid(o) * tf.math.tanh(c)
        return [h, c, h]

    xs = tf.tensordot(inputs, kernel, 1)
    xs = tf.transpose(xs if bias is None else xs + bias, (1, 0, 2))
    operands, length = (initial_h, initial_c, xs, recurrent_kernel), inputs.shape[1]
    h, c, outputs = scan(*operands, body_fn=step, n_carry=2, n_xs=1, length=length, reverse=bool(reverse))
    return tf.transpose(outputs, (1, 0, 2)), h, c


def _is_floating(x: Any) -> bool:
    return hasattr(x, "dtype") and x.dtype.is_floating


def _are_single(*xs: Any) -> bool:
    """Whether all are tensors of float32, or all of float64."""
    return hasattr(xs[0], "dtype") and xs[0].dtype in ("float32", "float64") and all(getattr(x, "dtype", None) == xs[0].dtype for x in xs)
