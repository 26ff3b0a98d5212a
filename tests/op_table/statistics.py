"""Cases of averages, quantiles, histograms."""

from __future__ import annotations

import numpy as np

from op_table.case import add, f, i, numbers, spec
from op_table.reduction import WITH_NAN, reduction

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")

reduction("median", np.median, "floating", kinds="buif")
reduction("nanmedian", np.nanmedian, "floating", kinds="uif", nan=True)

for _name, _hundred in (("quantile", 1), ("percentile", 100), ("nanquantile", 1), ("nanpercentile", 100)):
    _s = spec(_name, getattr(np, _name), "floating", 32.0, True)
    _x = f(3, 5, dtype="float32")
    for _method in METHODS:
        add(_s, _x, 0.3 * _hundred, axis=1, method=_method, compiled=_method == "linear")
    add(_s, _x, [0.0, 0.25 * _hundred, 1.0 * _hundred])
    add(_s, _x, [0.25 * _hundred, 0.5 * _hundred], axis=(0, 1), keepdims=True)
    add(_s, f(2, 3, 4, dtype="float32"), [0.25 * _hundred, 0.5 * _hundred], axis=1)
    add(_s, i(5), 0.5 * _hundred)
    add(_s, f(7, dtype="float16"), 0.4 * _hundred)
    add(_s, WITH_NAN, 0.5 * _hundred, axis=1, case="NaNs")
    add(_s, f(2, 5), 0.3 * _hundred, axis=1, gradient=True)

for _name in ("quantile", "nanquantile"):  # where NumPy subtracts infinities
    _s = spec(_name, lambda x, q: np.array(np.inf), "floating")
    add(_s, np.array([1.0, np.inf, np.inf], "float32"), 1.0, case="infinite")

_s = spec("average", np.average, "floating", 32.0, True)
add(_s, f(2, 3, dtype="float32"))
add(_s, f(2, 3, dtype="float32"), axis=1, weights=f(3, low=0.1, dtype="float32"), compiled=True)
add(_s, f(2, 3), axis=0, weights=f(2, 3, low=0.1), gradient=True)
add(_s, f(2, 3, dtype="float16"), weights=f(2, 3, low=0.5, dtype="float16"))
add(_s, i(4), weights=i(4, low=1))

_s = spec("corrcoef", np.corrcoef, "floating", 64.0, True)
add(_s, f(3, 6, dtype="float32"), compiled=True)
add(_s, f(2, 5), gradient=True)
add(_s, i(2, 5))
add(_s, f(2, 4, dtype="bfloat16"))
add(_s, f(2, 5, dtype="complex64"))
add(_s, f(5, dtype="float32"), case="one row")

_s = spec("histogram", np.histogram, ("int32", "floating"), 8.0, True)
add(_s, f(20, dtype="float32"))
add(_s, f(4, 5, dtype="float32"), bins=3, compiled=True)
add(_s, f(20, dtype="float32"), bins=4, range=(-1.0, 1.0))
add(_s, np.array([1, 1, 1], "int32"), bins=2, case="all the same")
add(_s, np.zeros((0,), "float32"), bins=2)
add(_s, numbers("uint8", (9,), 0, 9), bins=3)
