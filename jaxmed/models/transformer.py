"""The transformer encoder of texts; `vit.py` has that of images."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers.attention import TransformerLayer
from jaxmed.models.layers.dropout import Dropout
from jaxmed.typing import Array, Int, Option


class TransformerEncoder(nn.Module):
    """Texts to states: an embedding, layers of self-attention, a layer norm.

    The norms stand before attention and perceptron (Xiong et al. 2020), so that training needs no
    warm-up of the learning rate. Positions are rotary (Su et al. 2021). Kernels and embeddings
    start as in LeCun et al. 1998, with variance 1 / inputs and 1 / width; biases start at zero.
    Intermediate values: `embedded` [batch, time, width], and of each layer
    `TransformerLayer_0/attention/weights` [batch, heads, queries, keys] and
    `TransformerLayer_0/tokens` [batch, time, width].

    Attributes:
        vocabulary: number of tokens; token 0 is padding.
        width: of the vector of a token and of each state; a multiple of 2 * heads.
        heads: number of heads in each layer.
        layers: number of layers.
        hidden: width of the perceptron in each layer; 4 * width by default.
        dropout: of the embedding and of what each layer adds, in [0, 1). Vaswani et al. 2017,
            section 5.4.

    >>> import jax
    >>> encoder = TransformerEncoder(10, width=8, heads=2, layers=1)
    >>> shapes = jax.eval_shape(
    ...     lambda key: encoder.init(key, jnp.ones((1, 3), int), train=False), jax.random.key(0)
    ... )
    >>> sum(leaf.size for leaf in jax.tree.leaves(shapes))  # 10 * 8 + 12 * 8 * 8 + 13 * 8 + 2 * 8
    968
    """

    vocabulary: int
    width: int = 128
    heads: int = 4
    layers: int = 2
    hidden: int | None = None
    dropout: Option = 0.1

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="vocabulary width heads layers hidden", rates="dropout"
        )
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width is {self.width}, but must be a multiple of {2 * self.heads}, 2 for each of "
                f"the {self.heads} heads: rotary positions rotate the coordinates of a head in "
                "pairs."
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, tokens: Int[Array, "batch time"], *, train: bool) -> tuple[Array, ...]:
        """Encode texts.

        Args:
            tokens: [batch, time], 0 behind the end of a text.
            train: whether dropout draws; the key is `rngs={"dropout": key}`.

        Returns:
            The states [batch, time, width], one array in a tuple; behind the end of a text the
            state of its last token is repeated, as in `RecurrentEncoder`.
        """
        real = tokens != 0
        x = nn.Embed(self.vocabulary, self.width, name="embedding")(tokens)
        x = capture(self, "embedded", x)
        x = Dropout(self.dropout)(x, train=train)
        hidden = 4 * self.width if self.hidden is None else self.hidden
        for _ in range(self.layers):
            x = TransformerLayer(self.heads, hidden, self.dropout)(x, real, train=train)
        x = nn.LayerNorm(dtype=x.dtype, name="norm")(x)
        last = jnp.maximum(real.sum(1) - 1, 0)
        ending = jnp.take_along_axis(x, last[:, None, None], axis=1)
        return (jnp.where(real[..., None], x, ending),)
