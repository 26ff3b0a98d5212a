"""`cornu run script.py` is as `python script.py`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cornu.contract import registry
from cornu.legacy.run import split

SCRIPT = """
import os, sys
from keras import backend as K
print(__name__, sys.argv[1:], __file__ == sys.argv[0], os.path.basename(sys.path[0]), K.backend(), os.environ.get("KERAS_BACKEND"))
import beside, __main__
assert __main__.beside is beside

def fail():
    raise KeyError("what it says")

if "fail" in sys.argv:
    fail()
sys.exit(beside.STATUS)
"""


def run(folder, *arguments):
    (folder / "script.py").write_text(SCRIPT)
    (folder / "beside.py").write_text("STATUS = 7\n")
    done = subprocess.run([sys.executable, "-m", "cornu", *arguments], capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout.split("\n"), done.stderr


def test_arguments_main_path_and_exit_status(tmp_path):
    status, out, _ = run(tmp_path, "run", "script.py", "--epochs", "3", "--backend", "numpy")
    assert status == 7
    assert out[0] == f"__main__ ['--epochs', '3'] True {tmp_path.name} numpy numpy"


@pytest.mark.parametrize("name", [name for name in registry.names() if registry.is_installed(name)])
def test_on_every_engine(tmp_path, name):
    """On TensorFlow too, which imports the other Keras."""
    status, out, err = run(tmp_path, "run", "script.py", "--backend", name)
    assert (status, out[0].split()[-2:]) == (7, [name, name]), err


def test_run_may_be_left_out(tmp_path):
    status, out, _ = run(tmp_path, "script.py", "--backend=numpy", "--", "--backend", "own")
    assert status == 7 and out[0].startswith("__main__ ['--backend', 'own'] True")


def test_tracebacks_are_those_of_python(tmp_path):
    status, _, err = run(tmp_path, "script.py", "--backend", "numpy", "fail")
    assert status == 1
    lines = err[err.index("Traceback") :].splitlines()
    assert lines[0] == "Traceback (most recent call last):" and lines[-1] == "KeyError: 'what it says'"
    assert [line.split(",")[0].strip() for line in lines if line.startswith("  File")] == ['File "script.py"'] * 2


def test_syntax_errors(tmp_path):
    (tmp_path / "wrong.py").write_text("a = = 1\n")
    done = subprocess.run([sys.executable, "-m", "cornu", "wrong.py"], capture_output=True, text=True, cwd=tmp_path)
    plain = subprocess.run([sys.executable, "wrong.py"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == plain.returncode == 1
    assert [line for line in done.stderr.splitlines() if "SyntaxError" in line or "= = " in line] == plain.stderr.splitlines()[1:2] + plain.stderr.splitlines()[-1:]


@pytest.mark.parametrize("arguments, words", [
    (["run"], "which script"),
    (["nosuch.py"], "no such file"),
    (["script.py", "--backend"], "needs the name of one engine"),
])  # fmt: skip
def test_wrong_calls(tmp_path, arguments, words):
    status, _, err = run(tmp_path, *arguments)
    assert status == 2 and words in err


def test_an_unknown_engine(tmp_path):
    status, _, err = run(tmp_path, "script.py", "--backend", "nosuch")
    assert status == 2 and "There is no engine 'nosuch'" in err and "Traceback" not in err


def test_split():
    assert split(["s.py", "a"]) == ("s.py", ["a"], None)
    assert split(["--backend", "jax", "s.py"]) == ("s.py", [], "jax")
    assert split(["s.py", "--", "--backend", "x"]) == ("s.py", ["--backend", "x"], None)
    with pytest.raises(ValueError, match="one engine"):
        split(["s.py", "--backend", "a", "--backend", "b"])
