"""A residual network for signals, as in Wang et al. 2017."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax

from jaxmed.models import input_checks
from jaxmed.models.heads import pooled_features
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import BatchNorm, Conv, Dropout
from jaxmed.models.layers.signal_pooling import pooled_in_time
from jaxmed.models.resnet_stages import Norm
from jaxmed.typing import Array, Float, Option


class ResNet1d(nn.Module):
    """`ResNet1dStages`, the mean over time and a linear layer.

    The variables of the stages are under `encoder`. Intermediate values: those of the stages, such
    as `encoder/stage3`, and `pooled`.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        widths, windows, pool, norm: as in `ResNet1dStages`.
        dropout: probability of dropping a feature before the linear layer, in [0, 1).

    >>> import jax.numpy as jnp
    >>> network = ResNet1d(5)  # of Wang et al. on ECG5000
    >>> shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.ones((1, 140, 1)))
    >>> sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
    503237
    """

    outputs: int
    widths: Sequence[int] = (64, 128, 128)
    windows: Sequence[int] = (8, 5, 3)
    pool: int = 1
    norm: Norm = BatchNorm
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="outputs pool", sizes="widths windows", rates="dropout", functions="norm"
        )
        input_checks.at_least_one(widths=self.widths, windows=self.windows)
        super().__post_init__()

    def setup(self) -> None:
        """The stages; called by Flax."""
        self.encoder = ResNet1dStages(self.widths, self.windows, self.pool, self.norm)

    features = pooled_features

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: signals [batch, time, channels], floating.
            train: whether dropout draws and batch normalization uses the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, outputs].

        Raises:
            ValueError: as in `ResNet1dStages`.
        """
        x = Dropout(self.dropout)(self.features(x, train=train, mask=mask), train=train)
        return nn.Dense(self.outputs, dtype=x.dtype, name="head")(x)


class ResNet1dStages(nn.Module):
    """The backbone: one residual block per stage, each of several convolutions.

    Each block adds its input, through a convolution of side 1 where the width changes, to the
    output of its convolutions. Intermediate values: `stage1`, `stage2`, ...

    Attributes:
        widths: channels of each stage.
        windows: sides of the convolutions of each block.
        pool: side of the max pool between two stages; 1, as published, keeps the length.
        norm: makes a normalization layer: `layers.BatchNorm`, `layers.GroupNorm` or
            `functools.partial(layers.GroupNorm, groups=4)`.

    References:
        Wang, Yan and Oates, Time Series Classification from Scratch with Deep Neural Networks: A
        Strong Baseline, 2017.
    """

    widths: Sequence[int] = (64, 128, 128)
    windows: Sequence[int] = (8, 5, 3)
    pool: int = 1
    norm: Norm = BatchNorm

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="pool", sizes="widths windows", functions="norm")
        input_checks.at_least_one(widths=self.widths, windows=self.windows)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch reduced features"]:
        """Compute the map of features.

        Args:
            x: signals [batch, time, channels], floating.
            train: whether batch normalization uses the statistics of the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, reduced, widths[-1]].

        Raises:
            ValueError: if `x` is not floating signals, or too short for the pools.
        """
        input_checks.signals(x)
        for stage, width in enumerate(self.widths, 1):
            x = pooled_in_time(x, self.pool) if stage > 1 and self.pool > 1 else x
            y = x
            for number, window in enumerate(self.windows, 1):
                # The norm has a bias, so the convolution needs none.
                y = Conv(width, (window,), use_bias=False, name=f"stage{stage}_conv{number}")(y)
                y = self.norm(name=f"stage{stage}_norm{number}")(y, train=train, mask=mask)
                y = y if number == len(self.windows) else jax.nn.relu(y)
            if x.shape[-1] != width:
                x = Conv(width, (1,), use_bias=False, name=f"stage{stage}_shortcut_conv")(x)
                x = self.norm(name=f"stage{stage}_shortcut_norm")(x, train=train, mask=mask)
            x = capture(self, f"stage{stage}", jax.nn.relu(x + y))
        return x
