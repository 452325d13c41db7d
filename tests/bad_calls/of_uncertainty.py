"""Uncertainty: entropies, selective prediction, and what makes a model give them."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import FRACTION, Kind, array
from bad_calls.of_numbers import CLASSES, P3, label, probabilities
from bad_calls.of_results import closed, outputs

from jaxmed import metrics, plots

MEMBERS = np.stack([P3, P3[::-1]])
_no_sums = [P3 / 2, P3 * 2, P3 - 1, P3 * np.nan]
_curve = metrics.risk_coverage(CLASSES, P3)
selective = {
    "label": label,
    "probabilities": probabilities,
    "confidence": (np.arange(4.0), array(1, more=[np.zeros(3), np.full(4, np.nan)]).optional()),
}
retained = (0.5, FRACTION.also(0, 0.0))
CALLS: dict[str, Call] = {
    "metrics.predictive_entropy": call(
        metrics.predictive_entropy, probabilities=(P3, array(2, more=_no_sums))
    ),
    "metrics.mutual_information": call(
        metrics.mutual_information,
        probabilities=(MEMBERS, array(3, more=[MEMBERS / 2, MEMBERS - 1, MEMBERS * np.nan])),
    ),
    "metrics.risk_coverage": call(metrics.risk_coverage, **selective),
    "metrics.aurc": call(metrics.aurc, **selective),
    "metrics.error_of_retained": call(metrics.error_of_retained, **selective, retained=retained),
    "metrics.auroc_of_retained": call(metrics.auroc_of_retained, **selective, retained=retained),
    "plots.risk_coverage_curves": call(
        closed(plots.risk_coverage_curves),
        curves=({"a": tuple(_curve)}, Kind([*outputs.bad, {"a": 1}, {"a": (1, 2)}])),
    ),
}
