"""Do time and memory grow linearly with the rows, up to a million?

Made-up rows of a binary question, with probabilities: `evaluate` with its bootstrap intervals, also
resampled by patient; `predictions.csv`; `from_csv`; a split of whole patients. Each is measured in
a process of its own, after its data was made: seconds, and the growth of the process at its peak
in bytes per row. The last column compares the seconds per row with those of the fewest rows; where
it is about 1, time grows linearly.

    python experiments/benchmarks/scale.py
    python experiments/benchmarks/scale.py --rows 10000 30000 --resamples 50

Memory is read from `/proc`, which only Linux has. Hardware, time and score: see
experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np

import jaxmed as jm
from jaxmed import checks
from jaxmed.evaluation import write_predictions
from jaxmed.experiment import main, results
from jaxmed.runs import record
from jaxmed.typing import Columns

FEATURES = ("age", "pressure", "pulse", "temperature")
NAMES = ("healthy", "ill")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the benchmark."""

    rows: tuple[int, ...] = (100_000, 300_000, 1_000_000)
    """Numbers of rows; the first is what the others are compared with."""
    resamples: int = 500
    """Resamples of the bootstrap."""
    rows_per_patient: int = 3
    """Rows of each patient."""
    runs: Path = Path("runs/scale")
    """The folder in which a new folder is made for this run."""


Work: TypeAlias = Callable[[Columns, Settings, Path], Callable[[], object]]
"""(made-up rows, settings, a folder) -> what is measured; preparing it is not."""


def made_up(rows: int, rows_per_patient: int) -> dict[str, np.ndarray]:
    """Features [rows, 4], labels that depend on them, and patients."""
    random = np.random.default_rng(0)
    features = random.normal(size=(rows, len(FEATURES))).astype(np.float32)
    label = (features.sum(1) + random.normal(size=rows) > 0).astype(np.int32)
    group = (np.arange(rows) // rows_per_patient).astype(np.int32)
    return {"features": features, "label": label, "group": group}


def evaluation(columns: Columns, settings: Settings, folder: Path) -> Callable[[], object]:
    """`evaluate` of a small network, resampled by row."""
    del folder
    import jax

    task = jm.tasks.binary_classification(
        jm.models.MLP(widths=(4,), outputs=1), inputs=jm.data.inputs.features(), classes=NAMES
    )
    few = {name: column[:512] for name, column in columns.items()}
    model = jm.Model(task, *task.init(jax.random.key(0), few, task.constants(few)))
    jm.evaluate(model, few, resamples=2)  # compiled apart
    return lambda: jm.evaluate(model, columns, resamples=settings.resamples)


def evaluation_by_row(columns: Columns, settings: Settings, folder: Path) -> Callable[[], object]:
    """The same without patients."""
    alone = {name: column for name, column in columns.items() if name != "group"}
    return evaluation(alone, settings, folder)


def predictions(columns: Columns, settings: Settings, folder: Path) -> Callable[[], object]:
    """Writing `predictions.csv`."""
    del settings
    label, rows = columns["label"], np.arange(len(columns["label"]))
    p = np.random.default_rng(1).random(len(label), np.float32)
    both = np.stack([1 - p, p], axis=1)
    table = {"id": rows, "label": label, "probabilities": both, "group": columns["group"]}
    return lambda: write_predictions(folder / "predictions.csv", table, {"probabilities": NAMES})


def table(columns: Columns, settings: Settings, folder: Path) -> Callable[[], object]:
    """Reading a CSV file."""
    del settings
    numbers = dict(zip(FEATURES, columns["features"].T, strict=True))
    words = {"diagnosis": np.array(NAMES)[columns["label"]], "patient": columns["group"]}
    whole = {**numbers, **words}
    write_predictions(folder / "rows.csv", whole)
    write_predictions(folder / "few.csv", {name: column[:100] for name, column in whole.items()})

    def read(name: str) -> object:
        return jm.data.from_csv(
            folder / name, features=FEATURES, label="diagnosis", classes=NAMES, group="patient"
        )

    read("few.csv")  # what it imports is loaded apart
    return lambda: read("rows.csv")


def split(columns: Columns, settings: Settings, folder: Path) -> Callable[[], object]:
    """A split of whole patients."""
    del settings, folder
    source = jm.data.from_arrays(columns, classes=NAMES)
    return lambda: jm.data.split(source, (0.7, 0.15, 0.15), seed=0)


WORK: dict[str, Work] = {
    "evaluate": evaluation_by_row,
    "evaluate by patient": evaluation,
    "predictions.csv": predictions,
    "from_csv": table,
    "split by patient": split,
}


def measured(name: str, rows: int, settings: Settings) -> tuple[float, float]:
    """Seconds, and bytes per row at the peak; called in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="jaxmed-scale-") as folder:
        act = WORK[name](made_up(rows, settings.rows_per_patient), settings, Path(folder))
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        before, started = peak(), time.perf_counter()
        act()
        return time.perf_counter() - started, (peak() - before) / rows


def peak() -> float:
    """The largest resident size of this process so far, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise OSError("/proc/self/status has no VmHWM, the peak of memory: use Linux.")
    return 1024.0 * int(found[1])


def experiment(settings: Settings) -> dict[str, list[tuple[float, float]]]:
    """Measure all; by name, seconds and bytes per row for each number of rows."""
    checks.at_least("numbers of rows", len(settings.rows), 1)
    context = multiprocessing.get_context("spawn")
    found: dict[str, list[tuple[float, float]]] = {}
    values: dict[str, list[float]] = {}
    print(f"{'':>20}{'rows':>12}{'seconds':>10}{'bytes per row':>15}{'time per row':>14}")
    for name in WORK:
        for rows in settings.rows:
            with context.Pool(1) as pool:
                seconds, size = pool.apply(measured, (name, rows, settings))
            found.setdefault(name, []).append((seconds, size))
            relative = seconds / rows / (found[name][0][0] / settings.rows[0])
            print(f"{name:>20}{rows:>12,}{seconds:>10.2f}{size:>15,.0f}{relative:>12.2f} x")
            part = f"{name}, {rows:,} rows"
            values |= {
                f"{part}/seconds": [seconds],
                f"{part}/bytes_per_row": [round(size)],
                f"{part}/relative_time_per_row": [relative],
            }
    most = f"{settings.rows[-1]:,} rows"
    folder = record.new_run(settings.runs)
    results.from_runs(
        values,
        question="Do time and memory grow linearly with the rows?",
        data="made-up rows of a binary question",
        recipe=f"{settings.resamples} resamples, {settings.rows_per_patient} rows per patient",
        script=__file__,
        settings=settings,
        seeds=(),
        seconds=(),
        headline=[f"{name}, {most}/seconds" for name in WORK],
        note="Memory is the growth of the process at its peak, beyond the data.",
    ).write(folder / "result.json")
    print(f"results: {folder / 'result.json'}")
    return found


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
