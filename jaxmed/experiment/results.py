"""What an experiment found, as one JSON file that says how to find it again.

A run writes a `Result` beside its other files. A result that is published is copied to
`experiments/results/`, from which `jaxmed.experiment.tables` makes every table of the pages, so
that a table and the numbers behind it cannot differ.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.experiment import json_fields, provenance
from jaxmed.files import write_whole
from jaxmed.runs import record
from jaxmed.runs.plain import jsonable

Values: TypeAlias = Sequence[float] | np.ndarray
"""One number per seed."""
ORIGINS = ("measured", "transcribed")
"""Written by a run, or taken over from the table of version 0.1.0."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """One metric over the seeds.

    Attributes:
        mean: over the seeds; NaN where the metric is undefined.
        deviation: standard deviation of a sample (divisor n - 1); None for a single value, or
            where none was published.
        values: one per seed; empty where only the mean was published.
    """

    mean: float
    deviation: float | None = None
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.values:
            return
        mean, deviation = _mean_and_deviation(self.values)
        for name, counted in {"mean": mean, "deviation": deviation}.items():
            if not _same(getattr(self, name), counted):
                stated = getattr(self, name)
                raise ValueError(f"{name} is {stated}, but its values give {counted}.")


def summarize(values: Values) -> Summary:
    """Mean and sample standard deviation of one value per seed.

    Example:
        >>> summarize([0.5, 0.75])
        Summary(mean=0.625, deviation=0.1767766952966369, values=(0.5, 0.75))
        >>> summarize([0.5])
        Summary(mean=0.5, deviation=None, values=(0.5,))
    """
    if len(values) == 0:
        raise ValueError("values is empty, but must hold one value per seed.")
    found = tuple(float(value) for value in values)
    return Summary(*_mean_and_deviation(found), found)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What the metrics are of.

    Attributes:
        split: what was evaluated, such as "test" or "5 folds".
        rows: of it, at least 1.
        train_rows: that a model was trained on, at least 1; of folds the fewest.
    """

    split: str
    rows: int
    train_rows: int

    def __post_init__(self) -> None:
        if not self.split.strip():
            raise ValueError("split is empty, but must name what was evaluated, such as 'test'.")
        checks.at_least("rows", self.rows, 1)
        checks.at_least("train_rows", self.train_rows, 1)

    def __str__(self) -> str:
        return f"{self.split}, {self.rows:,} rows (trained on {self.train_rows:,})"


