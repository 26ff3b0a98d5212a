"""CTC against sums over all alignments."""

import itertools

import numpy as np
import pytest
import scipy.special

from cornu import ops
from cornu.ops.symbolic import KerasTensor

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(2, 5, 3)).astype("float32")
TARGET, TARGET_LENGTH, LENGTH = np.array([[1, 2, 1], [2, 2, 0]]), np.array([3, 2]), np.array([5, 4])


def numbers(x):
    return ops.convert_to_numpy(x)


def collapsed(path, blank):
    return tuple(c for i, c in enumerate(path) if c != blank and (i == 0 or c != path[i - 1]))


def probabilities(logits, blank):
    """Every sequence with its probability, over all alignments."""
    log_p = scipy.special.log_softmax(logits.astype("float64"), -1)
    found = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        key = collapsed(path, blank)
        found[key] = found.get(key, 0) + np.exp(sum(row[c] for row, c in zip(log_p, path, strict=True)))
    return found


def test_loss(check):
    ways = [probabilities(LOGITS[i, : LENGTH[i]], 0)[tuple(TARGET[i, : TARGET_LENGTH[i]])] for i in range(2)]
    expected = -np.log(ways)
    check(lambda x: ops.ctc_loss(TARGET, x, TARGET_LENGTH, LENGTH), LOGITS, expected=expected, unknown=False, rtol=1e-4)
    loss = ops.ctc_loss(
        KerasTensor((None, 3), "int32"),
        KerasTensor((None, None, 3)),
        KerasTensor((None,), "int32"),
        KerasTensor((None,), "int32"),
    )
    assert loss.shape == (None,) and loss.dtype == "float32"


def test_another_blank_and_an_empty_target(engine):
    target = np.array([[0, 1, 0], [1, 1, 0]])
    expected = [-np.log(probabilities(LOGITS[0], 2)[(0, 1, 0)]), -np.log(probabilities(LOGITS[1], 2)[()])]
    got = ops.ctc_loss(target, LOGITS, np.array([3, 0]), np.array([5, 5]), mask_index=2)
    np.testing.assert_allclose(numbers(got), expected, rtol=1e-4)


def test_what_can_not_be(engine):
    loss = lambda x: ops.ctc_loss(TARGET, x, TARGET_LENGTH, np.array([2, 4]))  # noqa: E731
    assert numbers(loss(LOGITS))[0] == np.inf
    grads = numbers(ops.grad(lambda x: ops.sum(ops.where(ops.isfinite(loss(x)), loss(x), 0)))(LOGITS))
    assert np.isfinite(grads).all() and not grads[0].any() and grads[1].any()


@pytest.mark.parametrize("blank", [0, 2])
def test_beam_search(engine, blank):
    decoded, scores = ops.ctc_decode(LOGITS, LENGTH, "beam_search", beam_width=100, top_paths=3, mask_index=blank)
    assert decoded.shape == (3, 2, 5) and ops.dtype(decoded) == "int32"
    for i in range(2):
        best = sorted(probabilities(LOGITS[i, : LENGTH[i]], blank).items(), key=lambda item: -item[1])[:3]
        np.testing.assert_allclose(numbers(scores)[i], np.log([p for _, p in best]), rtol=1e-4)
        for k, (path, _) in enumerate(best):
            assert numbers(decoded)[k, i].tolist() == [*path, *[-1] * (5 - len(path))]


@pytest.mark.parametrize("merge", [True, False])
def test_greedy(engine, merge):
    logits = np.eye(3, dtype="float32")[[[1, 1, 0, 1, 2], [2, 2, 2, 0, 1]]]
    decoded, scores = ops.ctc_decode(logits, LENGTH, merge_repeated=merge)
    expected = [[1, 1, 2, -1, -1], [2, -1, -1, -1, -1]] if merge else [[1, 1, 1, 2, -1], [2, 2, 2, -1, -1]]
    assert numbers(decoded).tolist() == [expected] and numbers(scores).tolist() == [[-5], [-4]]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ops.ctc_decode(LOGITS, LENGTH, "best"), "ctc_decode: strategy must be 'greedy' or 'beam_search', got 'best'"),
        (lambda: ops.ctc_decode(LOGITS, LENGTH, "beam_search", 2, 3), "ctc_decode: top_paths must be from 1 to beam_width"),
        (lambda: ops.ctc_decode(LOGITS[0], LENGTH), "ctc_decode: expected outputs"),
        (lambda: ops.ctc_loss(TARGET[0], LOGITS, TARGET_LENGTH, LENGTH), "ctc_loss: expected targets"),
        (
            lambda: ops.ctc_loss(TARGET, LOGITS, TARGET_LENGTH[:1], LENGTH),
            "ctc_loss: target_length must hold a number for each of 2",
        ),
        (lambda: ops.ctc_loss(TARGET, LOGITS, TARGET_LENGTH, LENGTH, 3), "ctc_loss: mask_index 3 is none of 3 classes"),
    ],
)
def test_bad_input(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call()
