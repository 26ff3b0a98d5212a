"""Gradients without naming an engine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from cornu import context, tree
from cornu import primitives as P
from cornu.contract.state import StateScope, read
from cornu.ops.common import dtype_of, shape_of, tensor
from cornu.ops.op import export, has_symbolic
from cornu.ops.symbolic import apply
from cornu.primitives import dtypes as dt


def value_and_grad(
    fn: Callable[..., Any], variables: Sequence[Any] | None = None, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives `fn`'s value and its gradient.

    Args:
        fn: gives a scalar loss; with `has_aux`, a pair of the loss and anything (nested tensors). It may assign variables (moving
            averages, seeds, metrics): what it assigns is kept.
        variables: differentiate with respect to these variables; gradients come as a list.
        argnums: without `variables`, the position(s) of the arguments (nested tensors) to differentiate with respect to.
        has_aux: whether `fn` gives a pair.

    Returns:
        A function of the same arguments: `(value, gradients)`, or `((value, aux), gradients)` with `has_aux`.

    Raises:
        ValueError: if the loss is no scalar.
    """

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        engine = context.current()
        if variables is not None:
            sources: Any = [read(v) for v in variables]
        else:
            sources = args[argnums] if isinstance(argnums, int) else tuple(args[i] for i in argnums)
        leaves, structure = tree.flatten_with_structure(sources)
        kept: dict[str, Any] = {}

        def flat(*values: Any) -> tuple[Any, list[Any]]:
            given = list(args)
            replaced = tree.unflatten(structure, values)
            if variables is None:
                for place, value in [(argnums, replaced)] if isinstance(argnums, int) else zip(argnums, replaced, strict=True):
                    given[place] = value
            with StateScope(dict(zip(variables or (), values, strict=False))) as scope:
                result = fn(*given, **kwargs)
            loss, aux = result if has_aux else (result, None)
            if shape_of(loss) != ():
                raise ValueError(f"value_and_grad: the loss must be a scalar, got shape {shape_of(loss)}. Reduce it, e.g. with ops.mean.")
            aux_leaves, kept["structure"] = tree.flatten_with_structure(aux)
            kept["is_tensor"] = [hasattr(x, "shape") for x in aux_leaves]
            kept["static"] = aux_leaves
            kept["written"] = list(scope.written)
            tensors = [tensor(x) for x in aux_leaves if hasattr(x, "shape")]
            return tensor(loss), tensors + [scope.values[cell] for cell in scope.written]

        loss, extra, grads = engine.value_and_grad(flat, [tensor(x) for x in leaves])
        count = len(extra) - len(kept["written"])
        scope = StateScope()
        scope.values.update(zip(kept["written"], extra[count:], strict=True))
        scope.written.update(dict.fromkeys(kept["written"]))
        scope.commit()
        grads = tree.unflatten(structure, grads)
        if not has_aux:
            return loss, grads
        found = iter(extra[:count])
        aux = [next(found) if is_tensor else x for is_tensor, x in zip(kept["is_tensor"], kept["static"], strict=True)]
        return (loss, tree.unflatten(kept["structure"], aux)), grads

    return differentiated


