"""Linear algebra over leading batch dimensions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.autodiff import custom_gradient, jvp  # noqa: F401  (in keras.ops.linalg, too)
from cornu.ops.common import as_float, as_floats, axes_of, dtype_of, shape_of
from cornu.ops.numpy.manipulation import expand_dims, moveaxis, squeeze
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt

Tensor = Any


def _swapped(x: Tensor) -> Tensor:
    """Matrices transposed."""
    rank = len(shape_of(x))
    return P.transpose(x, axes=(*range(rank - 2), rank - 1, rank - 2))


def _adjoint(x: Tensor) -> Tensor:
    x = _swapped(x)
    return P.complex(P.real(x), P.negative(P.imag(x))) if dtype_of(x) in dt.COMPLEXES else x


def _matrices(x: Tensor, where: str, square: bool = False) -> tuple[int, ...]:
    shape = shape_of(x)
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        raise ValueError(f"{where}: expected {'square ' if square else ''}matrices (..., {'n, n' if square else 'm, n'}), got shape {shape}.")
    return shape


def _identity(x: Tensor) -> Tensor:
    """The identity for each of the square matrices x."""
    n = shape_of(x)[-1]
    rows, columns = (P.iota(shape=(n, n), axis=axis, dtype="int32") for axis in (0, 1))
    return P.broadcast_to(P.cast(P.equal(rows, columns), dtype=dt.to_float(dtype_of(x))), shape=shape_of(x))


def _epsilon(x: Tensor) -> float:
    """Smallest relative spacing of the real dtype of x."""
    kind = dt.real_part(dt.to_float(dtype_of(x)))
    return 2.0 ** {"bfloat16": -7, "float16": -10, "float32": -23, "float64": -52}[kind]


@op
def cholesky(x, upper=False):
    """Triangular L with L L^H = x for positive definite x (..., M, M), or U with U^H U = x if `upper`; NaN for other x."""
    _matrices(x, "cholesky", square=True)
    factor = P.cholesky(x)
    return _adjoint(factor) if upper else factor


@op
def cholesky_inverse(x, upper=False):
    """Inverse of L L^T from the Cholesky factor L, or of U^T U from U if `upper`; x: (..., M, M)."""
    _matrices(x, "cholesky_inverse", square=True)
    half = P.triangular_solve(_swapped(x) if upper else x, _identity(x), lower=True, transpose=False)
    return P.matmul(_swapped(half), half)


@op
def det(x):
    """Determinants of square matrices. Gradients of first and second order are right for singular ones, too."""
    return _det(x) if _matrices(x, "det", square=True)[-1] else P.exp(P.slogdet(x)[1])


@custom_gradient
def _det(x: Tensor) -> Any:
    sign, logarithm = P.slogdet(x)
    return P.multiply(sign, P.exp(logarithm)), lambda g: P.multiply(expand_dims(g, (-2, -1)), _cofactors(x))


# Cofactors by singular values, of which they are products. cof(U S V) = cof(U) cof(S) cof(V), and cof(U) = det(U) conj(U).


@custom_gradient
def _cofactors(x: Tensor) -> Any:
    u, s, v = P.svd(x, full_matrices=False)
    phase = expand_dims(P.multiply(P.slogdet(u)[0], P.slogdet(v)[0]), (-2, -1))
    outside = lambda inner: P.multiply(phase, P.matmul(P.matmul(_adjoint(_swapped(u)), inner), _adjoint(_swapped(v))))  # noqa: E731
    n = shape_of(s)[-1]
    equal, zero = np.eye(n, dtype=bool), P.cast(0, dtype=dtype_of(x))

    def gradient(g: Tensor) -> Tensor:
        """In the singular vectors' basis the element (i, j) moves the cofactor (j, i), and (i, i) the others on the diagonal."""
        pairs = P.prod(P.where(equal[:, None] | equal[None], 1, expand_dims(s, (-3, -2))), axes=(len(shape_of(x)),))
        inner = P.matmul(P.matmul(_adjoint(u), g), _adjoint(v))
        along = P.sum(P.where(equal, inner, zero), axes=(len(shape_of(x)) - 2,), keepdims=True)
        diagonal = P.sum(P.where(equal, zero, P.multiply(pairs, along)), axes=(len(shape_of(x)) - 1,), keepdims=True)
        return outside(P.where(equal, diagonal, P.negative(P.multiply(pairs, _swapped(inner)))))

    others = P.prod(P.where(equal, 1, expand_dims(s, -2)), axes=(len(shape_of(x)) - 1,))
    return outside(P.where(equal, expand_dims(P.cast(others, dtype=dtype_of(u)), -1), zero)), gradient


