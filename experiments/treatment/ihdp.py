"""What does a treatment change for each child? IHDP's replications, beside a Gaussian process.

All networks are one program, mapped over replications and members. A network multiplies the
covariates by a matrix of few columns and gives a smooth outcome for each treatment (`TARNet` with
`projections`). Settings are chosen on replications that are drawn here from the published rule by
which IHDP's outcomes were simulated (`--score drawn`); the true effects of the published
replications are used once, to score. The same table has two regressions per treatment by a Gaussian
process, and by boosted trees.

    python experiments/treatment/ihdp.py --score drawn
    python experiments/treatment/ihdp.py --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import metrics, models, tasks, transforms
from jaxmed.experiment import ExperimentSettings, Summary, main, results, run_folder
from jaxmed.runs.manifest import write_manifest
from jaxmed.training.cross_validation import Fold

GAUSSIAN, TREES = "Gaussian process", "boosted trees"
KEPT_BACK = 30
"""Replications after this one also stand alone, as those that no setting was chosen on."""
KNOWN = ("mu0", "mu1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    score: Literal["test", "drawn"] = "test"
    """The published replications, or others that are drawn here, to choose settings on."""
    replications: int = 40
    """How many replications, from the first one."""
    network: Literal["tarnet", "cfr_mmd", "cfr_wasserstein", "dragonnet"] = "tarnet"
    """What is trained: without or with a balance of the arms, or with a propensity."""
    projections: int | None = 1
    """Weighted sums of the covariates that the outcomes are functions of; None for all."""
    widths: tuple[int, ...] = ()
    """Units of the shared layers."""
    head_widths: tuple[int, ...] = (16, 16)
    """Units of the hidden layers of each outcome."""
    members: int = 3
    """Networks whose outcomes are averaged."""
    learning_rate: float = 5e-3
    """The first learning rate of Adam; it falls to 0 by a cosine."""
    weight_decay: float = 1e-3
    """Weight of the squared kernels in the loss."""
    batch_size: int = 336
    """Children per step."""
    steps: int = 1000
    """Training steps, rounded to whole epochs."""
    baselines: bool = True
    """Whether the Gaussian process and the boosted trees are trained too."""
    runs: Path = Path("runs/ihdp")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train all replications once per seed, and compare with two regressions per treatment."""
    if settings.resume is not None:
        raise ValueError(
            f"resume is {str(settings.resume)!r}, but replications keep no checkpoints: leave it "
            "out."
        )
    rows, folds = replications(settings)
    root = run_folder(settings)
    found: dict[str, dict[str, np.ndarray]] = {}
    values: dict[str, list[float]] = {}
    seconds = []
    if settings.baselines:
        for name in (GAUSSIAN, TREES):
            started = time.perf_counter()
            effects = [two_regressions(name, rows, fold) for fold in folds]
            found[name] = errors(rows, folds, effects)
            values[f"{name}/seconds"] = [time.perf_counter() - started]
            add(values, f"{name}/", found[name])
    for seed in settings.seeds:
        started = time.perf_counter()
        trained = networks(settings, rows, folds, seed)
        seconds.append(time.perf_counter() - started)
        effects = [
            {
                part: jm.predict(model, jm.data.take_rows(rows, chosen))["effect"]
                for part, chosen in parts(fold).items()
            }
            for model, fold in zip(trained, folds, strict=True)
        ]
        own = errors(rows, folds, effects)
        add(values, "", own)
        for name, other in found.items():
            for part in ("in", "out"):
                better = own[f"root_pehe_{part}"] < other[f"root_pehe_{part}"]
                values.setdefault(
                    f"better_than_{name.lower().replace(' ', '_')}_{part}", []
                ).append(float(better.mean()))
    result = results.from_runs(
        values,
        question="What does a treatment change for each child?",
        data=f"IHDP, {len(folds)} {'published' if settings.score == 'test' else 'drawn'} "
        f"replications, {len(folds[0].train)} training rows each",
        recipe=f"{described(settings)}, mean of {settings.members}, one program",
        script=__file__,
        settings=settings,
        seeds=settings.seeds,
        seconds=seconds,
        sizes=results.Sizes(
            settings.score, sum(len(fold.test) for fold in folds), len(folds[0].train)
        ),
        headline=tuple(
            f"{row}root_pehe_{part}"
            for row in ("", *(f"{name}/" for name in found))
            for part in ("in", "out")
        ),
        note="Means over replications; deviations over seeds. in: the training rows, from their "
        "covariates alone; out: the test rows of CFR.",
    )
    result.write(root / "result.json")
    write_manifest(root)
    for name, summary in result.metrics.items():
        print(f"{name}: {summary.mean:.4f} ± {summary.deviation or 0:.4f}")
    print(f"results: {root / 'result.json'}")
    return dict(result.metrics)


