"""The settings of each recipe. They import nothing, so that a command's help is shown at once."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableSettings:
    """Settings of the recipe of tables; the defaults were chosen on validation rows of six tables.

    `fit` and the other functions that take them refuse what they cannot use.

    Attributes:
        fractions: Fractions of the rows for training, validation and test.
        seed: Seed of the split, of the first parameters and of training.
        members: Networks whose predictions are averaged, trained as one program.
        widths: Units of each hidden layer.
        dropout: Fraction of the hidden activations that is dropped in training.
        learning_rate: Learning rate of AdamW.
        weight_decay: Weight decay of AdamW.
        batch_size: Rows per step; by default a thirty-second of the training rows, from 8 to 256.
        epochs: Most epochs of training.
        patience: Epochs without a better validation loss before training stops.
        quantiles: Most pieces into which the range of a number is cut.
    """

    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = 0
    members: int = 8
    widths: tuple[int, ...] = (128, 64)
    dropout: float = 0.3
    learning_rate: float = 5e-4
    weight_decay: float = 1.0
    batch_size: int | None = None
    epochs: int = 100
    patience: int = 12
    quantiles: int = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """Settings of the recipe of images.

    `fit` and the other functions that take them refuse what they cannot use.

    Attributes:
        size: Height and width that images are resized to; by default their median size, at most 64.
        channels: 1 for gray, 3 for color; by default as the files are.
        modality: Modality, such as chest_x_ray, which decides the augmentation; by default small
            shifts.
        fractions: Fractions of the images for training, validation and test.
        seed: Seed of the split, of the first parameters and of training.
        members: Networks whose predictions are averaged, trained as one program.
        widths: Channels of each stage; each but the last halves the sides.
        dropout: Probability of dropping a feature before the linear layer.
        learning_rate: Highest learning rate of the schedule.
        weight_decay: Weight decay of AdamW.
        average: Decay per step of the average of the parameters.
        batch_size: Images per step.
        steps: Least number of training steps.
        least_epochs: Least number of epochs: large folders take more steps.
        patience: Epochs without a better validation loss before training stops.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    modality: str | None = None
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = 0
    members: int = 3
    widths: tuple[int, ...] = (16, 32, 64, 128)
    dropout: float = 0.3
    learning_rate: float = 2e-3
    weight_decay: float = 5e-2
    average: float = 0.98
    batch_size: int = 32
    steps: int = 400
    least_epochs: int = 12
    patience: int = 10
