"""What old scripts call that has no counterpart of today's with other arguments: merged branches, generators' methods, and attributes."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cornu import layers, models, optimizers
from cornu.backend import training
from cornu.layers.layer import Layer
from cornu.legacy.spellings import OldSpelling

_told: set[str] = set()


def tell(old: str, today: str) -> None:
    """Warn, once, that the caller's caller spells something as of old."""
    if old not in _told:
        _told.add(old)
        warnings.warn(f"`{old}` is an old spelling: today it is `{today}`.", OldSpelling, stacklevel=3)


# Merged branches

MODES = {
    "sum": layers.Add, "mul": layers.Multiply, "ave": layers.Average, "max": layers.Maximum, "concat": layers.Concatenate, "dot": layers.Dot,
    "cos": layers.Dot,
}  # fmt: skip


def _merging(mode: Any, concat_axis: int, dot_axes: Any) -> Any:
    if callable(mode):
        return layers.Lambda(mode)
    if mode not in MODES:
        raise ValueError(f"merge: unknown mode {mode!r}; expected a function or one of {', '.join(MODES)}.")
    if mode == "concat":
        return layers.Concatenate(axis=concat_axis)
    if mode in ("dot", "cos"):
        axes = dot_axes if dot_axes != -1 else -1
        return layers.Dot(axes=[*axes] if isinstance(axes, (list, tuple)) else axes, normalize=mode == "cos")
    return MODES[mode]()


def _form(mode: Any) -> str:
    return f"{MODES[mode].__name__}(…)([…])" if mode in MODES else "Lambda(…)([…])"


