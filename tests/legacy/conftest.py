"""Fixtures of old scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from cornu.legacy import modules


@pytest.fixture
def as_keras(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`keras` means Cornu during the test; a real one that something else has imported (TensorFlow does) is out of sight."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("tensorflow.keras", raising=False) if "tensorflow" in sys.modules else None
    modules.install()
    yield
    modules.uninstall()
