"""A U-Net's configuration from what is known of the images, by the rules of nnU-Net."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from jaxmed import checks
from jaxmed.models.unet import UNet

_SMALLEST = 4
"""Voxels that a feature map keeps along each axis."""
_BYTES = 4
"""Of one float32."""
_COPIES = 2.0
"""Arrays per feature map that a gradient keeps; 1.7 measured where XLA computes convolutions."""


@dataclasses.dataclass(frozen=True)
class UNetPlan:
    """What `unet_plan` derives.

    Attributes:
        patch: sides that are trained on, multiples of the product of the strides of each axis.
        batch_size: patches per step.
        widths: channels of each stage, the finest first.
        strides: of each stage, one number per axis; those of the first stage are 1.
    """

    patch: tuple[int, ...]
    batch_size: int
    widths: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]

    def network(self, outputs: int, **options: Any) -> UNet:
        """The network of the plan.

        Args:
            outputs: logits of each voxel: one per class.
            options: other attributes of `UNet`, such as `residual` or `deep_supervision`.
        """
        return UNet(outputs, self.widths, self.strides, **options)


def unet_plan(
    shape: Sequence[int],
    spacing: Sequence[float],
    *,
    outputs: int,
    memory: float,
    cases: int | None = None,
    width: int = 32,
    max_width: int | None = None,
) -> UNetPlan:
    """A configuration of `UNet` for images of one kind, without a search.

    The rules follow Isensee et al. 2021, supplementary note 2, rule-based parameters:

    1. **Stages.** The first stage has the size of the patch. An axis is halved by the next stage if
       at least 4 voxels remain. Axes whose voxels are more than twice as long as the shortest ones
       among the axes that can still be halved wait until those have caught up, so that voxels of
       coarse stages are nearly cubes. Stages are added until no axis can be halved.
    2. **Widths.** `width` channels, doubled per stage up to `max_width`.
    3. **Patch.** It starts at the median shape, rounded up so that the strides divide it. While two
       patches do not fit into the memory, the axis that is largest relative to the median shape
       (of equal ones the last) is shortened by the product of its strides, and the stages are
       derived anew.
    4. **Batch.** As many patches as fit, at least 2. With `cases`, a batch has at most 5 % of the
       voxels of the training set, so that an epoch still has many steps.

    Memory is estimated as the sum of all feature maps x 4 bytes x 2, see `activation_bytes`; what
    parameters and the optimizer need comes on top. In bfloat16 (`models.in_dtype`), pass twice the
    memory. Two things differ from nnU-Net: kernels have the side 3 along every axis, also where
    slices are thick, and there is no cascade of resolutions.

    Args:
        shape: median shape of the images after resampling, in voxels: [height, width] or
            [depth, height, width].
        spacing: mm per voxel along each axis.
        outputs: number of classes.
        memory: bytes for the activations of one step, above 0.
        cases: images of the training split; by default the batch grows whatever their number is.
        width: channels of the first stage.
        max_width: largest number of channels; by default 512 for images and 320 for volumes.

    Returns:
        The plan; `plan.network(outputs)` is its network.

    Raises:
        ValueError: if an argument lies outside its range, or no patch fits into the memory.

    Example:
        >>> plan = unet_plan((36, 50, 35), (1, 1, 1), outputs=3, memory=8e9, cases=260)
        >>> plan.patch, plan.batch_size, plan.widths
        ((40, 56, 40), 9, (32, 64, 128, 256))

    References:
        Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image
        segmentation, Nature Methods 18, 2021.
    """
    shape = checks.wholes("shape", shape)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"shape is {shape}, but must have 2 or 3 axes: leave out those of rows and channels."
        )
    steps = _spacing(spacing, len(shape))
    outputs = checks.whole("outputs", outputs)
    checks.positive("memory", memory)
    cases = None if cases is None else checks.whole("cases", cases)
    most = 512 if len(shape) == 2 else 320
    most = most if max_width is None else checks.whole("max_width", max_width)
    width = checks.whole("width", width)
    if width > most:
        raise ValueError(f"width is {width}, but must be at most max_width, which is {most}.")

    patch: tuple[int, ...] | None = shape
    while patch is not None:
        strides = _strides(patch, steps)
        divisors = [math.prod(of_axis) for of_axis in zip(*strides, strict=True)]
        patch = tuple(-(-n // by) * by for n, by in zip(patch, divisors, strict=True))
        widths = tuple(min(width * 2**stage, most) for stage in range(len(strides)))
        each = activation_bytes(patch, widths, strides, outputs=outputs)
        if 2 * each <= memory:
            batch_size = _batch_size(int(memory // each), patch, shape, cases)
            return UNetPlan(patch, batch_size, widths, strides)
        smallest, patch = patch, _shortened(patch, shape, divisors)
    raise ValueError(
        f"memory is {memory}, but must be at least {2 * each:,} bytes for two patches of "
        f"{smallest} voxels: allow more, or reduce width."
    )


def activation_bytes(
    patch: Sequence[int],
    widths: Sequence[int],
    strides: Sequence[Sequence[int]],
    *,
    outputs: int,
) -> int:
    """Estimated memory of the activations of one patch in a training step, in bytes.

    2 x 4 bytes x (voxels x outputs + the sum over stages of voxels x width x maps). The coarsest
    stage has 2 maps, those of its convolutions. Every other stage has 7: 2 of the encoder, 2 of the
    decoder, the enlarged one, and this joined with that of the encoder, which is twice as wide.

    The factor 2 covers the 1.7 that XLA itself accounts for (`memory_analysis`) in the gradients of
    networks of 2 and 3 dimensions on accelerators' convolutions; the forms of convolution on a CPU
    take 2.8 (volumes) to 4.8 (images of few channels) in place of 1.7. `residual` adds to it.

    Args:
        patch: sides, in voxels.
        widths: channels of each stage.
        strides: of each stage, one number per axis.
        outputs: number of classes.
    """
    values, sides = outputs * math.prod(patch), tuple(patch)
    for stage, (width, stride) in enumerate(zip(widths, strides, strict=True), 1):
        sides = tuple(n // by for n, by in zip(sides, stride, strict=True))
        maps = 2 if stage == len(widths) else 7
        values += maps * width * math.prod(sides)
    return math.ceil(_COPIES * _BYTES * values)


def _spacing(spacing: Any, axes: int) -> tuple[float, ...]:
    found = checks.sequence("spacing", spacing, "numbers")
    for axis, step in enumerate(found):
        checks.positive(f"spacing[{axis}]", step)
    if len(found) != axes:
        raise ValueError(
            f"spacing has {len(found)} numbers, but must have one for each of the {axes} axes of "
            "shape."
        )
    return tuple(float(step) for step in found)


def _strides(patch: Sequence[int], spacing: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Rule 1."""
    sides, steps = [float(n) for n in patch], list(spacing)
    strides = [(1,) * len(sides)]
    while True:
        halved = [axis for axis, side in enumerate(sides) if side >= 2 * _SMALLEST]
        if not halved:
            return tuple(strides)
        finest = min(steps[axis] for axis in halved)
        stride = tuple(
            2 if axis in halved and step <= 2 * finest else 1 for axis, step in enumerate(steps)
        )
        sides = [side / by for side, by in zip(sides, stride, strict=True)]
        steps = [step * by for step, by in zip(steps, stride, strict=True)]
        strides.append(stride)


def _shortened(
    patch: Sequence[int], median: Sequence[int], divisors: Sequence[int]
) -> tuple[int, ...] | None:
    """Rule 3; None where no axis can be shortened."""
    possible = [
        axis
        for axis, (n, by) in enumerate(zip(patch, divisors, strict=True))
        if n - by >= _SMALLEST
    ]
    if not possible:
        return None
    longest = max(possible, key=lambda axis: (patch[axis] / median[axis], axis))
    return tuple(
        n - by if axis == longest else n
        for axis, (n, by) in enumerate(zip(patch, divisors, strict=True))
    )


def _batch_size(fits: int, patch: Sequence[int], shape: Sequence[int], cases: int | None) -> int:
    """Rule 4."""
    if cases is None:
        return fits
    voxels = cases * math.prod(shape)
    return max(2, min(fits, int(voxels // (20 * math.prod(patch)))))
