"""What `compile` makes of its loss and metrics arguments: losses and metrics per output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cornu import losses, metrics, ops, tree


def per_output(given: Any, names: Sequence[str], what: str) -> list[Any]:
    """One entry per output from a single value, a list, or a dictionary by output name.

    Raises:
        ValueError: if the number or a name doesn't fit.
    """
    if isinstance(given, dict):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(f"`{what}` has the key(s) {unknown}, but the model's outputs are {list(names)}.")
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)) and len(given) == len(names):
        return list(given)
    if len(names) == 1:
        return [given]
    if isinstance(given, (list, tuple)):
        raise ValueError(f"`{what}` has {len(given)} entries for {len(names)} outputs {list(names)}.")
    return [given] * len(names)


def flat_like(structure: Any, names: Sequence[str]) -> list[Any]:
    """The leaves of targets or predictions, in the order of the outputs' names."""
    if isinstance(structure, dict) and set(structure) == set(names):
        return [structure[name] for name in names]
    return tree.flatten(structure)


class CompiledLoss:
    """The total loss of all outputs. `trackers` are means of the single losses by output, where there are several."""

    def __init__(self, loss: Any, loss_weights: Any, names: Sequence[str]) -> None:
        self.names = list(names)
        found = per_output(loss, names, "loss")
        self.functions: list[Callable[..., Any] | None] = [self._wrap(item) for item in found]
        weights = per_output(loss_weights, names, "loss_weights") if loss_weights is not None else [None] * len(names)
        self.weights = weights
        lossy = [name for name, fn in zip(names, self.functions, strict=True) if fn is not None]
        self.trackers = {name: metrics.Mean(name=f"{name}_loss") for name in lossy} if len(lossy) > 1 else {}

    @staticmethod
    def _wrap(item: Any) -> Any:
        found = losses.get(item)
        return losses.LossFunctionWrapper(found) if callable(found) and not isinstance(found, losses.Loss) else found

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        targets, predictions = flat_like(y, self.names), flat_like(y_pred, self.names)
        if len(targets) != len(predictions):
            raise ValueError(f"There are {len(targets)} targets for {len(predictions)} outputs {self.names}.")
        weights = [sample_weight] * len(targets) if not tree.is_nested(sample_weight) else flat_like(sample_weight, self.names)
        total: Any = None
        for i, (fn, target, prediction, weight) in enumerate(zip(self.functions, targets, predictions, weights, strict=True)):
            if fn is None:
                continue
            value = fn(target, prediction, weight)
            if self.trackers:
                self.trackers[self.names[i]].update_state(value, float(prediction.shape[0]))
            if self.weights[i] is not None:
                value = ops.multiply(value, self.weights[i])
            total = value if total is None else ops.add(total, value)
        if total is None:
            raise ValueError("No loss: `compile(loss=…)` has none for any output.")
        return total


class CompiledMetrics:
    """Metrics per output; "accuracy" is settled when the shapes are known. `by_functions`: whether some are functions."""

    def __init__(self, given: Any, weighted: Any, names: Sequence[str], y: Any, y_pred: Any) -> None:
        self.names = list(names)
        targets, predictions = flat_like(y, names), flat_like(y_pred, names)
        self.rows: list[tuple[Any, int, bool]] = []
        self.by_functions = False
        for source, is_weighted in ((given, False), (weighted, True)):
            if source is None:
                continue
            flat = isinstance(source, (list, tuple)) and not any(isinstance(item, (list, tuple)) for item in source)
            single = len(names) == 1 and not isinstance(source, dict)
            entries = [source] if single else per_output(source, names, "metrics")
            if flat and not single and len(source) != len(names):
                raise ValueError(
                    f"`metrics` of a model with the outputs {list(names)} must be a dict by output, or a list with a list each."
                )
            for i, entry in enumerate(entries):
                for item in entry if isinstance(entry, (list, tuple)) else [entry]:
                    if item is not None:
                        made = self._make(item, targets[i], predictions[i])
                        self.by_functions |= type(made) is metrics.MeanMetricWrapper and not isinstance(item, str)
                        self.rows.append((made, i, is_weighted))

    @staticmethod
    def _make(item: Any, target: Any, prediction: Any) -> Any:
        """The metric; one that was named by a string is called that in the logs."""
        if item in ("accuracy", "acc"):
            made = metrics.accuracy_for(target, prediction)
        elif item in ("crossentropy", "ce"):
            kind = type(metrics.accuracy_for(target, prediction)).__name__.replace("Accuracy", "Crossentropy")
            made = getattr(metrics, kind)()
        else:
            made = metrics.get(item)
        if isinstance(item, str):
            made.name = item
        return made

    @property
    def metrics(self) -> list[Any]:
        """All of them."""
        return list(dict.fromkeys(metric for metric, _, _ in self.rows))

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Add a batch."""
        targets, predictions = flat_like(y, self.names), flat_like(y_pred, self.names)
        weights = [sample_weight] * len(targets) if not tree.is_nested(sample_weight) else flat_like(sample_weight, self.names)
        for metric, i, weighted in self.rows:
            metric.update_state(targets[i], predictions[i], weights[i] if weighted else None)

    def result(self) -> dict[str, Any]:
        """Name -> value."""
        several = len(self.names) > 1
        return {f"{self.names[i]}_{metric.name}" if several else metric.name: metric.result() for metric, i, _ in self.rows}
