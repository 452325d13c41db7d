"""Decision curve analysis of predictions: net benefit with intervals, as table and figure."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.decisions import two_classes_of
from jaxmed.evaluation.tables import aligned_table, interval_text, metric_text
from jaxmed.metrics.arguments import check_both_classes, positives_and_score
from jaxmed.metrics.bootstrap import Interval, check_bootstrap, percentiles, resampled
from jaxmed.metrics.net_benefit import checked_thresholds, net_benefit
from jaxmed.plots.style import Figure
from jaxmed.tasks import Judge
from jaxmed.typing import Columns

_THRESHOLDS = tuple(number / 100 for number in range(1, 100))
_SHOWN = 9


@dataclasses.dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at each threshold. It prints as a table.

    Attributes:
        positive: the name of the positive class, which would be treated.
        thresholds: [thresholds], ascending.
        model: net benefit of the model with its interval, one per threshold.
        treat_all: of treating everyone [thresholds]; that of treating no one is 0.
        gain: of the model over the better of treating all and none, with its interval.
        level: nominal coverage of the intervals.
    """

    positive: str
    thresholds: np.ndarray
    model: Sequence[Interval]
    treat_all: np.ndarray
    gain: Sequence[Interval]
    level: float

    def rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """Threshold, net benefit with interval, that of treating all, and gain with interval."""
        return [
            (
                f"{threshold:.3g}",
                metric_text(model.value),
                interval_text(model),
                metric_text(float(treat_all)),
                metric_text(gain.value),
                interval_text(gain),
            )
            for threshold, model, treat_all, gain in zip(
                self.thresholds, self.model, self.treat_all, self.gain, strict=True
            )
        ]

    def figure(self, name: str = "model") -> Figure:
        """The curve with the interval of the model; it can be read without color.

        Args:
            name: of the model in the legend.
        """
        from jaxmed import plots

        ends = np.array([(each.low, each.high) for each in self.model]).T
        band = (ends[0], ends[1]) if np.isfinite(ends).all() else None
        values = np.array([each.value for each in self.model])
        return plots.decision_curve(
            self.thresholds, {name: values}, self.treat_all,
            positive=self.positive, band=band, level=self.level,
        )  # fmt: skip

    def __str__(self) -> str:
        heads = ("threshold", "model", "", "treat all", "gain", "")
        title = f"Net benefit of treating as {self.positive}, and gain over treating all or none"
        rows = self.rows()
        # Of many thresholds, as many as one reads.
        picked = np.unique(
            np.linspace(0, len(rows) - 1, min(len(rows), _SHOWN)).round().astype(int)
        )
        return aligned_table(title, [rows[i] for i in picked], heads, numbers=(0, 1, 3, 4))


def decision_curve_analysis(
    judge: Judge,
    table: Columns,
    thresholds: np.ndarray | Sequence[float] | None = None,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> DecisionCurve:
    """Net benefit of the predictions of an `Evaluation`, with intervals by patient.

    Args:
        judge: of the task, `Evaluation.judge`; of two classes.
        table: one row per unit, `Evaluation.predictions`; its `group` is what is resampled.
        thresholds: [thresholds], in (0, 1); by default 0.01 to 0.99.
        resamples: of the bootstrap.
        level: of the intervals, in (0, 1).
        seed: of the bootstrap.

    Returns:
        The curve, with the gain over the better of treating all and treating none.

    Raises:
        ValueError: if the judge has no positive class, or an argument lies outside its range.

    References:
        Vickers and Elkin, 2006; Vickers et al., Extensions to decision curve analysis, 2008
        (intervals by the bootstrap).
    """
    classes, positive = two_classes_of(judge)
    check_bootstrap(resamples, seed, level)
    checks.named_columns("table", table)
    given = np.sort(checked_thresholds(_THRESHOLDS if thresholds is None else thresholds))
    truth, probability = classes.truth(table), classes.probabilities(table)
    check_both_classes(positives_and_score(truth, probability)[0])

    def of(table: Columns, weights: np.ndarray | None) -> np.ndarray:
        found = net_benefit(classes.truth(table), classes.probabilities(table), given, weights)
        return np.stack([found.model, found.model - np.maximum(found.treat_all, 0)], axis=-1)

    value = of(table, None)
    found = resampled(
        {"curve": of}, table, group=table.get("group"), resamples=resamples, seed=seed
    )["curve"]
    model, gain = (
        [
            Interval(float(value[i, kind]), *percentiles(found[:, i, kind], level))
            for i in range(len(given))
        ]
        for kind in (0, 1)
    )
    treat_all = net_benefit(truth, probability, given).treat_all
    return DecisionCurve(positive, given, model, treat_all, gain, float(level))
