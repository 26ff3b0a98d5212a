"""Images sampled at computed places."""

from __future__ import annotations

import itertools
import math
from typing import Any

from cornu import primitives as P
from cornu.ops.common import dtype_of, shape_of, slice_axis
from cornu.ops.image.common import blurred, narrowed, widened
from cornu.ops.layout import on_batch
from cornu.ops.numpy.manipulation import stack
from cornu.ops.op import export, op

Tensor = Any

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
ORDERS = {"nearest": 0, "bilinear": 1}


def _mirrored(index: Tensor, size: int) -> Tensor:
    """c b | a b c | b a ..."""
    period = max(2 * (size - 1), 1)
    return P.abs(P.subtract(P.mod(P.add(index, size - 1), period), size - 1)) if size > 1 else P.multiply(index, 0)


def _inside(index: Tensor, size: int, mode: str) -> Tensor:
    """Indices beyond an axis turned into those of the elements that stand for them."""
    if mode == "wrap":
        return P.mod(index, size)
    if mode == "mirror":
        return _mirrored(index, size)
    if mode == "reflect":  # b a | a b c | c b ...
        return P.floor_divide(_mirrored(P.add(P.multiply(index, 2), 1), 2 * size + 1), 2)
    return P.minimum(P.maximum(index, 0), size - 1)


def _nodes(place: Tensor, size: int, order: int, mode: str) -> list[tuple[Tensor, Tensor | None, Tensor | None]]:
    """What a place along an axis takes: index, whether it is inside (None: always), weight (None: 1)."""
    place = P.minimum(P.maximum(place, -1e8), 1e8)
    nearest = lambda: P.multiply(P.sign(place), P.floor(P.add(P.abs(place), 0.5)))  # noqa: E731  (halves away from 0)
    first = nearest() if order == 0 else P.floor(place)
    index = P.cast(first, dtype="int32")
    if order == 0:
        picks: list[tuple[Tensor, Tensor | None]] = [(index, None)]
    else:
        share = P.subtract(place, first)
        picks = [(index, P.subtract(1, share)), (P.add(index, 1), share)]
    nodes = []
    for i, weight in picks:
        valid = P.logical_and(P.greater_equal(i, 0), P.less(i, size)) if mode == "constant" else None
        nodes.append((_inside(i, size, mode), valid, weight))
    return nodes


def _sampled(x: Tensor, places: list[Tensor], order: int, mode: str, fill_value: Any, batch: bool = False) -> Tensor:
    """Floats x at places, interpolated.

    x: (*sizes, *rest), with `batch` (N, *sizes, *rest). places: one tensor per size, all of one shape, with `batch` (N, ...).
    Gives (*shape of places, *rest).
    """
    lead = 1 if batch else 0
    sizes = shape_of(x)[lead : lead + len(places)]
    rest = shape_of(x)[lead + len(places) :]
    flat = P.reshape(x, shape=(math.prod(shape_of(x)[:lead]) * math.prod(sizes), *rest))
    wide = (*shape_of(places[0]), *(1,) * len(rest))
    total: Any = None
    for corner in itertools.product(*[_nodes(p, n, order, mode) for p, n in zip(places, sizes, strict=True)]):
        row: Any = P.iota(shape=shape_of(places[0]), axis=0, dtype="int32") if batch else 0
        for (index, _, _), n in zip(corner, sizes, strict=True):
            row = P.add(P.multiply(row, n), index)
        value = P.take(flat, row, axis=0)
        inside, share = None, None
        for _, valid, weight in corner:
            inside = valid if inside is None else P.logical_and(inside, valid)
            share = weight if share is None else P.multiply(share, weight)
        if inside is not None:
            value = P.where(P.reshape(inside, shape=wide), value, fill_value)
        value = value if share is None else P.multiply(value, P.reshape(share, shape=wide))
        total = value if total is None else P.add(total, value)
    return total


