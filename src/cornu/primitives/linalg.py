"""Linear algebra and Fourier transforms, over leading batch dimensions.

Gradient rules: M. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008); for QR and SVD also J. Townsend, "Differentiating the singular value decomposition" (2016). Where
eigenvalues or singular values coincide, their mutual terms are dropped. Of complex factors the phases are free, so gradients are
right for what does not depend on them.
"""

from __future__ import annotations

import contextlib

import numpy as np

from cornu.primitives import dtypes as dt
from cornu.primitives.contraction import matmul
from cornu.primitives.elementwise import (
    add,
    complex,
    divide,
    equal,
    full,
    imag,
    iota,
    less,
    multiply,
    negative,
    real,
    subtract,
    where,
    zero_like,
)
from cornu.primitives.primitive import DtypeRule, broadcast, floating, primitive, to_complex
from cornu.primitives.structure import broadcast_to, reshape, transpose


def _no_gradient(reason):
    def rule(g, y, x, **params):
        raise NotImplementedError(reason)

    return rule


def T(x):
    """Matrices transposed."""
    rank = len(x.shape)
    return transpose(x, axes=(*range(rank - 2), rank - 1, rank - 2))


def _conj(x):
    """Complex conjugate; real tensors themselves."""
    return complex(real(x), negative(imag(x))) if dt.name_of(x.dtype) in dt.COMPLEXES else x


def H(x):
    """Matrices transposed and conjugated."""
    return T(_conj(x))


def _hermitian(rule):
    """A VJP of one operand by a textbook's rule, for which dL is Re sum(conj(g) dy); here it is Re sum(g dy)."""

    def vjp(g, y, x, **params):
        g = tuple(map(_conj, g)) if isinstance(g, tuple) else _conj(g)
        return (_conj(rule(g, y, x, **params)),)

    return vjp


def _square(shape):
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"expected square matrices, got shape {shape}")
    return shape


def _matrix(shape):
    if len(shape) < 2:
        raise ValueError(f"expected matrices, got shape {shape}")
    return shape


def _mask(x, keep):
    """The elements where `keep(row, column)` holds; zeros elsewhere."""
    rank = len(x.shape)
    rows = iota(shape=x.shape, axis=rank - 2, dtype="int32")
    columns = iota(shape=x.shape, axis=rank - 1, dtype="int32")
    return where(keep(rows, columns), x, zero_like(x))


def _lower(x):
    return _mask(x, lambda i, j: less(j, add(i, 1)))


def _strictly_lower(x):
    return _mask(x, lambda i, j: less(j, i))


def _half_diagonal(x):
    """Lower triangle with half the diagonal."""
    return multiply(add(_lower(x), _strictly_lower(x)), 0.5)


def _diagonal(values):
    """Diagonal matrices of vectors."""
    n = values.shape[-1]
    return _mask(broadcast_to(reshape(values, shape=(*values.shape, 1)), shape=(*values.shape, n)), equal)


def _columns(values):
    """A vector per matrix as a row that scales columns."""
    return reshape(values, shape=(*values.shape[:-1], 1, values.shape[-1]))


def _by_matrix(function, results=1):
    """A NumPy routine in at least float32: LAPACK has no half precision."""

    def apply(*operands):
        dtype = operands[0].dtype
        wide = [x.astype("float32") if x.dtype.name in ("float16", "bfloat16") else x for x in operands]
        found = function(*wide)
        narrow = lambda x: x.astype(dtype) if x.dtype.kind == "f" and dtype.name in ("float16", "bfloat16") else x  # noqa: E731
        return narrow(found) if results == 1 else [narrow(x) for x in found]

    return apply


def _cholesky_vjp(g, y, x):
    inner = _half_diagonal(matmul(H(y), g))
    left = triangular_solve(_conj(y), inner, lower=True, transpose=True)
    both = H(triangular_solve(_conj(y), H(left), lower=True, transpose=True))
    return multiply(add(both, H(both)), 0.5)


@primitive(floating, _square, _hermitian(_cholesky_vjp))
def cholesky(x):
    """Lower triangular L with L L^H = x; of NaN where x is not positive definite."""
    return _by_matrix(_cholesky)(x)


def _cholesky(x):
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:  # of one of the matrices
        y = np.tril(np.full_like(x, np.nan))
        for i in np.ndindex(x.shape[:-2]):
            with contextlib.suppress(np.linalg.LinAlgError):
                y[i] = np.linalg.cholesky(x[i])
        return y


