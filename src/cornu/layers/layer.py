"""The base of all layers: state, building, and the way of a call."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

import numpy as np

from cornu import activations, constraints, context, dtype_policies, initializers, regularizers, tree
from cornu._named import Names, snake_case
from cornu.contract import registry
from cornu.contract.state import Cell, StateScope, read
from cornu.layers.history import History
from cornu.layers.input_spec import assert_compatible
from cornu.ops.common import tensor
from cornu.ops.op import has_symbolic
from cornu.ops.symbolic import KerasTensor, Node, infer_outputs
from cornu.primitives import dtypes as dt
from cornu.primitives.primitive import lookup
from cornu.random import SeedGenerator
from cornu.variable import Variable, autocast

_counts: dict[str, int] = {}


def unique_name(base: str) -> str:
    """base, base_1, base_2, …"""
    count = _counts.get(base, 0)
    _counts[base] = count + 1
    return base if count == 0 else f"{base}_{count}"


def reset_names() -> None:
    """Start numbering layers anew (Keras: `backend.clear_session`)."""
    _counts.clear()


class CallContext:
    """What a layer's call hands to those inside: `training`, the masks of tensors. inside: whether a layer is being called."""

    def __init__(self) -> None:
        self.training: bool | None = None
        self.inside = False
        self.known: dict[int, Any] = {}  # values of the outermost functional model's tensors, by their ids
        self._masks: dict[int, tuple[Any, Any]] = {}

    def mask(self, x: Any) -> Any:
        """The mask of a tensor, or None."""
        return self._masks.get(id(x), (None, None))[1]

    def set_mask(self, x: Any, mask: Any) -> None:
        """Let `x` carry `mask`. Keeps x, so that its id stays its own."""
        if mask is not None:
            self._masks[id(x)] = (x, mask)


_call: ContextVar[CallContext | None] = ContextVar("cornu_call", default=None)


@contextlib.contextmanager
def keep_masks() -> Iterator[CallContext]:
    """Inside the block `mask_of` knows the masks of what outermost layers gave."""
    now = CallContext()
    token = _call.set(now)
    try:
        yield now
    finally:
        _call.reset(token)


def mask_of(x: Any) -> Any:
    """The mask of a tensor inside `keep_masks`, or None."""
    now = _call.get()
    return None if now is None else now.mask(x)


def being_called() -> bool:
    """Whether a layer is being called."""
    now = _call.get()
    return now is not None and now.inside


def known_in_call() -> dict[int, Any]:
    """The values of symbolic tensors, by their ids, in the last outermost call of a functional model inside `keep_masks`."""
    now = _call.get()
    return {} if now is None else now.known


@contextlib.contextmanager
def continuing_call() -> Iterator[dict[int, Any]]:
    """Gives `known_in_call()`; layers that are called inside the block belong to that call, they begin none of their own."""
    now = _call.get() or CallContext()
    before, now.inside = now.inside, True
    try:
        yield now.known
    finally:
        now.inside = before


def training_phase() -> bool | None:
    """`training` of the call that is under way; None outside of calls, or where nobody said."""
    now = _call.get()
    return None if now is None else now.training


_names = Names("layer", "keras.layers")  # Cornu's own


def layer_from(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer that `serialize` described by `config`. custom_objects: further classes by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)


def layer_config(layer: Any) -> dict[str, Any]:
    """Module, class name and config of a layer, as Keras writes them."""
    return _names.serialize(layer)


