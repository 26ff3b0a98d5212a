"""The classic `K`: all of `keras.backend` of Keras 2, and what Keras 1 and 3 have beside. See docs/classic-backend.md."""

from typing import Any

from cornu.backend import common, names  # noqa: F401  (Keras 1: `K.common`)
from cornu.backend.arrays import *  # noqa: F403
from cornu.backend.common import *  # noqa: F403
from cornu.backend.control import *  # noqa: F403
from cornu.backend.convolution import *  # noqa: F403
from cornu.backend.ctc import *  # noqa: F403
from cornu.backend.drawing import eager, symbolic  # noqa: F401
from cornu.backend.engines import *  # noqa: F403
from cornu.backend.gradients import *  # noqa: F403
from cornu.backend.graph import *  # noqa: F403
from cornu.backend.math import *  # noqa: F403
from cornu.backend.nn import *  # noqa: F403
from cornu.backend.random import *  # noqa: F403
from cornu.backend.variables import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Names of older versions; for others an error that says what to do instead."""
    if name in names.OLD_SETTINGS:
        return names.OLD_SETTINGS[name]()
    if name in names.OLD_NAMES:
        return globals()[names.OLD_NAMES[name]]
    if name.startswith("__"):
        raise AttributeError(f"module 'cornu.backend' has no attribute {name!r}")
    raise AttributeError(f"K (cornu.backend) has no {name!r}: {names.hint(name, globals())}.")
