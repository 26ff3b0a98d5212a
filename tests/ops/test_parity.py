"""The public names of `cornu.ops` against Keras's."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import cornu
from cornu import ops

SCRIPT = Path(__file__).parents[2] / "scripts" / "parity.py"


@pytest.fixture(scope="module")
def parity():
    spec = importlib.util.spec_from_file_location("parity", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def api(shared):
    return json.loads((shared / "api" / "keras-3.15.json").read_text())


def test_no_signature_differs(parity, api):
    names = [name for name in api if name.startswith("keras.ops.") or name == "keras.KerasTensor"]
    assert [(name, equal) for name, _, equal, _, _ in parity.rows(api, names) if equal not in ("equal", "")] == []


def test_no_name_is_missing_or_untested(parity, api):
    names = [name for name in api if any(name == p or name.startswith(f"{p}.") for p in parity.DEFAULT)]
    assert [name for name, present, _, tests, _ in parity.rows(api, names) if present != "yes" or not tests] == []
    assert parity.tested("keras.ops.no_such_op", lambda x: x) == ""


def test_a_signature_that_differs_is_found(parity):
    assert list(parity.differences({"signature": "(x, axis=-1)"}, lambda x, axis=0: x)) == ["(x, axis=0) instead of (x, axis=-1)"]


@pytest.mark.parametrize("namespace", ["numpy"])
def test_namespaces_hold_keras_names(api, namespace):
    expected = {name.rpartition(".")[2] for name in api if name.startswith(f"keras.ops.{namespace}.")}
    assert set(getattr(ops, namespace).__all__) == expected
    assert expected <= set(ops.__all__)


def test_primitives_are_read_from_bodies(parity):
    assert parity.primitives(ops.softmax) >= {"exp", "sum", "divide"}
    assert parity.primitives(ops.exp) == {"exp"}
    assert "matmul" in parity.primitives(ops.einsum)


def test_the_page_about_ops_is_fresh(parity, api, capsys):
    with cornu.engine("numpy"):
        parity.document([name for name in api if name.startswith("keras.ops.") and name.count(".") == 2])
    written = (SCRIPT.parents[1] / "docs" / "ops.md").read_text()
    assert capsys.readouterr().out == written, "write it again: python scripts/parity.py --document > docs/ops.md"
