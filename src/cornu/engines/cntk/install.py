"""The private environment of CNTK 2.7, and what its libraries are linked to."""

from __future__ import annotations

from collections.abc import Callable

from cornu.engines.cntk import mpi_stub
from cornu.engines.remote.environment import Environment
from cornu.engines.remote.process import Host

ENVIRONMENT = Environment("cntk", "CNTK", ("cntk==2.7.post2", "numpy==1.18.5", "scipy==1.5.4"))
is_installed = ENVIRONMENT.is_installed


def host(module: str) -> Host:
    """What runs a worker with this module. Raises ImportError if the environment was not built."""
    return ENVIRONMENT.host(module, {"LD_LIBRARY_PATH": str(ENVIRONMENT.folder / "lib")})


def install(say: Callable[[str], None] = print) -> None:
    """Build the environment, if it is not there, and check it by training a few steps.

    Raises:
        InstallError: with what is missing.
    """
    folder = ENVIRONMENT.folder
    libraries = folder.glob("env/lib/python3.6/site-packages/cntk/libs/*.so")
    ENVIRONMENT.install(check, say, lambda: mpi_stub.write(folder / "lib", libraries))


def check() -> None:
    """Train a small model for three steps. Raises WorkerError or AssertionError if that doesn't work."""
    from cornu.contract import registry
    from cornu.contract.conformance.services import training_steps

    with registry.engine("cntk") as engine:
        training_steps(engine)
