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


EXPECTED: tuple[Expected, ...] = ()
