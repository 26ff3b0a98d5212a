"""The table of primitives: the only things an engine must compute."""

from cornu.primitives import contraction, control, elementwise, linalg, reduction, structure  # noqa: F401  (each enters its primitives)
from cornu.primitives.primitive import TABLE, Primitive, lookup

globals().update(TABLE)

__all__ = ["TABLE", "Primitive", "lookup", *TABLE]
