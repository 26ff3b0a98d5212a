"""Private environments: virtual environments of Python 3.6 with a library that no later Python runs."""

from __future__ import annotations

import glob
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cornu.engines.remote.process import Host, WorkerError

PIP = "pip==21.3.1"  # the last for Python 3.6; those that come with it don't know the wheels' tags


class InstallError(RuntimeError):
    """The environment can't be built; the message says what is missing."""


@dataclass(frozen=True)
class Environment:
    """One of them.

    name: the engine's in its entry point. library: what users call what is in it. packages: to install, with their versions.
    """

    name: str
    library: str
    packages: tuple[str, ...]

    @property
    def command(self) -> str:
        """What installs it."""
        return f"cornu engines install {self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that names the interpreter to build it with."""
        return f"CORNU_{self.name.partition('-')[0].upper()}_PYTHON"

    @property
    def folder(self) -> Path:
        """Where it is: under $CORNU_ENGINES, by default `cornu/engines` in the user's folder for data."""
        data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        return Path(os.environ.get("CORNU_ENGINES") or Path(data) / "cornu" / "engines") / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "env" / "bin" / "python"

    def is_installed(self) -> bool:
        """Whether it was built, checked, and is still there."""
        return self.python.exists() and (self.folder / "ready.json").exists()

    def host(self, module: str, variables: dict[str, str]) -> Host:
        """What runs a worker: the module that knows the library, and environment variables.

        Raises:
            ImportError: if the environment was not built; the message has the command that does.
        """
        if not self.python.exists():
            raise ImportError(f"The environment of {self.library} is not installed in {self.folder}. Install it with: {self.command}")
        return Host(self.library, str(self.python), module, variables)

    def install(self, check: Callable[[], None], say: Callable[[str], None], finish: Callable[[], None] = lambda: None) -> None:
        """Build the environment, if it is not there, and check it.

        Args:
            check: raises WorkerError or AssertionError if what was built doesn't work. say: gets lines for the user.
            finish: what is to be done after the packages are there.

        Raises:
            InstallError: with what is missing.
        """
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            here = f"{platform.system()} on {platform.machine()}"
            raise InstallError(f"{self.library} can be set up on 64-bit x86 Linux only, and this is {here}.")
        built = self.is_installed()
        if built:
            say(f"Checking the environment in {self.folder} (delete that folder to build it again) …")
        else:
            self._build(say)
            finish()
            say("Training a few steps …")
        try:
            check()
        except (WorkerError, AssertionError) as error:
            if not built:
                (self.folder / "ready.json").unlink()
            raise InstallError(f"{self.library} was installed, but does not work: {error}") from error
        say(f"{self.library} is ready.")

    def _build(self, say: Callable[[str], None]) -> None:
        python = find_python(self)
        say(f"Python 3.6: {python}")
        say(f"Building the environment in {self.folder} …")
        shutil.rmtree(self.folder / "env", ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        _run([python, "-m", "venv", str(self.folder / "env")], "make a virtual environment (Debian's Python wants the package python3.6-venv for that)")
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, PIP], f"install {PIP} from PyPI (is there a network?)")
        _run([*pip, *self.packages], f"install {', '.join(self.packages)} from PyPI (is there a network?)")
        (self.folder / "ready.json").write_text(json.dumps({"python": python, "packages": self.packages}))


def find_python(environment: Environment) -> str:
    """A Python 3.6.

    Raises:
        InstallError: if there is none; the message says where it was looked for.
    """
    variable = environment.variable
    given = os.environ.get(variable)
    if given:
        if _version(given) != "3.6":
            raise InstallError(f"{variable}={given} is no Python 3.6, but {_version(given) or 'nothing that runs'}.")
        return given
    for candidate in candidates():
        if _version(candidate) == "3.6":
            return candidate
    raise InstallError(
        f"{environment.library} needs a Python 3.6, and there is none: not in {variable}, not as python3.6 on the path, not among the versions of "
        "pyenv, not among the environments of conda. Install one, say by `pyenv install 3.6.15` or `conda create -n py36 python=3.6`, and run "
        f"`{environment.command}` again."
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


__all__ = ["Environment", "InstallError", "candidates", "find_python"]
