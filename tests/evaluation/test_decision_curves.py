"""The decision curve of an evaluation against net benefit and the bootstrap of its parts."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.references import BINARY, agree
from plots.figures import words

from jaxmed import metrics
from jaxmed.evaluation import decision_curve_analysis
from jaxmed.tasks import Judge, class_judges

LABEL, PROBABILITIES = BINARY[0]
JUDGE = class_judges.of_classes(["healthy", "ill"])
TABLE = {"label": LABEL, "probabilities": PROBABILITIES}
CURVE = decision_curve_analysis(JUDGE, TABLE, [0.6, 0.1, 0.3], resamples=60)


def test_values_and_intervals_are_those_of_net_benefit():
    assert CURVE.thresholds.tolist() == [0.1, 0.3, 0.6]
    value = metrics.net_benefit(LABEL, PROBABILITIES, CURVE.thresholds)
    agree([each.value for each in CURVE.model], value.model)
    agree(CURVE.treat_all, value.treat_all)
    agree([each.value for each in CURVE.gain], value.model - np.maximum(value.treat_all, 0))
    weights = metrics.bootstrap_weights(len(LABEL), resamples=60, seed=0)
    drawn = metrics.net_benefit(LABEL, PROBABILITIES, CURVE.thresholds, weights)
    gain = drawn.model - np.maximum(drawn.treat_all, 0)
    for found, expected in ((CURVE.model, drawn.model), (CURVE.gain, gain)):
        ends = np.quantile(expected, [0.025, 0.975], axis=0).T
        agree([(each.low, each.high) for each in found], ends)


def test_patients_are_resampled_as_a_whole():
    group = np.arange(len(LABEL)) // 3
    found = decision_curve_analysis(JUDGE, {**TABLE, "group": group}, [0.3], resamples=60)
    weights = metrics.bootstrap_weights(len(LABEL), resamples=60, seed=0, group=group)
    drawn = metrics.net_benefit(LABEL, PROBABILITIES, [0.3], weights).model[:, 0]
    agree(found.model[0][1:], np.quantile(drawn, [0.025, 0.975]))


def test_it_prints_some_of_many_thresholds_and_names_the_class():
    lines = str(decision_curve_analysis(JUDGE, TABLE, resamples=2)).splitlines()
    assert lines[0] == "Net benefit of treating as ill, and gain over treating all or none"
    assert [line.split()[0] for line in lines[2:]][::8] == ["0.01", "0.99"]
    assert len(lines) == 11


def test_its_figure_names_the_class_and_the_level():
    curve = decision_curve_analysis(JUDGE, TABLE, [0.1, 0.5], resamples=20, level=0.9)
    figure = curve.figure("CNN")
    assert "treat all as ill" in words(figure)
    assert "its 90 % interval" in words(figure)
    assert "CNN" in words(figure)


def test_a_task_of_other_kinds_is_refused():
    with pytest.raises(ValueError, match="judge has no positive class"):
        decision_curve_analysis(Judge(), TABLE)
    with pytest.raises(ValueError, match="must hold both classes"):
        decision_curve_analysis(JUDGE, {**TABLE, "label": np.ones_like(LABEL)})
