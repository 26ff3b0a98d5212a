"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import builtins
import itertools
import math
import string

from cornu import primitives as P
from cornu.ops.common import (
    axis_of,
    broadcast_shapes,
    cast,
    dtype_of,
    ints,
    joined,
    permuted,
    rank_of,
    shape_of,
    slice_axis,
)
from cornu.ops.numpy.elementwise import conjugate
from cornu.ops.numpy.manipulation import diagonal, expand_dims, flip, moveaxis, ravel, squeeze
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


@op
def matmul(x1, x2):
    """Matrix product as `numpy.matmul`: vectors are rows or columns, leading dimensions broadcast; of two int8, int32."""
    a, b = rank_of(x1), rank_of(x2)
    if a > 1 and b > 1:
        return P.matmul(x1, x2)
    if not a or not b:
        raise ValueError(f"matmul: scalars are no matrices (shapes {shape_of(x1)} and {shape_of(x2)}); use multiply.")
    y = P.matmul(x1 if a > 1 else expand_dims(x1, 0), x2 if b > 1 else expand_dims(x2, 1))
    return squeeze(y, tuple(([-2] if a == 1 else []) + ([-1] if b == 1 else [])))


@op
def dot(x1, x2):
    """Sum of products over the last axis of x1 and the second to last of x2, as `numpy.dot`."""
    a, b = len(shape_of(x1)), len(shape_of(x2))
    if not a or not b:
        return P.multiply(x1, x2)
    return tensordot(x1, x2, axes=[[a - 1], [builtins.max(b - 2, 0)]])


@op
def inner(x1, x2):
    """Sum of products over the last axes."""
    if not shape_of(x1) or not shape_of(x2):
        return P.multiply(x1, x2)
    return tensordot(x1, x2, axes=[[-1], [-1]])


@op
def outer(x1, x2):
    """Products of each element of x1 with each of x2, both flattened."""
    return P.multiply(expand_dims(ravel(x1), 1), expand_dims(ravel(x2), 0))


@op
def vdot(x1, x2):
    """Sum of the products of the elements of conj(x1) and x2, both flattened."""
    return tensordot(conjugate(ravel(x1)), ravel(x2), 1)


@op
def tensordot(x1, x2, axes=2):
    """Sum of products over `axes`: a number of last and first axes, or two lists of axes."""
    a, b = shape_of(x1), shape_of(x2)
    if isinstance(axes, int):
        if not 0 <= axes <= builtins.min(len(a), len(b)):
            raise ValueError(f"tensordot: there are no {axes} axes in both shapes {a} and {b}.")
        left, right = list(range(len(a) - axes, len(a))), list(range(axes))
    else:
        if not isinstance(axes, (list, tuple)) or len(axes) != 2:
            raise TypeError(f"tensordot: axes must be an int or two lists of ints, got {axes!r}.")
        left, right = (list(ints(one, "tensordot")) for one in axes)
        left, right = [axis_of(i, len(a), "tensordot") for i in left], [axis_of(i, len(b), "tensordot") for i in right]
    if [a[i] for i in left] != [b[i] for i in right]:
        raise ValueError(f"tensordot: axes {left} of shape {a} and {right} of shape {b} differ in size.")
    keep_a, keep_b = [i for i in range(len(a)) if i not in left], [i for i in range(len(b)) if i not in right]
    count = math.prod(a[i] for i in left)
    one = P.reshape(permuted(x1, keep_a + left), shape=(math.prod(a[i] for i in keep_a), count))
    other = P.reshape(permuted(x2, right + keep_b), shape=(count, math.prod(b[i] for i in keep_b)))
    y = P.reshape(P.matmul(one, other), shape=tuple([a[i] for i in keep_a] + [b[i] for i in keep_b]))
    return cast(y, "int8") if joined(x1, x2) == "int8" else y


@op
def kron(x1, x2):
    """Kronecker product: blocks of x2, scaled by the elements of x1."""
    a, b = shape_of(x1), shape_of(x2)
    rank = builtins.max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    apart = P.multiply(
        P.reshape(x1, shape=tuple(n for size in a for n in (size, 1))), P.reshape(x2, shape=tuple(n for size in b for n in (1, size)))
    )
    return P.reshape(apart, shape=tuple(m * n for m, n in zip(a, b, strict=True)))


