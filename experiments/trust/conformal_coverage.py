"""Do conformal sets cover as often as promised, also on the published test splits?

A small network is trained on each data set. Its validation and test rows are pooled and divided at
random a thousand times, into rows that calibrate and rows that are covered or not: the coverage
must follow the beta-binomial law, whatever the network. Then the published validation split
calibrates and the published test split is covered or not, class by class; a test says whether the
two are exchangeable, without which nothing is promised.

    python experiments/trust/conformal_coverage.py

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import evaluation
from jaxmed.data import catalogue
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder
from jaxmed.runs.manifest import write_manifest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    datasets: tuple[str, ...] = (
        "pneumoniamnist",
        "breastmnist",
        "retinamnist",
        "bloodmnist",
        "adrenalmnist3d",
        "breast_cancer_wisconsin",
    )
    """Data sets of the catalogue with images or features, and classes."""
    levels: tuple[float, ...] = (0.9, 0.95)
    """Asked coverages, each in (0, 1)."""
    calibration: int = 300
    """Rows that calibrate in a re-split; at most half of the pooled rows."""
    resplits: int = 1000
    """Random divisions of the pooled validation and test rows."""
    method: str = "threshold"
    """Scores of the sets: threshold or aps."""
    widths: tuple[int, ...] = (8, 16)
    """Channels of each stage of the network of images; units of each layer for features."""
    learning_rate: float = 3e-3
    """Highest learning rate of the schedule."""
    batch_size: int = 32
    """Rows per step."""
    steps: int = 200
    """Training steps."""
    runs: Path = Path("runs/conformal_coverage")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train a network on each data set and seed, and count coverage; the summary is by data set."""
    if settings.resume is not None:
        raise ValueError(
            f"resume is {str(settings.resume)!r}, but these short runs keep no checkpoints: leave "
            "it out."
        )
    folder = run_folder(settings)
    values: dict[str, list[float]] = {}
    seconds, tested, trained = [], 0, 0
    for seed in settings.seeds:
        started = time.perf_counter()
        tested = trained = 0
        for name in settings.datasets:
            train, validation, test = jm.data.load(name, **settings.places())
            model = small_model(settings, name, train, seed)
            print(f"\n{name}, seed {seed}")
            found = of_resplits(settings, model, validation, test, seed)
            found |= of_test(settings, model, validation, test)
            for metric, value in found.items():
                values.setdefault(f"{name}/{metric}", []).append(value)
            tested, trained = tested + len(test), trained + len(train)
        seconds.append(time.perf_counter() - started)
    worst = min(values, key=lambda name: values[name][0] if "/test_coverage" in name else 2)
    results.from_runs(
        values,
        question="Do conformal sets cover as often as promised?",
        data=f"{len(settings.datasets)} data sets, {settings.resplits:,} re-splits of each",
        recipe="small networks, split conformal sets",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes("test of all data sets", tested, trained),
        headline=[next(iter(values)), worst],
        note="The law holds for exchangeable rows. From validation to test nothing is promised "
        "where exchangeability is refuted.",
    ).write(folder / "result.json")
    write_manifest(folder)
    print(f"\n{sum(seconds):.0f} s; results: {folder / 'result.json'}")
    return {name: results.summarize(each) for name, each in values.items()}


def small_model(settings: Settings, name: str, train: jm.data.Source, seed: int) -> jm.Model:
    """A network of a few thousand parameters, trained for a few hundred steps."""
    facts = catalogue.entry(name)
    classes = list(facts.classes)
    if facts.key == "image":
        network = jm.models.ConvNet(len(classes), settings.widths, (1,) * len(settings.widths))
        inputs = jm.data.inputs.pixels()
    elif facts.key == "features":
        network = jm.models.MLP(settings.widths, len(classes))
        inputs = jm.data.inputs.features()
    else:
        raise ValueError(
            f"datasets holds {name!r}, which has {facts.key}, but must hold images or features."
        )
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate)
    return jm.fit(
        jm.tasks.classification(network, classes=classes, inputs=inputs),
        optax.adamw(schedule, weight_decay=0.05),
        train,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        steps=settings.steps,
    ).model


def of_resplits(
    settings: Settings,
    model: jm.Model,
    validation: jm.data.Source,
    test: jm.data.Source,
    seed: int,
) -> dict[str, float]:
    """Mean and deviation of the coverage over re-splits, beside the law."""
    scores = np.concatenate(
        [
            evaluation.true_class_scores(
                *truth_and_probabilities(model, split), method=settings.method
            )
            for split in (validation, test)
        ]
    )
    calibration = min(settings.calibration, len(scores) // 2)
    rest = len(scores) - calibration
    print(
        f"{settings.resplits:,} re-splits of {len(scores):,} rows, {calibration} of them calibrate"
    )
    print("asked    mean  law mean  errors  deviation     law  ratio")
    found = {}
    for level in settings.levels:
        covered = evaluation.coverage_of_resplits(
            scores, calibration=calibration, level=level, splits=settings.resplits, seed=seed
        )
        mean, deviation = evaluation.coverage_law(calibration, rest, level)
        errors = (covered.mean() - mean) / (deviation / np.sqrt(settings.resplits))
        ratio = covered.std(ddof=1) / deviation
        print(
            f"{level:5.0%} {covered.mean():7.4f} {mean:9.4f} {errors:7.2f} "
            f"{covered.std(ddof=1):10.4f} {deviation:7.4f} {ratio:6.3f}"
        )
        percent = f"{100 * level:g}"
        found |= {
            f"coverage_{percent}": float(covered.mean()),
            f"standard_errors_from_law_{percent}": float(errors),
            f"deviation_ratio_{percent}": float(ratio),
        }
    return found


def of_test(
    settings: Settings, model: jm.Model, validation: jm.data.Source, test: jm.data.Source
) -> dict[str, float]:
    """Coverage of the published test split by class, and whether it is exchangeable."""
    names = model.task.judge.classes.names
    label, probabilities = truth_and_probabilities(model, validation)
    new_label, new = truth_and_probabilities(model, test)
    found = {}
    for level in settings.levels:
        sets = evaluation.fit_sets(label, probabilities, level=level, method=settings.method)
        report = evaluation.conformal_report(new_label, sets.sets(new), names)
        print(f"{level:.0%} asked, {len(label):,} validation rows calibrate, test rows:\n{report}")
        percent = f"{100 * level:g}"
        found |= {
            f"test_coverage_{percent}": report.coverage.value,
            f"test_lowest_class_{percent}": min(each.value for each in report.by_class.values()),
            f"test_set_size_{percent}": report.mean_size,
        }
    labeled = evaluation.exchangeability_test(probabilities, new, label, new_label, classes=names)
    unlabeled = evaluation.exchangeability_test(probabilities, new)
    for kind, tested in (("with labels", labeled), ("without labels", unlabeled)):
        print(f"{kind}: {tested.warning or f'no warning (p = {tested.p_value:.2g})'}")
    return found | {
        "exchangeability_p": labeled.p_value,
        "exchangeability_p_without_labels": unlabeled.p_value,
    }


def truth_and_probabilities(model: jm.Model, data: jm.data.Source) -> tuple[np.ndarray, np.ndarray]:
    """True classes [rows] and predicted probabilities [rows, classes]."""
    classes = model.task.judge.classes
    outputs = jm.predict(model, data)
    return classes.truth(jm.data.columns(data)), np.asarray(classes.probabilities(outputs))


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
