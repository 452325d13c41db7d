"""Whether probabilities come true, before and after calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxmed import metrics, plots
from jaxmed.evaluation.calibration import METHODS, fit_calibration
from jaxmed.plots.png import Picture, picture
from jaxmed.report.contents import Block, Paragraph, Pictures, Section, Table, Warned
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.performance import NEEDS_CLASSES, needs_rows
from jaxmed.report.split_rows import SplitRows

_SHOWN = "temperature"  # which keeps all decisions
_WORSE = 1e-3  # of log loss in nats
_MEASURES = {
    "log loss": metrics.log_loss,
    "Brier score": metrics.brier,
    "ECE of the top class": metrics.ece_top_class,
}


def calibration(run: RunFolder) -> Section:
    """Calibrations that are fitted on the validation split alone and measured on the test split."""
    title = "Calibration"
    validation, test = run.validation, run.test
    if validation is None or test is None:
        return Section(title, needs=needs_rows(run))
    if not run.classes:
        return Section(title, needs=NEEDS_CLASSES)
    blocks: list[Block] = [
        Paragraph(
            "Each calibration is fitted on the validation split alone. What it does to the test "
            "split is measured here; the model itself answers as it was exported."
        )
    ]
    measures = dict(_MEASURES)
    if run.positive is not None:
        measures[f"ECE of {run.positive}"] = metrics.ece_positive
    rows = [["as predicted", *_measured(measures, test, test.answer)]]
    after, worse, fits = None, [], []
    for method in METHODS:
        try:
            fitted = fit_calibration(validation.truth, validation.answer, method=method)
        except ValueError as error:
            blocks.append(Paragraph(f"{method}: {error}"))
            continue
        there = np.asarray(fitted.apply(test.answer))
        rows.append([method, *_measured(measures, test, there)])
        fits.append([method, f"{fitted.before:.4f}", f"{fitted.after:.4f}"])
        if metrics.log_loss(test.truth, there) > metrics.log_loss(test.truth, test.answer) + _WORSE:
            worse.append(method)
        if method == _SHOWN:
            after = there
    if worse:
        blocks.append(
            Warned(
                f"Calibration by {', '.join(worse)} makes the log loss of the test split larger: "
                "what was learned from the validation split does not hold there."
            )
        )
    caption = "Test split, before and after calibration; lower is better"
    blocks.append(Table(caption, ("Calibration", *measures), rows))
    caption = "Log loss of the validation split, on which the calibrations were fitted"
    blocks.append(Table(caption, ("Calibration", "before", "after"), fits))
    blocks.append(Pictures(list(_diagrams(run.classes, test, after))))
    return Section(title, blocks)


def _measured(
    measures: Mapping[str, Callable[..., Any]], test: SplitRows, answer: np.ndarray
) -> list[str]:
    return [f"{measure(test.truth, answer):.4f}" for measure in measures.values()]


def _diagrams(
    classes: Sequence[str], test: SplitRows, after: np.ndarray | None
) -> Iterator[Picture]:
    """Reliability of the test split as predicted, and beside it after calibration."""
    words = (
        "how often what was predicted with a probability came true, with 95 % Wilson intervals, "
        "and how many cases stand behind each point."
    )
    figure = plots.reliability_diagram(test.truth, test.answer, classes)
    yield picture(figure, f"As predicted, test split: {words}")
    if after is not None:
        figure = plots.reliability_diagram(test.truth, after, classes, before=test.answer)
        yield picture(figure, f"After {_SHOWN} scaling, test split, beside what was predicted.")
