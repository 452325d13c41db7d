"""Does a model know when it is wrong? Ensembles, dropout, Laplace, and images from elsewhere.

On each data set an ensemble of small networks is trained as one program. Its mean is compared with
its members, and one of these with Monte Carlo dropout and with a Laplace approximation of its last
layer: log loss, area under the risk-coverage curve (AURC), error and AUROC of the most confident
half of the test split. Where two data sets have images of one shape, the scores of out-of-
distribution detection tell the test images of the one from those of the other.

Nothing is chosen: every method has the settings below. The networks are small and trained briefly;
medmnist_best.py shows what these data sets allow.

    python experiments/trust/uncertainty.py
    python experiments/trust/uncertainty.py --network perceptron --widths 64 32

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed.data import catalogue, inputs
from jaxmed.data.datasets.entry import Entry
from jaxmed.evaluation import out_of_distribution
from jaxmed.evaluation.laplace import laplace
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder, summarize
from jaxmed.metrics import uncertainty
from jaxmed.runs.history import write_history
from jaxmed.runs.manifest import write_manifest
from jaxmed.typing import Array, Batch, Columns

METHODS = ("mean member", "ensemble", "one member", "mc dropout", "laplace")
METRICS = ("log_loss", "aurc", "error_of_retained", "auroc_of_retained", "auroc")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    datasets: tuple[str, ...] = (
        "breast_cancer_wisconsin",
        "breastmnist",
        "pneumoniamnist",
        "retinamnist",
        "bloodmnist",
        "adrenalmnist3d",
    )
    """Data sets of the catalogue with one class per row: tables, images or volumes."""
    members: int = 8
    """Members of each ensemble, at least 1."""
    network: Literal["convolutional", "perceptron"] = "convolutional"
    """What reads images and volumes; a table is always read by a perceptron."""
    widths: tuple[int, ...] = (8, 16, 32)
    """Channels of each stage, or units of each hidden layer of a perceptron."""
    dropout: float = 0.3
    """Share of the features before the last layer, or of hidden units, that is dropped."""
    samples: int = 64
    """Draws of Monte Carlo dropout, at least 1."""
    steps: int = 300
    """Training steps."""
    batch_size: int = 32
    """Rows per step."""
    learning_rate: float = 3e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    retained: float = 0.5
    """Share of the test rows that the model is most confident of and that is kept, in (0, 1]."""
    neighbors: int = 10
    """Neighbors of the score that counts them, at most as many as training rows."""
    runs: Path = Path("runs/uncertainty")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train an ensemble per data set and seed; the summary is by data set, method and metric."""
    described = {name: one_class_each(name) for name in settings.datasets}
    loaded = {
        name: [jm.data.columns(split) for split in jm.data.load(name, **settings.places()) if split]
        for name in described
    }
    folder = run_folder(settings)
    values: dict[str, list[float]] = {}
    seconds = []
    for seed in settings.seeds:
        started = time.perf_counter()
        for name, facts in described.items():
            train, test = loaded[name][0], loaded[name][-1]
            run = jm.Run(
                folder / f"seed-{seed}" / name,
                resume=settings.resume is not None,
                settings=settings,
                artifacts=False,
            )
            model = trained(settings, facts, train, seed, run)
            found = of_methods(settings, facts, model, train, test)
            elsewhere = [
                other for other in described if other != name and facts.shape
                and described[other].shape == facts.shape
            ]  # fmt: skip
            for other in elsewhere[:1]:
                areas = of_scores(settings, facts, model, train, test, loaded[other][-1])
                found |= {f"{score} against {other}": area for score, area in areas.items()}
            for key, value in found.items():
                values.setdefault(f"{name}/{key}", []).append(value)
            print(table(name, found), flush=True)
        seconds.append(time.perf_counter() - started)
        write_history(folder / "values.jsonl", [{"seed": seed, **_last(values)}])
    results.from_runs(
        values,
        question="Does a model know when it is wrong?",
        data=", ".join(facts.title for facts in described.values()),
        recipe=f"small {settings.network} networks, ensemble of {settings.members}",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes(
            "test", *(sum(len(splits[at]["label"]) for splits in loaded.values()) for at in (-1, 0))
        ),
        headline=[f"{settings.datasets[0]}/{method}/log_loss" for method in METHODS[:2]],
    ).write(folder / "result.json")
    write_manifest(folder)
    print(f"\n{sum(seconds):.0f} s; results: {folder / 'result.json'}")
    return {name: summarize(found) for name, found in values.items()}


def one_class_each(name: str) -> Entry:
    """What is known of a data set; what has not one class per row is refused before it opens."""
    facts = catalogue.entry(name)
    if facts.task not in ("binary", "multiclass", "ordinal") or facts.key not in (
        "image",
        "features",
    ):
        raise ValueError(
            f"datasets holds {name!r}, but must hold tables or images of one class each: leave it "
            "out."
        )
    return facts


