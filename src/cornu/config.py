"""Settings: `keras.json` and what may be changed while running.

The file is `$KERAS_HOME/keras.json`, by default `~/.keras/keras.json`, with the keys `backend`, `floatx`, `epsilon` and
`image_data_format`. It is read at first use, and created with defaults where it can be.
"""

from __future__ import annotations

import contextlib
import json
import math
import numbers
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLOATX = ("bfloat16", "float16", "float32", "float64")
IMAGE_DATA_FORMATS = ("channels_last", "channels_first")
DEFAULTS = {"floatx": "float32", "epsilon": 1e-07, "image_data_format": "channels_last"}


def _one_of(*allowed: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: isinstance(value, str) and value in allowed, "one of " + ", ".join(f'"{name}"' for name in allowed)


def _is_positive(value: Any) -> bool:
    try:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 < float(value) < math.inf
    except OverflowError:
        return False


_ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "floatx": _one_of(*FLOATX),
    "image_data_format": _one_of(*IMAGE_DATA_FORMATS),
    "epsilon": (_is_positive, "a positive number"),
    "backend": (lambda value: isinstance(value, str) and bool(value), "the name of an engine"),
}

_lock = threading.RLock()
_file: dict[str, Any] | None = None  # what keras.json holds, once read
_settings: dict[str, Any] = {}  # what is in force
_best_backend: Callable[[], str] | None = None


def path() -> Path:
    """Where keras.json is, or would be: in $KERAS_HOME, by default ~/.keras. (A user without a home has the root directory.)"""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras").removeprefix("~")
    return Path(home) / "keras.json"


def _check(key: str, value: Any, where: str) -> None:
    valid, what = _ALLOWED[key]
    if not valid(value):
        raise ValueError(f"{where}: {key!r} is {value!r}, expected {what}.")


def _load() -> dict[str, Any]:
    """Read keras.json once; create it where there is none.

    Raises:
        ValueError: naming the file, the key, the value, and what is allowed. The file is left as it is.
    """
    global _file
    with _lock:
        if _file is None:
            found = _parse(path())
            _settings.update({**{key: found.get(key, value) for key, value in DEFAULTS.items()}, **_settings})
            _settings["epsilon"] = float(_settings["epsilon"])
            _file = found
            _create()
        return _file


def _parse(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        if os.path.exists(file):
            raise ValueError(f"{file}: can't be read: {error.strerror}.") from None
        return {}
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not a UTF-8 text file: {error}. Correct or delete it.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: not valid JSON: {error}. Correct or delete the file.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file}: expected a JSON object with the keys {', '.join(_ALLOWED)}, got {found!r}.")
    for key in _ALLOWED:
        if key in found:
            _check(key, found[key], str(file))
    return found


def _create() -> None:
    """Write keras.json with defaults unless it exists. A home that can't be written to is no error."""
    file = path()
    if _best_backend is None or os.path.exists(file):
        return
    backend = _best_backend()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".keras.json.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump({**DEFAULTS, "backend": backend}, stream, indent=4)
                stream.write("\n")
            os.chmod(temporary, 0o644)
            os.link(temporary, file)  # whole or not at all, and never over another process's file
        finally:
            os.unlink(temporary)


def best_backend_with(find: Callable[[], str]) -> None:
    """Let `find`, which the registry, floors above, gives, say which engine is the best one installed."""
    global _best_backend
    _best_backend = find


def backend_name() -> tuple[str, str]:
    """The engine that the settings name, and where: KERAS_BACKEND, else keras.json, else the best one installed."""
    found = _load()
    name = os.environ.get("KERAS_BACKEND")
    if name:
        return name, "The environment variable KERAS_BACKEND"
    if "backend" in found:
        return found["backend"], f"{path()}: 'backend'"
    assert _best_backend is not None, "the registry has not been imported"
    return _best_backend(), "The default"


def _get(key: str) -> Any:
    _load()
    return _settings[key]


def _set(key: str, value: Any, setter: str) -> None:
    _check(key, value, setter)
    _load()
    _settings[key] = float(value) if key == "epsilon" else value


def floatx() -> str:
    """The default float dtype: "float32" unless changed. See https://keras.io/api/utils/config_utils/#floatx-function."""
    return _settings.get("floatx") or _get("floatx")


def set_floatx(value: str) -> None:
    """Set the default float dtype to `value`: "bfloat16", "float16", "float32" or "float64".

    Raises:
        ValueError: for anything else.
    """
    _set("floatx", value, "set_floatx")


def epsilon() -> float:
    """The fuzz factor that keeps numeric expressions finite, 1e-07 unless changed."""
    return _settings.get("epsilon") or _get("epsilon")


def set_epsilon(value: float) -> None:
    """Set the fuzz factor to `value`.

    Raises:
        ValueError: if it is no positive number.
    """
    _set("epsilon", value, "set_epsilon")


def image_data_format() -> str:
    """Where images have their channels: "channels_last" or "channels_first"."""
    return _settings.get("image_data_format") or _get("image_data_format")


def set_image_data_format(data_format: str) -> None:
    """Set where images have their channels by `data_format`: "channels_last" or "channels_first".

    Raises:
        ValueError: for anything else.
    """
    _set("image_data_format", str(data_format).lower(), "set_image_data_format")
