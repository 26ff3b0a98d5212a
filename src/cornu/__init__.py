"""Cornu: Keras, done again from scratch, on every engine."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

# Names and the modules that they come from; a module is imported when one of its names is first used.
_NAMES = {
    "engine": "cornu.contract.registry",
    "set_backend": "cornu.contract.registry",
    "value_and_grad": "cornu.ops.autodiff",
    "grad": "cornu.ops.autodiff",
    "KerasTensor": "cornu.ops.symbolic",
    "Variable": "cornu.variable",
    "StateScope": "cornu.contract.state",
    "Input": "cornu.layers",
    "Layer": "cornu.layers",
    "InputSpec": "cornu.layers",
    "Model": "cornu.models",
    "Sequential": "cornu.models",
    "Functional": "cornu.models",
    "explain": "cornu.models.explain",
    "Loss": "cornu.losses",
    "Metric": "cornu.metrics",
    "Optimizer": "cornu.optimizers",
    "Initializer": "cornu.initializers",
    "Regularizer": "cornu.regularizers",
    "DTypePolicy": "cornu.dtype_policies",
    "unpack_x_y_sample_weight": "cornu.training.data",
}
_MODULES = (
    "activations", "backend", "callbacks", "config", "constraints", "dtype_policies", "initializers", "layers", "losses",
    "metrics",
    "models", "ops", "optimizers", "random", "regularizers", "tree", "utils",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"cornu.{name}")
    else:
        raise AttributeError(f"module 'cornu' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES, *_MODULES])
