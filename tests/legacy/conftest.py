"""Fixtures of old scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


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
