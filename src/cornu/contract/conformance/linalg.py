"""Cases for linear algebra and Fourier transforms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from cornu.contract.conformance.case import Case, cases_of
from cornu.contract.conformance.data import numbers
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import lookup

FIELDS = ("float32", "float64", "complex64", "complex128")
DOUBLES = ("float64", "complex128")
NOT_DIFFERENTIABLE = ("lu", "eig")  # by the contract; an engine may do more


def regular(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Matrices that are safely invertible, with pivots to exchange and eigenvalues apart from each other."""
    rows, columns = shape[-2:]
    x = numbers(dtype, shape, -1, 1, seed)
    x += np.roll(np.diag(np.arange(2, 2 + max(rows, columns))), 1, axis=0)[:rows, :columns].astype(x.dtype)
    return x


# Views and preparations, in primitives


def _adjoint(x: Any) -> Any:
    """Conjugate transpose of the last two dimensions."""
    rank = len(x.shape)
    x = lookup("transpose")(x, axes=(*range(rank - 2), rank - 1, rank - 2))
    if dt.name_of(x.dtype) not in dt.COMPLEXES:
        return x
    return lookup("complex")(lookup("real")(x), lookup("negative")(lookup("imag")(x)))


def _hermitian(x: Any) -> list[Any]:
    return [lookup("add")(x, _adjoint(x))]


def _positive(x: Any) -> list[Any]:
    return [lookup("add")(lookup("matmul")(x, _adjoint(x)), np.eye(x.shape[-1], dtype="float32"))]


def _scaled(vectors: Any, values: Any) -> Any:
    """Each column of `vectors` times its value."""
    rank = len(values.shape)
    shape = tuple(values.shape)
    row = lookup("reshape")(values, shape=(*shape[: rank - 1], 1, shape[rank - 1]))
    return lookup("multiply")(vectors, row)


def _first_columns(x: Any, count: int) -> Any:
    shape = tuple(x.shape)
    return lookup("slice")(x, start=(0,) * len(shape), limit=(*shape[:-1], count), strides=(1,) * len(shape))


def _same_eigenpairs(values: Any, vectors: Any) -> list[Any]:
    """Vectors up to their phase, and the matrix put together again."""
    whole = lookup("matmul")(_scaled(vectors, values), _adjoint(vectors))
    return [values, lookup("abs")(vectors), whole]


def _same_general_eigenpairs(values: Any, vectors: Any) -> list[Any]:
    """In a certain order; vectors up to their phase: their moduli, and their ratios to their first component."""
    last = len(values.shape) - 1
    key = lookup("add")(lookup("real")(values), lookup("multiply")(lookup("imag")(values), 0.37))
    order = lookup("argsort")(key, axis=last)
    shape = tuple(vectors.shape)
    columns = lookup("broadcast_to")(lookup("reshape")(order, shape=(*shape[:-2], 1, shape[-1])), shape=shape)
    vectors = lookup("take_along_axis")(vectors, columns, axis=last + 1)
    top = lookup("slice")(
        vectors, start=(0,) * len(shape), limit=(*shape[:-2], 1, shape[-1]), strides=(1,) * len(shape)
    )
    ratios = lookup("divide")(vectors, top)
    return [lookup("take_along_axis")(values, order, axis=last), lookup("abs")(vectors), ratios]


def _same_qr(q: Any, r: Any) -> list[Any]:
    """Up to the signs of rows; of a complete q the further columns are free but orthonormal."""
    count = min(r.shape[-2:])
    return [
        lookup("matmul")(q, r),
        lookup("abs")(r),
        lookup("abs")(_first_columns(q, count)),
        lookup("matmul")(_adjoint(q), q),
    ]


def _same_svd(u: Any, s: Any, vh: Any) -> list[Any]:
    """Up to common phases; of full matrices the further vectors are free but orthonormal."""
    count = s.shape[-1]
    first_u, first_v = _first_columns(u, count), _first_columns(_adjoint(vh), count)
    whole = lookup("matmul")(_scaled(first_u, s), _adjoint(first_v))
    return [
        s,
        whole,
        lookup("abs")(first_u),
        lookup("abs")(first_v),
        lookup("matmul")(_adjoint(u), u),
        lookup("matmul")(vh, _adjoint(vh)),
    ]


# Cases


