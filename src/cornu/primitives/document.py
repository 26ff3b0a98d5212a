"""The table as a page: `python -m cornu.primitives.document` prints docs/primitives.md."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from cornu.primitives import TABLE, Primitive
from cornu.primitives import dtypes as dt

FAMILIES = {
    "elementwise": "Elementwise",
    "reduction": "Reductions, cumulative ops, sorting",
    "structure": "Moving elements",
    "contraction": "Matrix products, convolution, pooling",
    "linalg": "Linear algebra, Fourier transforms",
    "control": "Control flow",
}
INTRODUCTION = """# The primitives

What an engine must compute; all else is derived from these. Generated from the table in `cornu.primitives` by
`python -m cornu.primitives.document > docs/primitives.md`.

Operands are tensors and come first; parameters are static and go by keyword. The dtype column says what comes out for
operands of one kind ("int": any integer, "float": any float; "real" and "complex": of the same precision). *joined*
operands are promoted to one dtype before an engine sees them, *own* ones keep theirs. A ∂ marks a gradient rule.
"""
KINDS = {"bool": ("bool",), "int": (*dt.UINTS, *dt.INTS), "float": dt.FLOATS, "complex": dt.COMPLEXES}


def page() -> str:
    """The text of docs/primitives.md."""
    parts = [INTRODUCTION]
    for family, title in FAMILIES.items():
        members = [record for record in TABLE.values() if record.family == family]
        parts += ["", f"## {title}", "", "| primitive | ∂ | dtypes | what it computes |", "|---|---|---|---|"]
        parts += [_row(record) for record in members]
    return "\n".join([*parts, "", f"{len(TABLE)} primitives."]) + "\n"


def _row(record: Primitive) -> str:
    doc = " ".join(record.doc.split()).replace("|", "\\|")
    return f"| `{_signature(record)}` | {'∂' if _has_gradient(record) else ''} | {_dtypes(record)} | {doc} |"


def _has_gradient(record: Primitive) -> bool:
    return (record.vjp is not None or record.name in ("cond", "scan")) and "Not differentiable" not in record.doc


def _signature(record: Primitive) -> str:
    star = len(record.operands) - 1 if record.variadic else None
    operands = [f"*{name}" if i == star else name for i, name in enumerate(record.operands)]
    params = [k if v is inspect.Parameter.empty else f"{k}={v!r}" for k, v in record.params.items()]
    separator = "; " if operands and params else ""
    return f"{record.name}({', '.join(operands)}{separator}{', '.join(params)})"


def _dtypes(record: Primitive) -> str:
    if record.family == "control":
        return "*own*; as the functions give"
    if not record.operands or "dtype" in record.params:
        return "`dtype`"
    results = "; ".join(f"{kinds} → {result}" for kinds, result in _results(record))
    return results if len(record.operands) == 1 and not record.variadic else f"*{_promotion(record)}*; {results}"


def _promotion(record: Primitive) -> str:
    """Whether the rule promotes operands to one dtype: what it makes of two."""
    if "indices" in record.operands or "start" in record.operands:
        return "own"
    mixed = ["int8"] * max(len(record.operands) - 1, 1)
    *_, first, second = record.dtype.operands(*mixed, "int32")
    return "joined" if first == second else "own"


def _results(record: Primitive) -> Iterator[tuple[str, str]]:
    """For each kind of operand what comes out, where it is allowed; kinds with one answer stand together."""
    found: dict[str, list[str]] = {}
    for kind, names in KINDS.items():
        rows = [(name, row) for name in names if (row := _of(record, name)) is not None]
        if rows:
            taken = [name for name, _ in rows]
            columns = [_describe(taken, results) for results in zip(*[row for _, row in rows], strict=True)]
            found.setdefault(columns[0] if len(set(columns)) == 1 else ", ".join(columns), []).append(kind)
    return ((", ".join(kinds), answer) for answer, kinds in found.items())


def _describe(names: list[str], results: tuple[str, ...]) -> str:
    if list(results) == names:
        return "same"
    if len(set(results)) == 1:
        return results[0]
    if list(results) == [dt.real_part(name) for name in names]:
        return "real"
    if list(results) == [dt.with_imaginary(name) for name in names]:
        return "complex"
    return "/".join(sorted(set(results)))


def _of(record: Primitive, dtype: str) -> tuple[str, ...] | None:
    """Dtypes of the results for operands of `dtype` (indices are int32), or None where that is refused."""
    operands = ["int32" if name in ("indices", "start") else dtype for name in record.operands]
    try:
        return record.result_dtypes(record.dtype.operands(*operands), {})
    except TypeError:
        return None


if __name__ == "__main__":
    print(page(), end="")
