"""What an engine must give: kernels for the primitives, and about ten services.

An engine file holds one subclass of `Engine` whose `kernels` name a function for each primitive; docs/engine-guide.md walks
through one. Everything that has a default here is optional.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from cornu import config
from cornu.contract.state import Cell
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import TABLE, Primitive

Kernel = Callable[..., Any]
LOADED: dict[str, Engine] = {}  # the engines in use in this process


class Kernels(dict[str, Kernel]):
    """An engine's table: the name of a primitive -> the function that computes it.

    A kernel gets operands that are the engine's tensors in the promoted dtypes, and the parameters by keyword, canonical
    (axes are not negative). It needs no checks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.overrides: dict[str, Kernel] = {}
        self.expressions: dict[str, str] = {}
        self.namespace: dict[str, Any] = {}

    def take(self, namespace: Any, same: str = "", **renamed: str) -> None:
        """Take functions from a library's namespace: `same` names (blank-separated), or `primitive="their_name"`."""
        for name, theirs in {**{name: name for name in same.split()}, **renamed}.items():
            self[name] = getattr(namespace, theirs)

    def define(self, function: Kernel) -> Kernel:
        """Decorator: the kernel of the primitive of this name (a trailing underscore is dropped)."""
        self[function.__name__.rstrip("_")] = function
        return function

    def override(self, function: Kernel) -> Kernel:
        """Decorator: the native form of the derived op of this name, with the op's signature."""
        self.overrides[function.__name__.rstrip("_")] = function
        return function

    def inline(self, namespace: dict[str, Any], **expressions: str) -> None:
        """Kernels as expressions over the names of operands and parameters; a replayed program contains them inline.

        Example: `kernels.inline({}, reshape="x.reshape(shape)")`.
        """
        self.namespace.update(namespace)
        for name, expression in expressions.items():
            record = TABLE[name]
            star = "*" if record.variadic else ""
            keywords = [] if star or not record.params else ["*"]
            for key, default in record.params.items():
                keywords.append(key if default is inspect.Parameter.empty else f"{key}={default!r}")
            signature = ", ".join([star + ", ".join(record.operands), *keywords])
            self.expressions[name] = expression
            self[name] = eval(f"lambda {signature.removeprefix(', ')}: {expression}", self.namespace)


