"""What does a molecule do? MoleculeNet by scaffold split, beside forests and boosted trees.

Members of a network, trained as one program, pass messages along the bonds of a molecule (D-MPNN)
and read RDKit's descriptors at their readout. The epoch is chosen on validation molecules. The same
table has a random forest on fingerprints and descriptors, boosted trees on descriptors, and the
mean of networks and forest. Test molecules have rare ring systems, so validation misleads on small
sets: settings are fixed for all data sets, and only the epoch is chosen.

    python experiments/molecules/moleculenet.py --dataset esol --score validation
    python experiments/molecules/moleculenet.py --dataset bbbp --seeds 0 1 2
    python experiments/molecules/moleculenet.py --dataset esol --recipe graph --members 1

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import models, transforms
from jaxmed.data import catalogue, molecules
from jaxmed.data.molecules import inputs
from jaxmed.data.records.inputs import clipped
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.typing import Columns

FOREST, TREES = "random forest", "boosted trees"
MEAN = "mean of networks and forest"
HEADLINE = {"regression": "rmse", "binary": "auroc", "multilabel": "auroc"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: Literal["bbbp", "esol", "freesolv", "lipophilicity", "tox21", "sider", "clintox"] = (
        "esol"
    )
    """The data set."""
    score: Literal["test", "validation"] = "test"
    """Which split is predicted; settings are compared on validation."""
    recipe: Literal["graph", "graph and descriptors"] = "graph and descriptors"
    """What the networks read."""
    members: int = 4
    """Networks whose predictions are averaged, trained as one program."""
    width: int = 128
    """Width of the vectors of atoms and bonds."""
    message_steps: int = 4
    """Steps of messages: how many bonds far an atom sees."""
    dropout: float = 0.1
    """Dropout of the readout and the hidden units."""
    learning_rate: float = 1e-3
    """Highest learning rate of the schedule."""
    weight_decay: float = 1e-4
    """Weight decay of AdamW."""
    batch_size: int = 50
    """Molecules per step."""
    steps: int = 600
    """Training steps, rounded to whole epochs, of which the best on validation is kept."""
    forest: int = 500
    """Trees of the random forest."""
    runs: Path = Path("runs/moleculenet")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and score once per seed, and compare with the baselines."""
    facts = catalogue.entry(settings.dataset)
    train, validation, test = (
        read(jm.data.columns(split))
        for split in jm.data.load(settings.dataset, **settings.places())
    )
    scored = test if settings.score == "test" else validation
    task = molecule_task(settings, graphs(settings, train))
    columns = {
        name: graphs(settings, each)
        for name, each in (("train", train), ("validation", validation))
    }
    columns["scored"] = graphs(settings, scored)

    found, forest = baselines(settings, train, scored)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        epoch = -(-len(train["label"]) // settings.batch_size)
        epochs = max(1, round(settings.steps / epoch))
        schedule = optax.cosine_onecycle_schedule(
            epochs * epoch, settings.learning_rate, pct_start=0.1
        )
        monitor = jm.lowest if facts.task == "regression" else jm.highest
        return jm.fit(
            task,
            optax.chain(
                optax.clip_by_global_norm(5.0),
                optax.adamw(schedule, weight_decay=settings.weight_decay),
            ),
            columns["train"],
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=epochs,
            validation=jm.Validation(columns["validation"], monitor=monitor(HEADLINE[facts.task])),
            run=run,
        )

    def after(seed: int, _: Path, trained: jm.Fit, __: jm.Evaluation) -> dict[str, float]:
        outputs = jm.predict(trained.model, columns["scored"])
        own = outputs["values" if facts.task == "regression" else "probabilities"]
        mean = rows_of_table(settings, MEAN, scored, (own + forest) / 2)
        return mean | (found if seed == settings.seeds[0] else {})

    headline = HEADLINE[facts.task]
    many = "one network" if settings.members == 1 else f"mean of {settings.members}"
    return run_seeds(
        train_once,
        columns["scored"],
        settings=settings,
        script=__file__,
        question="What does a molecule do? Test molecules have rare ring systems",
        data=facts.title,
        recipe=f"D-MPNN on {settings.recipe}, {many}",
        folder=[settings.dataset, settings.recipe.replace(" ", "_")],
        split=settings.score,
        headline=(headline, *(f"{row}/{headline}" for row in (MEAN, FOREST, TREES))),
        after=after,
    )


def read(columns: Columns) -> dict[str, np.ndarray]:
    """Graphs, descriptors, fingerprints, and labels [molecules, targets]."""
    label = columns["label"]
    return {
        **molecules.graph_columns(columns["smiles"]),
        "descriptors": molecules.descriptors(columns["smiles"]),
        "fingerprint": molecules.morgan_fingerprints(columns["smiles"]),
        "label": label.reshape(len(label), -1),
        "id": columns["id"],
    }


def graphs(settings: Settings, columns: Columns) -> dict[str, np.ndarray]:
    """What the networks read, and the label."""
    own = () if settings.recipe == "graph" else ("descriptors",)
    names = (*molecules.GRAPH, *own, "label", "id")
    return {name: columns[name] for name in names}


def molecule_task(settings: Settings, train: Columns) -> jm.Task:
    """The task of a data set: a network per member, packed batches."""
    facts = catalogue.entry(settings.dataset)
    targets = facts.classes if facts.task == "multilabel" else (facts.name,)
    network = models.DMPNN(
        len(targets),
        molecules.ATOM_SIZES,
        molecules.BOND_SIZES,
        width=settings.width,
        steps=settings.message_steps,
        hidden=settings.width,
        dropout=settings.dropout,
    )
    kinds = {"regression": jm.tasks.multitask_regression}
    kind = kinds.get(facts.task, jm.tasks.multitask_classification)
    features = None if settings.recipe == "graph" else clipped("descriptors")
    task = kind(network, targets=targets, inputs=inputs.graphs(features=features))
    sizes = molecules.packed_sizes(dict(train), batch_size=settings.batch_size)
    task = transforms.packed_graphs(task, sizes)
    return transforms.ensemble(task, members=settings.members) if settings.members > 1 else task


def rows_of_table(
    settings: Settings, row: str, columns: Columns, predicted: np.ndarray
) -> dict[str, float]:
    """The statistics of the network's own judge, of other predictions [molecules, targets]."""
    task = molecule_task(settings, columns)
    regression = catalogue.entry(settings.dataset).task == "regression"
    outputs = {"values" if regression else "probabilities": predicted}
    table = task.judge.table(columns, outputs)
    names = ("rmse", "mae") if regression else ("auroc", "average_precision")
    return {f"{row}/{name}": float(task.judge.statistics[name](table, None)) for name in names}


def baselines(
    settings: Settings, train: Columns, scored: Columns
) -> tuple[dict[str, float], np.ndarray]:
    """A forest on fingerprints and descriptors, boosted trees on descriptors; of the first seed.

    Returns:
        Their statistics and seconds, and the predictions of the forest [molecules, targets].
    """
    from sklearn import ensemble

    regression = catalogue.entry(settings.dataset).task == "regression"
    seed = settings.seeds[0]
    kind = "Regressor" if regression else "Classifier"
    options: dict[str, Any] = {"n_estimators": settings.forest, "random_state": seed, "n_jobs": -1}
    makers: Mapping[str, Any] = {
        TREES: lambda: getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=seed),
        FOREST: lambda: getattr(ensemble, f"RandomForest{kind}")(max_features="sqrt", **options),
    }
    found: dict[str, float] = {}
    for row, make in makers.items():
        started = time.perf_counter()
        x, new = (vectors(each, fingerprint=row == FOREST) for each in (train, scored))
        predicted = np.stack(
            [fitted(make(), x, y, new, regression) for y in train["label"].T], axis=1
        )
        found |= rows_of_table(settings, row, scored, predicted)
        found[f"{row}/seconds"] = time.perf_counter() - started
    return found, predicted  # the last are those of the forest


def vectors(columns: Columns, *, fingerprint: bool) -> np.ndarray:
    """Descriptors without gaps, and the fingerprint beside them for the forest."""
    numbers = np.clip(np.nan_to_num(columns["descriptors"]), -1e6, 1e6)
    if not fingerprint:
        return numbers
    return np.concatenate([numbers, columns["fingerprint"].astype(np.float32)], axis=1)


def fitted(
    model: Any, x: np.ndarray, y: np.ndarray, new: np.ndarray, regression: bool
) -> np.ndarray:
    """What a model that learns from the known labels of one target predicts [molecules]."""
    known = ~np.isnan(y) if regression else y >= 0
    model.fit(x[known], y[known])
    return model.predict(new) if regression else model.predict_proba(new)[:, 1]


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
