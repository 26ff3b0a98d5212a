"""Every public function of `K` is held against something; here are those without arrays in and out: settings, values, styles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cornu
from backend import test_functions, test_traces
from cornu import backend as K

A = np.arange(6, dtype="float32").reshape(2, 3)
# Name -> a call, and what it gives.
CHECKS: dict[str, tuple[Callable[[], Any], Any]] = {
    "constant": (lambda: K.eval(K.constant(7, shape=(2, 3))), np.full((2, 3), 7, "float32")),
    "variable": (lambda: K.get_value(K.variable(A, dtype="float64")), A.astype("float64")),
    "eval": (lambda: K.eval(K.variable(A) * 2), 2 * A),
    "get_value": (lambda: K.get_value(K.variable(A)), A),
    "batch_get_value": (lambda: K.batch_get_value([K.variable(A), K.variable(1 - A)]), [A, 1 - A]),
    "ctc_label_dense_to_sparse": (
        lambda: K.eval(K.to_dense(K.ctc_label_dense_to_sparse(K.constant([[1, 2, 9], [3, 9, 9]], "int32"), K.constant([2, 1], "int32")))),
        np.array([[1, 2, 0], [3, 0, 0]]),
    ),
    "to_dense": (lambda: K.eval(K.to_dense(K.constant(A))), A),
    "is_sparse": (lambda: K.is_sparse(K.constant(A)), False),
    "is_keras_tensor": (lambda: [K.is_keras_tensor(x) for x in (cornu.Input((2,)), K.constant(A), K.variable(A), 3)], [True, False, False, False]),
    "symbolic": (lambda: isinstance(K.symbolic(K.square)(K.variable(A)), cornu.KerasTensor), True),
    "eager": (lambda: isinstance(K.eager(K.square)(K.variable(A)), cornu.KerasTensor), False),
    "print_tensor": (lambda: K.eval(K.print_tensor(K.constant(A), "x")), A),
    "learning_phase": (lambda: K.function([K.learning_phase()], [K.in_train_phase(K.variable(A), K.variable(-A))])([1]), [A]),
    "backend": (lambda: K.backend() == K._BACKEND, True),
    "epsilon": (K.epsilon, 1e-7),
    "floatx": (K.floatx, "float32"),
    "image_dim_ordering": (K.image_dim_ordering, "tf"),
    "standardize_dtype": (lambda: [K.standardize_dtype(d) for d in (None, "float16", np.int8)], ["float32", "float16", "int8"]),
    "is_float_dtype": (lambda: [K.is_float_dtype(d) for d in ("bfloat16", "int8")], [True, False]),
    "is_int_dtype": (lambda: [K.is_int_dtype(d) for d in ("uint8", "bool")], [True, False]),
    "result_type": (lambda: K.result_type("int32", "float16"), "float16"),
}
# Functions that change settings, or do nothing: what they do is seen in the test that is named.
SEEN_IN = {
    "clear_session": "backend/test_coverage.py::test_uids",
    "get_session": "backend/test_graph.py::test_the_session",
    "set_session": "backend/test_graph.py::test_the_session",
    "manual_variable_initialization": "backend/test_graph.py::test_the_session",
    "control_dependencies": "backend/test_graph.py::test_the_session",
    "name_scope": "backend/test_graph.py::test_the_session",
    "reset_uids": "backend/test_coverage.py::test_uids",
    "set_image_data_format": "backend/test_coverage.py::test_set_image_data_format",
    "set_image_dim_ordering": "backend/test_names.py::test_names_of_keras_1",
    "set_backend": "test_config.py::test_backend",
}


@pytest.mark.parametrize("name", CHECKS)
def test_gives(engine: Any, name: str) -> None:
    call, wanted = CHECKS[name]
    got = call()
    if isinstance(wanted, np.ndarray):
        assert got.dtype.kind == wanted.dtype.kind
    for a, b in zip(got, wanted, strict=True) if isinstance(wanted, list) else [(got, wanted)]:
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("reset", ["reset_uids", "clear_session"])
def test_uids(reset: str) -> None:
    getattr(K, reset)()
    assert [K.get_uid("a"), K.get_uid("a"), K.get_uid("b")] == [1, 2, 1]
    getattr(K, reset)()
    assert K.get_uid("a") == 1


def test_set_image_data_format(engine: Any) -> None:
    x = np.ones((1, 2, 4, 4), "float32")
    K.set_image_data_format("channels_first")
    try:
        assert K.image_data_format() == "channels_first"
        assert K.eval(K.pool2d(K.constant(x), (2, 2), strides=(2, 2))).shape == (1, 2, 2, 2)
    finally:
        K.set_image_data_format("channels_last")


def test_every_function_is_held_against_something() -> None:
    """A trace of the real Keras, a reference in NumPy, a value above, or the test that is named above."""
    if not test_traces.CALLS:
        pytest.skip("the folder of reference data is not beside the project")
    public = {name for name in dir(K) if name[0] != "_" and not name[0].isupper() and callable(getattr(K, name))}
    references = {name for name, *_ in test_functions.CASES}
    traces = {call["function"] for call in test_traces.CALLS if call["key"] not in test_traces.SKIPPED}
    aliases = {name for name in public if getattr(K, name).__name__ != name and getattr(K, name).__name__ in public}
    assert not public - references - traces - aliases - {*CHECKS, *SEEN_IN}
    assert not {*CHECKS, *SEEN_IN} - public, "of functions that are gone"
    assert not {*SEEN_IN} & (references | traces | {*CHECKS}), "needs no exception any more"
    for name, place in SEEN_IN.items():
        file, _, test = place.partition("::")
        body = (Path(__file__).parents[1] / file).read_text(encoding="utf-8").partition(f"def {test}(")[2].partition("\ndef ")[0]
        assert f"K.{name}(" in body or test == "test_uids", f"{place} does not call {name}"
