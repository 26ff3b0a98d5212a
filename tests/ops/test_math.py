"""Special functions, segments, the largest elements, distances, Fourier transforms."""

import numpy as np
import pytest
import scipy.signal
import scipy.special
from scipy.spatial.distance import cdist

from cornu import ops
from cornu.contract.program import Program
from cornu.ops.symbolic import KerasTensor

RNG = np.random.default_rng(0)
SIGNAL = RNG.normal(size=(2, 20)).astype("float32")


@pytest.mark.parametrize(
    "fn, reference, x",
    [
        (ops.erf, scipy.special.erf, [-3.0, -0.5, 0.0, 1e-3, 2.0]),
        (ops.erfc, scipy.special.erfc, [-3.0, -0.5, 0.0, 0.499, 0.501, 1.0, 4.0, 9.0]),
        (ops.erfinv, scipy.special.erfinv, [-0.9, 0.0, 1e-3, 0.7]),
        (ops.rsqrt, lambda x: 1 / np.sqrt(x), [0.1, 1.0, 30.0]),
    ],
)
def test_special_functions(check, fn, reference, x):
    x = np.array(x, "float32")
    check(fn, x, expected=reference(x.astype("float64")), rtol=3e-5, atol=0)


def test_erfc_in_double_precision(engine):
    x = np.linspace(-5, 25, 101)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.erfc(x)), scipy.special.erfc(x), rtol=1e-12)


@pytest.mark.parametrize("axis, keepdims", [(None, False), (1, True), ((0, 2), False)])
def test_logsumexp(check, axis, keepdims):
    x = RNG.normal(size=(2, 3, 4)).astype("float32") * 50
    expected = scipy.special.logsumexp(x, axis=axis, keepdims=keepdims)
    check(lambda x: ops.logsumexp(x, axis, keepdims), x, expected=expected)


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "int64", "bool"])
def test_top_k(check, dtype):
    x = np.array([[3, 250, 7, 250], [0, 1, 1, 2]]).astype(dtype)
    order = np.argsort(-x.astype("float64"), axis=-1, kind="stable")[:, :3].astype("int32")
    expected = np.take_along_axis(x, order, -1), order
    check(lambda x: ops.top_k(x, 3), x, expected=expected, gradient=False)


def test_top_k_of_nans_and_zeros(engine):
    x = np.array([[0.0, np.nan, -0.0, np.inf, -np.nan, 0.0]], "float32")
    values, indices = ops.top_k(x, 5)
    assert ops.convert_to_numpy(indices).tolist() == [[1, 4, 3, 0, 2]]
    np.testing.assert_array_equal(ops.convert_to_numpy(values), [[np.nan, np.nan, np.inf, 0, 0]])


def test_top_k_chooses_as_a_stable_sort(engine):
    """Rows with and without equals on both sides of the border, and NaN; eagerly and compiled."""
    x = np.random.default_rng(0).normal(size=(6, 4, 90)).astype("float32")
    x[1] = np.round(x[1])
    x[2, :, ::7] = np.nan
    x[3] = np.round(x[3] * 4)
    x[3, :, ::30] = np.nan
    wanted = np.argsort(-np.where(np.isnan(x), np.inf, x), axis=-1, kind="stable")  # no infinities in x
    for k in (1, 10, 89, 90):
        for op in (ops.top_k, Program(ops.top_k)):
            values, indices = map(ops.convert_to_numpy, op(ops.convert_to_tensor(x), k))
            np.testing.assert_array_equal(indices, wanted[..., :k])
            np.testing.assert_array_equal(values, np.take_along_axis(x, wanted[..., :k], -1))


def test_gradient_of_top_k(check):
    check(lambda x: ops.top_k(x, 2)[0], RNG.normal(size=(3, 5)).astype("float32"))


def test_in_top_k(engine):
    predictions = np.array([[0.1, 0.9, 0.9], [0.3, 0.3, 0.4], [np.nan, 0.2, 0.1]], "float32")
    assert ops.convert_to_numpy(ops.in_top_k(np.array([1, 0, 0]), predictions, 1)).tolist() == [True, False, False]
    assert ops.convert_to_numpy(ops.in_top_k(np.array([2, 0, 1]), predictions, 2)).tolist() == [True, True, True]


def test_cdist(check):
    x, y = RNG.normal(size=(4, 3)).astype("float32"), RNG.normal(size=(5, 3)).astype("float32")
    check(ops.cdist, x, y, expected=cdist(x, y))
    zero = ops.grad(lambda x: ops.sum(ops.cdist(x, x)))(x[:1])
    assert ops.convert_to_numpy(zero).tolist() == [[0, 0, 0]]


SEGMENTS = np.array([0, 2, 0, 5, -1, 2])


@pytest.mark.parametrize(
    "fn, combine, empty",
    [
        (ops.segment_sum, np.sum, 0),
        (ops.segment_prod, np.prod, 1),
        (ops.segment_max, np.max, -np.inf),
        (ops.segment_min, np.min, np.inf),
    ],
)
def test_segments(check, fn, combine, empty):
    data = RNG.normal(size=(6, 2)).astype("float32")
    expected = np.stack([combine(data[np.equal(SEGMENTS, i)], axis=0) if i in SEGMENTS else np.full(2, empty) for i in range(4)])
    check(lambda x: fn(x, SEGMENTS, 4), data, expected=expected, gradient=False, unknown=False)
    finite = np.array([0, 1, 1, 0, 1, 1])
    check(lambda x: fn(x, finite, 2), data, unknown=False)


