"""Settings: `keras.json` and what may be changed while running.

The file is `$KERAS_HOME/keras.json`, by default `~/.keras/keras.json`, with the keys `backend`, `floatx`, `epsilon` and
`image_data_format`. It is read at first use, and created with defaults where it can be.
"""

from __future__ import annotations

import contextlib
import json
import math
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
    return lambda value: value in allowed, "one of " + ", ".join(f'"{name}"' for name in allowed)


_ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "floatx": _one_of(*FLOATX),
    "image_data_format": _one_of(*IMAGE_DATA_FORMATS),
    "epsilon": (
        lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0,
        "a positive number",
    ),
    "backend": (lambda value: isinstance(value, str) and bool(value), "the name of an engine"),
}

_lock = threading.RLock()
_file: dict[str, Any] | None = None  # what keras.json holds, once read
_settings: dict[str, Any] = {}  # what is in force
_listeners: list[Callable[[], None]] = []


def path() -> Path:
    """Where keras.json is, or would be."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path("~/.keras").expanduser()) / "keras.json"


def _check(key: str, value: Any, where: str) -> None:
    valid, what = _ALLOWED[key]
    if not valid(value):
        raise ValueError(f"{where}: {key!r} is {value!r}, expected {what}.")


def _load() -> dict[str, Any]:
    """Read keras.json once.

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
        return _file


def _parse(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise ValueError(f"{file}: not a UTF-8 text file: {error}. Correct or delete it.") from None
        return {}  # missing or unreadable: no settings
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{file}: not valid JSON: {error}. Correct or delete the file.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file}: expected a JSON object with the keys {', '.join(_ALLOWED)}, got {found!r}.")
    for key in _ALLOWED.keys() & found.keys():
        _check(key, found[key], str(file))
    return found


def _create(backend: str) -> None:
    """Write keras.json with defaults unless it exists. A home that can't be written to is no error."""
    file = path()
    if file.exists():
        return
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


def backend_name(default: Callable[[], str]) -> tuple[str, str]:
    """The engine that the settings name, and where: KERAS_BACKEND, else keras.json, else `default()`.

    The file is created, with the default, if there is none.
    """
    name = os.environ.get("KERAS_BACKEND")
    if name:
        return name, "The environment variable KERAS_BACKEND"
    found = _load()
    if "backend" in found:
        return found["backend"], str(path())
    name = default()
    _create(name)
    return name, "The default"


def on_change(listener: Callable[[], None]) -> None:
    """Call `listener` after a setting changed."""
    _listeners.append(listener)


def _get(key: str) -> Any:
    _load()
    return _settings[key]


def _set(key: str, value: Any, setter: str) -> None:
    _check(key, value, setter)
    _load()
    _settings[key] = value
    for listener in _listeners:
        listener()


def floatx() -> str:
    """The default float dtype: "float32" unless changed. See https://keras.io/api/utils/config_utils/#floatx-function."""
    return _settings.get("floatx") or _get("floatx")


def set_floatx(value: str) -> None:
    """Set the default float dtype: "bfloat16", "float16", "float32" or "float64".

    Raises:
        ValueError: for anything else.
    """
    _set("floatx", value, "set_floatx")


def epsilon() -> float:
    """The fuzz factor that keeps numeric expressions finite, 1e-07 unless changed."""
    return _settings.get("epsilon") or _get("epsilon")


def set_epsilon(value: float) -> None:
    """Set the fuzz factor.

    Raises:
        ValueError: if it is no positive number.
    """
    _set("epsilon", value, "set_epsilon")
    _settings["epsilon"] = float(value)


def image_data_format() -> str:
    """Where images have their channels: "channels_last" or "channels_first"."""
    return _settings.get("image_data_format") or _get("image_data_format")


def set_image_data_format(data_format: str) -> None:
    """Set where images have their channels: "channels_last" or "channels_first".

    Raises:
        ValueError: for anything else.
    """
    _set("image_data_format", data_format, "set_image_data_format")
