"""Expected failures: what an engine can't do, with the reason. One that passes fails the suite."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Expected:
    """Failures that are known and accepted.

    engine: its name.
    group: the primitive, "services", "kernels" or "override <op>", with wildcards.
    case: the case, with wildcards. All that it covers must fail.
    reason: why.
    """

    engine: str
    group: str
    case: str
    reason: str

    def covers(self, engine: str, group: str, case: str) -> bool:
        """Whether this check is expected to fail."""
        return engine == self.engine and fnmatchcase(group, self.group) and fnmatchcase(case, self.case)


_UINT64 = "PyTorch has no arithmetic on uint64; it is computed as int64, which orders values above 2**63 - 1 as negative"
_ORDERING = (
    "abs", "sign", "maximum", "minimum", "floor_divide", "mod", "less", "less_equal", "greater", "greater_equal", "right_shift",
    "max",
    "min", "sort", "argsort",
)  # fmt: skip

_SIGNED_ZERO = "CNTK loses the sign of zero: it has 0.0 for -0.0, and so inf for -inf"
_POWER = f"{_SIGNED_ZERO}; powers of negative numbers with exponents beyond 2**24 are NaN"

EXPECTED: tuple[Expected, ...] = (
    *[Expected("torch", name, "uint64 edges", _UINT64) for name in _ORDERING],
    *[Expected("cntk", name, "float[36][24] edges compiled", _SIGNED_ZERO) for name in ("sqrt", "rsqrt", "round", "divide")],
    Expected("cntk", "power", "float[36][24] edges compiled", _POWER),
)
