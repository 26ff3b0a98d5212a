"""Constructors of layers, losses, metrics, optimizers and callbacks against Keras's signatures."""

from __future__ import annotations

import inspect
import json

import pytest

from cornu import callbacks, layers, losses, metrics, optimizers

ROOMS = {"layers": layers, "losses": losses, "metrics": metrics, "optimizers": optimizers, "callbacks": callbacks}

POOL_SIZE = "one default for all ranks; Keras has (2, 2), (2, 2, 2) or, for averages, none"
PADDING = "one default for all ranks"
NAMED = "what `**kwargs` holds is named"
DEVIATIONS = {
    **dict.fromkeys(("layers.MaxPooling2D", "layers.MaxPooling3D", "layers.MaxPool2D", "layers.MaxPool3D"), POOL_SIZE),
    **{f"layers.{name}{n}D": POOL_SIZE for name in ("AveragePooling", "AvgPool") for n in (1, 2, 3)},
    **{f"layers.ZeroPadding{n}D": PADDING for n in (2, 3)},
    **{f"layers.SpatialDropout{n}D": "other arguments of `Layer` are taken too" for n in (1, 2, 3)},
    **{f"layers.{name}": NAMED for name in "Layer Identity Add Average Maximum Minimum Multiply Subtract".split()},
    **{f"layers.{name}3DTranspose": "output_padding stands where the other ranks have it" for name in ("Conv", "Convolution")},
    "callbacks.CallbackList": "has no part in users' programs",
}


def shown(found) -> str:
    own = inspect.signature(found)
    parameters = [p.replace(annotation=p.empty) for p in own.parameters.values()]
    return str(own.replace(parameters=parameters, return_annotation=own.empty))


@pytest.mark.parametrize("room", ROOMS)
def test_signatures_are_keras_but_for_those_listed(shared, room):
    api = json.loads((shared / "api" / "keras-3.15.json").read_text())
    differ = set()
    for name, entry in api.items():
        short = name.removeprefix("keras.")
        found = getattr(ROOMS[room], short.partition(".")[2], None) if short.startswith(f"{room}.") else None
        if found is not None and shown(found) != entry["signature"].replace(": bool = ", "="):
            differ.add(short)
    assert differ == {name for name in DEVIATIONS if name.startswith(f"{room}.")}