@op
def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """The elements of `inputs` at fractional coordinates, as `scipy.ndimage.map_coordinates` gives them.

    Args:
        inputs: a tensor of rank n.
        coordinates: (n, ...): where to look, along each axis.
        order: 0 (the nearest element) or 1 (linear interpolation).
        fill_mode: what lies beyond the border: "constant" (`fill_value`), "nearest", "wrap", "mirror" or "reflect". SciPy calls
            the first and the third "grid-constant" and "grid-wrap".
        fill_value: see there.
    """
    if order not in (0, 1):
        raise ValueError(f"map_coordinates: order must be 0 or 1, got {order!r}.")
    _check_mode(fill_mode, "map_coordinates")
    rank, shape = len(shape_of(inputs)), shape_of(coordinates)
    if not rank or len(shape) < 2 or shape[0] != rank:
        raise ValueError(f"map_coordinates: inputs of shape {shape_of(inputs)} need coordinates ({rank}, ...), got shape {shape}.")
    wide = widened(coordinates)
    places = [P.reshape(slice_axis(wide, 0, i, i + 1), shape=shape[1:]) for i in range(rank)]
    return narrowed(_sampled(widened(inputs), places, order, fill_mode, fill_value), dtype_of(inputs))


def _check_mode(mode: str, where: str) -> None:
    if mode not in FILL_MODES:
        raise ValueError(f"{where}: fill_mode must be one of {', '.join(map(repr, FILL_MODES))}, got {mode!r}.")


def _order(interpolation: str, where: str) -> int:
    if interpolation not in ORDERS:
        raise ValueError(f"{where}: interpolation must be 'nearest' or 'bilinear', got {interpolation!r}.")
    return ORDERS[interpolation]


def _grid(n: int, height: int, width: int, dtype: str) -> tuple[Tensor, Tensor]:
    """Column and row of each pixel, (N, H, W)."""
    return P.iota(shape=(n, height, width), axis=2, dtype=dtype), P.iota(shape=(n, height, width), axis=1, dtype=dtype)


def _projected(x: Tensor, transform: Tensor, order: int, mode: str, fill_value: Any) -> Tensor:
    """(N, H, W, C) under (N, 8) projective transforms, which lead from the result's pixels to the images'."""
    n, height, width, _ = shape_of(x)
    y = widened(x)
    columns, rows = _grid(n, height, width, dtype_of(y))
    transform = P.broadcast_to(P.cast(transform, dtype=dtype_of(y)), shape=(n, 8))
    c = [P.reshape(slice_axis(transform, 1, i, i + 1), shape=(n, 1, 1)) for i in range(8)]
    line = lambda a, b, shift: P.add(P.add(P.multiply(columns, a), P.multiply(rows, b)), shift)  # noqa: E731
    depth = line(c[6], c[7], 1.0)
    depth = P.where(P.equal(depth, 0), 1e-12, depth)  # on the horizon: far outside
    places = [P.divide(line(*c[3:6]), depth), P.divide(line(*c[:3]), depth)]
    return narrowed(_sampled(y, places, order, mode, fill_value, batch=True), dtype_of(x))


def _batched(transform: Tensor, images: Tensor, shape: tuple[int, ...], where: str, what: str) -> Tensor:
    """A transform for all images, or one for each, as (1, ...) or (N, ...)."""
    given = shape_of(transform)
    if given == shape:
        return P.reshape(transform, shape=(1, *shape))
    if given[1:] != shape or len(given) != len(shape) + 1 or (len(shape_of(images)) == 4 and given[0] not in (1, shape_of(images)[0])):
        raise ValueError(f"{where}: {what} must have the shape {shape}, or one such per image, got {given} for images {shape_of(images)}.")
    return transform