def network_of(settings: Settings, facts: Entry) -> tuple[jm.models.Network, str, str]:
    """A network, the value that its last layer reads, and the name of that layer."""
    classes = len(facts.classes)
    if facts.key == "features" or settings.network == "perceptron":
        network = jm.models.MLP(settings.widths, classes, dropout=settings.dropout)
        return network, f"hidden{len(settings.widths)}", f"Dense_{len(settings.widths)}"
    encoder = jm.models.ConvStages(settings.widths, (1,) * len(settings.widths))
    network = jm.models.PooledClassifier(classes, encoder, dropout=settings.dropout)
    return network, "pooled", "head"


def halved_volumes(batch: Batch) -> Array:
    """Standardized volumes of half the sides, by the mean of 2 x 2 x 2 voxels."""
    x = inputs.standardized_images(batch)
    return x.reshape(
        len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, x.shape[3] // 2, 2, x.shape[4]
    ).mean((2, 4, 6))


def trained(settings: Settings, facts: Entry, train: Columns, seed: int, run: jm.Run) -> jm.Model:
    """The ensemble; all members are trained by one program."""
    network, _, _ = network_of(settings, facts)
    reads = inputs.features() if facts.key == "features" else inputs.standardized_images
    if len(facts.shape or ()) == 4:
        reads = halved_volumes
    task = jm.tasks.classification(network, classes=facts.classes, inputs=reads)
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate)
    return jm.fit(
        jm.transforms.ensemble(task, members=settings.members),
        optax.adamw(schedule, weight_decay=settings.weight_decay),
        {name: train[name] for name in (facts.key, "label")},
        key=jax.random.key(seed),
        batch_size=min(settings.batch_size, len(train["label"])),
        steps=settings.steps,
        validation=jm.Validation(every=settings.steps),
        run=run,
    ).model


def of_methods(
    settings: Settings, facts: Entry, model: jm.Model, train: Columns, test: Columns
) -> dict[str, float]:
    """Metrics of the test split, named `method/metric`."""
    _, layer, weights = network_of(settings, facts)
    members = jm.transforms.members(model)
    drawn = jm.transforms.mc_dropout(members[0], samples=settings.samples, key=jax.random.key(1))
    of_weights = laplace(members[0], train, layer=layer, weights=weights)
    each = [measured(settings, member, test) for member in members]
    found = {
        "mean member": {name: float(np.mean([one[name] for one in each])) for name in METRICS},
        "ensemble": measured(settings, model, test),
        "one member": each[0],
        "mc dropout": measured(settings, drawn, test),
        "laplace": measured(settings, of_weights, test),
    }
    return {f"{method}/{name}": value for method in found for name, value in found[method].items()}


def measured(settings: Settings, model: jm.Model, test: Columns) -> dict[str, float]:
    """Metrics of one model, by name; confidence is the largest probability."""
    given = test["label"], jm.predict(model, test)["probabilities"]
    kept = {"retained": settings.retained}
    return {
        "log_loss": jm.metrics.log_loss(*given),
        "aurc": uncertainty.aurc(*given),
        "error_of_retained": uncertainty.error_of_retained(*given, **kept),
        "auroc_of_retained": uncertainty.auroc_of_retained(*given, **kept),
        "auroc": jm.metrics.auroc(*given),
    }


def of_scores(
    settings: Settings,
    facts: Entry,
    model: jm.Model,
    train: Columns,
    test: Columns,
    other: Columns,
) -> dict[str, float]:
    """AUROC of telling another data set from the test split, by the name of the score."""
    _, layer, _ = network_of(settings, facts)
    member = jm.transforms.members(model)[0]
    neighbors = min(settings.neighbors, len(train["label"]))
    detectors = {
        "energy": out_of_distribution.energy,
        "class_mahalanobis": out_of_distribution.class_mahalanobis(member, train, layer=layer),
        "feature_neighbors": out_of_distribution.feature_neighbors(
            member, train, layer=layer, neighbors=neighbors
        ),
        "entropy": lambda _, data: jm.predict(model, data)["entropy"],
        "mutual_information": lambda _, data: jm.predict(model, data)["mutual_information"],
    }
    is_other = np.repeat([0, 1], [len(test["label"]), len(other["label"])])
    return {
        name: jm.metrics.auroc(
            is_other,
            jm.metrics.rank_probabilities(
                np.concatenate([score(member, test), score(member, other)])
            ),
        )
        for name, score in detectors.items()
    }


def _last(values: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: found[-1] for name, found in values.items()}


def table(dataset: str, found: Mapping[str, float]) -> str:
    """One line per method, and one per out-of-distribution score."""
    lines = [f"\n{dataset:20}" + "".join(f"{name:>18}" for name in METRICS)]
    for method in METHODS:
        cells = "".join(f"{found[f'{method}/{name}']:18.4f}" for name in METRICS)
        lines.append(f"  {method:18}{cells}")
    lines += [
        f"  AUROC {name}: {value:.4f}" for name, value in found.items() if " against " in name
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
