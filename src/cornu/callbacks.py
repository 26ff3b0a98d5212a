"""Callbacks: what happens at the ends of epochs and batches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


class Callback:
    """Base class: override what you need. `self.model` and `self.params` are set by `fit`.

    Logs hold Python floats. A callback that overrides a batch method makes `fit` wait for the engine after each batch.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] | None = None
        self.validation_data: Any = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Called by `fit` with its settings."""
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
    """Callbacks to be called in order; knows which of them want to hear of what."""

    def __init__(self, callbacks: Iterable[Any], model: Any = None, params: dict[str, Any] | None = None) -> None:
        self.callbacks = list(callbacks)
        self._wanting: dict[str, list[Any]] = {}
        for callback in self.callbacks:
            callback.set_params(params)
            callback.set_model(model)

    def _listeners(self, name: str) -> list[Any]:
        if name not in self._wanting:
            self._wanting[name] = [callback for callback in self.callbacks if _overrides(callback, name)]
        return self._wanting[name]

    def wants(self, name: str) -> bool:
        """Whether a callback overrides this method."""
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
    """A callback of functions: `on_epoch_end=lambda epoch, logs: …` and so on."""

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


class EarlyStopping(Callback):
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
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"EarlyStopping: mode must be 'auto', 'min' or 'max', got {mode!r}.")
        upward = mode == "max" or (mode == "auto" and any(monitor.endswith(end) for end in ("acc", "accuracy", "auc")))
        self.monitor, self.patience, self.verbose, self.baseline = monitor, patience, verbose, baseline
        self.sign, self.min_delta = (1 if upward else -1), abs(min_delta)
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.monitor not in (logs or {}):
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}, which is not available. Available: {', '.join(logs or {})}."
            )
        if epoch < self.start_from_epoch:
            return
        value = logs[self.monitor]
        self.wait += 1
        if self.best is None or self.sign * (value - self.best) > self.min_delta:
            better_than_baseline = self.baseline is None or self.sign * (value - self.baseline) > self.min_delta
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


class Progress:
    """The line that shows how far an epoch is; on a terminal it is renewed at most ten times a second.

    verbose: 1 for the bar, 2 for one line per epoch, 0 for nothing.
    """

    def __init__(self, verbose: int, steps: int | None) -> None:
        self.verbose, self.steps = verbose, steps
        self._next = 0.0
        self._interactive = sys.stdout.isatty()

    def begin(self, epoch: int | None = None, epochs: int = 1) -> None:
        """Start an epoch (or an evaluation: None)."""
        self._start = time.perf_counter()
        self._next = self._start + 0.1 if self.verbose == 1 and self._interactive else float("inf")
        if self.verbose and epoch is not None:
            print(f"Epoch {epoch + 1}/{epochs}")

    def due(self) -> bool:
        """Whether it is time to show again."""
        return time.perf_counter() >= self._next

    def show(self, done: int, logs: dict[str, Any], end: bool = False) -> None:
        """Show the state after `done` steps."""
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
