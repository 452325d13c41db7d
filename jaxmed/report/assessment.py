"""What the page needs of a model and its data, written once into the folder of a run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation import Evaluation, evaluate
from jaxmed.files import replace_folder
from jaxmed.metrics.bootstrap import check_bootstrap
from jaxmed.plots.png import picture
from jaxmed.report.cases import case_overlays, worst_cases
from jaxmed.report.facts import DataFacts, Purpose
from jaxmed.report.folder import ASSESSMENT, CASES, FIGURES, METRICS, MISTAKES, QUESTION, TABLES
from jaxmed.report.mistakes import Attribution, Reader, wrong_rows
from jaxmed.report.model_rows import rows_of
from jaxmed.report.split_rows import SplitRows, csv_text
from jaxmed.runs import manifest
from jaxmed.runs.plain import jsonable
from jaxmed.tasks import Model
from jaxmed.typing import Columns

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Numbers = Mapping[str, Mapping[str, float]]
"""Row -> column -> number."""


def assess(
    model: Model,
    directory: str | Path,
    *,
    validation: Columns | Source,
    test: Columns | Source,
    purpose: Purpose | None = None,
    data: DataFacts | None = None,
    subgroups: Sequence[str] = (),
    uncertainty: Sequence[str] = (),
    attribution: Attribution | None = None,
    tokenizer: Tokenizer | None = None,
    faithfulness: Numbers | None = None,
    out_of_distribution: Numbers | None = None,
    mistakes: int = 6,
    trained_on: int | None = None,
    batch_size: int = 512,
    resamples: int = 2000,
    seed: int = 0,
) -> Path:
    """Write `assessment/` into the folder of a run, as a whole or not at all.

    It holds the predictions of both splits, metrics with intervals, figures, and what is given
    here: all that `jaxmed report` needs, so that the page can be made when code and data are gone.
    Calibration, thresholds and sets are fitted by the page, on the validation rows alone. A
    manifest of the run is compared first and renewed at the end.

    The folder holds ids, subgroups and the inputs of some test rows: share it only where those may
    be shared.

    Args:
        model: trained, with all that will be used: of a model with a threshold, that one.
        directory: of the run; made where it is missing.
        validation: columns or a source that the model was not trained on.
        test: columns or a source that nothing was chosen with.
        purpose: what the model is for, in the authors' words.
        data: where the data comes from; `data_facts(name)` knows those of the catalogue.
        subgroups: columns of the data with a word or a whole number per row, such as "sex".
        uncertainty: outputs of the model with one number per row, such as "mutual_information".
        attribution: `(model, rows) -> numbers` [rows, ...] of the shape of what the model reads,
            positive for the answer; explains the mistakes.
        tokenizer: of the texts of the model, to show them.
        faithfulness: by method of explanation, and "random" for a random one, its numbers by name.
        out_of_distribution: by set of data, its numbers by name, such as AUROC.
        mistakes: rows to show at most, with their input; of a segmentation, the worst cases.
        trained_on: rows that the model was trained on, `Fit.rows`.
        batch_size: rows at a time; changes memory, never a number.
        resamples: of the intervals.
        seed: of the bootstrap.

    Returns:
        The folder `assessment`.

    Raises:
        ValueError: if an argument is of another kind, a column or an output is not there or has
            another shape, or the run is not as its manifest says.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    run = checks.path("directory", directory)
    for name, columns in (("validation", validation), ("test", test)):
        if batches.count_of(batches.opened(columns, name)) == 0:
            raise ValueError(f"{name} is empty: give it at least one example.")
    for name, value, kind in (("purpose", purpose, Purpose), ("data", data, DataFacts)):
        if value is not None:
            checks.made_by(name, value, kind, f"a report.{kind.__name__}, or None")
    if attribution is not None:
        checks.function("attribution", attribution, "(model, rows)")
    subgroups = checks.strings("subgroups", subgroups)
    uncertainty = checks.strings("uncertainty", uncertainty)
    most = checks.whole("mistakes", mistakes, least=0, most=1000)
    if trained_on is not None:
        trained_on = checks.whole("trained_on", trained_on)
    check_bootstrap(resamples, seed, 0.95)
    tables = {
        name: _numbers(name, given)
        for name, given in zip(TABLES, (faithfulness, out_of_distribution), strict=True)
    }

    files: dict[str, bytes] = {f"{name}.json": _json(rows) for name, rows in tables.items() if rows}
    splits: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    classes = model.task.judge.classes
    names = [] if classes is None else list(classes.names)
    for name, columns in (("validation", validation), ("test", test)):
        found = evaluate(
            model, columns, batch_size=batch_size, resamples=resamples, seed=seed, split=name
        )
        metrics[name] = _measured(found)
        splits[name] = {"rows": len(found.predictions["id"]), "groups": found.groups}
        rows = rows_of(model, columns, name, subgroups, uncertainty, batch_size)
        if rows is not None:
            files[f"{name}.csv"] = csv_text(rows, names).encode()
    figures = [*case_overlays(model, test, found.predictions, batch_size), *_figures(found)]
    drawn = {name: picture(figure, words) for name, figure, words in figures}
    files |= {f"figure_{name}.png": shown.content for name, shown in drawn.items()}
    files[FIGURES] = _json(
        {
            name: {key: value for key, value in vars(shown).items() if key != "content"}
            for name, shown in drawn.items()
        }
    )
    if rows is not None:
        feature_names = getattr(test, "feature_names", ())
        reader = Reader(model, test, attribution, tokenizer, feature_names)
        worst, pictures = _mistakes(rows, names, reader, most)
        files |= {MISTAKES: _json(worst), **pictures}
    if cases := worst_cases(found.judge.regions, found.predictions, most):
        files[CASES] = _json(cases)
    files[METRICS] = _json(metrics)
    files[QUESTION] = _json(
        {
            "classes": names or None,
            "purpose": None if purpose is None else dataclasses.asdict(purpose),
            "data": None if data is None else dataclasses.asdict(data),
            "splits": splits,
            "trained_on": trained_on,
        }
    )
    files[manifest.MANIFEST] = manifest.manifest_of(files)
    run.mkdir(parents=True, exist_ok=True)
    with manifest.renewed(run):
        replace_folder(run / ASSESSMENT, files, check=manifest.verify_files)
    return run / ASSESSMENT