class Engine:
    """Base of all engines. The docstrings say what each service must do.

    name: as in keras.json. library: the import name of what it wraps. kernels: its table.
    eager: whether its tensors compute at once (False: whole graphs only).
    compiles_calls: whether each call is a compilation of its own, so that many checks are better compiled together.
    unsupported: primitive -> why this engine can't compute it. dtypes: those in which the library computes.
    whole: derived ops of which an eager call is handed to `call_whole`, as it takes less time than one call for each primitive.
    """

    name: ClassVar[str]
    library: ClassVar[str]
    kernels: ClassVar[Kernels]
    eager: ClassVar[bool] = True
    compiles_calls: ClassVar[bool] = False
    unsupported: ClassVar[dict[str, str]] = {}
    dtypes: ClassVar[frozenset[str]] = frozenset(dt.DTYPES)
    whole: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.plans: dict[Any, Kernel] = {}
        self.overrides: dict[str, Kernel] = dict(self.kernels.overrides)
        self.ready: set[type] = set()  # types of arguments that native forms take as they are

    @property
    def host(self) -> Engine:
        """Where values live: the engine itself, or the one for which a recording engine stands in."""
        return self

    # Tensors

    def is_tensor(self, x: Any) -> bool:
        """Whether `x` is one of this engine's tensors (tracers and the like included)."""
        raise NotImplementedError

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        """A tensor of this engine from a NumPy array, a Python number, nested lists, or one of its own tensors.

        Without a dtype, arrays and tensors keep theirs (use `default_dtype(x)` for the rest).
        """
        raise NotImplementedError

    def to_numpy(self, x: Any) -> np.ndarray:
        """The tensor's value as a NumPy array (bfloat16 as in ml_dtypes). It may share memory."""
        raise NotImplementedError

    def dtype_of(self, x: Any) -> str:
        """Cornu's name of the tensor's dtype."""
        raise NotImplementedError

    def shape_of(self, x: Any) -> tuple[int | None, ...]:
        """The static shape: ints, and None for what only the running program knows."""
        return tuple(x.shape)

    def scalar(self, value: Any, dtype: str) -> Any:
        """A Python number as an operand beside tensors of that dtype. May be a NumPy scalar where kernels accept those."""
        return np.asarray(value, dt.numpy_dtype(dtype))

    # State

    def create_storage(self, array: np.ndarray, trainable: bool) -> Any:
        """What a variable keeps: the engine's own kind of variable, holding a copy of `array`."""
        return self.asarray(np.array(array))

    def read(self, storage: Any) -> Any:
        """The storage as an operand of ops, as native code of the library wants it."""
        return storage

    def snapshot(self, storage: Any) -> Any:
        """The tensor in the storage, unaffected by later assignments."""
        return self.read(storage)

    def assign(self, storage: Any, tensor: Any) -> Any:
        """Put `tensor` into the storage; returns the storage to keep (the same or a new one)."""
        return tensor

    # Programs

    def compile(self, fn: Callable[..., list[Any]], args: Sequence[Any]) -> Callable[..., list[Any]]:
        """Compile `fn(*tensors) -> list of tensors`, which may read and assign cells, for arguments like `args`.

        The result is called with arguments of the same shapes and dtypes (NumPy arrays or tensors). It does not compute
        anything before it is called.
        """
        raise NotImplementedError

    def value_and_grad(
        self, fn: Callable[..., tuple[Any, list[Any]]], tensors: Sequence[Any]
    ) -> tuple[Any, list[Any], list[Any]]:
        """`fn(*tensors) -> (scalar loss, list of auxiliary tensors)`, evaluated: (loss, auxiliary, gradients).

        A gradient is a tensor of its tensor's shape and dtype; zeros where the loss doesn't depend on it. It is called inside
        compiled functions and outside of them. `fn` is pure.
        """
        raise NotImplementedError

    # Kernels

    def kernel_for(self, primitive: Primitive, dtypes: Sequence[str]) -> Kernel:
        """The function that computes `primitive` on operands of these promoted dtypes, where it is not the same for all."""
        return self.kernel(primitive)

    def call_whole(self, body: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """`body(*args, **kwargs)` of an op in `whole`, compiled; NotImplemented for arguments with which it can't be."""
        return NotImplemented

    # The machine

    def synchronize(self, tensors: Sequence[Any] = ()) -> None:
        """Wait until `tensors` are computed (for engines that run ahead)."""

    def devices(self) -> list[str]:
        """Names of the devices it can use."""
        return ["cpu"]

    def version(self) -> str:
        """The library's version."""
        return str(__import__(self.library).__version__)

    # From here on nothing needs to be changed by an engine.

    def kernel(self, primitive: Primitive) -> Kernel:
        """The function that computes `primitive` here.

        Raises:
            NotImplementedError: where the engine can't; the message says why.
        """
        if primitive.name in self.kernels:
            return self.kernels[primitive.name]
        why = self.unsupported.get(primitive.name, "the engine has no kernel for it")
        others = [engine.name for engine in LOADED.values() if primitive.name in engine.kernels]
        hint = f" It runs on: {', '.join(others)}." if others else ""
        raise NotImplementedError(f"The engine {self.name!r} can't compute {primitive.name!r}: {why}.{hint}")

    def support(self, name: str) -> str:
        """How this engine computes a primitive.

        "native": with the library's own operators; "custom": with an operator of ours inside its programs, by NumPy's kernel;
        "host": by NumPy between two programs, with a copy there and back; "none": not at all.
        """
        return "native" if name in self.kernels else "none"

    def plan(self, key: Any, operands: Sequence[Any]) -> Kernel:
        """How to call a primitive on operands of these types: its kernel, after the conversions that promotion asks for."""
        primitive: Primitive = key[0]
        dtypes = [self.describe(x, primitive.name) for x in operands]
        try:
            targets = primitive.dtype.operands(*dtypes)
        except TypeError as error:
            raise TypeError(f"{primitive.name}: {error}. Engine: {self.name}.") from None
        kernel = self.kernel_for(primitive, targets)
        converters = [self._converter(x, have, want) for x, have, want in zip(operands, dtypes, targets, strict=True)]
        plan = _after_conversions(kernel, converters)
        if primitive.checked:
            plan = self._after_check(primitive, plan)
        if not any(isinstance(x, (list, tuple)) for x in operands):  # the type of a list does not tell its dtype
            self.plans[key] = plan
        return plan

    def _after_check(self, primitive: Primitive, plan: Kernel) -> Kernel:
        def checked(*operands: Any, **params: Any) -> Any:
            shapes = [self.shape_of(x) if hasattr(x, "shape") else np.shape(x) for x in operands]
            if not any(None in shape for shape in shapes):
                primitive.result_shapes(shapes, {**primitive.params, **params})  # type: ignore[arg-type]
            return plan(*operands, **params)

        return checked

    def describe(self, x: Any, where: str) -> str:
        """The dtype of an operand, weak for a Python number.

        Raises:
            TypeError: if `x` is nothing that can be computed with, or belongs to another engine.
        """
        if type(x) in dt.WEAK:
            return dt.WEAK[type(x)]
        if self.is_tensor(x):
            return self.dtype_of(x)
        if isinstance(x, Cell):
            self._check_owner(x)
            return x.dtype
        if isinstance(x, (np.ndarray, np.generic)):
            return dt.name_of(x.dtype)
        if isinstance(x, (list, tuple)):
            return default_dtype(x)
        owner = owner_of(x)
        if owner is not None:
            raise TypeError(f"{where}: " + _foreign(f"tensor of shape {tuple(x.shape)}", owner, self.name))
        raise TypeError(f"{where}: expected a tensor, an array or a number, got {x!r} of type {type(x).__name__}.")

    def _converter(self, x: Any, have: str, want: str) -> Callable[[Any], Any] | None:
        if type(x) in dt.WEAK:
            return lambda value: self.scalar(value, want)
        if isinstance(x, Cell):
            cast = self.kernel(TABLE["cast"])
            return self._value_of if have == want else lambda cell: cast(self._value_of(cell), dtype=want)
        if not self.is_tensor(x):
            return lambda array: self.asarray(array, want)
        if have == want:
            return None
        cast = self.kernel(TABLE["cast"])
        return lambda tensor: cast(tensor, dtype=want)

    def _check_owner(self, cell: Cell) -> None:
        if cell.engine.name != self.name:
            raise TypeError(_foreign(f"variable of shape {cell.shape}", cell.engine.name, self.name))

    def _value_of(self, cell: Cell) -> Any:
        self._check_owner(cell)
        return cell.value

    def explain(self, primitive: Primitive, operands: Sequence[Any], params: dict[str, Any], error: Exception) -> None:
        """After a kernel failed: if the operands don't fit, raise the same error on every engine."""
        if primitive.family == "control":
            return  # what its functions raised says it all
        try:
            shapes: list[Any] = [self.shape_of(x) if hasattr(x, "shape") else np.shape(x) for x in operands]
            dtypes = [self.describe(x, primitive.name) for x in operands]
        except Exception:  # operands that no rule can read: the error that the caller raises says it better
            return
        if any(None in shape for shape in shapes):
            return
        try:
            primitive.result_shapes(shapes, {**primitive.params, **params})
        except ValueError as mismatch:
            what = ", ".join(f"{dtype}{list(shape)}" for dtype, shape in zip(dtypes, shapes, strict=True))
            said = ValueError(f"{primitive.name}: {mismatch}. Operands: {what}; engine: {self.name}.")
            said.reason = f"{mismatch}."  # type: ignore[attr-defined]
            raise said from error

    @contextlib.contextmanager
    def bodies_only(self) -> Iterator[None]:
        """Inside the block derived ops run their bodies, never this engine's overrides."""
        overrides, self.overrides = self.overrides, {}
        try:
            yield
        finally:
            self.overrides = overrides

    def __repr__(self) -> str:
        return f"<engine {self.name}>"


def owner_of(x: Any) -> str | None:
    """Name of the engine whose tensor `x` is, among those loaded."""
    return next((engine.name for engine in LOADED.values() if engine.is_tensor(x)), None)


def _foreign(what: str, owner: str, engine: str) -> str:
    return (
        f"got a {what} of the engine {owner!r} while {engine!r} is in charge. Convert it "
        f"(`ops.convert_to_numpy` under its own engine) or run the op inside `with cornu.engine({owner!r}):`."
    )


def default_dtype(x: Any) -> str:
    """The dtype that a number, or nested lists of numbers, become as a tensor: `floatx()`, int32, bool or complex."""
    if isinstance(x, (np.ndarray, np.generic)):
        return dt.name_of(x.dtype)
    kind = np.asarray(x).dtype.kind
    if kind not in "bifcu":
        raise TypeError(f"expected numbers, got {x!r}")
    return {"b": "bool", "i": "int32", "u": "int32", "f": config.floatx(), "c": dt.strong("complex")}[kind]


def _after_conversions(kernel: Kernel, converters: Sequence[Callable[[Any], Any] | None]) -> Kernel:
    if not any(converters):
        return kernel
    if len(converters) == 2:
        first, second = converters
        if second is None and first is not None:
            return lambda x1, x2, **params: kernel(first(x1), x2, **params)
        if first is None and second is not None:
            return lambda x1, x2, **params: kernel(x1, second(x2), **params)
    steps = [converter or _as_is for converter in converters]
    return lambda *operands, **params: kernel(*[step(x) for step, x in zip(steps, operands, strict=True)], **params)


def _as_is(x: Any) -> Any:
    return x
