"""The table of primitives: the only things an engine must compute."""

from typing import TYPE_CHECKING, Any

from cornu.primitives import contraction, control, elementwise, linalg, reduction, structure  # noqa: F401  (each enters its primitives)
from cornu.primitives.primitive import TABLE, Primitive, lookup

globals().update({name: record.call for name, record in TABLE.items()})

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...  # the table's names

__all__ = ["TABLE", "Primitive", "lookup", *TABLE]