def _of_one_matrix(
    primitive: str, params: dict[str, Any], shapes: dict[str, tuple[int, ...]], **options: Any
) -> Iterator[Case]:
    """Each field and shape; gradients in double precision."""
    label = "".join(f" {key} {value}" for key, value in params.items())
    for dtype in FIELDS:
        for name, shape in shapes.items():
            gradient = (0,) if primitive not in NOT_DIFFERENTIABLE and dtype in DOUBLES and name != "empty batch" else ()
            compiled = dtype == "float32" and name == "batch"
            yield Case(
                primitive,
                f"{dtype} {name}{label}",
                (regular(dtype, shape),),
                params,
                gradient=gradient,
                compiled=compiled,
                **options,
            )


SQUARE = {"(3, 3)": (3, 3), "batch": (2, 1, 3, 3), "(1, 1)": (1, 1), "empty batch": (0, 3, 3)}
OBLONG = {"tall": (4, 3), "wide": (3, 4), "batch": (2, 3, 3)}


@cases_of("cholesky", "eigh", "eig", "slogdet", "lu")
def square(primitive: str) -> Iterator[Case]:
    """Square matrices and batches of them; integers, which become floats."""
    all_options: dict[str, dict[str, Any]] = {
        "cholesky": {"prepare": _positive},
        "eigh": {"prepare": _hermitian, "view": _same_eigenpairs},
        "eig": {"view": _same_general_eigenpairs},
    }
    options = all_options.get(primitive, {})
    shapes = {**SQUARE, "tall": (4, 3), "wide": (3, 4)} if primitive == "lu" else SQUARE
    yield from _of_one_matrix(primitive, {}, shapes, **options)
    yield Case(primitive, "int32", (np.array([[4, 1], [1, 3]], "int32"),), view=options.get("view"))


@cases_of("qr")
def qr(primitive: str) -> Iterator[Case]:
    """Tall, wide and square; reduced and complete."""
    for mode in ("reduced", "complete"):
        for case in _of_one_matrix(primitive, {"mode": mode}, OBLONG, view=_same_qr):
            shape = case.operands[0].shape
            smooth = shape[-2] == shape[-1] or (
                mode == "reduced" and shape[-2] > shape[-1]
            )  # else free columns take part
            yield case if smooth else _without_gradient(case)


@cases_of("svd")
def svd(primitive: str) -> Iterator[Case]:
    """Tall, wide and square; full matrices and not."""
    for full_matrices in (False, True):
        for case in _of_one_matrix(primitive, {"full_matrices": full_matrices}, OBLONG, view=_same_svd):
            yield case if not full_matrices else _without_gradient(case)


def _without_gradient(case: Case) -> Case:
    return dataclasses.replace(case, gradient=())


SYSTEMS = {
    "(3, 3) (3, 2)": ((3, 3), (3, 2)),
    "batch": ((2, 3, 3), (2, 3, 1)),
    "batches broadcast": ((2, 1, 3, 3), (4, 3, 2)),
}


@cases_of("solve", "triangular_solve")
def systems(primitive: str) -> Iterator[Case]:
    """Several right sides, batches, both triangles, transposed or not."""
    variants: list[dict[str, Any]] = [{}]
    if primitive == "triangular_solve":
        variants = [{"lower": lower, "transpose": transpose} for lower in (True, False) for transpose in (False, True)]
    for params in variants:
        label = "".join(f" {key} {value}" for key, value in params.items())
        for dtype in FIELDS:
            for name, (first, second) in SYSTEMS.items():
                a = (
                    regular(dtype, first)
                    if primitive == "solve"
                    else numbers(dtype, first, 0.2, 1) + 2 * np.eye(3).astype(dtype)
                )
                operands = a.astype(dtype), numbers(dtype, second, seed=1)
                gradient = (0, 1) if dtype in DOUBLES else ()
                compiled = dtype == "float32" and name == "batch"
                yield Case(primitive, f"{dtype} {name}{label}", operands, params, gradient=gradient, compiled=compiled)


@cases_of("fft", "ifft")
def fourier(primitive: str) -> Iterator[Case]:
    """Real and complex input; lengths that are no powers of two; batches."""
    for dtype in ("int32", "float16", *FIELDS):
        yield Case(primitive, f"{dtype} (2, 8)", (numbers(dtype, (2, 8)),), compiled=dtype == "complex64")
    for shape in ((5,), (1,), (2, 3, 7), (0, 4)):
        yield Case(primitive, f"complex64 {shape}", (numbers("complex64", shape),))
    yield Case(primitive, "complex128 (2, 5)", (numbers("complex128", (2, 5)),), gradient=(0,))