def _solve_shape(a, b, **params):
    _square(a)
    if len(b) < 2 or b[-2] != a[-1]:
        raise ValueError(
            f"matrices of shape {a} and right-hand sides of shape {b} don't fit: (..., n, n) and (..., n, k) are needed"
        )
    return (*broadcast(a[:-2], b[:-2]), *b[-2:])


def _triangular_vjp(g, y, a, b, lower, transpose):
    gb = triangular_solve(a, g, lower=lower, transpose=not transpose)
    ga = negative(matmul(gb, T(y)) if not transpose else matmul(y, T(gb)))
    keep = _lower if lower else lambda x: T(_lower(T(x)))
    return keep(ga), gb


@primitive(floating, _solve_shape, _triangular_vjp)
def triangular_solve(a, b, *, lower, transpose):
    """x with a x = b (or a^T x = b), reading one triangle of a."""
    half = np.tril(a) if lower else np.triu(a)
    return _by_matrix(np.linalg.solve)(np.swapaxes(half, -1, -2) if transpose else half, b)


def _solve_vjp(g, y, a, b):
    gb = solve(T(a), g)
    return negative(matmul(gb, T(y))), gb


@primitive(floating, _solve_shape, _solve_vjp)
def solve(a, b):
    """x with a x = b, for square a and b of shape (..., n, k)."""
    return _by_matrix(np.linalg.solve)(a, b)


def _lu_shape(x):
    return [_matrix(x), (*x[:-2], min(x[-2:]))]


@primitive(
    DtypeRule(floating.operands, lambda d: (d, "int32")), _lu_shape, _no_gradient("lu has no gradient; use solve or slogdet")
)
def lu(x):
    """LU decomposition with row exchanges, as LAPACK packs it: L below the diagonal, U above; 0-based pivots (int32).

    Row i was exchanged with row pivots[i], in order. Not differentiable (use `solve` or `slogdet`).
    """
    packed = np.array(x, "float32" if x.dtype.name in ("float16", "bfloat16") else x.dtype)
    flat = packed.reshape(-1, *x.shape[-2:])
    n = min(x.shape[-2:])
    pivots = np.zeros((len(flat), n), "int32")
    for matrix, row in zip(flat, pivots):
        for i in range(n):
            p = i + int(np.argmax(np.abs(matrix[i:, i])))
            row[i] = p
            matrix[[i, p]] = matrix[[p, i]]
            if matrix[i, i] != 0:
                matrix[i + 1 :, i] /= matrix[i, i]
            matrix[i + 1 :, i + 1 :] -= np.outer(matrix[i + 1 :, i], matrix[i, i + 1 :])
    return [flat.reshape(x.shape).astype(x.dtype), pivots.reshape(*x.shape[:-2], n)]


def _qr_shape(x, *, mode):
    m, n = _matrix(x)[-2:]
    k = m if mode == "complete" else min(m, n)
    return [(*x[:-2], m, k), (*x[:-2], k, n)]


def _qr_vjp(g, y, x, mode):
    q, r = y
    if q.shape[-1] != r.shape[-1]:
        raise NotImplementedError(
            f"qr has a gradient only for mode='reduced' and matrices with at least as many rows as columns, not {x.shape}"
        )
    gq, gr = g
    m = subtract(matmul(r, H(gr)), matmul(H(gq), q))
    sym = add(_lower(m), H(_strictly_lower(m)))
    return H(triangular_solve(r, H(add(gq, matmul(q, sym))), lower=False, transpose=False))


@primitive(DtypeRule(floating.operands, lambda d, **params: (d, d)), _qr_shape, _hermitian(_qr_vjp))
def qr(x, *, mode):
    """Q with orthonormal columns and upper triangular R; mode "reduced" or "complete". Signs as LAPACK gives them."""
    return _by_matrix(lambda a: np.linalg.qr(a, mode), 2)(x)


def _svd_shape(x, *, full_matrices):
    m, n = _matrix(x)[-2:]
    k = min(m, n)
    return [(*x[:-2], m, m if full_matrices else k), (*x[:-2], k), (*x[:-2], n if full_matrices else k, n)]


