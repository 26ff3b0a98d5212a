"""Connectionist temporal classification (Graves et al., 2006): its loss, and decoding."""

from __future__ import annotations

from typing import Any

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of, size_given, slice_axis
from cornu.ops.core import scan
from cornu.ops.math import top_k
from cornu.ops.nn.activation import log_softmax
from cornu.ops.numpy.manipulation import expand_dims, squeeze
from cornu.ops.op import export, op

Tensor = Any

NEVER = -1e30  # log-probability of what can't be; finite, so that differences of it are no NaN


def _check(output: Tensor, vectors: dict[str, Tensor], mask_index: int, where: str) -> None:
    shape = shape_of(output)
    if len(shape) != 3:
        raise ValueError(f"{where}: expected outputs (N, time, classes), got shape {shape}.")
    for name, vector in vectors.items():
        if shape_of(vector) != shape[:1]:
            raise ValueError(f"{where}: {name} must hold a number for each of {shape[0]} samples, got shape {shape_of(vector)}.")
    if not 0 <= mask_index < shape[2]:
        raise ValueError(f"{where}: mask_index {mask_index} is none of {shape[2]} classes.")


def _shifted(x: Tensor, places: int, fill: Any) -> Tensor:
    """(N, S) moved right, `fill` coming in."""
    return P.pad(slice_axis(x, 1, 0, shape_of(x)[1] - places), P.cast(fill, dtype=dtype_of(x)), low=(0, places), high=(0, 0), interior=(0, 0))


def _either(a: Tensor, b: Tensor) -> Tensor:
    """log(exp(a) + exp(b)), never less than NEVER."""
    return P.maximum(P.logaddexp(a, b), NEVER)


@op
def ctc_loss(target, output, target_length, output_length, mask_index=0):
    """-log of the probability that the output, blanks and repetitions removed, is the target: (N,).

    Args:
        target: (N, length) classes; what lies beyond target_length doesn't matter.
        output: (N, time, classes) logits.
        target_length, output_length: (N,) integers, how much of each sample counts.
        mask_index: the blank.

    Infinite, without a gradient, where the output is too short for the target.
    """
    _check(output, {"target_length": target_length, "output_length": output_length}, mask_index, "ctc_loss")
    if len(shape_of(target)) != 2 or shape_of(target)[0] != shape_of(output)[0]:
        raise ValueError(f"ctc_loss: expected targets (N, length), got shape {shape_of(target)} for outputs of shape {shape_of(output)}.")
    (n, length), time = shape_of(target), shape_of(output)[1]
    states = 2 * length + 1  # blank, first label, blank, second, ..., blank
    target = P.cast(target, dtype="int32")
    blank = P.full(shape=(), value=mask_index, dtype="int32")
    labels = P.pad(target, blank, low=(0, 1), high=(0, 1), interior=(0, 1))
    log_p = log_softmax(output)
    row = P.broadcast_to(P.reshape(labels, shape=(n, 1, states)), shape=(n, time, states))
    emitted = P.transpose(P.take_along_axis(log_p, row, axis=2), axes=(1, 0, 2))
    place = P.iota(shape=(1, states), axis=1, dtype="int32")
    # A label may follow another one without a blank between, unless both are the same.
    skips = P.logical_and(P.not_equal(labels, blank), P.not_equal(labels, _shifted(labels, 2, mask_index)))
    outset = P.where(P.equal(place, 0), P.cast(0, dtype=dtype_of(log_p)), NEVER)
    outset = P.broadcast_to(P.cast(outset, dtype=dtype_of(log_p)), shape=(n, states))
    # Before the first step one stands on the first blank, from where the first label is one step away.
    steps = P.iota(shape=(time,), axis=0, dtype="int32")

    def step(alpha: Tensor, x: Any) -> Any:
        emission, t = x
        arrived = _either(alpha, _shifted(alpha, 1, NEVER)) if states > 1 else alpha
        if states > 2:
            arrived = P.where(skips, _either(arrived, _shifted(alpha, 2, NEVER)), arrived)
        going = P.reshape(P.less(t, P.cast(output_length, dtype="int32")), shape=(n, 1))
        return P.where(going, P.maximum(P.add(arrived, emission), NEVER), alpha), ()

    last = scan(step, outset, (emitted, steps))[0]
    end = P.reshape(P.multiply(P.cast(target_length, dtype="int32"), 2), shape=(n, 1))
    finals = P.logical_or(P.equal(place, end), P.equal(place, P.subtract(end, 1)))
    ways = P.where(finals, last, NEVER)
    best = P.stop_gradient(P.max(ways, axes=(1,), keepdims=True))
    total = squeeze(P.add(P.log(P.sum(P.exp(P.subtract(ways, best)), axes=(1,), keepdims=True)), best), 1)
    possible = P.greater(total, NEVER / 2)
    return P.where(possible, P.negative(P.where(possible, total, 0)), float("inf"))


