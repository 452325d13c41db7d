"""Can this pneumonia classifier be trusted? From chest X-rays to a page that a clinician can read.

An ensemble of small convolutional networks learns PneumoniaMNIST. One half of the validation images
calibrates it, the other half fits sets that hold the true class with a chosen probability, and the
uncertainty above which it abstains. The exported model answers with all of these. Explanations are
tested against random ones, and images of another organ must look unfamiliar. The page fits its own
calibration, operating points and sets on the validation images; the test images are used once.

    python experiments/trust/trust_pneumonia.py

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import explain, report
from jaxmed.data import augment, catalogue, inputs
from jaxmed.evaluation import out_of_distribution
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

DATA = "pneumoniamnist"
PURPOSE = report.Purpose(
    intended_use="To study how a classifier can be tested before it is trusted: does a child's "
    "chest X-ray, reduced to 28 x 28 pixels, show pneumonia?",
    not_for="Diagnosis of any patient. The images are far too small and come from children of one "
    "to five years in one hospital; the test images were collected separately.",
    reference_standard="Two physicians graded the radiographs, and a third checked the grades of "
    "the evaluation set (Kermany et al. 2018).",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    members: int = 8
    """Networks that are trained as one program and averaged."""
    widths: tuple[int, ...] = (16, 32, 64)
    """Channels of each stage."""
    dropout: float = 0.3
    """Probability of dropping a feature before the linear layer."""
    learning_rate: float = 2e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 5e-2
    """Weight decay of AdamW."""
    batch_size: int = 64
    """Images per step."""
    steps: int = 600
    """Training steps."""
    coverage: float = 0.9
    """Probability with which a set shall hold the true class, for each class."""
    retained: float = 0.9
    """Share of the validation images that are answered; from the others the model abstains."""
    images: int = 64
    """Test images on which explanations are tested."""
    neighbors: int = 20
    """Which nearest training image tells how unfamiliar an image is."""
    unfamiliar: str = "breastmnist"
    """A data set with images of the same shape that the model was not trained for."""
    resamples: int = 2000
    """Resamples of the intervals on the page."""
    runs: Path = Path("runs/trust_pneumonia")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train, calibrate, explain and write the page, once per seed."""
    facts = catalogue.entry(DATA)
    loaded = jm.data.load(DATA, **settings.places())
    train, validation, test = (with_exposure(jm.data.columns(split)) for split in loaded)
    others = jm.data.columns(jm.data.load(settings.unfamiliar, **settings.places())[-1])
    network = jm.models.ConvNet(
        outputs=len(facts.classes),
        widths=settings.widths,
        depths=(1,) * len(settings.widths),
        dropout=settings.dropout,
    )
    one = jm.tasks.classification(network, classes=facts.classes, inputs=inputs.pixels())
    task = jm.transforms.ensemble(
        jm.transforms.augmented(one, augment.per_image(augment.random_shift(2))),
        members=settings.members,
    )
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate)
    optimizer = optax.adamw(schedule, weight_decay=settings.weight_decay)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=settings.steps,
            validation=jm.Validation(validation),
            run=run,
        )

    def after(seed: int, folder: Path, trained: jm.Fit, *rest: Any) -> dict[str, float]:
        model = trained.model
        unfamiliar = unfamiliarity(settings, model, train, test, others)
        report.assess(
            model,
            folder,
            validation=validation,
            test=test,
            purpose=PURPOSE,
            data=report.data_facts(DATA),
            subgroups=("exposure",),
            uncertainty=("entropy", "mutual_information"),
            attribution=functools.partial(attribution, background=spread(train, 64)),
            faithfulness=faithfulness(settings, model, train, test, seed),
            out_of_distribution={settings.unfamiliar: unfamiliar},
            trained_on=trained.rows,
            resamples=settings.resamples,
        )
        print(f"page: {report.write_page(folder)}")
        return {**against_members(model, test), **unfamiliar}

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Can this pneumonia classifier be trusted?",
        data=facts.title,
        recipe=f"{settings.members} ConvNets as one program",
        headline=("auroc", "log_loss"),
        deployed=lambda trained: answering(settings, trained.model, train, validation),
        after=after,
    )