@op
def logdet(x):
    """Logarithm of the determinant of positive definite matrices (of its absolute value, for others)."""
    _matrices(x, "logdet", square=True)
    return P.slogdet(x)[1]


@op
def eig(x):
    """Eigenvalues and eigenvectors (columns) of square matrices, complex, in no fixed order."""
    _matrices(x, "eig", square=True)
    return tuple(P.eig(x))


@op
def eigh(x):
    """Ascending eigenvalues and orthonormal eigenvectors (columns) of symmetric (Hermitian) matrices."""
    _matrices(x, "eigh", square=True)
    return tuple(P.eigh(x))


@op
def inv(x):
    """Inverses of square matrices."""
    _matrices(x, "inv", square=True)
    return P.solve(x, _identity(x))


@op
def lu_factor(x):
    """LU decomposition with row exchanges, L and U in one matrix, and the 0-based pivots (row i was exchanged with pivots[i])."""
    _matrices(x, "lu_factor")
    return tuple(P.lu(x))


@op
def qr(x, mode="reduced"):
    """Q with orthonormal columns and upper triangular R, for x (..., M, N).

    mode: "reduced", for min(M, N) columns of Q, or "complete", for M.

    Raises:
        ValueError: for another mode.
    """
    _matrices(x, "qr")
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete', got {mode!r}.")
    return tuple(P.qr(x, mode=mode))


@op
def svd(x, full_matrices=True, compute_uv=True):
    """Singular value decomposition of x (..., M, N): u, descending singular values (..., min(M, N)), v^H.

    full_matrices: whether u and v are square, (..., M, M) and (..., N, N), or have min(M, N) columns. compute_uv: if False, the
    values alone are given.
    """
    _matrices(x, "svd")
    u, s, vh = P.svd(x, full_matrices=bool(full_matrices and compute_uv))
    return (u, s, vh) if compute_uv else s


def _right_hand_sides(a: Tensor, b: Tensor, where: str) -> tuple[Tensor, bool]:
    """b as matrices, and whether it was vectors."""
    n, shape = _matrices(a, where)[-2], shape_of(b)
    vector = len(shape) == 1 or len(shape) == len(shape_of(a)) - 1
    if not shape or shape[-1 if vector else -2] != n:
        raise ValueError(f"{where}: matrices of shape {shape_of(a)} and right-hand sides of shape {shape} don't fit.")
    return (expand_dims(b, -1) if vector else b), vector


@op
def solve(a, b):
    """x with a x = b, for square a (..., n, n) and b (..., n) or (..., n, k)."""
    _matrices(a, "solve", square=True)
    sides, vector = _right_hand_sides(a, b, "solve")
    x = P.solve(a, sides)
    return squeeze(x, -1) if vector else x


@op
def solve_triangular(a, b, lower=False):
    """x with a x = b, reading only the upper (or `lower`) triangle of a; shapes as in `solve`."""
    _matrices(a, "solve_triangular", square=True)
    sides, vector = _right_hand_sides(a, b, "solve_triangular")
    x = P.triangular_solve(a, sides, lower=bool(lower), transpose=False)
    return squeeze(x, -1) if vector else x


def _pseudo_solve(a: Tensor, b: Tensor | None, rcond: float | None) -> Tensor:
    """V S^+ U^H b, singular values below `rcond` times the largest counted as zero; b None: the identity."""
    m, n = shape_of(a)[-2:]
    u, s, vh = P.svd(a, full_matrices=False)
    cut = max(m, n) * _epsilon(a) if rcond is None else rcond
    large = P.greater(s, P.multiply(P.max(s, axes=(len(shape_of(s)) - 1,), keepdims=True), cut))
    inverse = P.where(large, P.divide(1, P.where(large, s, 1)), 0)
    coordinates = _adjoint(u) if b is None else P.matmul(_adjoint(u), b)
    return P.matmul(_adjoint(vh), P.multiply(expand_dims(inverse, -1), coordinates))


@op
def pinv(x, rcond=None):
    """Pseudo-inverses (Moore and Penrose); singular values below `rcond` (max(m, n) * eps) times the largest count as zero."""
    _matrices(x, "pinv")
    return _pseudo_solve(x, None, rcond)


