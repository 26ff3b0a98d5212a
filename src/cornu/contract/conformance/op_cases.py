"""Cases for derived ops of which an engine may have a native form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cornu.contract.conformance.data import edges, numbers


@dataclass(frozen=True)
class OpCase:
    """A call of an op: arguments, with NumPy arrays for tensors, and keywords. gradient: whether to compare gradients too."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    gradient: bool = True


Generator = Callable[[], Iterator[OpCase]]
OP_CASES: dict[str, Generator] = {}


def op_cases(*ops: str) -> Callable[[Generator], Generator]:
    """Decorator: this function yields the cases of these ops."""

    def enter(generator: Generator) -> Generator:
        OP_CASES.update(dict.fromkeys(ops, generator))
        return generator

    return enter


HALVES = ("bfloat16", "float16")
SINGLE = "float32"


@op_cases("relu", "relu6", "leaky_relu", "softplus", "log_sigmoid", "softsign", "silu", "elu", "selu", "gelu", "sigmoid", "tanh")
@op_cases("hard_sigmoid", "hard_silu", "square")
def activations() -> Iterator[OpCase]:
    """Each float dtype, integers, the edges, a gradient at zero."""
    yield OpCase("float32", (numbers(SINGLE, (2, 3), -4, 4),))
    for dtype in HALVES:
        yield OpCase(dtype, (numbers(dtype, (2, 3), -4, 4),))
    yield OpCase("int32", (numbers("int32", (4,), -3, 3),))
    yield OpCase("float32 edges", (edges(SINGLE),), gradient=False)
    yield OpCase("float32 zero", (np.zeros(3, SINGLE),))
    yield OpCase("float32 scalar", (numbers(SINGLE, ()),))


@op_cases("softmax", "log_softmax")
def softmax() -> Iterator[OpCase]:
    """Axes, large logits, -inf, half precision."""
    x = numbers(SINGLE, (2, 3, 4), -4, 4)
    for axis in (-1, 0, 1):
        yield OpCase(f"float32 axis {axis}", (x,), {"axis": axis})
    for dtype in HALVES:
        yield OpCase(dtype, (x.astype(dtype) if dtype == "float16" else numbers(dtype, (2, 5)),))
    yield OpCase("float32 large", (np.array([[1e4, 0, -1e4], [-1e30, -1e30, 0]], SINGLE),))
    yield OpCase("float32 with -inf", (np.array([[1, -np.inf, 2]], SINGLE),))
    yield OpCase("int32", (numbers("int32", (2, 3)),))


@op_cases("logsumexp", "mean", "var", "std", "sum", "max", "min", "prod")
def reductions() -> Iterator[OpCase]:
    """All, one and several axes, keepdims, integers."""
    x = numbers(SINGLE, (2, 3, 4))
    for axis in (None, 1, -1, (0, 2)):
        for keepdims in (False, True):
            yield OpCase(f"float32 axis {axis} keepdims {keepdims}", (x,), {"axis": axis, "keepdims": keepdims})
    yield OpCase("float16", (numbers("float16", (2, 3)),), {"axis": 1})
    yield OpCase("int32", (numbers("int32", (2, 3)),), {"axis": 1})


@op_cases("moments")
def moments() -> Iterator[OpCase]:
    """Axes and keepdims."""
    x = numbers(SINGLE, (2, 3, 4))
    yield OpCase("float32", (x, (0, 1)))
    yield OpCase("float32 keepdims", (x, (2,), True))
    yield OpCase("float16", (numbers("float16", (4, 3)), (0,)))


@op_cases("top_k")
def top_k() -> Iterator[OpCase]:
    """Equals, NaNs, zeros of both signs; integers."""
    yield OpCase("float32", (numbers(SINGLE, (2, 3, 5)), 2))
    yield OpCase("float32 all", (numbers(SINGLE, (2, 5)), 5))
    yield OpCase("float32 equals", (np.array([[0.0, 3, -0.0, 3, -1, 0.0], [-1, -1, -1, -2, -1, -1]], SINGLE), 4), gradient=False)
    special = np.array([[np.inf, 1, np.nan, -np.nan, -np.inf, np.inf], [-np.inf] * 6], SINGLE)
    yield OpCase("float32 edges", (special, 6), gradient=False)
    yield OpCase("float16", (numbers("float16", (2, 5)), 3))
    yield OpCase("int32", (np.array([[3, -3, 3, 2**31 - 1, -(2**31)]], "int32"), 4))


