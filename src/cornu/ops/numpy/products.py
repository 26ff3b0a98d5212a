"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import builtins
import math

from cornu import primitives as P
from cornu.ops.common import Tensor, axis_of, permuted, shape_of
from cornu.ops.numpy.manipulation import expand_dims, squeeze
from cornu.ops.op import export, op


@op
def matmul(x1, x2):
    """Matrix product as `numpy.matmul`: vectors are rows or columns, leading dimensions broadcast."""
    a, b = len(shape_of(x1)), len(shape_of(x2))
    if not a or not b:
        raise ValueError("matmul: scalars can't be multiplied as matrices; use multiply.")
    left = x1 if a > 1 else expand_dims(x1, 0)
    right = x2 if b > 1 else expand_dims(x2, 1)
    y = P.matmul(left, right)
    if a > 1 and b > 1:
        return y
    return squeeze(y, tuple(([-2] if a == 1 else []) + ([-1] if b == 1 else [])))


@op
def dot(x1, x2):
    """Sum product over the last axis of x1 and the second to last of x2, as `numpy.dot`."""
    a, b = len(shape_of(x1)), len(shape_of(x2))
    if not a or not b:
        return P.multiply(x1, x2)
    return tensordot(x1, x2, axes=[[a - 1], [builtins.max(b - 2, 0)]])


@op
def tensordot(x1, x2, axes=2):
    """Sum of products over `axes`: a number of last and first axes, or two lists of axes."""
    a, b = shape_of(x1), shape_of(x2)
    if isinstance(axes, int):
        left, right = list(range(len(a) - axes, len(a))), list(range(axes))
    else:
        left, right = ([one] if isinstance(one, int) else list(one) for one in axes)
        left, right = [axis_of(i, len(a), "tensordot") for i in left], [axis_of(i, len(b), "tensordot") for i in right]
    if [a[i] for i in left] != [b[i] for i in right]:
        raise ValueError(f"tensordot: axes {left} of shape {a} and {right} of shape {b} differ in size.")
    keep_a, keep_b = [i for i in range(len(a)) if i not in left], [i for i in range(len(b)) if i not in right]
    inner = math.prod(a[i] for i in left)
    one = P.reshape(permuted(x1, keep_a + left), shape=(math.prod(a[i] for i in keep_a), inner))
    other = P.reshape(permuted(x2, right + keep_b), shape=(inner, math.prod(b[i] for i in keep_b)))
    return P.reshape(P.matmul(one, other), shape=tuple([a[i] for i in keep_a] + [b[i] for i in keep_b]))


@op
def einsum(subscripts, *operands, **kwargs):
    """Einstein summation, e.g. "bij,bjk->bik"; each pair of operands becomes one matrix product. No ellipsis, no repeated index."""
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if "." in subscripts or builtins.any(len(set(t)) != len(t) for t in terms) or len(terms) != len(operands):
        raise ValueError(f"einsum: can't read {subscripts!r} for {len(operands)} operands (ellipsis and repeated indices are not supported).")
    if "->" not in subscripts:
        letters = "".join(terms)
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    label, value = terms[0], operands[0]
    for i, (term, x) in enumerate(zip(terms[1:], operands[1:], strict=True)):
        needed = set(output).union(*terms[i + 2 :])
        label, value = _contract(label, value, term, x, needed)
    summed = tuple(i for i, c in enumerate(label) if c not in output)
    value = P.sum(value, axes=summed, keepdims=False) if summed else value
    label = "".join(c for c in label if c in output)
    return permuted(value, [label.index(c) for c in output])


def _contract(a: str, x: Tensor, b: str, y: Tensor, needed: set[str]) -> tuple[str, Tensor]:
    for name, other in ((a, b), (b, a)):
        drop = tuple(i for i, c in enumerate(name) if c not in other and c not in needed)
        if drop and name is a:
            x, a = P.sum(x, axes=drop, keepdims=False), "".join(c for i, c in enumerate(a) if i not in drop)
        elif drop:
            y, b = P.sum(y, axes=drop, keepdims=False), "".join(c for i, c in enumerate(b) if i not in drop)
    sizes = {**dict(zip(a, shape_of(x), strict=True)), **dict(zip(b, shape_of(y), strict=True))}
    batch = [c for c in a if c in b and c in needed]
    inner = [c for c in a if c in b and c not in needed]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    count = lambda names: math.prod(sizes[c] for c in names)  # noqa: E731
    lead = tuple(sizes[c] for c in batch)
    one = P.reshape(permuted(x, [a.index(c) for c in batch + left + inner]), shape=(*lead, count(left), count(inner)))
    two = P.reshape(permuted(y, [b.index(c) for c in batch + inner + right]), shape=(*lead, count(inner), count(right)))
    product = P.matmul(one, two)
    names = batch + left + right
    return "".join(names), P.reshape(product, shape=tuple(sizes[c] for c in names))


export(globals())
