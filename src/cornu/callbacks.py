"""Callbacks: what happens at the ends of epochs and batches."""

from __future__ import annotations

import csv
import inspect
import math
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cornu import context, ops, tree


class Callback:
    """Base class: override what you need. `self.model` and `self.params` are set by `fit`.

    `on_epoch_begin` and `on_epoch_end` take the epoch and the logs; `on_train_batch_begin`, `on_test_batch_end` and so on, for
    train, test and predict, the batch and the logs; `on_train_begin`, `on_test_end` and so on the logs. Epochs and batches count
    from 0.

    Logs hold Python floats. A callback that overrides a batch method makes `fit` wait for the engine after each batch.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] | None = None
        self.validation_data: Any = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Called by `fit` with its settings: params has "verbose", "epochs" and "steps"."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called by `fit` with the model."""
        self.model = model


_EPOCH = ("on_epoch_begin", "on_epoch_end")
_BATCH = tuple(f"on_{phase}_batch_{edge}" for phase in ("train", "test", "predict") for edge in ("begin", "end"))
_PHASE = tuple(f"on_{phase}_{edge}" for phase in ("train", "test", "predict") for edge in ("begin", "end"))


def _nothing(name: str) -> Callable[..., None]:
    def method(self: Any, *args: Any, logs: Any = None) -> None:
        pass

    method.__name__, method.__doc__ = name, f"Called {name.removeprefix('on_').replace('_', ' ')}."
    return method


for _name in (*_EPOCH, *_BATCH, *_PHASE, "on_batch_begin", "on_batch_end"):
    setattr(Callback, _name, _nothing(_name))
Callback.on_train_batch_begin = lambda self, batch, logs=None: self.on_batch_begin(batch, logs=logs)  # type: ignore[attr-defined]
Callback.on_train_batch_end = lambda self, batch, logs=None: self.on_batch_end(batch, logs=logs)  # type: ignore[attr-defined]


def _overrides(callback: Any, name: str) -> bool:
    alias = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}.get(name)
    own = getattr(callback, name, None)
    changed = getattr(own, "__func__", own) is not getattr(Callback, name)
    return changed or (alias is not None and getattr(type(callback), alias) is not getattr(Callback, alias))


class CallbackList:
    """`callbacks` (one, or several, nested) to be called in order; knows which of them want to hear of what.

    model, params: are set on each of them.

    Raises:
        TypeError: for what is no `Callback`.
    """

    def __init__(self, callbacks: Any = None, model: Any = None, params: dict[str, Any] | None = None) -> None:
        self.callbacks = [] if callbacks is None else tree.flatten(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"`callbacks` must be instances of `Callback`, got {callback!r}.")
        self._wanting: dict[str, list[Any]] = {}
        for callback in self.callbacks:
            callback.set_params(params)
            callback.set_model(model)

    def _listeners(self, name: str) -> list[Any]:
        if name not in self._wanting:
            self._wanting[name] = [callback for callback in self.callbacks if _overrides(callback, name)]
        return self._wanting[name]

    def wants(self, name: str) -> bool:
        """Whether a callback overrides the method of that name."""
        return bool(self._listeners(name))

    def __call__(self, name: str, *args: Any, logs: Any = None) -> None:
        for callback in self._listeners(name):
            getattr(callback, name)(*args, logs)


class History(Callback):
    """What `fit` returns: `history` has a list of values per epoch for each name in the logs."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch, self.history = [], {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """A callback of functions, each for the method of its name: `on_epoch_end=lambda epoch, logs: …`.

    Args:
        on_epoch_begin, on_epoch_end: of the epoch (from 0) and the logs.
        on_train_batch_begin, on_train_batch_end: of the batch (from 0) and the logs.
        on_train_begin, on_train_end: of the logs.
        kwargs: functions for further methods of `Callback`.
    """

    def __init__(
        self, on_epoch_begin: Any = None, on_epoch_end: Any = None, on_train_begin: Any = None, on_train_end: Any = None,
        on_train_batch_begin: Any = None, on_train_batch_end: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin,
            "on_train_end": on_train_end, "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }  # fmt: skip
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)


class MonitorCallback(Callback):
    """Base of callbacks that watch one value of the logs.

    Args:
        monitor: its name in the logs. mode: "min", "max", or "auto" by the name. min_delta: what counts as improvement.

    Raises:
        ValueError: for another mode.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode must be 'auto', 'min' or 'max', got {mode!r}.")
        upward = mode == "max" or (mode == "auto" and any(monitor.endswith(end) for end in ("acc", "accuracy", "auc")))
        self.monitor, self.sign, self.min_delta = monitor, (1 if upward else -1), abs(min_delta)

    def get_monitor_value(self, logs: Any) -> float | None:
        """The value that is watched; None, with a warning, if the logs have none of that name."""
        if self.monitor in (logs or {}):
            return logs[self.monitor]
        warnings.warn(
            f"{type(self).__name__} monitors {self.monitor!r}, which is not available: nothing is done. "
            f"Available: {', '.join(logs or {})}.",
            stacklevel=3,
        )
        return None

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value improves on the best (None: there was none yet)."""
        return best is None or self.sign * (value - best) > self.min_delta


class EarlyStopping(MonitorCallback):
    """Stop when a value has not improved for some epochs.

    Args:
        monitor: its name in the logs. min_delta: what counts as improvement. patience: epochs to wait.
        mode: "auto", "min" or "max".
        baseline: to be beaten. restore_best_weights: at the end. start_from_epoch: don't watch before. verbose: 1 to print.
    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
        baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.is_better(value, self.best):
            better_than_baseline = self.is_better(value, self.baseline)
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if better_than_baseline:
                self.wait = 0
                return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Lower the learning rate when a value has not improved for some epochs.

    Args:
        monitor: its name in the logs. factor: the new rate is the old one times this, below 1. patience: epochs to wait.
        verbose: 1 to print. mode: "auto", "min" or "max". min_delta: what counts as improvement.
        cooldown: epochs after a reduction in which none are counted. min_lr: the lowest rate.
        kwargs: `epsilon`, which `min_delta` was called once.

    Raises:
        ValueError: if factor is not below 1. TypeError: for unknown arguments.
    """

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
        min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, kwargs.pop("epsilon", min_delta))
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau has no arguments {', '.join(kwargs)}.")
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}.")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.cooldown_counter = 0
        self.best: float | None = None

    def in_cooldown(self) -> bool:
        """Whether it is too early to count epochs again."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        rate = _learning_rate(self.model)
        logs["learning_rate"] = rate
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                self.model.optimizer.learning_rate = lower = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {lower}.")


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch.

    Args:
        schedule: function of the epoch (from 0) and the present rate, or of the epoch alone, that gives a float.
        verbose: 1 to print.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        present = _learning_rate(self.model)
        rate = self.schedule(epoch, present) if _takes(self.schedule, epoch, present) else self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(f"LearningRateScheduler: the schedule must give a float, got {rate!r} for epoch {epoch}.")
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["learning_rate"] = _learning_rate(self.model)


