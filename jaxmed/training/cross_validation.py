"""Cross-validation: every row is predicted once, by a model that has not seen it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed import checks
from jaxmed.data import batches, splits
from jaxmed.data.source import Source
from jaxmed.evaluation.evaluate import (
    Evaluation,
    compute_metrics,
    judged,
)
from jaxmed.evaluation.prediction_table import prediction_table
from jaxmed.runtime import placement
from jaxmed.tasks import Model, Task
from jaxmed.training import input_pipeline, validate
from jaxmed.training.ema import ema_params
from jaxmed.training.epoch import make_epoch
from jaxmed.training.fit import ORDER, fit
from jaxmed.training.history_row import history_row
from jaxmed.training.input_pipeline import Feed
from jaxmed.training.options import Run, Validation, check_training
from jaxmed.training.rounds import Lines, copy_arrays, epoch_lines, rounds
from jaxmed.training.step import TrainState, init_state, make_train_step
from jaxmed.training.stopping import Monitor, patience
from jaxmed.typing import AnyArray, Columns, Key, Tree


@dataclasses.dataclass(frozen=True)
class Fold:
    """Row numbers of one fold.

    Attributes:
        train: to learn from.
        validation: to monitor with; may be empty.
        test: predicted by this fold's model.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclasses.dataclass(frozen=True)
class CrossValidation:
    """What cross-validation gave. It prints as the table over all rows.

    Attributes:
        evaluation: of all rows, each predicted by the model of its fold; `trained_on` is the
            number of training rows of the fold that has the fewest.
        metrics: statistics of each fold's test rows, by name.
        models: one per fold, each with the constants counted from its own training rows.
        histories: of the training of each fold.
        together: whether all folds were one compiled program.
    """

    evaluation: Evaluation
    metrics: list[dict[str, float]]
    models: list[Model] = dataclasses.field(repr=False)
    histories: list[list[dict[str, float]]] = dataclasses.field(repr=False)
    together: bool

    def __str__(self) -> str:
        return str(self.evaluation)

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        return self.evaluation._repr_html_()

    def mean(self, name: str) -> tuple[float, float]:
        """Mean and sample standard deviation of a statistic over the folds; NaN for one fold."""
        values = [fold[name] for fold in self.metrics]
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
        return float(np.mean(values)), deviation


