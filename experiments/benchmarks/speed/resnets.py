"""The residual networks of `speed.py` as the users of its peers write them."""

from __future__ import annotations

from typing import Any

from workloads import Residual


def keras_resnet(kind: Residual) -> Any:
    """A `keras.Model` of float images with channels last."""
    import keras
    from keras import layers

    def convolved(x: Any, features: int, window: int, stride: int = 1) -> Any:
        if window > 1:
            x = layers.ZeroPadding2D(window // 2)(x)
        x = layers.Conv2D(features, window, stride, use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)

    entry = keras.Input((kind.side, kind.side, kind.channels))
    x = layers.ReLU()(convolved(entry, 64, *((7, 2) if kind.imagenet else (3, 1))))
    if kind.imagenet:
        x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for stage, depth in enumerate(kind.depths):
        width = 64 * 2**stage
        for block in range(depth):
            stride = 2 if stage and not block else 1
            if kind.bottleneck:
                y = layers.ReLU()(convolved(x, width, 1))
                y = layers.ReLU()(convolved(y, width, 3, stride))
                y = convolved(y, 4 * width, 1)
            else:
                y = layers.ReLU()(convolved(x, width, 3, stride))
                y = convolved(y, width, 3)
            if stride > 1 or x.shape[-1] != y.shape[-1]:
                x = convolved(x, y.shape[-1], 1, stride)
            x = layers.ReLU()(layers.Add()([x, y]))
    logits = layers.Dense(kind.classes, dtype="float32")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(entry, logits)


def torch_resnet(kind: Residual) -> Any:
    """A `torch.nn.Module` of float images with channels first."""
    import torch
    from torch import nn

    def convolved(before: int, features: int, window: int, stride: int = 1) -> nn.Sequential:
        convolution = nn.Conv2d(before, features, window, stride, window // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(features))

    class Block(nn.Module):
        def __init__(self, before: int, width: int, stride: int):
            super().__init__()
            wide = 4 * width if kind.bottleneck else width
            if kind.bottleneck:
                parts = [convolved(before, width, 1), nn.ReLU(True)]
                parts += [convolved(width, width, 3, stride), nn.ReLU(True)]
                parts += [convolved(width, wide, 1)]
            else:
                parts = [convolved(before, width, 3, stride), nn.ReLU(True)]
                parts += [convolved(width, width, 3)]
            self.branch = nn.Sequential(*parts)
            same = stride == 1 and before == wide
            self.shortcut = nn.Identity() if same else convolved(before, wide, 1, stride)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu_(self.shortcut(x) + self.branch(x))

    window, stride = (7, 2) if kind.imagenet else (3, 1)
    layers = [convolved(kind.channels, 64, window, stride), nn.ReLU(True)]
    layers += [nn.MaxPool2d(3, 2, 1)] if kind.imagenet else []
    before = 64
    for stage, depth in enumerate(kind.depths):
        width = 64 * 2**stage
        for block in range(depth):
            layers.append(Block(before, width, 2 if stage and not block else 1))
            before = 4 * width if kind.bottleneck else width
    ending = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, kind.classes)]
    return nn.Sequential(*layers, *ending)
