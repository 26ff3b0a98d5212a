"""Cases of ops that make tensors."""

from __future__ import annotations

import numpy as np

from op_table.case import add, f, i, numbers, plain, spec

for _name in ("zeros", "ones"):
    _s = spec(_name, plain(getattr(np, _name)), "float32", 0.0)
    add(_s, (2, 3), compiled=True)
    add(_s, 3)
    add(_s, ())
    add(_s, (0, 2), dtype="int8")
    add(_s, (2,), dtype="bool")
    add(_s, (2,), dtype="bfloat16")
    _s = spec(f"{_name}_like", plain(getattr(np, f"{_name}_like")), "first", 0.0)
    add(_s, f(2, 3, dtype="float32"), compiled=True)
    add(_s, i(2))
    add(_s, f(2, dtype="complex64"))
    add(_s, i(2), dtype="float16")
    add(_s, numbers("bool", (2,)))
# What `empty` holds is not specified; Cornu gives zeros.
add(spec("empty", plain(np.zeros), "float32", 0.0), (2, 3))
add(spec("empty_like", plain(np.zeros_like), "first", 0.0), i(2, 3))

_s = spec("full", plain(np.full), "float32")
add(_s, (2, 3), 2, compiled=True)
add(_s, (2,), 1.5)
add(_s, (2,), True, dtype="bool")
add(_s, (2, 3), f(3, dtype="float32"))
add(_s, (0,), 7, dtype="int32")
_s = spec("full_like", lambda x, value, dtype=None: np.full(x.shape, value), "first")
add(_s, i(2, 3), 1.5, case="int32, 1.5", compiled=True)
add(_s, f(2, dtype="bfloat16"), 2)
add(_s, i(2), 2, dtype="float32")

_s = spec("array", plain(np.asarray), "first", 0.0)
add(_s, i(2, 3), compiled=True)
add(_s, f(2, 3), case="float64")
add(_s, f(2, 3), dtype="float16")
add(spec("array", plain(np.asarray), "int32"), [[1, 2], [3, 4]])
add(spec("array", plain(np.asarray), "float32"), [1.0, 2])
add(spec("array", plain(np.asarray), "bool"), [True, False])

_s = spec("arange", plain(np.arange), "joined")
for _args in ((5,), (2, 7), (7, 2, -2), (0, 1, 0.25), (3, 3), (1.5,), (0.0, 4.0)):
    add(_s, *_args, compiled=_args == (5,))
add(_s, 0, 5, 2, dtype="float16")
add(_s, 4, dtype="uint8")
add(_s, 3, dtype="bfloat16")

for _name in ("linspace", "logspace"):
    _s = spec(_name, plain(getattr(np, _name)), "floating", 16.0, True)
    add(_s, 0, 2, 5, compiled=True)
    add(_s, 0.0, 1.0, 4, endpoint=False)
    add(_s, 0, 2, 1)
    add(_s, 0, 2, 0)
    add(_s, f(3, low=-1, high=0, dtype="float32"), f(3, low=0, high=1, dtype="float32"), 4)
    add(_s, f(3, low=-1, high=0, dtype="float32"), 1.0, 4, axis=-1)
    add(_s, f(2, low=-1, high=0), f(2, low=0, high=1), 3, gradient=True)
    add(_s, 0, 1, 3, dtype="float16")
add(spec("linspace", lambda *args, dtype=None: np.floor(np.linspace(*args)), "floating"), 0, 9, 5, dtype="int32")
add(spec("linspace", np.linspace, "floating"), 0, 1, 5, retstep=True)
add(spec("logspace", np.logspace, "floating"), 0, 3, 4, base=2)
_s = spec("geomspace", plain(np.geomspace), "floating", 32.0, True)
add(_s, 1, 1000, 4, compiled=True)
add(_s, -1.0, -8.0, 4, endpoint=False)
add(_s, f(3, low=0.5, dtype="float32"), f(3, low=3, high=5, dtype="float32"), 4, axis=1)
add(_s, f(2, low=0.5), f(2, low=3, high=5), 3, gradient=True)
add(_s, 1, 2, 1)

_s = spec("meshgrid", np.meshgrid, "first", 0.0)
add(_s, i(2), i(2, seed=1), compiled=True)
add(_s, f(2, dtype="float32"), f(3, dtype="float32"), indexing="ij", unknown=False)
add(_s, f(2, dtype="float32"), f(3, dtype="float32"), f(4, dtype="float32"), unknown=False)
add(_s, f(3, dtype="float32"))

for _name in ("eye", "tri"):
    _s = spec(_name, plain(getattr(np, _name)), "float32", 0.0)
    add(_s, 3, compiled=True)
    add(_s, 2, 4)
    add(_s, 3, 2, k=-1)
    add(_s, 3, 4, k=2, dtype="int32")
    add(_s, 0)
    add(_s, 3, 0)
add(spec("identity", plain(np.identity), "float32"), 3, compiled=True)
add(spec("identity", plain(np.identity), "float32"), 2, dtype="bool")
for _name in ("tril", "triu"):
    _s = spec(_name, getattr(np, _name), "first", 0.0)
    add(_s, f(3, 4, dtype="float32"), compiled=True)
    add(_s, f(2, 3, 3), k=1, gradient=True)
    add(_s, f(3, 4, dtype="float32"), k=-1)
    add(_s, numbers("bool", (3, 3)))
    add(_s, i(3, 2, dtype="int8"), 2)
    add(_s, f(3, 3, dtype="complex64"))
    add(_s, np.zeros((0, 3, 3), "float32"))
    add(_s, np.array([[1, np.nan], [np.inf, 2]], "float32"), case="NaN and inf don't spread")

_s = spec("vander", np.vander, "first")
add(_s, f(3, dtype="float32"), compiled=True)
add(_s, i(3, low=1), 4)
add(_s, f(3, low=0.5), increasing=True, gradient=True, unknown=False)
add(_s, f(2, dtype="float16"), N=2)

for _name in ("bartlett", "blackman", "hamming", "hanning"):
    _s = spec(_name, getattr(np, _name), "float32", 4.0, True)
    for _count in (0, 1, 4, 7):
        add(_s, _count, compiled=_count == 7)
    add(_s, np.array(5, "int32"), symbolic=False)
_s = spec("kaiser", np.kaiser, "float32", 16.0, True)
add(_s, 7, 14.0, compiled=True)
add(_s, 1, 5.0)
add(_s, 6, 0.0)