def grad(fn: Callable[..., Any], argnums: int | Sequence[int] = 0, variables: Sequence[Any] | None = None) -> Callable[..., Any]:
    """A function of the same arguments that gives the gradient of the scalar `fn`; argnums, variables: see `value_and_grad`."""
    both = value_and_grad(fn, variables, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


# Products with Jacobians


def _zeros_like(x: Any) -> Any:
    return P.full(shape=shape_of(x), value=0, dtype=dtype_of(x))


def _tensors(primals: Any) -> tuple[Any, ...]:
    return tree.map_structure(tensor, tuple(primals))


def _pairing(results: Any, cotangents: Any) -> Any:
    """Sum over all elements of results times cotangents (of complex ones the real part)."""
    total: Any = P.full(shape=(), value=0.0, dtype="float32")
    for y, g in zip(tree.flatten(results), tree.flatten(cotangents), strict=True):
        if dt.is_differentiable(dtype_of(y)):
            product = P.real(P.multiply(y, g))
            total = P.add(total, P.sum(product, axes=tuple(range(len(shape_of(product)))), keepdims=False))
    return total


def _alike(given: Any, wanted: Any, where: str, what: str) -> None:
    """Raise ValueError unless both are nested alike, with equal shapes."""
    shapes = [[shape_of(x) for x in tree.flatten(nested)] for nested in (given, wanted)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{where}: {what} must have the shapes {shapes[1]}, got {shapes[0]}.")


def vjp(fn: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """`fn(*primals)`, and a function that multiplies a cotangent with its Jacobian from the left.

    Args:
        fn: of nested tensors, gives nested tensors; with `has_aux`, a pair of these and anything.
        primals: its arguments.
        has_aux: whether `fn` gives a pair.

    Returns:
        `(outputs, vjp_fn)`, or `(outputs, vjp_fn, aux)`. `vjp_fn(cotangents)`, nested like the outputs, gives a tuple nested like the
        primals. It computes `fn` again.
    """
    primals = _tensors(primals)
    result = fn(*primals)
    outputs, aux = result if has_aux else (result, None)

    def pull(cotangents: Any) -> Any:
        _alike(cotangents, outputs, "vjp", "cotangents")
        paired = lambda xs: _pairing(fn(*xs)[0] if has_aux else fn(*xs), cotangents)  # noqa: E731
        return grad(paired)(primals)

    return (outputs, pull, aux) if has_aux else (outputs, pull)


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """`fun(*primals)` and its derivative in the direction of `tangents`: the Jacobian multiplied from the right.

    Computed by two reverse passes, so that it works on every engine.

    Args:
        fun: of nested tensors, gives nested tensors; with `has_aux`, a pair of these and anything.
        primals: its arguments, a tuple or list.
        tangents: a direction for each, nested and shaped like the primals.
        has_aux: whether `fun` gives a pair.

    Returns:
        `(outputs, their tangents)`, or `(outputs, their tangents, aux)`.

    Raises:
        ValueError: if tangents and primals differ in shape.
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(f"jvp: primals and tangents must be tuples or lists, got {type(primals).__name__} and {type(tangents).__name__}.")
    _alike(tangents, primals, "jvp", "tangents")
    primals = _tensors(primals)
    result = fun(*primals)
    outputs, aux = result if has_aux else (result, None)
    pulled = lambda g: grad(lambda xs: _pairing(fun(*xs)[0] if has_aux else fun(*xs), g))(primals)  # noqa: E731
    # What is pulled back is linear in g: its own pull-back is the push-forward, wherever it is taken.
    pushed = grad(lambda g: _pairing(pulled(g), tuple(tangents)))(tree.map_structure(_zeros_like, outputs))
    return (outputs, pushed, aux) if has_aux else (outputs, pushed)


def hvp(fn: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """Hessian of the scalar `fn(*primals)` times `tangents` (nested and shaped like the primals): a tuple like the primals."""
    _alike(tangents, primals, "hvp", "tangents")
    slope = grad(lambda xs: fn(*xs))
    return grad(lambda xs: _pairing(slope(xs), tuple(tangents)))(_tensors(primals))


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a function that brings its own gradient.

    Args:
        f: gives its result (nested tensors) and a function from cotangents of the result, one argument each, to a cotangent for
            each argument of `f` (None: no gradient). That function may use what `f` computed, and is differentiable in turn.

    Returns:
        The function of the same arguments that gives the result alone.

    Example:
        >>> @ops.custom_gradient
        ... def clipped(x):
        ...     return x, lambda g: ops.clip(g, -1.0, 1.0)
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if has_symbolic(args) or has_symbolic(kwargs.values()):
            return apply(call, args, kwargs)
        leaves, structure = tree.flatten_with_structure(args)
        leaves = [tensor(x) if hasattr(x, "shape") else x for x in leaves]
        places = [i for i, x in enumerate(leaves) if hasattr(x, "shape")]
        result, gradient = f(*tree.unflatten(structure, leaves), **kwargs)
        outputs, result_structure = tree.flatten_with_structure(result)

        def backward(*cotangents: Any) -> list[Any]:
            upstream = tree.unflatten(result_structure, cotangents)
            found = gradient(*upstream) if isinstance(result, (tuple, list)) else gradient(upstream)
            flat = tree.flatten(found)
            if len(flat) != len(leaves):
                raise ValueError(f"custom_gradient: {f.__name__} takes {len(leaves)} tensors, but its gradient gives {len(flat)}.")
            return [_cotangent(flat[i], leaves[i], f.__name__) for i in places]

        inputs = [leaves[i] for i in places]
        results = P.with_gradient(
            *[tensor(y) for y in outputs], *inputs, backward_fn=backward, n_results=len(outputs), n_inputs=len(inputs)
        )
        return tree.unflatten(result_structure, results)

    return call


def _cotangent(g: Any, x: Any, where: str) -> Any:
    if g is None:
        return _zeros_like(x)
    if shape_of(g) != shape_of(x):
        raise ValueError(f"custom_gradient: the gradient of {where} has shape {shape_of(g)} for an argument of shape {shape_of(x)}.")
    return P.cast(g, dtype=dtype_of(x))


export(globals())
