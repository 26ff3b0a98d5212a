"""The classic `K`: settings and the choice of the engine."""

from __future__ import annotations

from cornu import context
from cornu.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from cornu.contract.registry import set_backend
from cornu.layers.layer import reset_names as _reset_names


def backend() -> str:
    """Name of the engine in charge."""
    return context.current().name


def clear_session() -> None:
    """Start the numbering of layers anew."""
    _reset_names()


__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "image_data_format", "set_backend", "set_epsilon", "set_floatx",
    "set_image_data_format",
]  # fmt: skip