def _reciprocal_gaps(values):
    """1 / (values_j - values_i) off the diagonal, 0 where they coincide."""
    gap = subtract(_columns(values), reshape(values, shape=(*values.shape, 1)))
    same = equal(gap, 0)
    return where(same, zero_like(gap), divide(1.0, where(same, 1.0, gap)))


def _svd_vjp(g, y, x, full_matrices):
    u, s, vh = y
    gu, gs, gvh = g
    k, m, n = s.shape[-1], x.shape[-2], x.shape[-1]
    if full_matrices and m != n:
        raise NotImplementedError("svd has a gradient only for full_matrices=False or square matrices")
    v, gv = H(vh), H(gvh)
    gaps = _reciprocal_gaps(multiply(s, s))
    along_u = matmul(H(u), gu)
    ju, jv = multiply(gaps, along_u), multiply(gaps, matmul(H(v), gv))
    scale = _columns(s)
    core = add(
        multiply(add(ju, H(ju)), scale),
        add(_diagonal(gs), multiply(reshape(s, shape=(*s.shape, 1)), add(jv, H(jv)))),
    )
    if x.dtype in dt.COMPLEXES:  # the phases of u turn against those of v
        core = add(core, divide(_mask(multiply(subtract(along_u, H(along_u)), 0.5), equal), scale))
    gx = matmul(matmul(u, core), vh)
    if m > k:
        left = divide(gu, scale)
        gx = add(gx, matmul(subtract(left, matmul(u, matmul(H(u), left))), vh))
    if n > k:
        right = divide(gv, scale)
        gx = add(gx, matmul(u, H(subtract(right, matmul(v, matmul(H(v), right))))))
    return gx


@primitive(
    DtypeRule(floating.operands, lambda d, **params: (d, dt.real_part(d), d)), _svd_shape, _hermitian(_svd_vjp)
)
def svd(x, *, full_matrices):
    """Singular value decomposition: u, descending singular values, v^H."""
    return _by_matrix(lambda a: np.linalg.svd(a, full_matrices=full_matrices), 3)(x)


def _eigh_vjp(g, y, x):
    w, v = y
    gw, gv = g
    inner = add(_diagonal(gw), multiply(_reciprocal_gaps(w), matmul(H(v), gv)))
    both = matmul(matmul(v, inner), H(v))
    return multiply(add(both, H(both)), 0.5)


@primitive(
    DtypeRule(floating.operands, lambda d: (dt.real_part(d), d)), lambda x: [_square(x)[:-1], x], _hermitian(_eigh_vjp)
)
def eigh(x):
    """Ascending eigenvalues and orthonormal eigenvectors (columns) of symmetric (Hermitian) matrices, by the lower triangle."""
    return _by_matrix(np.linalg.eigh, 2)(x)


@primitive(
    DtypeRule(to_complex.operands, lambda d: (d, d)),
    lambda x: [_square(x)[:-1], x],
    _no_gradient("eig has no gradient; eigh has one"),
)
def eig(x):
    """Eigenvalues and eigenvectors (columns), complex, in no fixed order. Not differentiable."""
    return [part.astype(x.dtype) for part in np.linalg.eig(x)]


def _slogdet_vjp(g, y, x):
    eye = _mask(full(shape=x.shape, value=1, dtype=x.dtype), equal)
    scale = complex(g[1], imag(multiply(g[0], y[0]))) if x.dtype in dt.COMPLEXES else g[1]
    return (multiply(reshape(scale, shape=(*scale.shape, 1, 1)), solve(T(x), eye)) if x.shape[-1] else x,)


@primitive(
    DtypeRule(floating.operands, lambda d: (d, dt.real_part(d))), lambda x: [_square(x)[:-2], x[:-2]], _slogdet_vjp
)
def slogdet(x):
    """Sign and logarithm of the absolute value of determinants."""
    return _by_matrix(np.linalg.slogdet, 2)(x)


def _at_least_1d(x):
    if not x or x[-1] == 0:
        raise ValueError(f"a Fourier transform needs a last axis with elements, got shape {x}")
    return x


@primitive(to_complex, _at_least_1d, lambda g, y, x: (fft(g),))
def fft(x):
    """Discrete Fourier transform over the last axis."""
    return np.fft.fft(x).astype(x.dtype)


@primitive(to_complex, _at_least_1d, lambda g, y, x: (ifft(g),))
def ifft(x):
    """Inverse of `fft`."""
    return np.fft.ifft(x).astype(x.dtype)


