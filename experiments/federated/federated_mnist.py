"""How well do clients learn digits together that none may hand over?

Ten clients hold the 60,000 training digits, divided evenly (`iid`), by Dirichlet(0.5) proportions
of the classes (`dirichlet`), or with two classes each (`classes`). In each of 50 rounds all train
the server's network on their own digits, and the server takes the mean of their parameters
(FedAvg). The 10,000 test digits are used once per seed. Settings were chosen with `--held-out`: the
last 10,000 training digits then take the place of the test digits, and no client has them.

    python experiments/federated/federated_mnist.py --partition iid --seeds 0 1 2
    python experiments/federated/federated_mnist.py --partition dirichlet --seeds 0 1 2
    python experiments/federated/federated_mnist.py --partition classes --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import flax.linen as nn
import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import federated
from jaxmed.data import augment, inputs
from jaxmed.evaluation import Evaluation
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.models.layers import Bias, Conv, Dropout, max_pool
from jaxmed.typing import Columns

HELD_OUT = 10_000
"""Training digits, the last ones, that stand in for the test digits while settings are chosen."""
SPELLED = {"iid": "IID", "dirichlet": "Dirichlet(0.5)", "classes": "two classes per client"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    partition: Literal["iid", "dirichlet", "classes"] = "iid"
    """How the digits are divided: evenly, by Dirichlet(0.5) proportions, or two classes each."""
    algorithm: Literal["fed_avg", "fed_prox", "fed_adam", "fed_yogi", "scaffold"] = "fed_avg"
    """How the clients learn together."""
    clients: int = 10
    """Clients; all take part in every round."""
    rounds: int = 50
    """Rounds of communication."""
    epochs: int = 1
    """How often a client goes through its digits in a round."""
    batch_size: int = 32
    """Digits of one local step."""
    learning_rate: float = 0.05
    """Of the clients."""
    momentum: float = 0.9
    """Of the clients' SGD, begun anew in each round; SCAFFOLD has none."""
    proximal: float = 0.01
    """Weight of the proximal term of FedProx."""
    server_learning_rate: float = 0.01
    """Of FedAdam and FedYogi."""
    dropout: float = 0.25
    """Probability of dropping a feature before the last two layers."""
    shift: int = 2
    """Largest random shift of a training digit in pixels; 0 shifts none."""
    held_out: bool = False
    """Whether to test on held-out training digits, to choose settings."""
    check_every: int = 10
    """Rounds between two measurements on the held-out digits; with `held_out` only."""
    runs: Path = Path("runs/federated_mnist")
    """The folder in which a new folder is made for this run."""


class DigitCNN(nn.Module):
    """Two 3 x 3 convolutions of 16 and 32 filters with max pools, 128 hidden units."""

    outputs: int
    dropout: float = 0.25

    @nn.compact
    def __call__(
        self, x: jax.Array, *, train: bool = False, mask: jax.Array | None = None
    ) -> jax.Array:
        """[batch, 28, 28, 1] -> [batch, outputs]."""
        del mask
        for features in (16, 32):
            x = Conv(features, (3, 3), padding="VALID", use_bias=False)(x)
            x = jax.nn.relu(Bias()(max_pool(x)))
        x = Dropout(self.dropout)(x.reshape(x.shape[0], -1), train=train)
        x = Dropout(self.dropout)(jax.nn.relu(nn.Dense(128)(x)), train=train)
        return nn.Dense(self.outputs)(x)


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed."""
    every, _, test = jm.data.load("mnist", **settings.places())
    train, tested = jm.data.columns(every), jm.data.columns(test)
    validation = None
    if settings.held_out:
        held_out = min(HELD_OUT, len(every) // 6)
        tested = jm.data.take_rows(train, slice(-held_out, None))
        train = jm.data.take_rows(train, slice(None, -held_out))
        validation = jm.Validation(tested, every=settings.check_every)
    task = digits_task(settings, every.classes)
    algorithm = algorithm_of(settings)
    # Convolutions are fastest one client at a time on a CPU, and padding is then skipped.
    at_once = 1 if jax.default_backend() == "cpu" else None
    cohorts = federated.Cohorts(
        batch_size=settings.batch_size, epochs=settings.epochs, at_once=at_once
    )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return federated.federated_fit(
            task,
            algorithm,
            train,
            partition(settings, train["label"], seed),
            cohorts,
            key=jax.random.key(seed),
            rounds=settings.rounds,
            validation=validation,
            run=run,
        )

    def after(
        seed: int, directory: Path, trained: jm.Fit, evaluation: Evaluation
    ) -> dict[str, float]:
        """How the client is served whose digits the model reads worst, of ten the worst tenth."""
        del directory, trained
        client = partition(settings, train["label"], seed)
        local = local_accuracy(evaluation.predictions, client, train["label"])
        return {"worst_client_accuracy": float(local.min())}

    return run_seeds(
        train_once,
        tested,
        settings=settings,
        script=__file__,
        question="How well do clients learn together which digit this is?",
        data=f"MNIST, {settings.clients} clients, {SPELLED[settings.partition]}",
        recipe=f"CNN 16-32-128, {algorithm.name}, {settings.rounds} rounds of {settings.epochs} "
        f"local epoch{'s' * (settings.epochs > 1)}",
        folder=[settings.partition],
        headline=("accuracy", "worst_client_accuracy"),
        split="held-out training digits" if settings.held_out else "test",
        after=after,
    )


def digits_task(settings: Settings, classes: Sequence[str]) -> jm.Task:
    """Digits from 0 to 1, shifted at random while clients train."""
    network = DigitCNN(outputs=10, dropout=settings.dropout)
    task = jm.tasks.classification(network, classes=classes, inputs=inputs.unit_pixels)
    if not settings.shift:
        return task
    return jm.transforms.augmented(task, augment.per_image(augment.random_shift(settings.shift)))


def algorithm_of(settings: Settings) -> federated.Algorithm:
    """The algorithm with its optimizers."""
    local = optax.sgd(settings.learning_rate, settings.momentum or None)
    if settings.algorithm == "fed_prox":
        return federated.fed_prox(local, proximal=settings.proximal)
    if settings.algorithm == "fed_adam":
        return federated.fed_adam(local, learning_rate=settings.server_learning_rate)
    if settings.algorithm == "fed_yogi":
        return federated.fed_yogi(local, learning_rate=settings.server_learning_rate)
    if settings.algorithm == "scaffold":
        return federated.scaffold(learning_rate=settings.learning_rate)
    return federated.fed_avg(local)


def partition(settings: Settings, label: np.ndarray, seed: int) -> np.ndarray:
    """The client of each digit."""
    if settings.partition == "dirichlet":
        least = min(10, len(label) // (2 * settings.clients))
        return federated.dirichlet_partition(
            label, settings.clients, alpha=0.5, seed=seed, least=least
        )
    if settings.partition == "classes":
        return federated.class_partition(label, settings.clients, classes=2, seed=seed)
    return federated.iid_partition(len(label), settings.clients, seed=seed)


def local_accuracy(predictions: Columns, client: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The accuracy that each client sees: of test digits in the proportions of its own classes.

    Args:
        predictions: of the test digits.
        client: of each training digit.
        label: of each training digit.

    Returns:
        [clients].
    """
    right = predictions["probabilities"].argmax(1) == predictions["label"]
    of_class = np.array([right[predictions["label"] == digit].mean() for digit in range(10)])
    own = np.zeros((client.max() + 1, 10))
    np.add.at(own, (client, label), 1)
    return own @ of_class / own.sum(1)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
