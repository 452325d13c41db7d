"""The U-Nets of `speed.py` as the users of its peers write them."""

from __future__ import annotations

from typing import Any

from workloads import UNetShape


def torch_unet(kind: UNetShape) -> Any:
    """A `torch.nn.Module` of float images or volumes, channels first: the network of jaxmed."""
    import torch
    from torch import nn

    volumes = len(kind.sides) == 3
    convolution = nn.Conv3d if volumes else nn.Conv2d
    enlarging = nn.ConvTranspose3d if volumes else nn.ConvTranspose2d
    norm = nn.InstanceNorm3d if volumes else nn.InstanceNorm2d
    pool = nn.AvgPool3d if volumes else nn.AvgPool2d

    class Stage(nn.Module):
        def __init__(self, before: int, width: int, stride: int = 1):
            super().__init__()
            self.convolved = nn.Sequential(
                convolution(before, width, 3, stride, 1, bias=False),
                norm(width, affine=True),
                nn.LeakyReLU(0.01, True),
                convolution(width, width, 3, 1, 1, bias=False),
                norm(width, affine=True),
            )
            layers = [] if stride == 1 else [pool(stride)]
            layers += [] if before == width else [convolution(before, width, 1, bias=False)]
            self.shortcut = nn.Sequential(*layers) if kind.residual else None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found = self.convolved(x)
            found = found if self.shortcut is None else found + self.shortcut(x)
            return nn.functional.leaky_relu_(found, 0.01)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            befores = (kind.channels, *kind.widths[:-1])
            stages = zip(befores, kind.widths, kind.strides, strict=True)
            self.encoder = nn.ModuleList(Stage(*stage) for stage in stages)
            pairs = list(zip(kind.widths[1:], kind.widths[:-1], strict=True))[::-1]
            self.up = nn.ModuleList(enlarging(deep, width, 2, 2) for deep, width in pairs)
            self.decoder = nn.ModuleList(Stage(2 * width, width) for _, width in pairs)
            self.head = enlarging(kind.widths[0], kind.classes, kind.first, kind.first)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            skips = []
            for stage in self.encoder:
                x = stage(x)
                skips.append(x)
            x = skips.pop()
            for up, stage in zip(self.up, self.decoder, strict=True):
                x = stage(torch.cat([up(x), skips.pop()], 1))
            return self.head(x)

    return Network()


def monai_unet(kind: UNetShape) -> Any:
    """MONAI's `UNet` with residual units; its stages but the last halve the sides."""
    from monai.networks.nets import UNet

    return UNet(
        spatial_dims=len(kind.sides),
        in_channels=kind.channels,
        out_channels=kind.classes,
        channels=kind.widths,
        strides=(2,) * (len(kind.widths) - 1),
        num_res_units=2,
    )
