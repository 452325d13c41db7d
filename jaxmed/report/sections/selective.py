"""Selective prediction: how good the model is where it may stay silent."""

from __future__ import annotations

import numpy as np

from jaxmed import metrics, plots
from jaxmed.plots.png import picture
from jaxmed.report.contents import Paragraph, Pictures, Section, Table
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.performance import NEEDS_CLASSES, needs_rows, spaced

_RETAINED = (1.0, 0.9, 0.75, 0.5)


def selective(run: RunFolder) -> Section:
    """The error rate among the rows that the model is most confident of."""
    title = "Selective prediction"
    test = run.test
    if test is None:
        return Section(title, needs=needs_rows(run))
    if not run.classes:
        return Section(title, needs=NEEDS_CLASSES)
    confidences = {"probability of the answer": test.confidence}
    confidences |= {spaced(name): -column for name, column in test.uncertainty.items()}
    curves = {}
    rows = []
    for name, confidence in confidences.items():
        found = metrics.risk_coverage(test.truth, test.decisions, confidence=confidence)
        curves[name] = (np.asarray(found.coverage), np.asarray(found.risk))
        errors = [
            metrics.error_of_retained(test.truth, test.decisions, retained=r, confidence=confidence)
            for r in _RETAINED
        ]
        rows.append([name, *(f"{error:.1%}" for error in errors)])
    words = (
        "The model answers the rows that it is most confident of and leaves the others to a "
        "person. A useful confidence makes the error rate fall as fewer rows are answered."
    )
    caption = "Error rate of the answered rows against their share, test split."
    shown = picture(plots.risk_coverage_curves(curves), caption)
    heads = ("Confidence", *(f"{share:.0%} answered" for share in _RETAINED))
    table = Table("Error rate where that share of the test split is answered", heads, rows)
    return Section(title, [Paragraph(words), Pictures([shown]), table])
