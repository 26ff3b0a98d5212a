"""compile, fit, evaluate, predict: one loop and one step for every engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import context, ops, optimizers, tree
from cornu.callbacks import CallbackList, History, Progress
from cornu.contract import registry
from cornu.contract.program import Compiled, Program, arrays
from cornu.layers.graph import value_in_call
from cornu.layers.layer import Layer, keep_masks
from cornu.metrics import Mean, Metric
from cornu.ops.autodiff import value_and_grad
from cornu.ops.symbolic import KerasTensor, computing, infer_outputs
from cornu.primitives import dtypes as dt
from cornu.training import data as adapters
from cornu.training.compiled import CompiledLoss, CompiledMetrics

Logs = dict[str, Any]
BATCH_METHODS = {kind: (f"on_{kind}_batch_begin", f"on_{kind}_batch_end") for kind in ("train", "test", "predict")}


class Trainer(Layer):
    """The part of a model that trains it."""

    stop_training = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.optimizer: Any = None
        self.loss: Any = None
        self.run_eagerly, self.steps_per_execution = False, 1
        self._compile: dict[str, Any] | None = None
        self._compile_home: Any = None
        self._forget_structure()

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
        weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: int = 1, jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:  # fmt: skip
        """Set up training. What is `trainable` now is what is trained, until `compile` is called again.

        Args:
            optimizer: name or instance. loss: name, function or `Loss`; a list or dict of them for several outputs.
            loss_weights: factor per output. metrics, weighted_metrics: names, functions, `Metric`s (per output for several);
            only the latter see sample weights. run_eagerly: run the step op by op, for debugging.
            steps_per_execution: batches between calls of the callbacks' batch methods.
            jit_compile, auto_scale_loss: accepted, no effect (steps are always compiled; scale with the optimizer's
            `loss_scale_factor`).

        Raises:
            ValueError: for an unknown optimizer, or fewer than one step per execution. (An unknown loss or metric: when training
            begins.)
        """
        if steps_per_execution < 1:
            raise ValueError(f"`steps_per_execution` must be positive, got {steps_per_execution}.")
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        self.run_eagerly, self.steps_per_execution = bool(run_eagerly), int(steps_per_execution)
        self._compile = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics}
        self._forget_structure()
        if self.built:
            self._trained()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compile is not None

    def _forget_structure(self) -> None:
        """Drop what was made for the layers, outputs and loss as they were."""
        self._compile_loss: CompiledLoss | None = None
        self._compile_metrics: CompiledMetrics | None = None
        self._compile_tracker: Any = None
        self._compile_trained: list[Any] | None = None
        self._forget_programs()

    def _forget_programs(self) -> None:
        """Drop what was compiled."""
        self._compile_programs: dict[tuple[str, bool], Program] = {}
        self._compile_rows: dict[Any, tuple[Compiled, Any]] = {}

    # What a user may override

    def train_step(self, data: Any) -> Logs:
        """One update from a batch, `data`: `x`, `(x, y)` or `(x, y, sample_weight)`; returns what is logged. It is compiled."""
        x, y, sample_weight = adapters.unpack_x_y_sample_weight(data)

        def forward() -> Any:
            with keep_masks() as now:
                y_pred = self(x, training=True)
                loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
            return self.optimizer.scale_loss(loss), (loss, y_pred, self._for_metrics(now.known))

        variables = self._trained()
        (_, (loss, y_pred, known)), grads = value_and_grad(forward, variables, has_aux=True)()
        self.optimizer.apply(grads, variables)
        self._track(loss, x)
        with keep_masks() as now:
            now.known = known
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> Logs:
        """Loss and metrics of a batch, `data`, as in `train_step`."""
        x, y, sample_weight = adapters.unpack_x_y_sample_weight(data)
        with keep_masks() as now:
            y_pred = self(x, training=False)
            self._track(self.compute_loss(x, y, y_pred, sample_weight, training=False), x)
        known = self._for_metrics(now.known)
        with keep_masks() as now:
            now.known = known
            return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Predictions for a batch, `data`, as in `train_step`."""
        return self(adapters.unpack_x_y_sample_weight(data)[0], training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """What to minimize, a scalar: the compiled loss (it may use symbolic tensors of a functional model), plus what was added.

        x, y, y_pred, sample_weight: inputs, targets, predictions and weights of a batch. training: whether it is trained on.

        Raises:
            ValueError: if there is no loss at all.
        """
        total: Any = None
        if self._compile_loss is not None and y is not None:
            with computing(value_in_call):
                total = self._compile_loss(y, y_pred, sample_weight)
        for extra in self.losses:
            extra = ops.sum(ops.cast(extra, "float32") if total is None else extra)
            total = extra if total is None else ops.add(total, extra)
        if total is None:
            raise ValueError("No loss to compute: give `compile` a loss and `fit` targets, or use `add_loss` in a layer.")
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Logs:
        """Update the compiled metrics (functions may use symbolic tensors of a functional model) and return all results.

        x, y, y_pred, sample_weight: as in `compute_loss`.
        """
        if self._compile_metrics is not None and y is not None:
            with computing(value_in_call):
                self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _for_metrics(self, known: dict[int, Any]) -> dict[int, Any]:
        """The values of symbolic tensors, if there is a metric that may ask for them."""
        return known if self._compile_metrics is not None and self._compile_metrics.by_functions else {}

    def get_metrics_result(self) -> Logs:
        """Name -> present value of all metrics."""
        results = {} if self._compile_tracker is None else {"loss": self._compile_tracker.result()}
        for tracker in self._compile_loss.trackers.values() if self._compile_loss else []:
            results[tracker.name] = tracker.result()
        own = {metric.name: metric.result() for metric in self._own_metrics()}
        return {**(self._compile_metrics.result() if self._compile_metrics else {}), **results, **own}

    def _own_metrics(self) -> list[Any]:
        """Metrics that a subclass keeps as attributes."""
        return [value for key, value in vars(self).items() if isinstance(value, Metric) and not key.startswith("_compile")]

    @property
    def metrics(self) -> list[Any]:
        """All metrics: the loss's mean, those of `compile`, and those that are attributes."""
        found = [self._compile_tracker] if self._compile_tracker is not None else []
        found += self._compile_loss.trackers.values() if self._compile_loss else []
        return found + (self._compile_metrics.metrics if self._compile_metrics else []) + self._own_metrics()

    @property
    def metrics_names(self) -> list[str]:
        """Their names."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Start all metrics again."""
        for metric in self.metrics:
            metric.reset_state()

    def _track(self, loss: Any, x: Any) -> None:
        if self._compile_tracker is not None:
            batch = float(next(leaf for leaf in tree.flatten(x) if hasattr(leaf, "shape")).shape[0])
            self._compile_tracker.update_state(loss, batch)

    # Preparation

    def _home(self) -> Any:
        """The engine of the model."""
        if self._compile_home is None:
            self._compile_home = self._engine()
        return self._compile_home or context.current().host

    def _ready(self, batch: Any, training: bool) -> None:
        """Make all variables before anything is compiled: the model's, the losses' and metrics', the optimizer's."""
        if not self.built or (self._compile is not None and self._compile_tracker is None):
            x, y, _ = adapters.unpack_x_y_sample_weight(batch)
            symbols = tree.map_structure(lambda a: a if a is None else KerasTensor(np.shape(a), _dtype(a)), (x, y))
            y_pred = infer_outputs(lambda v: self(v, training=False), (symbols[0],), {}) if not self._is_custom() else None
            self._make_tracking(symbols[1], y_pred)
        if training and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self._trained())

    def _trained(self) -> list[Any]:
        """The variables that were trainable at `compile`, or at the first step of a model that was not built then."""
        if self._compile_trained is None:
            self._compile_trained = self.trainable_variables
        return self._compile_trained

    def _is_custom(self) -> bool:
        """Whether the model can't be called on its input alone (a subclass that only defines its steps)."""
        return type(self).call is Layer.call

    def _make_tracking(self, y: Any, y_pred: Any) -> None:
        if self._compile is None or self._compile_tracker is not None:
            return
        if y is None and self._compile["loss"] is not None:
            return  # `predict`: the targets' shapes are not known yet
        self._compile_tracker = Mean(name="loss")
        names = getattr(self, "output_names", None)
        if y_pred is None or y is None:
            return
        names = names or (
            [f"output_{i}" for i in range(len(tree.flatten(y_pred)))] if not isinstance(y_pred, dict) else list(y_pred)
        )
        if self._compile["loss"] is not None:
            self._compile_loss = CompiledLoss(self._compile["loss"], self._compile["loss_weights"], names)
        self._compile_metrics = CompiledMetrics(self._compile["metrics"], self._compile["weighted_metrics"], names, y, y_pred)

    def _need_compile(self, method: str) -> None:
        if self._compile is None:
            raise ValueError(f"You must call `compile()` before using the model: `{method}` needs an optimizer and a loss.")

    def _step(self, kind: str) -> Program:
        """`train_step`, `test_step` or `predict_step`, compiled unless `run_eagerly`."""
        key = kind, self.run_eagerly
        if key not in self._compile_programs:
            self._compile_programs[key] = Program(getattr(self, f"{kind}_step"), compiles=not self.run_eagerly)
        return self._compile_programs[key]

    # The loop

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
        callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: Any = True,
        class_weight: Any = None, sample_weight: Any = None, initial_epoch: int = 0, steps_per_epoch: int | None = None,
        validation_steps: int | None = None, validation_batch_size: int | None = None, validation_freq: Any = 1,
    ) -> History:  # fmt: skip
        """Train for some epochs.

        Args:
            x, y: arrays with the samples first (nested for several inputs and outputs), or as x a generator or dataset.
            batch_size: 32 by default. verbose: 0, 1 (bar), 2 (a line per epoch), "auto" (1).
            callbacks: one or a list; each hears of epochs and batches.
            validation_split: share of the samples at the end that is kept for validation; or validation_data `(x, y)` or
            `(x, y, sample_weight)` or a dataset. shuffle: each epoch. class_weight: class -> weight. sample_weight: per sample.
            initial_epoch: number of the first. steps_per_epoch, validation_steps: batches.
            validation_batch_size: batch_size by default.
            validation_freq: every so many epochs, or after those (counted from 1) in a list.

        Returns:
            The `History`.
        """
        self._need_compile("fit")
        with context.use(self._home()):
            if validation_split:
                (x, y, sample_weight), validation_data = adapters.train_validation_split(
                    adapters.to_arrays([x, y, sample_weight], "x, y, sample_weight"), validation_split
                )
            train = adapters.adapt(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight)
            held_out = None
            if validation_data is not None:
                parts = validation_data if isinstance(validation_data, (tuple, list)) else (validation_data,)
                x, y, sample_weight = adapters.unpack_x_y_sample_weight(tuple(parts))
                size = batch_size if validation_batch_size is None else validation_batch_size
                held_out = adapters.adapt(x, y, sample_weight, size, validation_steps)
            verbose = 1 if verbose == "auto" else int(verbose)
            steps = train.steps
            history = History()
            listeners = CallbackList([callbacks or [], history], self, {"verbose": verbose, "epochs": epochs, "steps": steps})
            self.stop_training, self.history = False, history
            listeners("on_train_begin", logs={})
            logs: Logs = {}
            for epoch in range(initial_epoch, epochs):
                listeners("on_epoch_begin", epoch, logs={})
                progress = Progress(verbose, steps)
                progress.begin(epoch, epochs)
                logs, done = self._epoch("train", train, listeners, progress)
                if held_out is not None and _is_due(epoch + 1, validation_freq):
                    held_out.restart()
                    listeners("on_test_begin", logs={})
                    found, _ = self._epoch("test", held_out, listeners, Progress(0, None))
                    listeners("on_test_end", logs=found)
                    logs.update({f"val_{name}": value for name, value in found.items()})
                progress.show(done, logs, end=True)
                listeners("on_epoch_end", epoch, logs=logs)
                if self.stop_training:
                    break
            if self.optimizer.built:
                self.optimizer.finalize_variable_values(self._trained())
            listeners("on_train_end", logs=logs)
        return history

    def _epoch(self, kind: str, data: Any, listeners: CallbackList, progress: Progress) -> tuple[Logs, int]:
        """Run one pass; returns the last logs as floats and the number of steps."""
        step, together, done = self._step(kind), self.steps_per_execution, 0
        begin, end = BATCH_METHODS[kind]
        hears_begin, hears_end = listeners.wants(begin), listeners.wants(end)
        compiled: Any = None
        results: Any = None
        for leaves, structure in data.epoch():
            if not done:
                self._ready(tree.unflatten(structure, leaves)[0], kind == "train")
                self.reset_metrics()
            if hears_begin and done % together == 0:
                listeners(begin, done, logs={})
            compiled = step.compiled(leaves, structure)
            results = compiled.run(*arrays(leaves))
            done += 1
            if done % together:
                continue
            if hears_end:
                listeners(end, done - 1, logs=self._floats(compiled.nest(results)))
            if progress.due():
                progress.show(done, self._floats(compiled.nest(results)))
            if self.stop_training and kind == "train":
                break
        if not done:
            raise ValueError("The data gave no batch: the generator or dataset is empty (or used up).")
        logs = self._floats(compiled.nest(results))
        if hears_end and done % together:
            listeners(end, done - 1, logs=logs)
        return logs, done

    def _floats(self, logs: Any) -> Logs:
        to_numpy = context.current().to_numpy
        values = {name: np.asarray(to_numpy(value)) for name, value in logs.items()}
        return {name: float(value) if value.ndim == 0 else value for name, value in values.items()}

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto", sample_weight: Any = None,
        steps: int | None = None, callbacks: Any = None, return_dict: bool = False, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Loss and metrics on data.

        x, y, batch_size, verbose, sample_weight, callbacks: as in `fit`. steps: how many batches; None: all. There are no further
        arguments (`kwargs`).

        Returns:
            The loss, or a list of loss and metrics if there are metrics, or a dictionary with `return_dict`.
        """
        self._need_compile("evaluate")
        if kwargs:
            raise ValueError(f"Arguments not recognized by `evaluate`: {', '.join(kwargs)}.")
        with context.use(self._home()):
            batches = adapters.adapt(x, y, sample_weight, batch_size, steps)
            progress = Progress(1 if verbose == "auto" else int(verbose), batches.steps)
            listeners = CallbackList(callbacks, self, {"steps": batches.steps})
            progress.begin()
            listeners("on_test_begin", logs={})
            logs, done = self._epoch("test", batches, listeners, progress)
            listeners("on_test_end", logs=logs)
            progress.show(done, logs, end=True)
        return logs if return_dict else self._as_list(logs)

    def _as_list(self, logs: Logs) -> Any:
        values = (
            [logs["loss"], *[value for name, value in logs.items() if name != "loss"]] if "loss" in logs else list(logs.values())
        )
        return values[0] if len(values) == 1 else values

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None
    ) -> Any:
        """Predictions for all samples, as NumPy arrays of their own, nested like the model's outputs.

        x, batch_size, verbose, steps, callbacks: as in `evaluate`.
        """
        if type(x) is np.ndarray and verbose == 0 and not callbacks and steps is None and not self.run_eagerly:
            known = self._compile_rows.get((x.shape, x.dtype))
            if known is not None and len(x) <= (32 if batch_size is None else batch_size):
                row_step, to_numpy = known
                return row_step.nest([np.array(to_numpy(y)) for y in row_step.run(x)])
        with context.use(self._home()) as engine:
            batches = adapters.adapt(x, None, None, batch_size, steps)
            listeners = CallbackList(callbacks, self, {"steps": batches.steps})
            progress = Progress(1 if verbose == "auto" else int(verbose), batches.steps)
            progress.begin()
            listeners("on_predict_begin", logs={})
            step = self._step("predict")
            compiled: Compiled | None = None
            rows: list[list[np.ndarray]] = []
            for leaves, structure in batches.epoch():
                if compiled is None:
                    self._ready(tree.unflatten(structure, leaves)[0], False)
                listeners("on_predict_batch_begin", len(rows), logs={})
                compiled = step.compiled(leaves, structure)
                rows.append([np.asarray(engine.to_numpy(y)) for y in compiled.run(*arrays(leaves))])
                if listeners.wants("on_predict_batch_end"):
                    listeners("on_predict_batch_end", len(rows) - 1, logs={"outputs": compiled.nest(rows[-1])})
                if progress.due():
                    progress.show(len(rows), {})
            if compiled is None:
                raise ValueError("The data gave no batch: the generator or dataset is empty (or used up).")
            listeners("on_predict_end", logs={})
            progress.show(len(rows), {}, end=True)
        if type(x) is np.ndarray and len(rows) == 1 and not self.run_eagerly and leaves[0].dtype == x.dtype:
            self._compile_rows[x.shape, x.dtype] = compiled, engine.to_numpy  # so that `predict` in a loop costs one call
        return compiled.nest([np.concatenate(parts) for parts in zip(*rows, strict=True)])

    # Single batches

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One update; returns loss and metrics of this batch, before it.

        x, y, sample_weight, class_weight: as in `fit`. return_dict: as in `evaluate`.
        """
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch. x, y, sample_weight: as in `fit`. return_dict: as in `evaluate`."""
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def _on_batch(self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        self._need_compile(f"{kind}_on_batch")
        with context.use(self._home()):
            adapter = adapters.ArrayAdapter(x, y, sample_weight, batch_size=2**62, class_weight=class_weight)
            self._ready(adapter.data, kind == "train")
            self.reset_metrics()
            logs = self._floats(self._step(kind)(adapter.data))
        return logs if return_dict else self._as_list(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Predictions for one batch, x, as NumPy arrays."""
        with context.use(self._home()) as engine:
            batch = adapters.to_arrays(x, "x")
            self._ready(batch, False)
            return tree.map_structure(lambda y: np.array(engine.to_numpy(y)), self._step("predict")(batch))

    def to(self, engine: Any) -> Any:
        """Move the model, its optimizer and its metrics to another engine; returns the model."""
        target = registry.get(engine)
        optimizer = self.optimizer.variables if self.optimizer is not None else []
        for variable in dict.fromkeys([*self.variables, *optimizer, *[v for m in self.metrics for v in m.variables]]):
            variable.to(target)
        self._compile_home = None
        self._forget_programs()
        return self


def _is_due(epoch: int, frequency: Any) -> bool:
    return epoch in frequency if isinstance(frequency, (list, tuple, set)) else epoch % frequency == 0


def _dtype(array: Any) -> str:
    return array.dtype if isinstance(array.dtype, str) else dt.name_of(array.dtype)
