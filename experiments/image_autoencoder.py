"""How much of an image do 32 numbers keep? An autoencoder beside principal components.

The autoencoder begins as the principal components themselves, a linear encoder and decoder, and
learns what they leave over: a perceptron beside each. The network sees the training images moved
by a pixel or two. The test images are looked at once a seed; beside each error stands that of
scikit-learn's PCA with as many numbers, fitted on the same training images.

    python experiments/image_autoencoder.py --dataset mnist
    python experiments/image_autoencoder.py --dataset pneumoniamnist
    python experiments/image_autoencoder.py --dataset mnist --kind variational

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
import tyro
from sklearn.decomposition import PCA

from jaxmed import reconstruction
from jaxmed.data import catalogue, image, inputs, source
from jaxmed.evaluation.evaluate import predict, write_predictions
from jaxmed.models import MLP
from jaxmed.models.autoencoder import Autoencoder, DenseDecoder, Sum, VariationalAutoencoder
from jaxmed.plots.images import image_rows
from jaxmed.tasks import Task
from jaxmed.training import averaging, tracking
from jaxmed.training.fit import fit
from jaxmed.typing import Batch, Columns, Key, ModelState, Params, Transform


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    dataset: Literal["mnist", "pneumoniamnist"] = "mnist"
    """Whose images."""
    kind: Literal["plain", "denoising", "variational"] = "plain"
    """Which autoencoder; only the variational one can be drawn from."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    latent: int = 32
    """Numbers that an image becomes."""
    widths: tuple[int, ...] = (1024, 1024)
    """Units of the encoder's hidden layers, and in reverse of the decoder's."""
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


def autoencoding(settings: Settings, train: Columns, pca: PCA) -> Task:
    """Plain or denoising, from the principal components on."""
    shape = train["image"].shape[1:]
    network = Autoencoder(
        Sum([MLP((), settings.latent), MLP(settings.widths, settings.latent, jax.nn.gelu)]),
        Sum([DenseDecoder(shape), DenseDecoder(shape, settings.widths[::-1], jax.nn.gelu)]),
    )
    corrupt = reconstruction.gaussian_noise(settings.noise)
    task = reconstruction.reconstruction(
        network,
        inputs=inputs.unit_pixels,
        noise=corrupt if settings.kind == "denoising" else None,
        augment=_moved(settings),
    )
    return from_components(task, pca)


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


def variational(settings: Settings, train: Columns) -> tuple[Task, VariationalAutoencoder]:
    """With pixels as shares of black and white, and the network to draw samples with."""
    network = VariationalAutoencoder(
        MLP(settings.widths, 2 * settings.latent, jax.nn.gelu),
        DenseDecoder(train["image"].shape[1:], settings.widths[::-1], jax.nn.gelu),
    )
    task = reconstruction.variational(network, inputs=inputs.unit_pixels, augment=_moved(settings))
    return task, network


def _moved(settings: Settings) -> Transform | None:
    shift = settings.shift
    if shift is None:
        shift = 0 if settings.dataset == "mnist" else 2
    return image.each_image(image.random_shift(shift, fill=None)) if shift else None


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of the errors come back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, test = (
        source.columns(catalogue.open_split(settings.dataset, split, **places))
        for split in ("train", "test")
    )
    pca = PCA(settings.latent, svd_solver="full").fit(_flat(train["image"]))
    flat = _flat(test["image"])
    rebuilt = pca.inverse_transform(pca.transform(flat))
    linear_errors = np.square(rebuilt - flat).mean(1)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate, pct_start=0.1)
    optimizer = averaging.averaged(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.average
    )
    epochs = -(-settings.steps // -(-len(train["label"]) // settings.batch_size))
    folder = tracking.new_run(settings.runs / settings.dataset / settings.kind)
    found: dict[str, list[float]] = {}
    for seed in settings.seeds:
        directory = folder / f"seed-{seed}"
        tracking.describe_run(directory, settings)
        network = None
        if settings.kind == "variational":
            task, network = variational(settings, train)
        else:
            task = autoencoding(settings, train, pca)
        trained = fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=epochs,
            steps=settings.steps,
            directory=directory,
            track=[tracking.progress(epochs)],
        )
        outputs = predict(task, trained.params, trained.model_state, test)
        rows = {
            "test image": inputs.unit_pixels(test),
            f"PCA, {settings.latent} numbers": rebuilt.reshape(test["image"].shape),
            f"{settings.kind}, as many": outputs["reconstruction"],
        }
        if network is not None:
            found.setdefault("elbo", []).append(float(outputs["elbo"].mean()))
            rows["sample"] = reconstruction.samples(
                network, trained.params, trained.model_state, jax.random.key(seed),
                count=12, latent=settings.latent,
            )  # fmt: skip
        pictures = {name: np.asarray(images[:12]) for name, images in rows.items()}
        image_rows(pictures).savefig(directory / "images.png")
        errors = {"error": outputs["error"], "pca_error": linear_errors}
        number = {"id": np.arange(len(flat))}
        write_predictions(directory / "errors.csv", number | errors)
        for name, values in errors.items():
            found.setdefault(name, []).append(float(values.mean()))
        share = 1 - found["error"][-1] / found["pca_error"][-1]
        found.setdefault("below_pca", []).append(share)
        print(
            f"{settings.dataset}, {settings.kind}, seed {seed}: test mean squared error "
            f"{found['error'][-1]:.5f}, PCA {found['pca_error'][-1]:.5f}, {share:.1%} below it; "
            f"{sum(row['seconds'] for row in trained.history):.0f} s\npage: {directory}"
        )
    summary = {
        name: (float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else 0.0)
        for name, v in found.items()
    }
    for name, (mean, deviation) in summary.items():
        print(f"  {name}  {mean:.5f} ± {deviation:.5f}")
    return summary


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
