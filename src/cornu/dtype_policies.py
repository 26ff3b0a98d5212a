"""Which dtype a layer computes in and which its variables have."""

from __future__ import annotations

from typing import Any

from cornu import config
from cornu._named import Names
from cornu.primitives import dtypes as dt


class DTypePolicy:
    """A float dtype for both, or "mixed_float16" / "mixed_bfloat16": compute in half precision, keep variables in float32.

    Args:
        name: a dtype name or a mixed policy; None for `floatx()`.

    Raises:
        ValueError: for an unknown name.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or config.floatx()
        if self.name in ("mixed_float16", "mixed_bfloat16"):
            self.compute_dtype, self.variable_dtype = self.name.removeprefix("mixed_"), "float32"
        else:
            self.compute_dtype = self.variable_dtype = dt.name_of(self.name)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


_names = Names("dtype policy", "keras", (DTypePolicy,))


def serialize(dtype_policy: DTypePolicy) -> Any:
    """Module, class name and config of `dtype_policy`, as Keras writes them."""
    return _names.serialize(dtype_policy)


def get(identifier: Any) -> DTypePolicy:
    """The policy for `identifier`: a name, a dtype, a policy, a config, or None.

    Raises:
        ValueError: for an unknown name.
    """
    if isinstance(identifier, (DTypePolicy, dict)):
        return _names.get(identifier)
    if identifier is None or (isinstance(identifier, str) and identifier.startswith("mixed_")):
        return DTypePolicy(identifier)
    return DTypePolicy(dt.name_of(identifier))
