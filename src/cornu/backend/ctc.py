"""Connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import config, ops
from cornu.backend.drawing import drawn
from cornu.backend.variables import SparseTensor
from cornu.ops.common import data_size, shape_of


def _logits(y_pred: Any) -> Any:
    return ops.log(ops.add(y_pred, config.epsilon()))


def _lengths(lengths: Any) -> Any:
    return ops.cast(ops.reshape(lengths, (-1,)), "int32")


@drawn
def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """The CTC loss of each sample, (N, 1).

    Args:
        y_true: labels (N, longest). y_pred: probabilities (N, time, classes), of which the last class is the blank.
        input_length, label_length: (N, 1), how many steps and labels of each sample count.
    """
    blank = shape_of(y_pred)[-1] - 1
    loss = ops.ctc_loss(
        ops.cast(y_true, "int32"), _logits(y_pred), _lengths(label_length), _lengths(input_length), mask_index=blank
    )
    return ops.expand_dims(loss, 1)


@drawn
def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1, merge_repeated: bool = False
) -> tuple[list[Any], Any]:
    """The most probable labels.

    Args:
        y_pred: probabilities (N, time, classes), of which the last class is the blank. input_length: (N,), how many steps count.
        greedy: take the best class of each step, else search with beams.
        beam_width, top_paths, merge_repeated: of the search: how many prefixes are kept, and returned; whether equal
            neighbours in a result become one.

    Returns:
        A list of labels (N, longest), int32, -1 after the end, for each path (one, if greedy); and scores (N, paths):
        log-probabilities of the search, or the negative sum of the best logits. A compiled function can't know how long the
        longest is: there it is `time`.
    """
    blank = shape_of(y_pred)[-1] - 1
    labels, scores = ops.ctc_decode(
        _logits(y_pred), _lengths(input_length), strategy="greedy" if greedy else "beam_search", beam_width=beam_width,
        top_paths=top_paths, mask_index=blank,
    )  # fmt: skip
    paths = [labels[i] for i in range(shape_of(labels)[0])]
    if merge_repeated and not greedy:
        paths = [_merged(path) for path in paths]
    return [_cut(path) for path in paths], scores


def _merged(labels: Any) -> Any:
    """Equal neighbours as one; what is left moves to the front."""
    _, time = shape_of(labels)
    before = ops.pad(labels[:, :-1], [(0, 0), (1, 0)], constant_values=-1)
    kept = ops.not_equal(labels, before)
    place = ops.arange(time)
    order = ops.argsort(ops.where(kept, place, ops.add(place, time)), axis=1)
    return ops.take_along_axis(ops.where(kept, labels, -1), order, axis=1)


def _cut(labels: Any) -> Any:
    """Without the columns after the longest row, where the numbers are known."""
    _, time = shape_of(labels)
    lengths = ops.sum(ops.cast(ops.greater_equal(labels, 0), "int32"), axis=1)
    try:
        return labels[:, : data_size(ops.max(lengths), "ctc_decode", time)]
    except TypeError:
        return labels


def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> SparseTensor:
    """`labels` (N, longest), of which the first `label_lengths` (N,) count, as a sparse tensor (which `to_dense` undoes).

    Raises:
        TypeError: for symbolic tensors and in compiled functions: how many there are depends on numbers.
    """
    values, lengths = ops.convert_to_numpy(labels), ops.convert_to_numpy(label_lengths).reshape(-1)
    indices = np.argwhere(np.arange(values.shape[1]) < lengths[:, None])
    return SparseTensor(ops.convert_to_tensor(indices), ops.convert_to_tensor(values[tuple(indices.T)]), values.shape)


__all__ = ["ctc_batch_cost", "ctc_decode", "ctc_label_dense_to_sparse"]
