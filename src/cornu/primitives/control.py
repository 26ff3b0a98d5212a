"""Control flow: primitives whose parameters are functions from tensors to a list of tensors.

Engines that compute at once get Python callables. In a recorded program the functions are graphs, and whatever they used of their
surroundings has become a further operand ("constants" below), so that a graph is closed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu.primitives.primitive import DtypeRule, kept, primitive


def _specs(graph: Any) -> tuple[list[tuple[int, ...]], list[str]]:
    return [value.shape for value in graph.outputs], [value.dtype for value in graph.outputs]


def _cond_shape(pred, *operands, true_fn, false_fn):
    shapes = _specs(true_fn)[0]
    if pred != ():
        raise ValueError(f"the predicate must be a scalar, got shape {pred}")
    if shapes != _specs(false_fn)[0]:
        raise ValueError(f"the branches give different shapes: {shapes} and {_specs(false_fn)[0]}")
    return shapes


def _cond_dtypes(pred, *operands, true_fn, false_fn):
    dtypes = _specs(true_fn)[1]
    if dtypes != _specs(false_fn)[1]:
        raise TypeError(f"cond: the branches give different dtypes: {dtypes} and {_specs(false_fn)[1]}")
    return tuple(dtypes)


def _cond_operands(pred, *dtypes):
    return "bool", *kept.operands(*dtypes)


@primitive(DtypeRule(_cond_operands, _cond_dtypes), _cond_shape)
def cond(pred, *operands, true_fn, false_fn):
    """`true_fn(*operands)` if the scalar `pred` holds, else `false_fn(*operands)`; both give lists alike."""
    return (true_fn if bool(pred) else false_fn)(*operands)


def _while_shape(*operands, cond_fn, body_fn, n_state):
    shapes = _specs(body_fn)[0]
    if shapes != list(operands[:n_state]):
        raise ValueError(f"the body turns states of shapes {list(operands[:n_state])} into {shapes}; they must stay")
    return shapes


@primitive(DtypeRule(kept.operands, lambda *d, cond_fn, body_fn, n_state: d[:n_state]), _while_shape)
def while_loop(*operands, cond_fn, body_fn, n_state):
    """Applies `body_fn` to the first `n_state` operands while `cond_fn` gives a true scalar; the other operands are constants.

    Both get all operands; `body_fn` gives the new states. Has no reverse-mode gradient, since the number of turns is unknown.
    """
    state, constants = list(operands[:n_state]), operands[n_state:]
    while bool(cond_fn(*state, *constants)[0]):
        state = list(body_fn(*state, *constants))
    return state


def _scan_shape(*operands, body_fn, n_carry, n_xs, length, reverse):
    shapes = _specs(body_fn)[0]
    if shapes[:n_carry] != list(operands[:n_carry]):
        raise ValueError(f"the body turns carries of shapes {list(operands[:n_carry])} into {shapes[:n_carry]}; they must stay")
    for shape in operands[n_carry : n_carry + n_xs]:
        if not shape or shape[0] != length:
            raise ValueError(f"a sequence of shape {shape} is scanned over a length of {length}")
    return shapes[:n_carry] + [(length, *shape) for shape in shapes[n_carry:]]


def _scan_dtypes(*operands, body_fn, n_carry, **params):
    dtypes = _specs(body_fn)[1]
    if tuple(dtypes[:n_carry]) != tuple(operands[:n_carry]):
        raise TypeError(f"scan: the body turns carries of dtypes {operands[:n_carry]} into {tuple(dtypes[:n_carry])}")
    return tuple(dtypes)


@primitive(DtypeRule(kept.operands, _scan_dtypes), _scan_shape)
def scan(*operands, body_fn, n_carry, n_xs, length, reverse=False):
    """Walks along the first axis of sequences, carrying a state.

    operands: `n_carry` initial states, `n_xs` sequences with a first axis of `length`, constants. `body_fn(*states, *elements,
    *constants)` gives the new states and the outputs of the step. Gives the final states and each output stacked along a
    first axis. `reverse` walks from the end; outputs stand at the place of their elements.
    """
    carry, constants = list(operands[:n_carry]), operands[n_carry + n_xs :]
    steps: list[list[Any]] = []
    for t in reversed(range(length)) if reverse else range(length):
        results = body_fn(*carry, *[xs[t] for xs in operands[n_carry : n_carry + n_xs]], *constants)
        carry = list(results[:n_carry])
        steps.append(list(results[n_carry:]))
    if reverse:
        steps.reverse()
    return carry + [np.stack(outputs) for outputs in zip(*steps, strict=True)]


def _with_gradient_shape(*operands, backward_fn, n_results, n_inputs):
    if _specs(backward_fn)[0] != list(operands[n_results : n_results + n_inputs]):
        raise ValueError(
            f"the gradient gives shapes {_specs(backward_fn)[0]} for inputs of shapes "
            f"{list(operands[n_results : n_results + n_inputs])}"
        )
    return list(operands[:n_results])


@primitive(DtypeRule(kept.operands, lambda *d, n_results, **params: d[:n_results]), _with_gradient_shape)
def with_gradient(*operands, backward_fn, n_results, n_inputs):
    """The first `n_results` operands, whose gradient in the next `n_inputs` is what `backward_fn` says; others are constants.

    `backward_fn` gets a cotangent for each result, and the constants; it gives one for each input.
    No other gradient flows through the results.
    """
    return list(operands[:n_results])