def cross_validate(
    task: Task,
    optimizer: optax.GradientTransformation,
    data: Columns | Source,
    *,
    folds: int | Sequence[Fold] = 5,
    key: Key,
    batch_size: int,
    epochs: int,
    held_out: float = 0.0,
    monitor: Monitor | None = None,
    patience: int | None = None,
    seed: int = 0,
    together: bool | None = None,
) -> CrossValidation:
    """Train one model per fold and predict each fold with the model that has not seen it.

    All folds are one compiled program, mapped over them, where their training rows make equally
    many batches; otherwise one is trained after another, with equal numbers up to rounding.

    Args:
        task: what to learn.
        optimizer: any Optax transformation.
        data: columns, or a source that fits into memory.
        folds: how many, stratified as the task's judge says and with whole groups where the data
            has a `group`; or the row numbers of each.
        key: fold k draws from `fold_in(key, k)`.
        batch_size: examples per step.
        epochs: how often each fold goes through its training rows, at most.
        held_out: fraction of each fold's training rows that only monitors, in [0, 1).
        monitor: which epoch of a fold is kept, such as `lowest("log_loss")` of the rows held out.
        patience: stop a fold after so many epochs without a better value.
        seed: of the folds and of what is held out.
        together: whether all folds are trained as one program; by default where that is possible.

    Raises:
        ValueError: for data or settings that cannot be trained with.
    """
    batch_size, _ = check_training(task, optimizer, key, batch_size, epochs, None)
    epochs = checks.whole("epochs", epochs)
    checks.fraction("held_out", held_out, below_one=True)
    seed = checks.whole("seed", seed, least=0)
    if together is not None:
        checks.flag("together", together)
    if monitor is not None:
        checks.made_by("monitor", monitor, Monitor, "a Monitor, such as highest('auroc')")
    if patience is not None:
        patience = checks.whole("patience", patience)
    columns = input_pipeline.in_memory(data, "data")
    if not isinstance(columns, Mapping):
        raise ValueError("data is a source that does not fit into memory: pass fewer examples.")
    if isinstance(folds, Sequence) and all(isinstance(fold, Fold) for fold in folds) and folds:
        parts = list(folds)
    else:
        count = checks.whole("folds", folds, least=2)
        parts = _folds(task, columns, count, held_out, seed)
    blind = [number for number, fold in enumerate(parts) if not len(fold.validation)]
    if monitor is not None and not monitor.of_training and blind:
        raise ValueError(
            f"monitor is {monitor.name}, but nothing is held out to monitor with in fold "
            f"{blind[0]}: pass held_out, such as 0.1, or validation rows in each of your folds."
        )
    possible = len({-(-len(fold.train) // batch_size) for fold in parts}) == 1
    if together and not possible:
        raise ValueError("together is True, but the folds make unequally many batches.")
    joint = possible if together is None else together
    plan = _Plan(task, optimizer, columns, key, batch_size, epochs, monitor, patience)
    models, histories = plan.together(parts) if joint else plan.in_turn(parts)

    tables, metrics = [], []
    size = _common_size([fold.test for fold in parts])
    for model, fold in zip(models, parts, strict=True):
        rows = {name: column[fold.test] for name, column in columns.items()}
        judge, table = prediction_table(model, {"id": fold.test, **rows}, batch_size=size)
        tables.append(table)
        metrics.append({name: float(of(table, None)) for name, of in judge.statistics.items()})
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    order = np.argsort(joined["id"], kind="stable")
    whole = {name: column[order] for name, column in joined.items()}
    fewest = min(len(fold.train) for fold in parts)
    evaluation = dataclasses.replace(
        judged(judge, whole), split=f"{len(parts)} folds", trained_on=fewest
    )
    return CrossValidation(evaluation, metrics, models, histories, joint)


def _folds(task: Task, columns: Columns, count: int, held_out: float, seed: int) -> list[Fold]:
    rows = batches.count_of(columns)
    strata = task.judge.strata
    classes = np.zeros(rows, np.int32) if strata is None else strata(columns)
    group = columns.get("group")
    folds = []
    for others, test in splits.stratified_folds(classes, count, seed=seed, group=group):
        train, validation = others, np.empty(0, np.int64)
        if held_out:
            chosen = splits.stratified_split(
                classes[others],
                (1 - held_out, held_out),
                seed=seed,
                group=None if group is None else group[others],
            )
            train, validation = (others[part] for part in chosen)
        folds.append(Fold(train, validation, test))
    return folds


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How the model of each fold is trained."""

    task: Task
    optimizer: optax.GradientTransformation
    columns: Columns
    key: Key
    batch_size: int
    epochs: int
    monitor: Monitor | None
    patience: int | None

    def rows(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {name: column[rows] for name, column in self.columns.items()}

    def in_turn(self, folds: Sequence[Fold]) -> tuple[list[Model], list[list[dict[str, float]]]]:
        found = []
        for number, fold in enumerate(folds):
            held = self.rows(fold.validation) if len(fold.validation) else None
            found.append(
                fit(
                    self.task,
                    self.optimizer,
                    self.rows(fold.train),
                    key=jax.random.fold_in(self.key, number),
                    batch_size=self.batch_size,
                    epochs=self.epochs,
                    validation=Validation(held, self.monitor, self.patience),
                    run=Run(progress=False),
                )
            )
        return [each.model for each in found], [each.history for each in found]

    def together(self, folds: Sequence[Fold]) -> tuple[list[Model], list[list[dict[str, float]]]]:
        task, numbers = self.task, batches.numeric(self.columns)
        constants = [
            validate.checked("train", task, self.rows(fold.train), training=True) for fold in folds
        ]
        states = self._first_states(len(folds), constants)
        per_epoch = -(-len(folds[0].train) // self.batch_size)
        held = [self.rows(fold.validation) if len(fold.validation) else None for fold in folds]
        size = _common_size([fold.validation for fold in folds])
        stop = patience(self.monitor, self.patience) if self.monitor and self.patience else None
        histories: list[list[dict[str, float]]] = [[] for _ in folds]
        stopped = [False] * len(folds)
        first = ema_params(states)  # refuses an average that could not be used
        chosen = copy_arrays((first.params, first.model_state))  # the states are donated
        for taken in rounds(
            self._feed(numbers),
            states,
            self._lines(folds, states),
            last=self.epochs * per_epoch,
            every=per_epoch,
            placement=placement.jit(),
        ):
            kept = ema_params(taken.state)
            current = (kept.params, kept.model_state)
            values, sums = jax.device_get((current, taken.sums))
            best = [False] * len(folds)
            for number, history in enumerate(histories):
                if stopped[number]:
                    continue
                own = jax.tree.map(lambda x, number=number: x[number], sums)
                row = history_row(task, taken.step, own, per_epoch)
                own_rows = held[number]
                if own_rows is not None:
                    model = Model(task, *_of(values, number))
                    found = compute_metrics(model, own_rows, batch_size=size)
                    row |= {f"validation/{name}": value for name, value in found.items()}
                history.append(row)
                best[number] = (
                    self.monitor is None or self.monitor.best(history) == len(history) - 1
                )
                stopped[number] = stop is not None and stop(history) is not None
            chosen = _replaced(np.array(best), chosen, current)
            if all(stopped):
                break
        best_values = jax.device_get(chosen)
        models = [Model(task, *_of(best_values, number)) for number in range(len(folds))]
        return models, histories

    def _first_states(self, folds: int, constants: Sequence[Tree]) -> TrainState:
        first = input_pipeline.first(self.columns)
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *constants)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(self.key, jnp.arange(folds))

        def state(key: Key, constants: Tree) -> TrainState:
            return init_state(self.task, self.optimizer, key, first, constants)

        return jax.jit(jax.vmap(state))(keys, stacked)  # compiled as one program

    def _feed(self, numbers: Columns) -> Feed:
        """All folds read the same split on the device, each by row numbers of its own."""
        name = ("folds", self.optimizer)
        if name not in self.task.programs:
            epoch = make_epoch(make_train_step(self.task, self.optimizer))
            self.task.programs[name] = jax.jit(jax.vmap(epoch, (0, None, 0)), donate_argnums=0)
        program, data = self.task.programs[name], jax.device_put(numbers)
        return Feed(
            "resident",
            batches.count_of(numbers),
            lambda states, rows: program(states, data, rows),
            lambda _: iter(()),
            None,
        )

    def _lines(self, folds: Sequence[Fold], states: TrainState) -> Lines:
        """Row numbers [folds, steps, batch], as `fit` would draw them for each fold alone."""
        each = [
            epoch_lines(
                batches.shuffled_rows,
                jax.random.fold_in(states.key[number], ORDER),
                len(fold.train),
                self.batch_size,
            )
            for number, fold in enumerate(folds)
        ]

        def lines(first: int, last: int) -> np.ndarray:
            own = [of(first, last) for of in each]
            return np.stack(
                [
                    np.where(rows < 0, rows, fold.train[rows]).astype(np.int32)
                    for rows, fold in zip(own, folds, strict=True)
                ]
            )

        return lines


def _common_size(parts: Sequence[np.ndarray]) -> int:
    """One batch size for parts of nearly one size, so that they share a program."""
    return min(512, max(1, max(len(part) for part in parts)))


def _of(tree: Tree, fold: int) -> Tree:
    return jax.tree.map(lambda leaf: leaf[fold], tree)


@jax.jit
def _replaced(where: AnyArray, old: Tree, new: Tree) -> Tree:
    """The new values of the folds where they are better."""

    def choose(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(where.reshape(-1, *(1,) * (a.ndim - 1)), b, a)

    return jax.tree.map(choose, old, new)