def _learning_rate(model: Any) -> float:
    return float(np.asarray(context.current().to_numpy(ops.convert_to_tensor(model.optimizer.learning_rate))))


def _takes(function: Callable[..., Any], *args: Any) -> bool:
    """Whether a function can be called with these arguments."""
    try:
        inspect.signature(function).bind(*args)
    except TypeError:
        return False
    return True


class TerminateOnNaN(Callback):
    """Stop when a batch's loss is not finite.

    Args:
        raise_error: raise RuntimeError instead.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"Batch {batch}: the loss is {loss}, terminating training.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class CSVLogger(Callback):
    """Write the logs of each epoch as a row of a file, under a header with their names; NA where an epoch lacks one.

    Args:
        filename: of the file. separator: between the columns. append: to what the file holds, instead of beginning it anew.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.separator, self.append = Path(filename), separator, append

    def on_train_begin(self, logs: Any = None) -> None:
        self._continues = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._writer: Any = None
        self.append = True  # as in Keras, a second `fit` goes on

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        if self._writer is None:
            names = sorted(logs)
            if not any(name.startswith("val_") for name in names):  # they may come in a later epoch (`validation_freq`)
                names += [f"val_{name}" for name in names]
            self._writer = csv.DictWriter(
                self._file, ["epoch", *names], restval="NA", extrasaction="ignore", delimiter=self.separator, lineterminator="\n"
            )
            if not self._continues:
                self._writer.writeheader()
        values = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in logs.items()}
        self._writer.writerow({"epoch": epoch, **values})
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._file.close()


class ProgbarLogger(Callback):
    """The line of progress. `fit`, `evaluate` and `predict` show it by their `verbose`; among callbacks it adds nothing."""


class Progress:
    """The line that shows how far an epoch is; on a terminal it is renewed at most ten times a second.

    verbose: 1 for the bar, 2 for one line per epoch, 0 for nothing. steps: of an epoch; None for unknown.
    """

    def __init__(self, verbose: int, steps: int | None) -> None:
        self.verbose, self.steps = verbose, steps
        self._next = 0.0
        self._interactive = sys.stdout.isatty()

    def begin(self, epoch: int | None = None, epochs: int = 1) -> None:
        """Start an epoch of several (`epochs`), or an evaluation: None."""
        self._start = time.perf_counter()
        self._next = self._start + 0.1 if self.verbose == 1 and self._interactive else float("inf")
        if self.verbose and epoch is not None:
            print(f"Epoch {epoch + 1}/{epochs}")

    def due(self) -> bool:
        """Whether it is time to show again."""
        return time.perf_counter() >= self._next

    def show(self, done: int, logs: dict[str, Any], end: bool = False) -> None:
        """Show the state after `done` steps, with the values in `logs`; end: whether the line is the last one."""
        if not self.verbose or (not end and self.verbose != 1):
            return
        self._next = time.perf_counter() + 0.1
        took = time.perf_counter() - self._start
        values = " - ".join(f"{name}: {_number(value)}" for name, value in logs.items())
        values = f" - {values}" if values else ""
        pace = took / max(done, 1)
        pace_text = (
            f"{pace:.0f}s/step" if pace >= 1 else f"{pace * 1e3:.0f}ms/step" if pace >= 1e-3 else f"{pace * 1e6:.0f}us/step"
        )
        total = self.steps or done
        if self.verbose == 2:
            print(f"{done}/{total} - {took:.0f}s - {pace_text}{values}")
            return
        filled = 20 * done // max(total, 1)
        bar = "━" * filled + ("╸" if filled < 20 and self.steps else "") + " " * max(19 - filled, 0)
        left = f"{took:.0f}s {pace_text}" if end or not self.steps else f"{pace * (total - done):.0f}s"
        line = f"{done}/{total if self.steps or end else '?'} {bar} {left}{values}"
        if self._interactive:
            sys.stdout.write("\r\x1b[K" + line + ("\n" if end else ""))
            sys.stdout.flush()
        else:
            print(line)


def _number(value: Any) -> str:
    value = np.asarray(value)
    if value.ndim:
        return str(value)
    return f"{float(value):.4f}" if abs(float(value)) >= 1e-3 or not float(value) else f"{float(value):.4e}"
