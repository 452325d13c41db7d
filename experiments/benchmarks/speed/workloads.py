"""What `speed.py` trains: networks, by the matrix products they take, and data made up for them."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

VOCABULARY = 20_000
DROPOUT = 0.2

Product = tuple[int, int, int]
"""m, k and n of a matrix product [m, k] @ [k, n]."""
Data = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
"""`(random, rows)` to inputs and labels."""


def made_up_images(
    random: np.random.Generator, rows: int, *, side: int = 28, channels: int = 1, classes: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Images [rows, side, side, channels] of some classes."""
    images = random.integers(0, 256, (rows, side, side, channels), dtype=np.uint8)
    return images, random.integers(0, classes, rows)


def made_up_masks(
    random: np.random.Generator, rows: int, *, sides: tuple[int, ...], channels: int, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images or volumes [rows, *sides, channels] and a class of each pixel [rows, *sides]."""
    images = random.integers(0, 256, (rows, *sides, channels), dtype=np.uint8)
    return images, random.integers(0, classes, (rows, *sides), dtype=np.uint8)


def made_up_texts(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Token numbers [rows, 200] of two classes, without padding."""
    tokens = random.integers(1, VOCABULARY, (rows, 200), dtype=np.int32)
    return tokens, random.integers(0, 2, rows)


@dataclasses.dataclass(frozen=True)
class Residual:
    """A residual network of He et al. 2016, as torchvision builds it."""

    depths: tuple[int, ...]
    bottleneck: bool = False
    imagenet: bool = False
    """A 7-wide stem with stride 2 and a max pool instead of a 3-wide one."""
    side: int = 28
    channels: int = 1
    classes: int = 10

    def products(self) -> list[Product]:
        """Of every convolution and the last layer, forward, one image."""
        side, before = self.side, 64
        if self.imagenet:
            side //= 2
            found = [(side**2, 49 * self.channels, 64)]
            side //= 2
        else:
            found = [(side**2, 9 * self.channels, 64)]
        for stage, depth in enumerate(self.depths):
            width = 64 * 2**stage
            wide = 4 * width if self.bottleneck else width
            for block in range(depth):
                stride = 2 if stage and not block else 1
                small = -(-side // stride)
                if self.bottleneck:
                    found += [(side**2, before, width), (small**2, 9 * width, width)]
                    found += [(small**2, width, wide)]
                else:
                    found += [(small**2, 9 * before, width), (small**2, 9 * width, width)]
                if stride > 1 or before != wide:
                    found += [(small**2, before, wide)]
                side, before = small, wide
        return [*found, (1, before, self.classes)]


@dataclasses.dataclass(frozen=True)
class UNetShape:
    """A U-Net, as `jaxmed.models.UNet` builds it: two convolutions a stage, on either side."""

    sides: tuple[int, ...]
    channels: int
    first: int
    """Stride of the first stage; the others halve the sides."""
    residual: bool
    widths: tuple[int, ...] = (16, 32, 64, 128)
    classes: int = 3

    @property
    def strides(self) -> tuple[int, ...]:
        """Of each stage."""
        return (self.first, *(2,) * (len(self.widths) - 1))

    def products(self) -> list[Product]:
        """Of every convolution, forward, one image."""
        axes, side, before = len(self.sides), 1, self.channels
        window, found, places = 3**axes, [], []
        for width, stride in zip(self.widths, self.strides, strict=True):
            side *= stride
            places.append(math.prod(self.sides) // side**axes)
            found += self._stage(places[-1], window, before, width)
            before = width
        for stage in reversed(range(len(self.widths) - 1)):
            width, corners = self.widths[stage], self.strides[stage + 1] ** axes
            found.append((places[stage + 1], before, corners * width))
            found += self._stage(places[stage], window, 2 * width, width)
            before = width
        return [*found, (places[0], before, self.first**axes * self.classes)]

    def _stage(self, places: int, window: int, before: int, width: int) -> list[Product]:
        convolved = [(places, window * before, width), (places, window * width, width)]
        shortcut = self.residual and before != width
        return [*convolved, *([(places, before, width)] if shortcut else [])]


@dataclasses.dataclass(frozen=True)
class Workload:
    """A network, what a step reads, and the matrix products of one example's forward pass."""

    network: Literal["mlp", "cnn", "lstm", "resnet", "unet"]
    batch_size: int
    products: Sequence[Product]
    data: Data = made_up_images
    examples: int = 60_000
    residual: Residual | None = None
    unet: UNetShape | None = None
    of_inputs: Sequence[int] = (0,)  # products that read the inputs, whose gradient nobody needs
    embedded: bool = False  # the first layer reads vectors that are learned too
    dropout: bool = False
    members: int = 1  # networks that one program trains; only jaxmed's
    bfloat16: bool = False  # what the network computes in; parameters and optimizer are float32

    def flops(self) -> int:
        """Floating-point operations of a training step, per example.

        A product of [m, k] and [k, n] takes 2 m k n. Training takes three such products per
        layer: forward, the gradient of its weights and that of its input, which the first layer
        does without unless it reads an embedding. All else (bias, ReLU, pooling, gates, lookups,
        loss, Adam) is not counted. Winograd's filtering takes fewer; it is given the same number.
        """
        forward = [2 * m * k * n for m, k, n in self.products]
        spared = 0 if self.embedded else sum(forward[number] for number in self.of_inputs)
        return self.members * (3 * sum(forward) - spared)


def _residual(residual: Residual, batch_size: int, examples: int) -> Workload:
    sizes = {"side": residual.side, "channels": residual.channels, "classes": residual.classes}
    data = functools.partial(made_up_images, **sizes)
    return Workload("resnet", batch_size, residual.products(), data, examples, residual)


def _unet(shape: UNetShape, examples: int) -> Workload:
    sizes = {"sides": shape.sides, "channels": shape.channels, "classes": shape.classes}
    data = functools.partial(made_up_masks, **sizes)
    # The shortcut of the first stage, third in the list, reads the image too.
    of_inputs = (0, 2) if shape.residual else (0,)
    return Workload("unet", 4, shape.products(), data, examples, unet=shape, of_inputs=of_inputs)


_MLP = Workload("mlp", 128, ((1, 784, 512), (1, 512, 256), (1, 256, 10)))
_LARGE = {"imagenet": True, "side": 224, "channels": 3, "classes": 1000}

PROCESSOR: dict[str, Workload] = {
    "mlp": _MLP,
    "cnn": Workload("cnn", 32, ((26 * 26, 3 * 3, 32), (1, 13 * 13 * 32, 10))),
    "lstm": Workload(
        "lstm",
        32,
        ((200, 128, 4 * 64), (200, 64, 4 * 64), (1, 64, 1)),
        made_up_texts,
        embedded=True,
        dropout=True,
    ),
    "resnet18": _residual(Residual((2, 2, 2, 2)), 64, 4_096),
    "unet2d": _unet(UNetShape((128, 128), channels=3, first=1, residual=False), 1_024),
    "unet3d": _unet(UNetShape((48, 64, 48), channels=1, first=2, residual=True), 128),
}
"""What two cores can train."""

ACCELERATOR: dict[str, Workload] = {
    **{f"mlp-x{count}": dataclasses.replace(_MLP, members=count) for count in (8, 32, 64)},
    "resnet18-bf16": dataclasses.replace(
        _residual(Residual((2, 2, 2, 2)), 128, 16_384), bfloat16=True
    ),
    "resnet18-224": dataclasses.replace(
        _residual(Residual((2, 2, 2, 2), **_LARGE), 128, 1_024), bfloat16=True
    ),
    "resnet50-224": dataclasses.replace(
        _residual(Residual((3, 4, 6, 3), bottleneck=True, **_LARGE), 64, 1_024), bfloat16=True
    ),
}
"""What wants an accelerator."""

WORKLOADS = {**PROCESSOR, **ACCELERATOR}
