"""The settings of each recipe. They import nothing, so that a command's help is shown at once."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSettings:
    """Settings of the recipe of tables; the defaults were chosen on validation rows of six tables.

    `fit` and the other functions that take them refuse what they cannot use.
    """

    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    """Fractions of the rows for training, validation and test."""
    seed: int = 0
    """Seed of the split, of the first parameters and of training."""
    members: int = 8
    """Networks whose predictions are averaged, trained as one program."""
    widths: tuple[int, ...] = (128, 64)
    """Units of each hidden layer."""
    dropout: float = 0.3
    """Fraction of the hidden activations that is dropped in training."""
    learning_rate: float = 5e-4
    """Learning rate of AdamW."""
    weight_decay: float = 1.0
    """Weight decay of AdamW."""
    batch_size: int | None = None
    """Rows per step; by default a thirty-second of the training rows, from 8 to 256."""
    epochs: int = 100
    """Most epochs of training."""
    patience: int = 12
    """Epochs without a better validation loss before training stops."""
    quantiles: int = 16
    """Most pieces into which the range of a number is cut."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """Settings of the recipe of images.

    `fit` and the other functions that take them refuse what they cannot use.
    """

    size: tuple[int, int] | None = None
    """Height and width that images are resized to; by default their median size, at most 64."""
    channels: int | None = None
    """1 for gray, 3 for color; by default as the files are."""
    modality: str | None = None
    """Modality, such as chest_x_ray, which decides the augmentation; by default small shifts."""
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    """Fractions of the images for training, validation and test."""
    seed: int = 0
    """Seed of the split, of the first parameters and of training."""
    members: int = 3
    """Networks whose predictions are averaged, trained as one program."""
    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Channels of each stage; each but the last halves the sides."""
    dropout: float = 0.3
    """Probability of dropping a feature before the linear layer."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 5e-2
    """Weight decay of AdamW."""
    average: float = 0.98
    """Decay per step of the average of the parameters."""
    batch_size: int = 32
    """Images per step."""
    steps: int = 400
    """Least number of training steps."""
    least_epochs: int = 12
    """Least number of epochs: large folders take more steps."""
    patience: int = 10
    """Epochs without a better validation loss before training stops."""
