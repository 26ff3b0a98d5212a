"""Configs of layers: those in files of real Keras are read, and written again as they were."""

from __future__ import annotations

import json
import zipfile

import pytest

from cornu import layers
from cornu.layers.layer import layer_config, layer_from

# What Keras writes and these layers don't have (at the only value that a file may then give it).
LEFT_OUT = {"activity_regularizer": None, "quantization_config": None, "optional": False}
OF_OTHERS = ("QuantizedDTypePolicy", "triple_tanh", "string")  # quantized layers, a user's function, tensors of strings


def plain(x):
    """As JSON has it, without what names one object among several of a file."""
    if isinstance(x, dict):
        return {
            k: plain(v)
            for k, v in x.items()
            if k not in ("shared_object_id", "build_config", "seed") and (k, v) not in LEFT_OUT.items()
        }
    return [plain(v) for v in x] if isinstance(x, (list, tuple)) else x


def entries(shared):
    """The layers of all `.keras` files of Keras 3.15, by class."""
    for file in sorted((shared / "fixtures/models").glob("keras-3.15.1-*/*.keras")):
        with zipfile.ZipFile(file) as archive:
            for entry in json.loads(archive.read("config.json"))["config"].get("layers", ()):
                if hasattr(layers, entry["class_name"]) and not any(word in json.dumps(entry["config"]) for word in OF_OTHERS):
                    yield {k: entry[k] for k in ("module", "class_name", "config", "registered_name")}


def test_as_in_files_of_real_keras(shared):
    seen = set()
    for entry in entries(shared):
        given = {k: v for k, v in entry["config"].items() if (k, v) not in LEFT_OUT.items()}
        assert plain(layer_config(layer_from({**entry, "config": given}))) == plain(entry)
        seen.add(entry["class_name"])
    assert len(seen) > 50


def test_what_a_config_must_not_forget():
    regular = layers.Dense(2, activity_regularizer="l2")
    assert layer_from(layer_config(regular)).activity_regularizer.get_config() == {"l2": 0.01}
    assert layer_from(layer_config(layers.GRU(2, zero_output_for_mask=True))).zero_output_for_mask
    assert layer_from(layer_config(layers.ActivityRegularization(0.1, 0.2))).activity_regularizer.get_config() == {
        "l1": 0.1,
        "l2": 0.2,
    }
    assert layer_from(layer_config(layers.Dense(2, dtype="mixed_bfloat16"))).dtype_policy.name == "mixed_bfloat16"


def test_layers_of_a_user():
    class Mine(layers.Layer):
        pass

    config = layer_config(layers.TimeDistributed(Mine(name="own")))
    assert config["config"]["layer"]["registered_name"] == "Mine" and config["config"]["layer"]["module"] == __name__
    with pytest.raises(ValueError, match=r"Unknown layer: 'Mine'.*custom_objects"):
        layer_from(config)
    assert isinstance(layer_from(config["config"]["layer"], {"Mine": Mine}), Mine)
