"""What PyTorch was asked to do, noted once and repeated as straight-line Python.

While a function runs inside a `Recorder`, each call that reaches PyTorch's own functions becomes a line of source. Tensors are known
by identity: arguments and variables are the program's parameters, results are local names, all others are constants. `cond`,
`while_loop` and `scan` become Python's own statements. What can't be repeated on other data is refused with a reason.
"""

from __future__ import annotations

import contextlib
import math
import re
import types
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from cornu.contract.state import Cell, StateScope
from cornu.engines.torch.program import TOGETHER, Line, Program, Suite, flat, joined, statements

_current: ContextVar[Recorder | None] = ContextVar("cornu_torch_recorder", default=None)


def current() -> Recorder | None:
    """The recorder at work, if a compiled function is being recorded."""
    return _current.get()


def call(function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)`, which a program that is being recorded will repeat as one call."""
    recorder = _current.get()
    return function(*args) if recorder is None else recorder.call(function, *args)


def constant(make: Callable[[], Tensor]) -> Tensor:
    """What `make` gives; in a compiled function it is made once, not at every call."""
    recorder = _current.get()
    return make() if recorder is None else recorder.constant(make)


_depth: ContextVar[int] = ContextVar("cornu_torch_depth", default=0)


def depth() -> int:
    """How many gradients are under way, one inside the other."""
    return _depth.get()


@contextlib.contextmanager
def deeper() -> Iterator[int]:
    """Inside the block one more gradient is under way; gives how many were before."""
    token = _depth.set(depth() + 1)
    try:
        yield depth() - 1
    finally:
        _depth.reset(token)


class _Attached(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, backward: Any, n_results: int, *operands: Any) -> Any:  # type: ignore[override]
        ctx.backward_fn, ctx.n_results = backward, n_results
        return tuple(x.view_as(x) for x in operands[:n_results])

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        # PyTorch's cotangents of complex numbers are conjugates of ours.
        found = ctx.backward_fn(*[_conj(g) for g in cotangents])
        return (None, None, *[None] * ctx.n_results, *[_conj(g) for g in found])


def _conj(x: Tensor) -> Tensor:
    return torch.conj_physical(x) if x.is_complex() else x


def attach(backward: Callable[..., list[Any]], n_results: int, operands: Sequence[Any]) -> list[Any]:
    """The first `n_results` operands, whose gradient in the others is what `backward` makes of theirs."""
    return list(_Attached.apply(backward, n_results, *operands))


class NeedsGraph(BaseException):
    """A native backward pass begins outside of `value_and_grad`: record again with PyTorch's graph from the start."""


# What gives numbers to Python. A number is no part of a program: it would stay that of the first batch.
_NUMBERS = {getattr(Tensor, name) for name in (
    "item", "tolist", "numpy", "equal", "allclose", "is_nonzero", "__bool__", "__int__", "__float__", "__complex__", "__index__",
    "__array__", "__contains__",
) if hasattr(Tensor, name)} | {torch.equal, torch.allclose, torch.is_nonzero}  # fmt: skip
# What gives tensors whose shape depends on the data: shapes are a program's constants.
_SHAPES = {getattr(where, name) for where in (torch, Tensor) for name in (
    "nonzero", "argwhere", "unique", "unique_consecutive", "masked_select", "bincount",
) if hasattr(where, name)}  # fmt: skip
_BACKWARD = (Tensor.backward, torch.autograd.backward, torch.autograd.grad)
_ADVICE = "Use `ops.cond`, `ops.where` or `ops.while_loop`, or compile the model with `run_eagerly=True`."


class Recorder(TorchFunctionMode):
    """Notes the calls that reach PyTorch while it is active (`with recorder:`).

    inputs: the tensors given to the function. native: whether PyTorch's graph is built outside of `value_and_grad` too.
    """

    def __init__(self, inputs: Sequence[Tensor], native: bool) -> None:
        super().__init__()
        self.native = native
        self.names: Any = WeakTensorKeyDictionary()
        self.memory: set[Any] = set()  # where the tensors that have names lie, or lay
        self.namespace: dict[str, Any] = {}
        self.cells: dict[Cell, str] = {}
        self.parameters = [self._bind(x, f"x{i}") for i, x in enumerate(inputs)]
        self.inputs = list(inputs)
        self.lines: list[Line | Suite] = []
        self._objects: dict[int, str] = {}
        self._count = 0

    def __enter__(self) -> Recorder:
        self._token = _current.set(self)
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        _current.reset(self._token)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Inside the block nothing is noted."""
        token = _current.set(None)
        try:
            with torch._C.DisableTorchFunction():
                yield
        finally:
            _current.reset(token)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self._refuse(function, args)
        before = [x._version for x in _flat_tensors((args, kwargs))]
        result = function(*args, **kwargs)
        self.note(function, args, kwargs, result, changes=before != [x._version for x in _flat_tensors((args, kwargs))])
        return result

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of our own and note it as one call."""
        with self.paused():
            result = function(*args)
        self.note(function, args, {}, result)
        return result

    def constant(self, make: Callable[[], Tensor]) -> Tensor:
        """What `make` gives, made once for all runs of the program (unless native code changes it in place)."""
        with self.paused():
            tensor = make()
        name = self._bind(tensor, self._new("k"))
        self.lines.append(Line(f"{name} = {self._object(make)}()", set(), [name], constant=(tensor, tensor._version)))
        return tensor

    def adopt(self, tensor: Tensor) -> Tensor:
        """A tensor that never changes, as a constant."""
        if tensor not in self.names:
            self.namespace[self._bind(tensor, self._new("c"))] = tensor
        return tensor

    def cell(self, cell: Cell) -> Tensor:
        """The storage of a cell as a parameter of the program."""
        self.cells[cell] = self._bind(cell.storage, f"s{len(self.cells)}")
        return cell.storage

    # Refusals

    def _refuse(self, function: Any, args: Any) -> None:
        if function in _NUMBERS:
            raise TypeError(
                f"A value that depends on the data has no numbers while a function is being compiled ({_name(function)} was asked "
                f"for them). {_ADVICE}"
            )
        by_mask = function is Tensor.__getitem__ and any(
            isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in (args[1] if type(args[1]) is tuple else args[1:])
        )
        if by_mask or function in _SHAPES:
            raise TypeError(f"{_name(function)}: the shape of its result depends on the data, which a compiled function can't know. {_ADVICE}")
        if function in _BACKWARD and not self.native:
            raise NeedsGraph

    def _unknown(self, tensor: Tensor) -> str:
        """Name a tensor that no noted call has made: it must be a constant."""
        made = tensor.grad_fn is not None or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        if made or _memory(tensor) in self.memory:
            raise NotImplementedError(
                f"A tensor of shape {tuple(tensor.shape)} came about in a way that a compiled function can't repeat (vmap, "
                "autograd.Function, nn.Parameter of a computed tensor, …). Compile the model with `run_eagerly=True`."
            )
        return self.names[self.adopt(tensor)]

    # Notes

    def note(self, function: Any, args: Any, kwargs: Any, result: Any, changes: bool = False) -> None:
        """Make a line of a call. changes: whether it changed one of its arguments."""
        name = _name(function)
        effect = changes or result is None or function in _BACKWARD or (name.endswith("_") and not name.startswith("__"))
        if not effect and ((args and result is args[0]) or not any(True for _ in _flat_tensors(result))):
            if isinstance(result, float) or (type(result) is bool and not name.startswith(("is_", "__get__", "has_"))):
                raise TypeError(f"{name} gives the number {result!r}, which can't be part of a compiled function. {_ADVICE}")
            return
        reads: set[str] = set()
        given = [self._text(x, reads) for x in args] + [f"{key}={self._text(x, reads)}" for key, x in kwargs.items()]
        makes: list[str] = []
        target = self._target(result, makes)
        call = f"{self._object(function)}({', '.join(given)})"
        if name == "__get__" and result is None:  # the flow of Python may hang on it
            call = f"{self._object(_still_none)}({call})"
        together = TOGETHER.get(function) if callable(function) and isinstance(function, types.FunctionType) else None
        self.lines.append(Line(f"{target} = {call}" if makes else call, reads, makes, effect, None, together, given))

    def _text(self, x: Any, reads: set[str]) -> str:
        if isinstance(x, Tensor):
            with torch._C.DisableTorchFunction():
                own_backward = isinstance(x.grad_fn, torch.autograd.function.BackwardCFunction)
                name = None if own_backward else self.names.get(x)
                reads.add(name or self._unknown(x))
                return self.names[x]
        kind = type(x)
        if kind in (int, bool, str) or x is None or x is ... or (kind is float and math.isfinite(x)):
            return "..." if x is ... else repr(x)
        if kind in (tuple, torch.Size):
            return f"({''.join(self._text(item, reads) + ', ' for item in x)})"
        if kind is list:
            return f"[{', '.join(self._text(item, reads) for item in x)}]"
        if kind is dict:
            return f"{{{', '.join(f'{key!r}: {self._text(item, reads)}' for key, item in x.items())}}}"
        if kind is slice:
            return f"slice({self._text(x.start, reads)}, {self._text(x.stop, reads)}, {self._text(x.step, reads)})"
        return self._object(x)

    def _target(self, result: Any, makes: list[str]) -> str:
        if isinstance(result, Tensor):
            if result in self.names:
                return "_"
            makes.append(self._bind(result, self._new("v")))
            return makes[-1]
        if isinstance(result, (tuple, list)) and result:
            return f"({''.join(self._target(item, makes) + ', ' for item in result)})"
        return "_"

    def _new(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def _bind(self, tensor: Tensor, name: str) -> str:
        with torch._C.DisableTorchFunction():
            self.names[tensor] = name
            self.memory.add(_memory(tensor))
        return name

    def _object(self, x: Any) -> str:
        if id(x) not in self._objects:
            word = re.sub(r"\W", "", _name(x)).strip("_") if callable(x) else "o"
            name = self._objects[id(x)] = f"{word}_{len(self._objects)}"
            self.namespace[name] = x
        return self._objects[id(x)]

    # Control flow: first the functions are recorded as suites, then the statement is run unrecorded for its values

    def cond(self, pred: Tensor, operands: Sequence[Any], true_fn: Any, false_fn: Any, run: Callable[[], list[Any]]) -> list[Any]:
        """An `if` statement. run: the same by Python on the values at hand."""
        branches = [self._suite("cond", fn, operands) for fn in (true_fn, false_fn)]
        makes = [self._new("v") for _ in branches[0][1]]
        for lines, results in branches:
            lines.append(self._assignment(makes, results))
        reads: set[str] = set()
        head = f"if {self._text(pred, reads)}:"
        self.lines.append(Suite([(head, branches[0][0]), ("else:", branches[1][0])], reads, makes))
        return self._values(run, makes)

    def while_loop(self, state: Sequence[Any], constants: Sequence[Any], cond_fn: Any, body_fn: Any, run: Callable[[], list[Any]]) -> list[Any]:
        """A `while` statement."""
        names, fresh = self._carry(state)
        test, (go_on,) = self._suite("while_loop", cond_fn, [*fresh, *constants])
        reads: set[str] = set()
        test.append(Line(f"if not {self._text(go_on, reads)}: break", reads, [], True))
        body, results = self._suite("while_loop", body_fn, [*fresh, *constants])
        self.lines.append(Suite([("while True:", [*test, *body, self._assignment(names, results)])], set(names)))
        return self._values(run, names)

    def scan(
        self, carry: Sequence[Any], xs: Sequence[Any], constants: Sequence[Any], body_fn: Any, length: int, reverse: bool,
        run: Callable[[], list[Any]],
    ) -> list[Any]:  # fmt: skip
        """A `for` statement."""
        names, fresh = self._carry(carry)
        with self.paused():
            row = [x[0] for x in xs]
        elements = [self._bind(x, self._new("e")) for x in row]
        body, results = self._suite("scan", body_fn, [*fresh, *row, *constants])
        body.append(self._assignment(names, results[: len(carry)]))
        lists = [self._new("l") for _ in results[len(carry) :]]
        for name, y in zip(lists, results[len(carry) :], strict=True):
            reads: set[str] = set()
            body.insert(-1, Line(f"{name}.append({self._text(y, reads)})", {name, *reads}, [], True))
            self.lines.append(Line(f"{name} = []", set(), [name]))
        sources: set[str] = set()
        rows = ", ".join(f"{self._object(torch.unbind)}({self._text(x, sources)}){'[::-1]' if reverse else ''}" for x in xs)
        head = f"for {', '.join(elements)}, in zip({rows}):" if xs else f"for _ in range({length}):"
        self.lines.append(Suite([(head, body)], sources | set(names)))
        outputs = [self._new("v") for _ in lists]
        for name, items in zip(outputs, lists, strict=True):
            self.lines.append(Line(f"{name} = {self._object(torch.stack)}({items}{'[::-1]' if reverse else ''})", {items}, [name]))
        return self._values(run, [*names, *outputs])

    def with_gradient(
        self, operands: Sequence[Any], constants: Sequence[Any], backward_fn: Any, n_results: int, run: Callable[[], list[Any]]
    ) -> list[Any]:
        """A function for the way back, which keeps what it needs of its surroundings, attached to the results."""
        with self.paused():
            fresh = [torch.zeros_like(y) for y in operands[:n_results]]
        arguments = [self._bind(x, self._new("g")) for x in fresh]
        body, cotangents = self._suite("with_gradient", backward_fn, [*fresh, *constants])
        reads: set[str] = set()
        body.append(Line(f"return [{', '.join(self._text(x, reads) for x in cotangents)}]", reads, [], True))
        name = self._new("f")
        suite = Suite([("", body)], set(), [name])
        captured = [f"{outer}={outer}" for outer in sorted(suite.reads - set(arguments))]
        suite.parts = [(f"def {name}({', '.join(arguments + captured)}):", body)]
        self.lines.append(suite)
        outputs = [self._new("v") for _ in fresh]
        given = {name}
        call = f"{self._object(attach)}({name}, {n_results}, {self._text(tuple(operands), given)})"
        self.lines.append(Line(f"{', '.join(outputs)}, = {call}", given, outputs))
        return self._values(run, outputs)

    def _suite(self, where: str, fn: Any, operands: Sequence[Any]) -> tuple[list[Line | Suite], list[Any]]:
        """Record a function of a control primitive on its own; what it gives."""
        outer, self.lines = self.lines, []
        try:
            with StateScope() as scope:
                results = list(fn(*operands))
            if scope.written:
                raise NotImplementedError(f"{where}: a function given to it assigns a variable, which can't be compiled. Return the new value instead.")
            return self.lines, results
        finally:
            self.lines = outer

    def _carry(self, initial: Sequence[Any]) -> tuple[list[str], list[Any]]:
        """Names for a loop's state, which begins as `initial`, and tensors that bear them."""
        names = [self._new("v") for _ in initial]
        self.lines.append(self._assignment(names, initial))
        with self.paused():
            fresh = [_alias(x) for x in initial]
        for x, name in zip(fresh, names, strict=True):
            self._bind(x, name)
        return names, fresh

    def _assignment(self, names: list[str], values: Sequence[Any]) -> Line:
        reads: set[str] = set()
        texts = [self._text(x, reads) for x in values]
        return Line(f"{', '.join(names)}, = {', '.join(texts)}," if names else "pass", reads, list(names), True)

    def _values(self, run: Callable[[], list[Any]], names: list[str]) -> list[Any]:
        with self.paused():
            values = [_alias(x) for x in run()]
        for x, name in zip(values, names, strict=True):
            self._bind(x, name)
        return values

    # The program

    def finish(self, written: dict[Cell, Tensor], results: Sequence[Tensor]) -> Program:
        """The program that repeats what was noted, assigns the written cells and gives the results."""
        for cell in written:
            if cell not in self.cells:
                self.cell(cell)
        reads: set[str] = set()
        values = {cell: self._text(value, reads) for cell, value in written.items()}
        texts = [self._text(x, reads) for x in results]
        # Storage belongs to its cell alone: what shares memory with anything that lives on is copied.
        kept = [*self.inputs, *[cell.storage for cell in self.cells], *[x for x in self.namespace.values() if isinstance(x, Tensor)]]
        lasting = {_memory(x) for x in [*kept, *[line.constant[0] for line in flat(self.lines) if line.constant]]}
        for cell, value in written.items():
            if value is not cell.storage:
                if _memory(value) in lasting or not value.is_contiguous():
                    values[cell] = f"{self._object(_copy)}({values[cell]})"
                lasting.add(_memory(value))
        used = Counter([*values.values(), *texts])
        owner = {text: self.cells[cell] for cell, text in values.items() if used[text] == 1 and cell.storage.is_contiguous()}
        lines, done = joined(self.lines, owner, reads, self._object)
        values = {cell: text for cell, text in values.items() if text not in done}
        reads -= done
        body = [f"n{i} = {text}" for i, text in enumerate(values.values())]
        for i, x in enumerate(results):
            if _memory(x) in lasting:
                texts[i] = f"{self._object(Tensor.clone)}({texts[i]})"
            elif self.native:
                texts[i] = f"{self._object(Tensor.detach)}({texts[i]})"
        body.append(f"r = [{', '.join(texts)}]")
        body += [f"{self.cells[cell]}.data = n{i}" for i, cell in enumerate(values) if written[cell] is not cell.storage]
        head = f"def program({', '.join([*self.cells.values(), *self.parameters])}):"
        source = "\n".join([head, *[f"    {line}" for line in (*statements(lines, reads, self.namespace), *body, "return r")]])
        return Program(source, self.namespace, list(self.cells), self.native)


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _flat_tensors(x: Any) -> Iterator[Tensor]:
    """The tensors in it."""
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, (tuple, list, dict)):
        for item in x.values() if isinstance(x, dict) else x:
            yield from _flat_tensors(item)


def _alias(x: Tensor) -> Tensor:
    """The same tensor as another object."""
    return x.view_as(x)


def _copy(x: Tensor) -> Tensor:
    return x.detach().clone(memory_format=torch.contiguous_format)


def _memory(x: Tensor) -> Any:
    """Where its elements lie; something of its own where it has none."""
    return x.untyped_storage().data_ptr() or id(x) if x.layout is torch.strided else id(x)


def _still_none(x: Any) -> None:
    if x is not None:
        raise RuntimeError("A gradient that was None when the function was compiled is a tensor now: set it to None at the start of the step.")
