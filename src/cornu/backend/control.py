"""Loops: recurrent steps, folds and maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu import ops, tree
from cornu.backend.closures import element, like, with_function
from cornu.ops.common import shape_of


def rnn(
    step_function: Callable[[Any, list[Any]], tuple[Any, list[Any]]], inputs: Any, initial_states: Any,
    go_backwards: bool = False, mask: Any = None, constants: Any = None, unroll: bool = False, input_length: int | None = None,
) -> tuple[Any, Any, list[Any]]:  # fmt: skip
    """Walks along the time axis of sequences.

    Args:
        step_function: of one step's input (N, ...) and the list of states and constants; gives the output (N, ...) and new
            states.
        inputs: (N, time, ...). initial_states: list of tensors (N, ...).
        go_backwards: begin at the end; outputs stand in the order in which they were computed.
        mask: (N, time); where it is zero, the step repeats the last output (zeros at first) and keeps the states.
        constants: list of further tensors for each step. unroll: write the steps one after the other instead of a loop.
        input_length: kept for Keras.

    Returns:
        (last output, outputs (N, time, ...), last states).

    Raises:
        ValueError: for inputs without a time axis, or a mask without states.
    """
    shape = shape_of(inputs)
    if len(shape) < 3:
        raise ValueError(f"rnn: inputs must have the shape (N, time, ...), got {shape}.")
    if mask is not None and not initial_states:
        raise ValueError("rnn: a mask needs initial states.")
    if shape[1] == 0 or (shape[1] is None and unroll):
        raise ValueError(f"rnn: inputs of shape {shape} have no steps, or an unknown number of them, which can't be unrolled.")
    states, further = list(initial_states), list(constants or [])
    symbols = lambda: (element(inputs, 1), [*like(states), *like(further)])  # noqa: E731
    return with_function(_rnn, step_function, symbols, inputs, states, mask, further, go_backwards, unroll)


def _rnn(
    step_function: Callable[..., Any],
    inputs: Any,
    states: list[Any],
    mask: Any,
    further: list[Any],
    go_backwards: bool,
    unroll: bool,
) -> tuple[Any, Any, list[Any]]:
    xs = [ops.moveaxis(inputs, 1, 0)]
    if mask is not None:
        xs.append(ops.moveaxis(ops.cast(ops.reshape(mask, shape_of(inputs)[:2]), "bool"), 1, 0))

    def step(states: list[Any], x: Any) -> tuple[list[Any], Any]:
        output, new = step_function(x, [*states, *further])
        return list(new), output

    def masked(carry: tuple[Any, list[Any]], x: Any) -> tuple[Any, Any]:
        (last, states), (x, valid) = carry, x
        new, output = step(states, x)
        output = _where(valid, output, last)
        return (output, [_where(valid, a, b) for a, b in zip(new, states, strict=True)]), output

    states = [ops.convert_to_tensor(x) for x in states]
    walk = _unrolled if unroll else ops.scan
    if mask is None:
        final, outputs = walk(lambda now, x: step(now, x[0]), states, xs, reverse=go_backwards)
    else:
        first = step(states, xs[0][0])[1]
        (_, final), outputs = walk(masked, (ops.zeros_like(first), states), xs, reverse=go_backwards)
    if go_backwards and not unroll:
        outputs = ops.flip(outputs, axis=0)
    return outputs[-1], ops.moveaxis(outputs, 0, 1), list(final)


def _where(valid: Any, a: Any, b: Any) -> Any:
    return ops.where(ops.reshape(valid, (*shape_of(valid), *(1,) * (len(shape_of(a)) - 1))), a, b)


def _unrolled(f: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: list[Any], reverse: bool) -> tuple[Any, Any]:
    """`ops.scan` as a Python loop; what it gives stands in the order of computation."""
    count, outputs = shape_of(xs[0])[0], []
    for i in reversed(range(count)) if reverse else range(count):
        carry, output = f(carry, [x[i] for x in xs])
        outputs.append(output)
    return carry, ops.stack(outputs)


def map_fn(fn: Callable[[Any], Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """`fn` of each element along the first axis of the nested tensors `elems`; results are stacked.

    dtype: of the results, if given. name: kept for Keras, no effect.
    """
    return with_function(_mapped, fn, lambda: (element(elems),), elems, dtype)


def _mapped(fn: Callable[[Any], Any], elems: Any, dtype: Any) -> Any:
    results = ops.map(fn, elems)
    return results if dtype is None else tree.map_structure(lambda x: ops.cast(x, dtype), results)


def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`fn(…fn(fn(initializer, elems[0]), elems[1])…)`; the first element stands for an initializer that is None.

    elems: nested tensors, walked along their first axis. name: kept for Keras, no effect.
    """
    return _fold(fn, elems, initializer, False)


def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """From the last element to the first: `fn(…fn(fn(initializer, elems[-1]), elems[-2])…)`; arguments: see `foldl`."""
    return _fold(fn, elems, initializer, True)


def _fold(fn: Callable[[Any, Any], Any], elems: Any, first: Any, backwards: bool) -> Any:
    symbols = lambda: (element(elems) if first is None else like(first), element(elems))  # noqa: E731
    return with_function(_folded, fn, symbols, elems, first, backwards)


def _folded(fn: Callable[[Any, Any], Any], elems: Any, first: Any, backwards: bool) -> Any:
    if first is None:
        first = tree.map_structure(lambda x: x[-1 if backwards else 0], elems)
        elems = tree.map_structure(lambda x: x[:-1] if backwards else x[1:], elems)
    first = tree.map_structure(ops.convert_to_tensor, first)
    return ops.scan(lambda carry, x: (fn(carry, x), ()), first, elems, reverse=backwards)[0]


__all__ = ["foldl", "foldr", "map_fn", "rnn"]
