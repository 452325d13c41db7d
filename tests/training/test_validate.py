"""Data that cannot be trained with is refused in one sentence, whether in columns or streamed."""

from __future__ import annotations

import dataclasses
import math

import jax
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from training.linear import FEATURES, LABEL, TRAIN, train

from jaxmed import losses, tasks
from jaxmed.data import inputs
from jaxmed.models import MLP
from jaxmed.training import Execution, input_pipeline, validate


@dataclasses.dataclass(frozen=True)
class Unlisted:
    """A source whose columns cannot be seen, only its examples."""

    columns_: dict

    def __len__(self) -> int:
        return len(next(iter(self.columns_.values())))

    def __getitem__(self, index):
        return {name: np.asarray(column[index]) for name, column in self.columns_.items()}


@pytest.fixture
def too_big(monkeypatch):
    """No source fits into memory, and three examples are read at once."""
    monkeypatch.setattr(input_pipeline, "memory_of", lambda device: 0)
    monkeypatch.setattr(validate, "_CHUNK", 3)


def with_row(column, row, value):
    changed = column.copy()
    changed[row] = value
    return changed


MULTICLASS = dict(EXAMPLES["multiclass"].columns)
BAD = {
    "no label": ({"features": FEATURES}, {}, "train has the columns features, but needs a `label`"),
    "empty": ({"features": FEATURES[:0], "label": LABEL[:0]}, {}, "train is empty: give it"),
    "NaN": (
        {"features": with_row(FEATURES, 7, math.nan), "label": LABEL},
        {},
        "train holds NaN or infinity in `features`, 1 rows, the first is row 7: leave those",
    ),
    "infinite label": (
        {"features": FEATURES, "label": with_row(LABEL, 3, math.inf)},
        {},
        "train holds NaN or infinity in `label`, 1 rows, the first is row 3",
    ),
    "unequal": (
        {"features": FEATURES, "label": LABEL[:9]},
        {},
        "train has columns of unequal length, .*20.*9.*: give each one row per example",
    ),
    "validation": (
        TRAIN,
        {"validation": {"features": with_row(FEATURES, 4, math.nan), "label": LABEL}},
        "validation holds NaN or infinity in `features`, 1 rows, the first is row 4",
    ),
}
BAD_LABELS = {
    "outside": (
        with_row(MULTICLASS["label"], 6, 3),
        "train has the label 3 in row 6, outside the classes 0 to 2: correct the labels",
    ),
    "negative": (with_row(MULTICLASS["label"], 2, -1), "train has the label -1 in row 2, outside"),
    "missing": (
        np.where(MULTICLASS["label"] == 1, 0, MULTICLASS["label"]),
        r"train has no example of class 1 \(of 3\): leave that class out",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name):
    columns, options, message = BAD[name]
    with pytest.raises(ValueError, match=message) as caught:
        train(columns=columns, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_do_not_fit_the_task_are_refused(name):
    label, message = BAD_LABELS[name]
    with pytest.raises(ValueError, match=message):
        train(EXAMPLES["multiclass"].task, columns=MULTICLASS | {"label": label})


STREAMED = {
    "no label": ({"label": None}, "needs a `label`"),
    "outside": ({"label": BAD_LABELS["outside"][0]}, "has the label 3 in row .*outside the class"),
    "missing": ({"label": BAD_LABELS["missing"][0]}, BAD_LABELS["missing"][1]),
    "NaN": (
        {"features": with_row(MULTICLASS["features"], 30, math.nan)},
        "in its rows 30 to 32, holds NaN or infinity in `features`",
    ),
}


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("name", STREAMED)
def test_what_is_streamed_is_checked_before_the_first_step(name, split, too_big):
    change, message = STREAMED[name]
    columns = {key: x for key, x in (MULTICLASS | change).items() if x is not None}
    splits = {"train": MULTICLASS, "validation": MULTICLASS} | {split: columns}

    def begin(task=EXAMPLES["multiclass"].task):
        return train(
            task, columns=Unlisted(splits["train"]), validation=Unlisted(splits["validation"]),
            execution=Execution(workers=0), epochs=1,
        )  # fmt: skip

    if (name, split) == ("missing", "validation"):
        assert math.isfinite(begin().history[0]["validation/accuracy"])
        return
    with pytest.raises(ValueError, match=message) as caught:
        begin()
    assert str(caught.value).startswith(split)


def test_an_empty_source_is_refused(too_big):
    with pytest.raises(ValueError, match="train is empty: give it at least one example"):
        train(columns=Unlisted({"features": FEATURES[:0], "label": LABEL[:0]}))


def test_a_class_may_be_missing_from_validation_but_not_lie_outside():
    example = EXAMPLES["multiclass"]
    some = {name: column[:2] for name, column in MULTICLASS.items()}
    done = train(example.task, columns=MULTICLASS, validation=some, epochs=1)
    assert math.isfinite(done.history[0]["validation/accuracy"])
    outside = some | {"label": np.array([0, 7], np.int32)}
    with pytest.raises(ValueError, match="validation has the label 7 in row 1, outside"):
        train(example.task, columns=MULTICLASS, validation=outside)


# Constants


SHARES = np.bincount(MULTICLASS["label"]) / len(MULTICLASS["label"])
_missing = MULTICLASS["features"].copy()
_missing[[3, 9, 9, 20], [0, 0, 2, 5]] = np.nan


def counting(fill=None):
    return tasks.classification(
        MLP((4,), 3),
        classes=3,
        inputs=inputs.features(fill=fill),
        loss=losses.prior_adjusted(classes=3),
    )


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("fill", [None, "mean"])
@pytest.mark.parametrize("devices", ["jit", "sharded", "pmap"])
def test_constants_are_numpy_s_wherever_the_rows_come_from(streamed, fill, devices, too_big):
    from jaxmed.runtime import placement

    features = MULTICLASS["features"] if fill is None else _missing
    columns = MULTICLASS | {"features": features}
    done = train(
        counting(fill), optax.sgd(0.1), Unlisted(columns) if streamed else columns,
        batch_size=16, epochs=2,
        execution=Execution(getattr(placement, devices)(), workers=0),
    )  # fmt: skip
    assert done.data == ("streamed" if streamed else "resident")
    found = jax.device_get(done.model.state["fitted"])
    exact = features.astype(np.float64)
    np.testing.assert_allclose(found["inputs"]["mean"], np.nanmean(exact, 0), atol=1e-6)
    np.testing.assert_allclose(found["inputs"]["deviation"], np.nanstd(exact, 0), rtol=1e-6)
    np.testing.assert_allclose(found["loss"]["prior"], SHARES, rtol=1e-6)


def test_constants_are_counted_once_and_from_no_other_split(monkeypatch):
    seen = []
    real = inputs.moments
    monkeypatch.setattr(inputs, "moments", lambda column: seen.append(column) or real(column))
    task = counting()
    half = {name: column[:22] for name, column in MULTICLASS.items()}
    other = {name: column[22:] for name, column in MULTICLASS.items()}
    train(task, columns=half, validation=other, epochs=3)
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], half["features"])


def test_a_missing_value_is_refused_unless_it_is_filled():
    columns = MULTICLASS | {"features": _missing}
    with pytest.raises(ValueError, match=r"4 rows|3 rows.*inputs.features\(fill='mean'\)"):
        train(counting(), columns=columns)
    done = train(counting("mean"), columns=columns, epochs=1)
    assert math.isfinite(done.history[0]["train/loss"])


def test_infinity_is_no_missing_value():
    columns = MULTICLASS | {"features": with_row(_missing, 1, np.inf)}
    with pytest.raises(ValueError, match="infinity in `features`, 1 rows, the first is row 1"):
        train(counting("mean"), columns=columns)


def test_a_mask_of_the_callers_is_not_overwritten():
    with pytest.raises(ValueError, match=r"train holds a column `mask`, .*: rename it"):
        train(columns={**TRAIN, "mask": np.zeros(len(LABEL), np.float32)}, epochs=1)
