"""The sections of the page, in order: each reads the run's folder and says what it finds there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxmed.report.contents import Section
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.about import data, purpose, settings_and_environment
from jaxmed.report.sections.calibration import calibration
from jaxmed.report.sections.conformal import conformal_coverage
from jaxmed.report.sections.decisions import decision_curve, operating_points
from jaxmed.report.sections.given import faithfulness, out_of_distribution
from jaxmed.report.sections.mistakes import mistakes
from jaxmed.report.sections.performance import curves, metrics
from jaxmed.report.sections.selective import selective
from jaxmed.report.sections.subgroups import subgroups
from jaxmed.report.sections.training import training

SECTIONS: Sequence[Callable[[RunFolder], Section]] = (
    purpose,
    data,
    metrics,
    curves,
    calibration,
    operating_points,
    decision_curve,
    subgroups,
    conformal_coverage,
    selective,
    mistakes,
    faithfulness,
    out_of_distribution,
    training,
    settings_and_environment,
)
