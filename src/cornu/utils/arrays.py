"""Labels, sequences and images as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import config, ops
from cornu.ops.common import axis_of, size_given
from cornu.ops.complaint import named
from cornu.ops.symbolic import KerasTensor
from cornu.primitives import dtypes as dt


def _is_tensor(x: Any) -> bool:
    return ops.is_tensor(x) and not isinstance(x, np.ndarray)


@named
def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """One-hot vectors for integer classes.

    Args:
        x: integers of any shape (a last axis of size 1 is dropped); an engine's tensor gives one, all else an array.
        num_classes: the largest class plus one by default.

    Raises:
        ValueError: for a tensor that is being compiled or symbolic, without num_classes.
    """
    if _is_tensor(x):
        if num_classes is None:
            raise ValueError("to_categorical: give num_classes for a tensor.")
        shape = tuple(ops.shape(x))
        x = ops.squeeze(x, -1) if len(shape) > 1 and shape[-1] == 1 else x
        return ops.one_hot(x, num_classes)
    labels = np.asarray(x, dtype="int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = size_given(num_classes, "to_categorical: num_classes") if num_classes else int(labels.max() + 1)
    return (labels[..., None] == np.arange(count)).astype(config.floatx())


@named
def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """x divided by its norm of that order along `axis`, zeros as they are; a tensor of an engine gives one, all else an array."""
    if _is_tensor(x):
        return ops.normalize(x, axis=axis, order=order)
    array = np.atleast_1d(np.asarray(x))
    norm = np.atleast_1d(np.linalg.norm(array, order, axis_of(axis, array.ndim, "normalize"), keepdims=True))
    return array / np.where(norm == 0, 1, norm)


@named
def pad_sequences(
    sequences: Sequence[Sequence[Any]],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of one length, as an array (count, maxlen, ...).

    Args:
        sequences: lists of numbers, or of arrays of one shape.
        maxlen: the length; that of the longest by default.
        dtype: of the result.
        padding: where `value` is added to short ones, "pre" or "post".
        truncating: where long ones are cut, "pre" or "post".
        value: what short ones are filled with.

    Raises:
        ValueError: for what is no list of sequences, elements of different shapes, or another word than "pre" and "post".
    """
    for name, word in (("padding", padding), ("truncating", truncating)):
        if word not in ("pre", "post"):
            raise ValueError(f"pad_sequences: {name} must be 'pre' or 'post', got {word!r}.")
    try:
        lengths = [len(sequence) for sequence in sequences]
    except TypeError:
        raise ValueError(f"pad_sequences: expected a list of sequences, got {sequences!r}.") from None
    maxlen = max(lengths, default=0) if maxlen is None else size_given(maxlen, "pad_sequences: maxlen")
    kind = next((np.shape(sequence)[1:] for sequence in sequences if len(sequence)), ())
    padded = np.full((len(lengths), maxlen, *kind), value, dtype=object if np.dtype(dtype) == object else dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        if not len(sequence) or not maxlen:
            continue
        part = np.asarray(sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen], dtype=dtype)
        if part.shape[1:] != kind:
            raise ValueError(f"pad_sequences: elements of shape {part.shape[1:]} stand among those of shape {kind}.")
        row[slice(-len(part), None) if padding == "pre" else slice(len(part))] = part
    return padded


@named
def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """An image as an array with channels, in the data format.

    img: of PIL, or an array of rank 2 or 3 with its channels last. data_format: "channels_last", "channels_first", or None for
    `config.image_data_format()`. dtype: `floatx()` by default.

    Raises:
        ValueError: for another rank or an unknown data format.
    """
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"img_to_array: data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    array = np.asarray(img, dtype=dt.numpy_dtype(dt.name_of(dtype or config.floatx())))
    if array.ndim not in (2, 3):
        raise ValueError(f"img_to_array: expected an image of rank 2 or 3, got shape {array.shape}.")
    array = array[..., None] if array.ndim == 2 else array
    return array if data_format == "channels_last" else array.transpose(2, 0, 1)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What `fit` takes as one argument: (x, y, sample_weight) without what is missing; x alone unless it is a container."""
    if y is None:
        return x if not isinstance(x, (tuple, list)) else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight), None where missing, of `data` as `pack_x_y_sample_weight` gives it.

    Raises:
        ValueError: for a tuple of another length.
    """
    parts = tuple(data) if isinstance(data, (tuple, list)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"Expected x, (x,), (x, y) or (x, y, sample_weight), got {len(parts)} parts.")
    return (*parts, None, None, None)[:3]


def is_keras_tensor(x: Any) -> bool:
    """Whether x is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype; None is `floatx()`."""
    return config.floatx() if dtype is None else dt.name_of(dtype)
