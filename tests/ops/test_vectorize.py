"""`ops.vectorize` against `numpy.vectorize`."""

from __future__ import annotations

import numpy as np
import pytest

from cornu import ops

A, B = np.arange(6.0).reshape(2, 3), np.arange(3.0)


def test_scalars_broadcast(engine):
    vectorized = ops.vectorize(lambda a, b: ops.where(a > b, a - b, a + b))
    expected = np.vectorize(lambda a, b: a - b if a > b else a + b)(A, B)
    np.testing.assert_allclose(ops.convert_to_numpy(vectorized(A, B)), expected)


def test_signature_and_excluded(engine):
    vectorized = ops.vectorize(lambda m, v, scale: ops.matmul(m, v) * scale, excluded={2}, signature="(m,n),(n)->(m)")
    m = np.arange(24.0).reshape(4, 2, 3)
    np.testing.assert_allclose(ops.convert_to_numpy(vectorized(m, B, 2.0)), m @ B * 2)


def test_a_signature_that_does_not_fit():
    with pytest.raises(ValueError, match="can't read the signature"):
        ops.vectorize(ops.sum, signature="n->")
    with pytest.raises(ValueError, match=r"doesn't fit arguments of shapes \(3,\)"):
        ops.vectorize(ops.sum, signature="(m,n)->()")(B)
