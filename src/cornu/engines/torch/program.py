"""A recorded program: its statements, calls that are done together, and the function that comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from cornu.contract.state import Cell


@dataclass(frozen=True)
class Together:
    """How several calls of a function are done by one of another.

    function: takes lists in place of the first `lists` arguments, and then the others, which the calls must share. It overwrites the
    tensors of its first `changed` lists with the results.
    """

    function: Callable[..., None]
    lists: int
    changed: int


TOGETHER: dict[Callable[..., Any], Together] = {}


@dataclass
class Line:
    """A statement. reads, makes: local names; effect: it is kept though nobody reads what it makes."""

    text: str
    reads: set[str]
    makes: list[str]
    effect: bool = False
    constant: tuple[Tensor, int] | None = None  # a tensor made once, with its version then
    together: Together | None = None
    given: list[str] = field(default_factory=list)  # arguments of the call


@dataclass
class Suite:
    """A compound statement: its parts, each a head and lines."""

    parts: list[tuple[str, list[Line | Suite]]]
    own_reads: set[str]
    makes: list[str] = field(default_factory=list)
    effect = True

    @property
    def reads(self) -> set[str]:
        """Names from outside that it needs."""
        lines = [line for _, part in self.parts for line in part]
        return self.own_reads | set().union(*(line.reads for line in lines)) - {name for line in lines for name in line.makes}


def flat(lines: Sequence[Line | Suite]) -> Iterator[Line]:
    """The single lines, those of compound statements too."""
    for line in lines:
        if isinstance(line, Suite):
            for _, inner in line.parts:
                yield from flat(inner)
        else:
            yield line


def joined(
    lines: Sequence[Line | Suite], owner: dict[str, str], outputs: set[str], name_of: Callable[[Any], str]
) -> tuple[list[Line | Suite], set[str]]:
    """The lines, with calls done together where all their results go into the storage that they came from.

    owner: name of a value -> the storage to which it is assigned in the end. outputs: values needed afterwards. name_of: names an
    object in the program. Also gives the names that need no assignment any more.
    """
    last = {name: i for i, line in enumerate(lines) for name in line.reads} | dict.fromkeys(outputs, len(lines))
    joint: list[Line | Suite] = []
    waiting: list[Line] = []
    done: set[str] = set()

    def flush() -> None:
        if waiting:
            how, shared = _call_together(waiting[0])
            columns = [f"[{', '.join(column)}]" for column in zip(*[line.given[: how.lists] for line in waiting], strict=True)]
            text = f"{name_of(how.function)}({', '.join([*columns, *shared])})"
            joint.append(Line(text, set().union(*[line.reads for line in waiting]), [], True))
            for line in waiting:
                joint.extend(Line(f"{v} = {s}", {s}, [v]) for v, s in zip(line.makes, line.given, strict=False))
                done.update(line.makes)
        waiting.clear()

    for i, line in enumerate(lines):
        pairs = list(zip(line.makes, line.given[: line.together.changed], strict=True)) if isinstance(line, Line) and line.together else []
        fits = bool(pairs) and all(owner.get(v) == s and last[s] <= i for v, s in pairs)
        touched = {name for other in waiting for name in (*other.makes, *other.given[: len(other.makes)])}
        alike = fits and waiting and _call_together(line) == _call_together(waiting[0])
        if line.effect or not touched.isdisjoint(line.reads) or (fits and not alike):
            flush()
        if fits and isinstance(line, Line):
            waiting.append(line)
        else:
            joint.append(line)
    flush()
    return joint, done


def _call_together(line: Any) -> tuple[Together, list[str]]:
    return line.together, line.given[line.together.lists :]


def statements(lines: Sequence[Line | Suite], needed: set[str], namespace: dict[str, Any]) -> Iterator[str]:
    """The text of statements. Names made here are dropped after their last use; lines whose results nobody needs are left out.

    needed: names that are read afterwards. namespace: the program's, which gets the constants.
    """
    kept: list[tuple[Line | Suite, set[str]]] = []
    seen = set(needed)
    for line in reversed(lines):
        if line.effect or not seen.isdisjoint(line.makes):
            kept.append((line, line.reads - seen))
            seen |= line.reads
    here = {name for line, _ in kept for name in line.makes} - needed
    for line, last in reversed(kept):
        if isinstance(line, Suite):
            for head, inner in line.parts:
                inside = {name for part in inner for name in part.makes} & (needed | seen)
                yield head
                yield from (f"    {text}" for text in (*statements(inner, inside, namespace), "pass"))
        elif line.constant is not None and line.constant[0]._version == line.constant[1]:
            namespace[line.makes[0]] = line.constant[0]
            continue
        else:
            yield line.text
        done = sorted((last | (set(line.makes) - seen)) & here - namespace.keys())
        if done:
            yield f"del {', '.join(done)}"


class Program:
    """A recorded function. source: its text; cells: the cells whose storage its first parameters are."""

    def __init__(self, source: str, namespace: dict[str, Any], cells: list[Cell], native: bool) -> None:
        self.source, self.cells, self.native = source, cells, native
        self.constants = {name: x for name, x in namespace.items() if isinstance(x, Tensor) and name.startswith("c")}
        exec(compile(source, "<recorded program>", "exec"), namespace)
        self.call = namespace["program"]

    def same_as(self, other: Program) -> bool:
        """Whether both do the same to the same tensors."""
        return self.source == other.source and all(x is other.constants.get(name) for name, x in self.constants.items())
