"""`cornu.explain` against what an engine says of itself."""

from __future__ import annotations

from typing import Any

import pytest

import cornu
from cornu import layers, ops
from cornu.ops.op import OPS


def test_ops(engine: Any) -> None:
    for name, call in OPS.items():
        (row,) = cornu.explain(call, verbose=False)
        assert row.op == name
        assert row.how in ("native", "composed", "custom", "host", "none")
        assert row.how == "native" or name not in engine.overrides
        if row.how in ("custom", "host", "none"):
            assert row.parts
            assert all(engine.support(part) == row.how for part in row.parts)


def test_bodies_are_composed() -> None:
    with cornu.engine("numpy") as engine, engine.bodies_only():
        assert cornu.explain(ops.softmax, verbose=False)[0].how == "composed"
        assert cornu.explain(ops.sin, verbose=False)[0].how == "native"


def test_model(engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    inner = cornu.Sequential([cornu.Input((3,)), layers.Dense(2, name="deep")], name="inner")
    model = cornu.Sequential([cornu.Input((6, 3)), layers.LSTM(3, name="lstm"), inner, layers.Softmax(name="last")])
    rows = cornu.explain(model)
    assert {row.layer for row in rows} == {"lstm", "inner/deep", "last"}
    assert "softmax" in {row.op for row in rows if row.layer == "last"}
    assert "matmul" in {part for row in rows if row.layer == "inner/deep" for part in row.parts}
    assert "inner/deep" in capsys.readouterr().out


def test_a_walk_of_many_steps_is_composed(engine: Any) -> None:
    model = cornu.Sequential([cornu.Input((6, 3)), layers.GRU(3)])
    (row,) = [row for row in cornu.explain(model, verbose=False) if row.op == "scan"]
    assert row.how != "native"


def test_bad_input() -> None:
    with pytest.raises(TypeError, match="explain: expected an op"):
        cornu.explain(len)
    with pytest.raises(ValueError, match="no symbolic inputs"):
        cornu.explain(cornu.Sequential([layers.Dense(2)], name="free"))