@op_cases("concatenate")
def concatenate() -> Iterator[OpCase]:
    """Axes, several dtypes together, one tensor alone."""
    pair = [numbers(SINGLE, (2, 3)), numbers(SINGLE, (2, 1))]
    for axis in (1, -1):
        yield OpCase(f"float32 axis {axis}", (pair, axis))
    yield OpCase("float32 flattened", (pair, None))
    yield OpCase("float32 one", ([pair[0]],))
    yield OpCase("float32 and others", ([pair[0], numbers("float16", (2, 3)), numbers("int32", (1, 3))],))


@op_cases("one_hot")
def one_hot() -> Iterator[OpCase]:
    """Indices outside, axes, dtypes."""
    x = np.array([[0, 2], [3, -1]], "int32")
    yield OpCase("int32", (x, 3))
    for axis in (0, 1, -1):
        yield OpCase(f"int32 axis {axis}", (x, 3), {"axis": axis})
    yield OpCase("int64 to bool", (x.astype("int64"), 3), {"dtype": "bool"})


@op_cases("clip")
def clip() -> Iterator[OpCase]:
    """Numbers and tensors as bounds."""
    yield OpCase("float32", (numbers(SINGLE, (2, 3)), -0.5, 1.0))
    yield OpCase("float32 edges", (edges(SINGLE), -1, 1), gradient=False)
    yield OpCase("int32", (numbers("int32", (2, 3)), 0, 1))


@op_cases("take")
def take() -> Iterator[OpCase]:
    """Axes; negative indices, and those out of range; the same one more than once."""
    x = numbers(SINGLE, (3, 4))
    for axis in (None, 0, 1, -1):
        yield OpCase(f"float32 axis {axis}", (x, np.array([2, 0, 2], "int32")), {"axis": axis})
    yield OpCase("float32 negative", (x, np.array([-1, -3, 1], "int64"), 0))
    yield OpCase("float32 out of range", (x, np.array([-9, 5, 1], "int32"), 0))
    yield OpCase("int32 matrix of int8", (numbers("int32", (3, 4)), np.array([[2, 0], [1, -1]], "int8"), 1))
    for axis in (0, 1):
        yield OpCase(f"float32 number axis {axis}", (x, np.array(1, "int32"), axis))
    for axis in (0, 1):
        yield OpCase(f"float32 matrix axis {axis}", (x, np.array([[2, 0], [1, -1]], "int32"), axis))


@op_cases("get_item")
def get_item() -> Iterator[OpCase]:
    """Numbers, slices, new axes, tensors of indices."""
    x = numbers(SINGLE, (3, 4, 5))
    keys = (1, -1, slice(1, 3), slice(None, None, 2), slice(None, None, -1), slice(-9, 9), slice(2, 1), None, ...)
    for key in (*keys, (..., 2), (0, None, slice(1, -1)), (1, 2, 3), (slice(None), -2)):
        yield OpCase(f"float32 {key}", (x, key))
    yield OpCase("float32 indices", (x, np.array([2, -1], "int32")))
    yield OpCase("int32 number", (numbers("int32", (3, 2)), 1))


@op_cases("where")
def where() -> Iterator[OpCase]:
    """Broadcasting and promotion."""
    yield OpCase("float32", (numbers("bool", (2, 1)), numbers(SINGLE, (3,)), numbers(SINGLE, (2, 3), seed=1)))
    yield OpCase("float32 with weak int", (numbers("bool", (2, 3)), numbers(SINGLE, (2, 3)), 0))


@op_cases("matmul", "dot")
def products() -> Iterator[OpCase]:
    """Vectors, matrices, integers."""
    a, b = numbers(SINGLE, (2, 3)), numbers(SINGLE, (3, 4), seed=1)
    yield OpCase("float32", (a, b))
    yield OpCase("float32 vector and matrix", (a[0], b))
    yield OpCase("float32 matrix and vector", (a, b[:, 0]))
    yield OpCase("float32 vectors", (a[0], b[:, 0]))
    yield OpCase("int32 with float16", (numbers("int32", (2, 3)), numbers("float16", (3, 2))))


@op_cases("einsum")
def einsum() -> Iterator[OpCase]:
    """Contractions, batches, transpositions."""
    a, b = numbers(SINGLE, (2, 3, 4)), numbers(SINGLE, (2, 4, 5), seed=1)
    for subscripts in ("bij,bjk->bik", "bij,bjk->ik", "bij,cjk->bcik"):
        yield OpCase(f"float32 {subscripts}", (subscripts, a, b))
    yield OpCase("float32 bij->jb", ("bij->jb", a))
    yield OpCase("float32 bij,bik->kbj", ("bij,bik->kbj", a, b.swapaxes(1, 2)[:, :3]))
    yield OpCase("int32", ("ij,j->i", numbers("int32", (2, 3)), numbers("int32", (3,), seed=1)))


