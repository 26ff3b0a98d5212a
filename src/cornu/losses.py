"""Losses: functions of targets and predictions, and classes with a reduction."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import config, dtype_policies, ops, tree
from cornu._named import Names, class_around, snake_case
from cornu.layers.layer import mask_of
from cornu.ops.common import aligned
from cornu.primitives import dtypes as dt

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def squeeze_or_expand_to_same_rank(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both, a last axis of size 1 dropped from the one that has it too many; a vector of targets gets one instead."""
    a, b = len(y_true.shape), len(y_pred.shape)
    if a == b + 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    elif b == a + 1 and y_pred.shape[-1] == 1:
        y_true = ops.expand_dims(y_true, -1) if a == 1 else y_true
        y_pred = y_pred if a == 1 else ops.squeeze(y_pred, -1)
    return y_true, y_pred


def tensors_of(x: Any, convert: Callable[[Any], Any] = ops.convert_to_tensor) -> Any:
    """A structure with tensors, made by `convert`, for its leaves; nested lists of numbers are one tensor."""
    return convert(x) if all(map(np.isscalar, tree.flatten(x))) else tree.map_structure(convert, x)


def paired(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of one rank, in the dtype of the predictions."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(ops.convert_to_tensor(y_true), ops.dtype(y_pred))
    return squeeze_or_expand_to_same_rank(y_true, y_pred)


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)^2) over the last axis."""
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis."""
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / |y_true|) over the last axis; targets below `epsilon()` count as `epsilon()`."""
    y_true, y_pred = paired(y_true, y_pred)
    relative = ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.absolute(y_true), config.epsilon()))
    return ops.multiply(ops.mean(ops.absolute(relative), axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis; numbers below `epsilon()` count as `epsilon()`."""
    y_true, y_pred = paired(y_true, y_pred)
    logs = [ops.log(ops.add(ops.maximum(x, config.epsilon()), 1.0)) for x in (y_true, y_pred)]
    return ops.mean(ops.square(ops.subtract(*logs)), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Mean over the last axis of errors: half their square up to `delta`, delta * (|error| - delta / 2) beyond (Huber, 1964)."""
    y_true, y_pred = paired(y_true, y_pred)
    size = ops.absolute(ops.subtract(y_true, y_pred))
    return ops.mean(
        ops.where(
            ops.less_equal(size, delta), ops.multiply(ops.square(size), 0.5), ops.multiply(ops.subtract(size, 0.5 * delta), delta)
        ),
        axis=-1,
    )


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis."""
    y_true, y_pred = paired(y_true, y_pred)
    x = ops.subtract(y_pred, y_true)
    return ops.mean(ops.subtract(ops.add(x, ops.softplus(ops.multiply(x, -2.0))), 0.6931471805599453), axis=-1)


def _smoothed(y_true: Any, amount: float, classes: int) -> Any:
    return ops.add(ops.multiply(y_true, 1.0 - amount), amount / classes) if amount else y_true


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1) -> Any:
    """Mean over `axis` of the cross-entropy between labels 0 or 1 and predictions.

    from_logits: whether the predictions are logits, not probabilities. label_smoothing: s in [0, 1] moves labels towards 1/2:
    y (1 - s) + s / 2.
    """
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.binary_crossentropy(_smoothed(y_true, label_smoothing, 2), y_pred, from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
    from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Any:  # fmt: skip
    """Binary cross-entropy times (1 - p)^gamma, p the probability given to the label (Lin et al., 2017); mean over `axis`.

    Args:
        apply_class_balancing: whether label 1 weighs `alpha` and label 0 weighs 1 - alpha.
        gamma: how much what is well predicted counts less; 0: not at all.
        from_logits, label_smoothing: as in `binary_crossentropy`.
    """
    y_true, y_pred = paired(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    y_pred = ops.sigmoid(y_pred) if from_logits else y_pred
    missed = ops.add(ops.multiply(y_true, ops.subtract(1.0, y_pred)), ops.multiply(ops.subtract(1.0, y_true), y_pred))
    loss = ops.multiply(ops.power(missed, gamma), ops.binary_crossentropy(y_true, y_pred))
    if apply_class_balancing:
        loss = ops.multiply(loss, ops.add(ops.multiply(y_true, alpha), ops.multiply(ops.subtract(1.0, y_true), 1 - alpha)))
    return ops.mean(loss, axis=axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Cross-entropy along `axis` between one-hot labels and predictions, of one shape.

    from_logits: whether the predictions are logits, not probabilities. label_smoothing: s in [0, 1] moves labels towards equality
    of all classes: y (1 - s) + s / classes.

    Raises:
        ValueError: if the shapes differ.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(ops.convert_to_tensor(y_true), ops.dtype(y_pred))
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(
            f"categorical_crossentropy: y_true of shape {tuple(y_true.shape)} and y_pred of shape {tuple(y_pred.shape)} differ. "
            "For integer labels use sparse_categorical_crossentropy."
        )
    return ops.categorical_crossentropy(_smoothed(y_true, label_smoothing, y_pred.shape[axis]), y_pred, from_logits, axis)


def categorical_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:  # fmt: skip
    """alpha * (1 - p)^gamma times the cross-entropy between one-hot labels and probabilities p (Lin et al., 2017).

    alpha: a number, or one for each class. gamma: how much what is well predicted counts less; 0: not at all. from_logits,
    label_smoothing, axis: as in `categorical_crossentropy`.
    """
    y_true, y_pred = paired(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, y_pred.shape[axis])
    p = ops.softmax(y_pred, axis=axis) if from_logits else ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True))
    p = ops.clip(p, config.epsilon(), 1.0 - config.epsilon())
    weights = ops.multiply(ops.power(ops.subtract(1.0, p), gamma), alpha)
    return ops.negative(ops.sum(ops.multiply(weights, ops.multiply(y_true, ops.log(p))), axis=axis))


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p^q) / q, p the probability given to the integer label (Zhang and Sabuncu, 2018); 0 < q < 1.

    Raises:
        ValueError: for another q.
    """
    if not 0 < q < 1:
        raise ValueError(f"categorical_generalized_cross_entropy: q must be between 0 and 1 (both excluded), got {q}.")
    y_pred = ops.convert_to_tensor(y_pred)
    labels = ops.one_hot(ops.cast(ops.convert_to_tensor(y_true), "int32"), y_pred.shape[-1], dtype=ops.dtype(y_pred))
    p = ops.sum(ops.multiply(labels, y_pred), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(p, q)), q)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """Cross-entropy along `axis` between integer labels and predictions; those equal to `ignore_class` count zero.

    y_true: of the predictions' shape without the axis, or with a last one of size 1; of what is no class the loss is NaN.
    from_logits: whether the predictions are logits, not probabilities.

    Raises:
        ValueError: if the shapes don't fit.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = labels_of(y_true, y_pred)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(labels, y_pred, from_logits, axis)
    valid = ops.not_equal(labels, ignore_class)
    loss = ops.sparse_categorical_crossentropy(ops.where(valid, labels, 0), y_pred, from_logits, axis)
    return ops.where(valid, loss, 0)