@op
def ctc_decode(inputs, sequence_lengths, strategy="greedy", beam_width=100, top_paths=1, merge_repeated=True, mask_index=0):
    """The most probable sequences of classes.

    Args:
        inputs: (N, time, classes) logits.
        sequence_lengths: (N,) integers, how many steps of each sample count.
        strategy: "greedy" (the best class of each step) or "beam_search" (the best prefixes, over all their alignments).
        beam_width, top_paths: of the beam search: how many prefixes are kept, and how many are returned.
        merge_repeated: of the greedy strategy: whether a class that repeats without a blank between is one.
        mask_index: the blank.

    Returns:
        Classes (paths, N, time), int32, -1 after the end; and a score per sample and path, (N, paths): for "greedy" the negative
        sum of the best logits, for "beam_search" the log-probability.
    """
    _check(inputs, {"sequence_lengths": sequence_lengths}, mask_index, "ctc_decode")
    lengths = P.cast(sequence_lengths, dtype="int32")
    beam_width, top_paths = (size_given(n, f"ctc_decode: {name}", 1) for n, name in ((beam_width, "beam_width"), (top_paths, "top_paths")))
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        if top_paths > beam_width:
            raise ValueError(f"ctc_decode: top_paths must be from 1 to beam_width, got {top_paths} and {beam_width}.")
        return _beam_search(inputs, lengths, beam_width, top_paths, mask_index)
    raise ValueError(f"ctc_decode: strategy must be 'greedy' or 'beam_search', got {strategy!r}.")


def _greedy(inputs: Tensor, lengths: Tensor, merge_repeated: bool, blank: int) -> tuple[Tensor, Tensor]:
    n, time, _ = shape_of(inputs)
    best = P.argmax(inputs, axis=2)
    place = P.iota(shape=(n, time), axis=1, dtype="int32")
    counts = P.less(place, expand_dims(lengths, 1))
    score = P.sum(P.where(counts, P.max(inputs, axes=(2,), keepdims=False), 0), axes=(1,), keepdims=True)
    kept = P.logical_and(counts, P.not_equal(best, blank))
    if merge_repeated:
        kept = P.logical_and(kept, P.not_equal(best, _shifted(best, 1, -1)))
    # What is kept moves to the front, in order.
    order = P.argsort(P.where(kept, place, P.add(place, time)), axis=1)
    decoded = P.take_along_axis(P.where(kept, best, -1), order, axis=1)
    return expand_dims(decoded, 0), P.negative(score)


