"""The promotion lattice: its laws, some known values, and that it is JAX's."""

import functools
import itertools

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cornu.primitives import dtypes as dt

NAMES = (*dt.DTYPES, "int", "float", "complex")
names = st.sampled_from(NAMES)


@given(names, names)
def test_join_is_commutative(a, b):
    assert dt.join(a, b) == dt.join(b, a)


@given(names, names, names)
def test_join_is_associative(a, b, c):
    assert dt.join(dt.join(a, b), c) == dt.join(a, dt.join(b, c))


@given(names)
def test_join_is_idempotent(a):
    assert dt.join(a, a) == a


@given(names, names)
def test_join_is_an_upper_bound(a, b):
    both = dt.join(a, b)
    assert dt.join(a, both) == both == dt.join(b, both)


@given(st.lists(names, min_size=1, max_size=5), st.randoms())
def test_result_type_depends_on_no_order(row, random):
    shuffled = random.sample(row, len(row))
    assert dt.result_type(*row) == dt.result_type(*shuffled) in dt.DTYPES


@pytest.mark.parametrize(
    "operands, result",
    [
        (("bool", "bool"), "bool"),
        (("bool", "int8"), "int8"),
        (("uint8", "int8"), "int16"),
        (("uint32", "int32"), "int64"),
        (("uint64", "int64"), "float32"),
        (("int64", "float16"), "float16"),
        (("int32", "bfloat16"), "bfloat16"),
        (("bfloat16", "float16"), "float32"),
        (("float32", "float64"), "float64"),
        (("float64", "complex64"), "complex128"),
        (("int8", "int"), "int8"),
        (("uint8", "int"), "uint8"),
        (("int8", "float"), "float32"),
        (("float16", "float"), "float16"),
        (("bfloat16", "int"), "bfloat16"),
        (("float64", "float"), "float64"),
        (("float16", "complex"), "complex64"),
        (("float64", "complex"), "complex128"),
        (("bool", "int"), "int32"),
        (("int", "float"), "float32"),
        (("int",), "int32"),
        (("float",), "float32"),
        (("complex",), "complex64"),
    ],
)
def test_known_values(operands, result):
    assert dt.result_type(*operands) == result


def test_weak_floats_become_floatx(monkeypatch):
    monkeypatch.setattr("cornu.config.floatx", lambda: "float64")
    assert dt.result_type("int", "float") == "float64"
    assert dt.result_type("int8", "float") == "float64"
    assert dt.result_type("float16", "float") == "float16"
    assert dt.result_type("complex") == "complex128"
    assert dt.to_float("int32") == "float64"


def test_it_is_the_lattice_of_jax():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    weak = {"int": 1, "float": 1.0, "complex": 1j}
    with jax.enable_x64(True):
        for a, b in itertools.product(NAMES, NAMES):
            ours = dt.join(a, b)
            if ours not in weak:
                theirs = jax.numpy.result_type(*[weak[n] if n in weak else dt.numpy_dtype(n) for n in (a, b)])
                assert ours == theirs.name, (a, b)


@pytest.mark.parametrize("name", dt.DTYPES)
def test_names_and_numpy_dtypes(name):
    dtype = dt.numpy_dtype(name)
    assert dt.name_of(dtype) == dt.name_of(name) == dt.name_of(dtype.type) == name
    assert dt.itemsize(name) == dtype.itemsize


@pytest.mark.parametrize(
    "given, name",
    [
        ("float", "float32"),
        ("int", "int32"),
        (float, "float32"),
        (int, "int32"),
        (bool, "bool"),
        (complex, "complex64"),
        (np.float16, "float16"),
        (ml_dtypes.bfloat16, "bfloat16"),
        (np.dtype("uint8"), "uint8"),
    ],
)
def test_what_may_be_given_as_a_dtype(given, name):
    assert dt.name_of(given) == name


@pytest.mark.parametrize("wrong", ["float8", "str", np.dtype("datetime64[s]"), np.str_, object(), None])
def test_what_is_no_dtype(wrong):
    with pytest.raises(ValueError, match=r"Invalid dtype: .*Expected one of: bool, uint8"):
        dt.name_of(wrong)


def test_kinds():
    for name in dt.DTYPES:
        kind = dt.numpy_dtype(name).kind
        assert dt.is_integer(name) == (kind in "iu")
        assert dt.is_float(name) == (kind == "f" or name == "bfloat16")
        assert dt.is_differentiable(name) == (dt.is_float(name) or kind == "c")
        assert dt.to_float(name) == (name if dt.is_differentiable(name) else "float32")
    assert dt.real_part("complex128") == dt.real_part("float64") == "float64"
    assert dt.with_imaginary("float64") == "complex128" and dt.with_imaginary("bfloat16") == "complex64"


def test_sums_of_small_integers_widen():
    widened = {name: dt.accumulate(name) for name in dt.DTYPES if dt.accumulate(name) != name}
    assert widened == {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def test_every_order_gives_one_result():
    for row in itertools.product(NAMES, repeat=3):
        assert len({functools.reduce(dt.join, order) for order in itertools.permutations(row)}) == 1, row
