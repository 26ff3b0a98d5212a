"""Metrics: running means over batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import initializers, losses, ops
from cornu._named import Names, class_around, snake_case
from cornu.contract.state import StateScope
from cornu.ops.common import aligned
from cornu.variable import Variable


class Metric:
    """Base class: `update_state` adds a batch, `result` gives the value so far, `reset_state` starts again.

    Args:
        dtype: of the state, float32 by default. name: shown in logs.
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name, self._dtype = name or snake_case(type(self).__name__), "float32" if dtype is None else str(dtype)
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """Of the state."""
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state."""
        return self._variables

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "sum", name: str | None = None
    ) -> Variable:
        """Make a variable of the state; `reset_state` sets it to zero.

        shape: a tuple. initializer: name, instance or function. dtype: that of the metric by default. name: of the variable.
        aggregation: kept for distributed training; no effect on one device.
        """
        variable = Variable(
            initializers.get(initializer or "zeros"),
            tuple(shape),
            dtype or self.dtype,
            trainable=False,
            autocast=False,
            name=name,
        )
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(self, shape: Any = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None) -> Variable:
        """Make a variable of the state: shape, initializer, dtype and name as in `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def reset_state(self) -> None:
        """Start again."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.storage_dtype))

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """The state that follows metric_variables when a batch is added; the metric's own stays.

        args, kwargs: the batch, as `update_state` takes it.

        Raises:
            ValueError: for the wrong number of values.
        """
        return self._stateless(metric_variables, lambda: self.update_state(*args, **kwargs))[1]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The value for the state metric_variables.

        Raises:
            ValueError: for the wrong number of values.
        """
        return self._stateless(metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list[Any]:
        """The state at the start."""
        return self._stateless([v.value for v in self.variables], self.reset_state)[1]

    def _stateless(self, values: Sequence[Any], do: Callable[[], Any]) -> tuple[Any, list[Any]]:
        if len(values) != len(self.variables):
            raise ValueError(f"Metric {self.name!r} has {len(self.variables)} variables, but {len(values)} values were given.")
        with StateScope(dict(zip(self.variables, values, strict=True))) as scope:
            result = do()
        return result, [scope.values[v] for v in self.variables]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch: args and kwargs are the subclass's own, mostly y_true, y_pred, sample_weight."""
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
            weight = ops.broadcast_to(aligned(ops.cast(sample_weight, self.dtype), values), values.shape)
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
    """The mean of a function of targets and predictions.

    fn: `fn(y_true, y_pred, **kwargs)` gives values. kwargs: further arguments of it, which go into the config.
    """

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(str(name or getattr(fn, "__name__", "metric")), dtype)
        self._fn, self._fn_kwargs = fn, kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = losses.squeeze_or_expand_to_same_rank(losses.tensors_of(y_true), losses.tensors_of(y_pred))
        super().update_state(self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        own = {} if hasattr(self, "function") else {"fn": serialize(self._fn)}  # classes made around a function imply it
        return {**super().get_config(), **own, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MeanMetricWrapper:
        """A metric from its config."""
        fn = config.get("fn")
        own = {"fn": globals().get(fn) or losses.get(fn)} if isinstance(fn, str) else {}
        return cls(**{**config, **own})


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether predictions equal targets, as float32."""
    y_true, y_pred = losses.paired(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), "float32")


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Whether predictions above `threshold` equal labels 0 or 1, as float32 per element."""
    y_true, y_pred = losses.paired(y_true, y_pred)
    return ops.cast(ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), ops.dtype(y_true))), "float32")


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest prediction along the last axis is that of the one-hot label, as float32."""
    return ops.cast(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)), "float32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the largest prediction along the last axis is that of the integer label, as float32."""
    return ops.cast(ops.equal(losses.labels_of(y_true, y_pred), ops.argmax(y_pred, axis=-1)), "float32")


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether the one-hot label is among the k largest predictions (N, classes), as float32."""
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """Whether the integer label is among the k largest predictions (N, classes), as float32.

    from_sorted_ids: whether the predictions are classes, the best first, of which the first k count.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = losses.labels_of(y_true, y_pred)
    if not from_sorted_ids:
        return ops.cast(ops.in_top_k(labels, y_pred, k), "float32")
    ids = y_pred[..., :k]
    return ops.cast(ops.any(ops.equal(ids, ops.expand_dims(ops.cast(labels, ops.dtype(ids)), -1)), axis=-1), "float32")


def cosine_similarity(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """The cosine of the angle between y_true and y_pred along `axis`: 1 where they point the same way."""
    return ops.negative(losses.cosine_similarity(y_true, y_pred, axis))


def _metric_class(class_name: str, fn: Any, name: str = "", **parameters: Any) -> type:
    """The mean of a function as a class; `parameters` are the function's own, in Keras's order."""
    return class_around(class_name, MeanMetricWrapper, fn, name=name or fn.__name__, dtype=None, **parameters)


Accuracy = _metric_class("Accuracy", accuracy)
BinaryAccuracy = _metric_class("BinaryAccuracy", binary_accuracy, threshold=0.5)
CategoricalAccuracy = _metric_class("CategoricalAccuracy", categorical_accuracy)
SparseCategoricalAccuracy = _metric_class("SparseCategoricalAccuracy", sparse_categorical_accuracy)
TopKCategoricalAccuracy = class_around(
    "TopKCategoricalAccuracy", MeanMetricWrapper, top_k_categorical_accuracy, k=5, name="top_k_categorical_accuracy", dtype=None
)
SparseTopKCategoricalAccuracy = class_around(
    "SparseTopKCategoricalAccuracy", MeanMetricWrapper, sparse_top_k_categorical_accuracy,
    k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False,
)  # fmt: skip
MeanSquaredError = _metric_class("MeanSquaredError", losses.mean_squared_error)
MeanAbsoluteError = _metric_class("MeanAbsoluteError", losses.mean_absolute_error)
MeanAbsolutePercentageError = _metric_class("MeanAbsolutePercentageError", losses.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _metric_class("MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error)
CosineSimilarity = _metric_class("CosineSimilarity", cosine_similarity, axis=-1)
LogCoshError = _metric_class("LogCoshError", losses.log_cosh, "logcosh")
Hinge = _metric_class("Hinge", losses.hinge)
SquaredHinge = _metric_class("SquaredHinge", losses.squared_hinge)
CategoricalHinge = _metric_class("CategoricalHinge", losses.categorical_hinge)
KLDivergence = _metric_class("KLDivergence", losses.kl_divergence)
Poisson = _metric_class("Poisson", losses.poisson)
BinaryCrossentropy = _metric_class("BinaryCrossentropy", losses.binary_crossentropy, from_logits=False, label_smoothing=0)
CategoricalCrossentropy = _metric_class(
    "CategoricalCrossentropy", losses.categorical_crossentropy, from_logits=False, label_smoothing=0, axis=-1
)
SparseCategoricalCrossentropy = _metric_class(
    "SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy, from_logits=False, ignore_class=None, axis=-1
)


class RootMeanSquaredError(Mean):
    """Square root of the mean squared error."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = losses.paired(y_true, y_pred)
        super().update_state(ops.square(ops.subtract(y_true, y_pred)), sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


_CLASSES = (
    Mean, Sum, Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy, MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError, CosineSimilarity, LogCoshError, Hinge, SquaredHinge, CategoricalHinge, KLDivergence, Poisson,
    BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy,
)  # fmt: skip
_by_function = {cls.function.__name__: cls for cls in _CLASSES if hasattr(cls, "function")}
_aliases = {name: _by_function[fn.__name__] for name, fn in losses.ALIASES.items() if fn.__name__ in _by_function}
_names = Names(
    "metric", "keras.metrics", _CLASSES, {**_by_function, **_aliases, **{name.upper(): cls for name, cls in _aliases.items()}}
)


def get(identifier: Any) -> Any:
    """The metric for `identifier`: a name, a config, a function or an instance.

    Raises:
        ValueError: for an unknown name.
    """
    found = _names.get(identifier)
    return MeanMetricWrapper(found) if callable(found) and not isinstance(found, Metric) else found


def accuracy_for(y_true: Any, y_pred: Any) -> Metric:
    """What "accuracy" means for these targets and predictions: binary, categorical or sparse accuracy, as a `Metric`."""
    if y_pred.shape[-1:] == (1,) or not len(y_pred.shape):
        return BinaryAccuracy()
    sparse = len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
    return SparseCategoricalAccuracy() if sparse else CategoricalAccuracy()


def serialize(metric: Any) -> Any:
    """Module, class name and config of a metric, as Keras writes them, or the name of a function."""
    return _names.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric that `serialize` described by `config` (a name or a config).

    custom_objects: further classes and functions by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)
