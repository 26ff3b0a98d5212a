"""Dense, Embedding, Lambda, Masking, Identity, and the input of functional models."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from cornu import activations, config, ops
from cornu.layers.input_spec import InputSpec
from cornu.layers.layer import Layer, unique_name
from cornu.layers.lora import LowRank
from cornu.ops.symbolic import KerasTensor, Node


class Dense(LowRank):
    """activation(inputs @ kernel + bias), over the last axis.

    Args:
        units: size of the output's last axis.
        activation: name or function; None for none.
        use_bias, *_initializer, *_regularizer, *_constraint: of kernel and bias.
        lora_rank, lora_alpha: train a low-rank addition to the kernel instead of it (see `enable_lora`).
        quantization_config: not supported; None.
    """

    arguments = "units activation use_bias"

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
        lora_rank: int | None = None, lora_alpha: float | None = None, quantization_config: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_lora(lora_rank, lora_alpha, quantization_config)
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"Received an invalid value for `units`, expected a positive integer, got {units!r}.")
        self.units, self.activation, self.use_bias = units, activations.get(activation), use_bias
        self._keep_weight_arguments(locals())
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        if width is None:
            raise ValueError(f"Layer {self.name!r}: the last dimension of the input must be known, got shape {input_shape}.")
        self._kernel = self._add("kernel", (width, self.units))
        self.bias = self._add("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: width})
        self._build_lora()

    @property
    def kernel(self) -> Any:
        """The kernel, with its low-rank addition if there is one."""
        return self._adapted_weight()

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = ops.matmul(inputs, self.kernel)
        x = x if self.bias is None else ops.add(x, self.bias)
        return self.activation(x)


class Embedding(LowRank):
    """A row of a table for each index. Negative indices count from the end; for those beyond it, the last or first row stands.

    Args:
        input_dim: number of rows. output_dim: their size.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 is padding, masked for the layers after. weights: the table to start with.
        lora_rank, lora_alpha: train a low-rank addition to the table instead of it (see `enable_lora`).
        quantization_config: not supported; None.
    """

    adapted = "embeddings"
    arguments = "input_dim output_dim mask_zero"

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None, mask_zero: bool = False, weights: Any = None, lora_rank: int | None = None,
        lora_alpha: float | None = None, quantization_config: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        input_length = kwargs.pop("input_length", None)
        if input_length is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (input_length,)
        super().__init__(**kwargs)
        self._set_lora(lora_rank, lora_alpha, quantization_config)
        self.input_dim, self.output_dim, self.mask_zero = input_dim, output_dim, mask_zero
        self._keep_weight_arguments(locals())
        self.supports_masking = mask_zero
        self.autocast = False
        self._initial = weights

    def build(self, input_shape: Any = None) -> None:
        self._embeddings = self._add("embeddings", (self.input_dim, self.output_dim))
        if self._initial is not None:
            self.set_weights(self._initial if isinstance(self._initial, (list, tuple)) else [self._initial])
        self._build_lora()

    @property
    def embeddings(self) -> Any:
        """The table, with its low-rank addition if there is one."""
        return self._adapted_weight()

    def call(self, inputs: Any) -> Any:
        indices = ops.cast(inputs, "int32")
        rows = ops.take(self._embeddings, indices, axis=0)
        if self.lora_enabled:
            rows = self._adapt(rows, ops.take(self._lora[0], indices, axis=0))
        return rows if self.compute_dtype == self.variable_dtype else ops.cast(rows, self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def _makes_mask(self) -> bool:
        return self.mask_zero


class Lambda(Layer):
    """A function as a layer. It may use ops, or any code that the engine in charge can trace.

    Args:
        function: of the input (and of `mask` and `training`, if it names them).
        output_shape, mask: kept for Keras; a `mask` that is a function of (inputs, previous mask) gives the output's.
        arguments: further keyword arguments of the function.
    """

    def __init__(
        self, function: Callable[..., Any], output_shape: Any = None, mask: Any = None, arguments: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda: `function` must be callable, got {function!r}.")
        self.function, self.output_shape_argument, self.mask, self.keywords = function, output_shape, mask, dict(arguments or {})
        self.supports_masking = mask is not None
        try:
            self._passes = [name for name in ("mask", "training") if name in inspect.signature(function).parameters]
        except (TypeError, ValueError):  # builtins have no signature
            self._passes = []

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(inputs, **{**{name: given[name] for name in self._passes}, **self.keywords})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def _makes_mask(self) -> bool:
        return self.mask is not None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "function": self.function, "output_shape": self.output_shape_argument, "mask": self.mask,
            "arguments": self.keywords,
        }  # fmt: skip


class Masking(Layer):
    """Masks the steps of sequences (N, steps, features) whose features all equal `mask_value`."""

    supports_masking = True
    arguments = "mask_value"

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def call(self, inputs: Any) -> Any:
        valid = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.multiply(inputs, ops.cast(valid, inputs.dtype))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def _makes_mask(self) -> bool:
        return True


class Identity(Layer):
    """Passes its input on."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


class InputLayer(Layer):
    """Where data enters a functional or sequential model.

    Args:
        shape: without the batch axis, None for unknown sizes; batch_size: of that axis; batch_shape: both in one.
        dtype: `floatx()` by default. name: of the input.
        sparse, ragged, input_tensor: not supported. optional: accepted for Keras, no effect.

    Raises:
        ValueError: unless one of shape and batch_shape is given, or for what is not supported.
    """

    def __init__(
        self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
        batch_shape: Any = None, input_tensor: Any = None, optional: bool = False, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if sparse or ragged or input_tensor is not None:
            raise ValueError("Input: sparse and ragged inputs and given tensors are not supported.")
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if (shape is None) == (batch_shape is None):
            raise ValueError("Input: give either `shape` (without the batch axis) or `batch_shape`.")
        super().__init__(name=name or unique_name("input_layer"), **kwargs)
        sizes = (shape,) if isinstance(shape, int) else shape
        self.batch_shape = tuple(batch_shape) if batch_shape is not None else (batch_size, *sizes)
        self._dtype = dtype or config.floatx()
        self.built = True
        self._inbound_nodes.append(Node(self, (), {}, KerasTensor(self.batch_shape, self._dtype, name=self.name)))

    @property
    def dtype(self) -> str:
        return self.output.dtype

    def call(self) -> Any:
        raise ValueError("An InputLayer is not called.")

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": self.batch_shape, "dtype": self.dtype, "sparse": False, "ragged": False, "name": self.name}


def Input(
    shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
    batch_shape: Any = None, name: str | None = None, tensor: Any = None, optional: bool = False,
) -> KerasTensor:  # fmt: skip
    """A symbolic tensor with which a functional model begins.

    Args:
        shape: tuple without the batch axis; None for unknown sizes. batch_size: if fixed. batch_shape: both in one.
        dtype: `floatx()` by default. name: of the input.
        sparse, ragged, tensor, optional: as sparse, ragged, input_tensor and optional in `InputLayer`, errors too.
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
