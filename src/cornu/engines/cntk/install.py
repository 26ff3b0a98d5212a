"""The private environment of CNTK: a virtual environment of Python 3.6 with CNTK 2.7, and what its libraries are linked to."""

from __future__ import annotations

import glob
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from cornu.engines.cntk import mpi_stub
from cornu.engines.cntk.process import Host, WorkerError

PIP = "pip==21.3.1"  # the last for Python 3.6; those that come with it don't know the wheels' tags
PACKAGES = ("cntk==2.7.post2", "numpy==1.18.5", "scipy==1.5.4")
COMMAND = "cornu engines install cntk"


class InstallError(RuntimeError):
    """The environment can't be built; the message says what is missing."""


def folder() -> Path:
    """Where the environment is: under $CORNU_ENGINES, by default `cornu/engines` in the user's folder for data."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(os.environ.get("CORNU_ENGINES") or Path(data) / "cornu" / "engines") / "cntk"


def is_installed() -> bool:
    """Whether the environment was built, checked, and is still there."""
    return _python().exists() and (folder() / "ready.json").exists()


def _python() -> Path:
    return folder() / "env" / "bin" / "python"


def host(library: str) -> Host:
    """What runs the worker.

    Raises:
        ImportError: if the environment was not built; the message has the command that does.
    """
    if not _python().exists():
        raise ImportError(f"CNTK's environment is not installed in {folder()}. Install it with: {COMMAND}")
    return Host("CNTK", str(_python()), library, {"LD_LIBRARY_PATH": str(folder() / "lib")})


def install(say: Callable[[str], None] = print) -> None:
    """Build the environment, if it is not there, and check it by training a few steps.

    Raises:
        InstallError: with what is missing.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise InstallError(f"CNTK 2.7 has wheels for 64-bit x86 Linux only here, and this is {platform.system()} on {platform.machine()}.")
    if is_installed():
        say(f"Checking the environment in {folder()} (delete that folder to build it again) …")
        check()
        say("CNTK is ready.")
        return
    python = find_python()
    say(f"Python 3.6: {python}")
    say(f"Building the environment in {folder()} …")
    shutil.rmtree(folder() / "env", ignore_errors=True)
    folder().mkdir(parents=True, exist_ok=True)
    _run([python, "-m", "venv", str(folder() / "env")], "make a virtual environment (Debian's Python wants the package python3.6-venv for that)")
    pip = [str(_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, PIP], f"install {PIP} from PyPI (is there a network?)")
    _run([*pip, *PACKAGES], f"install {', '.join(PACKAGES)} from PyPI (is there a network?)")
    mpi_stub.write(folder() / "lib", folder().glob("env/lib/python3.6/site-packages/cntk/libs/*.so"))
    say("Training a few steps …")
    (folder() / "ready.json").write_text(json.dumps({"python": python, "packages": PACKAGES}))
    try:
        check()
    except InstallError:
        (folder() / "ready.json").unlink()
        raise
    say("CNTK is ready.")


def check() -> None:
    """Train a small model for three steps.

    Raises:
        InstallError: if that doesn't work.
    """
    from cornu.contract import registry
    from cornu.contract.conformance.services import training_steps

    try:
        with registry.engine("cntk") as engine:
            training_steps(engine)
    except (WorkerError, AssertionError) as error:
        raise InstallError(f"CNTK was installed, but does not work: {error}") from error


def find_python() -> str:
    """A Python 3.6.

    Raises:
        InstallError: if there is none; the message says where it was looked for.
    """
    given = os.environ.get("CORNU_CNTK_PYTHON")
    if given:
        if _version(given) != "3.6":
            raise InstallError(f"CORNU_CNTK_PYTHON={given} is no Python 3.6, but {_version(given) or 'nothing that runs'}.")
        return given
    for candidate in candidates():
        if _version(candidate) == "3.6":
            return candidate
    raise InstallError(
        "CNTK 2.7 needs a Python 3.6, and there is none: not in CORNU_CNTK_PYTHON, not as python3.6 on the path, not among the versions of pyenv, "
        "not among the environments of conda. Install one, say by `pyenv install 3.6.15` or `conda create -n py36 python=3.6`, and run "
        f"`{COMMAND}` again."
    )


def candidates() -> Iterator[str]:
    """Interpreters that may be a Python 3.6."""
    found = shutil.which("python3.6")
    if found:
        yield found
    home = Path.home()
    roots = [os.environ.get("PYENV_ROOT"), home / ".pyenv", "/opt/pyenv"]
    yield from _matching(f"{root}/versions/3.6*/bin/python" for root in roots if root)
    prefixes = [os.environ.get("CONDA_PREFIX"), *[base / name for base in (home, Path("/opt")) for name in _CONDA]]
    yield from _matching(f"{prefix}/{part}" for prefix in prefixes if prefix for part in ("bin/python", "envs/*/bin/python"))


_CONDA = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "conda")


def _matching(patterns: Iterator[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from sorted(glob.glob(pattern), reverse=True)


def _version(python: str) -> str | None:
    question = "import sys; print('%d.%d' % sys.version_info[:2] if sys.maxsize > 2**32 else '32 bits')"
    try:
        answer = subprocess.run([python, "-sc", question], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _run(command: list[str], what: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment)
    if answer.returncode:
        raise InstallError(f"Could not {what}:\n{(answer.stderr or answer.stdout).strip()[-2000:]}")
