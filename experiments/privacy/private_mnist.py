"""Which digit is this, if no training digit may be recognized in the model?

DP-SGD with momentum on a small convolutional network with tanh (Papernot et al. 2021: bounded
activations suit clipping), for a target epsilon at delta 1e-5, accounted by PLD for one digit more
or less. Pixels are scaled by fixed numbers, so nothing is counted from private digits. Choose
settings with `--held-out`, on the last 10,000 training digits. On private data that choice would
have to be charged, too: epsilon here, as in publications, is that of the final training only.

    python experiments/privacy/private_mnist.py --epsilon 3 --seeds 0 1 2
    python experiments/privacy/private_mnist.py --epsilon 2.3 --seeds 0 1 2
    python experiments/privacy/private_mnist.py --epsilon 3 --held-out

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmed as jm
from jaxmed import privacy
from jaxmed.data import inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

HELD_OUT = 10_000
"""Training digits on which settings are chosen."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    epsilon: float = 3.0
    """Epsilon that the whole training spends, by PLD."""
    delta: float = 1e-5
    """Probability with which the bound by epsilon may fail."""
    batch_size: int = 2048
    """Expected digits per step."""
    epochs: float = 40.0
    """How often each digit is expected to be drawn."""
    clip: float = 0.1
    """Bound of the norm of the gradient of a digit."""
    learning_rate: float = 4.0
    """Learning rate of SGD with momentum 0.9."""
    held_out: bool = False
    """Score held-out training digits instead of the test split, to choose settings."""
    microbatch: int = 32
    """Digits whose gradients are in memory at the same time."""
    runs: Path = Path("runs/private_mnist")
    """The folder in which a new folder is made for this run."""


class TanhCNN(nn.Module):
    """Two convolutions with tanh and max pools, and two dense layers: 26,010 parameters.

    Attributes:
        outputs: logits of the classes.
    """

    outputs: int = 10

    @nn.compact
    def __call__(
        self, x: jax.Array, *, train: bool = False, mask: jax.Array | None = None
    ) -> jax.Array:
        """[batch, 28, 28, 1] -> [batch, outputs]."""
        del train, mask
        x = jnp.tanh(nn.Conv(16, (8, 8), (2, 2), padding=((3, 3), (3, 3)))(x))
        x = nn.max_pool(x, (2, 2), (1, 1))
        x = jnp.tanh(nn.Conv(32, (4, 4), (2, 2), padding="VALID")(x))
        x = nn.max_pool(x, (2, 2), (1, 1))
        x = jnp.tanh(nn.Dense(32)(x.reshape(x.shape[0], -1)))
        return nn.Dense(self.outputs)(x)


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train privately and test once per seed."""
    train, _, test = jm.data.load("mnist", **settings.places())
    classes, columns = train.classes, jm.data.columns(train)
    if settings.held_out:
        test = rows_of(columns, slice(-HELD_OUT, None))
        columns = rows_of(columns, slice(None, -HELD_OUT))
    units = len(columns["label"])
    mechanism = privacy.dp_sgd(
        units=units,
        batch_size=settings.batch_size,
        steps=max(1, round(settings.epochs * units / settings.batch_size)),
        epsilon=settings.epsilon,
        delta=settings.delta,
        clip=settings.clip,
        microbatch=settings.microbatch,
    )
    spent = mechanism.epsilon()
    task = jm.tasks.classification(TanhCNN(), classes=classes, inputs=inputs.unit_pixels)
    optimizer = optax.sgd(settings.learning_rate, momentum=0.9)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        key = jax.random.key(seed)
        return privacy.private_fit(task, optimizer, columns, mechanism, key=key, run=run)

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which digit is this, if no training digit may be recognized in the model?",
        data="MNIST, held-out training digits" if settings.held_out else "MNIST",
        recipe=f"CNN with tanh, DP-SGD, epsilon {spent:.2f} (PLD) at delta {settings.delta:g}",
        folder=[f"epsilon_{settings.epsilon:g}" + ("_held_out" if settings.held_out else "")],
        headline=("accuracy", "auroc"),
    )


def rows_of(columns: Columns, rows: slice) -> dict[str, np.ndarray]:
    """Some rows of all columns."""
    return {name: column[rows] for name, column in columns.items()}


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
