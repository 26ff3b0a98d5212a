"""CNTK 2.7: programs are recorded here and lowered in a worker, since its wheels are for Python 3.6 at most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cornu.engines.cntk import install
from cornu.engines.cntk.worker.cntk_support import BY_NUMPY, CARRIERS, KINDS, LARGEST_INDEX, LARGEST_RANK, NATIVE
from cornu.engines.remote.engine import RemoteEngine
from cornu.engines.remote.process import Host
from cornu.graph.graph import Node


class CntkEngine(RemoteEngine):
    """CNTK: eager calls are NumPy's, compiled functions run in the worker, gradients are the built-in ones."""

    name = "cntk"
    library = "cntk"
    carriers = CARRIERS
    kinds, native, by_numpy = KINDS, NATIVE, BY_NUMPY

    def worker_host(self) -> Host:
        return install.host(str(Path(__file__).with_name("worker") / "cntk_library.py"))

    def can(self, node: Node) -> bool:
        return super().can(node) and _special(node)


def _special(node: Node) -> bool:
    """What depends on more than the dtype."""
    name, largest = node.primitive.name, max((_size(v.shape) for v in node.operands), default=0)
    if name in ("take", "take_along_axis", "dynamic_slice"):
        return largest < LARGEST_INDEX  # indices travel in float32 too
    if name == "transpose":
        return _runs(node.params["axes"], node.operands[0].shape) <= LARGEST_RANK
    return not (name == "scan" and node.params["length"] == 0)


def _runs(axes: Sequence[int], shape: Sequence[int]) -> int:
    """How many axes are left where neighbours that stay neighbours count as one, and those of size 1 not at all."""
    long = [axis for axis in axes if shape[axis] != 1]
    places = [sorted(long).index(axis) for axis in long]
    return sum(b != a + 1 for a, b in zip([-2, *places], places))


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
