"""`import keras` means Cornu."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types

import pytest

import cornu
from cornu import layers, losses, models, utils
from cornu.legacy import modules


def python(*arguments):
    """What a process prints, and its exit status."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_names_are_those_of_cornu(as_keras):
    import keras
    from keras import backend as K
    from keras.layers import Dense
    from keras.layers.convolutional import Conv2D
    from keras.models import Model, Sequential
    from keras.objectives import mean_squared_error
    from keras.preprocessing.sequence import pad_sequences
    from keras.utils import np_utils

    assert (Dense, Conv2D, Sequential, Model) == (layers.Dense, layers.Conv2D, models.Sequential, models.Model)
    assert keras.layers.Dense is Dense and keras.Model is Model and K.floatx() == "float32"
    assert np_utils.normalize is utils.normalize and pad_sequences is utils.pad_sequences
    assert mean_squared_error is losses.mean_squared_error


def test_a_failed_import_says_that_it_is_cornu(as_keras):
    with pytest.raises(ImportError, match=r"'Frobnicator' from 'keras\.callbacks' \(.*cornu.callbacks\.py\)"):
        from keras.callbacks import Frobnicator  # noqa: F401


def test_tensorflow_keras(as_keras):
    from tensorflow.keras import layers as there
    from tensorflow.keras.models import Sequential

    assert there.Dense is layers.Dense and Sequential is models.Sequential


@pytest.mark.parametrize("name", sorted(modules.MODULES))
def test_every_row_of_the_table_names_modules_that_exist(as_keras, name):
    assert all(importlib.import_module(module) for module in modules.target(f"keras.{name}"))
    assert isinstance(importlib.import_module(f"keras.{name}"), types.ModuleType)


def test_star_imports_and_listings(as_keras):
    names: dict = {}
    exec("from keras.layers import *\nfrom keras.losses import *", names)
    assert names["Dense"] is layers.Dense and names["hinge"] is losses.hinge and "np" not in names
    import keras

    assert "Dense" in dir(keras.layers)


def test_what_is_not_there(as_keras):
    with pytest.raises(ModuleNotFoundError, match=r"keras\.nonsense.*no counterpart"):
        importlib.import_module("keras.nonsense")
    with pytest.raises(ModuleNotFoundError, match="no counterpart"):
        importlib.import_module("keras.contract")
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec("from keras.layers import Nonsense")
    import keras

    with pytest.raises(AttributeError, match=r"keras\.layers.*'Nonsense'"):
        keras.layers.Nonsense  # noqa: B018
    with pytest.raises(AttributeError, match=r"K .*has no 'nonsense'"):
        keras.backend.nonsense  # noqa: B018
    assert importlib.util.find_spec("keras_other") is None


def test_another_keras_that_is_there_already(monkeypatch):
    other = types.ModuleType("keras")
    other.__file__ = "/somewhere/keras/__init__.py"
    monkeypatch.setitem(sys.modules, "keras", other)
    with pytest.raises(ImportError, match=r"already imported, from '/somewhere/keras.*cornu\.as_keras"):
        modules.install()
    assert sys.modules["keras"] is other


def test_uninstalling_leaves_nothing(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
        monkeypatch.delitem(sys.modules, name)
    modules.install()
    importlib.import_module("keras.layers")
    modules.uninstall()
    assert not [name for name in sys.modules if name.partition(".")[0] == "keras"]
    assert modules._finder not in sys.meta_path




def test_without_tensorflow():
    code = """
import sys
from importlib.machinery import PathFinder
real = PathFinder.find_spec
PathFinder.find_spec = classmethod(lambda cls, name, *a: None if name == "tensorflow" else real(name, *a))
import cornu.as_keras
import tensorflow as tf
from cornu.contract import registry
print(tf.keras.layers.Dense.__module__, registry.is_installed("tensorflow"))
tf.reduce_mean
"""
    status, out, err = python("-c", code)
    assert out.split() == ["cornu.layers.core", "False"]
    assert status == 1 and "tensorflow.reduce_mean" in err and "not installed" in err


def test_as_keras_in_a_process_of_its_own():
    status, out, _ = python("-c", "import cornu.as_keras, keras, cornu; print(keras.Model is cornu.Model, keras)")
    assert status == 0 and out.startswith("True")
    assert cornu.Model is models.Model
