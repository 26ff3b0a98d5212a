"""Losses: functions of targets and predictions, and classes with a reduction."""

from __future__ import annotations

from typing import Any

from cornu import config, ops
from cornu._named import Names, snake_case

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def squeeze_or_expand_to_same_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Drop a last axis of size 1 from the one that has it too many."""
    a, b = len(y_true.shape), len(y_pred.shape)
    if a == b + 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    elif b == a + 1 and y_pred.shape[-1] == 1:
        y_true = ops.expand_dims(y_true, -1) if a == 1 else y_true
        y_pred = y_pred if a == 1 else ops.squeeze(y_pred, -1)
    return y_true, y_pred


def _pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(ops.convert_to_tensor(y_true), ops.dtype(y_pred))
    return squeeze_or_expand_to_same_rank(y_true, y_pred)


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)^2) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / |y_true|) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    relative = ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.absolute(y_true), config.epsilon()))
    return ops.multiply(ops.mean(ops.absolute(relative), axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    logs = [ops.log(ops.add(ops.maximum(x, config.epsilon()), 1.0)) for x in (y_true, y_pred)]
    return ops.mean(ops.square(ops.subtract(*logs)), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Quadratic for errors up to `delta`, linear beyond (Huber, 1964)."""
    y_true, y_pred = _pair(y_true, y_pred)
    size = ops.absolute(ops.subtract(y_true, y_pred))
    return ops.mean(
        ops.where(ops.less_equal(size, delta), ops.multiply(ops.square(size), 0.5), ops.multiply(ops.subtract(size, 0.5 * delta), delta)),
        axis=-1,
    )


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    x = ops.subtract(y_pred, y_true)
    return ops.mean(ops.subtract(ops.add(x, ops.softplus(ops.multiply(x, -2.0))), 0.6931471805599453), axis=-1)


def _smoothed(y_true: Any, amount: float, classes: int) -> Any:
    return ops.add(ops.multiply(y_true, 1.0 - amount), amount / classes) if amount else y_true


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """Mean over `axis` of the cross-entropy between labels 0 or 1 and predictions."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.binary_crossentropy(_smoothed(y_true, label_smoothing, 2), y_pred, from_logits), axis=axis)


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """Cross-entropy between one-hot labels and predictions."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(ops.convert_to_tensor(y_true), ops.dtype(y_pred))
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(
            f"categorical_crossentropy: y_true of shape {tuple(y_true.shape)} and y_pred of shape {tuple(y_pred.shape)} differ. For "
            "integer labels use sparse_categorical_crossentropy."
        )
    return ops.categorical_crossentropy(_smoothed(y_true, label_smoothing, y_pred.shape[axis]), y_pred, from_logits, axis)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """Cross-entropy between integer labels and predictions; labels equal to `ignore_class` count zero."""
    y_pred, y_true = ops.convert_to_tensor(y_pred), ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    labels = ops.cast(y_true, "int32")
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(labels, y_pred, from_logits, axis)
    valid = ops.not_equal(labels, ignore_class)
    loss = ops.sparse_categorical_crossentropy(ops.where(valid, labels, 0), y_pred, from_logits, axis)
    return ops.where(valid, loss, 0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) for labels -1 or 1 (0 is read as -1)."""
    y_true, y_pred = _pair(y_true, y_pred)
    y_true = ops.where(ops.equal(y_true, 0), -1.0, y_true)
    return ops.mean(ops.maximum(ops.subtract(1.0, ops.multiply(y_true, y_pred)), 0.0), axis=-1)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred)) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, config.epsilon(), 1.0), ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred)) over the last axis."""
    y_true, y_pred = _pair(y_true, y_pred)
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, ops.log(ops.add(y_pred, config.epsilon())))), axis=-1)


