"""Calls of `keras.backend` that the real Keras 2.3.1 made, with what it gave."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornu import backend as K

FOLDER = Path(__file__).parents[3] / "shared" / "fixtures"
TRACES = FOLDER / "traces" / "k_api_2.3.1.json"
CALLS = json.loads(TRACES.read_text())["calls"] if TRACES.is_file() else []
# Calls that are not compared, and why. None yet that the backends of Keras 2.3.1 agreed on may stand here.
SKIPPED: dict[str, str] = {}


@pytest.fixture(scope="module")
def arrays() -> Any:
    return np.load(TRACES.with_suffix(".npz"), allow_pickle=False)


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("kapi_fns", FOLDER / "support" / "kapi_fns.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FNS


@pytest.fixture(autouse=True)
def own_settings() -> Any:
    yield
    K.clear_session()
    K.set_floatx("float32")
    K.set_epsilon(1e-7)


def argument(x: Any, arrays: Any) -> Any:
    """An argument as the file writes it."""
    if isinstance(x, dict) and ("$tensor" in x or "$variable" in x):
        make = K.constant if "$tensor" in x else K.variable
        array = arrays[next(iter(x.values()))]
        return make(array, dtype=array.dtype)
    if isinstance(x, list):
        items = [argument(item, arrays) for item in x]
        return tuple(items) if all(isinstance(item, (int, float, tuple)) for item in items) else items
    return x


def evaluated(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return [evaluated(item) for item in x]
    return K.eval(x) if K.is_tensor(x) else x


def flat(x: Any) -> list[Any]:
    return [leaf for item in x for leaf in flat(item)] if isinstance(x, (list, tuple)) else [x]


def compare(got: Any, wanted: Any, arrays: Any) -> None:
    if isinstance(wanted, dict) and "$array" in wanted:
        expected = arrays[wanted["$array"]]
        assert np.shape(got) == expected.shape
        np.testing.assert_allclose(np.asarray(got, expected.dtype), expected, rtol=2e-5, atol=2e-5)
        if "dtype" in wanted:
            assert np.asarray(got).dtype == wanted["dtype"]
    elif isinstance(wanted, dict):
        np.testing.assert_allclose(got["stats"][:2], wanted["stats"][:2], atol=0.03)
        np.testing.assert_allclose(got["stats"][2:], wanted["stats"][2:], atol=1.5)
    elif isinstance(wanted, list) and wanted and isinstance(wanted[0], dict):
        got = flat(got)
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted, strict=True):
            compare(a, b, arrays)
    elif isinstance(wanted, list):
        assert list(got) == wanted
    else:
        assert got == wanted


@pytest.mark.parametrize("call", CALLS, ids=[f"{call['key']}-{call['call'] or call['function']}" for call in CALLS])
def test_call(engine: Any, call: dict[str, Any], arrays: Any, functions: dict[str, Any]) -> None:
    if call["key"] in SKIPPED:
        pytest.skip(SKIPPED[call["key"]])
    args = [argument(x, arrays) for x in call["args"]]
    kwargs = {key: argument(x, arrays) for key, x in call["kwargs"].items()}
    if call["call"]:
        got = functions[call["call"]](K, *args)
    else:
        got = getattr(K, call["function"])(*args, **kwargs)
    compare(evaluated(got), call["result"], arrays)


def test_there_are_traces() -> None:
    if not TRACES.is_file():
        pytest.skip("the folder of reference data is not beside the project")
    assert len(CALLS) > 200
