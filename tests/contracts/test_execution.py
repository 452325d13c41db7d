"""`Execution` changes how fast training goes, and no number beyond rounding."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES

from jaxmed.data.source import from_arrays
from jaxmed.runtime import placement
from jaxmed.training import Execution, Run, Validation, fit, input_pipeline

EXAMPLE = EXAMPLES["dropout"]


@dataclasses.dataclass(frozen=True)
class Unlisted:
    """A source whose columns cannot be seen, only its examples."""

    inner: object

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index):
        return self.inner[index]


def train(data, execution):
    return fit(
        EXAMPLE.task,
        optax.sgd(0.1),
        data,
        key=jax.random.key(0),
        batch_size=16,
        epochs=2,
        validation=Validation(data),
        run=Run(progress=False),
        execution=execution,
    )


def numbers(trained):
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in trained.history]
    return jax.device_get((trained.model.params, trained.model.state)), rows


@pytest.fixture(scope="module")
def expected():
    return numbers(train(dict(EXAMPLE.columns), Execution()))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "execution",
    [
        Execution(workers=0),
        Execution(placement.pmap(), workers=0),
        Execution(placement.sharded(), workers=0),
        Execution(placement.sharded(shard_from=16), workers=0),
        pytest.param(Execution(workers=2), marks=pytest.mark.slow),
    ],
    ids=["one", "pmap", "sharded", "divided", "workers"],
)
def test_no_number_depends_on_where_and_how_fast(execution, streamed, expected, monkeypatch):
    data = dict(EXAMPLE.columns)
    if streamed:
        monkeypatch.setattr(input_pipeline, "memory_of", lambda device: 0)
        data = Unlisted(from_arrays(data))
    trained = train(data, execution)
    assert trained.data == ("streamed" if streamed else "resident")
    (ours, rows), (theirs, expected_rows) = numbers(trained), expected
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6), ours, theirs)
    assert len(rows) == len(expected_rows) == 2
    for row, other in zip(rows, expected_rows, strict=True):
        assert row == pytest.approx(other, rel=1e-5, abs=1e-6)


def test_a_run_s_folder_changes_no_bit(tmp_path, expected):
    run = Run(tmp_path, progress=False, artifacts=False)
    trained = fit(
        EXAMPLE.task,
        optax.sgd(0.1),
        dict(EXAMPLE.columns),
        key=jax.random.key(0),
        batch_size=16,
        epochs=2,
        validation=Validation(dict(EXAMPLE.columns)),
        run=run,
    )
    (ours, rows), (theirs, expected_rows) = numbers(trained), expected
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    assert rows == expected_rows
