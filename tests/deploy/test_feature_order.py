"""Features by name: an exported model reads each from its own column, or says which is missing."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.data.source import Arrays, from_arrays
from jaxmed.deploy import answers, export, load
from jaxmed.evaluation import predict
from jaxmed.tasks import Judge, Model, Task

NAMES = ("age", "creatinine", "weight")
VALUES = np.array([[60, 1.5, 80], [40, 0.5, 70], [90, 3.0, 60]], np.float32)
SHUFFLED = ("weight", "age", "creatinine")


@dataclasses.dataclass(frozen=True)
class Table(Arrays):
    """Columns in memory that know the names of their features."""

    feature_names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Read:
    """Examples that are read one by one, with names."""

    values: np.ndarray
    feature_names: tuple[str, ...] = ()

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return {"features": self.values[index]}


def table(names, values=VALUES):
    return Table({"features": values}, feature_names=names)


def risk(params, state, batch):
    """Each feature has a weight of its own, so that any exchange is seen."""
    return {"risk": batch["features"] @ jnp.array([1.0, 100.0, 10_000.0])}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    task = Task(risk, risk, risk, judge=Judge(answer=lambda outputs: outputs))
    export(Model(task, {}, {}), folder, table(NAMES))
    return load(folder)


ORDER = [NAMES.index(name) for name in SHUFFLED]
WANTED = VALUES.astype(np.float64) @ [1, 100, 10_000]


@pytest.mark.parametrize(
    "data",
    [
        table(NAMES),
        table(SHUFFLED, VALUES[:, ORDER]),
        Read(VALUES, NAMES),
        Read(VALUES[:, ORDER], SHUFFLED),
        {"features": VALUES},
        from_arrays({"features": VALUES}),
    ],
)
def test_every_feature_is_read_from_its_own_column(data, loaded):
    assert loaded.card.feature_names == [*NAMES]
    np.testing.assert_allclose(predict(loaded, data, batch_size=2)["risk"], WANTED, rtol=1e-6)
    np.testing.assert_allclose(answers(loaded, data)["risk"], WANTED, rtol=1e-6)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("age", "height", "weight"), "lacks 'creatinine' and has 'height', which the model does"),
        (("age", "creatinine"), "lacks 'weight': open it with features=\\['age', 'creatinine', "),
        ((*NAMES, "height"), "has all that the model reads and has 'height', which"),
        (("age", "creatinine", "weight", "age"), "has all that the model reads: open it with"),
        (("Age", "creatinine", "weight"), "lacks 'age' and has 'Age'"),
    ],
)
def test_missing_and_unknown_features_are_named(names, message, loaded):
    values = np.ones((2, len(names)), np.float32)
    for data in (table(names, values), Read(values, names)):
        with pytest.raises(ValueError, match=message):
            predict(loaded, data)


def test_columns_without_names_must_have_the_count(loaded):
    with pytest.raises(ValueError, match=r"shape \[2\].*the model reads \[3\]"):
        predict(loaded, {"features": VALUES[:, :2]})


def test_names_that_do_not_suit_are_refused_and_a_model_of_others_has_none(tmp_path):
    model = Model(Task(risk, risk, risk), {}, {})
    with pytest.raises(ValueError, match="feature_names has 2 names, but the model reads features"):
        export(model, tmp_path, {"features": VALUES}, feature_names=NAMES[:2])
    with pytest.raises(ValueError, match="feature_names names 'age' twice"):
        export(model, tmp_path, {"features": VALUES}, feature_names=("age", "age", "weight"))
    export(model, tmp_path, {"features": VALUES}, feature_names=NAMES)
    assert load(tmp_path).card.feature_names == [*NAMES]
    export(model, tmp_path, {"features": VALUES})
    assert load(tmp_path).card.feature_names == []
