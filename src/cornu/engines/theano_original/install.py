"""The private environment of Theano 1.0.5."""

from __future__ import annotations

import os
from collections.abc import Callable

from cornu.engines.remote.environment import Environment
from cornu.engines.remote.process import Host

ENVIRONMENT = Environment("theano-original", "Theano 1.0.5", ("theano==1.0.5", "numpy==1.18.5", "scipy==1.5.4"))
MODES = ("c", "python")
is_installed = ENVIRONMENT.is_installed


def host(module: str) -> Host:
    """What runs a worker with this module: compiling with a C compiler if there is one, unless `CORNU_THEANO_MODE` is "python".

    Raises:
        ImportError: if the environment was not built.
        ValueError: if `CORNU_THEANO_MODE` is something else.
    """
    mode = os.environ.get("CORNU_THEANO_MODE", "c")
    if mode not in MODES:
        raise ValueError(f"The environment variable CORNU_THEANO_MODE is {mode!r}, for the original Theano expected one of: {', '.join(MODES)}.")
    flags = f"base_compiledir={ENVIRONMENT.folder / 'compiled'}" + (",cxx=" if mode == "python" else "")
    return ENVIRONMENT.host(module, {"THEANO_FLAGS": flags})


def install(say: Callable[[str], None] = print) -> None:
    """Build the environment, if it is not there, and check it by training a few steps.

    Raises:
        InstallError: with what is missing.
    """
    ENVIRONMENT.install(check, say)


def check() -> None:
    """Train a small model for three steps. Raises WorkerError or AssertionError if that doesn't work."""
    from cornu.contract import registry
    from cornu.contract.conformance.services import training_steps

    with registry.engine("theano-original") as engine:
        training_steps(engine)
