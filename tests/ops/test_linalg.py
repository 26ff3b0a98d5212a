"""Linear algebra against NumPy and SciPy."""

import numpy as np
import pytest
import scipy.linalg

from cornu import ops

RNG = np.random.default_rng(0)
A = RNG.normal(size=(2, 3, 3)).astype("float32") + 2 * np.eye(3, dtype="float32")
TALL = RNG.normal(size=(2, 4, 3)).astype("float32")
POSITIVE = A @ A.transpose(0, 2, 1)
LOW_RANK = (RNG.normal(size=(4, 2)) @ RNG.normal(size=(2, 3))).astype("float32")


def symmetric(x):
    return ops.multiply(ops.add(x, ops.swapaxes(x, -1, -2)), 0.5)


CASES = {
    "cholesky": (lambda x: ops.cholesky(symmetric(x)), (POSITIVE,), np.linalg.cholesky(POSITIVE)),
    "cholesky upper": (
        lambda x: ops.cholesky(symmetric(x), upper=True),
        (POSITIVE,),
        np.linalg.cholesky(POSITIVE).transpose(0, 2, 1),
    ),
    "cholesky_inverse": (ops.cholesky_inverse, (np.linalg.cholesky(POSITIVE),), np.linalg.inv(POSITIVE)),
    "cholesky_inverse upper": (
        lambda x: ops.cholesky_inverse(x, upper=True),
        (np.linalg.cholesky(POSITIVE).transpose(0, 2, 1),),
        np.linalg.inv(POSITIVE),
    ),
    "det": (ops.det, (A,), np.linalg.det(A)),
    "logdet": (ops.logdet, (POSITIVE,), np.linalg.slogdet(POSITIVE)[1]),
    "inv": (ops.inv, (A,), np.linalg.inv(A)),
    "pinv": (ops.pinv, (TALL,), np.linalg.pinv(TALL)),
    "solve": (ops.solve, (A, TALL[:, :3]), np.linalg.solve(A, TALL[:, :3])),
    "solve vector": (ops.solve, (A[0], TALL[0, 0]), np.linalg.solve(A[0], TALL[0, 0])),
    "solve vectors": (ops.solve, (A, TALL[:, 0]), np.linalg.solve(A, TALL[:, 0, :, None])[..., 0]),
    "solve_triangular": (ops.solve_triangular, (A, TALL[:, :3]), np.linalg.solve(np.triu(A), TALL[:, :3])),
    "solve_triangular lower": (
        lambda a, b: ops.solve_triangular(a, b, lower=True),
        (A[0], TALL[0, 0]),
        scipy.linalg.solve_triangular(A[0], TALL[0, 0], lower=True),
    ),
    "lstsq": (ops.lstsq, (TALL[0], RNG.normal(size=4).astype("float32")), None),
    "svd values": (lambda x: ops.svd(x, compute_uv=False), (TALL,), np.linalg.svd(TALL, compute_uv=False)),
    "qr": (lambda x: ops.qr(x)[1], (TALL,), None),
    "eigh": (lambda x: ops.eigh(symmetric(x))[0], (POSITIVE,), np.linalg.eigvalsh(POSITIVE)),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(check, case):
    fn, arrays, expected = CASES[case]
    square = any(x.ndim < 3 for x in arrays)  # without a batch, the first size is one of the matrix
    check(fn, *arrays, expected=expected, rtol=2e-4, atol=1e-5, unknown=not square)


def test_lstsq(engine):
    b = RNG.normal(size=(4, 2)).astype("float32")
    for a, rcond in ((TALL[0], None), (LOW_RANK, 1e-4)):
        got = ops.convert_to_numpy(ops.lstsq(a, b, rcond))
        np.testing.assert_allclose(got, np.linalg.lstsq(a, b, rcond)[0], rtol=1e-3, atol=1e-4)
    assert ops.convert_to_numpy(ops.lstsq(TALL[0], b[:, 0])).shape == (3,)


def test_factors(engine):
    n = ops.convert_to_numpy
    u, s, vh = (n(x) for x in ops.svd(TALL))
    assert u.shape == (2, 4, 4)
    np.testing.assert_allclose(u[..., :3] * s[:, None] @ vh, TALL, atol=1e-5)
    assert n(ops.svd(TALL, full_matrices=False)[0]).shape == (2, 4, 3)
    for mode, shape in (("reduced", (2, 4, 3)), ("complete", (2, 4, 4))):
        q, r = (n(x) for x in ops.qr(TALL, mode))
        assert q.shape == shape
        np.testing.assert_allclose(q @ r, TALL, atol=1e-5)
    w, v = (n(x) for x in ops.eigh(POSITIVE))
    np.testing.assert_allclose(v * w[:, None] @ v.transpose(0, 2, 1), POSITIVE, rtol=1e-4, atol=1e-4)
    w, v = (n(x) for x in ops.eig(A))
    np.testing.assert_allclose(A @ v, v * w[:, None], atol=1e-4)
    packed, pivots = (n(x) for x in ops.lu_factor(A))
    for i in range(2):
        expected, rows = scipy.linalg.lu_factor(A[i])
        np.testing.assert_allclose(packed[i], expected, rtol=1e-4, atol=1e-5)
        assert pivots[i].tolist() == rows.tolist()


def test_matrix_rank(engine):
    assert ops.convert_to_numpy(ops.matrix_rank(LOW_RANK)).item() == 2
    assert ops.convert_to_numpy(ops.matrix_rank(A)).tolist() == [3, 3]
    assert ops.convert_to_numpy(ops.matrix_rank(np.diag([5.0, 1.0, 0.1]), tol=0.5)).item() == 2
    assert ops.convert_to_numpy(ops.matrix_rank(np.zeros(3))).item() == 0


X = RNG.normal(size=(2, 3, 4)).astype("float32")
NORMS = [
    (None, None), (None, 1), (2, -1), (1, 0), (3, 1), (0.5, 1), (-1, 1), (np.inf, 1), (-np.inf, 1), (0, 1), ("inf", 2),
    (None, (0, 2)),
    ("fro", (1, 2)), ("nuc", (0, 2)), (1, (1, 2)), (-1, (2, 0)), (2, (0, 1)), (-2, (1, 2)), (np.inf, (1, 0)), (-np.inf, (1, 2)),
]  # fmt: skip


@pytest.mark.parametrize("ord, axis", NORMS)
def test_norm(check, ord, axis):
    for keepdims in (False, True):
        expected = np.linalg.norm(X, np.inf if ord == "inf" else ord, axis, keepdims)
        check(lambda x: ops.norm(x, ord, axis, keepdims), X, expected=expected, rtol=1e-4, gradient=not keepdims and ord != 0)  # noqa: B023


def test_norm_of_nothing_has_a_gradient(engine):
    assert ops.convert_to_numpy(ops.grad(lambda x: ops.norm(x))(np.zeros(3, "float32"))).tolist() == [0, 0, 0]
    assert ops.convert_to_numpy(ops.norm(np.array([3, 4]))).item() == 5


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ops.cholesky(TALL), r"cholesky: expected square matrices \(..., n, n\), got shape \(2, 4, 3\)"),
        (lambda: ops.inv(np.zeros(3)), "inv: expected square matrices"),
        (lambda: ops.solve(A[0], np.zeros(4)), "solve: matrices of shape .* and right-hand sides of shape .* don't fit"),
        (lambda: ops.qr(A, "full"), "qr: mode must be 'reduced' or 'complete', got 'full'"),
        (lambda: ops.norm(X, "fro"), "norm: there is no ord 'fro' over 3 axes"),
        (lambda: ops.norm(X, "nuclear", (0, 1)), "norm: there is no ord 'nuclear'"),
        (lambda: ops.norm(X, axis=3), "norm: axis 3 is out of bounds"),
    ],
)
def test_bad_input(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call()


def cofactors(x):
    """By the definition: determinants of what is left without a row and a column."""
    n = len(x)
    minor = lambda i, j: np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) if n > 1 else 1.0  # noqa: E731
    return np.array([[(-1) ** (i + j) * minor(i, j) for j in range(n)] for i in range(n)])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_gradients_of_determinants_of_every_rank(engine, n):
    rng = np.random.default_rng(n)
    x = np.stack([rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n)) for rank in range(n + 1)])
    found = ops.grad(lambda x: ops.sum(ops.det(x)))(ops.convert_to_tensor(x))
    np.testing.assert_allclose(ops.convert_to_numpy(found), np.stack(list(map(cofactors, x))), atol=1e-13)


@pytest.mark.parametrize("x", [np.eye(3), np.diag([2.0, 1.0, 0.0]), np.diag([1.0, 0.0, 0.0]), RNG.normal(size=(3, 3))])
def test_second_derivatives_of_determinants(engine, x):
    v = np.random.default_rng(5).normal(size=(3, 3))
    found = ops.hvp(ops.det, [ops.convert_to_tensor(x)], [ops.convert_to_tensor(v)])[0]
    slope = (cofactors(x + 1e-5 * v) - cofactors(x - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(ops.convert_to_numpy(found), slope, atol=1e-8)


def test_cholesky_of_what_is_not_positive_definite_is_nan(engine):
    x = np.stack([POSITIVE[0], -POSITIVE[0]])
    found = ops.convert_to_numpy(ops.cholesky(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(found[0], np.linalg.cholesky(x[0]), rtol=1e-4)
    assert np.isnan(found[1][np.tril_indices(3)]).all()
