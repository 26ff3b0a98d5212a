"""The old spellings of Keras 1 and 2, class by class."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from cornu import constraints, initializers, layers, losses, metrics, models, ops, optimizers, regularizers, utils
from cornu.layers.layer import Layer
from cornu.legacy import additions
from cornu.legacy.modules import ADDED
from cornu.legacy.spellings import After, Gone, Old, Rules, Spelling, put, restore

# What becomes of a value


def no_effect(*values: Any) -> dict[str, Any]:
    """It concerned speed, or what Cornu finds out itself."""
    return {}


def gone(why: str) -> Callable[..., Any]:
    """Raises."""

    def rule(*values: Any) -> Any:
        raise ValueError(why)

    return rule


def only(value: Any, why: str) -> Callable[..., Any]:
    """No effect for one value; other ones raise."""
    return lambda given: {} if given == value else gone(why)()


def _data_format(value: str) -> dict[str, Any]:
    formats = {"th": "channels_first", "tf": "channels_last", "default": None}
    if value not in formats:
        raise ValueError("expected 'th', 'tf' or 'default'.")
    return {"data_format": formats[value]}


def _padding(value: str) -> dict[str, Any]:
    if value == "full":
        raise ValueError("there is no 'full' any more. Put a ZeroPadding layer (kernel size - 1 on each side) before, with padding='valid'.")
    return {"padding": value}


def _kernel(*sizes: Any) -> dict[str, Any]:
    if None in sizes:
        raise ValueError("all sizes of the kernel are needed.")
    return {"kernel_size": tuple(sizes)}


def _sequence(width: Any, length: Any) -> dict[str, Any]:
    return {"input_shape": (length, width)}


def _batch(size: int | None, shape: Any) -> dict[str, Any]:
    return {"input_shape": shape} if size is None else {"batch_size": size} if shape is None else {"batch_input_shape": (size, *shape)}


def _weights(values: Any) -> After:
    """The weights to begin with are set when the layer is built."""

    def do(layer: Any) -> None:
        build = layer.build

        @functools.wraps(build)
        def build_and_set(*args: Any, **kwargs: Any) -> None:
            build(*args, **kwargs)
            layer.set_weights(values)

        layer.build = build_and_set

    return After(do, "then `layer.set_weights(…)` when it is built")


def _decay(value: float | None) -> Any:
    """The learning rate falls by 1 / (1 + decay · iterations), as in Keras 1 and 2; `optimizer.lr` stays the rate at the start."""
    if not value:
        return {}

    def do(optimizer: Any) -> None:
        start = optimizer._learning_rate

        def rate() -> Any:
            return ops.divide(start, ops.add(1.0, ops.multiply(value, ops.cast(optimizer.iterations, "float32"))))

        rate.start = start  # type: ignore[attr-defined]
        optimizer._schedule = rate

    return After(do, "with `learning_rate=keras.optimizers.schedules.InverseTimeDecay(…)`")


# Arguments of all layers; of families of layers

COMMON: Rules = {"weights": _weights, "input_dtype": no_effect, "batch_size input_shape": _batch}
ON_KERNEL: Rules = {
    "init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint", "b_constraint": "bias_constraint", "bias": "use_bias",
}  # fmt: skip
SEQUENCE: Rules = {"input_dim input_length": _sequence}
IMAGES: Rules = {"dim_ordering": _data_format}
CONVOLUTION: Rules = {
    **ON_KERNEL, **IMAGES, "nb_filter": "filters", "border_mode": _padding, "subsample": "strides", "atrous_rate": "dilation_rate",
}  # fmt: skip
IN_TIME: Rules = {**CONVOLUTION, **SEQUENCE, "filter_length": "kernel_size", "subsample_length": "strides"}
IN_PLANE: Rules = {**CONVOLUTION, "nb_row nb_col": _kernel}
OF_BOTH_KERNELS: Rules = {
    "init": lambda value: {"depthwise_initializer": value, "pointwise_initializer": value},
    "depthwise_init": "depthwise_initializer", "pointwise_init": "pointwise_initializer",
    "W_regularizer": gone("say which of the two kernels: depthwise_regularizer, pointwise_regularizer."),
    "W_constraint": gone("say which of the two kernels: depthwise_constraint, pointwise_constraint."),
}  # fmt: skip
UNGATED: Rules = {
    **ON_KERNEL, **SEQUENCE, "output_dim": "units", "inner_init": "recurrent_initializer",
    "U_regularizer": "recurrent_regularizer", "dropout_W": "dropout", "dropout_U": "recurrent_dropout", "consume_less": no_effect,
    "implementation": no_effect,
}  # fmt: skip
GATED: Rules = {**UNGATED, "inner_activation": "recurrent_activation"}
LSTM: Rules = {
    **GATED,
    "forget_bias_init": lambda value: {"unit_forget_bias": True} if value in ("one", "ones") else gone("only 'one' has a form today: unit_forget_bias=True")(),
}  # fmt: skip
POOLING: dict[str, Any] = {**IMAGES, "border_mode": _padding}
RATE: Rules = {"p": "rate"}

# Which layers take which


def _three_numbers(*args: Any) -> None:
    if len(args) >= 3 and all(type(size) is int for size in args[1:3]):
        _, rows, columns = args[:3]
        raise ValueError(
            f"Conv2D(…, {rows}, {columns}): the third number was the width of the kernel in old scripts, and is the stride today. Write "
            f"kernel_size=({rows}, {columns}) for the one, strides={columns} for the other."
        )


LAYERS: dict[str, Rules] = {
    "Dense": {**ON_KERNEL, "output_dim": "units"},
    "Embedding": {
        "weights": "weights", "init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer", "W_constraint": "embeddings_constraint",
        "dropout": only(0, "use SpatialDropout1D after the Embedding."),
    },
    "BatchNormalization": {
        "beta_init": "beta_initializer", "gamma_init": "gamma_initializer",
        "mode": only(0, "only mode 0, normalization by feature, is left."),
    },
    "Conv1D": IN_TIME, "SeparableConv1D": {**IN_TIME, **OF_BOTH_KERNELS},
    **dict.fromkeys(["Conv2D", "Conv2DTranspose"], IN_PLANE),
    "Conv3D": {**CONVOLUTION, "kernel_dim1 kernel_dim2 kernel_dim3": _kernel},
    "SeparableConv2D": {**IN_PLANE, **OF_BOTH_KERNELS},
    "LSTM": LSTM, "GRU": GATED, "SimpleRNN": UNGATED,
    **dict.fromkeys(["MaxPooling1D", "AveragePooling1D"], POOLING | {"pool_length": "pool_size", "stride": "strides"}),
    **dict.fromkeys(["MaxPooling2D", "AveragePooling2D", "MaxPooling3D", "AveragePooling3D"], POOLING),
    **dict.fromkeys([f"Global{kind}Pooling{n}D" for kind in ("Max", "Average") for n in (2, 3)], IMAGES),
    **dict.fromkeys([f"{kind}{n}D" for kind in ("ZeroPadding", "Cropping", "UpSampling") for n in (2, 3)], IMAGES),
    "UpSampling1D": {"length": "size"},
    "Dropout": RATE, "GaussianDropout": RATE, "SpatialDropout1D": RATE, "SpatialDropout2D": {**RATE, **IMAGES}, "SpatialDropout3D": {**RATE, **IMAGES},
    "GaussianNoise": {"sigma": "stddev"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "PReLU": {"init": "alpha_initializer"},
    "Reshape": {"dims": "target_shape"},
    "Permute": {}, "RepeatVector": {}, "Flatten": {}, "Activation": {}, "Masking": {}, "Lambda": {}, "TimeDistributed": {}, "Bidirectional": {},
}  # fmt: skip
CHECKS = {"Conv2D": _three_numbers}

# Old name of a layer -> its name today, its arguments, the names of its positional arguments and from how many on they are meant
OLD_LAYERS: dict[str, tuple[str, Rules, str, int]] = {
    "Convolution2D": ("Conv2D", IN_PLANE, "nb_filter nb_row nb_col init activation", 3),
    "AtrousConvolution2D": ("Conv2D", IN_PLANE, "nb_filter nb_row nb_col init activation", 3),
    "Convolution1D": ("Conv1D", IN_TIME, "", 0),
    "AtrousConvolution1D": ("Conv1D", IN_TIME, "", 0),
    "Convolution3D": ("Conv3D", LAYERS["Conv3D"], "nb_filter kernel_dim1 kernel_dim2 kernel_dim3 init activation", 4),
    "SeparableConvolution2D": ("SeparableConv2D", {**IN_PLANE, **OF_BOTH_KERNELS}, "nb_filter nb_row nb_col", 3),
    "Deconvolution2D": ("Conv2DTranspose", {**IN_PLANE, "output_shape": no_effect}, "nb_filter nb_row nb_col output_shape", 3),
    "ThresholdedReLU": ("ReLU", {"theta": "threshold"}, "theta", 1),
    "CuDNNLSTM": ("LSTM", LSTM, "", 0),
    "CuDNNGRU": ("GRU", GATED, "", 0),
}
GONE = {
    "MaxoutDense": "Write Dense(units * pieces), Reshape((units, pieces)), and a Lambda with the maximum over the last axis.",
    "Highway": "Write t * h(x) + (1 - t) * x of two Dense layers with Multiply and Add.",
    "ParametricSoftplus": "Write a Layer with two weights whose call is alpha * softplus(beta * x).",
    "SReLU": "PReLU, or a Layer of your own, takes its place.",
}

# Optimizers, models, functions

RATES: Rules = {"lr": "learning_rate", "decay": _decay, "epsilon": lambda value: {} if value is None else {"epsilon": value}}
OPTIMIZERS: dict[str, Rules] = {"SGD": RATES, "RMSprop": RATES, "Adam": RATES, "Adagrad": RATES, "Adadelta": RATES, "Adamax": RATES}
OPTIMIZERS["Nadam"] = {**RATES, "schedule_decay": no_effect}
METHODS: dict[str, Rules] = {
    "fit": {"nb_epoch": "epochs", "show_accuracy": gone("give compile(metrics=['accuracy']).")},
    "compile": {
        "class_mode": no_effect, "sample_weight_mode": no_effect,
        "target_tensors": gone("targets are what `fit` is given."), "show_accuracy": gone("give metrics=['accuracy']."),
    },
}  # fmt: skip
GRAPH: dict[str, str] = {"input": "inputs", "output": "outputs"}
# Functions and classes under old names, by the module that they are in today: name today, or a function of ours.
NAMES: dict[Any, dict[str, Any]] = {
    layers: {"Merge": additions.Merge, "merge": additions.merge, "TimeDistributedDense": additions.time_distributed_dense},
    optimizers: {name.lower(): name for name in OPTIMIZERS},
    regularizers: {
        "l1l2": "l1_l2", "activity_l1": "l1", "activity_l2": "l2", "activity_l1l2": "l1_l2", "WeightRegularizer": "L1L2",
        "ActivityRegularizer": "L1L2",
    },
    constraints: {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm", "max_norm": "MaxNorm", "non_neg": "NonNeg",
                  "unit_norm": "UnitNorm", "min_max_norm": "MinMaxNorm"},
    initializers: {"uniform": "RandomUniform", "normal": "RandomNormal", "zero": "Zeros", "one": "Ones"},
    losses: {**losses.ALIASES, "kullback_leibler_divergence": "kl_divergence", "cosine_proximity": "cosine_similarity"},
    metrics: {**losses.ALIASES, "kullback_leibler_divergence": losses.kl_divergence, "cosine_proximity": losses.cosine_similarity},
    utils: {},
}  # fmt: skip
FUNCTIONS: dict[Any, dict[str, Rules]] = {
    regularizers: {"l1": {"l": "l1"}, "l2": {"l": "l2"}},
    constraints: {"MaxNorm": {"m": "max_value"}},
    initializers: {"RandomUniform": {"scale": lambda value: {"minval": -value, "maxval": value}}, "RandomNormal": {"scale": "stddev"}},
    utils: {"to_categorical": {"nb_classes": "num_classes"}},
}


def install() -> None:
    """Let all that stands here be taken."""
    for name, found in vars(layers).items():
        if isinstance(found, type) and issubclass(found, Layer) and found.__name__ == name:
            put(found, "__init__", Spelling(name, {**COMMON, **LAYERS.get(name, {})}, check=CHECKS.get(name)).around(found.__init__, True))
    old = ADDED.setdefault(layers.__name__, {})
    for name, (today, rules, positions, least) in OLD_LAYERS.items():
        old[name] = Old(Spelling(name, {**COMMON, **rules}, positions, least, today), getattr(layers, today))
    old |= {name: Gone(name, instead) for name, instead in GONE.items()}
    for name, rules in OPTIMIZERS.items():
        if hasattr(optimizers, name):
            found = getattr(optimizers, name)
            put(found, "__init__", Spelling(name, rules).around(found.__init__, True))
    for name, rules in METHODS.items():
        put(models.Model, name, Spelling(name, rules).around(getattr(models.Model, name), True))
    make = models.Model.__new__
    rename = lambda cls, kwargs: {GRAPH.get(name, name) if cls is models.Model else name: value for name, value in kwargs.items()}  # noqa: E731
    put(models.Model, "__new__", staticmethod(lambda cls, *args, **kwargs: make(cls, *args, **rename(cls, kwargs))))
    put(models.Functional, "__init__", Spelling("Model", GRAPH).around(models.Functional.__init__, True))
    for owner, name, value in additions.attributes():
        put(owner, name, value)
    for module, functions in FUNCTIONS.items():
        for name, rules in functions.items():
            found = getattr(module, name)
            if inspect.isclass(found):
                put(found, "__init__", Spelling(name, rules).around(found.__init__, True))
            else:
                ADDED.setdefault(module.__name__, {})[name] = Spelling(name, rules).around(found, False)
    for module, names in NAMES.items():
        found = {name: value if not isinstance(value, str) else getattr(module, value, None) for name, value in names.items()}
        present = {name: value for name, value in found.items() if value is not None}
        ADDED.setdefault(module.__name__, {}).update(present)
        if hasattr(module, "_names"):
            put(module._names, "table", {**module._names.table, **present})


def uninstall() -> None:
    """Undo `install`."""
    restore()
    ADDED.clear()
