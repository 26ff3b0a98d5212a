"""Calls of ops with one argument wrong, by reflection: made of good calls and of what the parameters are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cornu import ops, random, tree, utils
from op_table.case import CASES

F = np.linspace(0.1, 0.9, 24, dtype="float32")
X, M, ROWS = F[:6].reshape(2, 3), F[:9].reshape(3, 3) + np.eye(3, dtype="float32"), np.array([0, 1], "int32")
IMAGES = np.tile(F, 6)[:108].reshape(1, 6, 6, 3)
BOXES = np.array([[1.0, 2, 4, 5], [0, 1, 3, 3]], "float32")

# Good calls of what the table of cases does not have.
Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]
LAST = {"data_format": "channels_last"}
WINDOWED = {"strides": 1, "padding": "valid", **LAST, "dilation_rate": 1}
LENGTHS = np.array([4], "int32")
CORNERS = F[:8].reshape(4, 2)
LOGITS = F[:12].reshape(1, 4, 3)
ELEMENTWISE = """relu relu6 leaky_relu sigmoid softplus log_sigmoid softsign silu swish elu selu celu gelu hard_sigmoid hard_silu
    hard_swish hard_tanh hard_shrink soft_shrink tanh_shrink squareplus sparse_plus sparse_sigmoid rsqrt erf erfinv erfc
    matrix_rank stop_gradient"""
ALONG_AN_AXIS = "softmax log_softmax sparsemax logsumexp norm rms_normalization layer_normalization normalize"


def ones(*shape: int) -> np.ndarray:
    """A tensor of ones."""
    return np.ones(shape, "float32")


GOOD: dict[str, Calls] = {
    **{name: [((X,), {})] for name in ELEMENTWISE.split()},
    **{name: [((X,), {"axis": -1})] for name in ALONG_AN_AXIS.split()},
    **{name: [((M,), {})] for name in "cholesky cholesky_inverse det logdet eig eigh inv lu_factor svd pinv".split()},
    **{name: [((M, M), {})] for name in "solve solve_triangular lstsq".split()},
    "qr": [((M,), {"mode": "reduced"})],
    "threshold": [((X, 0.5, 0.0), {})],
    "glu": [((X[:, :2],), {"axis": -1})],
    "cdist": [((X, X), {})],
    "top_k": [((X,), {"k": 2})],
    "in_top_k": [((ROWS, X, 2), {})],
    **{f"segment_{name}": [((X, ROWS), {"num_segments": 2})] for name in "sum prod max min".split()},
    "cast": [((X, "float16"), {})],
    "saturate_cast": [((X, "int8"), {})],
    "convert_to_tensor": [((X,), {"dtype": "float32"})],
    "slice": [((X, (0, 1), (1, 2)), {})],
    "slice_update": [((X, (0, 1), X[:1, :2]), {})],
    "scatter": [((ROWS[:, None], X, (4, 3)), {})],
    "scatter_update": [((X, ROWS[:, None], X), {"reduction": "add"})],
    "unstack": [((X,), {"num": 2, "axis": 0})],
    **{name: [(((X, X),), {})] for name in "fft fft2 ifft2".split()},
    "rfft": [((X,), {"fft_length": 4})],
    "irfft": [(((X, X),), {"fft_length": 4})],
    "extract_sequences": [((F, 8, 4), {})],
    "stft": [((F, 8, 4, 8), {"window": "hann"})],
    "istft": [(((F[:15].reshape(3, 5),) * 2, 8, 4, 8), {"length": 12, "window": "hann"})],
    "view_as_complex": [((X[:, :2],), {})],
    "view_as_real": [((X.astype("complex64"),), {})],
    "dot_product_attention": [((F.reshape(2, 3, 2, 2),) * 3, {})],
    "lstm": [((F.reshape(2, 4, 3), X[:, :2], X[:, :2], ones(3, 8), ones(2, 8)), {"bias": F[:8]})],
    "conv": [((IMAGES, ones(2, 2, 3, 4)), WINDOWED)],
    "depthwise_conv": [((IMAGES, ones(2, 2, 3, 2)), WINDOWED)],
    "separable_conv": [((IMAGES, ones(2, 2, 3, 2), ones(1, 1, 6, 2)), WINDOWED)],
    "conv_transpose": [((IMAGES, ones(2, 2, 4, 3)), {**WINDOWED, "strides": 2, "output_padding": 1})],
    "unfold": [((IMAGES, 2), {"dilation": 1, "padding": 0, "stride": 1})],
    "fold": [((F[:16].reshape(1, 4, 4), (3, 3), 2), {"dilation": 1, "padding": 0, "stride": 1})],
    "depth_to_space": [((ones(1, 2, 2, 4), 2), LAST)],
    "space_to_depth": [((IMAGES, 2), LAST)],
    "ctc_loss": [((np.array([[1, 2]], "int32"), LOGITS, np.array([2], "int32"), LENGTHS), {})],
    "ctc_decode": [
        ((LOGITS, LENGTHS), {"strategy": "greedy"}),
        ((LOGITS, LENGTHS), {"strategy": "beam_search", "beam_width": 4, "top_paths": 1}),
    ],
    "one_hot": [((ROWS, 3), {"axis": -1, "dtype": "float32"})],
    "multi_hot": [((ROWS, 3), {"axis": -1, "dtype": "float32"})],
    "polar": [((X, X), {})],
    "psnr": [((X, X, 1.0), {})],
    "binary_crossentropy": [((X, X), {})],
    "categorical_crossentropy": [((X, X), {"axis": -1})],
    "sparse_categorical_crossentropy": [((ROWS, X), {"axis": -1})],
    "moments": [((X, [0]), {})],
    "batch_normalization": [((X, F[:3], F[:3], -1), {"offset": F[:3], "scale": F[:3]})],
    **{f"{name}_pool": [((IMAGES, 2), {"strides": 2, "padding": "valid", **LAST})] for name in ("max", "average")},
    **{f"adaptive_{name}_pool": [((IMAGES, 2), LAST)] for name in ("max", "average")},
    "associative_scan": [((np.add, X), {"axis": 0})],
    "rearrange": [((X, "a b -> b a"), {})],
    **{f"image.{name}": [((IMAGES,), LAST)] for name in "rgb_to_grayscale rgb_to_hsv hsv_to_rgb sobel_edges".split()},
    "image.extract_patches": [((IMAGES, 2), {**WINDOWED, "strides": 2})],
    "image.extract_patches_3d": [((IMAGES[:, None], (1, 2, 2)), WINDOWED)],
    "image.pad_images": [((IMAGES, 1, 1, 1, 1), LAST)],
    "image.crop_images": [((IMAGES, 1, 1, 1, 1), LAST)],
    "image.gaussian_blur": [((IMAGES,), {"kernel_size": (3, 3), "sigma": (1.0, 1.0), **LAST})],
    "image.ssim": [((IMAGES, IMAGES), {"filter_size": 3, **LAST})],
    "image.resize": [((IMAGES, (3, 3)), {"interpolation": "bilinear", "fill_mode": "constant", **LAST})],
    "image.scale_and_translate": [((IMAGES, (1, 3, 3, 3), ones(2), ones(2), (1, 2), "linear"), {})],
    "image.map_coordinates": [((X, ones(2, 4), 1), {"fill_mode": "constant"})],
    "image.affine_transform": [((IMAGES, F[:8]), {"interpolation": "bilinear", "fill_mode": "constant", **LAST})],
    "image.perspective_transform": [((IMAGES, CORNERS, np.flip(CORNERS) ** 2), {"interpolation": "bilinear", **LAST})],
    "image.elastic_transform": [((IMAGES,), {"interpolation": "bilinear", "fill_mode": "constant", "seed": 1, **LAST})],
    **{f"random.{name}": [(((2, 3),), {"dtype": "float32", "seed": 1})] for name in "uniform normal truncated_normal".split()},
    "random.randint": [(((2, 3), 0, 5), {"dtype": "int32", "seed": 1})],
    "random.dropout": [((X, 0.5), {"seed": 1})],
    "random.shuffle": [((X,), {"axis": 0, "seed": 1})],
    "random.categorical": [((X, 2), {"dtype": "int32", "seed": 1})],
    "random.gamma": [(((2, 3), 1.0), {"dtype": "float32", "seed": 1})],
    "random.beta": [(((2, 3), 1.0, 1.0), {"dtype": "float32", "seed": 1})],
    "random.binomial": [(((2, 3), 4, 0.5), {"dtype": "float32", "seed": 1})],
    "utils.to_categorical": [((ROWS,), {"num_classes": 3})],
    "utils.normalize": [((X,), {"axis": -1})],
    "utils.pad_sequences": [(([[1], [2, 3]],), {"maxlen": 3, "dtype": "int32", "padding": "pre", "truncating": "pre"})],
    "utils.bounding_boxes.convert_format": [((BOXES, "xyxy", "xywh"), {"dtype": "float32"})],
    "utils.bounding_boxes.compute_iou": [((BOXES, BOXES, "xyxy"), {})],
    "utils.bounding_boxes.clip_to_image_size": [(({"boxes": BOXES, "labels": ROWS}, 6, 6), {"bounding_box_format": "xyxy"})],
}  # fmt: skip

# What parameters of these names hold.
AXES = "axis axes axis1 axis2 axisa axisb axisc source destination spatial_dims".split()
WORDS = """padding mode data_format interpolation reduction method indexing side fill_mode window strategy truncating source
    target bounding_box_format"""
SIZES = """num k N M n num_classes num_segments repeats pad_width fft_length length maxlen num_samples shape newshape output_shape
    padding minlength size"""  # of which none can be negative
POSITIVE = """block_size pool_size strides stride dilation dilation_rate kernel_size output_size bins sequence_length
    sequence_stride beam_width top_paths filter_size"""  # nor 0
NO_SIZE = {(op, "k") for op in "rot90 eye tri tril triu diag diagonal diagflat".split()}  # a number of turns, or a diagonal


@dataclass(frozen=True)
class BadCall:
    """A call with a wrong argument.

    what: that one. kind: "axis", "dtype", "name", "size", "tensor" (it is none) must be refused; "rank" (or shape) may be taken.
    """

    op: str
    kind: str
    what: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def run(self, convert: Callable[[np.ndarray], Any]) -> Any:
        """The call, with `convert` of each array."""
        given = (list(self.args), self.kwargs)
        args, kwargs = tree.map_structure(lambda x: convert(x) if isinstance(x, np.ndarray) else x, given)
        return find(self.op)(*args, **kwargs)


def find(op: str) -> Callable[..., Any]:
    """The function of that name."""
    found: Any = {"random": random, "utils": utils, "image": ops}.get(op.partition(".")[0])
    if found is None:
        return getattr(ops, op)
    for part in op.split(".")[0 if found is ops else 1 :]:
        found = getattr(found, part)
    return found


def good_calls() -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """An op, and arguments that it takes; of each op several, with all that its parameters can be given."""
    for op, cases in CASES.items():
        seen: set[Any] = set()
        for case in cases:
            key = tuple(sorted(case.kwargs)), len(case.args), tuple(type(x) for x in case.args)
            arrays = case.arrays()
            if key not in seen and all(0 not in x.shape for x in arrays):
                seen.add(key)
                yield op, case.args, case.kwargs
    for op, calls in GOOD.items():
        for args, kwargs in calls:
            yield op, args, kwargs


class Thing:
    """Nothing that can be computed with."""

    def __repr__(self) -> str:
        return "<Thing>"


def _wrong(op: str, name: str, value: Any, default: Any) -> Iterator[tuple[str, Any]]:
    """Kind and value of what is wrong for a parameter that may have this value."""
    several = isinstance(value, (list, tuple)) and value and all(isinstance(x, int) for x in value)
    put = lambda wrong: type(value)([*value[:-1], wrong]) if several else wrong  # noqa: E731
    if name in AXES and (value is None or isinstance(value, (int, list, tuple))):
        yield from (("axis", put(wrong)) for wrong in (9, -9, 1.5, "x"))
    if name == "dtype":
        yield from (("dtype", wrong) for wrong in ("float33", Thing()))
    if name in WORDS.split() and (isinstance(value, str) or isinstance(default, str)):
        yield from (("name", wrong) for wrong in ("no such", Thing()))
    if name in f"{SIZES} {POSITIVE}".split() and (op, name) not in NO_SIZE and not isinstance(value, (str, np.ndarray)):
        yield from (("size", put(wrong)) for wrong in ((-3, 1.5, "x") if name in SIZES.split() else (-3, 0, 1.5, "x")))


def bad_calls() -> Iterator[BadCall]:
    """All of them."""
    seen: set[Any] = set()
    for op, args, kwargs in good_calls():
        signature = inspect.signature(find(op))
        parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        bound = signature.bind(*args, **kwargs)
        given = {key: x for key, x in bound.arguments.items() if key != "kwargs"} | bound.arguments.get("kwargs", {})
        for p in parameters:
            if p.kind is p.VAR_POSITIONAL:
                continue
            default = None if p.default is p.empty else p.default
            value = given.get(p.name, default)
            wrongs = list(_wrong(op, p.name, value, default))
            if isinstance(value, np.ndarray) and not variadic:
                wrongs += [("tensor", "text"), ("tensor", Thing()), *[("rank", x) for x in _reshaped(value)]]
            for kind, wrong in wrongs:
                shown = f"{wrong.dtype}{list(wrong.shape)}" if isinstance(wrong, np.ndarray) else repr(wrong)
                if (op, p.name, shown) not in seen:
                    seen.add((op, p.name, shown))
                    changed = (args, {**kwargs, p.name: wrong}) if variadic else ((), {**given, p.name: wrong})
                    yield BadCall(op, kind, f"{p.name}={shown}", *changed)


def _reshaped(x: np.ndarray) -> Iterator[np.ndarray]:
    """A scalar, a tensor of rank 5, and other sizes."""
    yield np.array(0.5, x.dtype)
    yield np.resize(x, (2,) * 5)
    yield np.resize(x, (*x.shape[:-1], 7))
    if x.ndim > 1:
        yield np.resize(x, (7, *x.shape[1:]))