def _figures(evaluation: Evaluation) -> Any:
    return evaluation.judge.figures(evaluation.predictions)


def _measured(evaluation: Evaluation) -> dict[str, Any]:
    judge, table = evaluation.judge, evaluation.predictions
    return {
        "metrics": {name: list(each) for name, each in evaluation.metrics.items()},
        "subjects": dict(judge.subjects),
        "notes": list(judge.notes(table)),
        "summary": [list(row) for row in judge.summary(table)],
    }


def _mistakes(
    rows: SplitRows, classes: Sequence[str], reader: Reader, most: int
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    numbers = wrong_rows(rows, most)
    said = []
    for row in numbers:
        truth, answer = rows.truth[row], rows.answer[row]
        if rows.chosen is not None:
            chosen = rows.chosen[row]
            words = (classes[truth], classes[chosen], f"{answer[chosen]:.3f}")
        else:
            words = (f"{truth:.4g}", f"{answer:.4g}", "")
        said.append(dict(zip(("truth", "answer", "probability"), words, strict=True)))
    inputs, files = reader.shown(numbers, [each["answer"] for each in said])
    found = [
        {"id": str(rows.ids[row]), **words, **shown}
        for row, words, shown in zip(numbers, said, inputs, strict=True)
    ]
    return found, files


def _numbers(name: str, given: Numbers | None) -> dict[str, dict[str, float]]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(row, Mapping) and all(isinstance(key, str) for key in (line, *row))
        for line, row in given.items()
    ):
        raise ValueError(
            f"{name} is {checks.shown(given)}, but must map names to numbers by name: pass a dict "
            "of dicts."
        )
    for line, row in given.items():
        for column, value in row.items():
            checks.finite(f"{name}[{line!r}][{column!r}]", value)
    return {line: {key: float(value) for key, value in row.items()} for line, row in given.items()}


def _json(content: Any) -> bytes:
    text = json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
