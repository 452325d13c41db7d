"""Can pneumonia be found by someone who has only ever seen normal chests?

Everything here is trained on the normal chest X-rays of PneumoniaMNIST's training split and on no
other. Each row is a score of strangeness: AUROC against pneumonia on the validation split, by whose
mean to choose, and on the test split, which comes from later patients and differs more. Networks
are trained once a seed; the baselines need none.

    python experiments/chest_anomaly.py

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np
import optax
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from jaxmed.evaluation import anomaly
from jaxmed.tasks import contrastive, reconstruction
from jaxmed.experiment import command_line, seeds
from jaxmed.data import catalogue, inputs, source
from jaxmed.data.augment import image
from jaxmed import metrics
from jaxmed.evaluation.evaluate import predict, write_predictions
from jaxmed.models import MLP
from jaxmed.models.autoencoder import Autoencoder, DenseDecoder, VariationalAutoencoder
from jaxmed.models.backbone import ConvStages, PooledClassifier
from jaxmed.tasks import Task
from jaxmed.training import ema
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

Rows: TypeAlias = dict[str, dict[str, np.ndarray]]
"""By name of the score and of the split, one number an image."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """One training of every network each."""
    latent: int = 32
    """Numbers that an image becomes, and principal components."""
    neighbours: int = 5
    """Of every nearest-neighbour score."""
    widths: tuple[int, ...] = (512, 256)
    """Units of the autoencoders' hidden layers."""
    stages: tuple[int, ...] = (16, 32, 64)
    """Channels of the network that tells transformations apart."""
    shift: int = 1
    """Largest random shift in training, in pixels."""
    batch_size: int = 32
    """Images a step."""
    steps: int = 1500
    """Of each autoencoder."""
    transformation_steps: int = 400
    """Of the network that tells transformations apart; each sees every image eight times."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/chest_anomaly")
    """Where the run's folder is made."""


def baselines(settings: Settings, normal: Columns, splits: Mapping[str, Columns]) -> Rows:
    """Principal components and nearest neighbours of scikit-learn, on pixels of two kinds."""
    found: Rows = {}
    for kind, read in (("raw", inputs.unit_pixels), ("standardised", inputs.standardised_images)):

        def flat(columns: Columns, read: Callable[..., Any] = read) -> np.ndarray:
            return np.asarray(read(columns)).reshape(len(columns["image"]), -1)

        training = flat(normal)
        components = min(settings.latent, len(training))
        pca = PCA(components, svd_solver="full").fit(training)
        nearest = NearestNeighbors(n_neighbors=settings.neighbours).fit(training)
        rows = {name: flat(columns) for name, columns in splits.items()}
        found[f"PCA error, {kind} pixels"] = {
            name: np.square(pca.inverse_transform(pca.transform(x)) - x).mean(1)
            for name, x in rows.items()
        }
        found[f"nearest neighbours, {kind} pixels"] = {
            name: nearest.kneighbors(x)[0].mean(1) for name, x in rows.items()
        }
    return found


def autoencoders(
    settings: Settings, normal: Columns, splits: Mapping[str, Columns], seed: int
) -> Rows:
    """What cannot be rebuilt, how far latents lie, and the bound of a variational autoencoder."""
    shape = normal["image"].shape[1:]
    moved = image.each_image(image.random_shift(settings.shift, fill=None))
    plain = reconstruction.reconstruction(
        Autoencoder(
            MLP(settings.widths, settings.latent, jax.nn.gelu),
            DenseDecoder(shape, settings.widths[::-1], jax.nn.gelu),
        ),
        inputs=inputs.standardised_images,
        augment=moved,
    )
    bounded = reconstruction.variational(
        VariationalAutoencoder(
            MLP(settings.widths, 2 * settings.latent, jax.nn.gelu),
            DenseDecoder(shape, settings.widths[::-1], jax.nn.gelu),
        ),
        inputs=inputs.standardised_images,
        likelihood=reconstruction.gaussian(0.3),
        augment=moved,
    )
    found: Rows = {}
    for family, task in (("autoencoder", plain), ("variational", bounded)):
        trained = _trained(task, settings, normal, settings.steps, seed)
        outputs = _outputs(task, trained, {**splits, "normal": normal})
        latents = outputs.pop("normal")["latent"]
        distance = anomaly.of_latent(anomaly.mahalanobis(latents))
        chosen = {"error": anomaly.error, "latent distance": distance}
        if task is bounded:
            chosen["negative ELBO"] = anomaly.negative_elbo
        for name, score in chosen.items():
            found[f"{family}: {name}"] = {key: score(each) for key, each in outputs.items()}
    return found


