"""The command line: what `cornu engines` says of engines that are there, of those that are not, and of those that fail."""

from __future__ import annotations

import pytest

from cornu import cli
from cornu.contract import registry
from cornu.contract.conformance.reference import ReferenceEngine
from cornu.contract.engine import Kernels
from cornu.primitives import TABLE


class Partial(ReferenceEngine):
    """An engine that can't do everything."""

    name = "partial"
    kernels = Kernels()
    kernels.update({name: kernel for name, kernel in ReferenceEngine.kernels.items() if name not in ("fft", "eig", "lu")})
    unsupported = {"fft": "it has no complex numbers", "eig": "it has no complex numbers"}
    dtypes = frozenset(["float32", "int32"])

    def version(self):
        return "9.8.7"

    def support(self, name):
        return {"sort": "host", "erf": "custom"}.get(name) or super().support(name)


def listed(monkeypatch, capsys, found):
    """The lines of the list of these engines: name -> an engine, None where it is not installed, or what loading it raises."""

    def get(name):
        if isinstance(found[name], Exception):
            raise found[name]
        return found[name]

    monkeypatch.setattr(registry, "names", lambda: list(found))
    monkeypatch.setattr(registry, "editions", list)
    monkeypatch.setattr(registry, "is_installed", lambda name: found[name] is not None)
    monkeypatch.setattr(registry, "get", get)
    assert cli.main(["engines"]) == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_every_registered_engine_is_listed(capsys, monkeypatch):
    monkeypatch.setattr(registry, "is_installed", lambda name: name == "numpy")
    assert cli.main(["engines"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(registry.names())]] == registry.names()
    numpy = next(line for line in lines if line.startswith("numpy"))
    assert f"all {len(TABLE)}" in numpy and "cpu" in numpy and "all 15" in numpy
    assert 'jax is not installed: pip install "cornu[jax]"' in lines


def test_what_an_engine_lacks_is_said_with_the_reason(capsys, monkeypatch):
    lines = listed(monkeypatch, capsys, {"partial": Partial()})
    row = next(line for line in lines if line.startswith("partial"))
    assert row.split() == ["partial", "9.8.7", "cpu", str(len(TABLE) - 4), "of", str(len(TABLE)), "int32,", "float32"]
    assert "partial computes by NumPy, in operators of ours inside its programs: erf" in lines
    assert "partial leaves to NumPy on the host: sort" in lines
    assert "partial can't compute eig, fft: it has no complex numbers" in lines
    assert "partial can't compute lu: no kernel" in lines


def test_an_engine_that_fails_to_load_does_not_hide_the_others(capsys, monkeypatch):
    lines = listed(monkeypatch, capsys, {"broken": OSError("libfoo.so: no such file [1]"), "partial": Partial()})
    assert any(line.startswith("partial") for line in lines)
    assert "broken fails to load: OSError: libfoo.so: no such file [1]" in lines


@pytest.mark.parametrize(
    ("installed", "line"),
    [
        (True, "theano-original is another edition of theano: CORNU_THEANO=original chooses it"),
        (False, "theano-original, another edition of theano, is not installed: cornu engines install theano-original"),
    ],
)
def test_other_editions_of_engines_are_told(installed, line, capsys, monkeypatch):
    monkeypatch.setattr(registry, "is_installed", lambda name: name == "numpy" or (installed and name == "theano-original"))
    assert cli.main(["engines"]) == 0
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("arguments", [[], ["nosuch"], ["engines", "install", "nosuch"]])
def test_wrong_commands(arguments, capsys):
    with pytest.raises(SystemExit) as status:
        cli.main(arguments)
    assert status.value.code == 2 and "usage: cornu" in capsys.readouterr().err


def test_conformance_of_an_unknown_engine(capsys):
    assert cli.main(["conformance", "nosuch"]) == 2
    assert "There is no engine 'nosuch'" in capsys.readouterr().err