@op
def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """Cross product of vectors of 2 or 3 components along `axisa` and `axisb`; the result's stand along `axisc`.

    axis: all three at once. Of two vectors of 2 components only the third component is given, without a dimension.
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = moveaxis(x1, axisa, -1), moveaxis(x2, axisb, -1)
    sizes = shape_of(a)[-1], shape_of(b)[-1]
    if not {*sizes} <= {2, 3}:
        raise ValueError(f"cross: vectors have 2 or 3 components, got {sizes} in shapes {shape_of(x1)} and {shape_of(x2)}.")

    def part(x, i):
        last = len(shape_of(x)) - 1
        if i >= shape_of(x)[last]:
            return P.full(shape=(), value=0, dtype=dtype_of(x))
        return P.reshape(slice_axis(x, last, i, i + 1), shape=shape_of(x)[:-1])

    minus = lambda i, j: P.subtract(P.multiply(part(a, i), part(b, j)), P.multiply(part(a, j), part(b, i)))  # noqa: E731
    if sizes == (2, 2):
        return minus(0, 1)
    shape = broadcast_shapes("cross", shape_of(a)[:-1], shape_of(b)[:-1])
    parts = [P.reshape(P.broadcast_to(minus(i, j), shape=shape), shape=(*shape, 1)) for i, j in ((1, 2), (2, 0), (0, 1))]
    return moveaxis(P.concatenate(*parts, axis=len(shape)), -1, axisc)


@op
def trace(x, offset=0, axis1=0, axis2=1):
    """Sum of a diagonal; small integers and bools are summed in 32 bits. offset, axis1, axis2: see `diagonal`."""
    d = diagonal(x, offset, axis1, axis2)
    return P.sum(d, axes=(len(shape_of(d)) - 1,))


@op
def correlate(x1, x2, mode="valid"):
    """Cross-correlation of two vectors: sums of x1[n + k] conj(x2[n]).

    mode: "valid" (full overlap only), "same" (as long as the longer one) or "full".
    """
    m, n = (math.prod(shape_of(x)) for x in (x1, x2))
    if len(shape_of(x1)) != 1 or len(shape_of(x2)) != 1 or not m or not n:
        raise ValueError(f"correlate: expected two vectors that are not empty, got shapes {shape_of(x1)} and {shape_of(x2)}.")
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: mode must be 'valid', 'same' or 'full', got {mode!r}.")
    dtype = dt.to_float(joined(x1, x2))
    x1, x2 = cast(x1, dtype), cast(x2, dtype)
    if m < n:
        return flip(conjugate(correlate(x2, x1, mode)))
    if dtype in dt.COMPLEXES:  # by parts: not every engine convolves complex numbers
        (a, b), (c, d) = ((P.real(x), P.imag(x)) for x in (x1, x2))
        part = lambda one, other: correlate(one, other, mode)  # noqa: E731
        return P.complex(P.add(part(a, c), part(b, d)), P.subtract(part(b, c), part(a, d)))
    low, high = {"valid": (0, 0), "same": (n // 2, n - 1 - n // 2), "full": (n - 1, n - 1)}[mode]
    y = P.conv(
        P.reshape(x1, shape=(1, m, 1)),
        P.reshape(x2, shape=(n, 1, 1)),
        strides=(1,),
        padding=((low, high),),
        dilation=(1,),
        groups=1,
    )
    return ravel(y)


@op
def slogdet(x):
    """Sign (or phase), and logarithm of the absolute value, of the determinants of matrices (..., M, M): two of shape (...)."""
    return tuple(P.slogdet(x))


# Einstein summation


@op
def einsum(subscripts, *operands, **kwargs):
    """Einstein summation, e.g. "bij,bjk->bik"; "..." stands for dimensions that broadcast, a repeated letter for a diagonal.

    Each operand in turn is contracted with the result so far in one matrix product. `kwargs` ("optimize") are accepted for Keras.

    Raises:
        ValueError: for subscripts that don't fit the operands.
    """
    dtype = "int32" if builtins.all(dtype_of(x) == "int8" for x in operands) else joined(*operands)
    operands = tuple(cast(x, dtype) for x in operands)  # sums before the products must not lose what the result can hold
    terms, output = _read(subscripts, [len(shape_of(x)) for x in operands])
    _check_sizes(subscripts, terms, operands)
    taken = [_diagonals(term, x) for term, x in zip(terms, operands, strict=True)]
    label, value = taken[0]
    for i, (term, x) in enumerate(taken[1:]):
        needed = set(output).union(*[later for later, _ in taken[i + 2 :]])
        label, value = _contract(label, value, term, x, needed)
    summed = tuple(i for i, c in enumerate(label) if c not in output)
    value = P.sum(value, axes=summed) if summed else value
    label = "".join(c for c in label if c in output)
    return cast(permuted(value, [label.index(c) for c in output]), dtype)  # of int8, products are int32


def _read(subscripts, ranks):
    """The label of each operand and of the result; letters are put for dots, aligned at the right."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    free = [c for c in string.ascii_letters if c not in subscripts]
    widest = 0
    for i, (term, rank) in enumerate(itertools.zip_longest(terms, ranks)):
        letters = (term or "").replace("...", "")
        hidden = 0 if rank is None else rank - len(letters)
        if term is None or rank is None or hidden < 0 or (hidden and "..." not in term) or not (letters.isalpha() or not letters):
            raise ValueError(f"einsum: can't read {subscripts!r} for operands of ranks {ranks}.")
        terms[i] = term.replace("...", "".join(reversed(free[:hidden])))
        widest = builtins.max(widest, hidden if "..." in term else 0)
    dots = "".join(reversed(free[:widest]))
    if not arrow:
        letters = inputs.replace(",", "").replace("...", "")
        output = "..." + "".join(sorted(c for c in {*letters} if letters.count(c) == 1))
    output = output.replace("...", dots)
    if len({*output}) != len(output) or not {*output} <= {*"".join(terms)}:
        raise ValueError(f"einsum: the result's letters in {subscripts!r} must be different ones of the operands.")
    return terms, output


