"""Conversions, control flow, and slices with computed places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import context, tree
from cornu import primitives as P
from cornu.contract.state import StateScope
from cornu.contract.tracer import capture
from cornu.graph.batching import batchable, run_batched
from cornu.ops.common import axis_of, dtype_of, ints, shape_of, slice_axis, tensor
from cornu.ops.complaint import complain
from cornu.ops.op import export, op
from cornu.ops.symbolic import KerasTensor
from cornu.primitives import dtypes as dt

Tensor = Any


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Tensor:
    """`x` (number, nested lists, array, variable, tensor) as a tensor of the engine in charge.

    dtype: by default that of x, `floatx()` for Python's floats, int32 for its ints. sparse, ragged: must not be true.

    Raises:
        ValueError: for sparse or ragged.
    """
    if sparse or ragged:
        raise ValueError("convert_to_tensor: sparse and ragged tensors are not supported.")
    try:
        if isinstance(x, KerasTensor):
            return x if dtype is None else cast(x, dtype)
        made = tensor(x)
        return made if dtype is None or dtype_of(made) == dt.name_of(dtype) else P.cast(made, dtype=dt.name_of(dtype))
    except Exception as error:
        complain(convert_to_tensor, (x,), {} if dtype is None else {"dtype": dtype}, error, again=False)
        raise


def convert_to_numpy(x: Any) -> np.ndarray:
    """A tensor, variable or list `x` as a NumPy array.

    Raises:
        ValueError: for a symbolic tensor, which has no numbers.
    """
    if isinstance(x, KerasTensor):
        raise ValueError(f"A symbolic tensor has no numbers: {x!r}.")
    return np.asarray(context.current().to_numpy(tensor(x)))


def shape(x: Any) -> tuple[Any, ...]:
    """The static shape: ints, and None for unknown dimensions of a symbolic tensor."""
    return shape_of(x)


def dtype(x: Any) -> str:
    """Name of the dtype."""
    return dtype_of(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of the engine in charge (or symbolic)."""
    return isinstance(x, KerasTensor) or context.current().is_tensor(x)


@op
def cast(x, dtype):
    """x in another dtype (a name, a NumPy dtype, or an engine's)."""
    return P.cast(x, dtype=dt.name_of(dtype))


@op
def stop_gradient(variable):
    """`variable`, any tensor, as it is; no gradient flows through it."""
    return P.stop_gradient(variable)


