"""Whether probabilities come true, before and after calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from jaxmed import metrics, plots
from jaxmed.evaluation.calibration import METHODS, fit_calibration
from jaxmed.plots.png import Picture, picture
from jaxmed.report.contents import Block, Paragraph, Pictures, Section, Table, Warned
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.performance import NEEDS_ASSESSMENT
from jaxmed.report.split_rows import SplitRows

_SHOWN = "temperature"  # which keeps all decisions
_WORSE = 1e-3  # of log loss in nats
_MEASURES = {"log loss": metrics.log_loss, "Brier score": metrics.brier}


def calibration(run: RunFolder) -> Section:
    """Calibrations that are fitted on the validation split alone and measured on the test split."""
    title = "Calibration"
    validation, test = run.validation, run.test
    if validation is None or test is None:
        return Section(title, needs=NEEDS_ASSESSMENT)
    if not run.classes:
        return Section(title, needs="a question whose answer is one of several classes.")
    blocks: list[Block] = [
        Paragraph(
            "Each calibration is fitted on the validation split alone. What it does to the test "
            "split is measured here; the model itself answers as it was exported."
        )
    ]
    rows = [["as predicted", *_measured(validation, validation.answer, test, test.answer)]]
    after, worse = None, []
    for method in METHODS:
        try:
            fitted = fit_calibration(validation.truth, validation.answer, method=method)
        except ValueError as error:
            blocks.append(Paragraph(f"{method}: {error}"))
            continue
        here, there = (np.asarray(fitted.apply(split.answer)) for split in (validation, test))
        rows.append([method, *_measured(validation, here, test, there)])
        if metrics.log_loss(test.truth, there) > metrics.log_loss(test.truth, test.answer) + _WORSE:
            worse.append(method)
        if method == _SHOWN:
            after = there
    if worse:
        blocks.append(
            Warned(
                f"calibration by {', '.join(worse)} makes the log loss of the test split larger: "
                "what was learned from the validation split does not hold there."
            )
        )
    heads = (
        "Calibration",
        *(f"{split} {name}" for split in ("validation", "test") for name in _MEASURES),
    )
    blocks.append(Table("Before and after calibration; lower is better", heads, rows))
    blocks.append(Pictures(list(_diagrams(run.classes, test, after))))
    return Section(title, blocks)


def _measured(
    validation: SplitRows, here: np.ndarray, test: SplitRows, there: np.ndarray
) -> Iterator[str]:
    for split, answer in ((validation, here), (test, there)):
        for measure in _MEASURES.values():
            yield f"{measure(split.truth, answer):.4f}"


def _diagrams(
    classes: Sequence[str], test: SplitRows, after: np.ndarray | None
) -> Iterator[Picture]:
    """Reliability of the test split as predicted, and after the calibration that is shown."""
    words = (
        "how often what was predicted with a probability came true, with 95 % Wilson intervals, "
        "and how many cases stand behind each point."
    )
    for when, answer in (("As predicted", test.answer), (f"After {_SHOWN} scaling", after)):
        if answer is not None:
            figure = plots.reliability_diagram(test.truth, answer, classes)
            yield picture(figure, f"{when}, test split: {words}")
