"""The table over seeds, and the result that `run_seeds` writes."""

from __future__ import annotations

from pathlib import Path

import jax
import optax
from tasks.kinds import KINDS

import jaxmed as jm
from jaxmed.experiment import ExperimentSettings, results, run_seeds, seed_table, summarize


def test_one_seed_has_no_deviation_and_several_have():
    once = seed_table({"auroc": summarize([0.75]), "f1": summarize([0.5])})
    assert once.splitlines() == ["", "one seed", "  auroc  0.750", "  f1     0.500"]
    twice = seed_table({"auroc": summarize([0.75, 0.25])})
    assert "standard deviation over 2 seeds" in twice
    assert "auroc  0.5000 ± 0.3536" in twice


def test_a_run_says_split_and_sizes_everywhere(tmp_path, capsys):
    kind = KINDS["binary"]
    columns = {name: column[:30] for name, column in kind.columns.items()}

    def train(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            kind.task, optax.sgd(0.1), columns, key=jax.random.key(seed), batch_size=16, epochs=1,
            run=run,
        )  # fmt: skip

    run_seeds(
        train,
        kind.columns,
        settings=ExperimentSettings(runs=tmp_path),
        script="experiments/start/made_up.py",
        question="Who is ill?",
        data="made up",
        recipe="MLP",
        split="validation",
    )
    (path,) = tmp_path.rglob("result.json")
    assert results.read_result(path).sizes == results.Sizes("validation", 44, 30)
    printed = capsys.readouterr().out
    assert "\nvalidation: 44 predictions, trained on 30 rows\n" in printed
    assert "\n  sensitivity (ill) " in printed
    assert "±" not in printed
    page = Path(path.parent, "seed-0", "report.html").read_text(encoding="utf-8")
    assert "44 cases in the split &#39;validation&#39; were evaluated" in page
    assert "trained on 30 rows" in page
