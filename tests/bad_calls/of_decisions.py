"""Decisions at a threshold, net benefit, subgroups: what a clinic asks of predictions."""

from __future__ import annotations

import numpy as np
from bad_calls.call import Call, call
from bad_calls.kinds import (
    COLUMNS,
    COUNT,
    COUNT_FROM_0,
    COUNT_FROM_2,
    FLAG,
    FRACTION,
    INSIDE,
    OBJECT,
    POSITIVE,
    TEXT,
    TEXTS,
    Kind,
    array,
    word,
)
from bad_calls.of_numbers import probabilities_2, weights
from bad_calls.of_results import closed

from jaxmed import evaluation, metrics, plots
from jaxmed.evaluation.evaluate import judged
from jaxmed.tasks import class_judges

TWO = np.array([0, 1, 1, 0])
POINT = evaluation.OperatingPoint(0.5, "ill", 3, 1, 2, 4)
JUDGE = class_judges.of_classes(["healthy", "ill"])
_rng = np.random.default_rng(0)
_score = _rng.random(40)
_label = (np.arange(40) % 2).astype(np.int32)
TABLE = {"id": np.arange(40), "label": _label, "probabilities": np.stack([1 - _score, _score], 1)}
EVALUATION = judged(JUDGE, TABLE, resamples=4)

label = (TWO, array(1, more=[[0, 1], [0, 1, 2, 1], [0.5, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]]))
either_label = (TWO, array(1, more=[[0, 1], [0, 1, 2, 1], [0.5, 1, 1, 0]]))
of_two = {"label": label, "probabilities": probabilities_2}
many = {
    "label": (_label, array(1, more=[_label[:3], _label + 2, np.zeros(40)])),
    "probabilities": (TABLE["probabilities"], array(2, more=[np.full((40, 2), np.nan)])),
}
options = {
    "positive": ("ill", TEXT),
    "level": (0.9, INSIDE),
    "method": ("wilson", word("wilson", "exact")),
    "prevalence": (0.1, INSIDE.optional()),
}
thresholds = ([0.25, 0.5], array(1, more=[[0.0, 0.5], [0.5, 1.0], [0.5, np.nan]]))
drawn = {"resamples": (4, COUNT), "level": (0.9, INSIDE), "seed": (0, COUNT_FROM_0)}
judge = (JUDGE, OBJECT)
table = (TABLE, COLUMNS)
_no_mapping = [value for value in OBJECT.bad if not isinstance(value, dict)]
group = np.arange(40) % 4 < 2

CALLS: dict[str, Call] = {
    "metrics.net_benefit": call(
        metrics.net_benefit,
        label=either_label,
        probabilities=probabilities_2,
        thresholds=thresholds,
        weights=weights,
    ),
    "metrics.likelihood_ratios": call(
        metrics.likelihood_ratios, **of_two, threshold=(0.5, FRACTION), level=(0.9, INSIDE)
    ),
    "metrics.likelihood_ratios_of_counts": call(
        metrics.likelihood_ratios_of_counts,
        true_positives=(3, COUNT_FROM_0),
        false_positives=(1, COUNT_FROM_0),
        false_negatives=(2, COUNT_FROM_0),
        true_negatives=(4, COUNT_FROM_0),
        level=(0.9, INSIDE),
    ),
    "metrics.proportion_interval": call(
        metrics.proportion_interval,
        {"total": "total|count"},
        count=(3, COUNT_FROM_0.also(5)),
        total=(4, COUNT_FROM_0.also(2)),
        level=(0.9, INSIDE),
        method=("wilson", word("wilson", "exact")),
    ),
    "metrics.holm": call(
        metrics.holm, p_values=([0.5, 0.01], array(1, empty=True, more=[[0.5, 1.5], [-0.1, 1]]))
    ),
    "metrics.delong_test_unpaired": call(
        metrics.delong_test_unpaired,
        {"first": "first|first_label", "second": "second|second_label"},
        first_label=label,
        first=probabilities_2,
        second_label=label,
        second=probabilities_2,
    ),
    "evaluation.operating_point": call(
        evaluation.operating_point, **of_two, threshold=(0.5, FRACTION), **options
    ),
    "evaluation.threshold_for_sensitivity": call(
        evaluation.threshold_for_sensitivity,
        **many,
        sensitivity=(0.75, INSIDE.also(0.9999)),
        established=(False, FLAG),
        **options,
    ),
    "evaluation.threshold_for_specificity": call(
        evaluation.threshold_for_specificity,
        **many,
        specificity=(0.75, INSIDE.also(0.9999)),
        established=(False, FLAG),
        **options,
    ),
    "evaluation.decision_table": call(
        evaluation.decision_table,
        point=(POINT, OBJECT),
        prevalence=(0.1, INSIDE.optional()),
        patients=(1000, COUNT),
    ),
    "evaluation.decision_curve_analysis": call(
        evaluation.decision_curve_analysis,
        judge=judge,
        table=table,
        thresholds=(thresholds[0], Kind([x for x in thresholds[1].bad if x is not None])),
        **drawn,
    ),
    "evaluation.by_subgroup": call(
        evaluation.by_subgroup,
        judge=judge,
        table=table,
        subgroup=(group, Kind([*_no_mapping, {}, {"a": [1, 2]}, np.arange(40), np.zeros(40)])),
        statistics=(("brier",), TEXTS.also(["brierr"], []).optional()),
        least=(10, COUNT_FROM_2),
        **drawn,
    ),
    "evaluation.precision_notes": call(
        evaluation.precision_notes,
        evaluation=(EVALUATION, OBJECT),
        half_width=(0.05, POSITIVE),
        required=(
            {"auroc": 0.9},
            Kind([*(x for x in _no_mapping if x is not None), {"auc": 0.9}, {"auroc": "high"}]),
        ),
    ),
    "plots.decision_curve": call(
        closed(plots.decision_curve),
        thresholds=([0.25, 0.5], array(1, more=[[0.5, 0.25], [0.0, 0.5], [0.5, 1]])),
        net_benefit=(
            {"a": np.zeros(2)},
            Kind([*_no_mapping, {}, {"a": np.zeros(3)}, {"a": None}, {1: np.zeros(2)}]),
        ),
        treat_all=([0.1, 0.2], array(1, more=[[0.1], [0.1, np.nan]])),
        positive=("ill", TEXT),
        band=(
            (np.zeros(2), np.ones(2)),
            Kind([*(x for x in OBJECT.bad if x is not None), (np.zeros(2),), (np.zeros(3),) * 2]),
        ),
        level=(0.9, INSIDE),
    ),
}