def reduce_weighted(values: Any, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size") -> Any:
    """Weight values per sample and reduce them.

    sample_weight: broadcasts to the values from the left (a weight per sample counts for all of its values).
    """
    if sample_weight is not None:
        weight = ops.cast(ops.convert_to_tensor(sample_weight), ops.dtype(values))
        if len(weight.shape) == len(values.shape) + 1 and weight.shape[-1] == 1:
            weight = ops.squeeze(weight, -1)
        if len(weight.shape) < len(values.shape):
            weight = ops.reshape(weight, (*weight.shape, *(1,) * (len(values.shape) - len(weight.shape))))
        values = ops.multiply(values, weight)
        if reduction == "mean_with_sample_weight":
            return ops.divide(ops.sum(values), ops.sum(ops.broadcast_to(weight, values.shape)))
    if reduction in (None, "none") or not values.shape:
        return values
    return ops.sum(values) if reduction == "sum" else ops.mean(values)


class Loss:
    """Base class: `loss(y_true, y_pred, sample_weight=None)`; a subclass gives a value per sample in `call`.

    Args:
        name: of the loss. reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or None. dtype: accepted.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: reduction={reduction!r}")
        self.name, self.reduction = name or snake_case(type(self).__name__), reduction

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return reduce_weighted(self.call(y_true, y_pred), sample_weight, self.reduction)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A value per sample."""
        raise NotImplementedError(f"{type(self).__name__} must implement call(y_true, y_pred).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss from its config."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A function of targets and predictions as a loss."""

    def __init__(self, fn: Any, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn, self._fn_kwargs = fn, kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._fn_kwargs}


def _loss_class(name: str, fn: Any, **defaults: Any) -> type:
    """A class around a function; its further arguments (with these defaults) come first, as in Keras."""

    def __init__(self: Any, *args: Any, reduction: Any = "sum_over_batch_size", name: Any = fn.__name__, dtype: Any = None, **kwargs: Any) -> None:
        names = [*defaults, "reduction", "name", "dtype"]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        unknown = set(given) - set(names)
        if unknown or len(args) > len(names):
            raise TypeError(f"{type(self).__name__} got unexpected arguments: {', '.join(sorted(unknown)) or args}.")
        options = {key: given.get(key, value) for key, value in defaults.items()}
        LossFunctionWrapper.__init__(self, fn, given.get("reduction", reduction), given.get("name", name), given.get("dtype", dtype), **options)

    return type(name, (LossFunctionWrapper,), {"__init__": __init__, "__doc__": fn.__doc__, "__module__": __name__})


MeanSquaredError = _loss_class("MeanSquaredError", mean_squared_error)
MeanAbsoluteError = _loss_class("MeanAbsoluteError", mean_absolute_error)
MeanAbsolutePercentageError = _loss_class("MeanAbsolutePercentageError", mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _loss_class("MeanSquaredLogarithmicError", mean_squared_logarithmic_error)
Huber = _loss_class("Huber", huber, delta=1.0)
LogCosh = _loss_class("LogCosh", log_cosh)
BinaryCrossentropy = _loss_class("BinaryCrossentropy", binary_crossentropy, from_logits=False, label_smoothing=0.0, axis=-1)
CategoricalCrossentropy = _loss_class("CategoricalCrossentropy", categorical_crossentropy, from_logits=False, label_smoothing=0.0, axis=-1)
SparseCategoricalCrossentropy = _loss_class(
    "SparseCategoricalCrossentropy", sparse_categorical_crossentropy, from_logits=False, ignore_class=None, axis=-1
)
Hinge = _loss_class("Hinge", hinge)
KLDivergence = _loss_class("KLDivergence", kl_divergence)
Poisson = _loss_class("Poisson", poisson)

_FUNCTIONS = {
    f.__name__: f
    for f in (
        mean_squared_error, mean_absolute_error, mean_absolute_percentage_error, mean_squared_logarithmic_error, huber, log_cosh,
        binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy, hinge, kl_divergence, poisson,
    )
}  # fmt: skip
_FUNCTIONS |= {
    "mse": mean_squared_error, "MSE": mean_squared_error, "mae": mean_absolute_error, "MAE": mean_absolute_error,
    "mape": mean_absolute_percentage_error, "msle": mean_squared_logarithmic_error, "kld": kl_divergence, "bce": binary_crossentropy,
    "BCE": binary_crossentropy, "logcosh": log_cosh,
}  # fmt: skip
_names = Names(
    "loss function",
    (MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, Huber, LogCosh, BinaryCrossentropy,
     CategoricalCrossentropy, SparseCategoricalCrossentropy, Hinge, KLDivergence, Poisson),
)  # fmt: skip


def get(identifier: Any) -> Any:
    """The loss (function or instance) for a name, a config, a function or an instance. Raises ValueError for an unknown name."""
    if isinstance(identifier, str) and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]
    return _names.get(identifier)


serialize, deserialize = _names.serialize, get