def replications(settings: Settings) -> tuple[dict[str, np.ndarray], list[Fold]]:
    """All replications one below the other, and the rows of each."""
    train, _, test = jm.data.load("ihdp", **settings.places())
    names = ("features", "treatment", "label", *KNOWN, "replication", "id")
    rows = {name: np.concatenate([train.columns[name], test.columns[name]]) for name in names}
    is_test = np.arange(len(rows["id"])) >= len(train.columns["id"])
    numbers = np.unique(rows["replication"])[: settings.replications]
    if settings.score == "drawn":
        first = np.flatnonzero(rows["replication"] == numbers[0])
        children = {name: rows[name][first] for name in ("features", "treatment")}
        share = is_test[first].mean()
        return drawn(children, settings.replications, share)
    folds = []
    for number in numbers:
        own = rows["replication"] == number
        folds.append(
            Fold(np.flatnonzero(own & ~is_test), np.empty(0, int), np.flatnonzero(own & is_test))
        )
    return rows, folds


def drawn(
    children: Mapping[str, np.ndarray], count: int, share: float
) -> tuple[dict[str, np.ndarray], list[Fold]]:
    """Replications of Hill's response surface B: exp((x + 1/2) b) without treatment, x b with.

    b is 0, .1, .2, .3 or .4 with probability .6, .1, .1, .1, .1; a constant makes the effect on the
    treated 4; the noise has deviation 1 (Hill 2011, section 4.1).
    """
    x, t = children["features"].astype(np.float64), children["treatment"]
    every: list[dict[str, np.ndarray]] = []
    folds = []
    for number in range(count):
        random = np.random.default_rng((2011, number))
        b = random.choice([0, 0.1, 0.2, 0.3, 0.4], size=x.shape[1], p=[0.6, *[0.1] * 4])
        mu0, mu1 = np.exp((x + 0.5) @ b), x @ b
        mu1 = mu1 - (mu1 - mu0)[t == 1].mean() + 4
        y = np.where(t == 1, mu1, mu0) + random.normal(size=len(t))
        columns = {"features": x, "label": y, "mu0": mu0, "mu1": mu1}
        every.append(
            {name: column.astype(np.float32) for name, column in columns.items()} | {"treatment": t}
        )
        order = number * len(t) + random.permutation(len(t))
        cut = round(share * len(t))
        folds.append(Fold(np.sort(order[cut:]), np.empty(0, int), np.sort(order[:cut])))
    return {name: np.concatenate([each[name] for each in every]) for name in every[0]}, folds


