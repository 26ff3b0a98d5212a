"""Gradients without naming an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu import context, tree
from cornu.contract.state import StateScope, read
from cornu.ops.common import shape_of, tensor
from cornu.ops.op import export


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
    """A function of the same arguments that gives the gradient of the scalar `fn`. See `value_and_grad`."""
    both = value_and_grad(fn, variables, argnums)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


export(globals())
