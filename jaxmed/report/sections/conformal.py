"""Conformal sets: how often they hold the truth, and how large they are."""

from __future__ import annotations

import math

from jaxmed.evaluation import ConformalReport, conformal_report, exchangeability_test, fit_sets
from jaxmed.evaluation.tables import interval_text
from jaxmed.metrics import Interval
from jaxmed.report.contents import Block, Paragraph, Section, Table, Warned
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.performance import NEEDS_CLASSES, needs_rows, with_interval

_LEVELS = (0.90, 0.95)
_METHODS = {
    "threshold": ("threshold", None),
    "APS, randomized": ("aps", None),
    "RAPS, randomized": ("raps", None),
    "threshold by class": ("threshold", "class"),
}
"""Names on the page: method, and what has a threshold of its own."""


def conformal_coverage(run: RunFolder) -> Section:
    """Sets that are calibrated on the validation split and counted on the test split."""
    title = "Conformal sets"
    validation, test = run.validation, run.test
    if validation is None or test is None:
        return Section(title, needs=needs_rows(run))
    if not run.classes:
        return Section(title, needs=NEEDS_CLASSES)
    blocks: list[Block] = [
        Paragraph(
            "A conformal set names all classes that are still possible. If the patients are like "
            "those of the validation split (exchangeable with them), it holds the true class as "
            "often as asked. Nothing is guaranteed for other patients, nor for one patient. Sets "
            "are calibrated on the validation split; what follows is counted on the test split. "
            "Intervals of coverage take rows as independent: several rows of one patient make them "
            "too narrow."
        )
    ]
    found = exchangeability_test(
        validation.answer,
        test.answer,
        validation.truth,
        test.truth,
        calibration_groups=validation.groups,
        new_groups=test.groups,
        classes=run.classes,
    )
    if found.warning is not None:
        blocks.append(Warned(found.warning))
    else:
        blocks.append(
            Paragraph(
                "Tests that the two splits look alike (scores and frequency of classes) give p = "
                f"{found.p_value:.2g} for all together, which is no proof that they do."
            )
        )
    for level in _LEVELS:
        rows = []
        for name, (method, by) in _METHODS.items():
            try:
                fitted = fit_sets(
                    validation.truth,
                    validation.answer,
                    level=level,
                    method=method,
                    by=by,
                    seed=None if method == "threshold" else 0,
                )
            except ValueError as error:
                blocks.append(Paragraph(f"{name}, {level:.0%}: {error}"))
                continue
            sets = fitted.sets(test.answer)
            rows.append([name, *_counted(conformal_report(test.truth, sets, run.classes))])
        heads = ("Sets", "Coverage", *(f"of {name}" for name in run.classes))
        heads = (*heads, "Mean size", "Empty", "One class")
        if rows:
            blocks.append(Table(f"Asked coverage {level:.0%}, test split", heads, rows))
    return Section(title, blocks)


def _counted(found: ConformalReport) -> list[str]:
    return [
        *(_share(each) for each in (found.coverage, *found.by_class.values())),
        f"{found.mean_size:.2f}",
        f"{found.sizes[0]:.1%}",
        f"{found.sizes[1]:.1%}",
    ]


def _share(covered: Interval) -> str:
    if math.isnan(covered.value):  # of a class without rows
        return ""
    return with_interval(f"{covered.value:.3f}", interval_text(covered))