def _check_sizes(subscripts, terms, operands):
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for c, n in zip(term, shape_of(x), strict=True):
            if n != 1 and sizes.setdefault(c, n) != n:
                shapes = ", ".join(str(shape_of(x)) for x in operands)
                raise ValueError(f"einsum: the sizes of {c!r} in {subscripts!r} differ in the shapes {shapes}.")


def _diagonals(label, x):
    """An operand with each letter once: of repeated ones the diagonal."""
    for c in dict.fromkeys(label):
        while label.count(c) > 1:
            a = label.index(c)
            b = label.index(c, a + 1)
            x = diagonal(x, 0, a, b)
            label = "".join(k for i, k in enumerate(label) if i not in (a, b)) + c
    return label, x


def _contract(a, x, b, y, needed):
    """Two labelled tensors as one, summed over the letters that nothing needs any more."""
    x, a = _summed(x, a, needed | {*b})
    y, b = _summed(y, b, needed | {*a})
    size_a, size_b = dict(zip(a, shape_of(x), strict=True)), dict(zip(b, shape_of(y), strict=True))
    for c in {*a} & {*b}:  # a size of 1 broadcasts
        if size_a[c] != size_b[c]:
            if size_a[c] == 1:
                x, a = _dropped(x, a, c)
            else:
                y, b = _dropped(y, b, c)
    sizes = {**dict(zip(a, shape_of(x), strict=True)), **dict(zip(b, shape_of(y), strict=True))}
    x, a = _summed(x, a, needed | {*b})
    y, b = _summed(y, b, needed | {*a})
    batch = [c for c in a if c in b and c in needed]
    inside = [c for c in a if c in b and c not in needed]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    count = lambda names: math.prod(sizes[c] for c in names)  # noqa: E731
    lead = tuple(sizes[c] for c in batch)
    one = P.reshape(permuted(x, [a.index(c) for c in batch + left + inside]), shape=(*lead, count(left), count(inside)))
    two = P.reshape(permuted(y, [b.index(c) for c in batch + inside + right]), shape=(*lead, count(inside), count(right)))
    names = batch + left + right
    return "".join(names), P.reshape(P.matmul(one, two), shape=tuple(sizes[c] for c in names))


def _summed(x, label, needed):
    drop = tuple(i for i, c in enumerate(label) if c not in needed)
    if not drop:
        return x, label
    return cast(P.sum(x, axes=drop), dtype_of(x)), "".join(c for i, c in enumerate(label) if i not in drop)


def _dropped(x, label, c):
    return squeeze(x, label.index(c)), label.replace(c, "")


export(globals())
