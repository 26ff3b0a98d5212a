"""Cases for matrix products, convolutions and pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cornu.contract.conformance.case import Case, cases_of
from cornu.contract.conformance.data import distinct, dtypes_of, numbers
from cornu.primitives.primitive import lookup

MATRICES = {
    "(2, 3) (3, 4)": ((2, 3), (3, 4)),
    "batches": ((5, 2, 3), (5, 3, 4)),
    "batch and one": ((5, 2, 3), (3, 4)),
    "batches broadcast": ((5, 1, 2, 3), (2, 3, 1)),
    "row and column": ((1, 3), (3, 1)),
}


@cases_of("matmul")
def matmul(primitive: str) -> Iterator[Case]:
    """Each dtype of numbers, batches that broadcast, sums over none."""
    for dtype in dtypes_of("buifc"):
        yield Case(primitive, f"{dtype}", (numbers(dtype, (2, 3)), numbers(dtype, (3, 4), seed=1)))
        yield Case(primitive, f"{dtype} over none", (numbers(dtype, (2, 0)), numbers(dtype, (0, 3))), compiled=dtype == "float32")
    for name, (first, second) in MATRICES.items():
        for dtype in ("float32", "float64"):
            operands = numbers(dtype, first), numbers(dtype, second, seed=1)
            gradient = (0, 1) if dtype == "float64" else ()
            yield Case(primitive, f"{dtype} {name}", operands, gradient=gradient, compiled=not gradient)
    for dtype in ("float32", "float16", "bfloat16"):  # what is not finite stays in its row and column
        rows, columns = numbers(dtype, (2, 3)), numbers(dtype, (3, 4), seed=1)
        rows[0, 2], columns[0, 0], columns[1, 1] = np.inf, np.inf, np.nan
        yield Case(primitive, f"{dtype} with infinity and NaN", (rows, columns))
    yield Case(primitive, "int32 with float16", (numbers("int32", (2, 3)), numbers("float16", (3, 2))))
    yield Case(primitive, "float32 no rows", (np.zeros((0, 2), "float32"), numbers("float32", (2, 3))))
    operands = numbers("complex128", (2, 3)), numbers("complex128", (3, 2), seed=1)
    yield Case(primitive, "complex128 (2, 3) (3, 2)", operands, gradient=(0, 1))


# name: spatial sizes, kernel sizes, channels, filters, and the parameters that differ from the plain ones
CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], int, int, dict[str, Any]]] = {
    "1-D": ((7,), (3,), 2, 3, {}),
    "1-D causal": ((7,), (3,), 2, 3, {"padding": ((4, 0),), "dilation": (2,)}),
    "2-D": ((5, 6), (3, 2), 2, 3, {}),
    "2-D same": ((5, 6), (3, 2), 2, 3, {"padding": ((1, 1), (0, 1))}),
    "2-D strides": ((6, 7), (3, 2), 2, 3, {"strides": (2, 3), "padding": ((0, 1), (1, 1))}),
    "2-D dilation": ((7, 6), (3, 2), 2, 3, {"dilation": (2, 3), "padding": ((1, 2), (0, 0))}),
    "2-D groups": ((5, 4), (3, 2), 4, 6, {"groups": 2}),
    "2-D depthwise": ((5, 4), (2, 3), 3, 6, {"groups": 3, "padding": ((1, 0), (1, 1))}),
    "2-D pointwise": ((3, 4), (1, 1), 3, 2, {"strides": (2, 2)}),
    "3-D": ((4, 3, 4), (2, 2, 3), 2, 2, {"padding": ((0, 1), (0, 0), (1, 1)), "strides": (2, 1, 1)}),
}


def _convolution(
    name: str, dtype: str, batch: int = 2
) -> tuple[np.ndarray, np.ndarray, dict[str, Any], tuple[int, ...]]:
    """Input, kernel, parameters and the shape of the result."""
    sizes, window, channels, filters, differing = CONVOLUTIONS[name]
    rank = len(sizes)
    params = {"strides": (1,) * rank, "padding": ((0, 0),) * rank, "dilation": (1,) * rank, "groups": 1, **differing}
    x = numbers(dtype, (batch, *sizes, channels))
    kernel = numbers(dtype, (*window, channels // params["groups"], filters), seed=1)
    return x, kernel, params, tuple(lookup("conv").result_shapes([x.shape, kernel.shape], params)[0])


@cases_of("conv", "conv_grad_input", "conv_grad_kernel")
def convolutions(primitive: str) -> Iterator[Case]:
    """Each float dtype; ranks, strides, padding, dilation, groups; an empty batch; gradients."""

    def case(name: str, dtype: str, batch: int = 2, **options: Any) -> Case:
        x, kernel, params, result = _convolution(name, dtype, batch)
        g = numbers(dtype, result, seed=2)
        operands: tuple[Any, ...] = x, kernel
        if primitive == "conv_grad_input":
            operands, params = (g, kernel), {"input_shape": x.shape, **params}
        if primitive == "conv_grad_kernel":
            operands, params = (x, g), {"kernel_shape": kernel.shape, **params}
        label = f"{dtype} {name}" if batch else f"{dtype} {name} empty batch"
        return Case(primitive, label, operands, params, **options)

    for dtype in ("bfloat16", "float16"):
        yield case("2-D", dtype)
    for name in CONVOLUTIONS:
        yield case(name, "float32", compiled=name in ("1-D causal", "2-D strides", "2-D depthwise"))
        yield case(name, "float64", gradient=(0, 1), batch=1)
    yield case("2-D", "float32", batch=0)


POOLS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "1-D": ((7,), {"window": (3,), "strides": (2,), "padding": ((0, 0),)}),
    "2-D": ((4, 6), {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}),
    "2-D overlapping": ((5, 6), {"window": (3, 2), "strides": (1, 1), "padding": ((0, 0), (0, 0))}),
    "2-D padded": ((5, 6), {"window": (3, 2), "strides": (2, 2), "padding": ((1, 1), (0, 1))}),
    "2-D gaps": ((5, 7), {"window": (1, 2), "strides": (2, 3), "padding": ((0, 0), (0, 0))}),
    "3-D tiles": ((2, 4, 6), {"window": (2, 2, 3), "strides": (2, 2, 3), "padding": ((0, 0), (0, 0), (0, 0))}),
    "3-D": ((3, 4, 4), {"window": (2, 2, 2), "strides": (1, 2, 2), "padding": ((1, 0), (0, 0), (0, 0))}),
}


@cases_of("max_pool", "sum_pool", "max_pool_grad", "sum_pool_grad")
def pools(primitive: str) -> Iterator[Case]:
    """Each float dtype; ranks, strides, padding; ties; an empty batch; gradients."""

    def case(name: str, dtype: str, batch: int = 2, x: np.ndarray | None = None, **options: Any) -> Case:
        sizes, params = POOLS[name]
        x = distinct(dtype, (batch, *sizes, 2)) if x is None else x
        forward = lookup("sum_pool" if "sum" in primitive else "max_pool")
        shape = tuple(forward.result_shapes([x.shape], params)[0])
        operands: tuple[Any, ...] = (x,)
        if primitive == "max_pool_grad":
            operands = x, np.asarray(forward.reference(x, **params)), numbers(dtype, shape, seed=1)
        if primitive == "sum_pool_grad":
            operands, params = (numbers(dtype, shape, seed=1),), {"input_shape": x.shape, **params}
        return Case(primitive, f"{dtype} {options.pop('label', name)}", operands, params, **options)

    for dtype in ("bfloat16", "float16"):
        yield case("2-D", dtype)
    differentiable = (2,) if primitive == "max_pool_grad" else (0,)
    for name in POOLS:
        yield case(name, "float32", compiled=name in ("1-D", "2-D padded"))
        yield case(name, "float64", batch=1, gradient=differentiable)
    yield case("2-D", "float32", batch=0, label="2-D empty batch")
    if primitive in ("max_pool", "max_pool_grad"):
        ties = np.array([[0, 0, 1, 0, 0, 0], [0, 0, 1, 1, 0, 0], [5, 5, 2, 0, -1, -1], [5, 5, 2, 2, -1, -1]], "float32")
        x = np.stack([ties, -ties], -1)[None]
        for name in ("2-D", "2-D overlapping"):
            yield case(name, "float32", x=x, label=f"{name} ties")
            yield case(name, "float64", x=x.astype("float64"), label=f"{name} ties", gradient=differentiable, kink=True)
        lowest = np.full((1, 5, 6, 2), -np.inf, "float32")
        if primitive == "max_pool":
            yield case("2-D padded", "float32", x=lowest, label="2-D of -inf")
            some = np.arange(60, dtype="float32").reshape(1, 5, 6, 2)
            some[0, 1, 1], some[0, 4, 4, 1], some[0, 2:4, 3:] = np.nan, np.nan, np.nan
            yield case("2-D padded", "float32", x=some, label="2-D with NaN")
            yield case("2-D", "float32", x=np.concatenate([some, lowest])[:, :4], label="2-D tiles of NaN and -inf")
