"""The vision transformer: an image or volume as a sequence of patches. Dosovitskiy et al. 2021."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Dropout, TransformerLayer
from jaxmed.models.layers.patches import patches
from jaxmed.typing import Array, Float, Option

Patch: TypeAlias = int | np.integer[Any] | Sequence[int | np.integer[Any]]
"""Side of a patch in pixels, or one side per spatial dimension."""


def vit_tiny(outputs: int, *, patch: Patch = 16, **options: Any) -> ViT:
    """Width 192, 12 layers of 3 heads (Touvron et al. 2021, table 1). 5.7 million parameters.

    Args:
        outputs: logits of the classes, or 1 to regress.
        patch: side of a patch in pixels, or one for each dimension.
        **options: attributes of `ViT`, such as `pooling`, `registers` or `stochastic_depth`.
    """
    return ViT(outputs, patch, 192, 3, **options)


def vit_small(outputs: int, *, patch: Patch = 16, **options: Any) -> ViT:
    """Width 384, 12 layers of 6 heads (Touvron et al. 2021, table 1). 22.1 million parameters.

    Args:
        outputs: logits of the classes, or 1 to regress.
        patch: side of a patch in pixels, or one for each dimension.
        **options: attributes of `ViT`, as in `vit_tiny`.
    """
    return ViT(outputs, patch, 384, 6, **options)


def vit_base(outputs: int, *, patch: Patch = 16, **options: Any) -> ViT:
    """Width 768, 12 layers of 12 heads (Dosovitskiy et al. 2021, table 1). 86.6 million parameters.

    Args:
        outputs: logits of the classes, or 1 to regress.
        patch: side of a patch in pixels, or one for each dimension.
        **options: attributes of `ViT`, as in `vit_tiny`.
    """
    return ViT(outputs, patch, 768, 12, **options)


class ViT(nn.Module):
    """Patches with learned positions, transformer layers, a layer norm, a linear layer.

    The norms stand before attention and perceptron. Works on images and volumes of the size it was
    initialized with. Intermediate values: `layer1/attention/weights` [batch, heads, queries, keys]
    and `layer1/tokens` [batch, tokens, width] of each layer, and `pooled`. The order of tokens is
    class token, registers, patches. Kernels start as in LeCun et al. 1998, with variance
    1 / inputs, biases at zero; learned tokens and positions with a standard deviation of 0.02.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        patch: side of a patch in pixels, or one side per spatial dimension.
        width: of a token; a multiple of `heads`.
        heads: number of heads in each layer.
        layers: number of layers.
        hidden: width of the perceptron in each layer; 4 * width by default.
        pooling: "token", the final class token; "mean", the mean of the patches, without a class
            token.
        registers: number of learned tokens that belong to no patch. Without them, networks store
            global information in patches of the background. Darcet et al. 2024.
        dropout: of the embedding and of what each layer adds, in [0, 1).
        stochastic_depth: probability in [0, 1) of dropping what attention or perceptron of the
            last layer adds; layer l of L has l / L of it. Huang et al. 2016, section 3.
    """

    outputs: int
    patch: Patch = 16
    width: int = 192
    heads: int = 3
    layers: int = 12
    hidden: int | None = None
    pooling: Literal["token", "mean"] = "token"
    registers: int = 0
    dropout: Option = 0.0
    stochastic_depth: float = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="outputs width heads layers hidden", rates="dropout stochastic_depth"
        )
        checks.whole("registers", self.registers, least=0)
        checks.known("pooling", self.pooling, ("token", "mean"))
        patch: Any = self.patch
        if np.ndim(patch) == 0:
            checks.whole("patch", patch)
        else:
            checks.wholes("patch", patch)
        if self.width % self.heads:
            raise ValueError(
                f"width is {self.width}, but must be a multiple of heads, which is {self.heads}."
            )
        super().__post_init__()

    def features(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch width"]:
        """The input of the linear layer, for probes: `apply(..., method="features")`."""
        del mask
        return self._features_and_logits(x, train=train)[0]

    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: images [batch, height, width, channels] or volumes [batch, depth, ...], floating.
            train: whether dropout and stochastic depth draw; the key is `rngs={"dropout": key}`.
            mask: unused; for the same signature as other networks.

        Returns:
            [batch, outputs].

        Raises:
            ValueError: if `x` is not floating images or volumes, `patch` does not divide its
                sides, or its size is not that of the initialization.
        """
        del mask
        return self._features_and_logits(x, train=train)[1]

    @nn.compact
    def _features_and_logits(self, x: Array, *, train: bool) -> tuple[Array, Array]:
        """In one method, because Flax allows only one to be compact."""
        x = self._embedded(x)
        x = Dropout(self.dropout)(x, train=train)
        hidden = 4 * self.width if self.hidden is None else self.hidden
        for layer in range(self.layers):
            x = TransformerLayer(
                self.heads,
                hidden,
                self.dropout,
                position=None,
                stochastic_depth=self.stochastic_depth * (layer + 1) / self.layers,
                name=f"layer{layer + 1}",
            )(x, None, train=train)
        x = nn.LayerNorm(dtype=x.dtype, name="norm")(x)
        if self.pooling == "token":
            x = x[:, 0]
        else:
            x = x[:, self.registers :].mean(axis=1, dtype=jnp.float32).astype(x.dtype)
        x = capture(self, "pooled", x)
        return x, nn.Dense(self.outputs, dtype=x.dtype, name="head")(x)

    def _embedded(self, x: Array) -> Array:
        """Class token, registers and patches, [batch, tokens, width]."""
        input_checks.images_or_volumes(x)
        space = x.shape[1:-1]
        sides = self._sides(len(space))
        x = patches(x, sides)
        grid = tuple(n // side for n, side in zip(space, sides, strict=True))
        if self.has_variable("params", "position"):
            expected: tuple[int, ...] = self.get_variable("params", "position").shape[:-1]
            if expected != grid:
                raise ValueError(
                    f"x is cut into a grid of {grid} patches, but the network was initialized with "
                    f"{expected}: use images of the same size."
                )
        x = nn.Dense(self.width, dtype=x.dtype, name="embedding")(x)
        front = []
        x = x + self._learned("position", grid, x)
        if self.pooling == "token":
            front.append(
                self._learned("class_token", (1,), x) + self._learned("class_position", (1,), x)
            )
        if self.registers:  # they have no position
            front.append(self._learned("registers", (self.registers,), x))
        return jnp.concatenate([*front, x], axis=1)

    def _sides(self, space: int) -> tuple[int, ...]:
        """Sides of a patch, one per spatial dimension."""
        if isinstance(self.patch, int | np.integer):
            return (operator.index(self.patch),) * space
        return tuple(map(operator.index, self.patch))

    def _learned(self, name: str, shape: tuple[int, ...], x: Array) -> Array:
        """Learned tokens [batch, tokens, width], the same for every row of `x`."""
        start = nn.initializers.normal(0.02)
        learned = self.param(name, start, (*shape, self.width)).astype(x.dtype)
        return jnp.broadcast_to(
            learned.reshape(1, -1, self.width), (x.shape[0], math.prod(shape), self.width)
        )