def merge(
    inputs: Sequence[Any], mode: Any = "sum", concat_axis: int = -1, dot_axes: Any = -1, output_shape: Any = None, output_mask: Any = None,
    arguments: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """Symbolic tensors merged as in Keras 1: mode "sum", "mul", "concat", "ave", "cos", "dot", "max", or a function of the list."""
    tell(f"merge(…, mode={mode!r})", _form(mode))
    layer = _merging(mode, concat_axis, dot_axes)
    if name is not None:
        layer.name = name
    return layer(list(inputs))


class Merge(Layer):
    """The first layer of a Sequential model that merges the outputs of others (Keras 1). It takes the list of their inputs.

    Args:
        layers: models, or none to merge the list of tensors that it is called on. mode, concat_axis, dot_axes: as for `merge`.
    """

    def __init__(
        self, layers: Sequence[Any] | None = None, mode: Any = "sum", concat_axis: int = -1, dot_axes: Any = -1, output_shape: Any = None,
        output_mask: Any = None, arguments: Any = None, node_indices: Any = None, tensor_indices: Any = None, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name=name)
        tell(f"Merge(…, mode={mode!r})", _form(mode))
        self.branches = list(layers or ())
        self.merging = _merging(mode, concat_axis, dot_axes)

    def call(self, inputs: Any) -> Any:
        if not self.branches:
            return self.merging(list(inputs))
        flat = iter(inputs)
        parts = []
        for branch in self.branches:
            count = len(getattr(branch, "inputs", [None])) if branch.built else 1
            given = list(itertools.islice(flat, count))
            parts.append(branch(given[0] if count == 1 else given))
        return self.merging(parts)


def time_distributed_dense(output_dim: int, **kwargs: Any) -> Any:
    """A Dense layer at each step (Keras 1)."""
    tell("TimeDistributedDense(…)", "TimeDistributed(Dense(…))")
    outer = {name: kwargs.pop(name) for name in ("input_shape", "batch_input_shape", "name") if name in kwargs}
    return layers.TimeDistributed(layers.Dense(output_dim, **kwargs), **outer)


# Methods


def _counted(generator: Any, steps: int | None, samples: int | None, steps_name: str, samples_name: str) -> tuple[Any, int | None]:
    """The generator and its batches per epoch, where Keras 1 counts samples: the first batch tells their size."""
    if samples is None or hasattr(generator, "__getitem__"):
        return generator, steps
    if steps is not None:
        raise ValueError(f"Give either `{steps_name}` or `{samples_name}`.")
    iterator = iter(generator)
    first = next(iterator)
    x = first[0] if isinstance(first, (tuple, list)) else first
    size = len(x[0] if isinstance(x, list) else next(iter(x.values())) if isinstance(x, dict) else x)
    return itertools.chain([first], iterator), math.ceil(samples / size)


_IGNORED = ("max_queue_size", "workers", "use_multiprocessing", "max_q_size", "nb_worker", "pickle_safe")


def _without(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name not in _IGNORED}


def fit_generator(
    self: Any, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, verbose: Any = 1, callbacks: Any = None,
    validation_data: Any = None, validation_steps: int | None = None, validation_freq: int = 1, class_weight: Any = None,
    max_queue_size: int = 10, workers: int = 1, use_multiprocessing: bool = False, shuffle: bool = True, initial_epoch: int = 0, **old: Any,
) -> Any:  # fmt: skip
    """`fit` of a generator (Keras 1 and 2; there `samples_per_epoch`, `nb_epoch` and `nb_val_samples` too)."""
    tell("fit_generator(generator, …)", "fit(generator, …)")
    old = _without(old)
    generator, steps = _counted(generator, steps_per_epoch, old.pop("samples_per_epoch", None), "steps_per_epoch", "samples_per_epoch")
    held_out = old.pop("nb_val_samples", None)
    if hasattr(validation_data, "__next__"):
        validation_data, validation_steps = _counted(validation_data, validation_steps, held_out, "validation_steps", "nb_val_samples")
    return self.fit(
        generator, steps_per_epoch=steps, epochs=old.pop("nb_epoch", epochs), verbose=verbose, callbacks=callbacks,
        validation_data=validation_data, validation_steps=validation_steps, validation_freq=validation_freq, class_weight=class_weight,
        shuffle=shuffle, initial_epoch=initial_epoch, **old,
    )  # fmt: skip


def _on_generator(method: str) -> Callable[..., Any]:
    def call(self: Any, generator: Any, steps: int | None = None, **kwargs: Any) -> Any:
        tell(f"{method}_generator(generator, …)", f"{method}(generator, …)")
        kwargs = {"verbose": 0, **_without(kwargs)}
        generator, steps = _counted(generator, steps, kwargs.pop("val_samples", None), "steps", "val_samples")
        return getattr(self, method)(generator, steps=steps, **kwargs)

    call.__doc__ = f"`{method}` of a generator (Keras 1 and 2; in Keras 1 with `val_samples`)."
    return call


def predict_classes(self: Any, x: Any, batch_size: int | None = 32, verbose: Any = 0) -> np.ndarray:
    """The most probable class of each sample; of a single output, whether it is above 1/2."""
    tell("model.predict_classes(x)", "np.argmax(model.predict(x), axis=-1)")
    p = self.predict(x, batch_size=batch_size, verbose=verbose)
    return p.argmax(axis=-1) if p.shape[-1] > 1 else (p > 0.5).astype("int32")


def predict_proba(self: Any, x: Any, batch_size: int | None = 32, verbose: Any = 0) -> np.ndarray:
    """`predict`."""
    tell("model.predict_proba(x)", "model.predict(x)")
    return self.predict(x, batch_size=batch_size, verbose=verbose)


def _set_trained(self: Any, variables: Sequence[Any]) -> None:
    self._own += [v for v in variables if v not in self._own]


def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
    """`Layer.add_weight`, whose first argument may be the name, as in Keras 2."""
    if args and isinstance(args[0], str):
        tell("add_weight('name', shape, …)", "add_weight(shape, name='name', …)")
        kwargs |= dict(zip("name shape dtype initializer regularizer trainable constraint".split(), args, strict=False))
        args = ()
    return _add_weight(self, *args, **kwargs)


_add_weight = Layer.add_weight


def _rate(self: Any) -> Any:
    """`learning_rate`; where it falls by the old `decay`, what it is at the start."""
    return getattr(self._schedule, "start", self.learning_rate)


def _set_rate(self: Any, value: Any) -> None:
    if hasattr(self._schedule, "start"):
        self._schedule.start.assign(value)
    else:
        self.learning_rate = value


def attributes() -> Iterator[tuple[Any, str, Any]]:
    """Classes and the attributes that old scripts find there."""
    yield from (
        (models.Model, "fit_generator", fit_generator), (models.Model, "evaluate_generator", _on_generator("evaluate")),
        (models.Model, "predict_generator", _on_generator("predict")), (models.Sequential, "predict_classes", predict_classes),
        (models.Sequential, "predict_proba", predict_proba), (Layer, "add_weight", add_weight),
        (Layer, "trainable_weights", Layer.trainable_weights.setter(_set_trained)),  # type: ignore[attr-defined]
        (models.Model, "targets", property(training.targets)), (models.Model, "total_loss", property(training.total_loss)),
        (models.Model, "sample_weights", property(training.sample_weights)),
        (optimizers.Optimizer, "get_updates", training.get_updates),
        (optimizers.Optimizer, "lr", property(_rate, _set_rate)),
    )  # fmt: skip


__all__ = ["Merge", "attributes", "merge", "time_distributed_dense"]
