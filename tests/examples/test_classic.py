"""The scripts of examples/classic, unmodified Keras, run on several engines with small settings and held to what they find."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from cornu import backend as K
from cornu import context, utils
from cornu.contract import registry
from cornu.legacy.run import run

FOLDER = Path(__file__).parents[2] / "examples" / "classic"
ENGINES = [name for name in ("numpy", "jax", "torch") if registry.is_installed(name)]

pytest.importorskip("sklearn", reason="the scripts use scikit-learn's pictures and digits")
pytest.importorskip("scipy", reason="the scripts use SciPy's optimizer and zoom")


def deep_dream(found):
    assert all(history[-1] > 1.5 * history[0] for history in found["histories"])


def neural_style(found):
    assert found["losses"][-1] < 0.5 * found["losses"][0]
    assert found["picture"].shape == found["content"].shape


def filters(found):
    assert found["kept"] and all(last > first for last, first, _ in found["kept"])


def grad_cam(found):
    """Each class is seen in the half that is its photograph."""
    temple, flower = (heat / heat.sum() for heat in found["heatmaps"])
    middle = temple.shape[1] // 2
    assert temple[:, :middle].sum() > 0.5 and flower[:, middle:].sum() > 0.5


def vae(found):
    history = found["history"].history
    assert history["loss"][-1] < 0.8 * history["loss"][0] and history["val_loss"][-1] < history["loss"][0]
    assert np.isfinite(found["codes"]).all() and found["figure"].shape == (144, 8, 8)


def image_ocr(found):
    losses = found["history"].history["loss"]
    assert losses[-1] < 0.6 * losses[0] and len(found["found"]) == 64


def lstm_text_generation(found):
    losses = found["history"].history["loss"]
    assert losses[-1] < losses[0]


def custom_layer(found):
    assert found["model"].evaluate(found["x_test"], found["y_test"], verbose=0)[1] > 0.8


def stateful_lstm(found):
    assert found["results"][True] < found["results"][False]


def siamese(found):
    pairs = found["te_pairs"]
    distances = found["model"].predict([pairs[:, 0], pairs[:, 1]], verbose=0)
    assert found["compute_accuracy"](found["te_y"], distances) > 0.6


def gan(found):
    """The script itself asserts who learns when."""
    assert np.isfinite(found["drawn"]).all() and np.isfinite(found["losses"]).all()


# A script's check, and its small settings.
SCRIPTS = {
    deep_dream: "--epochs 1 --iterations 6 --octaves 2 --height 47",
    neural_style: "--epochs 1 --iterations 1 --evaluations 15 --height 47",
    filters: "--epochs 1 --filters 2 --steps 6 --size 24",
    grad_cam: "--epochs 2 --height 47",
    vae: "--epochs 6",
    image_ocr: "--epochs 2 --steps 5 --units 16",
    lstm_text_generation: "--epochs 2 --units 16 --letters 5",
    custom_layer: "--epochs 2",
    stateful_lstm: "--epochs 2 --length 300",
    siamese: "--epochs 1",
    gan: "--epochs 1",
}


@pytest.fixture
def main_program(as_keras, monkeypatch, capsys):
    """What running a script changes in the process is put back."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("pictures", "samples")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("argv", "path", "excepthook"):
        monkeypatch.setattr(sys, name, list(getattr(sys, name)) if name != "excepthook" else sys.excepthook)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setenv("KERAS_BACKEND", "")
    yield
    for name in ("pictures", "samples"):
        sys.modules.pop(name, None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("check", SCRIPTS, ids=lambda check: check.__name__)
def test_script(main_program, check, name):
    before = context.current().name
    utils.set_random_seed(1)
    np.random.seed(1)
    try:
        check(run(str(FOLDER / f"{check.__name__}.py"), SCRIPTS[check].split(), name))
    finally:
        K.clear_session()
        registry.set_backend(before)


def test_every_script_is_run():
    scripts = {path.stem for path in FOLDER.glob("*.py")} - {"pictures", "samples"}
    assert scripts == {check.__name__ for check in SCRIPTS}
