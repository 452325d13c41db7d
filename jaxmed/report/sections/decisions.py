"""What decisions made with the model would be worth."""

from __future__ import annotations

from jaxmed.evaluation import (
    OperatingPoint,
    decision_curve_analysis,
    decision_table,
    operating_point,
    threshold_for_sensitivity,
)
from jaxmed.plots.png import picture
from jaxmed.report.contents import Block, Paragraph, Pictures, Section, Table, Warned
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.performance import needs_rows, with_interval
from jaxmed.report.split_rows import SplitRows
from jaxmed.report.stored_judge import stored_columns, stored_judge

_REQUIRED = (0.90, 0.95, 0.99)  # sensitivities
_TABLE_AT = 0.95
_RESAMPLES = 500
_OF_TWO = "classification of two classes, of which one is the positive one."


def operating_points(run: RunFolder) -> Section:
    """Thresholds that are chosen on the validation split, and how they do on the test split."""
    title = "Operating points"
    if (missing := _missing(run)) is not None:
        return Section(title, needs=missing)
    validation, test = run.validation, run.test
    assert validation is not None
    assert test is not None
    assert run.positive is not None
    blocks: list[Block] = [
        Paragraph(
            f"Each threshold is the highest one that reaches the required sensitivity for "
            f"{run.positive} on the validation split; the numbers are those of the test split, "
            "with 95 % intervals that take rows as independent."
        )
    ]
    columns: dict[str, dict[str, str]] = {}
    tables: list[Block] = []
    for required in _REQUIRED:
        try:
            chosen = threshold_for_sensitivity(
                validation.truth, validation.answer, required, positive=run.positive
            )
        except ValueError as error:
            blocks.append(Paragraph(f"Sensitivity {required:.2f}: {error}"))
            continue
        point = operating_point(test.truth, test.answer, chosen.threshold, positive=run.positive)
        columns[f"required {required:.2f}"] = _column(point)
        if point.sensitivity.high < required:
            blocks.append(
                Warned(
                    f"The threshold that reaches a sensitivity of {required:.2f} on the validation "
                    f"split reaches {point.sensitivity.value:.3f} on the test split, and its "
                    "interval lies below what was required."
                )
            )
        if required == _TABLE_AT:
            table = decision_table(point)
            caption = (
                f"Of {table.patients:,} patients at the prevalence of the test split "
                f"({table.prevalence:.3g}), at the threshold for a sensitivity of {required:.2f}"
            )
            heads = ("", run.positive, "others", "all")
            tables = [
                Table(caption, heads, table.rows()),
                Paragraph(" ".join(table.sentences())),
            ]
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    if columns:
        rows = [[name, *(column[name] for column in columns.values())] for name in names]
        caption = f"Test split, by the sensitivity required for {run.positive}"
        blocks.append(Table(caption, ("", *columns), rows))
    return Section(title, [*blocks, *tables])


def decision_curve(run: RunFolder) -> Section:
    """Net benefit over the thresholds at which one would treat."""
    title = "Decision curve"
    if (missing := _missing(run)) is not None:
        return Section(title, needs=missing)
    assert run.test is not None
    curve = decision_curve_analysis(
        stored_judge(run), stored_columns(run.test), resamples=_RESAMPLES
    )
    words = (
        f"Net benefit counts true positives and takes off false ones, weighed by the threshold: a "
        f"threshold of 0.2 says that one missed {run.positive} is as bad as four wrongly treated "
        "others. The model is of use at a threshold where its line is above both others."
    )
    shown = picture(curve.figure(), f"Net benefit of treating as {run.positive}, test split.")
    return Section(title, [Paragraph(words), Pictures([shown])])


def _missing(run: RunFolder) -> str | None:
    """What would be needed, or None where all is there."""
    if run.validation is None or run.test is None:
        return needs_rows(run)
    if run.positive is None:
        return _OF_TWO
    return _of_one_class(run.validation) or _of_one_class(run.test)


def _of_one_class(rows: SplitRows) -> str | None:
    if 0 < rows.truth.sum() < len(rows):
        return None
    return f"rows of both classes in the {rows.name} split."


def _column(point: OperatingPoint) -> dict[str, str]:
    """The numbers of a point by name; the class is said in the caption."""
    numbers = {
        name.rpartition(" (")[0].replace(", prevalence ", " at prevalence "): with_interval(
            number, interval
        )
        for name, number, interval, _ in point.rows()
    }
    return {"threshold": f"{point.threshold:.4g}", **numbers}