def networks(
    settings: Settings, rows: Mapping[str, np.ndarray], folds: Sequence[Fold], seed: int
) -> list[jm.Model]:
    """A model per replication, each normalized by its own training rows, all as one program."""
    per_epoch = -(-len(folds[0].train) // settings.batch_size)
    epochs = max(1, round(settings.steps / per_epoch))
    schedule = optax.cosine_decay_schedule(settings.learning_rate, epochs * per_epoch)

    def kernels(params: Any) -> Any:
        return jax.tree.map_with_path(lambda path, _: path[-1].key == "kernel", params)

    penalty = optax.add_decayed_weights(2 * settings.weight_decay, mask=kernels)
    return jm.cross_validate(
        transforms.ensemble(effects_task(settings), members=settings.members),
        optax.chain(penalty, optax.adam(schedule)),
        rows,
        folds=folds,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        epochs=epochs,
    ).models


def effects_task(settings: Settings) -> jm.Task:
    """The task of one network."""
    inputs = jm.data.inputs.features()
    layers = (settings.widths, settings.head_widths, settings.projections)
    if settings.network == "dragonnet":
        return tasks.targeted_effects(models.DragonNet(*layers), inputs=inputs, known=KNOWN)
    balances = {"cfr_mmd": tasks.mmd_balance(), "cfr_wasserstein": tasks.wasserstein_balance()}
    return tasks.treatment_effects(
        models.TARNet(*layers),
        inputs=inputs,
        known=KNOWN,
        balance=balances.get(settings.network),
    )


def two_regressions(kind: str, rows: Mapping[str, np.ndarray], fold: Fold) -> dict[str, np.ndarray]:
    """The effects in and out of sample by one regression per treatment (T-learner)."""
    from sklearn import ensemble, gaussian_process, preprocessing
    from sklearn.gaussian_process import kernels

    def regression() -> Any:
        if kind == TREES:
            return ensemble.GradientBoostingRegressor(random_state=0)
        kernel = kernels.ConstantKernel(1.0) * kernels.RBF(5.0) + kernels.WhiteKernel(0.5)
        return gaussian_process.GaussianProcessRegressor(kernel, normalize_y=True)

    scaler = preprocessing.StandardScaler().fit(rows["features"][fold.train])
    x = scaler.transform(rows["features"])
    outcomes = {}
    for arm in (0, 1):
        own = fold.train[rows["treatment"][fold.train] == arm]
        model = regression().fit(x[own], rows["label"][own])
        for part, chosen in parts(fold).items():
            outcomes[arm, part] = model.predict(x[chosen])
    return {part: outcomes[1, part] - outcomes[0, part] for part in parts(fold)}


def errors(
    rows: Mapping[str, np.ndarray],
    folds: Sequence[Fold],
    effects: Sequence[Mapping[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """The errors of each replication, by name."""
    found: dict[str, list[float]] = {}
    for fold, own in zip(folds, effects, strict=True):
        for part, chosen in parts(fold).items():
            truth = rows["mu1"][chosen] - rows["mu0"][chosen]
            for name in ("root_pehe", "ate_error"):
                value = getattr(metrics, name)(truth, own[part])
                found.setdefault(f"{name}_{part}", []).append(value)
    return {name: np.array(each) for name, each in found.items()}


def add(values: dict[str, list[float]], prefix: str, found: Mapping[str, np.ndarray]) -> None:
    """Add means over replications, medians, and means over those that are kept back."""
    for name, each in found.items():
        values.setdefault(f"{prefix}{name}", []).append(float(each.mean()))
        if name.startswith("root_pehe"):
            values.setdefault(f"{prefix}median_{name}", []).append(float(np.median(each)))
            if len(each) > KEPT_BACK:
                kept = float(each[KEPT_BACK:].mean())
                values.setdefault(f"{prefix}kept_back_{name}", []).append(kept)


def parts(fold: Fold) -> dict[str, np.ndarray]:
    """The rows in sample and out of it."""
    return {"in": fold.train, "out": fold.test}


def described(settings: Settings) -> str:
    """The networks in words."""
    names = {
        "tarnet": "TARNet",
        "cfr_mmd": "CFR (MMD)",
        "cfr_wasserstein": "CFR (Wasserstein)",
        "dragonnet": "DragonNet",
    }
    count = settings.projections
    few = "" if count is None else f" on {count} weighted sum{'s' if count > 1 else ''}"
    layers = "-".join(map(str, (*settings.widths, *settings.head_widths)))
    return f"{names[settings.network]} {layers}{few}"


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