class Layer(History):
    """Base class. A layer makes its weights in `build(input_shape)` and computes in `call(inputs)`.

    Args:
        activity_regularizer: penalty on the output.
        trainable: whether its weights are trained.
        dtype: dtype policy or name; `floatx()` by default.
        autocast: whether floating-point inputs are cast to the compute dtype.
        name: by default the class's name in snake case, numbered.
        kwargs: for the first layer of a `Sequential`, in place of an `Input`: `input_shape` (without the batch axis; of vectors
            also `input_dim`) and `batch_size`, or `batch_input_shape`.

    Raises:
        ValueError: for other arguments.
    """

    supports_masking = False
    arguments: ClassVar[str] = ""  # the constructor's arguments that are attributes of the same name, for `get_config`

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        shape = kwargs.pop("input_shape", None)
        if shape is not None or "batch_input_shape" in kwargs or "input_dim" in kwargs:
            width = kwargs.pop("input_dim", None)
            whole = kwargs.pop("batch_input_shape", None)
            self._input_shape_arg: Any = whole or (kwargs.pop("batch_size", None), *(shape or (width,)))
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        self.name = name or unique_name(snake_case(type(self).__name__))
        if not isinstance(self.name, str):
            raise ValueError(f"name must be a string, got {name!r}.")
        self.dtype_policy = dtype_policies.get(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.built = False
        self.input_spec: Any = None
        self._trainable = bool(trainable)
        self._own: list[Variable] = []
        self._losses: list[Any] = []
        self._inbound_nodes: list[Node] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("cornu."):
            _names.add(cls)

    # Subclasses define these

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of `input_shape`: a tuple with the batch axis, nested like the inputs; None is unknown."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute. args and kwargs are the subclass's own, the inputs first.

        `training` and `mask`, where it takes them, are filled in.
        """
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented.")

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the output of `inputs`: by default previous_mask, theirs, where the layer supports masking."""
        return previous_mask if self.supports_masking else None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain data."""
        names = [name for kind in reversed(type(self).__mro__) for name in vars(kind).get("arguments", "").split()]
        own = {name: getattr(self, name) for name in dict.fromkeys(names)}
        functions = {name: activations.serialize(value) for name, value in own.items() if name.endswith("activation")}
        if self.activity_regularizer is not None:
            own["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
            **own,
            **functions,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A layer from its config."""
        return cls(**config)

    # Calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if has_symbolic(args) or has_symbolic(kwargs.values()):
            return self._symbolic_call(args, kwargs)
        engine = self._engine()
        if engine is not None and engine is not context.current().host:
            with context.use(engine):
                return self._call_here(*args, **kwargs)
        return self._call_here(*args, **kwargs)

    def _symbolic_call(self, args: Any, kwargs: dict[str, Any]) -> Any:
        with keep_masks() as now:
            now.inside = True  # weights are made of numbers: what `build` calls computes at once
            self._maybe_build(args, kwargs)
        outputs = infer_outputs(self._call_here, args, kwargs)
        self._inbound_nodes.append(Node(self, args, kwargs, outputs))
        self.built = True
        return outputs

    def _call_here(self, *args: Any, **kwargs: Any) -> Any:
        now = _call.get()
        if now is None:
            with keep_masks():
                return self._call_here(*args, **kwargs)
        if now.inside:
            return self._run(now, args, kwargs)
        for layer in self._flatten_layers():
            layer._losses.clear()
        now.known = {}
        now.inside = True
        try:
            return self._run(now, args, kwargs)
        finally:
            now.inside = False

    def _run(self, now: CallContext, args: Any, kwargs: dict[str, Any]) -> Any:
        accepted = self._call_parameters()
        args, kwargs = self._prepare(args), {k: self._prepare(v) for k, v in kwargs.items()}
        if not self.built and self.input_spec is not None and args:
            assert_compatible(self.input_spec, args[0], self.name)  # before `build` stumbles over it
        self._maybe_build(args, kwargs)
        if self.input_spec is not None and args:
            assert_compatible(self.input_spec, args[0], self.name)
        given = kwargs.get("training")
        training = given if given is not None else now.training
        if "training" not in accepted:
            kwargs.pop("training", None)
        elif given is None and training is not None:
            kwargs["training"] = training
        masks = tree.map_structure(now.mask, args[0]) if args else None
        has_mask = args and any(m is not None for m in tree.flatten(masks))
        if has_mask and "mask" in accepted and kwargs.get("mask") is None:
            kwargs["mask"] = masks
        before, now.training = now.training, training
        try:
            if self.compute_dtype != self.variable_dtype:
                with autocast(self.compute_dtype):
                    outputs = self.call(*args, **kwargs)
            else:
                outputs = self.call(*args, **kwargs)
        except Exception as error:
            if hasattr(error, "reason") and not hasattr(error, "layer"):  # an op's words (see `ops.complaint`)
                error.args, error.layer = (f"Layer {self.name!r}: {error}",), self.name  # type: ignore[attr-defined]
            raise
        finally:
            now.training = before
        if has_mask or self._makes_mask():
            self._pass_mask(now, args, masks, outputs)
        if self.activity_regularizer is not None:
            for output in tree.flatten(outputs):
                batch = float(output.shape[0]) if output.shape else 1.0
                self.add_loss(lookup("divide")(self.activity_regularizer(output), batch))
        return outputs

    def _makes_mask(self) -> bool:
        return False

    def _pass_mask(self, now: CallContext, args: Any, masks: Any, outputs: Any) -> None:
        mask = self.compute_mask(args[0], masks)
        leaves = tree.flatten(outputs)
        if mask is not None:
            for output, m in zip(leaves, [mask] * len(leaves) if hasattr(mask, "shape") else tree.flatten(mask), strict=False):
                now.set_mask(output, m)

    def _prepare(self, structure: Any) -> Any:
        """Arrays become tensors, floating-point ones in the compute dtype."""
        engine = context.current()
        target = self.compute_dtype

        def convert(x: Any) -> Any:
            if isinstance(x, (np.ndarray, np.generic)) or engine.is_tensor(x):
                pass
            elif isinstance(x, Cell):
                x = x.value
            elif hasattr(x, "shape"):
                engine.describe(x, f"layer {self.name!r}")  # raises: it belongs to another engine
            else:
                return x
            if not engine.is_tensor(x):
                x = engine.asarray(x)
            dtype = engine.dtype_of(x)
            return lookup("cast")(x, dtype=target) if self.autocast and dtype != target and dt.is_float(dtype) else x

        if isinstance(structure, list) and structure and isinstance(structure[0], (int, float, list)):
            return convert(tensor(structure))
        return tree.map_structure(convert, structure)

    def _call_parameters(self) -> dict[str, Any]:
        """Names that `call` accepts."""
        kind = type(self)
        if "_accepted" not in kind.__dict__:
            kind._accepted = dict(inspect.signature(kind.call).parameters)  # type: ignore[attr-defined]
        return kind._accepted  # type: ignore[attr-defined]

    def _maybe_build(self, args: Any, kwargs: dict[str, Any]) -> None:
        if self.built:
            return
        names = list(inspect.signature(self.build).parameters)
        shapes = lambda x: tree.map_structure(lambda leaf: tuple(leaf.shape) if hasattr(leaf, "shape") else None, x)  # noqa: E731
        if len(names) == 1 and not names[0].startswith("kw"):
            self.build(shapes(args[0]) if args else shapes(next(iter(kwargs.values()))))
        elif names and all(name.endswith("_shape") for name in names):
            try:
                bound = inspect.signature(self.call).bind(*args, **kwargs).arguments
            except TypeError as error:
                raise TypeError(f"Layer {self.name!r} was called with wrong arguments: {error}.") from None
            found = {name: bound.get(name.removesuffix("_shape")) for name in names}
            self.build(**{name: shapes(x) for name, x in found.items() if x is not None})
        self.built = True

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shape of the output for input shapes (tuples with None for unknown sizes); the layer is built if it isn't yet.

        args: the shapes, in the order of `call`. kwargs: these by name, as `build` has them (`query_shape` for `query`).
        """
        is_shape = lambda s: isinstance(s, (tuple, list)) and all(n is None or isinstance(n, int) for n in s)  # noqa: E731

        def symbols(s: Any) -> Any:
            if is_shape(s):
                return KerasTensor(s, self.compute_dtype)
            return {k: symbols(v) for k, v in s.items()} if isinstance(s, dict) else [symbols(v) for v in s]

        call_kwargs = {key.removesuffix("_shape"): symbols(value) for key, value in kwargs.items()}
        call_args = [symbols(s) for s in args]
        self._maybe_build(call_args, call_kwargs)
        return tree.map_structure(lambda x: x.shape, infer_outputs(self._call_here, tuple(call_args), call_kwargs))

    # State

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of this layer.

        Args:
            shape: by default (), a scalar.
            initializer: name, instance or function; "glorot_uniform" for floats, zeros otherwise.
            dtype: the layer's variable dtype by default.
            trainable, regularizer, constraint, name: of the variable.
            autocast: whether it reads in the layer's compute dtype.
            aggregation, overwrite_with_gradient: kept for Keras, no effect.
        """
        dtype = dt.name_of(dtype) if dtype is not None else self.variable_dtype
        initializer = initializer or ("glorot_uniform" if dt.is_float(dtype) else "zeros")
        variable = Variable(
            initializers.get(initializer),
            tuple(shape or ()),
            dtype,
            trainable=trainable,
            autocast=autocast,
            aggregation=aggregation,
            name=name,
        )
        variable.path = f"{self.name}/{variable.name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._own.append(variable)
        return variable

    def _children(self) -> Iterator[Any]:
        """Layers, variables and seed generators among the attributes, in order, in lists and dicts too."""
        for name, value in vars(self).items():
            if name in ("_own", "_losses", "_nodes", "_inbound_nodes") or name.startswith("_compile"):
                continue
            for item in tree.flatten(value) if isinstance(value, (list, tuple, dict)) else [value]:
                if isinstance(item, (Layer, Variable, SeedGenerator)):
                    yield item

    @property
    def _layers(self) -> list[Layer]:
        return list(dict.fromkeys(item for item in self._children() if isinstance(item, Layer)))

    def _flatten_layers(self) -> list[Layer]:
        """This layer and all inside it."""
        return list(dict.fromkeys(itertools.chain([self], *[layer._flatten_layers() for layer in self._layers])))

    def _own_variables(self) -> list[Variable]:
        own = dict.fromkeys([*self._own, *[v for v in self._children() if isinstance(v, Variable)]])
        for v in self._memory():
            own.pop(v, None)
        return [v for v in own if v.made_trainable] + [v for v in own if not v.made_trainable]

    def _memory(self) -> list[Variable]:
        """Its variables that are no weights: the states of seed generators (and what a stateful layer remembers)."""
        return [g.state for g in self._children() if isinstance(g, SeedGenerator)]

    @property
    def weights(self) -> list[Variable]:
        """All variables but seeds, metrics and states: of this layer (those made trainable first), then of those inside."""
        found = self._own_variables()
        for layer in self._layers:
            found += layer.weights
        return list(dict.fromkeys(found))

    @property
    def variables(self) -> list[Variable]:
        """All variables, seeds and states too."""
        return list(dict.fromkeys([*self.weights, *[v for layer in self._flatten_layers() for v in layer._memory()]]))

    @property
    def trainable(self) -> bool:
        """Whether its weights are trained. Setting it sets the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)

    @property
    def trainable_variables(self) -> list[Variable]:
        """Variables that an optimizer updates."""
        if not self._trainable:
            return []
        found = [v for v in self._own_variables() if v.trainable]
        for layer in self._layers:
            found += layer.trainable_variables
        return list(dict.fromkeys(found))

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All other variables."""
        trained = set(self.trainable_variables)
        return [v for v in self.variables if v not in trained]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Weights that an optimizer updates."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """All other weights."""
        trained = set(self.trainable_variables)
        return [v for v in self.weights if v not in trained]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign all weights, in the order of `get_weights`.

        Raises:
            ValueError: if their number or a shape differs; then nothing is assigned.
        """
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer {self.name!r} with a weight list of length {len(weights)}, but the "
                f"layer was expecting {len(own)} weights."
            )
        for variable, value in zip(own, weights, strict=True):
            if variable.shape != tuple(np.shape(value)):
                raise ValueError(
                    f"Layer {self.name!r}: weight {variable.path!r} has shape {variable.shape}, which is not compatible with the "
                    f"provided value of shape {tuple(np.shape(value))}."
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(np.asarray(value))

    def count_params(self) -> int:
        """Number of scalars in the weights."""
        return sum(math.prod(v.shape) for v in self.weights)

    def add_loss(self, loss: Any) -> None:
        """Add `loss`, a scalar or several, to what training minimizes, from inside `call`.

        Raises:
            ValueError: for a symbolic tensor, which only a functional model can compute in every call.
        """
        if has_symbolic(tree.flatten(loss)):
            raise ValueError(
                f"{self.name!r}: a symbolic loss can be added to a functional model, `Model(inputs, outputs)`, from whose inputs "
                "it follows. In a layer call `add_loss` from `call`."
            )
        self._losses.extend(tree.flatten(loss))

    @property
    def losses(self) -> list[Any]:
        """Losses of the last call, and penalties on weights."""
        added = [loss for layer in self._flatten_layers() for loss in layer._losses]
        return added + [v.regularizer(read(v)) for v in self.trainable_variables if v.regularizer is not None]

    @property
    def metrics(self) -> list[Any]:
        """Metrics of the layers inside."""
        return []

    def _engine(self) -> Any:
        """The engine on which it was built; None before."""
        if self._own:
            return self._own[0].engine
        first = next(iter(self.variables), None) if self.built else None
        return first.engine if first is not None else None

    def to(self, engine: Any) -> Layer:
        """Move all variables to another engine; returns the layer."""
        target = registry.get(engine)
        for variable in self.variables:
            variable.to(target)
        return self

    def stateless_call(
        self, trainable_variables: Any, non_trainable_variables: Any, *args: Any, return_losses: bool = False, **kwargs: Any
    ) -> Any:
        """Call with given values for the variables, which stay as they are.

        Args:
            trainable_variables, non_trainable_variables: values, in the order of the attributes of these names.
            args, kwargs: of the call.
            return_losses: whether to give the losses too.

        Returns:
            `(outputs, values of the non-trainable variables afterwards)`, with `return_losses` also the losses.

        Raises:
            ValueError: for the wrong number of values.
        """
        cells = [*self.trainable_variables, *self.non_trainable_variables]
        values = [*trainable_variables, *non_trainable_variables]
        if len(cells) != len(values):
            raise ValueError(f"Layer {self.name!r} has {len(cells)} variables, but {len(values)} values were given.")
        with StateScope(dict(zip(cells, values, strict=True))) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        after = [scope.values[v] for v in self.non_trainable_variables]
        return (outputs, after, losses) if return_losses else (outputs, after)

    # Dtypes

    @property
    def dtype(self) -> str:
        """Dtype of the variables."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """Dtype of the computation."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype of the variables."""
        return self.dtype_policy.variable_dtype

    @property
    def path(self) -> str:
        """Its name."""
        return self.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
