"""The original Theano 1.0.5 (2020, the last): programs are recorded here and lowered in a worker, under Python 3.6."""

from __future__ import annotations

from pathlib import Path

from cornu.engines.remote.engine import RemoteEngine
from cornu.engines.remote.process import Host
from cornu.engines.theano_original import install
from cornu.engines.theano_original.worker.theano_support import BY_NUMPY, KINDS, NATIVE


class OriginalTheanoEngine(RemoteEngine):
    """Theano 1.0.5: eager calls are NumPy's, compiled functions run in the worker, gradients are the built-in ones."""

    name = "theano"
    library = "theano"
    compiles_calls = True
    carriers = {dtype: dtype for dtype in KINDS}
    kinds, native, by_numpy = KINDS, NATIVE, BY_NUMPY

    def worker_host(self) -> Host:
        return install.host(str(Path(__file__).with_name("worker") / "theano_lowering.py"))
