"""Metrics: running means over batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from cornu import losses, ops
from cornu._named import Names, snake_case
from cornu.variable import Variable


class Metric:
    """Base class: `update_state` adds a batch, `result` gives the value so far, `reset_state` starts again.

    Args:
        dtype: of the state, float32 by default. name: shown in logs.
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name, self.dtype = name or snake_case(type(self).__name__), "float32" if dtype is None else str(dtype)
        self.variables: list[Variable] = []

    def add_variable(self, shape: Any, initializer: Any = None, dtype: Any = None, aggregation: str = "sum", name: str | None = None) -> Variable:
        """Make a variable of the state, zero at the start."""
        variable = Variable(np.zeros(shape, dtype or self.dtype), trainable=False, autocast=False, name=name)
        variable.path = f"{self.name}/{name}"
        self.variables.append(variable)
        return variable

    add_weight = add_variable

    def reset_state(self) -> None:
        """Start again."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.storage_dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch."""
        raise NotImplementedError(f"{type(self).__name__} must implement update_state.")

    def result(self) -> Any:
        """The value so far."""
        raise NotImplementedError(f"{type(self).__name__} must implement result.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """A metric from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Mean(Metric):
    """Weighted mean of all values."""

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total, self.count = self.add_variable((), name="total"), self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = ops.cast(values, self.dtype)
        count: Any = float(ops.size(values))
        if sample_weight is not None:
            weight = ops.cast(sample_weight, self.dtype)
            rank = len(values.shape) - len(weight.shape)
            weight = ops.squeeze(weight, -1) if rank == -1 else ops.reshape(weight, (*weight.shape, *(1,) * rank)) if rank else weight
            weight = ops.broadcast_to(weight, values.shape)
            values, count = ops.multiply(values, weight), ops.sum(weight)
        self.total.assign(ops.add(self.total, ops.sum(values)))
        self.count.assign(ops.add(self.count, count))

    def result(self) -> Any:
        return ops.divide(self.total, ops.maximum(self.count, 1e-12))


class Sum(Metric):
    """Weighted sum of all values."""

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        self.total.assign(ops.add(self.total, losses.reduce_weighted(ops.cast(values, self.dtype), sample_weight, "sum")))

    def result(self) -> Any:
        return self.total.value


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions."""

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(str(name or getattr(fn, "__name__", "metric")), dtype)
        self._fn, self._fn_kwargs = fn, kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._fn_kwargs}


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether predictions equal targets."""
    y_true, y_pred = losses._pair(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), "float32")


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Whether predictions above the threshold equal labels 0 or 1; mean over the last axis where there is one."""
    y_true, y_pred = losses._pair(y_true, y_pred)
    return ops.cast(ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), ops.dtype(y_true))), "float32")


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest prediction is that of the one-hot label."""
    return ops.cast(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)), "float32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest prediction is that of the integer label."""
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    return ops.cast(ops.equal(ops.cast(y_true, "int32"), ops.argmax(y_pred, axis=-1)), "float32")


def _metric_class(class_name: str, fn: Any, default_name: str | None = None, **defaults: Any) -> type:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        names = ["name", "dtype", *defaults]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        unknown = set(given) - set(names)
        if unknown:
            raise TypeError(f"{class_name} got unexpected arguments: {', '.join(sorted(unknown))}.")
        options = {key: given.get(key, value) for key, value in defaults.items()}
        MeanMetricWrapper.__init__(self, fn, given.get("name", default_name or fn.__name__), given.get("dtype"), **options)

    return type(class_name, (MeanMetricWrapper,), {"__init__": __init__, "__doc__": fn.__doc__, "__module__": __name__})


Accuracy = _metric_class("Accuracy", accuracy)
BinaryAccuracy = _metric_class("BinaryAccuracy", binary_accuracy, threshold=0.5)
CategoricalAccuracy = _metric_class("CategoricalAccuracy", categorical_accuracy)
SparseCategoricalAccuracy = _metric_class("SparseCategoricalAccuracy", sparse_categorical_accuracy)
MeanSquaredError = _metric_class("MeanSquaredError", losses.mean_squared_error)
MeanAbsoluteError = _metric_class("MeanAbsoluteError", losses.mean_absolute_error)
MeanAbsolutePercentageError = _metric_class("MeanAbsolutePercentageError", losses.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _metric_class("MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error)
BinaryCrossentropy = _metric_class("BinaryCrossentropy", losses.binary_crossentropy, from_logits=False, label_smoothing=0)
CategoricalCrossentropy = _metric_class(
    "CategoricalCrossentropy", losses.categorical_crossentropy, from_logits=False, label_smoothing=0, axis=-1
)
SparseCategoricalCrossentropy = _metric_class(
    "SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy, from_logits=False, axis=-1
)


class RootMeanSquaredError(Mean):
    """Square root of the mean squared error."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = losses._pair(y_true, y_pred)
        super().update_state(ops.square(ops.subtract(y_true, y_pred)), sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


_names = Names(
    "metric",
    (Mean, Sum, Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, MeanSquaredError, MeanAbsoluteError,
     MeanAbsolutePercentageError, MeanSquaredLogarithmicError, BinaryCrossentropy, CategoricalCrossentropy,
     SparseCategoricalCrossentropy, RootMeanSquaredError),
    {"mse": MeanSquaredError, "MSE": MeanSquaredError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError,
     "mape": MeanAbsolutePercentageError, "msle": MeanSquaredLogarithmicError},
)  # fmt: skip


def get(identifier: Any) -> Any:
    """The metric for a name, a config, a function or an instance. Raises ValueError for an unknown name."""
    found = _names.get(identifier)
    return MeanMetricWrapper(found) if callable(found) and not isinstance(found, Metric) else found


def accuracy_for(y_true: Any, y_pred: Any) -> Metric:
    """What "accuracy" means for these targets and predictions: binary, categorical or sparse."""
    if y_pred.shape[-1:] == (1,) or not len(y_pred.shape):
        return BinaryAccuracy()
    sparse = len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
    return SparseCategoricalAccuracy() if sparse else CategoricalAccuracy()


serialize, deserialize = _names.serialize, _names.get
