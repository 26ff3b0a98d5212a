"""Random arguments of averages, quantiles, histograms and running results without NaNs."""

from __future__ import annotations

from typing import Any

import numpy as np

from op_table import reduction, statistics  # noqa: F401  (their cases hold the references)
from op_table.case import Array, factors
from op_table.drawing import Draw, Numbers, fuzzed

for _op, _low in (("nancumsum", -2.0), ("nancumprod", 0.5)):

    @fuzzed(_op)
    def _running(d: Draw, low: float = _low) -> Any:
        x = d.tensor(d.shape(1), Numbers("if", low, 2.0, "mild"))
        x = x % 3 if x.dtype.kind == "i" else x  # NumPy computes in more bits and does not wrap around
        return (x,), {"axis": d.of(None, d.axis(x.ndim))}


def _neighbours(op: str) -> Any:
    """The size of the elements between which quantiles lie."""

    def size(x: Array, q: Any, axis: Any, method: str, keepdims: bool) -> float:
        ends = [np.abs(getattr(np, op)(x, q, axis, method=end)) for end in ("lower", "higher")]
        return float(np.max(ends, where=np.isfinite(ends), initial=0.0))

    return size


for _op, _hundred in (("quantile", 1), ("percentile", 100), ("nanquantile", 1), ("nanpercentile", 100)):

    @fuzzed(_op, getattr(np, _op), "floating", 32.0, True, None, _neighbours(_op))
    def _quantile(d: Draw, op: str = _op, hundred: int = _hundred) -> Any:
        x = d.tensor(d.shape(empty=False), Numbers("if"))
        if x.dtype.kind == "f" and x.size and d.yes():
            x.reshape(-1)[0] = np.nan
        places = [0.0, 0.25, 0.5, 0.75, 1.0]
        q = [p * hundred for p in places[: d.int(1, 5)]] if d.yes() else d.of(*places) * hundred
        method = d.of("linear", "lower", "higher", "midpoint", "nearest")
        return (x, q), {"axis": d.axes(x.ndim), "method": method, "keepdims": d.yes()}


@fuzzed("average", np.average, "floating", 32.0, True, None, factors)
def _average(d: Draw) -> Any:
    x = d.tensor(d.shape(1, empty=False), Numbers("uif"))
    axis = d.of(None, d.axis(x.ndim))
    weights = d.of(None, d.tensor(x.shape, Numbers("f", 0.5, 1.5), x.dtype.name if x.dtype.kind == "f" else "float32"))
    return (x, axis, weights), {}


@fuzzed("corrcoef")
def _corrcoef(d: Draw) -> Any:
    x = d.tensor(d.of((3, 6), (2, 5), (5,)), Numbers("fc"))
    return (x + np.arange(x.shape[-1]).astype(x.dtype),), {}  # nothing constant


@fuzzed("histogram", np.histogram, ("int32", "floating"), 32.0, True)
def _histogram(d: Draw) -> Any:
    return (d.tensor(d.of((9,), (2, 3), (0,)), Numbers("if")),), {"bins": d.int(1, 5), "range": d.of(None, (-1.0, 1.0))}


@fuzzed("trapezoid", np.trapezoid, "floating", 32.0, True, None, factors)
def _trapezoid(d: Draw) -> Any:
    x = d.tensor(d.shape(1), Numbers("uif"))
    return (x,), {"dx": d.of(1.0, 0.5), "axis": d.axis(x.ndim)}


@fuzzed("moments", lambda x, axes, keepdims: [np.mean(x, axes, keepdims=keepdims), np.var(x, axes, keepdims=keepdims)],
        ("floating", "floating"), 64.0, True, None, lambda x, *args, **kwargs: factors(x))  # fmt: skip
def _moments(d: Draw) -> Any:
    x = d.tensor(d.shape(empty=False), Numbers("f"))
    return (x, d.axes(x.ndim)), {"keepdims": d.yes()}