@op
def cond(pred: Tensor, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` if the scalar `pred` holds, else `false_fn()`; functions without arguments that give nested tensors alike."""
    structure: list[Any] = []

    def flat(fn: Callable[[], Any]) -> Callable[..., list[Any]]:
        def branch() -> list[Any]:
            leaves, shape = tree.flatten_with_structure(fn())
            structure[:] = [shape]
            return [tensor(x) for x in leaves]

        return branch

    results = P.cond(pred, true_fn=flat(true_fn), false_fn=flat(false_fn))
    return tree.unflatten(structure[0], results)


@op
def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Applies `body(*loop_vars)` while `cond(*loop_vars)` holds; returns the last loop_vars.

    Args:
        cond: gives a bool scalar.
        body: gives loop variables nested, shaped and typed as before.
        loop_vars: a list or tuple of nested tensors, or one alone.
        maximum_iterations: after which it ends in any case; None: no limit.
    """
    nested = loop_vars if isinstance(loop_vars, (list, tuple)) else (loop_vars,)
    leaves, structure = tree.flatten_with_structure((nested, 0))

    def test(*values: Any) -> list[Any]:
        current, count = tree.unflatten(structure, values)
        go_on = cond(*current)
        return [go_on if maximum_iterations is None else P.logical_and(go_on, P.less(count, maximum_iterations))]

    def step(*values: Any) -> list[Any]:
        current, count = tree.unflatten(structure, values)
        results = body(*current)
        results = results if isinstance(results, (list, tuple)) else (results,)
        return [tensor(x) for x in tree.flatten((results, P.add(count, 1)))]

    results = P.while_loop(*[tensor(x) for x in leaves], cond_fn=test, body_fn=step, n_state=len(leaves))
    final = tree.unflatten(structure, results)[0]
    return final if isinstance(loop_vars, (list, tuple)) else final[0]


@op
def fori_loop(lower: int, upper: int, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`init_val` after `val = body_fun(i, val)` for i from `lower` to `upper` - 1."""
    if isinstance(lower, int) and isinstance(upper, int):
        count = max(upper - lower, 0)
        index = P.add(P.iota(shape=(count,), axis=0, dtype="int32"), lower)
        return scan(lambda value, i: (body_fun(i, value), ()), init_val, index, length=count)[0]
    return while_loop(lambda i, v: P.less(i, upper), lambda i, v: (P.add(i, 1), body_fun(i, v)), (lower, init_val))[1]


@op
def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: Any = 1
) -> tuple[Any, Any]:
    """Walks along the first axis of `xs`: `carry, y = f(carry, x)`; gives the last carry and the stacked y.

    Args:
        f: function of carry and one element (nested structures of tensors).
        init: first carry.
        xs: nested tensors with one first axis, or None with `length`.
        length: number of steps; by default the size of that axis.
        reverse: walk from the end.
        unroll: accepted for Keras.

    Raises:
        ValueError: if the length is unknown or ambiguous.
    """
    carry, carry_structure = tree.flatten_with_structure(init)
    sequences, xs_structure = tree.flatten_with_structure(xs)
    sequences = [x for x in sequences if x is not None]
    lengths = {shape_of(x)[0] for x in sequences} | ({length} if length is not None else set())
    if len(lengths) != 1:
        raise ValueError(f"scan: the length must be given once: xs and length say {sorted(lengths) or 'nothing'}.")
    out: list[Any] = []

    def body(*values: Any) -> list[Any]:
        given = tree.unflatten(carry_structure, values[: len(carry)])
        element = tree.unflatten(xs_structure, values[len(carry) :]) if sequences else None
        new_carry, y = f(given, element)
        leaves = tree.flatten(new_carry)
        ys, y_structure = tree.flatten_with_structure(y)
        out[:] = [y_structure, [x is None for x in ys]]
        return [tensor(x) for x in leaves] + [tensor(x) for x in ys if x is not None]

    results = P.scan(
        *[tensor(x) for x in carry],
        *[tensor(x) for x in sequences],
        body_fn=body,
        n_carry=len(carry),
        n_xs=len(sequences),
        length=lengths.pop(),
        reverse=bool(reverse),
    )
    if not out:
        return tree.unflatten(carry_structure, results[: len(carry)]), None
    rest = iter(results[len(carry) :])
    return tree.unflatten(carry_structure, results[: len(carry)]), tree.unflatten(out[0], [None if no else next(rest) for no in out[1]])


@op
def slice(inputs, start_indices, shape):
    """The block of `inputs` that begins at `start_indices` (ints, one for each dimension, or a vector) and has `shape`.

    A size of -1 takes the rest, which needs a start given in ints. From a start that is a tensor, a block that would go past the
    end is moved back.

    Raises:
        ValueError: for another number of sizes, a block outside of `inputs`, or a rest from a start that is a tensor.
    """
    static, have, wanted = _static(start_indices), shape_of(inputs), ints(shape, "slice")
    if len(wanted) != len(have) or min(wanted, default=0) < -1 or (static is not None and len(static) != len(have)):
        raise ValueError(f"slice: start_indices and a shape of {len(have)} sizes (-1: the rest) are needed, got {start_indices} and {shape}.")
    if static is None:
        if -1 in wanted:
            raise ValueError(f"slice: the rest (size -1 in {shape}) is known only from start_indices given as ints; give its size.")
        return P.dynamic_slice(inputs, _vector(start_indices), sizes=wanted)
    limit = tuple(n if s == -1 else a + s for a, s, n in zip(static, wanted, have, strict=True))
    if any(not 0 <= a <= b <= n for a, b, n in zip(static, limit, have, strict=True)):
        raise ValueError(f"slice: the block of shape {shape} at {start_indices} is not within a tensor of shape {have}.")
    return P.slice(inputs, start=tuple(static), limit=limit, strides=(1,) * len(have))


@op
def slice_update(inputs, start_indices, updates):
    """`inputs` with the block that begins at `start_indices` replaced by `updates`."""
    return P.dynamic_update_slice(inputs, updates, _vector(start_indices))


def _static(indices: Any) -> list[int] | None:
    if isinstance(indices, (list, tuple, np.ndarray)) and all(isinstance(i, (int, np.integer)) for i in indices):
        return [int(i) for i in indices]
    return None


def _vector(indices: Any) -> Tensor:
    if isinstance(indices, (list, tuple)) and not _static(indices):
        return P.concatenate(*[P.reshape(P.cast(i, dtype="int32"), shape=(1,)) for i in indices], axis=0)
    return P.cast(np.asarray(indices, "int32") if isinstance(indices, (list, tuple)) else indices, dtype="int32")


@op
def scatter(indices, values, shape):
    """A tensor of `shape`, zero but for `values` added at `indices`.

    indices: (..., n) ints, coordinates in the first n dimensions; those out of range are left out. values: (..., *the other
    dimensions); their dtype is the result's.
    """
    zero = P.full(shape=tuple(shape), value=0, dtype=dtype_of(values))
    return P.scatter(zero, indices, values, mode="add")


@op
def scatter_update(inputs, indices, updates, reduction=None):
    """`inputs` with `updates` at `indices` (rows of coordinates, as in `scatter`).

    reduction: None replaces what is there; "add", "max", "min" or "mul" combine it with the update.

    Raises:
        ValueError: for another reduction.
    """
    modes = {None: "update", "add": "add", "max": "max", "min": "min", "mul": "multiply"}
    if reduction not in modes:
        raise ValueError(f"scatter_update: reduction must be one of {list(modes)}, got {reduction!r}.")
    return P.scatter(inputs, indices, updates, mode=modes[reduction])


@op
def switch(index, branches, *operands):
    """`branches[index](*operands)`, the index clamped to their number; all branches give nested tensors alike.

    index: an int or an integer scalar tensor. branches: functions. operands: nested tensors that each of them takes.

    Raises:
        ValueError: if there are no branches.
    """
    if not branches:
        raise ValueError("switch: there are no branches.")
    if isinstance(index, (int, np.integer)):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    chosen: Callable[[], Any] = lambda: branches[-1](*operands)  # noqa: E731
    for i in reversed(range(len(branches) - 1)):
        chosen = _either(P.less_equal(index, i), branches[i], operands, chosen)
    return chosen()


def _either(pred: Tensor, branch: Callable[..., Any], operands: Any, otherwise: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: cond(pred, lambda: branch(*operands), otherwise)


def _length(xs: Any, where: str, axis: int = 0) -> int:
    """Size of that axis, which all of the nested tensors must share."""
    leaves = tree.flatten(xs)
    sizes = {shape_of(x)[axis] if len(shape_of(x)) > axis else -1 for x in leaves}
    if len(sizes) != 1 or -1 in sizes:
        raise ValueError(f"{where}: tensors that share the size of axis {axis} are needed, got shapes {[shape_of(x) for x in leaves]}.")
    return sizes.pop()


@op
def map(f, xs):
    """`f` of each element along the first axis of the nested tensors `xs`, one after the other; results are stacked."""
    return scan(lambda carry, x: (carry, f(x)), (), xs, length=_length(xs, "map"))[1]


@op
def vectorized_map(function, elements):
    """`function` of each element along the first axis of the nested tensors `elements`, all at once; results are stacked.

    The function is recorded on one element, then each of its primitives runs once on all of them. It runs on one element after the
    other, as in `map`, where that can't be: where it assigns variables, can't be recorded (it needs an element's numbers in Python,
    or calls the engine's own functions), or has a primitive without a rule for batches (`graph/batching.py`): control flow, scatter,
    slices at computed places, convolution, pooling, `take` where both tensor and indices depend on the element.

    Args:
        function: of one element, nested like `elements`, gives nested tensors. It may be called more than once.
        elements: nested tensors that share the size of their first axis.

    Returns:
        Nested like the function's result; what doesn't depend on the element is repeated.
    """
    length = _length(elements, "vectorized_map")
    leaves, structure = tree.flatten_with_structure(tree.map_structure(tensor, elements))
    out: list[Any] = []

    def body(*values: Any) -> list[Any]:
        results, nest = tree.flatten_with_structure(function(tree.unflatten(structure, values)))
        out[:] = [nest, [x is None for x in results]]
        return [tensor(x) for x in results if x is not None]

    try:
        with StateScope() as scope:
            graph, captured = capture(body, [(shape_of(x)[1:], dtype_of(x)) for x in leaves])
    except (TypeError, ValueError, AttributeError, NotImplementedError):  # can't be recorded, or is wrong: then `map` says so
        return map(function, elements)
    batched = [i < len(leaves) for i in range(len(graph.inputs))]
    if scope.written or not batchable(graph, batched):
        return map(function, elements)
    rest = iter(run_batched(graph, [*leaves, *captured], batched, length))
    return tree.unflatten(out[0], [None if no else next(rest) for no in out[1]])


@op
def associative_scan(f, elems, reverse=False, axis=0):
    """All partial results of an associative operation along `axis`, in logarithmically many steps (Blelloch, 1990).

    Args:
        f: of two nested tensors like `elems` (any size along `axis`), gives such a one.
        elems: nested tensors that share the size of `axis`.
        reverse: start at the end.
        axis: along which.
    """
    leaves, structure = tree.flatten_with_structure(elems)
    rank = len(shape_of(leaves[0]))
    axis = axis_of(axis, rank, "associative_scan")
    _length(elems, "associative_scan", axis)
    turned = [P.flip(x, axes=(axis,)) if reverse else tensor(x) for x in leaves]

    def combine(first: list[Any], second: list[Any]) -> list[Any]:
        return tree.flatten(f(tree.unflatten(structure, first), tree.unflatten(structure, second)))

    results = _partial_results(combine, turned, axis)
    return tree.unflatten(structure, [P.flip(x, axes=(axis,)) if reverse else x for x in results])


def _partial_results(combine: Callable[..., list[Any]], xs: list[Any], axis: int) -> list[Any]:
    n = shape_of(xs[0])[axis]
    if n < 2:
        return xs
    every_second = lambda x, start, limit: slice_axis(x, axis, start, limit, 2)  # noqa: E731
    pairs = combine([every_second(x, 0, n - 1) for x in xs], [every_second(x, 1, n) for x in xs])
    odd = _partial_results(combine, pairs, axis)
    if n == 2:
        later = []
    else:
        later = combine([slice_axis(x, axis, 0, (n - 1) // 2) for x in odd], [every_second(x, 2, n) for x in xs])
    firsts = [slice_axis(x, axis, 0, 1) for x in xs]
    even = [P.concatenate(a, b, axis=axis) for a, b in zip(firsts, later, strict=True)] if later else firsts
    return [_interleaved(a, b, axis) for a, b in zip(even, odd, strict=True)]


def _interleaved(even: Tensor, odd: Tensor, axis: int) -> Tensor:
    """even[0], odd[0], even[1], ...; even has as many elements or one more."""
    shape, n = shape_of(even), shape_of(odd)[axis]
    apart = (*shape[:axis], n, 1, *shape[axis + 1 :])
    pairs = P.concatenate(P.reshape(slice_axis(even, axis, 0, n), shape=apart), P.reshape(odd, shape=apart), axis=axis + 1)
    woven = P.reshape(pairs, shape=(*shape[:axis], 2 * n, *shape[axis + 1 :]))
    return woven if shape[axis] == n else P.concatenate(woven, slice_axis(even, axis, n, n + 1), axis=axis)


@op
def unstack(x, num=None, axis=0):
    """The slices along `axis`, as a list; `num`, if given, must be their number.

    Raises:
        ValueError: if it is not.
    """
    shape = shape_of(x)
    axis = axis_of(axis, len(shape), "unstack")
    if num is not None and num != shape[axis]:
        raise ValueError(f"unstack: axis {axis} of shape {shape} has {shape[axis]} slices, not {num}.")
    rest = (*shape[:axis], *shape[axis + 1 :])
    return [P.reshape(slice_axis(x, axis, i, i + 1), shape=rest) for i in range(shape[axis])]


@op
def saturate_cast(x, dtype):
    """x in another dtype; what lies beyond its range becomes its least or greatest value, and NaN becomes 0 in integers."""
    have, want = dtype_of(x), dt.name_of(dtype)
    if not (dt.is_integer(want) or dt.is_float(want)) or have in dt.COMPLEXES or have == "bool":
        return P.cast(x, dtype=want)
    if dt.is_float(have) and dt.is_integer(want):
        x = P.where(P.not_equal(x, x), 0, x)
    bounds = _range(want, have)
    low, high = (P.cast(np.array(bound, dt.numpy_dtype(have)), dtype=have) for bound in bounds)
    y = P.cast(P.minimum(P.maximum(x, low), high), dtype=want)
    for beyond, edge, bound, last in zip((P.less, P.greater), (low, high), bounds, dt.limits(want), strict=True):
        if dt.is_float(have) and float(bound) != float(last):  # `have` lacks the limit
            y = P.where(beyond(x, edge), P.cast(np.array(last), dtype=want), y)
    return y


def _range(dtype: str, within: str) -> list[Any]:
    """Least and greatest value of `dtype` that the dtype `within` has, too."""
    limits, own = dt.limits(dtype), dt.limits(within)
    if dt.is_integer(within):
        return [max(int(limits[0]), int(own[0])), min(int(limits[1]), int(own[1]))]
    bounds, kind = [], dt.numpy_dtype(within).type
    exactly: Any = int if dt.is_integer(dtype) else float  # 2**63 - 1 is no float
    for bound in limits:
        near = float(kind(min(max(float(bound), float(own[0])), float(own[1]))))
        bounds.append(kind(near) if abs(exactly(near)) <= abs(exactly(bound)) else np.nextafter(kind(near), kind(0)))
    return bounds


export(globals())