@op
def affine_transform(images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0, data_format=None):
    """Images under affine (or projective) maps.

    Args:
        images: (N, H, W, C), or (N, C, H, W) for "channels_first", or one image without N.
        transform: (N, 8) or (8,): a0 a1 a2 b0 b1 b2 c0 c1. The pixel of the result in column x and row y is that of the image at
            ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: what lies beyond the border, as in `map_coordinates`.
        data_format: "channels_last", "channels_first", or None for `config.image_data_format()`.

    Raises:
        ValueError: for another interpolation or fill_mode, or a transform that doesn't fit.
    """
    order = _order(interpolation, "affine_transform")
    _check_mode(fill_mode, "affine_transform")
    transform = _batched(transform, images, (8,), "affine_transform", "transform")
    return on_batch(images, data_format, "affine_transform", lambda x: _projected(x, transform, order, fill_mode, fill_value))


@op
def perspective_transform(images, start_points, end_points, interpolation="bilinear", fill_value=0, data_format=None):
    """Images under the projective maps that bring four `start_points` to `end_points`: (N, 4, 2) or (4, 2), each (column, row).

    images, interpolation, data_format: as in `affine_transform`. fill_value: what lies beyond the border.

    Raises:
        ValueError: for another interpolation, or points that don't fit.
    """
    order = _order(interpolation, "perspective_transform")
    starts, ends = (_batched(p, images, (4, 2), "perspective_transform", name) for p, name in ((start_points, "start_points"), (end_points, "end_points")))
    starts, ends = widened(starts), widened(ends)
    n = max(shape_of(starts)[0], shape_of(ends)[0])
    starts, ends = (P.broadcast_to(p, shape=(n, 4, 2)) for p in (starts, ends))
    (u, v), (x, y) = ([P.reshape(slice_axis(p, 2, i, i + 1), shape=(n, 4)) for i in (0, 1)] for p in (starts, ends))
    one, zero = P.full(shape=(n, 4), value=1, dtype=dtype_of(starts)), P.full(shape=(n, 4), value=0, dtype=dtype_of(starts))
    less = lambda a, b: P.negative(P.multiply(a, b))  # noqa: E731
    rows = [stack([x, y, one, zero, zero, zero, less(u, x), less(u, y)], -1), stack([zero, zero, zero, x, y, one, less(v, x), less(v, y)], -1)]
    system, sides = P.concatenate(*rows, axis=1), P.reshape(P.concatenate(u, v, axis=1), shape=(n, 8, 1))
    transform = P.reshape(P.solve(system, sides), shape=(n, 8))
    return on_batch(images, data_format, "perspective_transform", lambda x: _projected(x, transform, order, "constant", fill_value))


@op
def elastic_transform(
    images, alpha=20.0, sigma=5.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0, seed=None, data_format=None
):
    """Images bent by smooth random shifts (Simard et al., 2003).

    Args:
        images, interpolation, fill_mode, fill_value, data_format: as in `affine_transform`.
        alpha: how far: pixels by which the random numbers in [-1, 1), once smoothed, are multiplied.
        sigma: how smooth: the standard deviation of the Gaussian that smooths them, in pixels.
        seed: an int, a `SeedGenerator`, or None.
    """
    from cornu import random  # stands a floor above

    order = _order(interpolation, "elastic_transform")
    _check_mode(fill_mode, "elastic_transform")

    def body(x: Tensor) -> Tensor:
        n, height, width, _ = shape_of(x)
        y = widened(x)
        size = 2 * math.ceil(3 * sigma) + 1
        noise = random.uniform((n, height, width, 2), -1.0, 1.0, dtype=dtype_of(y), seed=seed)
        shifts = P.multiply(blurred(noise, (size, size), (sigma, sigma)), alpha)
        columns, rows = (
            P.add(place, P.reshape(slice_axis(shifts, 3, i, i + 1), shape=(n, height, width)))
            for i, place in enumerate(_grid(n, height, width, dtype_of(y)))
        )
        return narrowed(_sampled(y, [rows, columns], order, fill_mode, fill_value, batch=True), dtype_of(x))

    return on_batch(images, data_format, "elastic_transform", body)


export(globals())
