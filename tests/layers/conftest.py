"""One call that puts a layer through its whole life."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import cornu
from cornu import layers, ops, tree, utils


def symbolic(x: np.ndarray) -> Any:
    """An input of a functional model for arrays like x, of unknown batch size."""
    return layers.Input(x.shape[1:], dtype=str(x.dtype))


def as_numpy(structure: Any) -> Any:
    return tree.map_structure(ops.convert_to_numpy, structure)


def _live(
    kind: type,
    arguments: dict[str, Any],
    *inputs: Any,
    call: dict[str, Any] | None = None,
    one_list: bool = False,
    untrained: Any = (),
) -> Any:
    """Build, call, infer shapes, rebuild from the config, compile, train, compute in half precision; returns layer and outputs.

    Args:
        kind, arguments: of the layer. inputs: arrays. call: further arguments of the call.
        one_list: whether the layer takes its inputs as one list. untrained: paths of weights on which the output doesn't depend.
    """
    call = call or {}
    utils.set_random_seed(7)
    layer = kind(**arguments)
    given = [list(inputs)] if one_list else list(inputs)
    outputs = as_numpy(layer(*given, **call))

    # The config rebuilds it, and is plain data.
    config = layer.get_config()
    assert json.loads(json.dumps(config)) is not None
    again = kind.from_config(config)
    assert again.get_config() == config
    again(*given, **call)
    again.set_weights(layer.get_weights())
    tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), as_numpy(again(*given, **call)), outputs
    )

    # Inferred shapes and dtypes are those that come out.
    symbols = [symbolic(x) for x in inputs]
    drawn = kind.from_config({**config, "name": layer.name + "_drawn"})(*([symbols] if one_list else symbols), **call)
    for symbol, output in zip(tree.flatten(drawn), tree.flatten(outputs), strict=True):
        assert all(n in (None, m) for n, m in zip(symbol.shape, output.shape, strict=True)), (symbol.shape, output.shape)
        assert symbol.dtype == str(output.dtype)

    # Compiled it computes the same, and every weight can be trained.
    model = cornu.Model(symbols, drawn)
    model.set_weights(layer.get_weights())
    predicted = model.predict(list(inputs), verbose=0)
    tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), predicted, outputs)
    first = tree.flatten(drawn)[0]
    if "float" in first.dtype and model.trainable_variables:
        trained = cornu.Model(symbols, first)
        trained.compile("sgd", "mse")
        before = trained.get_weights()
        target = np.random.default_rng(3).normal(size=tree.flatten(outputs)[0].shape).astype("float32")
        for _ in range(2):  # what starts behind zeros moves in the second step
            assert np.isfinite(trained.train_on_batch(list(inputs), target))
        for variable, old in zip(trained.weights, before, strict=True):
            if variable.trainable and variable.path not in untrained:
                assert not np.array_equal(variable.numpy(), old), variable.path

    # In half precision weights stay wide.
    half = kind(**{**arguments, "dtype": "mixed_bfloat16"})
    made = tree.flatten(half(*given, **call))[0]
    assert ops.dtype(made) in ("bfloat16", "bool", "int32")
    assert {v.storage_dtype for v in half.weights} <= {"float32"}
    return layer, outputs


@pytest.fixture
def live(engine: Any) -> Any:
    """`live(kind, arguments, *inputs, call=None, one_list=False)` on the engine of the test."""
    return _live
