"""`keras.json`, `KERAS_BACKEND`, and the settings that `K` reads and changes. What concerns the file runs in fresh processes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import cornu
from cornu import backend as K
from cornu import config, layers, ops
from cornu.contract import registry

DEFAULTS = {"image_data_format": "channels_last", "epsilon": 1e-07, "floatx": "float32"}
PROGRAM = """
import json
from cornu import backend as K
print(json.dumps([K.backend(), K.floatx(), K.epsilon(), K.image_data_format()]))
"""


@pytest.fixture
def home(tmp_path):
    return tmp_path / "keras home"


def start(home: Path | None, program: str = PROGRAM, **env: str) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("KERAS_HOME", "KERAS_BACKEND")}
    where = {"KERAS_HOME": str(home)} if home else {}
    path = os.pathsep.join(p for p in (env.pop("PYTHONPATH", ""), str(Path(cornu.__file__).parents[1])) if p)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**kept, **where, "PYTHONPATH": path, **env},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(home: Path | None, program: str = PROGRAM, **env: str) -> list:
    process = start(home, program, **env)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out)


def error(home: Path, program: str = PROGRAM, **env: str) -> str:
    """The last line of what a failing program says."""
    process = start(home, program, **env)
    _, err = process.communicate()
    assert process.returncode != 0
    return err.strip().splitlines()[-1]


def write(home: Path, **settings) -> str:
    home.mkdir(exist_ok=True)
    text = json.dumps(settings)
    (home / "keras.json").write_text(text)
    return text


# The file


def test_created_with_defaults_and_the_best_engine(home):
    assert run(home) == [registry.best(), "float32", 1e-07, "channels_last"]
    assert json.loads((home / "keras.json").read_text()) == {**DEFAULTS, "backend": registry.best()}
    assert [p.name for p in home.iterdir()] == ["keras.json"]


def test_created_at_first_use_of_any_setting_but_not_by_import(home):
    run(home, "import cornu; from cornu import backend as K; print(0)")
    assert not home.exists()
    run(home, "from cornu import backend as K; print(K.epsilon())", KERAS_BACKEND="numpy")
    assert json.loads((home / "keras.json").read_text())["backend"] == registry.best()


def test_without_keras_home_it_is_in_the_users_home(tmp_path):
    run(None, HOME=str(tmp_path))
    assert (tmp_path / ".keras" / "keras.json").is_file()


def test_edited_by_hand_it_decides_the_next_run(home):
    write(home, backend="numpy", floatx="float64", epsilon=1e-3, image_data_format="channels_first")
    assert run(home) == ["numpy", "float64", 1e-3, "channels_first"]
    write(home, backend="numpy", floatx="bfloat16", epsilon=1)
    assert run(home) == ["numpy", "bfloat16", 1.0, "channels_last"]


def test_what_it_does_not_say_has_defaults_and_unknown_keys_survive(home):
    text = write(home, floatx="float16", my_key={"a": [1]})
    assert run(home) == [registry.best(), "float16", 1e-07, "channels_last"]
    run(home, "from cornu import backend as K; K.set_floatx('float64'); K.set_epsilon(1); K.set_backend('numpy'); print(0)")
    assert (home / "keras.json").read_text() == text


def test_keras_backend_overrides_it(home):
    write(home, backend="nosuch")
    assert run(home, KERAS_BACKEND="numpy")[0] == "numpy"


def test_a_file_saved_by_notepad(home):
    home.mkdir()
    (home / "keras.json").write_bytes(b"\xef\xbb\xbf" + b'{"backend": "numpy",\r\n "floatx": "float64"}\r\n')
    assert run(home)[:2] == ["numpy", "float64"]


BAD = [
    ({"floatx": "float31"}, "'floatx' is 'float31', expected one of \"bfloat16\", \"float16\", \"float32\", \"float64\""),
    ({"floatx": ["float32"]}, "'floatx' is ['float32'], expected one of"),
    ({"image_data_format": "first"}, "'image_data_format' is 'first', expected one of \"channels_last\", \"channels_first\""),
    ({"backend": "nosuch"}, "'backend' is 'nosuch', but there is no such engine. The engines are: "),
    ({"backend": 3}, "'backend' is 3, expected the name of an engine"),
    *(({"epsilon": bad}, f"'epsilon' is {bad!r}, expected a positive number") for bad in (0, -1e-7, "1e-7", True, None)),
    ({"epsilon": float("nan")}, "'epsilon' is nan, expected a positive number"),
    ({"epsilon": float("inf")}, "'epsilon' is inf, expected a positive number"),
    ({"epsilon": 10**400}, "expected a positive number"),
]


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_a_wrong_value_is_named_with_file_and_key(home, settings, message):
    text = write(home, **settings)
    said = error(home)
    assert said.startswith(f"ValueError: {home / 'keras.json'}: ")
    assert message in said
    assert (home / "keras.json").read_text() == text


@pytest.mark.parametrize("text", [b"", b"{", b'{"floatx": float32}', b"[1]", b"\xff\xfe{", b"[" * 100_000])
def test_what_is_no_settings_file_is_named_and_left(home, text):
    home.mkdir()
    (home / "keras.json").write_bytes(text)
    assert error(home).startswith(f"ValueError: {home / 'keras.json'}: ")
    assert (home / "keras.json").read_bytes() == text
    assert [p.name for p in home.iterdir()] == ["keras.json"]


def test_a_folder_in_its_place(home):
    (home / "keras.json").mkdir(parents=True)
    assert "keras.json: can't be read: Is a directory" in error(home)


def test_homes_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file" / "home")[1] == "float32"  # even root can't make a folder in a file
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert run(closed / "home")[1] == "float32"
    assert run(closed)[1] == "float32"
    if os.geteuid():
        assert not list(closed.iterdir())
    closed.chmod(stat.S_IRWXU)


def test_processes_that_start_at_once_never_see_half_a_file(home):
    program = """
    import json, os, sys, time
    from cornu import backend as K
    while not os.path.exists(os.environ["GO"]):
        pass
    print(json.dumps([K.floatx(), K.backend()]))
    """
    go = home.parent / "go"
    processes = [start(home, program, GO=str(go), KERAS_BACKEND="numpy") for _ in range(6)]
    go.touch()
    seen = set()
    while any(process.poll() is None for process in processes):
        if (home / "keras.json").exists():
            seen.add((home / "keras.json").read_text())
    outcomes = [process.communicate() for process in processes]
    assert all(process.returncode == 0 for process in processes), outcomes
    seen.add((home / "keras.json").read_text())
    assert [json.loads(text) for text in seen] == [{**DEFAULTS, "backend": registry.best()}]
    assert [p.name for p in home.iterdir()] == ["keras.json"]


def test_a_file_that_appears_in_between_is_kept(home, monkeypatch):
    def another_process():
        write(home, backend="theirs")
        return "ours"

    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setattr(config, "_best_backend", another_process)
    config._create()
    assert json.loads((home / "keras.json").read_text()) == {"backend": "theirs"}
    assert [p.name for p in home.iterdir()] == ["keras.json"]


# An engine that is not installed


@pytest.fixture
def far(tmp_path):
    """A folder to import from, with a package that registers an engine whose library is not installed."""
    info = tmp_path / "site" / "farpackage-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: farpackage\nVersion: 1.0\nProvides-Extra: far\nRequires-Dist: no-such-library; extra == "
        "'far'\n"
    )
    (info / "entry_points.txt").write_text("[cornu.engines]\nfar = farpackage:Far [far]\n")
    return str(info.parent)


@pytest.mark.parametrize("how", ["keras.json", "KERAS_BACKEND", "K.set_backend('far')", "cornu.engine('far').__enter__()"])
def test_the_command_that_installs_an_engine(home, far, how):
    env = {"PYTHONPATH": far, "HOW": "", "KERAS_BACKEND": "numpy"}
    if how == "keras.json":
        write(home, backend="far")
        del env["KERAS_BACKEND"]
    elif how == "KERAS_BACKEND":
        env["KERAS_BACKEND"] = "far"
    else:
        env["HOW"] = how
    said = error(home, "import os, cornu; from cornu import backend as K; exec(os.environ['HOW']); K.backend()", **env)
    assert said.startswith("ImportError: The engine 'far' is not installed. Install it with: pip install \"farpackage[far]\"")
    if not env["HOW"]:
        assert how in said


# While running


@pytest.fixture
def restored():
    before = K.floatx(), K.epsilon(), K.image_data_format()
    yield
    K.set_floatx(before[0])
    K.set_epsilon(before[1])
    K.set_image_data_format(before[2])


def test_epsilon(restored):
    K.set_epsilon(1e-2)
    assert K.epsilon() == 1e-2
    K.set_epsilon(np.float32(0.5))
    assert K.epsilon() == 0.5
    assert type(K.epsilon()) is float
    for bad in (0, -1, "1e-7", None, float("nan"), True):
        with pytest.raises(ValueError, match=r"set_epsilon: 'epsilon' is .*, expected a positive number"):
            K.set_epsilon(bad)
    assert K.epsilon() == 0.5


def test_image_data_format(restored):
    K.set_image_data_format("channels_first")
    assert K.image_data_format() == "channels_first"
    assert layers.Conv2D(2, 3).data_format == "channels_first"
    with pytest.raises(ValueError, match="'image_data_format' is 'first', expected one of"):
        K.set_image_data_format("first")
    assert K.image_data_format() == "channels_first"
    K.set_image_data_format("Channels_Last")  # as Keras does
    assert K.image_data_format() == "channels_last"


def test_a_wrong_floatx(restored):
    with pytest.raises(ValueError, match="set_floatx: 'floatx' is 'int32', expected one of \"bfloat16\", \"float16\""):
        K.set_floatx("int32")
    assert K.floatx() == "float32"


@pytest.mark.parametrize("floatx", config.FLOATX)
def test_floatx_changes_what_follows(engine, restored, floatx):
    ints = ops.convert_to_tensor(np.array([1, 2], "int32"))

    def dtypes():
        layer = layers.Dense(2)
        y = layer(np.ones((1, 3), "float32"))
        found = [
            ops.exp(ints),
            ops.convert_to_tensor(0.5),
            ops.convert_to_tensor([0.5]),
            layer.kernel.value,
            y,
            cornu.random.normal((2,)),
        ]
        return {engine.dtype_of(x) for x in found}

    assert dtypes() == {"float32"}
    K.set_floatx(floatx)
    assert dtypes() == {floatx}  # also where a plan for float32 was made before
    K.set_floatx("float32")
    assert dtypes() == {"float32"}


def test_backend():
    outside = K.backend()
    with cornu.engine("numpy"):
        assert K.backend() == "numpy"
    assert K.backend() == outside
    try:
        for name in [n for n in registry.names() if registry.is_installed(n)]:
            K.set_backend(name)
            assert K.backend() == name
            assert layers.Dense(1)(np.ones((1, 1))) is not None
    finally:
        K.set_backend(outside)
    with pytest.raises(ValueError, match=r"There is no engine 'nosuch'. The engines are: "):
        K.set_backend("nosuch")
    assert K.backend() == outside