@dataclasses.dataclass(frozen=True)
class Hardware:
    """What a result was measured on.

    Attributes:
        processor: name of the CPU.
        cores: how many the machine has.
        devices: number of JAX devices of each kind, such as `{"NVIDIA H100": 8}`.
    """

    processor: str
    cores: int
    devices: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Result:
    """The outcome of one command.

    A metric named `row/metric`, such as `SVM on raw pixels/auroc`, belongs to another row that
    the same command prints: a baseline, a remedy, a score.

    Attributes:
        question: what the experiment asks, one sentence.
        data: data set.
        sizes: the split that was evaluated and how many rows it and the training split have; None
            where no model was evaluated, as in a benchmark of speed.
        recipe: what was trained; with `data` the label of the row.
        script: path below the repository, with forward slashes.
        command: what prints these numbers, run in the repository.
        settings: that differ from the defaults, or all of them; without places of files.
        seeds: one run each; empty where nothing is random.
        metrics: by name; the order is that of publication.
        headline: names of the metrics that a short table shows; by default the first two.
        seconds: training time per seed; None where only a range or a total is known.
        hardware: what it was measured on; None for pure arithmetic.
        versions: of Python and the packages, by name.
        commit: of the code, with `-dirty` where files had been changed; None where unknown.
        date: as in 2026-01-31; None where unknown.
        origin: one of `ORIGINS`.
        note: what a reader must know to read the numbers right.
    """

    question: str
    data: str
    sizes: Sizes | None
    recipe: str
    script: str
    command: str
    settings: Mapping[str, Any]
    seeds: tuple[int, ...]
    metrics: Mapping[str, Summary]
    headline: tuple[str, ...]
    seconds: Summary | None
    hardware: Hardware | None
    versions: Mapping[str, str | None]
    commit: str | None
    date: str | None
    origin: str
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("question", "data", "recipe", "script", "command"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is empty, but must say what was run.")
        if self.script not in self.command.split():
            raise ValueError(f"command is {self.command!r}, but must run {self.script}.")
        if not self.metrics:
            raise ValueError("metrics is empty, but must hold at least one.")
        for name in self.headline:
            checks.known("headline", name, self.metrics)
        checks.known("origin", self.origin, ORIGINS)
        if self.date is not None:
            _iso_date(self.date)
        elif self.origin == "measured":
            raise ValueError("date is missing, but a measured result must have one.")

    def write(self, path: Path) -> None:
        """Write this result as JSON, whole or not at all; NaN becomes null."""
        text = json.dumps(jsonable(self), indent=2, ensure_ascii=False, allow_nan=False)
        write_whole(path, text + "\n")


def from_runs(
    values: Mapping[str, Values],
    *,
    question: str,
    data: str,
    recipe: str,
    script: str | Path,
    settings: Any,
    seeds: Sequence[int],
    seconds: Values,
    arguments: Sequence[str] | None = None,
    headline: Sequence[str] = (),
    sizes: Sizes | None = None,
    note: str = "",
) -> Result:
    """The `Result` of runs that have just ended, on this machine and with this code.

    Args:
        values: by metric, one value per seed; one value for a baseline that has no seed.
        question: see `Result`, as for `data`, `recipe`, `headline`, `sizes` and `note`.
        data: see `Result`.
        recipe: see `Result`.
        script: file of the experiment; what stands before `experiments/` is left out.
        settings: a dataclass, or a mapping; its paths are left out.
        seeds: one run each.
        seconds: training time, one per seed.
        arguments: of the command line; by default those of this process. Options that name
            places of files are left out.
        headline: see `Result`.
        sizes: see `Result`; metrics of models must have them.
        note: see `Result`.
    """
    found = record.environment()
    git = found["git"]
    path = provenance.script(script)
    return Result(
        question=question,
        data=data,
        sizes=sizes,
        recipe=recipe,
        script=path,
        command=provenance.command(path, sys.argv[1:] if arguments is None else arguments),
        settings=provenance.settings(settings),
        seeds=tuple(int(seed) for seed in seeds),
        metrics={name: summarize(per_seed) for name, per_seed in values.items()},
        headline=tuple(headline),
        seconds=summarize(seconds) if len(seconds) else None,
        hardware=Hardware(provenance.processor(), found["cpu_count"] or 1, found["devices"]),
        versions=found["versions"],
        commit=git and git["commit"] + ("-dirty" if git["dirty"] else ""),
        date=datetime.date.today().isoformat(),
        origin="measured",
        note=note,
    )


def read_result(path: Path) -> Result:
    """The result that `Result.write` wrote.

    Raises:
        ValueError: the file is not a result; the message names file, field and what is wrong.
    """
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:  # JSON's and Unicode's errors are ValueErrors too
        raise ValueError(f"{path.name}: {error}") from error


def _parsed(content: Any) -> Result:
    names = [field.name for field in dataclasses.fields(Result)]
    given = json_fields.mapping("the file", content, keys=names)
    strings = ("question", "data", "recipe", "script", "command", "origin", "note")
    parsed = {name: json_fields.string(name, given[name]) for name in strings}
    metrics = json_fields.mapping("metrics", given["metrics"])
    return Result(
        **parsed,
        sizes=_optional(_sizes, "sizes", given),
        settings=json_fields.mapping("settings", given["settings"]),
        seeds=tuple(json_fields.integer("seeds", seed) for seed in _array("seeds", given)),
        metrics={name: _summary(f"metrics[{name!r}]", metrics[name]) for name in metrics},
        headline=tuple(json_fields.string("headline", name) for name in _array("headline", given)),
        seconds=_optional(_summary, "seconds", given),
        hardware=_optional(_hardware, "hardware", given),
        versions=json_fields.mapping("versions", given["versions"]),
        commit=_optional(json_fields.string, "commit", given),
        date=_optional(json_fields.string, "date", given),
    )


def _array(name: str, given: Mapping[str, Any]) -> list[Any]:
    return json_fields.array(name, given[name])


def _optional(parse: Callable[[str, Any], Any], name: str, given: Mapping[str, Any]) -> Any:
    return None if given[name] is None else parse(name, given[name])


def _summary(name: str, content: Any) -> Summary:
    given = json_fields.mapping(name, content, keys=("mean", "deviation", "values"))
    deviation = given["deviation"]
    values = json_fields.array(f"{name}.values", given["values"])
    mean = json_fields.number_field(f"{name}.mean", given["mean"])
    if deviation is not None:
        deviation = json_fields.number_field(f"{name}.deviation", deviation)
    found = tuple(json_fields.number_field(f"{name}.values", value) for value in values)
    try:
        return Summary(mean, deviation, found)
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from error


def _sizes(name: str, content: Any) -> Sizes:
    given = json_fields.mapping(name, content, keys=("split", "rows", "train_rows"))
    split = json_fields.string(f"{name}.split", given["split"])
    counts = (json_fields.integer(f"{name}.{key}", given[key]) for key in ("rows", "train_rows"))
    try:
        return Sizes(split, *counts)
    except ValueError as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name}.{error}") from error


def _hardware(name: str, content: Any) -> Hardware:
    given = json_fields.mapping(name, content, keys=("processor", "cores", "devices"))
    devices = json_fields.mapping(f"{name}.devices", given["devices"])
    return Hardware(
        json_fields.string(f"{name}.processor", given["processor"]),
        json_fields.integer(f"{name}.cores", given["cores"]),
        {kind: json_fields.integer(f"{name}.devices", devices[kind]) for kind in devices},
    )


def _mean_and_deviation(values: Values) -> tuple[float, float | None]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def _same(stated: float | None, counted: float | None) -> bool:
    if stated is None or counted is None:  # NaN is written as null, which reads as None
        return all(value is None or math.isnan(value) for value in (stated, counted))
    if math.isnan(counted) or math.isinf(counted):
        return math.isnan(stated) or stated == counted
    return math.isclose(stated, counted, rel_tol=1e-9, abs_tol=1e-12)


def _iso_date(date: str) -> None:
    try:
        datetime.date.fromisoformat(date)
    except ValueError as error:
        raise ValueError(f"date is {date!r}, but must be written as 2026-01-31.") from error
