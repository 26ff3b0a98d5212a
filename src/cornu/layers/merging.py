"""Layers that merge several inputs."""

from __future__ import annotations

from functools import reduce
from typing import Any, ClassVar

from cornu import ops
from cornu.layers.layer import Layer


class Merge(Layer):
    """Base of layers that combine a list of inputs."""

    supports_masking = True
    combine: ClassVar[Any]

    def _several(self, inputs: Any, least: int = 1) -> list[Any]:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < least:
            raise ValueError(
                f"A merge layer should be called on a list of at least {least} inputs. Layer {self.name!r} got {inputs!r}."
            )
        return list(inputs)

    def call(self, inputs: Any) -> Any:
        return reduce(type(self).combine, self._several(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        masks = [m for m in previous_mask or () if m is not None]
        return reduce(ops.logical_and, masks) if masks else None


class Add(Merge):
    """Sum of the inputs, which broadcast."""

    combine = staticmethod(ops.add)


class Multiply(Merge):
    """Product of the inputs, which broadcast."""

    combine = staticmethod(ops.multiply)


class Maximum(Merge):
    """The largest of the inputs, element by element."""

    combine = staticmethod(ops.maximum)


class Minimum(Merge):
    """The smallest of the inputs, element by element."""

    combine = staticmethod(ops.minimum)


class Average(Merge):
    """Mean of the inputs."""

    def call(self, inputs: Any) -> Any:
        return ops.divide(reduce(ops.add, self._several(inputs)), len(inputs))


class Subtract(Merge):
    """The first of two inputs minus the second."""

    def call(self, inputs: Any) -> Any:
        if len(self._several(inputs, 2)) != 2:
            raise ValueError(f"A `Subtract` layer should be called on exactly 2 inputs. Layer {self.name!r} got {len(inputs)}.")
        return ops.subtract(*inputs)


class Concatenate(Merge):
    """Inputs joined along `axis`."""

    arguments = "axis"

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(self._several(inputs), axis=self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Masks of sequences joined as they are: along time, or what all have in common."""
        if not previous_mask or all(m is None for m in previous_mask):
            return None
        if self.axis % len(inputs[0].shape) != 1:
            return super().compute_mask(inputs, previous_mask)
        whole = [ops.ones(x.shape[:2], dtype="bool") if m is None else m for x, m in zip(inputs, previous_mask, strict=True)]
        return ops.concatenate(whole, axis=1)


class Dot(Merge):
    """Products of two inputs summed over an axis of each, per sample.

    Args:
        axes: an int, or one per input; not 0, the samples'. normalize: divide by the lengths first, so that cosines come out.
    """

    arguments = "axes normalize"

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
        if len(pair) != 2 or any(not isinstance(axis, int) for axis in pair) or 0 in pair:
            raise ValueError(f"`axes` must be an integer or two (the batch axis 0 excluded), got {axes!r}.")
        self.axes, self.normalize = axes, normalize

    def call(self, inputs: Any) -> Any:
        a, b = self._several(inputs, 2)
        first, second = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if a.shape[first] != b.shape[second]:
            raise ValueError(
                f"Layer {self.name!r}: axis {first} of {tuple(a.shape)} and axis {second} of {tuple(b.shape)} must "
                "have the same size."
            )
        if self.normalize:
            a, b = ops.normalize(a, axis=first), ops.normalize(b, axis=second)
        flat_a, flat_b = _last(a, first), _last(b, second)
        n, d = flat_a.shape[0], flat_a.shape[-1]
        y = ops.matmul(ops.reshape(flat_a, (n, -1, d)), ops.transpose(ops.reshape(flat_b, (n, -1, d)), (0, 2, 1)))
        return ops.reshape(y, (n, *flat_a.shape[1:-1], *flat_b.shape[1:-1]) if len(a.shape) + len(b.shape) > 4 else (n, 1))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None


def _last(x: Any, axis: int) -> Any:
    return ops.moveaxis(x, axis, -1)


def add(inputs: Any, **kwargs: Any) -> Any:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot(axes, **kwargs)(inputs)`."""
    return Dot(axes, **kwargs)(inputs)
