"""The table of ops' cases: what each op of `cornu.ops` must give, by NumPy and SciPy. Read by tests, fuzzing and the parity table."""

import importlib

from op_table.case import CASES, Case, Spec

for _family in ("elementwise", "reduction", "creation", "manipulation", "indexing", "products", "sorting", "statistics"):
    importlib.import_module(f"op_table.{_family}")

__all__ = ["CASES", "Case", "Spec"]
