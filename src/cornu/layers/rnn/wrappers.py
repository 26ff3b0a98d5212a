"""Layers around a layer: both directions, each step."""

from __future__ import annotations

from typing import Any

from cornu import ops
from cornu.layers.layer import Layer, layer_config, layer_from


class Wrapper(Layer):
    """Base of layers around another one, `layer`."""

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(f"Layer {layer!r} supplied to {type(self).__name__} is not a `Layer` instance.")
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": layer_config(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """From a config."""
        inner = {name: layer_from(config[name]) for name in ("layer", "backward_layer") if config.get(name) is not None}
        return cls(**{**config, **inner})


class TimeDistributed(Wrapper):
    """Applies a layer to each step of sequences (N, steps, …), with the same weights."""

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if len(input_shape) < 3:
            raise ValueError(
                f"`TimeDistributed` layer should be passed an input shape with at least 3 dimensions, received: {input_shape}"
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        n, steps, *rest = inputs.shape
        given = {} if training is None or "training" not in self.layer._call_parameters() else {"training": training}
        y = self.layer(ops.reshape(inputs, (n * steps, *rest)), **given)
        return ops.reshape(y, (n, steps, *y.shape[1:]))


class Bidirectional(Wrapper):
    """A recurrent layer walked forward, and another backward, their outputs merged.

    Args:
        layer: a recurrent layer. merge_mode: "concat", "sum", "mul", "ave", or None for both apart.
        weights: kept for Keras. backward_layer: by default one like `layer` with weights of its own.
    """

    arguments = "merge_mode"

    def __init__(
        self, layer: Layer, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None, **kwargs: Any
    ) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"Please initialize `Bidirectional` layer with a `Layer` instance. Received: {layer!r}")
        if merge_mode not in ("sum", "mul", "ave", "concat", None):
            raise ValueError(
                f"Invalid merge mode: {merge_mode!r}. Merge mode should be one of 'sum', 'mul', 'ave', 'concat', None."
            )
        super().__init__(layer, **kwargs)
        config = layer.get_config()
        self._given_backward = backward_layer
        self.forward_layer = layer
        turned = {**config, "go_backwards": not config["go_backwards"], "name": f"backward_{layer.name}"}
        self.backward_layer = backward_layer or type(layer).from_config(turned)
        if self.backward_layer.get_config()["go_backwards"] == config["go_backwards"]:
            raise ValueError("Forward layer and backward layer should have different `go_backwards` value.")
        self.layer.name = f"forward_{layer.name}" if not layer.name.startswith("forward_") else layer.name
        self.merge_mode, self._first_weights = merge_mode, weights
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state  # type: ignore[attr-defined]
        self.supports_masking = True

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
                layer.built = True
        if self._first_weights is not None:
            self.set_weights(self._first_weights)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        half = len(initial_state) // 2 if initial_state is not None else 0
        given: dict[str, Any] = {"mask": mask, "training": bool(training)}
        forward = self.forward_layer(sequences, initial_state=initial_state[:half] if half else None, **given)
        backward = self.backward_layer(sequences, initial_state=initial_state[half:] if half else None, **given)
        states: list[Any] = []
        if self.return_state:
            (forward, *first), (backward, *second) = forward, backward
            states = [*first, *second]
        if self.return_sequences:  # a backward layer gives the last step first
            backward = ops.flip(backward, 1)
        merged = self._merged(forward, backward)
        return (*(merged if self.merge_mode is None else [merged]), *states) if states else merged

    def _merged(self, forward: Any, backward: Any) -> Any:
        if self.merge_mode == "concat":
            return ops.concatenate([forward, backward], axis=-1)
        if self.merge_mode is None:
            return forward, backward
        y = ops.multiply(forward, backward) if self.merge_mode == "mul" else ops.add(forward, backward)
        return ops.multiply(y, 0.5) if self.merge_mode == "ave" else y

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        mask = previous_mask if self.return_sequences else None
        return [mask, mask] if self.merge_mode is None else mask

    def reset_state(self) -> None:
        """Set the states of both layers to zero."""
        for layer in (self.forward_layer, self.backward_layer):
            layer.reset_state()  # type: ignore[union-attr]

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "backward_layer": layer_config(self._given_backward)} if self._given_backward is not None else config
