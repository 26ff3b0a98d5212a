"""The table of ops' cases: what each op of `cornu.ops` must give, by NumPy and SciPy. Tests, fuzzing, the parity table read it.

Each file of this folder enters the cases of a family.
"""

import importlib
import pkgutil

from op_table.case import CASES, FUZZED, Case, Fuzz, Spec

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"op_table.{_module.name}")

__all__ = ["CASES", "FUZZED", "Case", "Fuzz", "Spec"]
