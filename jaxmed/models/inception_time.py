"""InceptionTime: convolutions of several lengths side by side. Ismail Fawaz et al. 2020."""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.heads import pooled_features
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import BatchNorm, Conv, Dropout
from jaxmed.models.layers.signal_pooling import max_of_three
from jaxmed.models.resnet_stages import Norm
from jaxmed.typing import Array, Float, Option


class InceptionTime(nn.Module):
    """`InceptionStages`, the mean over time and a linear layer: one member of InceptionTime.

    The published classifier is the mean of five of them: `transforms.ensemble(task, members=5)`.
    The variables of the modules are under `encoder`. Intermediate values: those of the modules,
    such as `encoder/module6`, and `pooled`.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        width, windows, depth, bottleneck, norm: as in `InceptionStages`.
        dropout: probability of dropping a feature before the linear layer, in [0, 1).
    """

    outputs: int
    width: int = 32
    windows: Sequence[int] = (10, 20, 40)
    depth: int = 6
    bottleneck: int = 32
    norm: Norm = BatchNorm
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="outputs width depth bottleneck",
            sizes="windows",
            rates="dropout",
            functions="norm",
        )
        input_checks.at_least_one(windows=self.windows)
        super().__post_init__()

    def setup(self) -> None:
        """The modules; called by Flax."""
        self.encoder = InceptionStages(
            self.width, self.windows, self.depth, self.bottleneck, self.norm
        )

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
            ValueError: if `x` is not floating signals.
        """
        x = Dropout(self.dropout)(self.features(x, train=train, mask=mask), train=train)
        return nn.Dense(self.outputs, dtype=x.dtype, name="head")(x)


class InceptionStages(nn.Module):
    """The backbone: modules of parallel convolutions, with a shortcut over every third one.

    A module narrows its input to `bottleneck` channels, convolves them with each window, and joins
    the results with a convolution of side 1 of the max pool of its input. Intermediate values:
    `module1`, `module2`, ...

    Attributes:
        width: channels of each branch; a module has one more branch than windows.
        windows: sides of the convolutions.
        depth: number of modules.
        bottleneck: channels that the windows read.
        norm: makes a normalization layer, such as `layers.BatchNorm`.

    References:
        Ismail Fawaz et al., InceptionTime: Finding AlexNet for Time Series Classification, 2020.
    """

    width: int = 32
    windows: Sequence[int] = (10, 20, 40)
    depth: int = 6
    bottleneck: int = 32
    norm: Norm = BatchNorm

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, counts="width depth bottleneck", sizes="windows", functions="norm"
        )
        input_checks.at_least_one(windows=self.windows)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch time features"]:
        """Compute the map of features.

        Args:
            x: signals [batch, time, channels], floating.
            train: whether batch normalization uses the statistics of the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, time, width (windows + 1)].

        Raises:
            ValueError: if `x` is not floating signals.
        """
        input_checks.signals(x)
        shortcut = x
        for number in range(1, self.depth + 1):
            name = f"module{number}"
            x = self._module(x, name)
            x = jax.nn.relu(self.norm(name=f"{name}_norm")(x, train=train, mask=mask))
            if number % 3 == 0:
                added = Conv(x.shape[-1], (1,), use_bias=False, name=f"{name}_shortcut_conv")(
                    shortcut
                )
                added = self.norm(name=f"{name}_shortcut_norm")(added, train=train, mask=mask)
                x = shortcut = jax.nn.relu(x + added)
            x = capture(self, name, x)
        return x

    def _module(self, x: Array, name: str) -> Array:
        narrow = x
        if x.shape[-1] > 1:
            narrow = Conv(self.bottleneck, (1,), use_bias=False, name=f"{name}_bottleneck")(x)
        branches = [
            Conv(self.width, (window,), use_bias=False, name=f"{name}_conv{place}")(narrow)
            for place, window in enumerate(self.windows, 1)
        ]
        pooled = Conv(self.width, (1,), use_bias=False, name=f"{name}_pooled")(max_of_three(x))
        return jnp.concatenate([*branches, pooled], axis=-1)