def labels_of(y_true: Any, y_pred: Any) -> Any:
    """Integer labels, without a last axis of size 1."""
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    return ops.cast(y_true, "int32")


def _margin(y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = paired(y_true, y_pred)
    return ops.maximum(ops.subtract(1.0, ops.multiply(ops.where(ops.equal(y_true, 0), -1.0, y_true), y_pred)), 0.0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) for labels -1 or 1 (0 is read as -1)."""
    return ops.mean(_margin(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)^2) for labels -1 or 1 (0 is read as -1)."""
    return ops.mean(ops.square(_margin(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + largest wrong prediction - the right one, 0) for one-hot labels."""
    y_true, y_pred = paired(y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


def cosine_similarity(y_true: Any, y_pred: Any, axis: Any = -1) -> Any:
    """Minus the cosine of the angle between y_true and y_pred along `axis`: -1 where they point the same way."""
    y_true, y_pred = paired(y_true, y_pred)
    return ops.negative(ops.sum(ops.multiply(_unit(y_true, axis), _unit(y_pred, axis)), axis=axis))


def _unit(x: Any, axis: Any = -1) -> Any:
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.divide(x, ops.sqrt(ops.maximum(square, config.epsilon() ** 2)))


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred)) over the last axis."""
    y_true, y_pred = paired(y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, config.epsilon(), 1.0), ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred)) over the last axis."""
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, ops.log(ops.add(y_pred, config.epsilon())))), axis=-1)


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 |A and B| / (|A| + |B|) of soft sets, over `axis` (all by default) (Milletari et al., 2016)."""
    y_true, y_pred = paired(y_true, y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    sizes = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    return ops.subtract(1.0, ops.divide(ops.multiply(both, 2.0), ops.add(sizes, config.epsilon())))


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 - both / (both + alpha * false positives + beta * false negatives) of soft sets (Salehi et al., 2017).

    axis: over which is summed, an int or a tuple; all by default.
    """
    y_true, y_pred = paired(y_true, y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    false_positives = ops.sum(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=axis)
    false_negatives = ops.sum(ops.multiply(y_true, ops.subtract(1.0, y_pred)), axis=axis)
    whole = ops.add(both, ops.add(ops.multiply(false_positives, alpha), ops.multiply(false_negatives, beta)))
    return ops.subtract(1.0, ops.divide(both, ops.add(whole, config.epsilon())))


def circle(
    y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None, remove_diagonal: bool = True,
    gamma: float = 80, margin: float = 0.4,
) -> Any:  # fmt: skip
    """Circle loss of unit embeddings with integer labels (Sun et al., 2020), a value per sample.

    Args:
        y_true: labels (N,) or (N, 1). y_pred: embeddings (N, d) of length 1.
        ref_labels, ref_embeddings: compared with; by default the batch itself, each sample with all others (`remove_diagonal`).
        gamma: scale. margin: relaxation.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    labels = ops.reshape(ops.cast(ops.convert_to_tensor(y_true), "int32"), (-1, 1))
    others = labels if ref_labels is None else ops.reshape(ops.cast(ops.convert_to_tensor(ref_labels), "int32"), (-1, 1))
    own = ref_embeddings is None
    similarity = ops.matmul(y_pred, ops.transpose(y_pred if own else ops.convert_to_tensor(ref_embeddings)))
    same = ops.equal(labels, ops.transpose(others))
    different = ops.logical_not(same)
    if own and remove_diagonal:
        same = ops.logical_and(same, ops.logical_not(ops.eye(y_pred.shape[0], dtype="bool")))
    pull = ops.multiply(ops.maximum(ops.subtract(1 + margin, similarity), 0.0), ops.subtract(similarity, 1 - margin))
    push = ops.multiply(ops.maximum(ops.add(similarity, margin), 0.0), ops.subtract(similarity, margin))
    return ops.softplus(ops.add(_logsumexp_where(same, pull, -gamma), _logsumexp_where(different, push, gamma)))


def _logsumexp_where(mask: Any, x: Any, scale: float) -> Any:
    return ops.logsumexp(ops.where(mask, ops.multiply(x, scale), -1e9), axis=1)


def reduce_weighted(values: Any, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size") -> Any:
    """Weight values per sample and reduce them.

    sample_weight: broadcasts to the values from the left (a weight per sample counts for all of its values). reduction: as in
    `Loss`.
    """
    if sample_weight is not None:
        weight = aligned(ops.cast(ops.convert_to_tensor(sample_weight), ops.dtype(values)), values)
        values = ops.multiply(values, weight)
        if reduction == "mean_with_sample_weight":
            return ops.divide(ops.sum(values), ops.sum(ops.broadcast_to(weight, values.shape)))
    if reduction in (None, "none") or not values.shape:
        return values
    return ops.sum(values) if reduction == "sum" else ops.mean(values)


def masked_weight(sample_weight: Any, mask: Any, reduction: str | None, dtype: str) -> Any:
    """Weights in `dtype` that are zero where the mask is False; a mean of values weighted so is that of the values that are left.

    sample_weight: multiplied with them, or None. reduction: as in `Loss`; only for means are weights that stay scaled up.
    """
    weight = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        weight = ops.divide(weight, ops.maximum(ops.mean(weight), config.epsilon()))
    if sample_weight is None:
        return weight
    return ops.multiply(weight, aligned(ops.cast(ops.convert_to_tensor(sample_weight), dtype), weight))


class Loss:
    """Base class: `loss(y_true, y_pred, sample_weight=None)`; a subclass gives a value per sample in `call`.

    What the mask of `y_pred` leaves out does not count.

    Args:
        name: of the loss.
        reduction: of the weighted values: "sum_over_batch_size" or "mean"; "sum"; "mean_with_sample_weight", their sum divided by
            that of the weights; None or "none", the values as they are.
        dtype: in which it computes, `floatx()` by default: half-precision predictions are widened first.

    Raises:
        ValueError: for another reduction.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: reduction={reduction!r}"
            )
        self.name, self.reduction = name or snake_case(type(self).__name__), reduction
        self.dtype = dtype_policies.get(dtype).compute_dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        mask = mask_of(y_pred)
        y_true, y_pred = tensors_of(y_true), tensors_of(y_pred, self._widened)
        masks = [x for x in (mask, self._counted(y_true, y_pred)) if x is not None]
        if masks:
            mask = functools.reduce(ops.logical_and, masks)
            sample_weight = masked_weight(sample_weight, mask, self.reduction, self.dtype)
        return reduce_weighted(self.call(y_true, y_pred), sample_weight, self.reduction)

    def _counted(self, y_true: Any, y_pred: Any) -> Any:
        """Which values count, where not all do."""
        return None

    def _widened(self, x: Any) -> Any:
        x = ops.convert_to_tensor(x)
        return ops.convert_to_tensor(x, self.dtype) if dt.is_float(ops.dtype(x)) else x

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A value per sample, of targets `y_true` and predictions `y_pred`."""
        raise NotImplementedError(f"{type(self).__name__} must implement call(y_true, y_pred).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss from its config."""
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A function of targets and predictions as a loss.

    fn: `fn(y_true, y_pred, **kwargs)` gives a value per sample. kwargs: further arguments of it, which go into the config.
    """

    def __init__(
        self, fn: Any, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn, self._fn_kwargs = fn, kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(*squeeze_or_expand_to_same_rank(y_true, y_pred), **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        own = {} if hasattr(self, "function") else {"fn": serialize(self.fn)}  # classes made around a function imply it
        return {**super().get_config(), **own, **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LossFunctionWrapper:
        """A loss from its config."""
        return cls(**{key: get(value) if key == "fn" else value for key, value in config.items()})


class _LabelsWrapper(LossFunctionWrapper):
    """A function of integer labels, those of `ignore_class` left out."""

    def _counted(self, y_true: Any, y_pred: Any) -> Any:
        ignored = self._fn_kwargs["ignore_class"]
        return None if ignored is None else ops.not_equal(labels_of(y_true, y_pred), ignored)


def _loss_class(
    class_name: str, fn: Any, default_name: str = "", base: type[LossFunctionWrapper] = LossFunctionWrapper, **parameters: Any
) -> type:
    """A class around a function of targets and predictions; `parameters` are the function's own, in Keras's order."""
    parameters.setdefault("reduction", "sum_over_batch_size")
    return class_around(class_name, base, fn, **parameters, name=default_name or fn.__name__, dtype=None)


MeanSquaredError = _loss_class("MeanSquaredError", mean_squared_error)
MeanAbsoluteError = _loss_class("MeanAbsoluteError", mean_absolute_error)
MeanAbsolutePercentageError = _loss_class("MeanAbsolutePercentageError", mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _loss_class("MeanSquaredLogarithmicError", mean_squared_logarithmic_error)
Huber = _loss_class("Huber", huber, "huber_loss", delta=1.0)
LogCosh = _loss_class("LogCosh", log_cosh)
CosineSimilarity = _loss_class("CosineSimilarity", cosine_similarity, axis=-1, reduction="sum_over_batch_size")
Hinge = _loss_class("Hinge", hinge)
SquaredHinge = _loss_class("SquaredHinge", squared_hinge)
CategoricalHinge = _loss_class("CategoricalHinge", categorical_hinge)
KLDivergence = _loss_class("KLDivergence", kl_divergence)
Poisson = _loss_class("Poisson", poisson)
BinaryCrossentropy = _loss_class("BinaryCrossentropy", binary_crossentropy, from_logits=False, label_smoothing=0.0, axis=-1)
BinaryFocalCrossentropy = _loss_class(
    "BinaryFocalCrossentropy", binary_focal_crossentropy,
    apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
)  # fmt: skip
CategoricalGeneralizedCrossEntropy = _loss_class(
    "CategoricalGeneralizedCrossEntropy", categorical_generalized_cross_entropy, q=0.5
)
Dice = class_around("Dice", LossFunctionWrapper, dice, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None)
Tversky = class_around(
    "Tversky", LossFunctionWrapper, tversky,
    alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None, dtype=None,
)  # fmt: skip
Circle = _loss_class("Circle", circle, gamma=80.0, margin=0.4, remove_diagonal=True)
CategoricalCrossentropy = _loss_class(
    "CategoricalCrossentropy", categorical_crossentropy, from_logits=False, label_smoothing=0.0, axis=-1
)
CategoricalFocalCrossentropy = _loss_class(
    "CategoricalFocalCrossentropy",
    categorical_focal_crossentropy,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
)
SparseCategoricalCrossentropy = _loss_class(
    "SparseCategoricalCrossentropy", sparse_categorical_crossentropy, base=_LabelsWrapper,
    from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1,
)  # fmt: skip

_CLASSES = (
    MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, Huber, LogCosh,
    CosineSimilarity,
    Hinge, SquaredHinge, CategoricalHinge, KLDivergence, Poisson, BinaryCrossentropy, BinaryFocalCrossentropy,
    CategoricalCrossentropy, CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, SparseCategoricalCrossentropy,
    Dice,
    Tversky, Circle,
)  # fmt: skip
FUNCTIONS = {cls.function.__name__: cls.function for cls in _CLASSES}  # type: ignore[attr-defined]
ALIASES = {
    "mse": mean_squared_error, "mae": mean_absolute_error, "mape": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error, "bce": binary_crossentropy, "kld": kl_divergence, "logcosh": log_cosh,
}  # fmt: skip
_names = Names(
    "loss function", "keras.losses", _CLASSES, {**FUNCTIONS, **ALIASES, **{name.upper(): fn for name, fn in ALIASES.items()}}
)


def get(identifier: Any) -> Any:
    """The loss (function or instance) for `identifier`: a name, a config, a function or an instance.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(identifier)


def serialize(loss: Any) -> Any:
    """Module, class name and config of a loss, as Keras writes them, or the name of a function."""
    return _names.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that `serialize` described by `name` (a name or a config). custom_objects: further classes and functions by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(name, custom_objects)
