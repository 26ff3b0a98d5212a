"""The original Theano 1.0.5 as another edition of the engine `theano`: how it is chosen, installed, and trains."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import cornu
from cornu import layers, utils
from cornu.cli import main
from cornu.contract import registry
from cornu.engines.theano_original import install
from cornu.engines.theano_original.worker.theano_support import BY_NUMPY, NATIVE
from cornu.primitives import TABLE

needs_original = pytest.mark.skipif(
    not install.is_installed(), reason=f"the environment of Theano 1.0.5 is not installed ({install.ENVIRONMENT.command})"
)


# Choosing it


def test_editions_are_no_engines_of_their_own():
    assert "theano-original" in registry.editions() and "theano-original" not in registry.names()


def test_the_environment_chooses(monkeypatch, tmp_path):
    monkeypatch.setenv("CORNU_ENGINES", str(tmp_path))
    monkeypatch.setenv("CORNU_THEANO", "original")
    assert not registry.is_installed("theano")
    assert registry.install_command("theano") == "cornu engines install theano-original"
    monkeypatch.setenv("CORNU_THEANO", "pymc")
    with pytest.raises(ValueError, match="CORNU_THEANO is 'pymc', expected 'original'"):
        registry.is_installed("theano")
    monkeypatch.setenv("CORNU_NUMPY", "old")
    with pytest.raises(ValueError, match="CORNU_NUMPY is 'old', expected nothing"):
        registry.is_installed("numpy")


def test_what_is_missing_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CORNU_ENGINES", str(tmp_path))
    monkeypatch.setenv("CORNU_THEANO_PYTHON", "/no/such/python")
    assert main(["engines", "install", "theano-original"]) == 1
    assert "CORNU_THEANO_PYTHON=/no/such/python is no Python 3.6" in capsys.readouterr().err
    with pytest.raises(ImportError, match=r"Theano 1\.0\.5 is not installed.*cornu engines install theano-original"):
        install.host("x")


def test_unknown_modes(monkeypatch):
    monkeypatch.setenv("CORNU_THEANO_MODE", "numba")
    with pytest.raises(ValueError, match="CORNU_THEANO_MODE is 'numba', for the original Theano expected one of: c, python"):
        install.host("x")


def test_most_primitives_are_theanos():
    assert {*NATIVE, *BY_NUMPY} <= set(TABLE) and not set(NATIVE) & set(BY_NUMPY)
    assert len({*NATIVE, *BY_NUMPY}) >= 0.75 * len(TABLE)


# Training

IMAGES, SEQUENCES = (8, 9, 2), (6, 4)


def mlp():
    return [layers.Input((6,)), layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3)]


def cnn():
    first, second = layers.Conv2D(4, 3, padding="same", activation="relu"), layers.Conv2D(5, 2, strides=2, activation="tanh")
    rest = [layers.MaxPooling2D(), second, layers.AveragePooling2D((2, 1)), layers.Flatten(), layers.Dense(3)]
    return [layers.Input(IMAGES), first, *rest]


def lstm():
    return [layers.Input(SEQUENCES), layers.LSTM(5, return_sequences=True), layers.LSTM(4, go_backwards=True), layers.Dense(3)]


def embedding():
    return [layers.Input((6,), dtype="int32"), layers.Embedding(7, 4), layers.GRU(5), layers.Dense(3)]


def losses(model, engine):
    rng = np.random.default_rng(0)
    shape = {mlp: (6,), cnn: IMAGES, lstm: SEQUENCES}.get(model)
    x = rng.normal(size=(40, *shape)).astype("float32") if shape else rng.integers(0, 7, (40, 6)).astype("int32")
    y = rng.integers(0, 3, 40)
    with cornu.engine(engine):
        utils.set_random_seed(1)
        trained = cornu.Sequential(model())
        trained.compile("adam", cornu.losses.SparseCategoricalCrossentropy(from_logits=True))
        found = trained.fit(x, y, 16, 3, verbose=0).history["loss"]  # the last batch is smaller
        return [*found, trained.evaluate(x, y, verbose=0), *np.ravel(trained.predict(x, verbose=0))]


@needs_original
@pytest.mark.parametrize("model", [mlp, cnn, lstm, embedding])
def test_losses_are_numpys(model):
    np.testing.assert_allclose(losses(model, "theano-original"), losses(model, "numpy"), rtol=2e-4, atol=1e-5)


SCRIPT = """
import numpy as np, cornu
from cornu import backend as K, layers
model = cornu.Sequential([layers.Input((3,)), layers.Dense(1)])
model.compile("sgd", "mse")
x = np.ones((4, 3), "float32")
first, second = [np.ravel(model.train_on_batch(x, x[:, :1]))[0] for _ in range(2)]
print(K.backend(), cornu.engine("theano").__enter__().version(), second < first)
"""


@needs_original
@pytest.mark.parametrize("mode", ["c", "python"])
def test_a_script_chooses_it_by_the_environment(mode):
    if mode == "c" and shutil.which("g++") is None:
        pytest.skip("there is no C compiler")
    environment = {**os.environ, "KERAS_BACKEND": "theano", "CORNU_THEANO": "original", "CORNU_THEANO_MODE": mode}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["theano", "1.0.5", "True"], done.stderr
