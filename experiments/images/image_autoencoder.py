"""How much of an image do 32 numbers keep? An autoencoder beside principal components.

Four of them. The plain and the denoising one begin as the principal components themselves, a
linear encoder and decoder, and learn what they leave over: a perceptron beside each. The
convolutional and the variational one begin at random; only from the last can images be drawn.
Beside each error stands that of scikit-learn's PCA with as many numbers, fitted on the same
training images.

Settings are chosen with `--evaluate-on validation`: the validation split, or of MNIST, which has
none, the last 10,000 training images, which are then not trained on. The test images are looked at
once a seed.

    python experiments/image_autoencoder.py --dataset mnist --seeds 0 1 2
    python experiments/image_autoencoder.py --dataset pneumoniamnist --seeds 0 1 2
    python experiments/image_autoencoder.py --dataset mnist --kind convolutional --seeds 0 1 2
    python experiments/image_autoencoder.py --dataset mnist --kind variational --seeds 0 1 2

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxmed.models.backbone import ConvStages
from sklearn.decomposition import PCA

from jaxmed.data import catalogue, inputs, source
from jaxmed.data.augment import image
from jaxmed.evaluation.evaluate import predict, write_predictions
from jaxmed.experiment import command_line, seeds
from jaxmed.models import MLP
from jaxmed.models.autoencoder import (
    Autoencoder,
    DenseDecoder,
    ImageDecoder,
    ImageEncoder,
    Sum,
    VariationalAutoencoder,
)
from jaxmed.plots.images import image_rows
from jaxmed.runs import record
from jaxmed.tasks import Network, Task, reconstruction
from jaxmed.training import ema
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Batch, Columns, Key, ModelState, Params, Transform

SHOWN = 12
"""Images in each row of the picture."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    dataset: Literal["mnist", "pneumoniamnist"] = "mnist"
    """Whose images."""
    kind: Literal["plain", "denoising", "convolutional", "variational"] = "plain"
    """Which autoencoder; only the variational one can be drawn from."""
    evaluate_on: Literal["validation", "test"] = "test"
    """The images that are rebuilt; of mnist, validation is the end of the training split."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    latent: int = 32
    """Numbers that an image becomes."""
    widths: tuple[int, ...] = (1024, 1024)
    """Units of the encoder's hidden layers, and in reverse of the decoder's."""
    channels: tuple[int, ...] = (32, 64, 128)
    """Of the convolutional encoder's stages, and in reverse but the last of its decoder's."""
    noise: float = 0.2
    """Deviation of the denoising autoencoder's noise, on pixels from 0 to 1."""
    shift: int | None = None
    """Largest random shift in training, in pixels; by default 0 for mnist, 2 for pneumoniamnist."""
    learning_rate: float = 1e-3
    """The highest of the schedule."""
    weight_decay: float = 1e-2
    """Of AdamW."""
    average: float = 0.99
    """Decay of the average of the weights, a step."""
    batch_size: int = 64
    """Images a step."""
    steps: int = 6000
    """Of training."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/image_autoencoder")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and evaluate once a seed; the mean and deviation of the errors come back."""
    train, asked = read(settings)
    pca = PCA(settings.latent, svd_solver="full").fit(_flat(train["image"]))
    rebuilt = pca.inverse_transform(pca.transform(_flat(asked["image"])))
    linear_errors = np.square(rebuilt - _flat(asked["image"])).mean(1)
    task, network = autoencoder(settings, train, pca)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.1)
    optimizer = ema.averaged(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.average
    )
    epochs = -(-settings.steps // -(-len(train["label"]) // settings.batch_size))
    folder = record.new_run(settings.runs / settings.dataset / settings.kind)
    title = f"{settings.dataset}, {settings.kind}, {settings.latent} numbers"
    found: dict[str, list[float]] = {}
    for seed in settings.seeds:
        directory = folder / f"seed-{seed}"
        record.describe_run(directory, settings)
        trained = fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=epochs,
            steps=settings.steps,
            directory=directory,
            track=[record.progress(epochs)],
        )
        outputs = predict(task, trained.params, trained.model_state, asked)
        rows = {
            f"{settings.evaluate_on} image": _flat(asked["image"][:SHOWN]),
            "PCA": rebuilt[:SHOWN],
            settings.kind: outputs["reconstruction"][:SHOWN],
        }
        if settings.kind == "variational":
            rows["drawn"] = drawn(settings, network, trained, seed)
        pictures = {
            name: images.reshape(-1, *asked["image"].shape[1:]) for name, images in rows.items()
        }
        image_rows(pictures, columns=SHOWN).savefig(directory / "images.png")
        errors = {"error": outputs["error"], "pca_error": linear_errors}
        number = {"id": np.arange(len(rebuilt))}
        write_predictions(directory / "errors.csv", number | errors)
        values = means(outputs, linear_errors)
        for name, value in values.items():
            found.setdefault(name, []).append(value)
        print(
            f"{title}, seed {seed}: {settings.evaluate_on} mean squared error "
            f"{values['error']:.5f}, PCA {values['pca_error']:.5f}, {values['below_pca']:.1%} "
            f"below it; {sum(row['seconds'] for row in trained.history):.0f} s\n"
            f"images: {directory / 'images.png'}"
        )
    summary = {name: seeds.mean_and_deviation(each) for name, each in found.items()}
    print(seeds.table(summary, len(settings.seeds), digits=5))
    mean, deviation = summary["below_pca"]
    print(f"{title}: {mean:.1%} ± {deviation:.1%} below PCA, {settings.evaluate_on} images")
    return summary


