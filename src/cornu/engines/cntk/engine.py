"""CNTK 2.7: programs are recorded here and lowered in a worker, since its wheels are for Python 3.6 at most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cornu.engines.cntk import install
from cornu.engines.cntk.process import MAIN, Host
from cornu.engines.cntk.remote import RemoteEngine
from cornu.engines.cntk.worker.cntk_support import BY_NUMPY, CARRIERS, KINDS, LARGEST_INDEX, NATIVE
from cornu.graph.graph import Node


def _in_worker(*operands: Any, **params: Any) -> Any:
    raise NotImplementedError("CNTK's nodes are made in its worker")


class CntkEngine(RemoteEngine):
    """CNTK: eager calls are NumPy's, compiled functions run in the worker, gradients are the built-in ones."""

    name = "cntk"
    library = "cntk"
    carriers = CARRIERS
    dtypes = frozenset(CARRIERS)
    lowering = dict.fromkeys([*NATIVE, *BY_NUMPY], _in_worker)

    def worker_host(self) -> Host:
        return install.host(str(Path(MAIN).with_name("cntk_library.py")))

    def can(self, node: Node) -> bool:
        return super().can(node) and _kinds_fit(node) and _special(node)

    def support(self, name: str) -> str:
        return "native" if name in NATIVE else "host"


def _kinds_fit(node: Node) -> bool:
    """Whether CNTK has this primitive for the dtype that it works on: that of the first operand, of `where` the second."""
    name = node.primitive.name
    deciding = node.operands[1:2] if name in ("where", "cond") else node.operands[:1] or node.results[:1]
    kinds = {**NATIVE, **BY_NUMPY}[name]
    return all(KINDS[v.dtype] in kinds for v in deciding)


def _special(node: Node) -> bool:
    """What depends on more than the dtype."""
    name, largest = node.primitive.name, max((_size(v.shape) for v in node.operands), default=0)
    if name in ("take", "take_along_axis", "dynamic_slice"):
        return largest < LARGEST_INDEX  # indices travel in float32 too
    return not (name == "scan" and node.params["length"] == 0)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size
