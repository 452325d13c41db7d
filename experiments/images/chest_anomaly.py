"""Can pneumonia be found after training on normal chest X-rays only?

All models are trained on the normal chest X-rays of PneumoniaMNIST's training split. Each row of
the table is an anomaly score: AUROC against pneumonia on the validation split, whose mean chooses,
and on the test split, which comes from later patients and differs more. Networks are trained once
per seed; the baselines need none.

    python experiments/images/chest_anomaly.py

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
import optax
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

import jaxmed as jm
from jaxmed.data import augment, inputs
from jaxmed.evaluation import anomaly
from jaxmed.evaluation.tables import write_predictions
from jaxmed.experiment import (
    ExperimentSettings,
    Summary,
    main,
    number_format,
    results,
    run_folder,
    summarize,
)
from jaxmed.runs.manifest import write_manifest
from jaxmed.tasks.likelihood import gaussian
from jaxmed.tasks.transformations import geometric_transformations
from jaxmed.typing import Columns

Scores = dict[str, dict[str, np.ndarray]]
"""By name of the score and of the split, one number per image."""
Learn = Callable[..., dict[str, dict[str, np.ndarray]]]
"""`outputs_of` with all but name, task, shift and steps given."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """One training run of every network per seed."""
    latent: int = 32
    """Numbers that an image becomes, and principal components."""
    neighbors: int = 5
    """Neighbors of every nearest-neighbor score."""
    widths: tuple[int, ...] = (512, 256)
    """Units of the autoencoders' hidden layers."""
    stages: tuple[int, ...] = (16, 32, 64)
    """Channels of the network that tells transformations apart."""
    shift: int = 1
    """Largest random shift in training, in pixels."""
    batch_size: int = 32
    """Images per step."""
    steps: int = 1500
    """Training steps of each autoencoder."""
    transformation_steps: int = 400
    """Training steps of the network that tells transformations apart; each sees 8 per image."""
    runs: Path = Path("runs/chest_anomaly")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Score every image in every way; the summary is by score and split."""
    train, validation, test = map(
        jm.data.columns, jm.data.load("pneumoniamnist", **settings.places())
    )
    normal = jm.data.take_rows(train, train["label"] == 0)
    splits = {"validation": validation, "test": test}
    folder = run_folder(settings)
    without_seed = baselines(settings, normal, splits)
    by_seed, seconds = [], []
    for seed in settings.seeds:
        started = time.perf_counter()
        learn = functools.partial(
            outputs_of, settings, normal, splits, seed=seed, folder=folder / f"seed-{seed}"
        )
        by_seed.append(
            autoencoders(settings, normal["image"].shape[1:], learn)
            | transformations(settings, learn)
        )
        seconds.append(time.perf_counter() - started)
    write_scores(folder / "scores.csv", settings, test["label"], without_seed, by_seed)
    values = {
        f"{name}/{split}_auroc": [auroc(scores[name][split], splits[split]) for scores in repeated]
        for repeated in ([without_seed], by_seed)
        for name in repeated[0]
        for split in splits
    }
    results.from_runs(
        values,
        question="Can pneumonia be found after training on normal chest X-rays only?",
        data=f"PneumoniaMNIST, {len(normal['label']):,} normal chests",
        recipe="twelve anomaly scores",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes("test", len(test["label"]), len(normal["label"])),
        headline=[
            "nearest neighbors, standardized images/test_auroc",
            "variational autoencoder, distance of latents/test_auroc",
        ],
    ).write(folder / "result.json")
    summary = {name: summarize(found) for name, found in values.items()}
    print(f"\n{len(normal['label'])} normal chests; AUROC against pneumonia, mean ± deviation")
    print(table(summary))
    write_manifest(folder)
    print(f"scores: {folder / 'scores.csv'}; results: {folder / 'result.json'}")
    return summary


def baselines(settings: Settings, normal: Columns, splits: Mapping[str, Columns]) -> Scores:
    """Principal components and nearest neighbors of scikit-learn, on pixels of two kinds."""
    found: Scores = {}
    kinds = {
        "raw pixels": inputs.unit_pixels, "standardized images": inputs.standardized_images
    }  # fmt: skip
    for kind, read in kinds.items():
        training, *rest = (
            np.asarray(read(columns)).reshape(len(columns["image"]), -1)
            for columns in (normal, *splits.values())
        )
        rows = dict(zip(splits, rest, strict=True))
        pca = PCA(min(settings.latent, len(training)), svd_solver="full").fit(training)
        nearest = NearestNeighbors(n_neighbors=settings.neighbors).fit(training)
        found[f"PCA error, {kind}"] = {
            name: np.square(pca.inverse_transform(pca.transform(x)) - x).mean(1)
            for name, x in rows.items()
        }
        found[f"nearest neighbors, {kind}"] = {
            name: nearest.kneighbors(x)[0].mean(1) for name, x in rows.items()
        }
    return found


def autoencoders(settings: Settings, shape: Sequence[int], learn: Learn) -> Scores:
    """Reconstruction errors, distances of latents, and the bound of a variational autoencoder."""
    models, widths = jm.models, settings.widths
    decoder = models.DenseDecoder(tuple(shape), widths[::-1], jax.nn.gelu)
    plain = jm.tasks.reconstruction(
        models.Autoencoder(models.MLP(widths, settings.latent, jax.nn.gelu), decoder),
        inputs=inputs.standardized_images,
    )
    variational = jm.tasks.variational(
        models.VariationalAutoencoder(
            models.MLP(widths, 2 * settings.latent, jax.nn.gelu), decoder
        ),
        inputs=inputs.standardized_images,
        likelihood=gaussian(0.3),
    )
    found: Scores = {}
    for family, task in (("autoencoder", plain), ("variational autoencoder", variational)):
        outputs = learn(family, task, shift=settings.shift, steps=settings.steps)
        latents = outputs.pop("normal")["latent"]
        scores = {
            "error": anomaly.reconstruction_error,
            "distance of latents": anomaly.latent_distance(anomaly.mahalanobis(latents)),
        }
        if task is variational:
            scores["negative ELBO"] = anomaly.negative_elbo
        for name, score in scores.items():
            found[f"{family}, {name}"] = {key: score(each) for key, each in outputs.items()}
    return found


def transformations(settings: Settings, learn: Learn) -> Scores:
    """Which of the eight symmetries of the square was applied? Golan and El-Yaniv 2018."""
    every = geometric_transformations()
    encoder = jm.models.ConvStages(settings.stages)
    task = jm.tasks.transformation_prediction(
        jm.models.PooledClassifier(len(every), encoder, dropout=0.3),
        inputs=inputs.standardized_images,
        transformations=every,
    )
    outputs = learn(
        "transformations", task, shift=settings.shift + 1, steps=settings.transformation_steps
    )
    features = outputs.pop("normal")["features"]
    near = anomaly.nearest_neighbors(features, neighbors=settings.neighbors)
    scores = {
        "normality": anomaly.negative_normality,
        "distance of features": anomaly.latent_distance(
            anomaly.mahalanobis(features), name="features"
        ),
        "nearest neighbors": anomaly.latent_distance(near, name="features"),
    }
    return {
        f"transformation prediction, {name}": {key: score(each) for key, each in outputs.items()}
        for name, score in scores.items()
    }


def outputs_of(
    settings: Settings,
    normal: Columns,
    splits: Mapping[str, Columns],
    name: str,
    task: jm.Task,
    *,
    shift: int,
    steps: int,
    seed: int,
    folder: Path,
) -> dict[str, dict[str, np.ndarray]]:
    """What the trained model predicts for each split, and for `normal`."""
    change = augment.per_image(augment.random_shift(shift, fill=None))
    schedule = optax.cosine_onecycle_schedule(steps, 1e-3, pct_start=0.1)
    trained = jm.fit(
        jm.transforms.augmented(task, change),
        jm.training.ema(optax.adamw(schedule, weight_decay=1e-2), decay=0.99),
        normal,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        steps=steps,
        run=jm.Run(
            folder / name.replace(" ", "-"),
            resume=settings.resume is not None,
            settings=settings,
            artifacts=False,
        ),
    )
    return {
        name: jm.predict(trained.model, columns)
        for name, columns in {**splits, "normal": normal}.items()
    }


def auroc(scores: np.ndarray, columns: Columns) -> float:
    """AUROC of an anomaly score against pneumonia."""
    return jm.metrics.auroc(columns["label"], jm.metrics.rank_probabilities(scores))


def write_scores(
    path: Path, settings: Settings, label: np.ndarray, without_seed: Scores, by_seed: list[Scores]
) -> None:
    """Write every score of every test image, one column per score and seed."""
    columns = {name: found["test"] for name, found in without_seed.items()}
    for seed, scores in zip(settings.seeds, by_seed, strict=True):
        columns |= {f"{name}, seed {seed}": found["test"] for name, found in scores.items()}
    write_predictions(path, {"id": np.arange(len(label)), "label": label, **columns})


def table(summary: Mapping[str, Summary]) -> str:
    """One line per score; the one with the highest mean on validation is marked and named."""
    names = list(dict.fromkeys(name.rpartition("/")[0] for name in summary))
    validation, test = (
        {name: summary[f"{name}/{split}_auroc"] for name in names}
        for split in ("validation", "test")
    )
    chosen = max(names, key=lambda name: validation[name].mean)
    width = max(map(len, names))
    lines = [f"  {'':{width}}  {'validation':15}  test"]
    for name in names:
        cells = (
            number_format.number(of.mean)
            if len(of.values) == 1
            else number_format.with_deviation(of.mean, of.deviation)
            for of in (validation[name], test[name])
        )
        first, second = cells
        mark = "  <- chosen" if name == chosen else ""
        lines.append(f"  {name:{width}}  {first:15}  {second:15}{mark}".rstrip())
    there, later = validation[chosen].mean, test[chosen].mean
    last = f"chosen by the mean on validation: {chosen}, {there:.3f} there, {later:.3f} on test"
    return "\n".join([*lines, last])


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