def means(outputs: Columns, linear_errors: np.ndarray) -> dict[str, float]:
    """Over the rebuilt images: our error, that of PCA, how far ours is below, and any ELBO."""
    error, linear = float(outputs["error"].mean()), float(linear_errors.mean())
    found = {"error": error, "pca_error": linear, "below_pca": 1 - error / linear}
    return found | ({"elbo": float(outputs["elbo"].mean())} if "elbo" in outputs else {})


def drawn(settings: Settings, network: Network, trained: Fit, seed: int) -> np.ndarray:
    """Images drawn from the prior of a variational autoencoder."""
    return np.asarray(
        reconstruction.samples(
            network,
            trained.params,
            trained.model_state,
            jax.random.key(seed),
            count=SHOWN,
            latent=settings.latent,
        )
    )


def read(settings: Settings) -> tuple[Columns, Columns]:
    """The images to learn from and those to rebuild."""
    learned, asked = "train", settings.evaluate_on
    if settings.dataset == "mnist" and asked == "validation":
        learned, asked = "train[:50000]", "train[50000:]"
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, rest = (
        source.columns(catalogue.open_split(settings.dataset, split, **places))
        for split in (learned, asked)
    )
    return train, rest


def autoencoder(settings: Settings, train: Columns, pca: PCA) -> tuple[Task, Network]:
    """What is learned, and the network, of which a variational one can be drawn from."""
    shape, latent, widths = train["image"].shape[1:], settings.latent, settings.widths
    common = {"inputs": inputs.unit_pixels, "augment": _moved(settings)}
    if settings.kind == "variational":  # pixels as shares of black and white
        network: Network = VariationalAutoencoder(
            MLP(widths, 2 * latent, jax.nn.gelu), DenseDecoder(shape, widths[::-1], jax.nn.gelu)
        )
        return reconstruction.variational(network, **common), network
    if settings.kind == "convolutional":
        network = Autoencoder(
            ImageEncoder(latent, ConvStages(settings.channels)),
            ImageDecoder(shape, settings.channels[-2::-1]),
        )
        return reconstruction.reconstruction(network, **common), network
    network = Autoencoder(
        Sum([MLP((), latent), MLP(widths, latent, jax.nn.gelu)]),
        Sum([DenseDecoder(shape), DenseDecoder(shape, widths[::-1], jax.nn.gelu)]),
    )
    corrupt = reconstruction.gaussian_noise(settings.noise)
    noise = corrupt if settings.kind == "denoising" else None
    return from_components(
        reconstruction.reconstruction(network, noise=noise, **common), pca
    ), network


def from_components(task: Task, pca: PCA) -> Task:
    """The same task, whose linear halves begin as the components and whose others add nothing."""
    spread = np.sqrt(pca.explained_variance_)  # the latent numbers begin with variance 1
    linear = {
        "encoder": {
            "kernel": pca.components_.T / spread,
            "bias": -(pca.components_ @ pca.mean_) / spread,
        },
        "decoder": {"kernel": pca.components_ * spread[:, None], "bias": pca.mean_},
    }

    def init(key: Key, batch: Batch) -> tuple[Params, ModelState]:
        params, model_state = task.init(key, batch)
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


def _moved(settings: Settings) -> Transform | None:
    shift = settings.shift
    if shift is None:
        shift = 0 if settings.dataset == "mnist" else 2
    return image.each_image(image.random_shift(shift, fill=None)) if shift else None


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