def with_exposure(columns: Columns) -> Columns:
    """The columns and a subgroup that every image has: whether it is dark or bright as a whole."""
    means = columns["image"].mean(axis=tuple(range(1, columns["image"].ndim)))
    return {**columns, "exposure": np.where(means < 128, "dark", "bright")}


def answering(settings: Settings, model: jm.Model, train: Columns, validation: Columns) -> jm.Model:
    """The model that answers with calibrated probabilities and sets, and abstains."""
    rows = np.random.default_rng(0).permutation(len(validation["label"]))
    first, second = (jm.data.take_rows(validation, half) for half in np.array_split(rows, 2))
    calibrated = jm.evaluation.calibrated(model, first, train=train)
    with_sets = jm.evaluation.conformal(
        calibrated, second, level=settings.coverage, by="class", train=train
    )
    threshold = jm.evaluation.abstention_threshold(with_sets, second, retained=settings.retained)
    return jm.transforms.with_abstention(with_sets, threshold=threshold)


def attribution(model: jm.Model, rows: Columns, *, background: Columns) -> np.ndarray:
    """What each pixel adds to the answer: expected gradients, the mean over the members.

    A mean over members of attributions is the attribution of the mean of their logits.
    """
    answer = jm.predict(model, rows)["probabilities"].argmax(axis=1)
    maps = [
        explain.expected_gradients(member, rows, background=background, target=answer)
        for member in jm.transforms.members(model)
    ]
    return np.mean(maps, axis=0)


def faithfulness(
    settings: Settings, model: jm.Model, train: Columns, test: Columns, seed: int
) -> dict[str, dict[str, float]]:
    """Numbers of the tests that an explanation must pass, for the first member."""
    methods: Mapping[str, explain.Method] = {
        "expected gradients": functools.partial(
            explain.expected_gradients, background=spread(train, 64)
        ),
        "integrated gradients": explain.integrated_gradients,
        "Grad-CAM": explain.grad_cam,
    }
    member, shown = jm.transforms.members(model)[0], spread(test, settings.images)
    return explain.faithfulness_table(methods, member, shown, key=jax.random.key(1000 + seed))


def unfamiliarity(
    settings: Settings, model: jm.Model, train: Columns, test: Columns, others: Columns
) -> dict[str, float]:
    """How well scores of the first member tell other images from the test images (AUROC)."""
    member = jm.transforms.members(model)[0]
    scores = {
        "energy": out_of_distribution.energy,
        "Mahalanobis": out_of_distribution.class_mahalanobis(member, train, layer="pooled"),
        "neighbors": out_of_distribution.feature_neighbors(
            member, train, layer="pooled", neighbors=settings.neighbors
        ),
    }
    known, other = ({"image": split["image"]} for split in (test, others))
    label = np.repeat([0, 1], [len(known["image"]), len(other["image"])])
    areas = {}
    for name, score in scores.items():
        both = np.concatenate([score(member, known), score(member, other)])
        areas[f"AUROC of {name}"] = jm.metrics.auroc(label, jm.metrics.rank_probabilities(both))
    return areas


def against_members(model: jm.Model, test: Columns) -> dict[str, float]:
    """Log loss of the ensemble, and the mean of its members' log losses."""
    own = [
        jm.evaluation.compute_metrics(member, test)["log_loss"]
        for member in jm.transforms.members(model)
    ]
    return {"log_loss_of_members": float(np.mean(own))}


def spread(columns: Columns, count: int) -> Columns:
    """So many rows, evenly from the split."""
    rows = len(columns["label"])
    return jm.data.take_rows(columns, np.linspace(0, rows - 1, min(count, rows)).astype(int))


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
