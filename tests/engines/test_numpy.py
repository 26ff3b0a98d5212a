"""Compiled programs of the NumPy engine against the table's references, primitive by primitive and in chains."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import cornu
from cornu import ops
from cornu import primitives as P
from cornu.contract.conformance.reference import REFERENCE
from cornu.contract.program import Program

RNG = np.random.default_rng(0)


def arrays(*shapes, dtype="float32"):
    """Numbers among which are infinities, NaNs and zeros of both signs."""
    made = []
    for shape in shapes:
        x = RNG.normal(size=shape).astype(dtype)
        for value in (np.inf, -np.inf, np.nan, 0.0, -0.0):
            x[RNG.random(shape) < 0.06] = value
        made.append(x)
    return made


def check(fn, *operands, rtol=0.0):
    """Twice, since a program must not write into what it was given."""
    given = [x.copy() for x in operands]
    with cornu.engine(REFERENCE), np.errstate(all="ignore"):
        expected = fn(*operands)
    with cornu.engine("numpy"):
        program = Program(fn)
        for _ in range(2):
            for found, right in zip(program(*operands), expected, strict=True):
                assert found.dtype == right.dtype and found.shape == right.shape
                np.testing.assert_allclose(found, right, rtol=rtol)
                if not rtol:
                    np.testing.assert_array_equal(np.signbit(found), np.signbit(right))
    for x, before in zip(operands, given, strict=True):
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "float16"])
def test_choosing_between_a_tensor_and_a_number(dtype):
    x = arrays((5, 7), dtype=dtype)[0] if dtype.startswith("f") else RNG.integers(-3, 4, (5, 7)).astype(dtype)
    condition = RNG.random((5, 7)) < 0.5
    for value in (0, -0.0, 1.0) if dtype.startswith("f") else (0, 1):
        check(lambda c, x, value=value: [P.where(c, x, value), P.where(c, value, x)], condition, x)
    check(lambda c, x: [P.where(c, x, 0), P.where(c, 0, x)], condition[:, :1], x)
    check(lambda c, x: [P.where(c, P.reshape(x, shape=(35, 1)), 0)], condition[0], x)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
def test_sums(dtype, keepdims):
    for rank in (0, 1, 2, 3):
        x = (10 * RNG.random((3, 4, 5)[:rank])).astype(dtype)
        for count in range(rank + 1):
            for axes in itertools.combinations(range(rank), count):
                check(lambda x, axes=axes: [P.sum(x, axes=axes, keepdims=keepdims)], x, rtol=1e-6)
    check(lambda x: [P.sum(x, axes=(0,)), P.sum(x, axes=(1,))], np.zeros((0, 3), "float32"), rtol=1e-6)


@pytest.mark.parametrize(
    "shapes", [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((4, 5), (2, 5, 3)), ((0, 4), (4, 5))]
)
def test_matrix_products(shapes):
    x1, x2 = (RNG.normal(size=shape).astype("float32") for shape in shapes)
    turned = tuple(range(x1.ndim - 2)) + (x1.ndim - 1, x1.ndim - 2)
    check(lambda x1, x2: [P.matmul(x1, x2)], x1, x2, rtol=1e-5)
    check(lambda x1, x2: [P.matmul(P.transpose(x1, axes=turned), x2)], x1.transpose(turned), x2, rtol=1e-5)


def test_parts_and_casts():
    x = arrays((5, 7))[0]
    check(
        lambda x: [
            P.slice(x, start=(1, 0), limit=(4, 7), strides=(2, 3)),
            P.slice(x, start=(0, 2), limit=(5, 2), strides=(1, 1)),
        ],
        x,
    )
    for have, want in itertools.product(
        ["bool", "int32", "uint8", "float16", "float32", "float64"], ["float32", "float64", "int32", "bool"]
    ):
        check(lambda x, want=want: [P.cast(x, dtype=want)], (9 * RNG.random((5, 7))).astype(have))
    zero = np.float32(-1)
    for low, high, interior in (((1, 0), (0, 2), (0, 0)), ((0, -1), (2, 0), (0, 0)), ((0, 1), (0, 0), (1, 2))):
        check(lambda x, low=low, high=high, interior=interior: [P.pad(x, zero, low=low, high=high, interior=interior)], x)


@pytest.mark.parametrize(("window", "strides"), [((2, 2), (2, 2)), ((3, 2), (1, 2)), ((2, 2), (3, 3))])
@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 0), (0, 1))])
def test_gradient_of_pooling_with_ties(window, strides, padding):
    x = np.round(RNG.normal(size=(2, 7, 6, 3))).astype("float32")
    settings = {"window": window, "strides": strides, "padding": padding}

    def gradient(x, scale):
        y = P.max_pool(x, **settings)
        return [P.max_pool_grad(x, y, P.multiply(y, scale), **settings)]

    check(gradient, x, np.float32(1.5), rtol=1e-6)


def test_chains_where_memory_is_used_again():
    def program(x, y):
        a = P.exp(P.multiply(x, 0.5))
        b = P.reshape(a, shape=(35,))
        c = P.multiply(P.add(a, y), P.subtract(a, y))
        d = P.negative(P.transpose(c, axes=(1, 0)))
        e = P.add(P.broadcast_to(P.sum(c, axes=(1,), keepdims=True), shape=(5, 7)), c)
        return [b, c, P.abs(d), P.multiply(e, e), P.cast(P.greater(e, a), dtype="float32")]

    check(program, *[RNG.normal(size=(5, 7)).astype("float32") for _ in "xy"], rtol=1e-5)


@pytest.mark.parametrize(("length", "reverse"), [(4, False), (4, True), (1, True)])
def test_scans(length, reverse):
    def program(state, xs, weight):
        def body(state, x, weight):
            new = P.tanh(P.add(P.matmul(state, weight), x))
            return [new, new, state]

        return P.scan(state, xs, weight, body_fn=body, n_carry=1, n_xs=1, length=length, reverse=reverse)

    check(program, *[RNG.normal(size=shape).astype("float32") for shape in ((2, 3), (length, 2, 3), (3, 3))], rtol=1e-5)


@pytest.mark.parametrize("values", ["all different", "equal ones", "edges"])
@pytest.mark.parametrize("axis", [0, 1])
def test_argsort_is_stable_where_it_is_quick_too(values, axis):
    x = RNG.permutation(200 * 70).reshape(200, 70).astype("float32")
    if values == "equal ones":
        x = x // 100
    elif values == "edges":
        x = np.where(x % 9 == 0, [np.nan, np.inf] * 35, np.where(x % 7 == 0, -0.0, x))
    wanted = np.argsort(x, axis=axis, kind="stable")
    with cornu.engine("numpy"):
        found = P.argsort(x.astype("float32"), axis=axis)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == "int32"


def test_infinities_and_nans_are_values_without_warnings():
    """Neither does another engine warn; and what the user has asked NumPy to do with errors stays the user's."""
    with cornu.engine("numpy"), warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        assert np.isinf(ops.exp(np.float32([1000]))).all() and np.isinf(ops.log(np.float32([0]))).all()
        large = np.full((2, 2), 3e38, "float32")
        assert np.isnan(ops.divide(np.float32([0]), 0)).all() and np.isinf(ops.matmul(large, large)).all()
        assert np.isinf(ops.sum(large)) and np.isinf(ops.mean(large)) and ops.maximum(np.float32([1]), 2) == 2
        assert np.isinf(Program(ops.exp)(np.float32([1000]))).all()
        with pytest.raises(FloatingPointError):
            np.exp(np.float32(1000))
