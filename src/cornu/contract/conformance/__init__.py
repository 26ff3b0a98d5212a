"""The public conformance suite: does an engine do what the contract says?

Run it with `python -m cornu conformance [ENGINE...]`. For each primitive of the table it holds the engine's values, shapes,
dtypes, gradients and compiled runs against independent references; then the engine's services, the signatures of its
kernels, and its native forms of derived ops against their bodies.
"""

from cornu.contract.conformance.suite import main, run

__all__ = ["main", "run"]
