"""`cornu.optimizers`: SGD, RMSprop, Adagrad, Adadelta, Adam and its kin."""

from __future__ import annotations

from typing import Any

from cornu._named import Names
from cornu.optimizers import schedules
from cornu.optimizers.adam import Adam, Adamax, AdamW, Nadam
from cornu.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from cornu.optimizers.optimizer import Optimizer
from cornu.optimizers.sgd import SGD

CLASSES = (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam)
_names = Names("optimizer", "keras.optimizers", CLASSES, {cls.__name__.lower(): cls for cls in CLASSES})


def get(identifier: Any) -> Optimizer:
    """The optimizer for `identifier`: a name, a config or an instance.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(identifier)


def serialize(optimizer: Any) -> Any:
    """Module, class name and config of an optimizer, as Keras writes them."""
    return _names.serialize(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer that `serialize` described by `config`. custom_objects: further classes by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)


__all__ = [
    "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Nadam", "Optimizer", "RMSprop",
    "deserialize", "get", "schedules", "serialize",
]  # fmt: skip
