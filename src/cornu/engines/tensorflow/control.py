"""Control flow, and tensors with a gradient of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu.engines.tensorflow.library import conj, define, tf


@define
def cond(pred: Any, *operands: Any, true_fn: Any, false_fn: Any) -> Any:
    def branch(fn: Any) -> Any:
        return lambda: {i: tf.convert_to_tensor(y) for i, y in enumerate(fn(*operands))}  # a list of one would come back bare

    return list(tf.cond(pred, branch(true_fn), branch(false_fn)).values())


@define
def while_loop(*operands: Any, cond_fn: Any, body_fn: Any, n_state: int) -> Any:
    state, constants = [tf.convert_to_tensor(x) for x in operands[:n_state]], operands[n_state:]
    going = lambda *xs: cond_fn(*xs, *constants)[0]  # noqa: E731
    return list(tf.while_loop(going, lambda *xs: [tf.convert_to_tensor(y) for y in body_fn(*xs, *constants)], state))


UNROLLED = 64  # steps: up to here they are as fast one after the other as in a loop, and may be merged


@define
def scan(*operands: Any, body_fn: Any, n_carry: int, n_xs: int, length: int, reverse: bool = False) -> Any:
    operands = tuple(tf.convert_to_tensor(x) for x in operands)
    carry, xs, constants = list(operands[:n_carry]), operands[n_carry : n_carry + n_xs], operands[n_carry + n_xs :]
    order = range(length)[::-1] if reverse else range(length)
    if length > UNROLLED and not tf.executing_eagerly():
        return _looped(carry, xs, lambda *values: list(body_fn(*values, *constants)), order)
    rows = [tf.unstack(x) for x in xs]
    steps: list[Any] = []
    for t in order:
        results = body_fn(*carry, *[row[t] for row in rows], *constants)
        carry = list(results[:n_carry])
        steps.append(results[n_carry:])
    return carry + [tf.stack(outputs[::-1] if reverse else outputs) for outputs in zip(*steps, strict=True)]


def _looped(carry: list[Any], xs: Sequence[Any], body: Callable[..., list[Any]], order: range) -> list[Any]:
    """A scan as a loop in the graph, after its first step, which shows what comes out."""
    count, n_carry = len(order), len(carry)
    rows = [tf.TensorArray(x.dtype, count, element_shape=x.shape[1:]).unstack(x) for x in xs]
    first = [tf.convert_to_tensor(y) for y in body(*carry, *[row.read(order[0]) for row in rows])]
    arrays = [tf.TensorArray(y.dtype, count, element_shape=y.shape).write(order[0], y) for y in first[n_carry:]]

    def step(i: Any, *state: Any) -> list[Any]:
        t = order.start + order.step * i
        results = [tf.convert_to_tensor(y) for y in body(*state[:n_carry], *[row.read(t) for row in rows])]
        return [i + 1, *results[:n_carry], *[array.write(t, y) for array, y in zip(state[n_carry:], results[n_carry:])]]

    start = [tf.constant(1), *first[:n_carry], *arrays]
    _, *state = tf.while_loop(lambda i, *_: i < count, step, start, maximum_iterations=count - 1)
    return [*state[:n_carry], *[array.stack() for array in state[n_carry:]]]


@define
def with_gradient(*operands: Any, backward_fn: Any, n_results: int, n_inputs: int) -> Any:
    @tf.custom_gradient
    def attached(*operands: Any) -> Any:
        def backward(*cotangents: Any) -> Any:
            found = backward_fn(*[conj(g) for g in cotangents], *operands[n_results + n_inputs :])
            return [None] * n_results + [conj(g) for g in found] + [None] * (len(operands) - n_results - n_inputs)

        return [tf.identity(x) for x in operands[:n_results]], backward

    return list(attached(*[tf.convert_to_tensor(x) for x in operands]))