def _beam_search(inputs: Tensor, lengths: Tensor, width: int, paths: int, blank: int) -> tuple[Tensor, Tensor]:
    """Prefixes with the log-probabilities of their alignments that end in a blank, and that end in their last class."""
    n, time, classes = shape_of(inputs)
    log_p = log_softmax(inputs)
    dtype = dtype_of(log_p)
    full = lambda shape, value, dtype: P.full(shape=shape, value=value, dtype=dtype)  # noqa: E731
    first = P.broadcast_to(P.equal(P.iota(shape=(1, width), axis=1, dtype="int32"), 0), shape=(n, width))
    state = {
        "prefix": full((n, width, time), -1, "int32"),
        "size": full((n, width), 0, "int32"),
        "blank": P.cast(P.where(first, 0.0, NEVER), dtype=dtype),
        "label": full((n, width), NEVER, dtype),
    }
    position = P.iota(shape=(1, 1, time), axis=2, dtype="int32")
    labels = P.iota(shape=(1, 1, classes), axis=2, dtype="int32")

    def advance(now: dict[str, Tensor], now_p: Tensor) -> dict[str, Tensor]:
        total = _either(now["blank"], now["label"])
        end = P.where(P.equal(position, P.subtract(expand_dims(now["size"], 2), 1)), now["prefix"], -1)
        last = P.max(end, axes=(2,), keepdims=False)  # (n, width), -1 of the empty prefix
        # A prefix stays: by a blank, or by its last class again.
        again = P.where(P.less(last, 0), NEVER, P.take_along_axis(now_p, P.maximum(last, 0), axis=1))
        stay_blank = P.add(total, slice_axis(now_p, 1, blank, blank + 1))
        stay_label = P.maximum(P.add(now["label"], again), NEVER)
        # It grows by a class; by its last one only after a blank.
        source = P.where(P.equal(labels, expand_dims(last, 2)), expand_dims(now["blank"], 2), expand_dims(total, 2))
        grown = P.maximum(P.where(P.equal(labels, blank), NEVER, P.add(source, expand_dims(now_p, 1))), NEVER)
        # Where a grown prefix is in the beam already, that one takes its share: same[q, p] says that q is p and one class.
        prefix, size = now["prefix"], now["size"]
        inner = P.less(position, P.subtract(expand_dims(size, 2), 1))  # all but the last class of q
        shorter = P.where(inner, prefix, -1)
        same = P.all(P.equal(expand_dims(shorter, 2), expand_dims(prefix, 1)), axes=(3,), keepdims=False)
        same = P.logical_and(same, P.equal(expand_dims(size, 2), P.add(expand_dims(size, 1), 1)))
        by_last = P.take_along_axis(grown, P.broadcast_to(expand_dims(P.maximum(last, 0), 1), shape=(n, width, width)), axis=2)  # [p, q]
        share = P.max(P.where(same, P.transpose(by_last, axes=(0, 2, 1)), NEVER), axes=(2,), keepdims=False)
        stay_label = _either(stay_label, share)
        by_parent = expand_dims(P.transpose(same, axes=(0, 2, 1)), 3)  # [p, q, class]
        taken = P.logical_and(by_parent, P.equal(expand_dims(last, (1, 3)), expand_dims(labels, 2)))
        grown = P.where(P.any(taken, axes=(2,), keepdims=False), NEVER, grown)
        scores = P.concatenate(_either(stay_blank, stay_label), P.reshape(grown, shape=(n, width * classes)), axis=1)
        _, chosen = top_k(scores, width)
        parent = P.where(P.less(chosen, width), chosen, P.floor_divide(P.subtract(chosen, width), classes))
        label = P.where(P.less(chosen, width), -1, P.mod(P.subtract(chosen, width), classes))
        take = lambda x: P.take_along_axis(x, parent, axis=1)  # noqa: E731
        grows = P.greater_equal(label, 0)
        old = P.take_along_axis(prefix, P.broadcast_to(expand_dims(parent, 2), shape=(n, width, time)), axis=1)
        here = P.logical_and(expand_dims(grows, 2), P.equal(position, expand_dims(take(size), 2)))
        return {
            "prefix": P.where(here, expand_dims(label, 2), old),
            "size": P.add(take(size), P.cast(grows, dtype="int32")),
            "blank": P.where(grows, NEVER, take(stay_blank)),
            "label": P.where(grows, P.take_along_axis(scores, chosen, axis=1), take(stay_label)),
        }

    def step(now: dict[str, Tensor], x: Any) -> Any:
        now_p, t = x
        going = P.less(t, lengths)
        new = advance(now, now_p)
        pick = lambda a, b: P.where(P.reshape(going, shape=(n, *(1,) * (len(shape_of(a)) - 1))), a, b)  # noqa: E731
        return {name: pick(new[name], now[name]) for name in now}, ()

    steps = P.iota(shape=(time,), axis=0, dtype="int32")
    final = scan(step, state, (P.transpose(log_p, axes=(1, 0, 2)), steps))[0]
    score, best = top_k(_either(final["blank"], final["label"]), paths)
    decoded = P.take_along_axis(final["prefix"], P.broadcast_to(expand_dims(best, 2), shape=(n, paths, time)), axis=1)
    return P.transpose(decoded, axes=(1, 0, 2)), score


export(globals())
