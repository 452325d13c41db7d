"""Can this breast cancer classifier be trusted? From measurements to a page for clinicians.

An ensemble of small perceptrons learns the 30 measurements of cell nuclei of the Wisconsin data
set, which come with scikit-learn. One half of the validation patients calibrates it, the other half
fits sets that hold the true diagnosis with a chosen probability, and the uncertainty above which it
abstains. The exported model answers with all of these. Explanations are tested against random ones.
The page fits its own calibration, operating points and sets on the validation patients; the test
patients are used once.

    python experiments/trust/trust_breast_cancer.py

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
from jaxmed.data import catalogue, inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

DATA = "breast_cancer_wisconsin"
PURPOSE = report.Purpose(
    intended_use="To study how a classifier can be tested before it is trusted: is a breast mass "
    "malignant, by measurements of the cell nuclei in a fine needle aspirate?",
    not_for="Diagnosis of any patient. The 569 masses are of one hospital of about 1990, and how "
    "the patients were chosen is not known.",
    reference_standard="Biopsy of malignant masses; biopsy or later examinations of benign ones "
    "(Street et al. 1993).",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    members: int = 8
    """Networks that are trained as one program and averaged."""
    widths: tuple[int, ...] = (64, 32)
    """Units of each hidden layer."""
    dropout: float = 0.2
    """Fraction of the hidden activations that is dropped in training."""
    learning_rate: float = 1e-3
    """Learning rate of AdamW."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    batch_size: int = 32
    """Patients per step."""
    epochs: int = 40
    """Passes over the training patients."""
    coverage: float = 0.9
    """Probability with which a set shall hold the true diagnosis."""
    retained: float = 0.9
    """Share of the validation patients that are answered; from the others the model abstains."""
    resamples: int = 2000
    """Resamples of the intervals on the page."""
    runs: Path = Path("runs/trust_breast_cancer")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train, calibrate, explain and write the page, once per seed."""
    facts = catalogue.entry(DATA)
    loaded = jm.data.load(DATA, **settings.places())
    train, validation, test = map(with_size, loaded)
    network = jm.models.MLP(widths=settings.widths, outputs=1, dropout=settings.dropout)
    one = jm.tasks.binary_classification(network, classes=facts.classes, inputs=inputs.features())
    task = jm.transforms.ensemble(one, members=settings.members)
    optimizer = optax.adamw(settings.learning_rate, weight_decay=settings.weight_decay)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            validation=jm.Validation(validation, monitor=jm.lowest("log_loss")),
            run=run,
        )

    def after(seed: int, folder: Path, trained: jm.Fit, *rest: Any) -> dict[str, float]:
        report.assess(
            trained.model,
            folder,
            validation=validation,
            test=test,
            purpose=PURPOSE,
            data=report.data_facts(DATA),
            subgroups=("nuclei",),
            uncertainty=("entropy", "mutual_information"),
            attribution=functools.partial(attribution, background=train),
            faithfulness=faithfulness(trained.model, train, test, seed),
            trained_on=trained.rows,
            resamples=settings.resamples,
        )
        print(f"page: {report.write_page(folder)}")
        return against_members(trained.model, test)

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Can this breast cancer classifier be trusted?",
        data=facts.title,
        recipe=f"{settings.members} perceptrons as one program",
        headline=("auroc", "log_loss"),
        deployed=lambda trained: answering(settings, trained.model, train, validation),
        after=after,
    )


def with_size(split: jm.data.Source) -> jm.data.Arrays:
    """The split with a subgroup: whether the nuclei are small or large."""
    columns, names = jm.data.columns(split), split.feature_names
    radius = columns["features"][:, names.index("mean radius")]
    nuclei = np.where(radius >= 13.4, "large", "small")  # near the median of all patients
    return jm.data.from_arrays({**columns, "nuclei": nuclei}, feature_names=names)


def answering(
    settings: Settings, model: jm.Model, train: jm.data.Arrays, validation: jm.data.Arrays
) -> jm.Model:
    """The model that answers with calibrated probabilities and sets, and abstains."""
    rows = np.array_split(np.random.default_rng(0).permutation(len(validation)), 2)
    first, second = (jm.data.take_rows(validation.columns, half) for half in rows)
    calibrated = jm.evaluation.calibrated(model, first, train=train)
    with_sets = jm.evaluation.conformal(calibrated, second, level=settings.coverage, train=train)
    threshold = jm.evaluation.abstention_threshold(with_sets, second, retained=settings.retained)
    return jm.transforms.with_abstention(with_sets, threshold=threshold)


def attribution(model: jm.Model, rows: Columns, *, background: jm.data.Arrays) -> np.ndarray:
    """What each measurement adds to the answer: expected gradients, the mean over the members."""
    answer = jm.predict(model, rows)["probabilities"].argmax(axis=1)
    each = [
        explain.expected_gradients(member, rows, background=background, target=answer)
        for member in jm.transforms.members(model)
    ]
    return np.mean(each, axis=0)


def faithfulness(
    model: jm.Model, train: jm.data.Arrays, test: jm.data.Arrays, seed: int
) -> dict[str, dict[str, float]]:
    """Numbers of the tests that an explanation must pass, for the first member."""
    methods: Mapping[str, explain.Method] = {
        "expected gradients": functools.partial(explain.expected_gradients, background=train),
        "integrated gradients": explain.integrated_gradients,
    }
    member, key = jm.transforms.members(model)[0], jax.random.key(1000 + seed)
    return explain.faithfulness_table(methods, member, test, key=key, baseline="zeros")


def against_members(model: jm.Model, test: jm.data.Arrays) -> dict[str, float]:
    """The mean of the members' log losses, beside that of the ensemble."""
    own = [
        jm.evaluation.compute_metrics(member, test)["log_loss"]
        for member in jm.transforms.members(model)
    ]
    return {"log_loss_of_members": float(np.mean(own))}


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