def transformations(
    settings: Settings, normal: Columns, splits: Mapping[str, Columns], seed: int
) -> Rows:
    """Which way up, and mirrored or not? Golan and El-Yaniv 2018, with the eight of the square."""
    every = contrastive.geometric_transformations()
    task = contrastive.transformation_prediction(
        PooledClassifier(len(every), ConvStages(settings.stages), dropout=0.3),
        inputs=inputs.standardised_images,
        transformations=every,
        augment=image.each_image(image.random_shift(settings.shift + 1, fill=None)),
    )
    trained = _trained(task, settings, normal, settings.transformation_steps, seed)
    outputs = _outputs(task, trained, {**splits, "normal": normal})
    features = outputs.pop("normal")["features"]
    chosen = {
        "normality": anomaly.abnormality,
        "feature distance": anomaly.of_latent(anomaly.mahalanobis(features), name="features"),
        "nearest neighbours": anomaly.of_latent(
            anomaly.nearest_neighbours(features, neighbours=settings.neighbours), name="features"
        ),
    }
    return {
        f"transformations: {name}": {key: score(each) for key, each in outputs.items()}
        for name, score in chosen.items()
    }


def _trained(task: Task, settings: Settings, normal: Columns, steps: int, seed: int) -> Fit:
    schedule = optax.cosine_onecycle_schedule(steps, 1e-3, pct_start=0.1)
    return fit(
        task,
        ema.averaged(optax.adamw(schedule, weight_decay=1e-2), decay=0.99),
        normal,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        epochs=-(-steps * settings.batch_size // len(normal["label"])),
        steps=steps,
    )


def _outputs(
    task: Task, trained: Fit, splits: Mapping[str, Columns]
) -> dict[str, dict[str, np.ndarray]]:
    return {
        name: predict(task, trained.params, trained.model_state, columns)
        for name, columns in splits.items()
    }


def main(settings: Settings) -> dict[str, dict[str, tuple[float, float]]]:
    """Score every image every way; by score and split, mean and deviation of AUROC come back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, validation, test = (
        source.columns(catalogue.open_split("pneumoniamnist", split, **places))
        for split in ("train", "validation", "test")
    )
    healthy = np.flatnonzero(train["label"] == 0)
    normal = {name: column[healthy] for name, column in train.items()}
    splits = {"validation": validation, "test": test}
    directory = record.new_run(settings.runs)
    record.describe_run(directory, settings)
    started = time.perf_counter()
    without_seed = baselines(settings, normal, splits)
    print(f"baselines: {time.perf_counter() - started:.0f} s")
    repeated = []
    for seed in settings.seeds:
        rows: Rows = {}
        for make in (autoencoders, transformations):
            started = time.perf_counter()
            rows |= make(settings, normal, splits, seed)
            print(f"{make.__name__}, seed {seed}: {time.perf_counter() - started:.0f} s")
        repeated.append(rows)
    scores = {name: found["test"] for name, found in without_seed.items()}
    for seed, rows in zip(settings.seeds, repeated, strict=True):
        scores |= {f"{name}, seed {seed}": found["test"] for name, found in rows.items()}
    write_predictions(
        directory / "scores.csv",
        {"id": np.arange(len(test["label"])), "label": test["label"]} | scores,
    )
    by_name = {name: [found] for name, found in without_seed.items()}
    by_name |= {name: [rows[name] for rows in repeated] for name in repeated[0]}
    areas = {
        name: {split: _area(found, split, columns["label"]) for split, columns in splits.items()}
        for name, found in by_name.items()
    }
    print(
        f"\n{len(healthy)} normal chests seen; AUROC against pneumonia, mean ± standard deviation"
    )
    print(table(areas, without_deviation=tuple(without_seed)))
    print(f"scores: {directory / 'scores.csv'}")
    return areas


def _area(
    found: Sequence[Mapping[str, np.ndarray]], split: str, label: np.ndarray
) -> tuple[float, float]:
    return seeds.mean_and_deviation(
        [metrics.auroc(label, anomaly.ranked(each[split])) for each in found]
    )


def table(
    areas: Mapping[str, Mapping[str, tuple[float, float]]], *, without_deviation: Sequence[str] = ()
) -> str:
    """A line a score, the one that is chosen by its mean on validation marked and named.

    Args:
        areas: by score and split, mean and deviation.
        without_deviation: scores that no seed changes.
    """
    chosen = max(areas, key=lambda name: areas[name]["validation"][0])
    width = max(map(len, areas))
    lines = [f"  {'':{width}}  {'validation':13}  test"]
    for name, found in areas.items():
        cells = []
        for mean, deviation in (found["validation"], found["test"]):
            spread = "" if name in without_deviation else f" ± {deviation:.3f}"
            cells.append(f"{mean:.3f}{spread}")
        mark = "  <- chosen" if name == chosen else ""
        lines.append(f"  {name:{width}}  {cells[0]:13}  {cells[1]:13}{mark}".rstrip())
    there, later = (areas[chosen][split][0] for split in ("validation", "test"))
    last = f"chosen by the mean on validation: {chosen}, {there:.3f} there, {later:.3f} on test"
    return "\n".join([*lines, last])


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
