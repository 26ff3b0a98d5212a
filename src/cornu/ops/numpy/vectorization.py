"""Functions of single elements made functions of tensors."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

from cornu import primitives as P
from cornu import tree
from cornu.ops.common import broadcast_shapes, shape_of, tensor
from cornu.ops.op import export


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function that applies `pyfunc` to each element of its arguments, which broadcast together.

    Args:
        pyfunc: function of scalar tensors, written in ops; gives one tensor or a nested structure of them.
        excluded: positions of arguments that are handed over as they are.
        signature: the last dimensions that belong to an element, e.g. "(m,n),(n)->(m)"; scalars by default.

    Raises:
        ValueError: for a signature that can't be read or doesn't fit the arguments.
    """
    left_out = {*(excluded or ())}
    ranks = None if signature is None else _core_ranks(signature)

    @functools.wraps(pyfunc)
    def vectorized(*args: Any) -> Any:
        looped = [tensor(x) for i, x in enumerate(args) if i not in left_out]
        cores = ranks or [0] * len(looped)
        if len(cores) != len(looped) or any(len(shape_of(x)) < core for x, core in zip(looped, cores, strict=True)):
            shapes = ", ".join(str(shape_of(x)) for x in looped)
            raise ValueError(f"vectorize: the signature {signature!r} doesn't fit arguments of shapes {shapes}.")
        cuts = [len(shape_of(x)) - core for x, core in zip(looped, cores, strict=True)]
        loop = broadcast_shapes("vectorize", (), *[shape_of(x)[:cut] for x, cut in zip(looped, cuts, strict=True)])
        count = math.prod(loop)
        flat = []
        for x, cut in zip(looped, cuts, strict=True):
            core = shape_of(x)[cut:]
            padded = P.reshape(x, shape=(1,) * (len(loop) - cut) + shape_of(x))
            flat.append(P.reshape(P.broadcast_to(padded, shape=(*loop, *core)), shape=(count, *core)))
        structure: list[Any] = []

        def step(*elements: Any) -> list[Any]:
            rest = iter(elements)
            given = [x if i in left_out else next(rest) for i, x in enumerate(args)]
            leaves, found = tree.flatten_with_structure(pyfunc(*given))
            structure[:] = [found]
            return [tensor(x) for x in leaves]

        results = P.scan(*flat, body_fn=step, n_carry=0, n_xs=len(flat), length=count)
        return tree.unflatten(structure[0], [P.reshape(y, shape=(*loop, *shape_of(y)[1:])) for y in results])

    return vectorized


def _core_ranks(signature: str) -> list[int]:
    """How many dimensions each argument's element has."""
    inputs = signature.replace(" ", "").partition("->")[0]
    group = r"\((?:\w+(?:,\w+)*)?\)"
    if not re.fullmatch(rf"{group}(?:,{group})*", inputs) or "->" not in signature:
        raise ValueError(f'vectorize: can\'t read the signature {signature!r}; it looks like "(m,n),(n)->(m)".')
    return [len([name for name in core.split(",") if name]) for core in re.findall(r"\(([^)]*)\)", inputs)]


export(globals())