def test_segments_of_integers(engine):
    got = ops.convert_to_numpy(ops.segment_max(np.array([4, 2, 3], "int32"), np.array([0, 0, 2]), 3))
    assert got.tolist() == [4, np.iinfo("int32").min, 3]
    assert ops.convert_to_numpy(ops.segment_sum(np.array([4, 2, 3], "int32"), np.array([0, 0, 2]))).tolist() == [6, 0, 3]


def test_the_number_of_segments_must_be_known(engine):
    assert ops.segment_sum(KerasTensor((3, 2)), KerasTensor((3,), "int32")).shape == (None, 2)
    if not engine.host.eager or engine.host.name == "numpy":  # where programs are recorded
        with pytest.raises(TypeError, match="segment_sum without num_segments: the shape of the result depends on values"):
            Program(ops.segment_sum)(ops.ones((3,)), ops.convert_to_tensor(np.array([0, 1, 1])))


# Fourier


def pair(z):
    return z.real.astype("float32"), z.imag.astype("float32")


Z = (RNG.normal(size=(2, 4, 6)) + 1j * RNG.normal(size=(2, 4, 6))).astype("complex64")


@pytest.mark.parametrize(
    "fn, reference", [(ops.fft, np.fft.fft), (ops.fft2, np.fft.fft2), (ops.ifft2, np.fft.ifft2)], ids=["fft", "fft2", "ifft2"]
)
def test_complex_transforms(check, fn, reference):
    check(lambda re, im: fn((re, im)), *pair(Z), expected=pair(reference(Z)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [None, 8, 5, 4])
def test_real_transforms(check, length):
    x = RNG.normal(size=(2, 6)).astype("float32")
    check(lambda x: ops.rfft(x, length), x, expected=pair(np.fft.rfft(x, length)), rtol=1e-4, atol=1e-5)
    z = Z[0, :, :4]
    check(lambda re, im: ops.irfft((re, im), length), *pair(z), expected=np.fft.irfft(z, length), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("window", ["hann", "hamming", None])
@pytest.mark.parametrize("center", [True, False])
def test_stft(check, window, center):
    shape = np.pad(scipy.signal.get_window(window or "boxcar", 6), 1)
    x = np.pad(SIGNAL, [(0, 0), (4, 4)], mode="reflect") if center else SIGNAL
    frames = np.stack([x[:, i : i + 8] * shape for i in range(0, x.shape[1] - 7, 3)], 1)
    expected = pair(np.fft.rfft(frames))
    check(lambda x: ops.stft(x, 6, 3, 8, window, center), SIGNAL, expected=expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [None, 18])
def test_istft_undoes_it(check, length):
    there_and_back = lambda x: ops.istft(ops.stft(x, 8, 4, 8), 8, 4, 8, length)  # noqa: E731
    check(there_and_back, SIGNAL, expected=SIGNAL[:, :length], atol=1e-5)
    given = np.hanning(9)[:-1].astype("float32") + 0.1
    got = ops.istft(ops.stft(SIGNAL, 8, 4, 8, given, False), 8, 4, 8, window=given, center=False)
    np.testing.assert_allclose(ops.convert_to_numpy(got), SIGNAL, atol=1e-5)


def test_extract_sequences(check):
    expected = np.stack([SIGNAL[:, i : i + 6] for i in (0, 5, 10)], 1)
    check(lambda x: ops.extract_sequences(x, 6, 5), SIGNAL, expected=expected)


def test_views_of_complex_numbers(engine):
    x = np.stack(pair(Z), -1)
    assert ops.dtype(ops.view_as_complex(x)) == "complex64"
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.view_as_complex(x)), Z)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.view_as_real(Z)), x)
    assert ops.view_as_complex(KerasTensor((None, 2))).shape == (None,)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ops.top_k(np.zeros(3), 4), r"top_k: there are no 4 elements along the last axis of a tensor of shape \(3,\)"),
        (lambda: ops.cdist(np.zeros((2, 3)), np.zeros((2, 4))), "cdist: expected rows of one length"),
        (
            lambda: ops.segment_sum(np.zeros((2, 3)), np.zeros(3, int), 2),
            "segment_sum: data of shape .* needs one segment id per row",
        ),
        (lambda: ops.fft(np.zeros(3)), "fft: expected a pair of real and imaginary part"),
        (lambda: ops.fft2((np.zeros(3), np.zeros(3))), "fft2: expected a tensor of rank 2 or more"),
        (lambda: ops.stft(np.zeros(20), 4, 2, 4, window="kaiser"), "stft: there is no window 'kaiser'"),
        (lambda: ops.stft(np.zeros(20), 6, 2, 4), "stft: a window of shape .* doesn't fit sequence_length 6 and fft_length 4"),
        (lambda: ops.extract_sequences(np.zeros(3), 5, 1), "extract_sequences: a window of 5 .* is larger"),
        (lambda: ops.view_as_complex(np.zeros(3)), "view_as_complex: the last axis must hold real and imaginary part"),
        (lambda: ops.in_top_k(np.zeros(3, int), np.zeros((2, 4)), 1), "in_top_k: expected targets"),
    ],
)
def test_bad_input(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call()
