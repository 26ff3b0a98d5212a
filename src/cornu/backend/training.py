"""A model's loss, and an optimizer's updates, in the symbolic graph: for training by `K.function`, as old scripts do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cornu import config, losses, ops
from cornu.backend.gradients import gradients
from cornu.backend.graph import placeholder, running
from cornu.contract.state import StateScope
from cornu.ops.symbolic import KerasTensor, Node, apply
from cornu.training.compiled import CompiledLoss, per_output


class _Drawn(NamedTuple):
    compiled: Any  # what `compile` was given; another one is drawn anew
    targets: list[KerasTensor]
    sample_weights: list[KerasTensor]
    total_loss: KerasTensor


def _is_sparse(loss: Any) -> bool:
    """Whether a loss takes integer labels, one for each prediction of all classes."""
    found = losses.get(loss)
    return getattr(found, "fn", found) is losses.sparse_categorical_crossentropy


def _drawn(model: Any) -> _Drawn:
    compiled = model._compile
    if compiled is None or compiled["loss"] is None:
        raise ValueError(f"Model {model.name!r} has no loss: call `compile(loss=…)` before its targets or loss are asked for.")
    known = getattr(model, "_compile_drawn", None)
    if known is not None and known.compiled is compiled:
        return known
    targets, weights = [], []
    by_output = per_output(compiled["loss"], model.output_names, "loss")
    for name, output, loss in zip(model.output_names, model.outputs, by_output, strict=True):
        shape = (*output.shape[:-1], 1) if _is_sparse(loss) else output.shape
        targets.append(placeholder(shape, dtype=output.dtype, name=f"{name}_target"))
        weights.append(placeholder((None,), name=f"{name}_sample_weights"))
    of_outputs = CompiledLoss(compiled["loss"], compiled["loss_weights"], model.output_names)

    def compute(y: list[Any], y_pred: list[Any], sample_weight: list[Any], added: list[Any]) -> Any:
        total = of_outputs(y, y_pred, sample_weight)
        model._losses = list(added)  # as a call of the model would leave them; those inside were called for `y_pred`
        for extra in model.losses:
            total = ops.add(total, ops.sum(extra))
        return total

    total = KerasTensor((), config.floatx(), name=f"{model.name}_loss")
    Node(compute, (targets, model.outputs, weights, getattr(model, "symbolic_losses", [])), {}, total)
    model._compile_drawn = _Drawn(compiled, targets, weights, total)
    return model._compile_drawn


def targets(model: Any) -> list[KerasTensor]:
    """A placeholder for the targets of each output of a compiled model."""
    return _drawn(model).targets


def sample_weights(model: Any) -> list[KerasTensor]:
    """A placeholder for the weights of the samples of each output of a compiled model."""
    return _drawn(model).sample_weights


def total_loss(model: Any) -> KerasTensor:
    """The symbolic loss of a compiled model, penalties of layers included; it depends on inputs, `targets` and `sample_weights`.

    Raises:
        ValueError: if the model has no loss.
    """
    return _drawn(model).total_loss


def get_updates(optimizer: Any, *args: Any, **kwargs: Any) -> list[KerasTensor]:
    """What `K.function` takes as `updates` for one step of the optimizer.

    Args:
        optimizer: has the step. args, kwargs: `loss` (scalar symbolic tensor) and `params` (list of variables), in this order; or
            `params, constraints, loss` as in Keras 1. `constraints` must be empty: they are the variables' own now.

    Raises:
        TypeError: for other arguments. ValueError: if there are constraints, or the loss doesn't depend on one of the variables.
    """
    loss, params = (_of_keras_1 if args and isinstance(args[0], (list, tuple)) else _of_keras_2)(*args, **kwargs)
    variables: Sequence[Any] = list(params)
    slopes = gradients(loss, variables)
    without = [v.path for v, slope in zip(variables, slopes, strict=True) if slope is None]
    if without:
        raise ValueError(f"get_updates: the loss has no gradient with respect to {', '.join(without)}.")
    if not optimizer.built:
        optimizer.build(variables)

    def step(*slopes: Any) -> Any:
        with StateScope() as scope:
            optimizer.apply(list(slopes), variables)
            count = ops.convert_to_tensor(optimizer.iterations)
        now = running()
        if now is not None:
            now.updates.update((variable, scope.values[variable]) for variable in scope.written)  # type: ignore[misc]
        return count

    return [apply(step, tuple(slopes), {})]


def _of_keras_2(loss: Any, params: Any, constraints: Any = ()) -> tuple[Any, Any]:
    if constraints:
        raise ValueError("get_updates: constraints belong to the variables: give layers `kernel_constraint=…` instead.")
    return loss, params


def _of_keras_1(params: Any, constraints: Any, loss: Any) -> tuple[Any, Any]:
    return _of_keras_2(loss, params, constraints)