@op_cases("tensordot")
def tensordot() -> Iterator[OpCase]:
    """Numbers of axes, pairs of axes."""
    a, b = numbers(SINGLE, (2, 3, 4)), numbers(SINGLE, (4, 3, 5), seed=1)
    yield OpCase("float32 axes 1", (a, b), {"axes": 1})
    yield OpCase("float32 axes lists", (a, b), {"axes": [[1, 2], [1, 0]]})
    yield OpCase("float32 axes 0", (a[0, 0], b[0, 0]), {"axes": 0})


@op_cases("conv", "depthwise_conv")
def convolutions() -> Iterator[OpCase]:
    """Ranks, padding, strides, dilation, both data formats."""
    x, kernel = numbers(SINGLE, (2, 6, 5, 3)), numbers(SINGLE, (3, 2, 3, 4), seed=1)
    for padding in ("valid", "same"):
        yield OpCase(f"float32 {padding}", (x, kernel), {"padding": padding})
        yield OpCase(f"float32 {padding} strides", (x, kernel), {"padding": padding, "strides": (2, 2)})
        yield OpCase(f"float32 {padding} dilation", (x, kernel), {"padding": padding, "dilation_rate": 2})
    moved = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    yield OpCase("float32 channels_first", (moved, kernel), {"padding": "same", "data_format": "channels_first"})
    yield OpCase("float32 1-D", (numbers(SINGLE, (2, 6, 3)), numbers(SINGLE, (3, 3, 4), seed=1)), {"padding": "same"})
    yield OpCase("float16", (x.astype("float16"), kernel.astype("float16")))


@op_cases("max_pool", "average_pool")
def pools() -> Iterator[OpCase]:
    """Padding, strides, both data formats."""
    x = numbers(SINGLE, (2, 6, 5, 3))
    for padding in ("valid", "same"):
        yield OpCase(f"float32 {padding}", (x, 2), {"padding": padding})
        yield OpCase(f"float32 {padding} overlapping", (x, (3, 2)), {"padding": padding, "strides": 1})
        yield OpCase(f"float32 {padding} gaps", (x, (1, 2)), {"padding": padding, "strides": 3})
    yield OpCase("float32 channels_first", (x, 2), {"data_format": "channels_first"})
    yield OpCase("float32 1-D", (x[:, :, 0], 2))


@op_cases("batch_normalization")
def batch_normalization() -> Iterator[OpCase]:
    """With and without scale and offset; any axis."""
    x = numbers(SINGLE, (2, 4, 3))
    mean, variance = numbers(SINGLE, (3,)), numbers(SINGLE, (3,), 0.5, 2, seed=1)
    yield OpCase("float32", (x, mean, variance, -1))
    more = {"offset": numbers(SINGLE, (3,), seed=2), "scale": numbers(SINGLE, (3,), seed=3), "epsilon": 1e-2}
    yield OpCase("float32 scale and offset", (x, mean, variance, 2), more)
    yield OpCase("float32 axis 1", (x.transpose(0, 2, 1), mean, variance, 1), more)


@op_cases("normalize_batch")
def normalize_batch() -> Iterator[OpCase]:
    """With and without scale and offset; any axis and rank; small variances; one sample."""
    x = numbers(SINGLE, (4, 5, 6, 3))
    more = {"offset": numbers(SINGLE, (3,), seed=2), "scale": numbers(SINGLE, (3,), seed=3), "epsilon": 1e-2}
    yield OpCase("float32", (x, -1))
    yield OpCase("float32 scale and offset", (x, 3), more)
    yield OpCase("float32 axis 1", (x.transpose(0, 3, 1, 2), 1), more)
    yield OpCase("float32 rank 2", (x[0, 0], 1), {"scale": more["scale"]})
    yield OpCase("float32 rank 3", (x[0], -1), {"offset": more["offset"]})
    yield OpCase("float32 rank 5", (x[None], -1), more)
    yield OpCase("float32 small variances", (x * np.array([1e-3, 1e-2, 0], SINGLE), -1))
    yield OpCase("float32 one sample", (x[0, 0, :1], -1), more, gradient=False)
    yield OpCase("float16", (x.astype("float16"), -1))


@op_cases("layer_normalization")
def layer_normalization() -> Iterator[OpCase]:
    """With and without gamma and beta; one axis and several; half precision."""
    x, gamma, beta = numbers(SINGLE, (2, 3, 4)), numbers(SINGLE, (4,), seed=1), numbers(SINGLE, (4,), seed=2)
    yield OpCase("float32", (x,))
    yield OpCase("float32 gamma and beta", (x, gamma, beta), {"epsilon": 1e-3})
    yield OpCase("float32 axes", (x,), {"axis": (1, 2)})
    yield OpCase("float16", (x.astype("float16"), gamma.astype("float16"), beta.astype("float16")), {"epsilon": 1e-3})


