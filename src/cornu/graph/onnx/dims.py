"""Dimensions that only the running model knows."""

from __future__ import annotations

from typing import Any


class Dim:
    """`factor * batch + offset`, for a batch size that is not known yet."""

    __slots__ = ("factor", "offset")

    def __init__(self, factor: int, offset: int = 0) -> None:
        self.factor, self.offset = factor, offset

    def __mul__(self, other: int) -> Any:
        return Dim(self.factor * other, self.offset * other) if other else 0

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Any:
        other = other if isinstance(other, Dim) else Dim(0, other)
        factor, offset = self.factor + other.factor, self.offset + other.offset
        return Dim(factor, offset) if factor else offset

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + other * -1

    def __rsub__(self, other: Any) -> Any:
        return self * -1 + other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and (self.factor, self.offset) == (other.factor, other.offset)

    def __hash__(self) -> int:
        return hash((self.factor, self.offset))

    def __repr__(self) -> str:
        return f"{self.factor}*batch+{self.offset}"
