"""The vision transformer: an image or a volume as a text of patches. Dosovitskiy et al. 2021."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import flax.linen as nn
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models.intermediates import named
from jaxmed.models.layers import Dropout, images_or_volumes
from jaxmed.models.transformer import TransformerLayer
from jaxmed.typing import Array, Float


def patches(
    x: Float[Array, "batch *space channels"], sides: Sequence[int]
) -> Float[Array, "batch number values"]:
    """Cut images or volumes into patches that do not overlap, in reading order.

    Args:
        x: [batch, *space, channels].
        sides: of a patch in pixels, one a dimension of space; each divides that of the image.

    Returns:
        [batch, patches, values of a patch], the channels of a pixel side by side.

    Raises:
        ValueError: if the sides do not divide those of the image, or are not as many.
    """
    sides, space = tuple(sides), x.shape[1:-1]
    if len(sides) != len(space):
        raise ValueError(
            f"patch is {sides}, but x has shape {x.shape}: "
            "give one side for each dimension between batch and channels."
        )
    if any(n < side or n % side for n, side in zip(space, sides, strict=True)):
        raise ValueError(
            f"patch is {sides}, but must divide the image's {space}: "
            "crop, pad or resize the image, or choose another patch."
        )
    cut = [part for n, side in zip(space, sides, strict=True) for part in (n // side, side)]
    grid, inside = range(1, 2 * len(space), 2), range(2, 2 * len(space) + 1, 2)
    x = x.reshape(x.shape[0], *cut, x.shape[-1])
    x = x.transpose(0, *grid, *inside, x.ndim - 1)
    number = math.prod(n // side for n, side in zip(space, sides, strict=True))
    return x.reshape(x.shape[0], number, -1)


class ViT(nn.Module):
    """Patches with learned positions, transformer layers, a layer norm, a linear layer.

    The norms stand before attention and products. GELU (Hendrycks and Gimpel 2016) is taken in
    its tanh form. Works on images and volumes, of the size it was initialised with. Intermediate
    values: `layer1/attention/weights` [batch, heads, queries, keys] and `layer1/tokens` [batch,
    tokens, width] of each layer, and `pooled`. Tokens are in the order of the class token,
    registers, patches.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        patch: side of a patch in pixels, or one for each dimension.
        width: of a token; a multiple of `heads`.
        heads: attentions side by side in each layer.
        layers: how many.
        hidden: width of the perceptron in each layer; 4 times `width` by default.
        pooling: "token", what a class token has become; "mean", the mean of the patches, without
            a class token.
        registers: learned tokens that belong to no patch (Darcet et al. 2024), which keep what
            else would be written over patches of little interest.
        dropout: of the embedding and of what each layer adds, in [0, 1).
        stochastic_depth: probability of leaving out what the last layer adds; it rises evenly
            from 0 at the first. Huang et al. 2016, section 3.
    """

    outputs: int
    patch: int | Sequence[int] = 16
    width: int = 192
    heads: int = 3
    layers: int = 12
    hidden: int | None = None
    pooling: Literal["token", "mean"] = "token"
    registers: int = 0
    dropout: float = 0.0
    stochastic_depth: float = 0.0

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """[batch, height, width, channels] or a volume [batch, depth, ...] -> [batch, outputs]."""
        del mask
        x = self._embedded(x)
        x = Dropout(self.dropout)(x, train=train)
        hidden = 4 * self.width if self.hidden is None else self.hidden
        for layer in range(self.layers):
            x = TransformerLayer(
                self.heads,
                hidden,
                self.dropout,
                turn=None,
                stochastic_depth=self.stochastic_depth * layer / max(self.layers - 1, 1),
                name=f"layer{layer + 1}",
            )(x, None, train=train)
        x = nn.LayerNorm(dtype=x.dtype, name="norm")(x)
        if self.pooling == "token":
            x = x[:, 0]
        else:
            x = x[:, self.registers :].mean(axis=1, dtype=jnp.float32).astype(x.dtype)
        return nn.Dense(self.outputs, dtype=x.dtype, name="head")(named(self, "pooled", x))

    def _embedded(self, x: Array) -> Array:
        """Class token, registers and patches, [batch, tokens, width]."""
        self._check(x)
        space = x.ndim - 2
        sides = (self.patch,) * space if isinstance(self.patch, int) else self.patch
        x = nn.Dense(self.width, dtype=x.dtype, name="embedding")(patches(x, sides))
        if self.pooling == "token":
            x = jnp.concatenate([self._learned("class_token", 1, x), x], axis=1)
        if self.has_variable("params", "position"):
            made_for: int = self.get_variable("params", "position").shape[0]
            if made_for != x.shape[1]:
                raise ValueError(
                    f"x has {x.shape[1]} tokens, but the network was initialised with {made_for}: "
                    "use images of the same size."
                )
        x = x + self._learned("position", x.shape[1], x)
        # Registers have no place, and stand behind the class token so that it stays the first.
        first = 1 if self.pooling == "token" else 0
        if self.registers:
            learned = self._learned("registers", self.registers, x)
            x = jnp.concatenate([x[:, :first], learned, x[:, first:]], axis=1)
        return x

    def _learned(self, name: str, tokens: int, x: Array) -> Array:
        """Learned tokens, the same for every row of `x`."""
        start = nn.initializers.normal(0.02)
        learned = self.param(name, start, (tokens, self.width)).astype(x.dtype)
        return jnp.broadcast_to(learned[None], (x.shape[0], tokens, self.width))

    def _check(self, x: Array) -> None:
        images_or_volumes(x)
        for name in ("width", "heads", "layers"):
            checks.positive(name, getattr(self, name))
        for side in (self.patch,) if isinstance(self.patch, int) else self.patch:
            checks.positive("patch", side)
        checks.at_least("registers", self.registers, 0)
        checks.known("pooling", self.pooling, ("token", "mean"))
        if self.width % self.heads:
            raise ValueError(
                f"width is {self.width}, but must be a multiple of heads, which is {self.heads}."
            )


def vit_tiny(outputs: int, *, patch: int | Sequence[int] = 16, **options: Any) -> ViT:
    """Width 192, 12 layers of 3 heads (Touvron et al. 2021). 5.7 million parameters.

    Args:
        outputs: logits of the classes, or 1 to regress.
        patch: side of a patch in pixels, or one for each dimension.
        **options: attributes of `ViT`, such as `pooling`, `registers` or `stochastic_depth`.
    """
    return ViT(outputs, patch, 192, 3, **options)


def vit_small(outputs: int, *, patch: int | Sequence[int] = 16, **options: Any) -> ViT:
    """Width 384, 12 layers of 6 heads. 22.1 million parameters; else as `vit_tiny`."""
    return ViT(outputs, patch, 384, 6, **options)


def vit_base(outputs: int, *, patch: int | Sequence[int] = 16, **options: Any) -> ViT:
    """Width 768, 12 layers of 12 heads. 86.6 million parameters; else as `vit_tiny`."""
    return ViT(outputs, patch, 768, 12, **options)