@op_cases("binary_crossentropy")
def binary_crossentropy() -> Iterator[OpCase]:
    """Probabilities, certain ones among them, and logits."""
    target, logits = numbers("bool", (2, 3)).astype(SINGLE), numbers(SINGLE, (2, 3), -30, 30)
    yield OpCase("float32 probabilities", (target, numbers(SINGLE, (2, 3), 0.1, 0.9)))
    yield OpCase("float32 certain", (np.array([0, 0, 1, 1], SINGLE), np.array([0, 1, 0, 1], SINGLE)), gradient=False)
    yield OpCase("float32 logits", (target, logits), {"from_logits": True})


@op_cases("categorical_crossentropy")
def categorical_crossentropy() -> Iterator[OpCase]:
    """Probabilities and logits; axes."""
    target, output = np.eye(3, dtype=SINGLE)[[0, 2]], numbers(SINGLE, (2, 3), 0.1, 0.9)
    yield OpCase("float32 probabilities", (target, output))
    yield OpCase("float32 logits", (target, output * 20), {"from_logits": True})
    yield OpCase("float32 axis 0", (target, output), {"from_logits": True, "axis": 0})


@op_cases("sparse_categorical_crossentropy")
def sparse_categorical_crossentropy() -> Iterator[OpCase]:
    """Probabilities and logits; more dimensions; a last axis of one."""
    target, output = np.array([0, 2], "int32"), numbers(SINGLE, (2, 3), 0.1, 0.9)
    yield OpCase("float32 probabilities", (target, output))
    yield OpCase("float32 logits", (target, output * 20), {"from_logits": True})
    yield OpCase("float32 target (2, 1)", (target[:, None], output), {"from_logits": True})
    sequence = numbers("int32", (2, 4), 0, 2), numbers(SINGLE, (2, 4, 3))
    yield OpCase("float32 sequence", sequence, {"from_logits": True})
    no_class = np.array([3, -1], "int32")
    yield OpCase("float32 no class", (no_class, output), {"from_logits": True})
    yield OpCase("float32 no class, probabilities", (no_class, output))


@op_cases("dot_product_attention")
def dot_product_attention() -> Iterator[OpCase]:
    """Masks, biases, causal."""
    q, k, v = (numbers(SINGLE, (2, n, 3, 4), seed=i) for i, n in enumerate((5, 6, 6)))
    yield OpCase("float32", (q, k, v))
    yield OpCase("float32 scale", (q, k, v), {"scale": 0.3})
    mask = np.tril(np.ones((5, 6), bool))[None, None]
    yield OpCase("float32 mask", (q, k, v), {"mask": mask})
    yield OpCase("float32 bias", (q, k, v), {"bias": numbers(SINGLE, (2, 3, 5, 6), seed=4)})
    yield OpCase("float32 causal", (k, k, v), {"is_causal": True})


@op_cases("lstm")
def lstm() -> Iterator[OpCase]:
    """With bias and mask, backwards."""
    weights = numbers(SINGLE, (3, 8), -1, 1, seed=1), numbers(SINGLE, (2, 8), -1, 1, seed=2), numbers(SINGLE, (8,), seed=3)
    states = numbers(SINGLE, (4, 2), seed=4), numbers(SINGLE, (4, 2), seed=5)
    x = numbers(SINGLE, (4, 5, 3))
    yield OpCase("float32", (x, *states, *weights))
    yield OpCase("float32 no bias", (x, *states, *weights[:2]))
    yield OpCase("float32 reverse", (x, *states, *weights), {"reverse": True})
    yield OpCase("float32 mask", (x, *states, *weights), {"mask": numbers("bool", (4, 5), seed=1)})


@op_cases("adam_update")
def adam_update() -> Iterator[OpCase]:
    """A step in each float dtype, with the largest velocity too."""
    w, m, g = (numbers(SINGLE, (2, 3), seed=i) for i in range(3))
    v, rate = numbers(SINGLE, (2, 3), 0.1, 1, seed=3), np.array(0.1, SINGLE)
    yield OpCase("float32", (w, m, v, g, rate, 0.9, 0.999, 1e-7))
    yield OpCase("float32 transposed gradient", (w, m, v, np.asfortranarray(g), rate, 0.9, 0.999, 1e-7), gradient=False)
    yield OpCase("float32 largest", (w, m, v, g, rate, 0.5, 0.9, 1e-3, v[::-1].copy()))
    yield OpCase("float64", tuple(x.astype("float64") for x in (w, m, v, g, rate)) + (0.0, 0.9, 1e-3), gradient=False)
    yield OpCase("float16", tuple(x.astype("float16") for x in (w, m, v, g, rate)) + (0.9, 0.999, 1e-3))
