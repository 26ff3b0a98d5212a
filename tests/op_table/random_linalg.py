"""Random arguments of linear algebra. Matrices are well conditioned: what rounding does to others is not right or wrong.

Factorizations have several right answers; they are judged by what these have in common.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.spatial

from op_table.case import Array, factors, first, real_floating
from op_table.drawing import Draw, Numbers, fuzzed

SQUARES = [(1, 1), (2, 2), (3, 3), (2, 3, 3), (0, 2, 2)]
OTHERS = [(2, 3), (3, 2), (2, 4, 3), (0, 3, 2)]
NUMBERS = Numbers("ifc", -1.0, 1.0)


def _small(x: Array) -> Array:
    """Integers between -1 and 1."""
    return (x % 3 - 1).astype(x.dtype) if x.dtype.kind == "i" else x


def _regular(d: Draw, shape: Any, wanted: Numbers = NUMBERS) -> Array:
    """Square matrices with a large diagonal."""
    x = _small(d.tensor(shape, wanted))
    return x + (6 * np.eye(shape[-1])).astype(x.dtype)


def _often_regular(d: Draw, shape: Any) -> Array:
    """The same, or zeros."""
    x = _regular(d, shape)
    return x if d.int(0, 7) else np.zeros_like(x)


def _others(d: Draw, shape: Any, wanted: Numbers = NUMBERS) -> Array:
    """Matrices of full rank, of any shape."""
    x = _small(d.tensor(shape, wanted))
    return x + (4 * np.eye(*shape[-2:])).astype(x.dtype)


def _adjoint(x: Array) -> Array:
    return np.conj(np.swapaxes(x, -1, -2))


def _hermitian(d: Draw) -> Array:
    x = _regular(d, d.of(*SQUARES))
    return ((x + _adjoint(x)) / 2).astype(x.dtype)


def _one(arguments: Any) -> Any:
    return lambda d: ((arguments(d),), {})


for _op, _reference, _dtype in (
    ("det", np.linalg.det, "floating"),
    ("logdet", lambda x: np.linalg.slogdet(x)[1], "real_floating"),
    ("slogdet", lambda x: list(np.linalg.slogdet(x)), ("floating", "real_floating")),
):
    fuzzed(_op, _reference, _dtype, 64.0, True)(_one(lambda d: _regular(d, d.of(*SQUARES))))


@fuzzed("inv", np.linalg.inv, "floating", 64.0, True)
def _inv(d: Draw) -> Any:
    return (_often_regular(d, d.of(*SQUARES)),), {}


@fuzzed("cholesky", lambda x, upper: (_adjoint if upper else np.asarray)(np.linalg.cholesky(x)), "floating", 64.0, True)
def _cholesky(d: Draw) -> Any:
    return (_hermitian(d),), {"upper": d.yes()}


def _inverse(x: Array, upper: bool) -> Array:
    x = np.triu(x).swapaxes(-1, -2) if upper else np.tril(x)
    return np.linalg.inv(x @ x.swapaxes(-1, -2))


@fuzzed("cholesky_inverse", _inverse, "floating", 256.0, True)
def _cholesky_inverse(d: Draw) -> Any:
    return (_regular(d, d.of(*SQUARES), Numbers("if", -1.0, 1.0)),), {"upper": d.yes()}


def _solved(a: Array, b: Array) -> Array:
    """Right-hand sides may be vectors."""
    vectors = b.ndim == a.ndim - 1
    return np.linalg.solve(a, b[..., None])[..., 0] if vectors else np.linalg.solve(a, b)


SYSTEMS = [((3, 3), (3,)), ((2, 2), (2, 3)), ((2, 3, 3), (2, 3)), ((2, 3, 3), (2, 3, 1)), ((0, 2, 2), (0, 2, 1)), ((2, 2), (3,))]


@fuzzed("solve", _solved, "floating", 64.0, True)
def _solve(d: Draw) -> Any:
    one, other = d.of(*SYSTEMS)
    return (_often_regular(d, one), _small(d.tensor(other, NUMBERS))), {}


@fuzzed("solve_triangular", lambda a, b, lower: _solved((np.tril if lower else np.triu)(a), b), "floating", 64.0, True)
def _solve_triangular(d: Draw) -> Any:
    one, other = d.of(*SYSTEMS)
    return (_often_regular(d, one), _small(d.tensor(other, NUMBERS))), {"lower": d.yes()}


@fuzzed("pinv", np.linalg.pinv, "floating", 256.0, True)
def _pinv(d: Draw) -> Any:
    return (_others(d, d.of(*OTHERS)),), {}


@fuzzed("lstsq", lambda a, b: np.linalg.lstsq(a, b)[0], "floating", 256.0, True)
def _lstsq(d: Draw) -> Any:
    one, other = d.of(((3, 2), (3,)), ((2, 3), (2, 2)), ((4, 2), (4, 1)), ((3, 3), (3, 2)))
    return (_others(d, one), _small(d.tensor(other, NUMBERS))), {}


@fuzzed("matrix_rank", np.linalg.matrix_rank, "int32", 0.0)
def _matrix_rank(d: Draw) -> Any:
    x = np.rint(d.tensor(d.of((3, 3), (2, 4, 3), (2, 2), (3,)), Numbers("f")))
    if d.yes():
        x[..., -1] = x[..., 0]
    return (x,), {}


NORMS = [(None, 0), (None, 1), (None, 2), (None, None), (1, 1), (2, 1), (0, 1), (3, 1), (np.inf, 1), (-np.inf, 1), (-1, 1)]
MATRIX_NORMS = [("fro", 2), ("nuc", 2), (1, 2), (-1, 2), (2, 2), (-2, 2), (np.inf, 2), (-np.inf, 2)]


@fuzzed("norm", np.linalg.norm, real_floating, 64.0, True)
def _norm(d: Draw) -> Any:
    order, count = d.of(*NORMS, *MATRIX_NORMS)
    x = d.tensor(d.shape(max(count or 0, 1)), Numbers("uifc", 0.5, 2.0, "mild" if order in (None, 1) else ""))
    axes = d.permutation(x.ndim)[:count]
    axis = None if not count else axes[0] if count == 1 else axes
    return (x,), {"ord": order, "axis": axis, "keepdims": d.yes()}


# Factorizations


def _unit(x: Array) -> Array:
    """The identity for each of the matrices x^H x."""
    return np.broadcast_to(np.eye(x.shape[-1]), (*x.shape[:-2], x.shape[-1], x.shape[-1]))


def _of_qr(found: Any, x: Array, mode: str) -> Any:
    q, r = found
    return [q @ r, _adjoint(q) @ q, np.tril(r, -1)]


def _qr(x: Array, mode: str) -> Any:
    q, r = np.linalg.qr(x, mode)
    return [x, _unit(q), 0 * r]


@fuzzed("qr", _qr, ("floating", "floating"), 64.0, True, _of_qr)
def _orthogonal(d: Draw) -> Any:
    return (_others(d, d.of(*OTHERS, *SQUARES)),), {"mode": d.of("reduced", "complete")}


def _of_svd(found: Any, x: Array, full_matrices: bool) -> Any:
    u, s, vh = found
    k = s.shape[-1]
    return [u[..., :k] * s[..., None, :] @ vh[..., :k, :], _adjoint(u) @ u, vh @ _adjoint(vh), s]


def _svd(x: Array, full_matrices: bool) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices)
    return [x, _unit(u), _unit(_adjoint(vh)), s]


@fuzzed("svd", _svd, ("floating", "real_floating", "floating"), 64.0, True, _of_svd)
def _singular(d: Draw) -> Any:
    return (_others(d, d.of(*OTHERS, *SQUARES)),), {"full_matrices": d.yes()}


def _of_eigh(found: Any, x: Array) -> Any:
    w, v = found
    return [v * w[..., None, :] @ _adjoint(v), _adjoint(v) @ v, w]


fuzzed(
    "eigh", lambda x: [x, _unit(x), np.linalg.eigvalsh(x)], ("real_floating", "floating"), 64.0, True, _of_eigh
)(_one(_hermitian))  # fmt: skip


def _polynomials(w: Array) -> Array:
    """The polynomials whose roots are these: in no order."""
    rows = [np.poly(row) for row in w.reshape(-1, w.shape[-1])]
    return np.reshape(rows, (*w.shape[:-1], w.shape[-1] + 1))


def _of_eig(found: Any, x: Array) -> Any:
    w, v = found
    return [x + (x @ v - v * w[..., None, :]), np.linalg.norm(v, axis=-2), _polynomials(w)]


def _complex(*dtypes: str) -> str:
    return "complex64" if first(*dtypes) != "float64" else "complex128"


fuzzed(
    "eig", lambda x: [x, np.ones(x.shape[:-1]), _polynomials(np.linalg.eigvals(x))], (_complex, _complex), 64.0, True, _of_eig
)(_one(lambda d: _regular(d, d.of(*SQUARES))))  # fmt: skip


def _of_lu(found: Any, x: Array) -> Any:
    packed, pivots = found
    m, n = x.shape[-2:]
    k = min(m, n)
    y = (np.tril(packed, -1)[..., :k] + np.eye(m, k)) @ np.triu(packed)[..., :k, :]
    for place in np.ndindex(*x.shape[:-2]):
        for i in reversed(range(k)):
            y[place][[i, pivots[place][i]]] = y[place][[pivots[place][i], i]]
    most = 1.4143 if x.dtype.kind == "c" else 1.0001  # of complex numbers LAPACK compares |re| + |im|
    return [y, np.abs(np.tril(packed, -1)[..., :k]) <= most]


fuzzed(
    "lu_factor", lambda x: [x, np.ones((*x.shape[:-1], min(x.shape[-2:])), bool)], ("floating", "int32"), 64.0, True, _of_lu
)(_one(lambda d: _small(d.tensor(d.of(*SQUARES, *OTHERS), NUMBERS))))  # fmt: skip


# Distances


def _distances(x: Array, y: Array) -> Array:
    pairs = zip(x.reshape(-1, *x.shape[-2:]), y.reshape(-1, *y.shape[-2:]), strict=True)
    return np.reshape([scipy.spatial.distance.cdist(a, b) for a, b in pairs], (*x.shape[:-1], y.shape[-2]))


@fuzzed("cdist", _distances, "floating", 64.0, True, None, factors)
def _cdist(d: Draw) -> Any:
    one, other = d.of(((4, 3), (2, 3)), ((2, 3, 2), (2, 1, 2)), ((1, 1), (3, 1)))
    return (d.tensor(one, Numbers("if")), d.tensor(other, Numbers("if"))), {}