@op
def lstsq(a, b, rcond=None):
    """The shortest x that minimizes ||a x - b||, for a (m, n) and b (m,) or (m, k); `rcond` as in `pinv`."""
    sides, vector = _right_hand_sides(a, b, "lstsq")
    a, sides = as_floats(a, sides)
    x = _pseudo_solve(a, sides, rcond)
    return squeeze(x, -1) if vector else x


@op
def matrix_rank(x, tol=None):
    """Number of singular values above `tol` (the largest times max(m, n) * eps by default), as int32; of a vector, 1 or 0."""
    if len(shape_of(x)) < 2:
        return P.cast(P.any(P.not_equal(x, 0), axes=tuple(range(len(shape_of(x)))), keepdims=False), dtype="int32")
    s = svd(x, compute_uv=False)
    last = (len(shape_of(s)) - 1,)
    limit = P.multiply(P.max(s, axes=last, keepdims=True), max(shape_of(x)[-2:]) * _epsilon(x)) if tol is None else expand_dims(tol, -1)
    return P.sum(P.cast(P.greater(s, limit), dtype="int32"), axes=last, keepdims=False)


# Norms


def _root(squares: Tensor) -> Tensor:
    """Square root whose gradient at 0 is 0."""
    zero = P.equal(squares, 0)
    return P.where(zero, 0, P.sqrt(P.where(zero, 1, squares)))


def _vector_norm(x: Tensor, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    size = P.abs(x)
    if ord is None or ord == 2:
        return _root(P.sum(P.multiply(size, size), axes=axes, keepdims=keepdims))
    if ord in (math.inf, -math.inf):
        return _extreme(size, ord, axes, keepdims)
    if ord == 0:
        return P.sum(P.cast(P.not_equal(x, 0), dtype=dtype_of(size)), axes=axes, keepdims=keepdims)
    if ord == 1:
        return P.sum(size, axes=axes, keepdims=keepdims)
    return P.power(P.sum(P.power(size, float(ord)), axes=axes, keepdims=keepdims), 1 / float(ord))


def _extreme(sizes: Tensor, ord: float, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The largest, or for a negative ord the smallest; of nothing the largest size is 0."""
    if all(shape_of(sizes)[axis] for axis in axes):
        return (P.max if ord > 0 else P.min)(sizes, axes=axes, keepdims=keepdims)
    if ord < 0:
        raise ValueError(f"norm: there is no least of the empty axes {axes} of sizes of shape {shape_of(sizes)} (ord {ord}).")
    return P.sum(sizes, axes=axes, keepdims=keepdims)


def _matrix_norm(x: Tensor, ord: Any, keepdims: bool) -> Tensor:
    """Of the last two axes."""
    last = len(shape_of(x)) - 1
    if ord in ("nuc", 2, -2):
        sizes = svd(x, compute_uv=False)
    else:
        sizes = P.sum(P.abs(x), axes=(last - 1 if abs(ord) == 1 else last,), keepdims=False)
    value = P.sum(sizes, axes=(last - 1,), keepdims=False) if ord == "nuc" else _extreme(sizes, ord, (last - 1,), False)
    return expand_dims(value, (-2, -1)) if keepdims else value


@op
def norm(x, ord=None, axis=None, keepdims=False):
    """Norm of vectors or matrices, as `numpy.linalg.norm`.

    Args:
        x: tensor.
        ord: None (root of the sum of squares); for vectors a number or +-inf; for matrices "fro", "nuc", 1, 2, inf or a negative of these.
        axis: an int (vectors), two ints (matrices), or None: all of x, which is flattened unless `ord` is given.
        keepdims: keep the axes with size 1.

    Raises:
        ValueError: for an `ord` that the number of axes doesn't know.
    """
    x, rank = as_float(x), len(shape_of(x))
    if isinstance(ord, str) and ord == "inf":
        ord = math.inf
    given = axis if axis is None or not isinstance(axis, (int, np.integer)) else (axis,)
    axes = axes_of(given, rank, "norm")
    if len(axes) == 1 and ord not in ("fro", "nuc"):
        return _vector_norm(x, ord, axes, keepdims)
    if ord is None or (ord == "fro" and len(axes) == 2):
        return _vector_norm(x, None, axes, keepdims)
    if len(axes) != 2 or ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise ValueError(f"norm: there is no ord {ord!r} over {len(axes)} axes (shape {shape_of(x)}, axis {axis}).")
    rows, columns = (a % rank for a in (given if given is not None else axes))
    value = _matrix_norm(moveaxis(x, (rows, columns), (-2, -1)), ord, keepdims)
    return moveaxis(value, (-2, -1), (rows, columns)) if keepdims else value


export(globals())
