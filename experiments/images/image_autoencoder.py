"""How well do 32 latent dimensions reconstruct an image? An autoencoder against PCA.

Four of them. The plain and the denoising one begin as the principal components themselves, a linear
encoder and decoder, and learn what these leave over: an MLP beside each. The convolutional and the
variational one begin at random; only the last can draw images. The baseline is scikit-learn's PCA
with as many dimensions, fitted on the same training images.

Settings are chosen with `--evaluate-on validation`: the validation split, or for MNIST, which has
none, the last 10,000 training images, which are then not trained on. The test images are used once
per seed.

    python experiments/images/image_autoencoder.py --dataset mnist --seeds 0 1 2
    python experiments/images/image_autoencoder.py --dataset pneumoniamnist --seeds 0 1 2
    python experiments/images/image_autoencoder.py --dataset mnist --kind convolutional
    python experiments/images/image_autoencoder.py --dataset mnist --kind variational

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.decomposition import PCA

import jaxmed as jm
from jaxmed import models
from jaxmed.data import augment, catalogue
from jaxmed.evaluation.tables import write_predictions
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.models import Network
from jaxmed.tasks.reconstruction import gaussian_noise
from jaxmed.tasks.variational import samples
from jaxmed.typing import Batch, Columns, Key, ModelState, Params, Tree

SHOWN = 12
"""Images in each row of the picture."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: Literal["mnist", "pneumoniamnist"] = "mnist"
    """The data set of images."""
    kind: Literal["plain", "denoising", "convolutional", "variational"] = "plain"
    """Which autoencoder; only the variational one can draw images."""
    evaluate_on: Literal["validation", "test"] = "test"
    """The images that are reconstructed."""
    latent: int = 32
    """Latent dimensions of an image."""
    widths: tuple[int, ...] = (1024, 1024)
    """Units of the encoder's hidden layers, and in reverse of the decoder's."""
    channels: tuple[int, ...] = (32, 64, 128)
    """Channels of the convolutional encoder's stages, and in reverse of its decoder's."""
    noise: float = 0.2
    """Deviation of the denoising autoencoder's noise, on pixels from 0 to 1."""
    shift: int | None = None
    """Largest random shift in training, in pixels; by default 0 for mnist, 2 for pneumoniamnist."""
    learning_rate: float = 1e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    average: float = 0.99
    """Decay per step of the average of the weights."""
    batch_size: int = 64
    """Images per step."""
    steps: int = 6000
    """Training steps."""
    runs: Path = Path("runs/image_autoencoder")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and evaluate once per seed."""
    train, asked = read(settings)
    pca = PCA(settings.latent, svd_solver="full").fit(flat(train["image"]))
    components = pca.inverse_transform(pca.transform(flat(asked["image"])))
    linear = np.square(components - flat(asked["image"])).mean(1)
    task, network = autoencoder(settings, train["image"].shape[1:], pca)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.1)
    optimizer = jm.training.ema(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.average
    )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=settings.steps,
            run=run,
        )

    def after(
        seed: int, directory: Path, trained: jm.Fit, tested: jm.Evaluation
    ) -> dict[str, float]:
        first = jm.data.take_rows(asked, slice(SHOWN))
        rows = {
            f"{settings.evaluate_on} image": flat(first["image"]),
            "PCA": components[:SHOWN],
            settings.kind: jm.predict(trained.model, first)["reconstruction"],
        }
        if settings.kind == "variational":
            key = jax.random.key(seed)
            drawn = samples(network, trained.model, key, count=SHOWN, latent=settings.latent)
            rows["drawn"] = np.asarray(drawn)
        pictures = {name: x.reshape(-1, *asked["image"].shape[1:]) for name, x in rows.items()}
        jm.plots.image_grid(pictures, columns=SHOWN).savefig(directory / "images.png")
        found = {name: tested.predictions[name] for name in ("id", "error")}
        write_predictions(directory / "errors.csv", {**found, "pca_error": linear})
        error = tested.metrics["error"].value
        return {
            "squared_error": error,
            "reduction": 1 - error / float(linear.mean()),
            "PCA/squared_error": float(linear.mean()),
        }

    summary = run_seeds(
        train_once,
        asked,
        settings=settings,
        script=__file__,
        question=f"How well do {settings.latent} latent dimensions reconstruct an image?",
        data="MNIST" if settings.dataset == "mnist" else catalogue.entry(settings.dataset).title,
        recipe=f"{settings.kind} autoencoder, {settings.latent} latent dimensions",
        folder=[settings.dataset, settings.kind],
        split=settings.evaluate_on,
        headline=("squared_error", "reduction", "PCA/squared_error"),
        after=after,
    )
    print(f"{summary['reduction'].mean:.1%} below PCA, {settings.evaluate_on} images")
    return summary


def read(settings: Settings) -> tuple[Columns, Columns]:
    """The images to learn from and those to reconstruct."""
    train, validation, test = jm.data.load(settings.dataset, **settings.places())
    if settings.evaluate_on == "test":
        return jm.data.columns(train), jm.data.columns(test)
    if validation is not None:
        return jm.data.columns(train), jm.data.columns(validation)
    columns, kept = jm.data.columns(train), len(train) - len(train) // 6
    return (
        jm.data.take_rows(columns, slice(kept)),
        jm.data.take_rows(columns, slice(kept, None)),
    )


def autoencoder(settings: Settings, shape: tuple[int, ...], pca: PCA) -> tuple[jm.Task, Network]:
    """What is learned, and the network, with which a variational one can draw images."""
    latent, widths, gelu = settings.latent, settings.widths, jax.nn.gelu
    unit_pixels = jm.data.inputs.unit_pixels
    dense = models.DenseDecoder(shape, widths[::-1], gelu)
    if settings.kind == "variational":  # pixels as shares of black and white
        network: Network = models.VariationalAutoencoder(
            models.MLP(widths, 2 * latent, gelu), dense
        )
        return augmented(jm.tasks.variational(network, inputs=unit_pixels), settings), network
    if settings.kind == "convolutional":
        network = models.Autoencoder(
            models.ImageEncoder(latent, models.ConvStages(settings.channels)),
            models.ImageDecoder(shape, settings.channels[-2::-1]),
        )
        return augmented(jm.tasks.reconstruction(network, inputs=unit_pixels), settings), network
    network = models.Autoencoder(
        models.Sum([models.MLP((), latent), models.MLP(widths, latent, gelu)]),
        models.Sum([models.DenseDecoder(shape), dense]),
    )
    noise = gaussian_noise(settings.noise) if settings.kind == "denoising" else None
    task = jm.tasks.reconstruction(network, inputs=unit_pixels, noise=noise)
    return from_components(augmented(task, settings), pca), network


def augmented(task: jm.Task, settings: Settings) -> jm.Task:
    """The task on images that are shifted at random."""
    shift = settings.shift
    if shift is None:
        shift = 0 if settings.dataset == "mnist" else 2
    change = augment.per_image(augment.random_shift(shift, fill=None))
    return jm.transforms.augmented(task, change) if shift else task


def from_components(task: jm.Task, pca: PCA) -> jm.Task:
    """The same task, whose linear halves begin as the components and whose others add nothing."""
    spread = np.sqrt(pca.explained_variance_)  # the latent numbers begin with variance 1
    linear = {
        "encoder": {
            "kernel": pca.components_.T / spread,
            "bias": -(pca.components_ @ pca.mean_) / spread,
        },
        "decoder": {"kernel": pca.components_ * spread[:, None], "bias": pca.mean_},
    }

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        params, model_state = task.init(key, batch, constants)
        begun: dict[str, Any] = {}
        for half, values in linear.items():
            first, other = (params[half][f"parts_{number}"] for number in (0, 1))
            if half == "decoder":  # a DenseDecoder holds its perceptron
                first, other = first["MLP_0"], other["MLP_0"]
            last = f"Dense_{len(other) - 1}"
            first = {"Dense_0": jax.tree.map(jnp.float32, values)}
            other = {**other, last: jax.tree.map(jnp.zeros_like, other[last])}
            if half == "decoder":
                first, other = {"MLP_0": first}, {"MLP_0": other}
            begun[half] = {"parts_0": first, "parts_1": other}
        return begun, model_state

    return dataclasses.replace(task, init=init)


def flat(images: np.ndarray) -> np.ndarray:
    """Pixels from 0 to 1 [rows, values]."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
