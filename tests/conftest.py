"""Fixtures: `engine` runs a test on each engine installed; `shared` the reference data; `as_keras`, for old scripts."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Tests neither read nor write the user's keras.json.
os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="cornu-tests-")
os.environ.pop("KERAS_BACKEND", None)
# Compiling takes Theano seconds a program: most tests run its programs uncompiled, those of the engine itself compile.
os.environ.setdefault("CORNU_THEANO_MODE", "python")
os.environ.setdefault("PYTENSOR_FLAGS", "cxx=")

# A shell starts what runs in its background deaf to Ctrl-C, which some tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import cornu
from cornu.contract import registry

INSTALLED = [name for name in registry.names() if registry.is_installed(name)]


@pytest.fixture(params=INSTALLED)
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The engine in charge during the test."""
    with cornu.engine(request.param) as chosen:
        yield chosen


@pytest.fixture
def shared() -> Path:
    """The folder of reference data beside the project."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder of reference data is not beside the project")
    return folder


@pytest.fixture(name="as_keras")
def keras_is_cornu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`keras` means Cornu during the test; a real one that something else has imported (TensorFlow does) is out of sight."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
        monkeypatch.delitem(sys.modules, name)
    if "tensorflow" in sys.modules:
        monkeypatch.delattr("tensorflow.keras", raising=False)
    from cornu import as_keras  # its import installs, which a real keras forbids

    as_keras.install()
    yield
    as_keras.uninstall()
