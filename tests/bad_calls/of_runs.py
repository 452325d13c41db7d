"""Training, export and what is left on disk: refused before anything is read or written."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile

import jax
import numpy as np
import optax
from bad_calls.call import Call, call, ending_early
from bad_calls.kinds import (
    AT_LEAST_0,
    BELOW_ONE,
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    FLAG,
    FUNCTION,
    NUMBER,
    OBJECT,
    PATH,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    array,
)
from bad_calls.of_results import EXAMPLE, STATE

from jaxmed import deploy, training
from jaxmed.data import batches, inputs
from jaxmed.runs import history, loggers, record
from jaxmed.tasks import Model
from jaxmed.training import stopping

FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
OBJECT_OR_NONE = OBJECT.optional()
FUNCTIONS = Kind([*OBJECT.bad[:17], 1, 2.5, True, "", "x", b"a", {}, {"a": 1}, [1], [None]])
FUNCTIONS = FUNCTIONS.also(np.zeros((2, 2)), [int, 3], 0, float("nan"), lambda: None)
KEY = Kind(
    [x for x in OBJECT.bad if not hasattr(x, "dtype")] + [np.zeros(3), np.zeros(2), np.uint32(3)],
    lambda good: [jax.random.key_data(good)],
)
LABELS = array(1)
monitor = (stopping.highest("auroc"), OBJECT_OR_NONE)


def one_step(**arguments):
    """`fit` for one step of a batch, with nothing shown and nothing compiled for bad arguments."""
    return training.fit(**arguments).history[0]["step"]


arguments = {
    "task": (EXAMPLE.task, Kind([*OBJECT.bad, Model])),
    "optimizer": (optax.sgd(0.1), Kind([*OBJECT.bad, optax.sgd, "adam"])),
    "train": (
        dict(EXAMPLE.columns),
        COLUMNS.also(
            {"features": np.zeros((3, 6), np.float32)},
            {"features": np.zeros((3, 6), np.float32), "label": np.array(["a", "b", "c"])},
            {"image": np.zeros((3, 2, 2, 1), np.uint8), "label": np.zeros(3, np.float32)},
            {"features": np.full((3, 6), np.nan), "label": np.zeros(3)},
        ),
    ),
    "key": (jax.random.key(0), KEY),
    "batch_size": (44, COUNT),
    "epochs": (1.0, POSITIVE.also(10**18).optional()),
    "steps": (1, COUNT.optional()),
    "gradient": (training.gradients.mean, FUNCTION),
    "order": (batches.shuffled_rows, FUNCTION),
    "validation": (None, OBJECT_OR_NONE),
    "run": (training.Run(progress=False), OBJECT_OR_NONE),
    "execution": (None, OBJECT_OR_NONE),
}
deploy.export(
    Model(EXAMPLE.task, STATE.params, STATE.model_state), f"{FOLDER}/once", dict(EXAMPLE.columns)
)
LOADED = deploy.load(f"{FOLDER}/once")
SEVEN = {name: column[:7] for name, column in EXAMPLE.columns.items()}
CALLS: dict[str, Call] = {
    "training.fit": call(
        one_step,
        {"train": "train|data", "epochs": "epochs|steps", "steps": "epochs|steps"},
        **arguments,
    ),
    "training.cross_validate": call(
        ending_early(training.cross_validate, "unequally many batches"),
        {"folds": "folds|class", "monitor": "monitor|patience"},
        task=arguments["task"],
        optimizer=arguments["optimizer"],
        data=(SEVEN, COLUMNS),
        folds=(2, Kind([*COUNT.bad, 1, 8])),
        key=(jax.random.key(0), KEY),
        batch_size=(3, COUNT),
        epochs=(1, COUNT),
        held_out=(0.0, BELOW_ONE),
        monitor=(None, OBJECT_OR_NONE),
        patience=(2, COUNT.optional()),
        seed=(0, COUNT_FROM_0),
        together=(True, Kind([value for value in FLAG.bad if value is not None])),
    ),
    "training.Validation": call(
        training.Validation,
        {"monitor": "monitor|patience"},
        data=dict(EXAMPLE.columns),
        monitor=(monitor[0], OBJECT),
        patience=(2, COUNT.optional()),
        stop=((), FUNCTIONS),
        every=(5, COUNT.optional()),
        measure=(print, FUNCTION.optional()),
    ),
    "training.Run": call(
        training.Run,
        directory=("runs/x", PATH.optional()),
        resume=(False, FLAG),
        start=(STATE, OBJECT_OR_NONE),
        loggers=((), FUNCTIONS),
        progress=(False, FLAG),
        artifacts=(False, FLAG),
    ),
    "training.Execution": call(
        training.Execution, placement=(None, OBJECT_OR_NONE), workers=(2, COUNT_FROM_0)
    ),
    "training.stopping.patience": call(
        stopping.patience, {"rounds": "patience"}, monitor=(monitor[0], OBJECT), rounds=(2, COUNT)
    ),
    "training.stopping.reached": call(
        stopping.reached, monitor=(monitor[0], OBJECT), target=(0.5, NUMBER)
    ),
    "training.stopping.highest": call(stopping.highest, name=("auroc", TEXT)),
    "training.stopping.lowest": call(stopping.lowest, name=("loss", TEXT)),
    "training.ema": call(training.ema, optimizer=optax.sgd(0.1), decay=(0.9, BELOW_ONE)),
    "data.batches.by_length": call(batches.by_length, lengths=([3, 1, 2], LABELS), pool=(2, COUNT)),
    "data.batches.balanced": call(
        batches.balanced, labels=([0, 1, 1], LABELS), power=(0.5, Kind(BELOW_ONE.bad[:-2]))
    ),
    "data.batches.ordered_rows": call(batches.ordered_rows, rows=3, batch_size=(2, COUNT)),
    "data.inputs.features": call(
        inputs.features,
        fill=("mean", TEXT.also("median").optional()),
        indicators=(True, FLAG),
        hinges=((-1.0, 1.0), Kind([None, "a", 1.0, {1.0}, [np.nan], ["a"], [[1.0]], [None]])),
    ),
    "deploy.export": call(
        lambda **given: deploy.export(**given) and None,
        model=(Model(EXAMPLE.task, STATE.params, STATE.model_state), Kind([*OBJECT.bad, Model])),
        directory=(f"{FOLDER}/exported", PATH),
        data=(dict(EXAMPLE.columns), COLUMNS),
        boundaries=(False, FLAG),
        feature_names=((), TEXTS.also(["a"])),
        schema=(None, OBJECT_OR_NONE),
        target=("", Kind([value for value in TEXT.bad if not isinstance(value, str)])),
    ),
    "deploy.answers": call(
        lambda **given: deploy.answers(**given) and None,
        model=(LOADED, Kind([*OBJECT.bad, Model])),
        data=(dict(EXAMPLE.columns), COLUMNS),
        batch_size=(64, COUNT),
    ),
    "deploy.load": call(
        lambda directory: _raised(deploy.load, directory), directory=(FOLDER, PATH)
    ),
    "runs.record.new_run": call(
        lambda root: record.new_run(root) and None, root=(f"{FOLDER}/runs", PATH)
    ),
    "runs.record.write_config": call(
        record.write_config,
        directory=(f"{FOLDER}/run", PATH),
        name=("settings", TEXT),
        settings={"a": 1},
    ),
    "runs.loggers.jsonl": call(loggers.jsonl, path=(f"{FOLDER}/metrics.jsonl", PATH)),
    "runs.loggers.progress": call(
        loggers.progress, steps=(3, COUNT), file=io.StringIO(), seconds=(1.0, AT_LEAST_0)
    ),
    "runs.history.write_history": call(
        history.write_history, path=(f"{FOLDER}/rows.jsonl", PATH), rows=[{"epoch": 1}]
    ),
}


def _raised(function, directory):
    """Nothing where a folder is read and holds no model; other errors as they are."""
    try:
        function(directory)
    except FileNotFoundError as error:
        if "holds no model" not in str(error):
            raise
