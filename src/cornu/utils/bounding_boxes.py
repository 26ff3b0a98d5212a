"""Bounding boxes: (..., 4) in one of the formats below, alone or as {"boxes": (..., n, 4), "labels": (..., n)}.

x runs along the width, y along the height, in pixels; formats that begin with "rel_" in fractions of the image's size.
"""

from __future__ import annotations

import math
from typing import Any

from cornu import config, ops
from cornu.ops.common import shape_of
from cornu.ops.complaint import named

# Format -> its parts: both corners, or the first corner and the size, or the center and the size.
_ORDERS = {"xyxy": "corners", "yxyx": "corners", "xywh": "corner", "center_xywh": "center", "center_yxhw": "center"}
_ROWS_FIRST = ("yxyx", "center_yxhw")
FORMATS = (*_ORDERS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def _parts(boxes: Any) -> list[Any]:
    return ops.split(boxes, 4, axis=-1)


def _to_xyxy(boxes: Any, kind: str) -> Any:
    a, b, c, d = _parts(boxes)
    if kind in _ROWS_FIRST:
        a, b, c, d = b, a, d, c
    if _ORDERS[kind] == "corner":
        c, d = ops.add(a, c), ops.add(b, d)
    elif _ORDERS[kind] == "center":
        half = ops.multiply(c, 0.5), ops.multiply(d, 0.5)
        a, b, c, d = ops.subtract(a, half[0]), ops.subtract(b, half[1]), ops.add(a, half[0]), ops.add(b, half[1])
    return ops.concatenate([a, b, c, d], axis=-1)


def _from_xyxy(boxes: Any, kind: str) -> Any:
    a, b, c, d = _parts(boxes)
    if _ORDERS[kind] != "corners":
        width, height = ops.subtract(c, a), ops.subtract(d, b)
        if _ORDERS[kind] == "center":
            a, b = ops.multiply(ops.add(a, c), 0.5), ops.multiply(ops.add(b, d), 0.5)
        c, d = width, height
    return ops.concatenate([b, a, d, c] if kind in _ROWS_FIRST else [a, b, c, d], axis=-1)


def _format(name: Any, where: str) -> str:
    if name not in FORMATS:
        raise ValueError(f"{where}: bounding box formats are {', '.join(map(repr, FORMATS))}, got {name!r}.")
    return str(name)


def _check(boxes: Any, where: str, *formats: str) -> None:
    for name in formats:
        _format(name, where)
    if not shape_of(boxes) or shape_of(boxes)[-1] != 4:
        raise ValueError(f"{where}: boxes must have 4 numbers along their last axis, got shape {shape_of(boxes)}.")


def _scale(boxes: Any, width: Any, height: Any) -> Any:
    a, b, c, d = _parts(boxes)
    return ops.concatenate(
        [ops.multiply(a, width), ops.multiply(b, height), ops.multiply(c, width), ops.multiply(d, height)], axis=-1
    )


def _converted(boxes: Any, source: str, target: str, height: Any, width: Any, where: str) -> Any:
    _check(boxes, where, source, target)
    relative = [name.startswith("rel_") for name in (source, target)]
    if relative[0] != relative[1] and (height is None or width is None):
        raise ValueError(f"{where}: height and width are needed between {source!r} and {target!r}.")
    if source == target:
        return boxes
    corners = _to_xyxy(boxes, source.removeprefix("rel_"))
    if relative == [True, False]:
        corners = _scale(corners, width, height)
    elif relative == [False, True]:
        corners = _scale(corners, 1 / width, 1 / height)
    return _from_xyxy(corners, target.removeprefix("rel_"))


def _on_boxes(boxes: Any, function: Any, dtype: Any = None) -> Any:
    """`function` of the boxes, given alone or among labels."""
    if isinstance(boxes, dict):
        return {**boxes, "boxes": _on_boxes(boxes["boxes"], function, dtype)}
    return function(ops.cast(boxes, dtype or config.floatx()))


@named
def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """`boxes` in another of the module's formats, from `source` to `target`.

    height, width: of the images, in pixels, needed between relative and absolute formats. dtype: of the result.

    Raises:
        ValueError: for unknown formats, missing sizes, or what is no box.
    """
    return _on_boxes(boxes, lambda b: _converted(b, source, target, height, width, "convert_format"), dtype)


@named
def clip_to_image_size(bounding_boxes: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy") -> Any:
    """`bounding_boxes`, a dictionary of boxes and labels, the boxes cut at the image's borders.

    Where nothing is left of a box its label is -1. height, width: of the images, in pixels; not needed for a relative
    `bounding_box_format`.

    Raises:
        ValueError: for another dictionary, unknown formats, or missing sizes.
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError('clip_to_image_size: expected a dictionary with "boxes" and "labels".')
    relative = _format(bounding_box_format, "clip_to_image_size").startswith("rel_")
    if not relative and (height is None or width is None):
        raise ValueError(f"clip_to_image_size: height and width are needed for the format {bounding_box_format!r}.")
    boxes = ops.cast(bounding_boxes["boxes"], config.floatx())
    _check(boxes, "clip_to_image_size", bounding_box_format)
    plain = bounding_box_format.removeprefix("rel_")
    x1, y1, x2, y2 = _parts(_to_xyxy(boxes, plain))
    limits = (1, 1) if relative else (width, height)
    cut = ops.concatenate([ops.clip(v, 0, limits[i % 2]) for i, v in enumerate((x1, y1, x2, y2))], axis=-1)
    left, top, right, bottom = _parts(cut)
    area = ops.squeeze(ops.multiply(ops.subtract(right, left), ops.subtract(bottom, top)), -1)
    labels = ops.where(ops.greater(area, 0), bounding_boxes["labels"], -1)
    return {**bounding_boxes, "boxes": _from_xyxy(cut, plain), "labels": labels}


def _absolute(name: str, where: str) -> None:
    if _format(name, where).startswith("rel_"):
        raise ValueError(f"{where}: the format must be in pixels, got {name!r}; use convert_format first.")


@named
def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """`boxes` of an image of which the part at (top, left) with this height and width, in pixels, is cut out.

    bounding_box_format: of the boxes and the result, in pixels.

    Raises:
        ValueError: for a relative or unknown format.
    """
    _absolute(bounding_box_format, "crop")

    def cropped(b: Any) -> Any:
        corners = _parts(_converted(b, bounding_box_format, "xyxy", None, None, "crop"))
        moved = [ops.clip(ops.subtract(v, (left, top)[i % 2]), 0, (width, height)[i % 2]) for i, v in enumerate(corners)]
        return _from_xyxy(ops.concatenate(moved, axis=-1), bounding_box_format)

    return _on_boxes(boxes, cropped)


@named
def pad(boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy") -> Any:
    """`boxes` of an image with `top` rows and `left` columns added before.

    height, width: without effect. bounding_box_format, errors: as in `crop`.
    """
    _absolute(bounding_box_format, "pad")

    def padded(b: Any) -> Any:
        corners = _parts(_converted(b, bounding_box_format, "xyxy", height, width, "pad"))
        moved = [ops.add(v, (left, top)[i % 2]) for i, v in enumerate(corners)]
        return _from_xyxy(ops.concatenate(moved, axis=-1), bounding_box_format)

    return _on_boxes(boxes, padded)


def _corners(boxes: Any, name: str, image_shape: Any, where: str) -> list[Any]:
    height, width = (image_shape[0], image_shape[1]) if image_shape is not None else (None, None)
    boxes = ops.cast(boxes, config.floatx())
    return [ops.squeeze(v, -1) for v in _parts(_converted(boxes, name, "xyxy", height, width, where))]


def _overlap(first: Any, second: Any) -> tuple[Any, Any]:
    """Area of intersection and of union of boxes as lists of corners."""
    sides = [
        ops.maximum(ops.subtract(ops.minimum(first[i + 2], second[i + 2]), ops.maximum(first[i], second[i])), 0) for i in (0, 1)
    ]
    shared = ops.multiply(*sides)
    areas = [ops.multiply(ops.subtract(b[2], b[0]), ops.subtract(b[3], b[1])) for b in (first, second)]
    return shared, ops.subtract(ops.add(*areas), shared)


def _quotient(a: Any, b: Any) -> Any:
    """a / b; 0 where b is 0."""
    nothing = ops.equal(b, 0)
    return ops.where(nothing, 0.0, ops.divide(a, ops.where(nothing, 1.0, b)))


@named
def compute_iou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False, mask_val: float = -1, image_shape: Any = None
) -> Any:
    """Intersection over union of all pairs of boxes1 (..., n, 4) and boxes2 (..., m, 4): (..., n, m).

    use_masking: pairs with a box that is `mask_val` throughout give -1. bounding_box_format: of both. image_shape: (height,
    width, ...), for relative formats.
    """
    first = [ops.expand_dims(v, -1) for v in _corners(boxes1, bounding_box_format, image_shape, "compute_iou")]
    second = [ops.expand_dims(v, -2) for v in _corners(boxes2, bounding_box_format, image_shape, "compute_iou")]
    found = _quotient(*_overlap(first, second))
    if not use_masking:
        return found
    masked = [ops.all(ops.equal(b, mask_val), axis=-1) for b in (boxes1, boxes2)]
    return ops.where(ops.logical_or(ops.expand_dims(masked[0], -1), ops.expand_dims(masked[1], -2)), -1.0, found)


@named
def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Any:
    """Complete intersection over union (Zheng et al., 2020), box by box: of boxes1 (..., 4) and boxes2 (..., 4), (...).

    bounding_box_format, image_shape: as in `compute_iou`.
    """
    first, second = (_corners(b, bounding_box_format, image_shape, "compute_ciou") for b in (boxes1, boxes2))
    iou = _quotient(*_overlap(first, second))
    square = lambda a, b: ops.square(ops.subtract(a, b))  # noqa: E731
    apart = [ops.divide(square(ops.add(first[i], first[i + 2]), ops.add(second[i], second[i + 2])), 4) for i in (0, 1)]
    hull = [square(ops.maximum(first[i + 2], second[i + 2]), ops.minimum(first[i], second[i])) for i in (0, 1)]
    angles = [ops.arctan2(ops.subtract(b[2], b[0]), ops.subtract(b[3], b[1])) for b in (first, second)]
    unlike = ops.multiply(square(*angles), 4 / math.pi**2)
    weight = _quotient(unlike, ops.add(ops.subtract(1, iou), unlike))
    return ops.subtract(ops.subtract(iou, _quotient(ops.add(*apart), ops.add(*hull))), ops.multiply(weight, unlike))


def _centers(boxes: Any, name: str, encoding: str, image_shape: Any, where: str) -> tuple[Any, Any]:
    """Centers and sizes, each (..., 2), in the encoding's order."""
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"{where}: the encoding must be 'center_xywh' or 'center_yxhw', got {encoding!r}.")
    height, width = (image_shape[0], image_shape[1]) if image_shape is not None else (None, None)
    boxes = _converted(ops.cast(boxes, config.floatx()), name, encoding, height, width, where)
    return tuple(ops.split(boxes, 2, axis=-1))  # type: ignore[return-value]


@named
def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Boxes as seen from anchors: distances of centers in sizes of the anchor, logarithms of the sizes' ratio.

    Args:
        anchors, boxes: (..., 4), in anchor_format and box_format.
        encoding_format: "center_xywh" or "center_yxhw", the order of the four numbers.
        variance: four numbers by which they are divided; None: 1.
        image_shape: (height, width, ...), for relative formats.

    Raises:
        ValueError: for unknown formats, or missing sizes.
    """
    center, size = _centers(anchors, anchor_format, encoding_format, image_shape, "encode_box_to_deltas")
    box_center, box_size = _centers(boxes, box_format, encoding_format, image_shape, "encode_box_to_deltas")
    deltas = ops.concatenate([ops.divide(ops.subtract(box_center, center), size), ops.log(ops.divide(box_size, size))], axis=-1)
    return deltas if variance is None else ops.divide(deltas, ops.cast(variance, ops.dtype(deltas)))


@named
def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Inverse of `encode_box_to_deltas`; dictionaries of anchors and deltas (by level) give one of boxes.

    boxes_delta: (..., 4), what that function gave in encoded_format. The others: as in `encode_box_to_deltas`.
    """
    if isinstance(anchors, dict):
        rest = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {level: decode_deltas_to_boxes(anchors[level], boxes_delta[level], *rest) for level in anchors}
    center, size = _centers(anchors, anchor_format, encoded_format, image_shape, "decode_deltas_to_boxes")
    deltas = boxes_delta if variance is None else ops.multiply(boxes_delta, ops.cast(variance, ops.dtype(boxes_delta)))
    shift, growth = ops.split(deltas, 2, axis=-1)
    moved = ops.concatenate([ops.add(center, ops.multiply(shift, size)), ops.multiply(ops.exp(growth), size)], axis=-1)
    height, width = (image_shape[0], image_shape[1]) if image_shape is not None else (None, None)
    return _converted(moved, encoded_format, box_format, height, width, "decode_deltas_to_boxes")


@named
def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """The boxes around boxes that are moved, sheared, rotated and magnified with their image, as Keras composes these.

    Args:
        boxes: (N, n, 4).
        angle, shear_x, shear_y: (N,) degrees; translate_x, translate_y: (N,) fractions of width - 1 and height - 1; scale: (N,).
        height, width: of the images, in pixels.
        center_x, center_y: what stays in place, in pixels; the image's middle by default.
        bounding_box_format: of the boxes and the result.
    """
    radians = lambda degrees: ops.multiply(ops.cast(degrees, config.floatx()), math.pi / 180)  # noqa: E731
    column = lambda v: ops.expand_dims(ops.cast(v, config.floatx()), -1)  # noqa: E731
    center = ((width - 1) / 2 if center_x is None else center_x, (height - 1) / 2 if center_y is None else center_y)
    cos, sin = column(ops.cos(radians(angle))), column(ops.sin(radians(angle)))
    a, b = column(ops.tan(radians(shear_x))), column(ops.tan(radians(shear_y)))
    ab, size = ops.multiply(a, b), column(scale)
    shift = ops.multiply(column(translate_x), width - 1), ops.multiply(column(translate_y), height - 1)
    sums = lambda *terms: ops.sum(ops.stack([ops.multiply(*term) for term in terms]), axis=0)  # noqa: E731

    def moved(x: Any, y: Any) -> tuple[Any, Any]:
        x, y = ops.add(ops.subtract(x, center[0]), shift[0]), ops.add(ops.subtract(y, center[1]), shift[1])
        turned, back = sums((cos, x), (sin, y)), sums((sin, x), (cos, y))
        right = ops.subtract(
            ops.add(turned, ops.multiply(a, back)), ops.multiply(ab, ops.subtract(ops.multiply(cos, x), ops.multiply(sin, y)))
        )
        down = ops.add(ops.subtract(ops.multiply(cos, y), ops.multiply(sin, x)), ops.multiply(b, turned))
        return ops.add(ops.multiply(size, right), center[0]), ops.add(ops.multiply(size, down), center[1])

    def transformed(given: Any) -> Any:
        corners = _converted(given, bounding_box_format, "xyxy", height, width, "affine_transform")
        x1, y1, x2, y2 = (ops.squeeze(v, -1) for v in _parts(corners))
        columns, rows = zip(*[moved(x, y) for x in (x1, x2) for y in (y1, y2)], strict=True)
        ends = [reduce(ops.stack(list(v)), axis=0) for reduce in (ops.min, ops.max) for v in (columns, rows)]
        return _converted(ops.stack(ends, axis=-1), "xyxy", bounding_box_format, height, width, "affine_transform")

    return _on_boxes(boxes, transformed)
