"""Low-rank adaptation: a frozen weight plus a trainable product of two thin matrices (Hu et al., 2021)."""

from __future__ import annotations

from typing import Any

from cornu import initializers, ops
from cornu.layers.weights import Weighted


class LowRank(Weighted):
    """Base of layers with one large weight, named by `adapted`, that can be fine-tuned by `enable_lora`."""

    adapted = "kernel"
    lora_rank: int | None = None
    lora_alpha: float | None = None
    lora_enabled = False

    def _set_lora(self, rank: int | None, alpha: float | None, quantization_config: Any) -> None:
        """Keep the constructor's arguments; `_build_lora` acts on them at the end of `build`."""
        if quantization_config is not None:
            raise NotImplementedError(f"Layer {self.name!r}: `quantization_config` is not supported.")
        self.lora_rank, self.lora_alpha = rank, alpha if alpha is not None else rank

    def _build_lora(self) -> None:
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(
        self, rank: int, lora_alpha: float | None = None, a_initializer: Any = "he_uniform", b_initializer: Any = "zeros"
    ) -> None:
        """Freeze the weight and add the product of A (rows, rank) and B (rank, columns), which are trained.

        Args:
            rank: of the product. lora_alpha: the product is multiplied by lora_alpha / rank; `rank` by default.
            a_initializer, b_initializer: of A and B; with B at zero the layer computes what it did.

        Raises:
            ValueError: if it is enabled already, or the layer is not built.
        """
        if self.lora_enabled:
            raise ValueError("lora is already enabled. This can only be done once per layer.")
        if not self.built:
            raise ValueError(f"Cannot enable lora on layer {self.name!r}: it isn't yet built.")
        frozen = getattr(self, f"_{self.adapted}")
        *rows, columns = frozen.shape
        a = self.add_weight((*rows, rank), initializers.get(a_initializer), name=f"lora_{self.adapted}_a")
        b = self.add_weight((rank, columns), initializers.get(b_initializer), name=f"lora_{self.adapted}_b")
        frozen.trainable = False
        self._lora = (a, b)
        self.lora_rank, self.lora_alpha, self.lora_enabled = rank, lora_alpha if lora_alpha is not None else rank, True

    def _adapt(self, frozen: Any, a: Any) -> Any:
        """`frozen` (the weight, or rows taken from it) plus the product, with as many rows `a`."""
        assert self.lora_alpha is not None and self.lora_rank is not None
        return ops.add(frozen, ops.multiply(ops.matmul(a, self._lora[1]), self.lora_alpha / self.lora_rank))

    def _adapted_weight(self) -> Any:
        own = getattr(self, f"_{self.adapted}")
        return self._adapt(own, self._lora[0]) if self.lora_enabled else own

    def get_config(self) -> dict[str, Any]:
        lora = {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha} if self.lora_rank else {}
        return {**super().get_config(), **lora}
